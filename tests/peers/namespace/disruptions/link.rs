//! A device goes down, and comes back with all it had.

use serde_json::json;
use shakedown::guard::disruption::{Disruption, LinkDown};

use super::super::{Namespace, namespace};
use super::{Held, PATIENCE, Wire, assert_same, refused, within};

/// What a device of a real host has: addresses and routes of each sort that is lost when it goes down.
const LOADED: &str = "ip address add 10.83.0.7/24 dev e0 label e0:vip
    ip address add 10.83.0.8/24 dev e0 valid_lft 90000 preferred_lft 80000
    ip address add 10.83.9.1 peer 10.83.9.2/32 dev e0 scope link
    ip address add 10.83.7.1/24 dev e0 noprefixroute
    ip address add 10.83.6.1/24 dev e0 metric 70
    ip -6 address add 2001:db8:83:1::1/64 dev e0
    ip -6 address add 2001:db8:83:2::1/128 dev e0 nodad preferred_lft 0
    ip -6 address add 2001:db8:83:3::1/64 dev e0 nodad valid_lft 90000 preferred_lft 80000
    ip -6 address add 2001:db8:83:4::1/64 dev e0 nodad noprefixroute
    ip -6 address add fe80::83/64 dev e0 nodad
    ip link add e1 type veth peer name e2
    ip link set e2 up
    ip address add 10.84.0.1/24 dev e1
    ip -6 address add 2001:db8:84::1/64 dev e1 nodad
    ip link set e1 up
    ip route add 10.90.0.0/16 via 10.83.0.2 proto static metric 7
    ip route add 10.90.0.0/16 via 10.83.0.3 metric 8 src 10.83.0.7
    ip route add 10.91.0.0/16 via 10.83.0.2 table 77 mtu lock 1300 advmss 1200
    ip route add 10.92.0.0/16 nexthop via 10.83.0.2 weight 2 nexthop via 10.84.0.2 weight 1
    ip route add 10.93.0.0/16 nexthop via 10.83.0.2 nexthop via 10.83.0.3
    ip route add 10.94.0.0/16 via 10.99.0.1 dev e0 onlink
    ip route add 10.95.0.0/16 via inet6 fe80::2 dev e0
    ip route add local 10.96.0.0/16 dev e0
    ip route add default via 10.83.0.2 dev e0 proto dhcp metric 100
    ip route add 10.97.0.0/16 via 10.84.0.2 src 10.83.0.1
    ip -6 route add 2001:db8:90::/48 via 2001:db8:83::2 metric 7
    ip -6 route add 2001:db8:91::/48 via fe80::2 dev e0 table 77
    ip -6 route add 2001:db8:92::/48 via 2001:db8:83::2 src 2001:db8:83:1::1
    ip -6 route add 2001:db8:93::/48 nexthop via 2001:db8:83::2 nexthop via 2001:db8:83::3
    ip -6 route add 2001:db8:94::/48 nexthop via 2001:db8:83::2 nexthop via 2001:db8:84::2
    ip -6 route add 2001:db8:95::/48 via 2001:db8:84::2 src 2001:db8:83::1
    ip -6 route add default via 2001:db8:83::2 metric 100
    ip neigh add 10.83.0.77 lladdr 02:00:00:00:00:77 dev e0 nud permanent
    ip -6 neigh add 2001:db8:83::77 lladdr 02:00:00:00:00:77 dev e0 nud permanent
    ip neigh add proxy 10.83.0.78 dev e0
    ip nexthop add id 5 via 10.83.0.2 dev e0 proto static
    ip nexthop add id 6 via 10.84.0.2 dev e1
    ip nexthop add id 10 group 5/6,2
    ip nexthop add id 11 group 5
    ip route add 10.98.0.0/16 nhid 5 metric 3
    ip route add 10.98.1.0/24 nhid 10
    ip route add 10.98.2.0/24 nhid 11";

/// Devices that go down with another one, where the kernel has them.
const VLANS: &str = "ip link add link e0.5 name e0.5.6 type vlan id 6
    ip address add 10.85.0.1/24 dev e0.5
    ip -6 address add 2001:db8:85::1/64 dev e0.5.6 nodad
    ip link set e0.5 up
    ip link set e0.5.6 up
    ip route add 10.85.9.0/24 via 10.85.0.2
    ip -6 route add 2001:db8:96::/48 via 2001:db8:85::2";

fn down(device: &str, own: &Namespace) -> Disruption {
    Disruption::Link(LinkDown { device: device.into(), netns: Some(own.name().into()) })
}

/// A wire with all of that, once nothing of it is tentative.
fn loaded() -> Option<Wire> {
    let wire = Wire::new()?;
    // A route is only from an address that is known to be nobody else's.
    let (addresses, routes) = LOADED.split_once("ip route").unwrap();
    let settled = || (!wire.near.printed("ip -6 address").contains("tentative")).then_some(());
    wire.near.setup(addresses);
    within(PATIENCE, settled).unwrap();
    wire.near.setup(&format!("ip route{routes}"));
    let vlan = wire.near.command("ip").args("link add link e0 name e0.5 type vlan id 5".split(' ')).output().unwrap();
    if vlan.status.success() {
        wire.near.setup(VLANS);
    }
    wire.echo(7000);
    within(PATIENCE, settled).unwrap();
    Some(wire)
}

#[test]
fn a_device_comes_back_with_all_it_had() {
    let Some(wire) = loaded() else { return };
    assert!(wire.udp("10.83.0.2:7000") && wire.udp("[2001:db8:83::2]:7000"));
    let before = wire.near.state();
    let held = Held::prepare(down("e0", &wire.near), &wire.near);
    held.restore();
    assert_same(&before, &wire.near.state(), "restored before anything was broken");
    for round in ["restored", "by hand"] {
        held.inject();
        assert!(!wire.udp("10.83.0.2:7000") && !wire.udp("[2001:db8:83::2]:7000"), "{round}");
        assert!(held.verify().unwrap_err().contains("e0, which is down"));
        let lost = wire.near.state();
        assert_ne!(before["routes"], lost["routes"]);
        assert_ne!(before["hops"], lost["hops"]);
        if round == "restored" {
            held.restore();
        } else {
            held.by_hand();
        }
        assert_same(&before, &wire.near.state(), round);
        assert!(wire.udp("10.83.0.2:7000") && wire.udp("[2001:db8:83::2]:7000"), "{round}");
        held.restore();
        assert_same(&before, &wire.near.state(), "restored twice");
        assert!(held.in_effect().unwrap_err().contains("e0 is up all the same"));
    }
    // Lifetimes run on, however long it took.
    let left = wire.near.printed("ip -o address show dev e0 to 10.83.0.8");
    let left: u32 = left.split("valid_lft ").nth(1).unwrap().split("sec").next().unwrap().parse().unwrap();
    assert!((89_000..90_000).contains(&left), "{left}");
}

/// A device that is up is not yet one that is as it was.
#[test]
fn up_alone_is_no_inverse_and_what_is_missing_is_named() {
    let Some(wire) = loaded() else { return };
    let held = Held::prepare(down("e0", &wire.near), &wire.near);
    held.inject();
    wire.near.setup("ip link set e0 up");
    let why = held.verify().unwrap_err();
    assert!(why.starts_with("not back: the address 2001:db8:83") && why.contains(" more"), "{why}");
    held.restore();
    wire.near.setup("ip route del 10.90.0.0/16 metric 7");
    assert_eq!(
        held.verify().unwrap_err(),
        "not back: the route 10.90.0.0/16 via 10.83.0.2 dev e0 proto static metric 7"
    );
    held.restore();
}

/// What a routing daemon keeps comes back by the daemon; what somebody did meanwhile stays.
#[test]
fn what_others_keep_or_change_is_left_to_them() {
    let Some(wire) = Wire::new() else { return };
    wire.near.setup("ip route add 10.90.0.0/16 via 10.83.0.2 proto bird");
    let held = Held::prepare(down("e0", &wire.near), &wire.near);
    held.inject();
    wire.near.setup("ip address add 10.83.0.9/24 dev e0");
    held.restore();
    let routes = wire.near.printed("ip route");
    assert!(!routes.contains("10.90.0.0") && wire.near.printed("ip address").contains("10.83.0.9/24"), "{routes}");
}

#[test]
fn a_port_of_a_bridge_is_one_again() {
    let Some(own) = namespace() else { return };
    own.setup(
        "ip link add br0 type bridge
        ip link add p0 type veth peer name p1
        ip link set p0 master br0 up
        ip link set br0 up",
    );
    let held = Held::prepare(down("p0", &own), &own);
    held.inject();
    own.setup("ip link set p0 nomaster");
    held.restore();
    assert!(own.printed("ip link show p0").contains("master br0"));
}

#[test]
fn what_cannot_be_taken_down_is_told_before() {
    let Some(wire) = Wire::new() else { return };
    let (near, words) = (&wire.near, |device: &str| refused(down(device, &wire.near)));
    assert!(words("lo").contains("loopback"), "{}", words("lo"));
    assert!(words("e7").contains("has no device e7; it has lo, e0"), "{}", words("e7"));
    near.setup("ip link add d0 type veth peer name d1");
    assert_eq!(words("d0"), "d0 is down already, so taking it down would change nothing");
    let nowhere = Disruption::Link(LinkDown { device: "e0".into(), netns: Some("sd-none".into()) });
    assert!(refused(nowhere).contains("no network namespace sd-none"));
    // A namespace that is gone takes what was broken with it.
    let held = Held::prepare(down("e0", near), near);
    let Wire { near, far: _far } = wire;
    held.inject();
    drop(near);
    held.restore();
    assert_eq!(json!(held.undo.len()), json!(1));
}
