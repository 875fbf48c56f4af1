//! An address is taken or given, and all is as it was.

use shakedown::guard::disruption::ChangeKind;

use super::{Held, Wire, assert_same, change, refused, unordered};

/// Addresses in an order that matters, and routes that go with them.
const LOADED: &str = "ip address add 10.83.0.5/24 dev e0 label e0:vip
    ip address add 10.83.0.6/24 dev e0 valid_lft 90000 preferred_lft 80000
    ip address add 10.86.0.1/24 dev e0
    ip -6 address add 2001:db8:83::5/64 dev e0
    ip -6 address add 2001:db8:86::5/128 dev e0 nodad
    ip link add e1 type veth peer name e2
    ip link set e2 up
    ip address add 10.84.0.1/24 dev e1
    ip -6 address add 2001:db8:84::1/64 dev e1 nodad
    ip link set e1 up
    ip route add 10.90.0.0/16 via 10.83.0.2 src 10.83.0.5
    ip route add 10.91.0.0/16 via 10.86.0.2 proto static
    ip route add 10.92.0.0/16 via 10.84.0.2 src 10.83.0.1
    ip -6 route add 2001:db8:90::/48 via 2001:db8:83::2
    ip -6 route add 2001:db8:92::/48 via 2001:db8:84::2 src 2001:db8:86::5";

fn loaded() -> Option<Wire> {
    let wire = Wire::new()?;
    wire.near.setup(LOADED);
    wire.far.setup("ip route add 2001:db8:86::/64 via 2001:db8:83::1\nip route add 10.86.0.0/24 via 10.83.0.1");
    let settled = || (!wire.near.printed("ip -6 address").contains("tentative")).then_some(());
    super::within(super::PATIENCE, settled).unwrap();
    Some(wire)
}

/// Whether the far one reaches this address of the near one.
fn reached(wire: &Wire, address: &str) -> bool {
    wire.far.command("ping").args(["-c1", "-W1", "-q", address]).output().unwrap().status.success()
}

#[test]
fn an_address_that_was_taken_is_back_in_its_place() {
    // Whether the next one of its network takes the place of the first, or goes with it.
    for promote in [0, 1] {
        let Some(wire) = loaded() else { return };
        wire.near.setup(&format!(
            "sysctl -qw net.ipv4.conf.all.promote_secondaries={promote} net.ipv4.conf.e0.promote_secondaries={promote}"
        ));
        let before = wire.near.state();
        for address in
            ["10.83.0.1/24", "10.83.0.5/24", "10.83.0.6/24", "10.86.0.1/24", "2001:db8:83::5/64", "2001:db8:86::5/128"]
        {
            let bare = address.split('/').next().unwrap();
            assert!(reached(&wire, bare), "{address}");
            let held = Held::prepare(change(ChangeKind::Remove, address, &wire.near), &wire.near);
            held.inject();
            assert!(!reached(&wire, bare), "{address}");
            assert!(held.verify().unwrap_err().contains(address), "{:?}", held.verify());
            held.restore();
            // The newest of IPv6 stands first: nothing is taken away only to keep that.
            let (before, after) = (unordered(before.clone()), unordered(wire.near.state()));
            assert_same(&before, &after, &format!("{address}, promote {promote}"));
            assert!(reached(&wire, bare), "{address}");
            held.restore();
            assert_same(&before, &unordered(wire.near.state()), "restored twice");
        }
    }
}

#[test]
fn an_address_that_was_given_is_gone_again() {
    let Some(wire) = loaded() else { return };
    let before = wire.near.state();
    for (address, round) in [("10.83.0.9/24", 0), ("10.87.0.1/32", 1), ("2001:db8:83::9/64", 2)] {
        let held = Held::prepare(change(ChangeKind::Add, address, &wire.near), &wire.near);
        held.restore();
        held.inject();
        assert!(wire.near.printed("ip -o address show dev e0").contains(address));
        assert!(held.verify().unwrap_err().contains("still has the address"));
        if round == 0 {
            held.by_hand();
        } else {
            held.restore();
        }
        assert_same(&before, &wire.near.state(), address);
        held.restore();
        assert!(held.in_effect().unwrap_err().contains("all the same"));
    }
}

#[test]
fn an_address_that_is_not_as_it_should_be_is_told() {
    let Some(wire) = loaded() else { return };
    let missing = refused(change(ChangeKind::Remove, "10.83.0.1/25", &wire.near));
    assert!(missing.contains("has no address 10.83.0.1/25 that could be removed; it has 10.83.0.1/24"), "{missing}");
    let there = refused(change(ChangeKind::Add, "10.83.0.5/24", &wire.near));
    assert_eq!(there, "e0 has the address 10.83.0.5/24 already");
    let held = Held::prepare(change(ChangeKind::Remove, "10.83.0.5/24", &wire.near), &wire.near);
    assert!(held.in_effect().unwrap_err().contains("has the address 10.83.0.5/24 all the same"));
}

/// Somebody else has taken it meanwhile: it is put back, and the check says that it is not as before.
#[test]
fn an_address_that_another_host_took_is_told() {
    let Some(wire) = loaded() else { return };
    let held = Held::prepare(change(ChangeKind::Remove, "2001:db8:83::5/64", &wire.near), &wire.near);
    held.inject();
    wire.far.setup("ip -6 address add 2001:db8:83::5/64 dev e0 nodad");
    held.runtime.block_on(held.undo[0].restore()).unwrap();
    let why = held.verify().unwrap_err();
    assert!(why.contains("2001:db8:83::5/64 of e0, which another host has as well"), "{why}");
}
