//! A virtual address between two balancers.
//!
//! The spare takes over once it has heard nothing for 3 advertisements and a skew of (256 - priority) / 256 of one: 3.41 with its
//! priority of 150. The last advertisement was sent up to one before the fault, so the address is away for 2.41 to 3.41 of them.

use super::{Case, Effect, Sessions, hold, standard};

/// Port 81 names the balancer that answers, port 7 is an echo behind it.
const ADDRESS: &[&str] =
    &["who: {http: {url: 'http://10.88.0.100:81/'}, identity: body, interval: 20ms", SESSION, PING];
const PACKETS: &[&str] = &[SESSION, PING];
const BALANCER: &[&str] = &[ADDRESS[0], SESSION, WEB];
const BACKEND: &[&str] = &[SESSION, WEB];
const SESSION: &str = "session: {tcp: {host: 10.88.0.100, port: 7}, connection: keep, interval: 20ms";
/// The first balancer sends with a TTL of 101.
const PING: &str = "address: {icmp: {host: 10.88.0.100}, interval: 10ms";
const WEB: &str = "web: {http: {url: 'http://10.88.0.100/'}, identity: body, interval: 20ms";
/// Part of an advertisement by which the priority of the spare delays it.
const SKEW: f64 = 106.0 / 256.0;

/// Seconds between advertisements.
fn advert() -> f64 {
    if standard() { 1.0 } else { 0.3 }
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
    let stays = Case {
        fault: "",
        built_in: None,
        streams: ADDRESS,
        effect: Effect::Nothing,
        own: &["lb1"],
        spare: &["lb2"],
        sessions: Sessions::Lost,
    };
    let moves = Case { effect: silence(), ..stays };
    let lossy = Case { streams: PACKETS, own: &["ttl=101"], spare: &["ttl=101"], sessions: Sessions::Kept, ..stays };
    hold(
        &[&service, &advert_is],
        &[
            Case { fault: "node-kill", ..moves },
            Case { fault: "lb-link", ..moves },
            Case { fault: "lb-partition", built_in: Some("partition: {device: f0, netns: LAB-lb1}"), ..moves },
            // Only the daemon is gone: both nodes have the address, and nobody is without an answer.
            Case { fault: "vrrp-kill", ..stays },
            Case { fault: "vrrp-freeze", built_in: Some("process: {pid_file: /run/LAB/lb1.vrrp.pid}"), ..stays },
            // Both claim it, in turn.
            Case {
                fault: "lb-oneway",
                built_in: Some("drop: {device: f0, direction: out, protocol: vrrp, netns: LAB-lb1}"),
                spare: &[],
                ..stays
            },
            // It said goodbye: the spare waits for no more than its skew.
            Case { fault: "vrrp-term", effect: Effect::Away(0.0, advert() * SKEW), ..stays },
            Case { fault: "lb-loss", effect: Effect::Lossy(0.2), ..lossy },
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
    let backend = Case {
        fault: "",
        built_in: None,
        streams: BACKEND,
        effect: Effect::Nothing,
        own: &["be1", "be2"],
        spare: &["be2"],
        sessions: Sessions::Lost,
    };
    hold(
        &[&service, &advert_is],
        &[
            Case { fault: "haproxy-kill", streams: BALANCER, effect: moved, own: &["lb1"], spare: &["lb2"], ..backend },
            // Refused: asked again at the other, but for what it had begun to answer.
            Case { fault: "be-kill", effect: Effect::Moment, ..backend },
            // Every second request is answered by 504, until two health checks have waited for half a second each.
            Case { fault: "be-freeze", effect: Effect::Share(0.5, 2.0), ..backend },
            // New requests notice nothing.
            Case { fault: "be-reset", spare: backend.own, ..backend },
            // Taken out of the service that is asked, and not of that which has the session.
            Case { fault: "be-drain", sessions: Sessions::Kept, ..backend },
            Case { fault: "be-stop", sessions: Sessions::Kept, ..backend },
        ],
    );
}
