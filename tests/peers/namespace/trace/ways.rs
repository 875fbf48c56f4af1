//! Several equal ways.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::super::sandbox::rows;
use super::super::{Namespace, namespace};
use super::{ip, is, link, path, router, trace};

/// A router with four equal ways, which join again before the target: `10.83.0.2`, and its like of IPv6.
struct Ways {
    client: Namespace,
    fork: Namespace,
    _others: Vec<Namespace>,
}

const WAYS: usize = 4;
const JOINED: [&str; 2] = ["10.83.0.2", "2001:db8:83::2"];

impl Ways {
    fn new() -> Option<Self> {
        let all: Vec<Namespace> = (0..WAYS + 4).map(|_| namespace()).collect::<Option<_>>()?;
        all.iter().for_each(router);
        let [client, fork, join, target, middle @ ..] = all.as_slice() else { unreachable!() };
        link(
            (client, "dn0", &["10.80.0.1/30", "2001:db8:80::1/64"]),
            (fork, "up0", &["10.80.0.2/30", "2001:db8:80::2/64"]),
        );
        link(
            (join, "dn0", &["10.83.0.1/30", "2001:db8:83::1/64"]),
            (target, "up0", &["10.83.0.2/30", "2001:db8:83::2/64"]),
        );
        let (mut four, mut six) = (String::from("route add 10.83.0.0/30"), String::from("route add 2001:db8:83::/64"));
        for (way, router) in middle.iter().enumerate() {
            let ends = |net: usize| {
                [1, 2].map(|end| [format!("10.{net}.{way}.{end}/30"), format!("2001:db8:{net}:{way}::{end}/64")])
            };
            let [a, b] = ends(81);
            link((fork, &format!("w{way}"), &[&a[0], &a[1]]), (router, "up0", &[&b[0], &b[1]]));
            let [a, b] = ends(82);
            link((router, "dn0", &[&a[0], &a[1]]), (join, &format!("w{way}"), &[&b[0], &b[1]]));
            write!(four, " nexthop via 10.81.{way}.2").unwrap();
            write!(six, " nexthop via 2001:db8:81:{way}::2").unwrap();
            ip(
                router,
                &format!(
                    "route add 10.83.0.0/30 via 10.82.{way}.2\nroute add 10.80.0.0/30 via 10.81.{way}.1\n\
                 route add 2001:db8:83::/64 via 2001:db8:82:{way}::2\nroute add 2001:db8:80::/64 via 2001:db8:81:{way}::1\n"
                ),
            );
        }
        ip(fork, &format!("{four}\n{six}\n"));
        ip(client, "route add default via 10.80.0.2\nroute add default via 2001:db8:80::2\n");
        ip(join, "route add 10.80.0.0/30 via 10.82.0.1\nroute add 2001:db8:80::/64 via 2001:db8:82:0::1\n");
        ip(target, "route add default via 10.83.0.1\nroute add default via 2001:db8:83::1\n");
        fork.setup("sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1");
        let mut all = all.into_iter();
        let (client, fork) = (all.next()?, all.next()?);
        Some(Self { client, fork, _others: all.collect() })
    }
}

#[test]
fn equal_ways_are_all_found_and_one_flow_keeps_to_one() {
    let Some(ways) = Ways::new() else { return };
    for host in JOINED {
        let middle = |way: usize| {
            let text = if host.contains(':') { format!("2001:db8:81:{way}::2") } else { format!("10.81.{way}.2") };
            text.parse::<IpAddr>().unwrap().to_string()
        };
        let all: BTreeSet<String> = (0..WAYS).map(middle).collect();
        let members = |check: &Value| -> BTreeSet<String> {
            let hops = rows(&check["facts"]["hops"]);
            serde_json::from_value(hops["2"]["addresses"].clone()).unwrap()
        };
        let (check, shown) = trace(&ways.client, host, "protocol: udp, flows: 32, interval: 2ms");
        is(&check, "passed", "reached", &shown);
        assert_eq!((&check["facts"]["paths.count"], &check["facts"]["distance"]), (&json!(WAYS), &json!(4)), "{shown}");
        assert_eq!(members(&check), all);
        assert_eq!(check["facts"]["changed"], json!([]), "a flow keeps to its way");
        let (again, shown) = trace(&ways.client, host, "protocol: udp, flows: 32, interval: 2ms");
        assert_eq!(path(&again), path(&check), "flows are the same in every run: {shown}");
        // One flow, however many packets.
        let (check, shown) = trace(&ways.client, host, "protocol: udp, count: 20, interval: 2ms");
        assert_eq!((members(&check).len(), &check["facts"]["paths.count"]), (1, &json!(1)), "{shown}");
        // SYNs have other ports at each hop, and show all ways as well.
        let (check, shown) = trace(&ways.client, host, "protocol: tcp, flows: 5, count: 3, retries: 0, interval: 2ms");
        is(&check, "passed", "reached", &shown);
        assert!(members(&check).is_subset(&all) && check["facts"]["paths.count"].is_null(), "{shown}");
    }
}

#[test]
fn of_equal_ways_one_that_is_broken_is_told() {
    let Some(ways) = Ways::new() else { return };
    ways.fork.setup("nft 'add table ip f; add chain ip f out { type filter hook forward priority 0; }; add rule ip f out oifname w2 drop'");
    let (check, shown) = trace(&ways.client, JOINED[0], "protocol: udp, flows: 24, interval: 2ms, retries: 1");
    is(&check, "failed", "silent", &shown);
    let reason = check["reason"].as_str().unwrap();
    assert!(
        reason.contains("of 24 flows to 10.83.0.2") && reason.contains("the last came from 10.80.0.2 (hop 1)"),
        "{reason}"
    );
    assert!(
        check["next"].as_str().unwrap().contains("one of several equal ways is broken, the one behind 10.80.0.2"),
        "{shown}"
    );
    let unreached = check["facts"]["flows.unreached"].as_array().unwrap().len();
    assert!((1..24).contains(&unreached), "{unreached}");
    // One flow that takes another way sees nothing of it.
    ways.fork.setup("nft flush ruleset");
    let (check, shown) = trace(&ways.client, JOINED[0], "protocol: udp, flows: 24, interval: 2ms");
    is(&check, "passed", "reached", &shown);
}
