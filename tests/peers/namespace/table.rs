//! Situations of this host, times every family: rows of their own by both IP versions, and the examples of the documentation.

use shakedown::checks::FAMILIES;

use super::suites::{every_family, example, rows};
use super::{Namespace, WAY, namespace, not_errored};

/// Checks every row, and every example, in a namespace where nothing can be asked. `words` are those of this host's own inability.
fn nothing_is_known(own: &Namespace, hosts: &[&str], words: &[&str]) {
    for host in hosts {
        let (report, shown) = own.run(&every_family(host, None));
        let wrong = not_errored(&report, words);
        assert!(wrong.is_empty(), "{host}: {}\n{shown}", wrong.join("\n"));
    }
    // The commands of this one's are nowhere; its rows are above.
    for family in FAMILIES.iter().filter(|family| family.name != "failover") {
        let (report, shown) = own.run(&example(family));
        let wrong = not_errored(&report, words);
        assert!(wrong.is_empty(), "{}: {}\n{shown}", family.name, wrong.join("\n"));
    }
}

/// Beside the situation's own words: examples also ask resolvers, have controls, and speak IPv6, for which there is no rule.
const ALSO: [&str; 3] = ["ask the system's resolver", "control", "this host has no route there"];

fn with<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, &ALSO].concat()
}

const BOTH: &[&str] = &["192.0.2.1", "2001:db8::1"];

#[test]
fn in_an_empty_namespace_nothing_is_known_of_any_target() {
    let Some(empty) = namespace() else { return };
    nothing_is_known(&empty, BOTH, &with(&["this host"]));
}

/// A route of this host that forbids, and its words.
const ROUTES: &[(&str, &str)] = &[
    ("prohibit", "a route of this host prohibits it"),
    ("unreachable", "a route of this host says unreachable"),
    ("blackhole", "a route of this host is a black hole"),
];

#[test]
fn a_route_that_forbids_is_this_hosts_own() {
    for (kind, words) in ROUTES {
        let Some(own) = namespace() else { return };
        own.setup(&format!(
            "ip link set lo up\nip route add {kind} 192.0.2.0/24\nip -6 route add {kind} 2001:db8::/32"
        ));
        nothing_is_known(&own, BOTH, &with(&[words]));
    }
}

fn filtered(verdict: &str) -> Option<Namespace> {
    let own = namespace()?;
    own.setup(WAY);
    own.setup(&format!(
        "nft 'add rule inet f out ip daddr 192.0.2.0/24 {verdict}'\nnft 'add rule inet f out ip6 daddr 2001:db8::/64 {verdict}'"
    ));
    Some(own)
}

/// A datagram that is rejected or dropped is refused to who sends it (EPERM).
const FILTER: [&str; 2] = ["a filter of this host rejects it", "Operation not permitted"];

#[test]
fn a_filter_of_this_host_is_not_the_targets_refusal() {
    for kind in ["port-unreachable", "admin-prohibited", "no-route"] {
        let Some(own) = filtered(&format!("reject with icmpx type {kind}")) else { return };
        nothing_is_known(&own, BOTH, &with(&FILTER));
    }
}

/// It leaves no error report, and no other trace than the interface it came by.
#[test]
fn a_reset_by_a_filter_of_this_host_is_not_the_targets() {
    let Some(own) = filtered("meta l4proto tcp reject with tcp reset") else { return };
    own.setup(
        "nft 'add rule inet f out ip daddr 192.0.2.0/24 meta l4proto != tcp drop'
         nft 'add rule inet f out ip6 daddr 2001:db8::/64 meta l4proto { udp, icmpv6 } drop'",
    );
    nothing_is_known(&own, BOTH, &with(&FILTER));
}

/// It leaves no trace but a SYN that could not be repeated.
#[test]
fn a_drop_by_a_filter_of_this_host_is_not_the_targets_silence() {
    let Some(own) = filtered("drop") else { return };
    nothing_is_known(&own, BOTH, &with(&["this host itself drops it", "Operation not permitted"]));
}

/// An address to send from that is not here.
#[test]
fn a_source_that_is_not_here_is_this_hosts_own() {
    let Some(own) = namespace() else { return };
    own.setup(WAY);
    for (host, source) in [("192.0.2.1", "198.51.100.77"), ("2001:db8::1", "2001:db8:77::1")] {
        let (report, shown) = own.run(&every_family(host, Some(source)));
        let wrong = not_errored(&report, &["Cannot assign requested address", "control"]);
        assert!(wrong.is_empty(), "{host}: {}\n{shown}", wrong.join("\n"));
    }
}

/// A packet larger than the own interface says nothing of the path; silence with a way out is the target's or the path's.
#[test]
fn the_own_interface_and_a_silent_neighbour() {
    let Some(own) = namespace() else { return };
    own.setup(WAY);
    for host in BOTH {
        let icmp = |size: &str| {
            format!(
                "version: 1\nsuite: own\nchecks:\n- {{id: a, icmp: {{host: '{host}', count: 1, timeout: 300ms, size: {size}, dont_fragment: true}}}}\n"
            )
        };
        let (report, shown) = own.run(&icmp("1500 B"));
        assert!(not_errored(&report, &["this host's own interface"]).is_empty(), "{host}: {shown}");
        let (report, shown) = own.run(&icmp("1000 B"));
        assert_eq!(report["checks"][0]["facts"]["outcome"], "silent", "{host}: {shown}");
        assert_eq!(report["checks"][0]["verdict"], "failed", "{host}: {shown}");
    }
    // A SYN that was repeated did leave, and one that waits for a dead neighbour was not dropped: this silence is not of this host.
    let dead = ["192.0.2.1", "192.0.2.77", "2001:db8::77"];
    for (host, patience) in dead.into_iter().flat_map(|host| ["1500ms", "2500ms"].map(|patience| (host, patience))) {
        let (report, shown) = own.run(&format!(
            "version: 1\nsuite: own\nchecks:\n- {{id: a, tcp: {{host: \"{host}\", port: 9, timeout: {patience}}}}}\n"
        ));
        let outcome = &report["checks"][0]["facts"]["outcome"];
        assert!(outcome == "timeout" || outcome == "unreachable", "{host} {patience}: {shown}");
        assert_eq!(report["checks"][0]["verdict"], "failed", "{host} {patience}: {shown}");
    }
}

/// What this host drops of what comes in leaves no trace at all: silence says in every family that it may be this host's.
#[test]
fn silence_may_be_of_this_hosts_making_in_every_family() {
    let Some(own) = namespace() else { return };
    own.setup(WAY);
    for host in BOTH {
        let mut checks = String::new();
        // A cell of `reach` whose source reaches nothing at all is errored.
        for row in rows(host, None).iter().filter(|row| !["failover", "reach"].contains(&row.family.name)) {
            checks.push_str(&row.plain());
        }
        let (report, shown) =
            own.run(&format!("version: 1\nsuite: own\ndefaults: {{timeout: 700ms}}\nchecks:\n{checks}"));
        for check in report["checks"].as_array().unwrap() {
            assert_eq!(check["verdict"], "failed", "{host}: {check}");
            let next = check["next"].as_str().unwrap_or_default();
            assert!(next.contains("perhaps this host"), "{host} {}: {next}\n{shown}", check["id"]);
        }
    }
}
