//! Real sockets on loopback. A system that allows none must explain itself instead.

use std::net::IpAddr;

use socket2::{Domain, Protocol, Socket, Type};

use super::super::{Icmp, Single, permission};
use super::EchoProber;
use crate::model::{Arg, Args};
use crate::net::datagram::{Heard, HeardDatagram, IcmpError};
use crate::probe::{Probe, ProbeFailure};
use crate::proto::icmp::Echo;
use crate::testing::prober::{ask, failure, identity, keep, numbers, stream};
use crate::testing::{self, Written, text};

fn args(host: &str, more: Written<'_>) -> Args {
    testing::args([("host", text(host)), ("count", Arg::Integer(1)), ("timeout", Arg::Number(30.0))], more)
}

/// `None` where this system allows no ICMP, which it must explain.
async fn open(host: &str, more: Written<'_>) -> Option<EchoProber> {
    let single = Single::from_args(&args(host, more), host.into()).unwrap();
    match EchoProber::open(&single, &stream()).await {
        Ok(prober) => Some(prober.unwrap()),
        Err(fault) => {
            assert!(permission().is_err() && fault.remedy.contains("cap_net_raw"), "{fault:?}");
            None
        }
    }
}

#[tokio::test]
async fn loopback_answers_by_number_however_many_there_were() {
    for host in ["127.0.0.1", "::1"] {
        for size in [16.0, 56.0, 9000.0] {
            let Some(mut prober) = open(host, &[("size", Arg::Number(size))]).await else { continue };
            for first in [0, 65_535, 70_000, (1 << 32) - 1, 1 << 40] {
                let replies = ask(&mut prober, first..first + 2, 2);
                assert_eq!(numbers(&replies), [first, first + 1], "{host} {size}");
                assert!(replies.iter().all(|reply| identity(reply) == Some("ttl=64")), "{replies:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_schedule_is_kept_and_every_answer_stamped_on_its_clock() {
    let Some(mut prober) = open("127.0.0.1", &[]).await else { return };
    let spec = stream();
    let replies = keep(&mut prober, &spec, 100);
    assert_eq!(numbers(&replies), (0..100).collect::<Vec<_>>());
    assert!(replies.iter().map(|reply| reply.received).is_sorted());
}

/// Two owners of one address: the same probe is answered twice, the second time by somebody else.
#[tokio::test]
async fn a_second_answer_of_another_address_says_so() {
    let Some(mut prober) = open("127.0.0.1", &[]).await else { return };
    let Ok(other) = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)) else { return };
    // That of a ping socket is the kernel's.
    let Some(id) = prober.answers.echo.id else { return };
    ask(&mut prober, 0..5, 5);
    other.bind(&std::net::SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    let mut reply = Echo { id: Some(id), ..prober.answers.echo }.request(3);
    // An echo reply; its checksum is larger by the 8 that its type is less.
    reply[0] = 0;
    let sum = u16::from_be_bytes([reply[2], reply[3]]);
    let sum = u32::from(sum) + 0x0800;
    reply[2..4].copy_from_slice(&u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap().to_be_bytes());
    other.send_to(&reply, &std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let replies = ask(&mut prober, 0..0, 1);
    assert_eq!((numbers(&replies), identity(&replies[0])), (vec![3], Some("127.0.0.2 ttl=64")));
}

fn datagram<'p>(bytes: &'p [u8], sender: &str) -> Heard<'p> {
    let sender: IpAddr = sender.parse().unwrap();
    Heard::Datagram(HeardDatagram { bytes, cut: false, sender: Some((sender, 0).into()), ttl: Some(63), at: 9 })
}

/// The reply of an `ICMPv6` socket, where no checksum hides what else is wrong with it.
#[tokio::test]
async fn what_was_altered_on_the_way_is_unexpected() {
    let Some(mut prober) = open("::1", &[]).await else { return };
    let answers = &mut prober.answers;
    answers.newest = 70_000;
    let mut reply = answers.echo.request(69_999);
    reply[0] = 129;
    let good = answers.reply(datagram(&reply, "::1"), 0).unwrap();
    assert_eq!((good.number, good.received, identity(&good)), (69_999, 9, Some("ttl=63")));
    let last = reply.len() - 1;
    reply[last] ^= 1;
    let altered = answers.reply(datagram(&reply, "::1"), 0).unwrap();
    assert_eq!((altered.number, failure(&altered).0), (69_999, ProbeFailure::Unexpected));
    reply[last] ^= 1;
    // A payload that tells a number which was not sent: the header knows it.
    reply[8 + 12] = 1;
    let altered = answers.reply(datagram(&reply, "::1"), 0).unwrap();
    assert_eq!((altered.number, failure(&altered).0), (69_999, ProbeFailure::Unexpected));
    reply[8] ^= 1;
    assert_eq!(answers.reply(datagram(&[], "::1"), 0).map(|reply| reply.number), None);
}

#[tokio::test]
async fn an_error_of_the_path_is_about_the_probe_it_quotes() {
    let Some(mut prober) = open("127.0.0.1", &[]).await else { return };
    let answers = &mut prober.answers;
    answers.newest = 70_000;
    let request = answers.echo.request(69_990);
    let report = |code| IcmpError::from_icmp(false, 3, code, 0, Some([127, 0, 0, 9].into()), 8);
    // Routers quote eight bytes at least, which hold the lower half of the number.
    for quoted in [&request[..], &request[..8]] {
        let reply = answers.reply(Heard::Report(report(1), quoted, 5), 0).unwrap();
        let expected = (ProbeFailure::Unreachable, "127.0.0.1 cannot be reached: host_unreachable from 127.0.0.9");
        assert_eq!((reply.number, reply.received, failure(&reply)), (69_990, 5, expected));
    }
    let foreign = Echo { tag: answers.echo.tag ^ 1, ..answers.echo }.request(3);
    assert!(answers.reply(Heard::Report(report(1), &foreign, 5), 0).is_none());
}

#[tokio::test]
async fn only_one_echo_to_one_host_has_a_prober() {
    let of = async |args: Args| {
        let probe = Icmp::from_args(&args).unwrap();
        Probe::stream(&probe, &stream()).await.unwrap().is_some()
    };
    if permission().is_ok() {
        assert!(of(args("127.0.0.1", &[])).await);
    }
    assert!(!of(args("127.0.0.1", &[("count", Arg::Integer(2))])).await);
    assert!(!of(args("127.0.0.1", &[("size", Arg::Number(15.0))])).await, "there is no room for a number");
    assert!(!of(args("127.0.0.1", &[("mtu", text("discover"))])).await);
    assert!(!of(testing::args([("hosts", testing::texts(&["127.0.0.1"]))], &[])).await);
}
