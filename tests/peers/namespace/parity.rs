//! Names with an address of each IP version, of which one is another one, or not there.

use serde_json::{Value, json};

use super::{Namespace, fixed_answer, namespace};

const PORT: u16 = 8080;
/// Address, status, header and body of each server.
const SERVERS: &[(&str, u16, &str, &str)] = &[
    ("192.0.2.10", 200, "a", "new"),
    ("2001:db8::10", 200, "a", "new"),
    ("2001:db8::11", 503, "a", "new"),
    ("2001:db8::12", 200, "a", "old"),
    ("2001:db8::13", 200, "b", "new"),
];
/// Names, and the end of their IPv6 address; nobody listens at the last one on this host, and to the other there is no route.
const NAMES: &[(&str, &str)] = &[
    ("same", "2001:db8::10"),
    ("status", "2001:db8::11"),
    ("content", "2001:db8::12"),
    ("header", "2001:db8::13"),
    ("refused", "2001:db8::14"),
    ("no-route", "2001:db8:1::1"),
];

/// Starts the servers inside, on threads that live as long as the tests do.
fn serve(namespace: &Namespace) {
    for (address, status, server, body) in SERVERS {
        let header = format!("server: {server}");
        fixed_answer::serve(namespace, (address, PORT), (*status, &header), body);
    }
}

#[test]
fn both_ip_versions_are_one_case_and_what_differs_is_told() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up\n ip address add 192.0.2.10/32 dev lo");
    for last in 10..15 {
        own.setup(&format!("ip -6 address add 2001:db8::{last}/128 dev lo nodad"));
    }
    let hosts: Vec<String> =
        NAMES.iter().map(|(name, ipv6)| format!("192.0.2.10 {name}.test\n{ipv6} {name}.test\n")).collect();
    std::fs::write(own.etc().join("hosts"), hosts.concat()).unwrap();
    serve(&own);
    let check = |(name, _): &(&str, &str)| {
        format!("- {{id: {name}, parity: true, http: {{url: \"http://{name}.test:{PORT}/\"}}}}\n")
    };
    let checks: Vec<String> = NAMES.iter().map(check).collect();
    let (report, shown) = own.run(&format!("version: 1\nsuite: parity\nchecks:\n{}", checks.concat()));
    let of = |id: &str| {
        let all = report["checks"].as_array().unwrap();
        all.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}: {shown}")).clone()
    };
    for (id, verdict, told) in [
        ("same", "passed", ""),
        ("status", "failed", "holds over IPv4, not over IPv6: [2001:db8::11]:8080 answers 503"),
        ("content", "failed", "IPv4 and IPv6 differ: body.sha256: "),
        ("header", "failed", "IPv4 and IPv6 differ: headers.server: a over IPv4, b over IPv6"),
        ("refused", "failed", "holds over IPv4, not over IPv6: connection refused by [2001:db8::14]:8080 (RST)"),
        ("no-route", "errored", "could not connect (2001:db8:1::1): this host has no route there"),
    ] {
        let check = of(id);
        assert_eq!(check["verdict"], verdict, "{id}: {shown}");
        let reason = check["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with(told), "{id}: {reason}");
        if id != "no-route" {
            assert_eq!(check["facts"]["parity.same"], Value::Bool(verdict == "passed"), "{id}");
            assert_eq!(check["over_ipv4"]["facts"]["address"], json!("192.0.2.10"), "{id}");
        }
    }
    assert_eq!(of("same")["facts"]["address"], json!("2001:db8::10"));
    let next = of("header")["next"].as_str().unwrap().to_owned();
    assert!(next.contains("behind 192.0.2.10 and behind 2001:db8::13"), "{next}");
}
