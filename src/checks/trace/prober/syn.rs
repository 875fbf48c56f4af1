//! TCP: each packet is the SYN of a socket of its own. No system lets two sockets of one connection send without being root, so each hop has
//! its own source port; it is the same in every run.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, Socket, Type};

use super::flow::{Route, TraceReply, ports, set_ttl};
use crate::model::Fault;
use crate::net::datagram;
use crate::net::dial::local_fault;
use crate::net::this_host::{self, syn};

const OPERATION: &str = "connect";

/// A SYN without an answer.
struct Open {
    socket: Socket,
    /// Resets of this host itself are kept away from it.
    held: bool,
}

/// The SYNs of all flows.
pub(super) struct Syns {
    route: Route,
    open: BTreeMap<u32, Open>,
}

/// How one began.
pub(super) enum SynStart {
    /// Its answer is waited for.
    Waiting,
    /// It was answered at once.
    Answered(TraceReply),
}

impl Syns {
    pub(super) fn new(route: Route) -> Self {
        Self { route, open: BTreeMap::new() }
    }

    /// Prepares a SYN before the clock is read.
    pub(super) fn prepare(&self, flow: u16, ttl: u8) -> Result<Socket, Fault> {
        let peer = self.route.peer;
        let fault = |operation: &'static str| move |error: io::Error| local_fault(&error, operation, peer);
        let socket = Socket::new(Domain::for_address(peer), Type::STREAM.nonblocking(), None)
            .map_err(fault("open TCP socket"))?;
        // A reset at the end: no socket is left in TIME_WAIT, here or there.
        let _ = socket.set_linger(Some(Duration::ZERO));
        // Each hop has a place of its own among the ports, 64 flows apart from the next; what is asked again takes another, while the first
        // is still waited for.
        for port in ports(peer, flow + 64 * u16::from(ttl)).chain([0]) {
            match self.route.origin.bind(&socket, peer.ip(), port) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && port > 0 => {}
                result => {
                    result.map_err(fault("bind TCP socket"))?;
                    break;
                }
            }
        }
        set_ttl(&socket, peer, ttl).map_err(fault("set ttl"))?;
        datagram::enable_reports(&socket);
        Ok(socket)
    }

    /// Sends the SYN of packet `number`.
    pub(super) fn send(&mut self, socket: Socket, number: u32, registry: &Registry) -> Result<SynStart, Fault> {
        let peer = self.route.peer;
        let held = syn::drop_own_resets(&socket, peer.ip(), self.route.origin)
            .map_err(|error| local_fault(&error, OPERATION, peer))?;
        let result = socket.connect(&SockAddr::from(peer));
        if is_under_way(&result) {
            registry
                .register(&mut SourceFd(&socket.as_raw_fd()), token(number), Interest::WRITABLE)
                .map_err(|error| local_fault(&error, "watch TCP socket", peer))?;
            self.open.insert(number, Open { socket, held });
            return Ok(SynStart::Waiting);
        }
        ended(&socket, result, peer).map(|heard| {
            heard.map_or(SynStart::Waiting, |heard| SynStart::Answered(TraceReply { number: Some(number), ..heard }))
        })
    }

    /// Something happened to the socket of a packet.
    pub(super) fn progress(&mut self, at: Token) -> Result<Option<TraceReply>, Fault> {
        let Some(number) = number(at) else { return Ok(None) };
        let Some(open) = self.open.get(&number) else { return Ok(None) };
        let result = open.socket.connect(&SockAddr::from(self.route.peer));
        let heard = if is_under_way(&result) {
            // An ICMP error that came while `connect` held the socket is kept, and does not end the connection.
            let report = datagram::next_stamped_report(&open.socket, &mut [0; 64]);
            report.map(|(report, stamp)| TraceReply { number: None, from: report.router, report: Some(report), stamp })
        } else {
            ended(&open.socket, result, self.route.peer)?
        };
        if heard.is_some() {
            self.open.remove(&number);
        }
        Ok(heard.map(|heard| TraceReply { number: Some(number), ..heard }))
    }

    /// Why this host itself kept the SYNs from their peer; known a second after one was sent.
    pub(super) fn dropped_here(&self) -> Option<Fault> {
        let why = self.open.values().find_map(|open| syn::dropped_here(&open.socket, open.held))?;
        Some(this_host::rejection_fault(why.to_owned(), OPERATION, self.route.peer))
    }
}

/// What a connection came to; `None` for what says nothing of the path.
fn ended(socket: &Socket, result: io::Result<()>, peer: SocketAddr) -> Result<Option<TraceReply>, Fault> {
    let arrived = TraceReply { number: None, from: Some(peer.ip()), report: None, stamp: None };
    let Err(error) = result else { return Ok(Some(arrived)) };
    if let Some((report, stamp)) = datagram::next_stamped_report(socket, &mut [0; 64]) {
        return Ok(Some(TraceReply { number: None, from: report.router, report: Some(report), stamp }));
    }
    match error.raw_os_error() {
        Some(libc::EISCONN | libc::ECONNREFUSED | libc::ECONNRESET | libc::EPIPE) => Ok(Some(arrived)),
        Some(libc::ETIMEDOUT | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN) => Ok(None),
        _ => Err(local_fault(&error, OPERATION, peer)),
    }
}

fn is_under_way(result: &io::Result<()>) -> bool {
    matches!(result, Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR)))
}

/// Tokens of packets stand above those of flows.
const FLOWS: usize = 64;

fn token(number: u32) -> Token {
    Token(FLOWS + number as usize)
}

fn number(token: Token) -> Option<u32> {
    u32::try_from(token.0.checked_sub(FLOWS)?).ok()
}

#[cfg(test)]
mod tests {
    use std::io;

    use socket2::{Domain, Socket, Type};

    use super::ended;

    #[test]
    fn only_what_the_target_sends_is_an_arrival() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let peer = "127.0.0.1:9".parse().unwrap();
        let of = |errno: i32| ended(&socket, Err(io::Error::from_raw_os_error(errno)), peer);
        for errno in [libc::ECONNREFUSED, libc::ECONNRESET, libc::EISCONN] {
            assert!(of(errno).unwrap().is_some_and(|reply| reply.report.is_none()), "{errno}");
        }
        for errno in [libc::ETIMEDOUT, libc::EHOSTUNREACH, libc::ENETUNREACH, libc::EHOSTDOWN] {
            assert!(of(errno).unwrap().is_none(), "{errno}");
        }
        assert!(of(libc::EPERM).is_err());
        assert!(ended(&socket, Ok(()), peer).unwrap().is_some());
    }
}
