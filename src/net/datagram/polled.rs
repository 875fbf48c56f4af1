//! A datagram socket on a thread of its own, without a runtime: what long-lived probers send and hear by, at the cost of a system call
//! for each of the two.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockAddr, Socket};

use super::{IcmpError, enable_reports, next_stamped_report, past_errors};
use crate::net::clock::ClockReading;
use crate::net::open_loop::{Clock, nanos};
use crate::net::sys::mmsg::{self, Inbox, Waiter};

/// Receive buffer asked for: some thousand answers that come at once, as a network that comes back delivers them.
const BUFFER: usize = 8 << 20;
/// Datagrams taken by one call.
const BATCH: usize = 8;
/// Calls of one turn, so that a flood cannot stop what is to be sent.
const CALLS: usize = 64;
/// Reports of the path read in one turn.
const REPORTS: usize = 256;
/// So many datagrams wait before the kernel drops some for want of room; others it drops because they are damaged.
const CROWD: usize = 64;
/// What is looked at of a quoted packet: more than routers quote.
const QUOTE: usize = 1500;

/// What a socket heard.
#[derive(Debug)]
pub enum Heard<'p> {
    /// A datagram.
    Datagram(HeardDatagram<'p>),
    /// An ICMP error about a packet, what it quotes of that, and when it came.
    Report(IcmpError, &'p [u8], u64),
    /// So many answers were dropped by this host, because they were not read in time.
    Dropped(u32),
    /// This host cannot read the socket.
    Failed(io::Error),
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub struct HeardDatagram<'p> {
    /// As much of it as there is room for.
    pub bytes: &'p [u8],
    /// There was more.
    pub cut: bool,
    /// Who sent it; of raw and ping sockets the port says nothing.
    pub sender: Option<SocketAddr>,
    /// TTL or hop limit it arrived with.
    pub ttl: Option<u8>,
    /// When it came, on the socket's clock: by the kernel's stamp, unless the wall clock was set meanwhile.
    pub at: u64,
}

/// What is known of a socket since the last time it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    /// There was nothing to read when the wait for it was over.
    Quiet,
    /// There are datagrams, or errors of earlier packets.
    Waiting,
}

/// A non-blocking socket that is not connected, and a clock.
pub struct Polled {
    socket: Socket,
    waiter: Waiter,
    inbox: Inbox,
    quote: Vec<u8>,
    clock: Clock,
    known: Known,
    has_reports: bool,
    /// The clocks when nothing waited to be read: what is read next was stamped later.
    empty: ClockReading,
    drops: u32,
}

impl Polled {
    /// Takes over `socket`, with room for datagrams of `room` bytes. Times are on `clock`.
    pub fn new(socket: Socket, clock: Clock, room: usize) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        enable_reports(&socket);
        mmsg::prepare(&socket, BUFFER)?;
        Ok(Self {
            waiter: Waiter::new([&socket]),
            inbox: Inbox::few_with_senders(room, BATCH),
            quote: vec![0; QUOTE],
            clock,
            known: Known::Nothing,
            has_reports: false,
            empty: ClockReading::now(),
            drops: 0,
            socket,
        })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Sends at once or not at all. An error that an earlier packet caused is not taken for one of this packet.
    pub fn send(&mut self, packet: &[u8], to: &SockAddr) -> io::Result<()> {
        let mut tries = 0;
        let result = past_errors(|| {
            tries += 1;
            self.socket.send_to(packet, to)
        });
        if tries > 1 {
            (self.has_reports, self.known) = (true, Known::Waiting);
        }
        result.map(|_| ())
    }

    /// Waits until there may be something to hear, at most for `length`.
    pub fn wait(&mut self, length: Duration) {
        if self.known == Known::Waiting {
            return;
        }
        if self.waiter.arrivals(length) {
            self.has_reports |= self.waiter.has_errors();
            self.known = Known::Waiting;
        } else {
            self.known = Known::Quiet;
            self.empty = ClockReading::now();
        }
    }

    /// Hands on what has come.
    pub fn hear(&mut self, mut each: impl FnMut(Heard<'_>)) {
        if std::mem::replace(&mut self.known, Known::Nothing) == Known::Quiet {
            return;
        }
        if std::mem::take(&mut self.has_reports) {
            self.reports(&mut each);
        }
        let mut heard = 0;
        for _ in 0..CALLS {
            match self.inbox.receive(&self.socket) {
                Ok(count) => heard += count,
                Err(error) => {
                    // The report behind it says more; an error of the path without one does not say which packet met it.
                    if self.reports(&mut each) == 0 && !is_of_the_path(&error) {
                        each(Heard::Failed(error));
                    }
                    continue;
                }
            }
            if !self.datagrams(&mut each) {
                break;
            }
        }
        if let Some(drops) = self.inbox.drops() {
            let more = drops.wrapping_sub(std::mem::replace(&mut self.drops, drops));
            if more > 0 && heard >= CROWD {
                each(Heard::Dropped(more));
            }
        }
    }

    /// Hands on the datagrams of a call; whether there may be more.
    fn datagrams(&mut self, each: &mut impl FnMut(Heard<'_>)) -> bool {
        let (now, reading) = (self.clock.now(), ClockReading::now());
        for index in 0.. {
            let Some((bytes, cut)) = self.inbox.datagram(index) else { break };
            each(Heard::Datagram(HeardDatagram {
                bytes,
                cut,
                sender: self.inbox.sending_end(index),
                ttl: self.inbox.ttl(index),
                at: arrival(now, reading, self.empty, self.inbox.stamp(index)),
            }));
        }
        let more = self.inbox.is_full();
        if !more {
            self.empty = reading;
        }
        more
    }

    /// Hands on the reports that wait; how many they are.
    fn reports(&mut self, each: &mut impl FnMut(Heard<'_>)) -> usize {
        for count in 0..REPORTS {
            let Some((report, stamp)) = next_stamped_report(&self.socket, &mut self.quote) else { return count };
            let at = arrival(self.clock.now(), ClockReading::now(), self.empty, stamp);
            let quoted = self.quote.get(..report.quoted).unwrap_or_default();
            each(Heard::Report(report, quoted, at));
        }
        // The rest is read in the next turn.
        (self.has_reports, self.known) = (true, Known::Waiting);
        REPORTS
    }
}

/// Errors that ICMP errors become.
fn is_of_the_path(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::EHOSTDOWN
                | libc::ENETUNREACH
                | libc::ENONET
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::EPROTO
                | libc::EACCES
                | libc::EMSGSIZE
        )
    )
}

/// When something came that is read `now`, at the reading `reading` of the clocks.
fn arrival(now: u64, reading: ClockReading, empty: ClockReading, stamp: Option<Duration>) -> u64 {
    let ago = stamp.and_then(|stamp| reading.since_stamp(empty, stamp));
    now.saturating_sub(ago.map_or(0, nanos))
}
