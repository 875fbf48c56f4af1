//! An anycast address that two routers announce to a third.
//!
//! Where the neighbour hears of the end (a closed session, a withdrawal, a dark link), nothing is lost. Where it does not, BFD notices
//! after 2 to 3 of its intervals, and BGP alone after its hold time, less what of it had passed since the last message: a third.

use super::{Case, Effect, hold, standard};

const ADDRESS: &str = "icmp: {host: 192.0.2.1}, interval: 10ms";
const WEB: &str = "http: {url: 'http://192.0.2.1:81/'}, interval: 20ms";

fn case(fault: &'static str, probe: &'static str, effect: Effect) -> Case {
    Case { fault, probe, effect }
}

#[test]
fn an_anycast_address_moves_at_once_with_bfd() {
    let unnoticed = |fault| case(fault, ADDRESS, Effect::Nothing);
    hold(
        &["bgp", "bfd=50"],
        &[
            unnoticed("bgp-kill"),
            unnoticed("bgp-stop"),
            unnoticed("bgp-freeze"),
            case("bgp-withdraw", WEB, Effect::Nothing),
            unnoticed("bgp-link"),
            case("bgp-drop", ADDRESS, Effect::Away(0.1, 0.15)),
        ],
    );
}

#[test]
fn without_bfd_packets_that_are_dropped_last_for_the_hold_time() {
    let hold_time = if standard() { 9.0 } else { 3.0 };
    hold(
        &["bgp", "bfd=0", &format!("hold={hold_time}")],
        &[
            case("bgp-kill", ADDRESS, Effect::Nothing),
            case("bgp-link", ADDRESS, Effect::Nothing),
            case("bgp-drop", ADDRESS, Effect::Away(hold_time * 2.0 / 3.0, hold_time)),
        ],
    );
}
