//! What comes back, and how long it is waited for.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::flow::{Ending, TraceReply};
use super::{FlowSockets, HopAnswer, LEAST_PATIENCE, OPERATION, Prober, REPEATED, TURN};
use crate::model::Fault;
use crate::net::clock::{ClockReading, MeasuredTime};
use crate::net::datagram::{Class, IcmpError};
use crate::net::dial::local_fault;
use crate::net::this_host;

impl Prober {
    /// Waits for the answers to the packets from `first` on, those behind the end of their flow left out.
    pub(super) fn settle(&mut self, first: usize, stop: &CancellationToken) -> Result<(), Fault> {
        while self.is_waiting(first) && !stop.is_cancelled() {
            let left = (self.last_sent + self.patience(first)).saturating_duration_since(Instant::now());
            self.listen_once(left.min(TURN))?;
            if left.is_zero() {
                break;
            }
        }
        Ok(())
    }

    /// Listens for so long.
    pub(super) fn listen(&mut self, length: Duration, stop: &CancellationToken) -> Result<(), Fault> {
        let end = Instant::now() + length;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || stop.is_cancelled() {
                return Ok(());
            }
            self.listen_once(left.min(TURN))?;
        }
    }

    /// A SYN that a filter of this host drops leaves no trace until it is repeated: where nothing answered, that is waited for.
    pub(super) fn own_drop(&mut self, stop: &CancellationToken) -> Result<(), Fault> {
        let silent = self.packets.iter().all(|packet| packet.answer.is_none());
        if !silent || !matches!(self.wire, FlowSockets::Syns(_)) {
            return Ok(());
        }
        let first = self.clock.started() + REPEATED;
        self.listen(first.saturating_duration_since(Instant::now()), stop)?;
        match &self.wire {
            FlowSockets::Syns(syns) => syns.dropped_here().map_or(Ok(()), Err),
            FlowSockets::Datagrams(_) => Ok(()),
        }
    }

    fn patience(&self, first: usize) -> Duration {
        let new = self.packets.get(first..).unwrap_or_default();
        let known = new.iter().all(|packet| self.end(packet.flow).is_some());
        if known { (self.longest * 4).max(LEAST_PATIENCE).min(self.job.timeout) } else { self.job.timeout }
    }

    fn is_waiting(&self, first: usize) -> bool {
        let new = self.packets.get(first..).unwrap_or_default();
        new.iter().any(|packet| {
            // The target itself answers as late as it is far: later than the routers before it.
            let is_on_the_path = self.end(packet.flow).is_none_or(|end| packet.ttl <= end);
            packet.answer.is_none() && (packet.length.is_some() || is_on_the_path)
        })
    }

    /// Reads what is there, and waits for it so long where nothing is.
    pub(super) fn listen_once(&mut self, length: Duration) -> Result<(), Fault> {
        // Where it is interrupted, there will be another turn.
        let _ = self.poll.poll(&mut self.events, Some(length));
        let tokens: Vec<mio::Token> = self.events.iter().map(mio::event::Event::token).collect();
        let mut heard = Vec::new();
        for token in tokens {
            let flow = match &mut self.wire {
                FlowSockets::Datagrams(flows) => {
                    if let Some(socket) = flows.get(token.0) {
                        socket.receive(&mut self.inbox, &mut heard);
                    }
                    u16::try_from(token.0).unwrap_or_default()
                }
                FlowSockets::Syns(syns) => {
                    heard.extend(syns.progress(token)?);
                    0
                }
            };
            for heard in heard.drain(..) {
                self.heard(flow, heard)?;
            }
        }
        Ok(())
    }

    /// Notes an answer.
    pub(super) fn heard(&mut self, flow: u16, heard: TraceReply) -> Result<(), Fault> {
        let now = ClockReading::now();
        let target = self.job.peer.ip();
        let Some(ending) = self.ending(&heard)? else { return Ok(()) };
        let Some(from) = heard.from else { return Ok(()) };
        let number = heard.number.or_else(|| {
            if let Some(nameless) = self.nameless.get_mut(usize::from(flow)) {
                *nameless = true;
            }
            self.single
        });
        let Some(packet) = number.and_then(|number| self.packets.get_mut(usize::try_from(number).ok()?)) else {
            return Ok(());
        };
        if packet.answer.is_some() || (ending == Ending::Arrived && from.to_canonical() != target.to_canonical()) {
            return Ok(());
        }
        let (length, stamp) = self.start.after(packet.at).elapsed(now, heard.stamp);
        // That nobody listens on the port is how a target answers datagrams.
        let is_port = heard.report.as_ref().is_some_and(|report| report.class == Class::Port);
        let usual = ending == Ending::Expired || (ending == Ending::Arrived && is_port);
        let error = heard.report.filter(|_| !usual).map(|report| report.word);
        let (flow, ttl, probes_length) = (packet.flow, packet.ttl, packet.length.is_some());
        let ends = matches!(ending, Ending::Arrived | Ending::Rejected) && !probes_length;
        packet.answer = Some(HopAnswer { from, ending, error, rtt: MeasuredTime { length, stamp } });
        self.longest = self.longest.max(length);
        if let Some(end) = self.ends.get_mut(usize::from(flow)).filter(|_| ends) {
            *end = Some(end.map_or(ttl, |end| end.min(ttl)));
        }
        Ok(())
    }

    /// What an answer says of its packet; `None` where it says nothing of the path.
    fn ending(&mut self, heard: &TraceReply) -> Result<Option<Ending>, Fault> {
        let Some(report) = &heard.report else { return Ok(Some(Ending::Arrived)) };
        let target = self.job.peer.ip();
        let by_own = match report.router {
            Some(router) => self.own.has(router).map_err(|error| local_fault(&error, OPERATION, self.job.peer))?,
            None => true,
        };
        if by_own && !self.is_own {
            if let Some(why) = this_host::rejection(report, target, self.job.origin) {
                return Err(this_host::rejection_fault(why, OPERATION, self.job.peer));
            }
            if report.class == Class::Unreachable {
                self.neighbour = Some(report.to_string());
            }
            return Ok(None);
        }
        let by_target = |report: &IcmpError| report.router == Some(target);
        Ok(match report.class {
            Class::Advice => None,
            Class::TooBig => Some(Ending::TooBig(report.mtu)),
            Class::TimeExceeded if report.word.starts_with("reassembly") => None,
            Class::TimeExceeded => Some(Ending::Expired),
            Class::Port | Class::Unreachable if by_target(report) => Some(Ending::Arrived),
            Class::Port | Class::Unreachable => Some(Ending::Rejected),
        })
    }
}
