//! Connections that come to something while nobody looks, and connections that nobody accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{ConnectProber, Connection};
use crate::net::port_scan::scan::{Prober as _, Scan};
use crate::net::port_scan::{HostPort, Method, PortState, ScanJob};

/// A scan of one port of this host, which is treated as another host until it is said otherwise.
fn scan(peer: SocketAddr) -> (Scan, ConnectProber, HostPort) {
    let job = ScanJob::of_one(peer, Method::Connect);
    let mut prober = ConnectProber::new(&job).unwrap();
    prober.is_own = vec![false];
    prober.ephemeral = 1..=u16::MAX;
    let scan = Scan::new(job, 1);
    let pair = scan.job.pair(0).unwrap();
    (scan, prober, pair)
}

#[test]
fn an_answer_that_was_not_read_is_no_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut scan, mut prober, pair) = scan(listener.local_addr().unwrap());
    prober.send(&mut scan, pair).unwrap();
    assert_eq!(scan.found.at(0), PortState::Unasked, "it is under way");
    prober.expire(&mut scan, pair, 0);
    assert_eq!(scan.found.at(0), PortState::Open);
}

/// As between two sockets of a scan of this very host: there was a connection, and nobody listens.
#[test]
fn a_connection_that_no_listener_made_is_not_open() {
    for (is_own, state) in [(true, PortState::Closed), (false, PortState::Open)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut scan, mut prober, pair) = scan(listener.local_addr().unwrap());
        prober.send(&mut scan, pair).unwrap();
        drop(listener);
        prober.is_own = vec![is_own];
        prober.expire(&mut scan, pair, 0);
        assert_eq!(scan.found.at(0), state, "of this host: {is_own}");
    }
}

#[test]
fn a_connection_with_itself_is_closed() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
    let own = socket.local_addr().unwrap();
    socket.connect(&own).unwrap();
    let (mut scan, mut prober, pair) = scan(own.as_socket().unwrap());
    let connection = Connection { socket, kind: 0, is_watched: false, held: false, pair: Some(pair) };
    prober.connections.push(Some(connection));
    prober.conclude(&mut scan, 0, pair, Ok(())).unwrap();
    assert_eq!(scan.found.at(0), PortState::Closed);
}

#[test]
fn a_port_is_unknown_while_this_host_lacks_something() {
    for errno in [libc::EADDRNOTAVAIL, libc::ENOBUFS, libc::EMFILE] {
        let (mut scan, mut prober, pair) = scan("127.0.0.1:1".parse().unwrap());
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let connection = Connection { socket, kind: 0, is_watched: false, held: false, pair: Some(pair) };
        prober.connections.push(Some(connection));
        let ended = prober.conclude(&mut scan, 0, pair, Err(io::Error::from_raw_os_error(errno)));
        assert_eq!(ended.unwrap_err().raw_os_error(), Some(errno));
        assert_eq!((scan.found.at(0), scan.found.faults.len()), (PortState::Unasked, 0));
    }
}

/// An address that this host does not have will not come back.
#[test]
fn an_address_of_others_is_no_lack_that_passes() {
    let error = io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
    assert!(super::conclude::is_lack(&error, None), "no local port is left");
    assert!(!super::conclude::is_lack(&error, Some("192.0.2.7".parse().unwrap())));
}

/// What waits for its next port is given back, so that it is not this that others lack.
#[test]
fn sockets_that_are_kept_can_be_given_back() {
    let (mut scan, mut prober, pair) = scan("127.0.0.1:1".parse().unwrap());
    prober.is_own = vec![true];
    prober.send(&mut scan, pair).unwrap();
    assert_eq!((scan.found.at(0), prober.connections.iter().flatten().count()), (PortState::Closed, 1));
    prober.give_back();
    assert_eq!(prober.connections.iter().flatten().count(), 0);
}
