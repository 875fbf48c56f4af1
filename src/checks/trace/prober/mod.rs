//! Sends the packets of a trace, all those of a flow at once, and hears what becomes of each.

mod flow;
mod listen;
mod mtu;
mod syn;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll};
use tokio_util::sync::CancellationToken;

use super::fields::Protocol;
use crate::model::Fault;
use crate::net::Origin;
use crate::net::clock::{ClockReading, MeasuredTime};
use crate::net::dial::local_fault;
use crate::net::open_loop::Clock;
use crate::net::sys::mmsg::Inbox;
use crate::net::this_host::{self, OwnAddresses};
use crate::proto::icmp::{icmp_fault, unique};
pub(super) use flow::Ending;
use flow::{DatagramFlow, Route};
use mtu::MtuSearch;
pub(super) use mtu::{LENGTHS, MtuFound, TRIES};
use syn::{SynStart, Syns};

/// Once the end of the path is known, hops are waited for as long as four of the longest round trips so far, and this.
const LEAST_PATIENCE: Duration = Duration::from_millis(200);
/// How far flows are followed beyond the end of others: equal ways are mostly equally long.
const FARTHER: u8 = 2;
/// Hops behind the last answer that are asked again, beside the last one of all.
const TAIL: u8 = 3;
/// Linux answers a host with an error a second, once it has sent some.
pub(super) const LIMITED: Duration = Duration::from_millis(1050);
/// Longest wait without a look at whether to stop.
const TURN: Duration = Duration::from_millis(50);
/// A queue of this host that is full is tried again so often, after a pause.
const FULL: usize = 50;
const PAUSE: Duration = Duration::from_millis(2);
/// When it is known what this host itself did to a SYN: it is repeated after a second.
const REPEATED: Duration = Duration::from_millis(1200);
const OPERATION: &str = "send packets to trace";

/// What there is to do.
#[derive(Clone, Debug)]
pub(super) struct TraceJob {
    pub(super) peer: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) flows: u16,
    pub(super) max_hops: u8,
    pub(super) count: u32,
    pub(super) retries: u32,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) origin: Origin,
    pub(super) mtu: bool,
    pub(super) seed: u64,
}

/// A packet, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) flow: u16,
    pub(super) ttl: u8,
    /// Length as an IP packet, where that is what is looked for.
    pub(super) length: Option<usize>,
    /// When it was sent, nanoseconds since the start.
    at: u64,
    pub(super) answer: Option<HopAnswer>,
}

impl Packet {
    /// Its answer, where that stands for a hop: who finds it too long may be anywhere before.
    pub(super) fn passed(&self) -> Option<&HopAnswer> {
        self.answer.as_ref().filter(|answer| !matches!(answer.ending, Ending::TooBig(_)))
    }
}

#[cfg(test)]
impl Packet {
    /// A packet as if it had been sent.
    pub(super) fn of(flow: u16, ttl: u8, answer: Option<HopAnswer>) -> Self {
        Self { flow, ttl, length: None, at: 0, answer }
    }
}

/// The first answer to a packet.
#[derive(Clone, Debug)]
pub(super) struct HopAnswer {
    pub(super) from: IpAddr,
    pub(super) ending: Ending,
    /// The error, where it is another one than that the TTL ran out.
    pub(super) error: Option<String>,
    pub(super) rtt: MeasuredTime,
}

/// What was found.
pub(super) struct TraceResult {
    pub(super) packets: Vec<Packet>,
    /// Source port or identifier of each flow; of SYNs, whose ports are many, its number.
    pub(super) ports: Vec<u16>,
    /// This host says that its neighbour on the way does not answer.
    pub(super) neighbour: Option<String>,
    pub(super) mtu: Option<MtuFound>,
    /// The target stopped answering while its MTU was looked for.
    pub(super) stopped: bool,
}

enum FlowSockets {
    Datagrams(Vec<DatagramFlow>),
    Syns(Syns),
}

pub(super) struct Prober {
    job: TraceJob,
    route: Route,
    wire: FlowSockets,
    ports: Vec<u16>,
    poll: Poll,
    events: Events,
    inbox: Inbox,
    clock: Clock,
    start: ClockReading,
    packets: Vec<Packet>,
    /// The least TTL that came to an end, by flow.
    ends: Vec<Option<u8>>,
    longest: Duration,
    last_sent: Instant,
    /// Flows of which somebody answered without saying to which packet.
    nameless: Vec<bool>,
    /// The one packet that an answer without a number is about.
    single: Option<u32>,
    neighbour: Option<String>,
    /// The target is this host.
    is_own: bool,
    own: OwnAddresses,
}

impl Prober {
    /// Opens its sockets.
    pub(super) fn open(job: TraceJob) -> Result<Self, Fault> {
        let fault = |error: io::Error| local_fault(&error, "wait for packets", job.peer);
        if let Some(error) = this_host::route_error(job.peer, job.origin) {
            return Err(this_host::route_fault(&error, OPERATION, job.peer, job.origin));
        }
        let longest = if job.mtu {
            let mtu = this_host::interface_mtu(job.peer.ip(), job.origin).map_err(fault)?;
            mtu.map_or(1500, |mtu| mtu as usize)
        } else {
            0
        };
        let longest = longest.min(65_535);
        let (peer, origin, seed) = (job.peer, job.origin, job.seed);
        let route = Route { peer, origin, dont_fragment: job.mtu, longest, seed };
        let poll = Poll::new().map_err(fault)?;
        let (mut flows, mut ports) = (Vec::new(), Vec::new());
        for flow in 0..job.flows {
            let (socket, port) = match job.protocol {
                Protocol::Icmp => DatagramFlow::echo(route, flow)?,
                Protocol::Udp => DatagramFlow::udp(route, flow, unique(seed))?,
                Protocol::Tcp => break,
            };
            let token = mio::Token(flow.into());
            let registered =
                poll.registry().register(&mut SourceFd(&socket.socket().as_raw_fd()), token, Interest::READABLE);
            registered.map_err(fault)?;
            flows.push(socket);
            ports.push(port);
        }
        let wire = if job.protocol == Protocol::Tcp {
            ports = (1..=job.flows).collect();
            FlowSockets::Syns(Syns::new(route))
        } else {
            FlowSockets::Datagrams(flows)
        };
        Ok(Self {
            wire,
            ports,
            poll,
            events: Events::with_capacity(256),
            inbox: Inbox::with_senders(DatagramFlow::room(&route)),
            clock: Clock::start(),
            start: ClockReading::now(),
            packets: Vec::new(),
            ends: vec![None; job.flows.into()],
            longest: Duration::ZERO,
            last_sent: Instant::now(),
            nameless: vec![false; job.flows.into()],
            single: None,
            neighbour: None,
            is_own: this_host::is_local(job.peer.ip(), job.origin).map_err(fault)?,
            own: OwnAddresses::of(job.origin),
            route,
            job,
        })
    }

    /// Traces the path.
    pub(super) fn run(mut self, stop: &CancellationToken) -> Result<TraceResult, Fault> {
        let first = self.packets.len();
        self.volley(0, 1..=self.job.max_hops)?;
        self.settle(first, stop)?;
        let first = self.packets.len();
        for round in 0..self.job.count {
            for flow in (0..self.job.flows).filter(|flow| round > 0 || *flow > 0) {
                self.listen(self.job.interval, stop)?;
                self.volley(flow, 1..=self.edge(flow))?;
            }
        }
        self.settle(first, stop)?;
        self.farther(stop)?;
        self.again(stop)?;
        self.own_drop(stop)?;
        let mtu = if self.job.mtu { self.find_mtu(stop)? } else { MtuSearch::Unreached };
        let stopped = matches!(mtu, MtuSearch::Stopped);
        let mtu = if let MtuSearch::Found(found) = mtu { Some(found) } else { None };
        Ok(TraceResult { packets: self.packets, ports: self.ports, neighbour: self.neighbour, mtu, stopped })
    }

    /// Follows to the last hop those flows whose routers still answer where others end: their ways are longer, or go round in circles.
    fn farther(&mut self, stop: &CancellationToken) -> Result<(), Fault> {
        let first = self.packets.len();
        for flow in (0..self.job.flows).filter(|flow| self.end(*flow).is_none()).collect::<Vec<_>>() {
            let own = self.packets.iter().filter(|packet| packet.flow == flow);
            let asked = own.clone().map(|packet| packet.ttl).max().unwrap_or(0);
            let answered = own.filter(|packet| packet.answer.is_some()).map(|packet| packet.ttl).max().unwrap_or(0);
            if asked < self.job.max_hops && answered.saturating_add(FARTHER) >= asked {
                self.listen(self.job.interval, stop)?;
                self.volley(flow, asked + 1..=self.job.max_hops)?;
            }
        }
        self.settle(first, stop)
    }

    /// Asks again what answered nothing.
    fn again(&mut self, stop: &CancellationToken) -> Result<(), Fault> {
        for _ in 0..self.job.retries {
            let missing = self.missing();
            if missing.is_empty() || stop.is_cancelled() {
                break;
            }
            let first = self.packets.len();
            for (flow, ttls) in missing {
                if self.nameless.get(usize::from(flow)).copied().unwrap_or_default() {
                    self.one_by_one(flow, &ttls, stop)?;
                    continue;
                }
                if self.is_limited(flow) {
                    self.listen(LIMITED, stop)?;
                } else if self.packets.len() > first {
                    self.listen(self.job.interval, stop)?;
                }
                self.volley(flow, ttls)?;
            }
            self.settle(first, stop)?;
        }
        Ok(())
    }

    /// Whether the target may only have answered enough already: hosts limit the errors they send, and errors are what datagrams are answered by.
    fn is_limited(&self, flow: u16) -> bool {
        self.job.protocol == Protocol::Udp && self.end(flow).is_none() && self.ends.iter().any(Option::is_some)
    }

    /// Hops of a flow whose routers do not say which packet they answer: one in flight at a time.
    fn one_by_one(&mut self, flow: u16, ttls: &[u8], stop: &CancellationToken) -> Result<(), Fault> {
        for ttl in ttls {
            if stop.is_cancelled() || self.end(flow).is_some_and(|end| *ttl > end) {
                break;
            }
            let first = self.packets.len();
            self.single = u32::try_from(first).ok();
            self.volley(flow, [*ttl])?;
            self.settle(first, stop)?;
            self.single = None;
        }
        Ok(())
    }

    fn end(&self, flow: u16) -> Option<u8> {
        self.ends.get(usize::from(flow)).copied().flatten()
    }

    /// The farthest hop worth asking.
    fn edge(&self, flow: u16) -> u8 {
        let farther = |end: u8| end.saturating_add(FARTHER).min(self.job.max_hops);
        let others = self.ends.iter().copied().flatten().max().map(farther);
        self.end(flow).or(others).unwrap_or(self.job.max_hops)
    }

    /// Hops that answered nothing, by flow; of those behind the last answer some.
    fn missing(&self) -> Vec<(u16, Vec<u8>)> {
        let mut answered = vec![[false; 256]; self.job.flows.into()];
        for packet in self.packets.iter().filter(|packet| packet.answer.is_some()) {
            if let Some(hop) =
                answered.get_mut(usize::from(packet.flow)).and_then(|hops| hops.get_mut(usize::from(packet.ttl)))
            {
                *hop = true;
            }
        }
        let mut out = Vec::new();
        for (flow, hops) in (0..).zip(&answered) {
            let last = (1..=self.job.max_hops).rev().find(|ttl| hops[usize::from(*ttl)]).unwrap_or(0);
            let all = self.nameless.get(usize::from(flow)).copied().unwrap_or_default();
            let tail = |ttl: u8| all || ttl <= last.saturating_add(TAIL) || ttl == self.job.max_hops;
            let wanted = |ttl: &u8| match self.end(flow) {
                Some(end) => *ttl < end,
                None => tail(*ttl),
            };
            let ttls: Vec<u8> = (1..=self.job.max_hops).filter(|ttl| !hops[usize::from(*ttl)]).filter(wanted).collect();
            if !ttls.is_empty() {
                out.push((flow, ttls));
            }
        }
        out
    }

    /// Sends one packet to each of these hops.
    fn volley(&mut self, flow: u16, ttls: impl IntoIterator<Item = u8>) -> Result<(), Fault> {
        for ttl in ttls {
            self.send(flow, ttl, None)?;
            // Where the kernel does not stamp arrivals yet, the time of reading counts.
            self.listen_once(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Sends one packet; false where it is longer than this host itself takes.
    fn send(&mut self, flow: u16, ttl: u8, length: Option<usize>) -> Result<bool, Fault> {
        let number = u32::try_from(self.packets.len()).unwrap_or(u32::MAX);
        self.packets.push(Packet { flow, ttl, length, at: 0, answer: None });
        let mut heard = None;
        let at = match &mut self.wire {
            FlowSockets::Datagrams(flows) => {
                let Some(socket) = flows.get(usize::from(flow)) else { return Ok(false) };
                let packet = socket.packet(number, length);
                let mut tries = 0;
                loop {
                    let at = self.clock.now();
                    match socket.send(&packet, ttl) {
                        Ok(()) => break at,
                        Err(error) if is_full(&error) && tries < FULL => {
                            tries += 1;
                            std::thread::park_timeout(PAUSE);
                        }
                        Err(error) if length.is_some() && error.raw_os_error() == Some(libc::EMSGSIZE) => {
                            self.packets.pop();
                            return Ok(false);
                        }
                        Err(error) => return Err(self.unsent(&error, flow)),
                    }
                }
            }
            FlowSockets::Syns(syns) => {
                let socket = syns.prepare(flow, ttl)?;
                let at = self.clock.now();
                if let SynStart::Answered(answer) = syns.send(socket, number, self.poll.registry())? {
                    heard = Some(answer);
                }
                at
            }
        };
        if let Some(packet) = self.packets.last_mut() {
            packet.at = at;
        }
        self.last_sent = Instant::now();
        heard.map_or(Ok(()), |heard| self.heard(flow, heard))?;
        Ok(true)
    }

    /// Why this host did not send.
    fn unsent(&self, error: &io::Error, flow: u16) -> Fault {
        let peer = self.job.peer;
        if let FlowSockets::Datagrams(flows) = &self.wire
            && let Some(socket) = flows.get(usize::from(flow))
        {
            let mut heard = Vec::new();
            socket.receive(&mut Inbox::new(64), &mut heard);
            let own =
                heard.iter().find_map(|heard| this_host::rejection(heard.report.as_ref()?, peer.ip(), self.job.origin));
            if let Some(why) = own {
                return this_host::rejection_fault(why, OPERATION, peer);
            }
        }
        match self.job.protocol {
            Protocol::Icmp => icmp_fault(error, OPERATION, peer.ip()),
            Protocol::Udp | Protocol::Tcp => local_fault(error, OPERATION, peer),
        }
    }
}

/// Whether a queue of this host has no room for the moment.
fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM))
}
