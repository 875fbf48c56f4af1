//! One connection that stays: each probe is a message that the service sends back.
//!
//! While there is none, each probe makes an attempt of its own, and the first that succeeds is the next connection: so it is found
//! within an interval that the service is back, and not when the kernel sends a SYN again.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use super::dialler::{Dialler, Ended};
use super::echoes::{Incoming, Line, Message};
use super::lookup::Lookup;
use crate::checks::shared::target::Target;
use crate::model::Fault;
use crate::net::dial::{local_fault, reset_at_close};
use crate::net::open_loop::{Clock, nanos};
use crate::net::sys::limits;
use crate::probe::{Connections, Identity, ProbeFailure, Prober, Reply, Seen, StreamSpec};

/// Bytes read at once, and how often before the schedule is looked at again.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 16;
/// Attempts to connect that are under way at once cover at least this time, so that a distant service can answer one …
const COVERED: Duration = Duration::from_secs(2);
/// … within these bounds.
const FEWEST_ATTEMPTS: u64 = 16;
const MOST_ATTEMPTS: u64 = 2048;

/// See the module.
pub(super) struct Session {
    dialler: Dialler,
    lookup: Option<Lookup>,
    clock: Clock,
    timeout: u64,
    message: Message,
    /// What the server says may be an echo of a secret.
    holds_secret: bool,
    link: Option<Link>,
    /// Probes that wait for a connection, and since when.
    waiting: BTreeMap<u64, u64>,
    /// Attempts to connect, the oldest first.
    attempts: VecDeque<u64>,
    most_attempts: usize,
    ended: Vec<Ended>,
    lines: Vec<Line>,
    chunk: Box<[u8]>,
    counts: Connections,
}

/// The connection.
struct Link {
    stream: TcpStream,
    /// The rest of a message that was written in part.
    unsent: Vec<u8>,
    incoming: Incoming,
    /// Probes without an echo, and when they were written.
    awaited: BTreeMap<u64, u64>,
}

impl Session {
    pub(super) fn new(
        target: &Target,
        address: IpAddr,
        spec: &StreamSpec,
        text: &[u8],
        holds_secret: bool,
    ) -> Result<Self, Fault> {
        let attempts = nanos(COVERED) / nanos(spec.interval).max(1);
        let attempts = attempts.clamp(FEWEST_ATTEMPTS, MOST_ATTEMPTS);
        Ok(Self {
            dialler: Dialler::new(target.socket(address), target.origin, spec.clock)?,
            lookup: Lookup::of(target),
            clock: spec.clock,
            timeout: nanos(spec.timeout),
            message: Message::new(text),
            holds_secret,
            link: None,
            waiting: BTreeMap::new(),
            attempts: VecDeque::new(),
            most_attempts: usize::try_from(attempts).unwrap_or(1).min(limits::files_of_stream()),
            ended: Vec::new(),
            lines: Vec::new(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            counts: Connections::default(),
        })
    }

    /// Begins with a connection that is open already.
    pub(super) fn begin(&mut self, stream: tokio::net::TcpStream) -> Result<(), Fault> {
        let peer = self.dialler.peer();
        let stream = stream.into_std().map_err(|error| local_fault(&error, "keep a TCP connection", peer))?;
        self.establish(stream).map_err(|error| local_fault(&error, "watch a TCP connection", peer))
    }

    fn establish(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        self.dialler.keep(&stream)?;
        self.counts.opened += 1;
        let (unsent, incoming, awaited) = (Vec::new(), Incoming::default(), BTreeMap::new());
        self.link = Some(Link { stream, unsent, incoming, awaited });
        Ok(())
    }

    /// What an attempt to connect came to.
    fn take(&mut self, Ended { number, sent, at, end }: Ended, replies: &mut Vec<Reply>) {
        match end {
            // Another one was sooner.
            Ok(socket) if self.link.is_some() => reset_at_close(&socket),
            Ok(socket) => match self.establish(socket.into()) {
                Ok(()) => self.write_waiting(at, replies),
                Err(error) => {
                    let fault = local_fault(&error, "watch a TCP connection", self.dialler.peer());
                    replies.push(Reply { number, sent: Some(sent), received: at, seen: Seen::Fault(fault) });
                }
            },
            Err(seen) => {
                if self.waiting.remove(&number).is_some() {
                    replies.push(Reply { number, sent: Some(sent), received: at, seen });
                }
            }
        }
    }

    /// There is a connection: those leave by it that are still waited for.
    fn write_waiting(&mut self, now: u64, replies: &mut Vec<Reply>) {
        self.dialler.abandon_all();
        self.attempts.clear();
        for (number, since) in std::mem::take(&mut self.waiting) {
            // What is older was lost with the connections that did not come about.
            if now.saturating_sub(since) <= self.timeout && !self.write(number, since, replies) {
                self.waiting.insert(number, since);
            }
        }
    }

    /// Writes a message; whether there was a connection for it.
    fn write(&mut self, number: u64, since: u64, replies: &mut Vec<Reply>) -> bool {
        let Some(link) = &mut self.link else { return false };
        match link.write(&self.message, number) {
            Ok(true) => {
                link.awaited.insert(number, since);
                true
            }
            Ok(false) => {
                let why = format!("the connection to {} takes no more: its send buffer is full", self.dialler.peer());
                let (received, seen) = (self.clock.now(), Seen::Failure(ProbeFailure::Blocked, why));
                replies.push(Reply { number, sent: None, received, seen });
                true
            }
            Err(error) => {
                self.lose(&error, replies);
                false
            }
        }
    }

    /// The connection is over: nothing that was written on it is answered any more.
    fn lose(&mut self, error: &io::Error, replies: &mut Vec<Reply>) {
        // What had arrived before is an answer all the same: a write may be the first to notice the end.
        let _ = self.read();
        self.answer(replies);
        let Some(link) = self.link.take() else { return };
        self.counts.lost += 1;
        let (peer, received) = (self.dialler.peer(), self.clock.now());
        let why = match (error.kind(), error.raw_os_error()) {
            (ErrorKind::UnexpectedEof, _) => format!("{peer} closed the connection"),
            (_, Some(libc::ECONNRESET | libc::EPIPE)) => format!("{peer} reset the connection"),
            _ => format!("the connection to {peer} was lost: {error}"),
        };
        for (number, since) in link.awaited {
            let seen = Seen::Failure(ProbeFailure::Reset, why.clone());
            replies.push(Reply { number, sent: Some(since), received, seen });
        }
        self.look_up();
    }

    /// Dials for a probe that finds no connection.
    fn dial(&mut self, number: u64, replies: &mut Vec<Reply>) {
        self.look_up();
        self.waiting.insert(number, self.clock.now());
        if self.attempts.len() >= self.most_attempts
            && let Some(oldest) = self.attempts.pop_front()
        {
            self.dialler.abandon(oldest);
        }
        match self.dialler.dial(number) {
            Some(ended) => self.take(ended, replies),
            None => self.attempts.push_back(number),
        }
    }

    fn look_up(&mut self) {
        let Some(lookup) = &mut self.lookup else { return };
        let mut peer = self.dialler.peer();
        if let Some(address) = lookup.found()
            && address != peer.ip()
        {
            peer.set_ip(address);
            self.dialler.abandon_all();
            self.attempts.clear();
            self.dialler.set_peer(peer);
        }
        if self.link.is_none() {
            lookup.ask();
        }
    }

    /// Reads what is there, and whether there is more; an error is the end of the connection.
    fn read(&mut self) -> io::Result<bool> {
        let Some(link) = &mut self.link else { return Ok(false) };
        for _ in 0..CHUNKS {
            match link.stream.read(&mut self.chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    let bytes = self.chunk.get(..count).unwrap_or_default();
                    link.incoming.take(bytes, &self.message, &mut self.lines);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The connection has something to read, or takes something again.
    fn serve(&mut self, replies: &mut Vec<Reply>) {
        let flushed = self.link.as_mut().map_or(Ok(()), Link::flush);
        let read = flushed.and_then(|()| self.read());
        self.answer(replies);
        match read {
            Ok(true) => self.dialler.kept_has_more(),
            Ok(false) => {}
            Err(error) => self.lose(&error, replies),
        }
    }

    /// What the lines that were read answer.
    fn answer(&mut self, replies: &mut Vec<Reply>) {
        let received = self.clock.now();
        let Some(link) = &mut self.link else { return };
        let identity: Option<Identity> = link.incoming.identity().filter(|_| !self.holds_secret);
        for line in self.lines.drain(..) {
            let (found, seen) = match line {
                Line::Echo(number) => (link.awaited.remove_entry(&number), Seen::Answer(identity.clone())),
                Line::Other(text) => {
                    let what = if self.holds_secret { String::new() } else { format!(": \"{text}\"") };
                    let why = format!("{} sent back something else{what}", self.dialler.peer());
                    (link.awaited.pop_first(), Seen::Failure(ProbeFailure::Unexpected, why))
                }
            };
            if let Some((number, since)) = found {
                replies.push(Reply { number, sent: Some(since), received, seen });
            }
        }
    }
}

impl Link {
    /// Writes the message of a probe, if the socket takes the first of it; whether it did. The rest leaves ahead of the next one.
    fn write(&mut self, message: &Message, number: u64) -> io::Result<bool> {
        self.flush()?;
        if !self.unsent.is_empty() {
            return Ok(false);
        }
        message.write(number, &mut self.unsent);
        let whole = self.unsent.len();
        self.flush()?;
        if self.unsent.len() == whole {
            self.unsent.clear();
            return Ok(false);
        }
        Ok(true)
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Prober for Session {
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
        if !self.write(number, self.clock.now(), replies) {
            self.dial(number, replies);
        }
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        let mut ended = std::mem::take(&mut self.ended);
        self.dialler.receive(&mut ended);
        for end in ended.drain(..) {
            self.attempts.retain(|number| *number != end.number);
            self.take(end, replies);
        }
        self.ended = ended;
        if self.dialler.take_kept_is_ready() {
            self.serve(replies);
        }
    }

    fn wait(&mut self, length: Duration) {
        self.dialler.wait(length);
    }

    fn give_up(&mut self, number: u64) {
        self.waiting.remove(&number);
        if let Some(link) = &mut self.link {
            link.awaited.remove(&number);
        }
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.counts)
    }
}
