//! A resolver of which one half fails: the system's own library asks it, inside a network namespace with a resolv.conf of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use super::namespace::{Namespace, namespace};

/// Service of every name, on both loopback addresses.
const PORT: u16 = 4000;

/// The answer to a question about `a-WORD.aaaa-WORD.half.test`: each type gets what its word says.
fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let question = &query[12..at + 5];
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let prefix = if kind == 1 { "a-" } else { "aaaa-" };
    let word = labels.iter().find_map(|label| label.strip_prefix(prefix)).unwrap_or("none");
    let rcode = match word {
        "drop" => return None,
        "gone" => 3,
        "fail" => 2,
        "refused" => 5,
        _ => 0,
    };
    let mut out = vec![query[0], query[1], 0x85, 0x80 | rcode, 0, 1, 0, u8::from(word == "ok"), 0, 0, 0, 0];
    out.extend(question);
    if word == "ok" {
        let loopback: &[u8] =
            if kind == 1 { &[127, 0, 0, 1] } else { &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] };
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 0, 0, u8::try_from(loopback.len()).unwrap()]);
        out.extend(loopback);
    }
    Some(out)
}

/// Starts resolver and service inside, on a thread that lives as long as the tests do.
fn serve(namespace: &Namespace) {
    let file = File::open(PathBuf::from("/run/netns").join(namespace.name())).unwrap();
    let (ready, started) = mpsc::channel();
    thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        let services = [TcpListener::bind(("127.0.0.1", PORT)).unwrap(), TcpListener::bind(("::1", PORT)).unwrap()];
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        ready.send(()).unwrap();
        let mut buffer = [0; 1024];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            if let Some(reply) = reply(&buffer[..length]) {
                let _ = socket.send_to(&reply, client);
            }
        }
        drop(services);
    });
    started.recv().unwrap();
}

/// Word of A, word of AAAA, more fields, verdict, and words for people.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    ("ok", "ok", "addresses: all", "passed", ""),
    ("ok", "none", "addresses: all", "passed", ""),
    ("none", "ok", "addresses: all", "passed", ""),
    ("ok", "gone", "addresses: all", "passed", ""),
    // Half of the addresses are known: that all of them answer is not.
    ("ok", "fail", "addresses: all", "errored", "its AAAA records could not be looked up"),
    ("ok", "refused", "addresses: all", "errored", "its AAAA records could not be looked up"),
    ("ok", "drop", "addresses: all", "errored", "its AAAA records could not be looked up"),
    ("fail", "ok", "addresses: all", "errored", "its A records could not be looked up"),
    ("drop", "ok", "addresses: all", "errored", "its A records could not be looked up"),
    // One that answers is enough where one is asked for; that there may be more is known.
    ("ok", "fail", "timeout: 8s", "passed", "its AAAA records could not be looked up"),
    // No name, and no records, are facts of the target; a half that failed is not.
    ("none", "none", "timeout: 8s", "failed", "unresolved"),
    ("gone", "gone", "timeout: 8s", "failed", "unresolved"),
    ("none", "fail", "timeout: 8s", "errored", "its AAAA records could not be looked up"),
    ("none", "drop", "timeout: 8s", "errored", "its AAAA records could not be looked up"),
    ("fail", "none", "timeout: 8s", "errored", "its A records could not be looked up"),
    ("gone", "fail", "timeout: 8s", "errored", "its AAAA records could not be looked up"),
    ("fail", "fail", "timeout: 8s", "errored", "resolver"),
    // The other half is not asked for.
    ("ok", "fail", "ip_version: ipv4", "passed", ""),
    ("ok", "drop", "ip_version: ipv4", "passed", ""),
    ("none", "fail", "ip_version: ipv4", "failed", "unresolved"),
    ("fail", "ok", "ip_version: ipv4", "errored", "resolver"),
    ("drop", "ok", "ip_version: ipv4", "errored", "resolver"),
    ("fail", "ok", "ip_version: ipv6", "passed", ""),
];

fn suite(cases: &[Case]) -> String {
    let mut text = "version: 1\nsuite: half\nchecks:\n".to_owned();
    for (place, (a, aaaa, more, ..)) in cases.iter().enumerate() {
        writeln!(text, "- {{id: c{place}, tcp: {{host: a-{a}.aaaa-{aaaa}.half.test, port: {PORT}, {more}}}}}").unwrap();
    }
    text
}

fn held(report: &Value, cases: &[Case], shown: &str) {
    for (place, case) in cases.iter().enumerate() {
        let check = &report["checks"][place];
        assert_eq!(check["verdict"], case.3, "{case:?}: {check:#}\n{shown}");
        let text = check.to_string();
        assert!(text.contains(case.4), "{case:?}: {check:#}");
        assert_eq!(
            text.contains("could not be looked up"),
            case.4.contains("could not be looked up"),
            "{case:?}: {check:#}"
        );
    }
}

#[test]
fn a_lookup_of_which_one_half_failed_is_known_as_such() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    own.resolver("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    serve(&own);
    let (report, shown) = own.run(&suite(CASES));
    held(&report, CASES, &shown);
}

/// With the system's own patience of ten seconds the library would wait for the lost half longer than any check.
#[test]
fn a_half_that_is_lost_does_not_take_the_other_with_it() {
    const LOST: &[Case] = &[
        ("ok", "drop", "timeout: 4s", "passed", "its AAAA records could not be looked up"),
        ("drop", "ok", "timeout: 4s", "passed", "its A records could not be looked up"),
        ("none", "drop", "timeout: 4s", "errored", "its AAAA records could not be looked up"),
    ];
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    own.resolver("nameserver 127.0.0.1\n");
    serve(&own);
    let (report, shown) = own.run(&suite(LOST));
    held(&report, LOST, &shown);
}
