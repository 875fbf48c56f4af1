//! Names with an address of each IP version, of which one is another one, or not there.

use serde_json::{Value, json};

use super::{Namespace, fixed_answer, namespace};

const PORT: u16 = 8080;
const TURNS: u16 = 8090;
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

/// A namespace with these names, addresses and servers.
fn own() -> Option<Namespace> {
    let own = namespace()?;
    own.setup("ip link set lo up\n ip address add 192.0.2.10/32 dev lo");
    for last in 10..15 {
        own.setup(&format!("ip -6 address add 2001:db8::{last}/128 dev lo nodad"));
    }
    let hosts: Vec<String> =
        NAMES.iter().map(|(name, ipv6)| format!("192.0.2.10 {name}.test\n{ipv6} {name}.test\n")).collect();
    std::fs::write(own.etc().join("hosts"), hosts.concat()).unwrap();
    serve(&own);
    Some(own)
}

#[test]
fn both_ip_versions_are_one_case_and_what_differs_is_told() {
    let Some(own) = own() else { return };
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

/// Two servers behind one name, which take turns, are no two for the two IP versions.
#[test]
fn servers_that_take_turns_behind_both_are_no_difference() {
    let Some(own) = own() else { return };
    let answers = ["a", "b"].map(|server| fixed_answer::answer((200, &format!("server: {server}")), server));
    fixed_answer::serve_in_turn(&own, ("::", TURNS), answers.into());
    for seed in 0..4 {
        let suite = format!(
            "version: 1\nsuite: parity\nchecks:\n- {{id: turns, parity: true, http: {{url: \"http://same.test:{TURNS}/\"}}}}\n"
        );
        let (report, shown) = own.run_by(&[&format!("SHAKEDOWN_SEED={seed}")], &suite);
        let check = &report["checks"][0];
        assert_eq!(check["verdict"], "errored", "{shown}");
        assert!(check["reason"].as_str().unwrap().contains("`headers.server` is another with each answer"), "{shown}");
    }
}

/// It runs again over both IP versions.
#[test]
fn a_check_over_both_is_a_control() {
    let Some(own) = own() else { return };
    own.setup("nft add table inet f\nnft 'add chain inet f in { type filter hook input priority 0; }'\nnft add rule inet f in tcp dport 9 drop");
    let suite = format!(
        "version: 1\nsuite: parity\ndefaults: {{timeout: 300ms}}\nchecks:
- {{id: both, parity: true, http: {{url: \"http://same.test:{PORT}/\"}}}}
- {{id: named, tcp: {{host: same.test, port: 9, ip_version: ipv6}}, expect: {{outcome: timeout}}, control: both}}
- {{id: needed, tcp: {{host: same.test, port: 9, ip_version: ipv6}}, expect: {{outcome: timeout}}, needs: [both]}}\n"
    );
    let (report, shown) = own.run(&suite);
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], "passed", "{shown}");
    }
}
