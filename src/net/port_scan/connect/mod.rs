//! Asks by TCP connections.
//!
//! A socket that was refused is used again for the next port: making and closing one costs the kernel as much as the refusal.
//! Most answers of this very host are there when `connect` returns; only who waits is watched.

mod conclude;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::{SockAddr, Socket};

use super::scan::{Prober, Scan};
use super::{HostPort, ScanJob};
use crate::net::datagram;
use crate::net::dial::is_under_way;
use crate::net::origin::AddressClass;
use crate::net::this_host::{self, syn};
use conclude::is_lack;

/// A socket and the port it is at.
struct Connection {
    socket: Socket,
    kind: usize,
    is_watched: bool,
    /// Its resets over loopback are dropped, see [`syn`].
    held: bool,
    pair: Option<HostPort>,
}

pub(super) struct ConnectProber {
    poll: Poll,
    events: Events,
    /// By their tokens.
    connections: Vec<Option<Connection>>,
    /// Tokens of connections whose socket is ready for another port, by the class of its hosts and whether it is for this host.
    idle: [Vec<usize>; 2 * AddressClass::ALL.len()],
    /// Tokens without a connection.
    unused: Vec<usize>,
    /// Whether each host is this one.
    is_own: Vec<bool>,
    ephemeral: RangeInclusive<u16>,
}

impl ConnectProber {
    pub(super) fn new(job: &ScanJob) -> io::Result<Self> {
        let is_own = |host: &std::net::IpAddr| this_host::is_local(*host, job.origin);
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            connections: Vec::new(),
            idle: Default::default(),
            unused: Vec::new(),
            is_own: job.hosts.iter().map(is_own).collect::<io::Result<_>>()?,
            ephemeral: this_host::ephemeral_ports(),
        })
    }

    fn is_own(&self, pair: HostPort) -> bool {
        self.is_own.get(pair.host) == Some(&true)
    }

    /// The token of a connection for a port.
    fn take(&mut self, job: &ScanJob, pair: HostPort) -> io::Result<usize> {
        let kind = AddressClass::of(pair.peer.ip()) as usize + AddressClass::ALL.len() * usize::from(self.is_own(pair));
        let token = match self.idle.get_mut(kind).and_then(Vec::pop) {
            Some(token) => token,
            None => self.add(job, pair, kind)?,
        };
        if let Some(connection) = self.connection(token) {
            connection.pair = Some(pair);
        }
        Ok(token)
    }

    /// The token of a new connection.
    fn add(&mut self, job: &ScanJob, pair: HostPort, kind: usize) -> io::Result<usize> {
        let socket = open(job, pair.peer)?;
        let held = !self.is_own(pair) && syn::drop_own_resets(&socket, pair.peer.ip(), job.origin)?;
        let connection = Some(Connection { socket, kind, is_watched: false, held, pair: None });
        let token = self.unused.pop().unwrap_or(self.connections.len());
        match self.connections.get_mut(token) {
            Some(place) => *place = connection,
            None => self.connections.push(connection),
        }
        Ok(token)
    }

    fn connection(&mut self, token: usize) -> Option<&mut Connection> {
        self.connections.get_mut(token)?.as_mut()
    }

    /// Has the end of a connection noticed.
    fn watch(&mut self, token: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(token).and_then(Option::as_mut) else { return Ok(()) };
        if !connection.is_watched {
            let fd = connection.socket.as_raw_fd();
            self.poll.registry().register(&mut SourceFd(&fd), Token(token), Interest::WRITABLE)?;
            connection.is_watched = true;
        }
        Ok(())
    }

    /// Something happened to a connection.
    fn progress(&mut self, scan: &mut Scan, token: usize, is_error: bool) {
        let Some(Connection { socket, pair: Some(pair), .. }) = self.connection(token) else { return };
        let pair = *pair;
        let result = socket.connect(&SockAddr::from(pair.peer));
        if !is_under_way(&result) {
            self.conclude_late(scan, token, pair, result);
            return;
        }
        // An ICMP error that came while `connect` held the socket is kept, and does not end the connection.
        let report = if is_error { datagram::reported(socket) } else { None };
        if report.is_some_and(|report| scan.reported(&report, pair)) {
            self.close(token);
        }
    }

    /// What a connection came to that was waited for.
    fn conclude_late(&mut self, scan: &mut Scan, token: usize, pair: HostPort, result: io::Result<()>) {
        if let Err(error) = self.conclude(scan, token, pair, result) {
            scan.unsent(&error, pair);
        }
    }

    /// A socket that was refused is as good as new.
    fn reuse(&mut self, token: usize) {
        let Some(connection) = self.connection(token) else { return };
        connection.pair = None;
        let kind = connection.kind;
        if let Some(idle) = self.idle.get_mut(kind) {
            idle.push(token);
        }
    }

    fn close(&mut self, token: usize) {
        if let Some(place) = self.connections.get_mut(token)
            && place.take().is_some()
        {
            self.unused.push(token);
        }
    }
}

impl Prober for ConnectProber {
    fn send(&mut self, scan: &mut Scan, pair: HostPort) -> io::Result<()> {
        let token = match self.take(&scan.job, pair) {
            Ok(token) => token,
            Err(error) if is_lack(&error, scan.job.origin.source) => return Err(error),
            Err(error) => {
                scan.unsent(&error, pair);
                return Ok(());
            }
        };
        let is_own = self.is_own(pair);
        let Some(Connection { socket, .. }) = self.connection(token) else { return Ok(()) };
        let to = SockAddr::from(pair.peer);
        let mut result = socket.connect(&to);
        // The answer of this very host came while `connect` still held the socket; asking again tells it.
        if is_own && is_under_way(&result) {
            result = socket.connect(&to);
        }
        if is_under_way(&result) {
            self.watch(token).inspect_err(|_| self.close(token))?;
            scan.sent(pair, token);
        } else {
            self.conclude(scan, token, pair, result)?;
        }
        scan.found.probes += 1;
        Ok(())
    }

    fn receive(&mut self, scan: &mut Scan, length: Duration) {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        // Where it is interrupted, there will be another turn.
        let _ = self.poll.poll(&mut events, Some(length));
        for event in &events {
            self.progress(scan, event.token().0, event.is_error());
        }
        self.events = events;
        scan.read_until = Instant::now();
    }

    fn expire(&mut self, scan: &mut Scan, pair: HostPort, token: usize) {
        let is_own = self.is_own(pair);
        let Some(Connection { socket, held, .. }) = self.connection(token) else { return };
        // Of many events not all are read in one turn.
        let result = socket.connect(&SockAddr::from(pair.peer));
        let why = if is_own { None } else { syn::dropped_here(socket, *held) };
        if !is_under_way(&result) {
            self.conclude_late(scan, token, pair, result);
            return;
        }
        if let Some(why) = why {
            let operation = scan.job.method.operation();
            scan.fault(pair, this_host::rejection_fault(why.to_owned(), operation, pair.peer));
        }
        self.close(token);
    }

    fn give_back(&mut self) {
        for token in std::mem::take(&mut self.idle).concat() {
            self.close(token);
        }
    }
}

fn open(job: &ScanJob, peer: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(socket2::Domain::for_address(peer), socket2::Type::STREAM.nonblocking(), None)?;
    job.origin.bind(&socket, peer.ip(), 0)?;
    datagram::enable_icmp_errors(&socket);
    Ok(socket)
}
