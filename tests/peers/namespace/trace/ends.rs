//! Where packets end, and what fits through.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::super::sandbox::rows;
use super::{Chain, four, is, path};

#[test]
fn where_packets_end_is_told() {
    let Some(chain) = Chain::new(5) else { return };
    let (target, hop) = (chain.target(), four(3));
    // A router without a route, first of all: the kernel answers for such routes five times, and then once a second.
    chain.0[3].setup("ip route del 10.80.5.0/30 via 10.80.4.2\nip route add unreachable 10.80.5.0/30");
    let (check, shown) = chain.trace("");
    is(&check, "failed", "unreachable", &shown);
    assert!(check["reason"].as_str().unwrap().contains(&format!("host_unreachable from {hop} (hop 3)")), "{shown}");
    chain.0[3].setup("ip route del unreachable 10.80.5.0/30\nip route add 10.80.5.0/30 via 10.80.4.2");
    // Silence: the third router answers, and what it passes on is dropped.
    chain.0[3].setup("nft 'add table ip f; add chain ip f pass { type filter hook forward priority 0; }; add rule ip f pass oifname dn0 drop'");
    let (check, shown) = chain.trace("");
    is(&check, "failed", "silent", &shown);
    assert_eq!(
        check["reason"],
        format!("no answer from {target}: the last came from {hop} (hop 3), and none from behind it"),
        "{shown}"
    );
    assert_eq!((check["facts"]["farthest"].as_str(), path(&check).last().unwrap().as_str()), (Some(&*hop), "4 *"));
    assert!(check["next"].as_str().unwrap().contains(&format!("look behind {hop}")), "{shown}");
    // A rule that says so.
    chain.0[3].setup("nft flush ruleset");
    chain.0[3].setup("nft 'add table ip f; add chain ip f pass { type filter hook forward priority 0; }; add rule ip f pass oifname dn0 reject with icmp admin-prohibited'");
    let (check, shown) = chain.trace("");
    is(&check, "failed", "unreachable", &shown);
    assert_eq!(check["reason"], format!("{target} cannot be reached: admin_prohibited from {hop} (hop 3)"), "{shown}");
    assert!(check["next"].as_str().unwrap().starts_with("a firewall or an access list rejects it"), "{shown}");
    // A router that sends it back.
    chain.0[3]
        .setup("nft flush ruleset\nip route del 10.80.5.0/30 via 10.80.4.2\nip route add 10.80.5.0/30 via 10.80.3.1");
    let (check, shown) = chain.trace("");
    is(&check, "failed", "loop", &shown);
    let circle: BTreeSet<&str> = check["facts"]["loop"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(circle.len(), 2, "{shown}");
    assert!(
        circle.contains(&*hop) && check["reason"].as_str().unwrap().contains("go round a routing loop from hop 2 on"),
        "{shown}"
    );
    chain.0[3].setup("ip route del 10.80.5.0/30 via 10.80.3.1\nip route add 10.80.5.0/30 via 10.80.4.2");
    // Nothing is wrong, but for the hops it may take.
    let (check, shown) = chain.trace("max_hops: 3");
    is(&check, "failed", "time_exceeded", &shown);
    assert!(
        check["reason"].as_str().unwrap().contains(&format!("is farther than 3 hops (`max_hops`); the last is {hop}")),
        "{shown}"
    );
    let (check, shown) = chain.trace("");
    is(&check, "passed", "reached", &shown);
}

#[test]
fn the_hop_where_longer_packets_vanish_is_found() {
    let Some(chain) = Chain::new(5) else { return };
    chain.0[3].setup("ip link set dev dn0 mtu 1400");
    for protocol in ["icmp", "udp"] {
        let fields = format!("protocol: {protocol}, mtu: discover");
        let (check, shown) = chain.trace(&fields);
        is(&check, "passed", "reached", &shown);
        let facts = &check["facts"];
        assert_eq!(
            (&facts["path_mtu"], &facts["path_mtu.router"], &facts["path_mtu.last"]),
            (&json!(1400), &json!(four(3)), &json!(four(3))),
            "{shown}"
        );
        let hops = rows(&facts["hops"]);
        let of = |ttl: &str| hops[ttl]["mtu"].clone();
        assert_eq!([of("1"), of("3"), of("5")], [json!(1500), json!(1500), json!(1400)], "{shown}");
    }
    let (check, shown) = chain.trace("mtu: discover}, expect: {path_mtu: 1500 B");
    is(&check, "failed", "reached", &shown);
    assert!(check["reason"].as_str().unwrap().ends_with(&format!("; {} says so", four(3))), "{shown}");
    chain.0[3].setup("nft 'add table ip f; add chain ip f out { type filter hook output priority 0; }; add rule ip f out icmp type destination-unreachable drop'");
    let (check, shown) = chain.trace("mtu: discover");
    is(&check, "failed", "reached", &shown);
    assert_eq!(
        (&check["facts"]["path_mtu"], &check["facts"]["path_mtu.black_hole"]),
        (&json!(1400), &json!(true)),
        "{shown}"
    );
    let reason = check["reason"].as_str().unwrap();
    assert!(
        reason.contains(&format!("of more than 1400 bytes vanish behind {}, and no router says so", four(3))),
        "{reason}"
    );
}
