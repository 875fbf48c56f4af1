//! What became of a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockAddr;

use super::{OPERATION, Worker, is_under_way};
use crate::net::datagram::{self, Class, IcmpError};
use crate::net::dial::ConnectError;
use crate::net::port_scan::PortState;
use crate::net::this_host;

/// How the look at a socket ended.
pub(super) enum Ended {
    /// The port is known, or why it cannot be.
    Known,
    /// The connection met itself.
    Itself,
    /// This host lacks something for now.
    NoRoom(io::Error),
}

impl Worker {
    /// What a connection came to.
    pub(super) fn ended(&mut self, at: usize, result: io::Result<()>) -> Ended {
        let Some(slot) = self.slots.get(at) else { return Ended::Known };
        let (Some(pair), Some(socket)) = (slot.pair, &slot.socket) else { return Ended::Known };
        let Some((host, port)) = self.job.pair(pair) else { return Ended::Known };
        let Some(address) = self.job.hosts.get(host) else { return Ended::Known };
        let peer = SocketAddr::new(*address, port);
        let error = match result {
            Ok(()) => return self.established(at, pair, (peer, self.is_own.get(host) == Some(&true))),
            Err(error) => error,
        };
        match error.raw_os_error() {
            Some(libc::EISCONN) => return self.established(at, pair, (peer, self.is_own.get(host) == Some(&true))),
            // There was a handshake before it.
            Some(libc::ECONNRESET | libc::EPIPE) => {
                self.found.set(pair, PortState::Open);
                self.drop_socket(at);
                return Ended::Known;
            }
            _ => {}
        }
        let report = datagram::reported(socket);
        if error.raw_os_error() == Some(libc::ECONNREFUSED) && report.is_none() {
            self.found.set(pair, PortState::Closed);
            self.release(at);
            return Ended::Known;
        }
        self.drop_socket(at);
        if report.is_some_and(|report| self.is_rejected(pair, (host, peer), &report)) {
            return Ended::Known;
        }
        if is_lack(&error) && this_host::route_error(peer, self.job.source).is_none() {
            return Ended::NoRoom(error);
        }
        match ConnectError::classify(&error, OPERATION, peer) {
            Ok(ConnectError::Timeout) => self.found.set(pair, PortState::Silent),
            Ok(ConnectError::Unreachable(why)) => {
                self.found.set(pair, PortState::Silent);
                self.found.report(host, format!("no answer to ARP or neighbour discovery ({why})"));
            }
            Ok(_) => self.found.set(pair, PortState::Closed),
            Err(fault) => self.found.fault(host, fault),
        }
        Ended::Known
    }

    /// Whether an ICMP error is the end of a connection: somebody on the path said no, or this host itself did.
    pub(super) fn is_rejected(&mut self, pair: usize, (host, peer): (usize, SocketAddr), report: &IcmpError) -> bool {
        if let Some(why) = this_host::rejection(report, peer.ip()) {
            self.found.fault(host, this_host::rejection_fault(why, OPERATION, peer));
            return true;
        }
        // That a neighbour does not answer is told by this host, and is its silence.
        let is_of_path = report.router.is_some_and(|router| !self.own.has(router) || self.own.has(peer.ip()));
        if is_of_path && report.class != Class::Advice {
            self.found.set(pair, PortState::Rejected);
            self.found.report(host, report.to_string());
            return true;
        }
        false
    }

    /// There is a connection. On this host it may be one with itself, or with another socket of the scan that connects to the port
    /// this one was given: neither listens.
    fn established(&mut self, at: usize, pair: usize, (peer, is_own): (SocketAddr, bool)) -> Ended {
        let Some(socket) = self.slots.get(at).and_then(|slot| slot.socket.as_ref()) else { return Ended::Known };
        let is_itself = socket.local_addr().is_ok_and(|local| local.as_socket() == Some(peer));
        // A reset: no socket is left in TIME_WAIT, here or there.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let is_doubtful = is_own && self.own.ephemeral.contains(&peer.port());
        let is_closed = is_itself || is_doubtful && self.is_refused(peer);
        self.drop_socket(at);
        if is_itself {
            return Ended::Itself;
        }
        self.found.set(pair, if is_closed { PortState::Closed } else { PortState::Open });
        Ended::Known
    }

    /// Whether a second connection to a port of this host is refused at once.
    fn is_refused(&self, peer: SocketAddr) -> bool {
        let Ok(socket) = self.open(peer) else { return false };
        let to = SockAddr::from(peer);
        let first = socket.connect(&to);
        let result = if is_under_way(&first) { socket.connect(&to) } else { first };
        let _ = socket.set_linger(Some(Duration::ZERO));
        match result {
            Ok(()) => socket.local_addr().is_ok_and(|local| local.as_socket() == Some(peer)),
            Err(error) => error.raw_os_error() == Some(libc::ECONNREFUSED),
        }
    }
}

/// Whether this host is out of something that may come back: descriptors, memory, local ports.
pub(super) fn is_lack(error: &io::Error) -> bool {
    let lack =
        [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EADDRNOTAVAIL, libc::EAGAIN, libc::EADDRINUSE];
    error.raw_os_error().is_some_and(|errno| lack.contains(&errno))
}
