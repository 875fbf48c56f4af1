//! Packets and frames that are dropped, by what really arrives.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use shakedown::guard::disruption::{Disruption, DropDirection, DroppedProtocol, PacketDrop, Partition};
use socket2::{Domain, Socket, Type};

use super::super::Namespace;
use super::{Held, Wire, assert_same, refused, within};

const HOLD: Duration = Duration::from_mins(10);
const FOUR: &str = "10.83.0.2:7000";
const SIX: &str = "[2001:db8:83::2]:7000";

fn everything(own: &Namespace) -> PacketDrop {
    PacketDrop {
        table: "shakedown_test".into(),
        hold: HOLD,
        netns: Some(own.name().into()),
        device: None,
        peer: None,
        protocol: None,
        port: None,
        direction: DropDirection::Both,
        loss: 10_000,
    }
}

/// What a probe over each of these says: UDP and TCP to port 7000 and to port 7001 of both IP versions.
fn seen(wire: &Wire) -> String {
    let mut out = Vec::new();
    for port in [7000, 7001] {
        for (version, host) in [("4", "10.83.0.2"), ("6", "[2001:db8:83::2]")] {
            let to = format!("{host}:{port}");
            out.extend(wire.udp(&to).then(|| format!("udp{version}:{port}")));
            out.extend(wire.tcp(&to).then(|| format!("tcp{version}:{port}")));
        }
    }
    out.join(" ")
}

#[test]
fn what_is_named_is_dropped_and_nothing_else() {
    let Some(wire) = Wire::new().map(Wire::acquainted) else { return };
    wire.echo(7000);
    wire.echo(7001);
    let all = seen(&wire);
    assert_eq!(all, "udp4:7000 tcp4:7000 udp6:7000 tcp6:7000 udp4:7001 tcp4:7001 udp6:7001 tcp6:7001");
    let (own, before) = (&wire.near, wire.near.state());
    let udp = "udp4:7000 udp6:7000 udp4:7001 udp6:7001";
    let tcp = "tcp4:7000 tcp6:7000 tcp4:7001 tcp6:7001";
    let other_port = "udp4:7001 tcp4:7001 udp6:7001 tcp6:7001";
    let (four, six) = ("udp4:7000 tcp4:7000 udp4:7001 tcp4:7001", "udp6:7000 tcp6:7000 udp6:7001 tcp6:7001");
    let rows: &[(&str, PacketDrop, &str)] = &[
        ("all", everything(own), ""),
        ("one way", PacketDrop { direction: DropDirection::In, ..everything(own) }, ""),
        ("the other way", PacketDrop { direction: DropDirection::Out, ..everything(own) }, ""),
        ("device", PacketDrop { device: Some("e0".into()), ..everything(own) }, ""),
        ("another device", PacketDrop { device: Some("lo".into()), ..everything(own) }, &all),
        ("port", PacketDrop { port: Some(7000), ..everything(own) }, other_port),
        ("port, in", PacketDrop { port: Some(7000), direction: DropDirection::In, ..everything(own) }, other_port),
        (
            "port of TCP",
            PacketDrop { port: Some(7000), protocol: Some(DroppedProtocol::Tcp), ..everything(own) },
            "udp4:7000 udp6:7000 udp4:7001 tcp4:7001 udp6:7001 tcp6:7001",
        ),
        ("TCP", PacketDrop { protocol: Some(DroppedProtocol::Tcp), ..everything(own) }, udp),
        ("UDP", PacketDrop { protocol: Some(DroppedProtocol::Udp), ..everything(own) }, tcp),
        ("peer", PacketDrop { peer: Some("10.83.0.2".into()), ..everything(own) }, six),
        ("network of IPv6", PacketDrop { peer: Some("2001:db8:83::/64".into()), ..everything(own) }, four),
        ("another peer", PacketDrop { peer: Some("10.83.0.9".into()), ..everything(own) }, &all),
        ("VRRP", PacketDrop { protocol: Some(DroppedProtocol::Vrrp), ..everything(own) }, &all),
        ("BGP", PacketDrop { protocol: Some(DroppedProtocol::Bgp), ..everything(own) }, &all),
        ("BFD", PacketDrop { protocol: Some(DroppedProtocol::Bfd), ..everything(own) }, &all),
        ("ICMP", PacketDrop { protocol: Some(DroppedProtocol::Icmp), ..everything(own) }, &all),
    ];
    for (name, drop, want) in rows {
        let held = Held::prepare(Disruption::Drop(drop.clone()), own);
        held.inject();
        let same_order: Vec<&str> = all.split(' ').filter(|probe| want.split(' ').any(|own| own == *probe)).collect();
        assert_eq!(seen(&wire), same_order.join(" "), "{name}: {}", held.disruption.shell_text());
        // Loaded again, it is one table still.
        held.inject();
        if *name == "all" {
            held.by_hand();
        } else {
            held.restore();
        }
        assert_same(&before, &own.state(), name);
        held.restore();
        assert!(held.in_effect().is_err(), "{name}");
    }
    assert_eq!(seen(&wire), all);
}

/// How many packets of a protocol arrive, of ten that the far one sends.
fn arrived(wire: &Wire, protocol: i32) -> usize {
    let open = move || Socket::new(Domain::IPV4, Type::RAW, Some(protocol.into())).unwrap();
    let receiver = wire.near.inside(open);
    receiver.set_read_timeout(Some(super::ANSWER)).unwrap();
    let sender = wire.far.inside(open);
    let to: std::net::SocketAddr = "10.83.0.1:0".parse().unwrap();
    for _ in 0..10 {
        sender.send_to(&[0x21; 20], &to.into()).unwrap();
    }
    let mut bytes = [0; 64];
    (0..10).take_while(|_| nix::unistd::read(receiver.as_fd(), &mut bytes).is_ok()).count()
}

#[test]
fn protocols_are_told_apart() {
    let Some(wire) = Wire::new().map(Wire::acquainted) else { return };
    for port in [179, 3784] {
        wire.echo(port);
    }
    let own = &wire.near;
    let probes = || {
        let ping = own.command("ping").args(["-c1", "-W1", "-q", "10.83.0.2"]).output().unwrap().status.success();
        let ping6 = own.command("ping").args(["-c1", "-W1", "-q", "2001:db8:83::2"]).output().unwrap().status.success();
        [
            ("vrrp", arrived(&wire, 112) == 10),
            ("ospf", arrived(&wire, 89) == 10),
            ("bgp", wire.tcp("10.83.0.2:179") && wire.tcp("[2001:db8:83::2]:179")),
            ("bfd", wire.udp("10.83.0.2:3784")),
            ("icmp", ping && ping6),
        ]
    };
    assert!(probes().iter().all(|(_, works)| *works), "{:?}", probes());
    for (name, protocol) in [
        ("vrrp", DroppedProtocol::Vrrp),
        ("ospf", DroppedProtocol::Ospf),
        ("bgp", DroppedProtocol::Bgp),
        ("bfd", DroppedProtocol::Bfd),
        ("icmp", DroppedProtocol::Icmp),
    ] {
        let held = Held::prepare(Disruption::Drop(PacketDrop { protocol: Some(protocol), ..everything(own) }), own);
        held.inject();
        for (probe, works) in probes() {
            assert_eq!(works, probe != name, "{probe} while {name} is dropped");
        }
        held.restore();
    }
}

#[test]
fn a_share_of_the_packets_is_lost() {
    let Some(wire) = Wire::new() else { return };
    wire.echo(7000);
    let held = |port: Option<u16>, direction: DropDirection, loss: u16| {
        let held =
            Held::prepare(Disruption::Drop(PacketDrop { port, direction, loss, ..everything(&wire.near) }), &wire.near);
        held.inject();
        let answered = wire.answers(FOUR, 400);
        held.restore();
        answered
    };
    assert!(wire.udp(FOUR), "its link-layer address is known from here on");
    for (answered, share) in [
        (held(None, DropDirection::In, 3000), 0.7),
        (held(None, DropDirection::Both, 3000), 0.49),
        // Neither of the two rules for a port counts twice.
        (held(Some(7000), DropDirection::Both, 3000), 0.49),
    ] {
        let (mean, deviation) = (400.0 * share, f64::sqrt(400.0 * share * (1.0 - share)));
        let off = (answered as f64 - mean).abs() / deviation;
        assert!(off < 5.0, "{answered} of 400 answered, {mean} expected");
    }
}

/// The kernel ends it by itself: nothing of this program is needed any more.
#[test]
fn a_drop_and_a_partition_end_by_themselves() {
    let Some(wire) = Wire::new() else { return };
    wire.echo(7000);
    let (own, before, hold) = (&wire.near, wire.near.state(), Duration::from_millis(1500));
    for disruption in [
        Disruption::Drop(PacketDrop { hold, ..everything(own) }),
        Disruption::Partition(Partition { hold, ..partition("e0", own) }),
    ] {
        let held = Held::prepare(disruption, own);
        assert!(wire.udp(FOUR) && wire.udp(SIX));
        let begin = Instant::now();
        held.inject();
        let injected = begin.elapsed();
        assert!(!wire.udp(FOUR) && begin.elapsed() < hold, "{:?}", begin.elapsed());
        within(super::PATIENCE, || wire.udp(FOUR).then_some(())).unwrap();
        // A probe that fails may have been sent just before the end.
        assert!(begin.elapsed() + super::ANSWER >= hold, "over after {:?}", begin.elapsed());
        assert!(begin.elapsed() < hold + injected + Duration::from_secs(20));
        assert!(wire.udp(SIX));
        let over = held.in_effect().unwrap_err();
        assert!(over.contains("is over: it drops nothing any more"), "{over}");
        held.restore();
        assert_same(&before, &own.state(), "restored after its end");
    }
}

fn partition(device: &str, own: &Namespace) -> Partition {
    Partition { table: "shakedown_test".into(), hold: HOLD, device: device.into(), netns: Some(own.name().into()) }
}

/// A drop of all packets lets ARP pass, and both hosts find each other; a partition does not.
#[test]
fn a_partition_stops_arp_too() {
    let Some(wire) = Wire::new() else { return };
    wire.echo(7000);
    let before = wire.near.state();
    let finds = |wire: &Wire| {
        wire.far.setup("ip neigh flush all");
        wire.far.inside(|| {
            let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
            let _ = socket.send_to(b"x", "10.83.0.1:7000");
        });
        let found = || wire.far.printed("ip neigh show 10.83.0.1").contains("lladdr").then_some(());
        within(Duration::from_secs(1), found).is_some()
    };
    for (disruption, found) in
        [(Disruption::Drop(everything(&wire.near)), true), (Disruption::Partition(partition("e0", &wire.near)), false)]
    {
        let held = Held::prepare(disruption, &wire.near);
        held.inject();
        assert!(!wire.udp(FOUR) && !wire.udp(SIX) && !wire.tcp(FOUR));
        assert_eq!(finds(&wire), found, "{}", held.disruption.shell_text());
        if found {
            held.restore();
        } else {
            held.by_hand();
        }
        held.restore();
        assert_same(&before, &wire.near.state(), "restored");
        within(super::PATIENCE, || (wire.udp(FOUR) && wire.udp(SIX) && wire.tcp(FOUR)).then_some(())).unwrap();
    }
}

#[test]
fn what_would_drop_nothing_is_told() {
    let Some(wire) = Wire::new() else { return };
    let own = &wire.near;
    let missing = refused(Disruption::Drop(PacketDrop { device: Some("e7".into()), ..everything(own) }));
    assert!(missing.contains("has no device e7"), "{missing}");
    let missing = refused(Disruption::Partition(partition("e7", own)));
    assert!(missing.contains("has no device e7"), "{missing}");
    // What the kernel would refuse is known before, and nothing is left of the question.
    let before = own.state();
    let wrong = refused(Disruption::Drop(PacketDrop { peer: Some("10.83.0.2/99".into()), ..everything(own) }));
    assert!(wrong.contains("ip netns exec") && wrong.contains("nft"), "{wrong}");
    assert_same(&before, &own.state(), "refused");
    own.setup("ip link add d0 type veth peer name d1");
    assert_eq!(
        refused(Disruption::Partition(partition("d0", own))),
        "d0 is down already, so a partition would change nothing"
    );
    // Somebody else removes it.
    let held = Held::prepare(Disruption::Drop(everything(own)), own);
    held.inject();
    own.setup("nft flush chain inet shakedown_test in");
    assert!(held.in_effect().unwrap_err().contains("1 of 2 rules"));
    own.setup("nft flush ruleset");
    assert!(held.in_effect().is_err());
    held.restore();
}
