//! One host, again and again: a long-lived prober.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::SockAddr;

use super::single::Single;
use crate::checks::shared::prober::{dropped, extended, reported, unsent};
use crate::model::Fault;
use crate::net::Origin;
use crate::net::datagram::{Heard, HeardDatagram, Polled};
use crate::probe::{EarlyEnd, Identity, ProbeFailure, Prober, Reply, Seen, StreamSpec};
use crate::proto::icmp::echo::NUMBERED;
use crate::proto::icmp::{self, Echo, EchoSocket, Number, Received, Requests, icmp_fault};

/// A prober of one host. Whatever belongs to a probe stands in its packets: nothing is kept of them.
pub(super) struct EchoProber {
    polled: Polled,
    requests: Requests,
    answers: Answers,
}

/// Tells answers apart.
struct Answers {
    echo: Echo,
    ip_header: bool,
    target: IpAddr,
    to: SockAddr,
    origin: Origin,
    newest: u64,
    /// Who answered last.
    last: Option<(Option<IpAddr>, Option<u8>, Identity)>,
}

impl EchoProber {
    /// Opens one; `None` for what only a round can do: several probes, a payload without room for a number, a question to the
    /// link, and a name that is not resolved.
    pub(super) async fn open(single: &Single, spec: &StreamSpec) -> Result<Option<Self>, Fault> {
        if single.count != 1 || single.size < NUMBERED || single.duplicate_address {
            return Ok(None);
        }
        let target = match single.target.address().await {
            Ok(target) => target,
            Err(EarlyEnd::Outcome { .. }) => return Ok(None),
            Err(EarlyEnd::Fault(fault)) => return Err(fault),
        };
        let EchoSocket { socket, echo, ip_header } = EchoSocket::open(target, single.size, spec.seed, single.options)?;
        let polled = Polled::new(socket, spec.clock, icmp::room(single.size));
        let polled = polled.map_err(|error| icmp_fault(&error, "watch ICMP socket", target))?;
        let (to, origin) = (SocketAddr::new(target, 0).into(), single.target.origin);
        let answers = Answers { echo, ip_header, target, to, origin, newest: 0, last: None };
        Ok(Some(Self { polled, requests: Requests::new(&echo), answers }))
    }
}

impl Prober for EchoProber {
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
        self.answers.newest = number;
        #[expect(clippy::cast_possible_truncation, reason = "the upper half is known from the newest one")]
        let packet = self.requests.of(number as u32);
        if let Err(error) = self.polled.send(packet, &self.answers.to) {
            let fault = || icmp_fault(&error, "send ICMP", self.answers.target);
            replies.push(unsent(number, self.polled.now(), &error, fault));
        }
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        let Self { polled, answers, .. } = self;
        let now = polled.now();
        polled.hear(|heard| replies.extend(answers.reply(heard, now)));
    }

    fn wait(&mut self, length: Duration) {
        self.polled.wait(length);
    }
}

impl Answers {
    fn reply(&mut self, heard: Heard<'_>, now: u64) -> Option<Reply> {
        let (number, received, seen) = match heard {
            Heard::Datagram(datagram) => self.datagram(&datagram)?,
            Heard::Report(report, quoted, at) => {
                let number = self.number(self.echo.quoted(quoted)?)?;
                (number, at, reported(&report, self.target, self.target, self.origin)?)
            }
            Heard::Dropped(count) => (self.newest, now, Seen::Fault(dropped(count, "receive ICMP", self.target))),
            Heard::Failed(error) => (self.newest, now, Seen::Fault(self.failed(&error))),
        };
        Some(Reply { number, sent: None, received, seen })
    }

    fn datagram(&mut self, datagram: &HeardDatagram<'_>) -> Option<(u64, u64, Seen)> {
        let (number, intact) = match self.echo.read(datagram.bytes, self.ip_header) {
            Received::Reply(number) => (number, true),
            Received::Altered(number) => (number, false),
            Received::Other => return None,
        };
        // The number of a payload that was altered may be any.
        let (number, intact) = match self.number(number) {
            Some(number) => (number, intact),
            None => (self.number(number.low())?, false),
        };
        let seen = if intact {
            Seen::Answer(Some(self.identity(datagram)))
        } else {
            let why = "the reply is not what was sent: another length, payload, sequence number or checksum";
            Seen::Failure(ProbeFailure::Unexpected, why.to_owned())
        };
        Some((number, datagram.at, seen))
    }

    fn number(&self, number: Number) -> Option<u64> {
        match number {
            Number::Exact(number) => extended(self.newest, number.into(), u32::BITS),
            Number::Low(low) => extended(self.newest, low.into(), u16::BITS),
        }
    }

    /// Who answered: the address where it is another than the one asked, and the hop limit, which tells routers' ways apart.
    fn identity(&mut self, datagram: &HeardDatagram<'_>) -> Identity {
        let other = datagram.sender.map(|sender| sender.ip()).filter(|sender| *sender != self.target);
        if let Some((sender, ttl, identity)) = &self.last
            && (*sender, *ttl) == (other, datagram.ttl)
        {
            return Identity::clone(identity);
        }
        let parts = [other.map(|other| other.to_string()), datagram.ttl.map(|ttl| format!("ttl={ttl}"))];
        let text: Vec<String> = parts.into_iter().flatten().collect();
        let identity = Identity::from(text.join(" "));
        self.last = Some((other, datagram.ttl, Identity::clone(&identity)));
        identity
    }

    fn failed(&self, error: &io::Error) -> Fault {
        icmp_fault(error, "receive ICMP", self.target)
    }
}

#[cfg(test)]
mod tests;
