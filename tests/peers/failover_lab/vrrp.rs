//! A virtual address between two balancers.
//!
//! The spare takes over once it has heard nothing for 3 advertisements and a skew of (256 - priority) / 256 of one: 3.41 with its
//! priority of 150. The last advertisement was sent up to one before the fault, so the address is away for 2.41 to 3.41 of them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use super::{Case, Effect, Lab, hold, standard};

const ADDRESS: &str = "icmp: {host: 10.88.0.100}, interval: 10ms";
const WEB: &str = "http: {url: 'http://10.88.0.100/'}, interval: 20ms";
/// Part of an advertisement by which the priority of the spare delays it.
const SKEW: f64 = 106.0 / 256.0;

/// Seconds between advertisements.
fn advert() -> f64 {
    if standard() { 1.0 } else { 0.1 }
}

fn silence() -> Effect {
    Effect::Away(advert() * (2.0 + SKEW), advert() * (3.0 + SKEW))
}

fn words() -> [String; 2] {
    ["vrrp".to_owned(), format!("advert={}", advert())]
}

#[test]
fn an_address_moves_as_its_timers_say() {
    let address = |fault, effect| Case { fault, probe: ADDRESS, effect };
    let [service, advert_is] = words();
    hold(
        &[&service, &advert_is],
        &[
            address("node-kill", silence()),
            // Only the daemon is gone: the address answers from both nodes.
            address("vrrp-kill", Effect::Nothing),
            address("vrrp-freeze", Effect::Nothing),
            address("lb-oneway", Effect::Nothing),
            // It said goodbye: the spare waits for no more than its skew.
            address("vrrp-term", Effect::Away(0.0, advert() * SKEW)),
            address("lb-link", silence()),
            address("lb-partition", silence()),
            // The first node cannot be reached, and yet goes on to claim the address, by ARP.
            address("lb-loss", Effect::Flaps(0.0)),
            address("lb-drop", Effect::Flaps(advert() * (2.0 + SKEW))),
        ],
    );
}

#[test]
fn a_balancer_and_its_backends_fail() {
    let web = |fault, effect| Case { fault, probe: WEB, effect };
    let [service, advert_is] = words();
    // Whether haproxy lives is looked at each second, and two misses count.
    let moved = Effect::Away(1.0 + advert() * (2.0 + SKEW), 2.0 + advert() * (3.0 + SKEW));
    hold(
        &[&service, &advert_is],
        &[
            web("haproxy-kill", moved),
            // Refused: asked again at the other.
            web("be-kill", Effect::Nothing),
            // Until two health checks, half a second apart, have waited for half a second each: every second request.
            web("be-freeze", Effect::Share(2.0)),
            web("be-drain", Effect::Nothing),
        ],
    );
}

/// New requests notice nothing; who has a session loses it.
#[test]
fn sessions_are_reset_and_new_ones_are_not() {
    let [service, advert_is] = words();
    let Some(lab) = Lab::up(&[&service, &advert_is]) else { return };
    let script = "exec 3<>/dev/tcp/10.88.0.100/7; echo hello >&3; read -r line <&3; echo $line; cat <&3; echo ended";
    let mut session = lab.command(&["exec", "client", "bash", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(session.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    let cases = [Case { fault: "be-reset", probe: WEB, effect: Effect::Nothing }];
    cases[0].holds(&lab.run(&cases));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "ended\n");
    assert!(session.wait().unwrap().success());
}
