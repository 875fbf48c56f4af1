//! A virtual address between two balancers.
//!
//! The spare takes over once it has heard nothing for 3 advertisements and a skew of (256 - priority) / 256 of one: 3.41 with its
//! priority of 150. The last advertisement was sent up to one before the fault, so the address is away for 2.41 to 3.41 of them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use super::{Case, Effect, Lab, hold, standard};

/// Port 81 names the balancer that answers.
const ADDRESS: &[&str] = &[
    "who: {http: {url: 'http://10.88.0.100:81/'}, identity: body, interval: 20ms",
    "address: {icmp: {host: 10.88.0.100}, interval: 10ms",
];
const BALANCER: &[&str] = &[ADDRESS[0], BACKEND[0]];
const BACKEND: &[&str] = &["web: {http: {url: 'http://10.88.0.100/'}, identity: body, interval: 20ms"];
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
    let [service, advert_is] = words();
    let stays = Case { fault: "", streams: ADDRESS, effect: Effect::Nothing, own: &["lb1"], spare: &["lb2"] };
    let moves = Case { effect: silence(), ..stays };
    hold(
        &[&service, &advert_is],
        &[
            Case { fault: "node-kill", ..moves },
            Case { fault: "lb-link", ..moves },
            Case { fault: "lb-partition", ..moves },
            // Only the daemon is gone: both nodes have the address, and nobody is without an answer.
            Case { fault: "vrrp-kill", ..stays },
            Case { fault: "vrrp-freeze", ..stays },
            // Both claim it, in turn.
            Case { fault: "lb-oneway", spare: &[], ..stays },
            // It said goodbye: the spare waits for no more than its skew.
            Case { fault: "vrrp-term", effect: Effect::Away(0.0, advert() * SKEW), ..stays },
            Case { fault: "lb-loss", effect: Effect::Lossy(0.2), spare: &["lb1"], ..stays },
            // The first node cannot be reached, and yet goes on to claim the address, by ARP.
            Case { fault: "lb-drop", effect: Effect::Flaps(advert() * (2.0 + SKEW)), spare: &[], ..stays },
        ],
    );
}

#[test]
fn a_balancer_and_its_backends_fail() {
    let [service, advert_is] = words();
    // Whether haproxy lives is looked at each second, and two misses count.
    let moved = Effect::Away(1.0 + advert() * (2.0 + SKEW), 2.0 + advert() * (3.0 + SKEW));
    let backend = Case { fault: "", streams: BACKEND, effect: Effect::Nothing, own: &["be1", "be2"], spare: &["be2"] };
    hold(
        &[&service, &advert_is],
        &[
            Case { fault: "haproxy-kill", streams: BALANCER, effect: moved, own: &["lb1"], spare: &["lb2"] },
            // Refused: asked again at the other.
            Case { fault: "be-kill", ..backend },
            // Every second request is answered by 504, until two health checks have waited for half a second each.
            Case { fault: "be-freeze", effect: Effect::Share(0.5, 2.0), ..backend },
            Case { fault: "be-drain", ..backend },
            Case { fault: "be-stop", ..backend },
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
    let both: &[&str] = &["be1", "be2"];
    let case = Case { fault: "be-reset", streams: BACKEND, effect: Effect::Nothing, own: both, spare: both };
    case.holds(&lab.run(&[case]));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "ended\n");
    assert!(session.wait().unwrap().success());
}
