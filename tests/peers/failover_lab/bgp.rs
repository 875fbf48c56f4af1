//! An anycast address that two routers announce to a third.
//!
//! Where the neighbour hears of the end (a closed session, a withdrawal, a dark link), nothing is lost. Where it does not, BFD notices
//! after 2 to 3 of its intervals, and BGP alone after its hold time, less what of it had passed since the last message: a third.

use super::{Case, Effect, Sessions, hold, standard};

/// Port 81 names the router that answers, port 7 is its echo.
const ADDRESS: &[&str] = &[
    "who: {http: {url: 'http://192.0.2.1:81/'}, identity: body, interval: 20ms",
    "session: {tcp: {host: 192.0.2.1, port: 7}, connection: keep, interval: 20ms",
    "address: {icmp: {host: 192.0.2.1}, interval: 10ms",
];
const STAYS: Case = Case {
    fault: "",
    built_in: None,
    streams: ADDRESS,
    effect: Effect::Nothing,
    own: &["r1"],
    spare: &["r2"],
    sessions: Sessions::Lost,
};

#[test]
fn an_anycast_address_moves_at_once_with_bfd() {
    hold(
        &["bgp", "bfd=50"],
        &[
            Case { fault: "bgp-kill", ..STAYS },
            Case { fault: "bgp-stop", ..STAYS },
            Case { fault: "bgp-freeze", built_in: Some("process: {pid_file: /run/LAB/r1.bird.pid}"), ..STAYS },
            Case { fault: "bgp-withdraw", ..STAYS },
            Case { fault: "bgp-link", effect: Effect::Moment, ..STAYS },
            Case {
                fault: "bgp-drop",
                built_in: Some("drop: {device: e0, netns: LAB-r1}"),
                effect: Effect::Away(0.1, 0.15),
                ..STAYS
            },
        ],
    );
}

#[test]
fn without_bfd_packets_that_are_dropped_last_for_the_hold_time() {
    let hold_time = if standard() { 9.0 } else { 3.0 };
    hold(
        &["bgp", "bfd=0", &format!("hold={hold_time}")],
        &[
            Case { fault: "bgp-kill", ..STAYS },
            Case { fault: "bgp-link", effect: Effect::Moment, ..STAYS },
            Case { fault: "bgp-drop", effect: Effect::Away(hold_time * 2.0 / 3.0, hold_time), ..STAYS },
        ],
    );
}
