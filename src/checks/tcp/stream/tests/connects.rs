use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{MS, answered, failed, listener, prober, sentence};
use crate::checks::tcp::stream::dialler::Dialler;
use crate::net::Origin;
use crate::net::datagram::IcmpError;
use crate::net::open_loop::{Clock, nanos};
use crate::probe::{Connection, ProbeFailure, Seen};
use crate::testing::{drive, in_time_wait, stream, text};

#[tokio::test]
async fn each_probe_is_a_connection_that_keeps_no_port() {
    let (listener, peer) = listener();
    // It closes none: who closes first is who waits.
    std::thread::spawn(move || std::iter::from_fn(|| listener.accept().ok()).collect::<Vec<_>>());
    let spec = stream(MS, Connection::New);
    let mut prober = prober(peer, &spec, &[]).await.unwrap().unwrap();
    let replies = drive(&mut *prober, &spec, 0..300, |replies| replies.len() == 300);
    let mut numbers = answered(&replies);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<u64>>(), "{replies:?}");
    assert!(replies.iter().all(|reply| reply.sent.unwrap() <= reply.received));
    assert_eq!(in_time_wait(peer.port()), 0);
    assert!((64..=4096).contains(&prober.capacity()) && prober.connections().is_none());
}

#[tokio::test]
async fn a_reset_and_a_source_that_is_gone_are_told_at_once() {
    let (listener, peer) = listener();
    drop(listener);
    let spec = stream(MS, Connection::New);
    let mut refused = prober(peer, &spec, &[]).await.unwrap().unwrap();
    let replies = drive(&mut *refused, &spec, 0..50, |replies| replies.len() == 50);
    assert_eq!(failed(&replies, ProbeFailure::Refused).len(), 50, "{replies:?}");
    assert_eq!(sentence(&replies, ProbeFailure::Refused), format!("connection refused by {peer} (RST)"));
    // An address for documentation: no packet leaves.
    let mut blocked = prober(peer, &spec, &[("source", text("192.0.2.77"))]).await.unwrap().unwrap();
    let replies = drive(&mut *blocked, &spec, 0..3, |replies| replies.len() == 3);
    assert_eq!(failed(&replies, ProbeFailure::Blocked), [0, 1, 2], "{replies:?}");
}

/// A server that accepts nothing: its queue is full, and a SYN waits until it is not.
#[tokio::test]
async fn an_answer_to_a_late_syn_is_late_and_not_lost() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(1).unwrap();
    let listener = TcpListener::from(socket);
    let peer = listener.local_addr().unwrap();
    let waits = Duration::from_millis(200);
    let fills: Vec<TcpStream> = (0..4).map_while(|_| TcpStream::connect_timeout(&peer, waits).ok()).collect();
    assert!(fills.len() < 4, "its queue has an end");
    let spec = stream(MS, Connection::New);
    let mut prober = prober(peer, &spec, &[]).await.unwrap().unwrap();
    let begun = spec.clock.now();
    let mut looks = 0;
    let replies = drive(&mut *prober, &spec, 0..3, |_| {
        looks += 1;
        looks > 5
    });
    assert!(replies.is_empty(), "{replies:?}");
    prober.give_up(0);
    for _ in &fills {
        listener.accept().unwrap();
    }
    std::thread::spawn(move || while listener.accept().is_ok() {});
    let replies = drive(&mut *prober, &spec, 3..4, |replies| replies.len() == 3);
    let mut numbers = answered(&replies);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3], "nothing is told of a probe that was given up");
    let late = replies.iter().find(|reply| reply.number == 1).unwrap();
    let took = late.received - late.sent.unwrap();
    assert!(took > nanos(Duration::from_millis(900)), "the SYN was sent again after a second: {took}, from {begun}");
}

#[test]
fn what_a_connection_meets_has_a_class() {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    let dialler = Dialler::new(peer, Origin::default(), Clock::start()).unwrap();
    let far = SocketAddr::from(([192, 0, 2, 9], 9));
    let mut distant = Dialler::new(peer, Origin::default(), Clock::start()).unwrap();
    distant.set_peer(far);
    let router = |code, router: [u8; 4]| Some(IcmpError::from_icmp(false, 3, code, 0, Some(IpAddr::from(router)), 8));
    let of = |dialler: &Dialler, errno, report| match dialler.judge(io::Error::from_raw_os_error(errno), report) {
        Seen::Failure(failure, _) => Some(failure),
        Seen::Fault(_) => None,
        other => panic!("{other:?}"),
    };
    for (errno, class) in [
        (libc::ECONNREFUSED, Some(ProbeFailure::Refused)),
        (libc::ECONNRESET, Some(ProbeFailure::Reset)),
        (libc::ETIMEDOUT, Some(ProbeFailure::Lost)),
        (libc::EHOSTUNREACH, Some(ProbeFailure::Unreachable)),
        (libc::EPERM, Some(ProbeFailure::Blocked)),
        (libc::ENOBUFS, Some(ProbeFailure::Blocked)),
        (libc::EMFILE, None),
        // There is a way to this host itself: its local ports are used up.
        (libc::EADDRNOTAVAIL, None),
    ] {
        assert_eq!(of(&dialler, errno, None), class, "{errno}");
    }
    assert_eq!(of(&distant, libc::EHOSTUNREACH, router(1, [198, 51, 100, 1])), Some(ProbeFailure::Unreachable));
    assert_eq!(of(&distant, libc::ECONNREFUSED, router(3, [192, 0, 2, 9])), Some(ProbeFailure::Refused));
    // A filter of this host.
    assert_eq!(of(&distant, libc::ECONNREFUSED, router(3, [127, 0, 0, 1])), Some(ProbeFailure::Blocked));
}
