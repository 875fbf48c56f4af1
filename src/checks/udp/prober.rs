//! One datagram, again and again, to a service that sends back what it is sent: a long-lived prober.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockAddr;

use super::Udp;
use super::exchange::{Echoed, LARGEST};
use crate::checks::shared::payload::EXPECTED;
use crate::checks::shared::prober::{InTime, dropped, reported, unsent};
use crate::model::Fault;
use crate::net::datagram::{Heard, HeardDatagram, Polled, udp};
use crate::net::dial::local_fault;
use crate::net::open_loop::nanos;
use crate::net::{Origin, bytes};
use crate::probe::{EarlyEnd, Identity, ProbeFailure, Prober, Reply, Seen, StreamSpec};
use crate::proto::icmp::unique;

/// Digits behind what is sent that are alike in a stream, and no other's.
const TAG: usize = 8;
/// Digits of the number behind these.
const NUMBER: usize = 16;
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Room for what a service puts around what it sends back.
const AROUND: usize = 512;
/// What is shown of that.
const SHOWN: usize = 64;

/// A prober of one service. The number of a probe stands in its datagram, in digits, so that a service that reads text can.
pub(super) struct EchoProber {
    polled: Polled,
    request: Vec<u8>,
    answers: Answers,
}

/// Tells answers apart.
struct Answers {
    peer: SocketAddr,
    to: SockAddr,
    origin: Origin,
    /// What every datagram of the stream begins with.
    common: Vec<u8>,
    expect: Option<Vec<u8>>,
    /// What came may be shown: no secret was sent.
    is_shown: bool,
    newest: u64,
    in_time: InTime,
    /// What stood around the last answer.
    last: Option<(Vec<u8>, Vec<u8>, Identity)>,
}

/// What was sent, as it came back.
struct EchoedPayload<'a> {
    number: u64,
    before: &'a [u8],
    behind: &'a [u8],
}

impl EchoProber {
    /// Opens one; `None` for a datagram without room for a number, and a name that is not resolved.
    pub(super) async fn open(check: &Udp, echoed: Echoed<'_>, spec: &StreamSpec) -> Result<Option<Self>, Fault> {
        if echoed.send.len() + TAG + NUMBER > LARGEST {
            return Ok(None);
        }
        let address = match check.target.address().await {
            Ok(address) => address,
            Err(EarlyEnd::Outcome { .. }) => return Ok(None),
            Err(EarlyEnd::Fault(fault)) => return Err(fault),
        };
        let (peer, origin) = (check.target.socket(address), check.target.origin);
        let mut common = echoed.send.to_vec();
        let tag = format!("{:016x}", unique(spec.seed));
        common.extend(tag.bytes().take(TAG));
        let mut request = common.clone();
        request.extend([b'0'; NUMBER]);
        let room = echoed.limit.max(request.len() + AROUND);
        let polled = Polled::new(udp::on_own_port(peer, origin)?, spec.clock, room);
        let polled = polled.map_err(|error| local_fault(&error, "watch UDP socket", peer))?;
        let answers = Answers {
            peer,
            to: peer.into(),
            origin,
            common,
            expect: echoed.expect.map(<[u8]>::to_vec),
            is_shown: !echoed.holds_secret,
            newest: 0,
            in_time: InTime::new(nanos(spec.timeout)),
            last: None,
        };
        Ok(Some(Self { polled, request, answers }))
    }
}

impl Prober for EchoProber {
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
        let mut rest = number;
        for place in self.request.iter_mut().rev().take(NUMBER) {
            let [.., low] = rest.to_be_bytes();
            *place = DIGITS[usize::from(low & 0xf)];
            rest >>= 4;
        }
        let answers = &mut self.answers;
        answers.newest = number;
        match self.polled.send(&self.request, &answers.to) {
            Ok(()) => answers.in_time.sent(number, self.polled.now()),
            Err(error) => {
                let fault = || local_fault(&error, "send UDP datagram", answers.peer);
                replies.push(unsent(number, self.polled.now(), &error, fault));
            }
        }
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        let Self { polled, answers, .. } = self;
        let now = polled.now();
        polled.hear(|heard| {
            let reply = answers.reply(heard, now);
            if let Some(reply) = &reply {
                answers.in_time.ended(reply.number);
            }
            replies.extend(reply);
        });
    }

    fn wait(&mut self, length: Duration) {
        self.polled.wait(length);
    }
}

impl Answers {
    fn reply(&mut self, heard: Heard<'_>, now: u64) -> Option<Reply> {
        let (number, received, seen) = match heard {
            Heard::Datagram(datagram) => self.datagram(&datagram, now)?,
            Heard::Report(report, quoted, at) => {
                let seen = reported(&report, self.peer.ip(), format_args!("UDP {}", self.peer), self.origin)?;
                let quoted = self.find(quoted).map(|found| found.number);
                (quoted.or_else(|| self.in_time.end_oldest(now))?, at, seen)
            }
            Heard::Dropped(count) => (self.newest, now, Seen::Fault(dropped(count, "receive UDP", self.peer))),
            Heard::Failed(error) => {
                (self.newest, now, Seen::Fault(local_fault(&error, "receive UDP datagram", self.peer)))
            }
        };
        Some(Reply { number, sent: None, received, seen })
    }

    fn datagram(&mut self, datagram: &HeardDatagram<'_>, now: u64) -> Option<(u64, u64, Seen)> {
        let bytes = datagram.bytes;
        let unexpected = |why| Seen::Failure(ProbeFailure::Unexpected, why);
        let sender = datagram.sender?;
        let stranger = !udp::same_endpoint(sender, self.peer);
        let (number, seen) = match self.find(bytes) {
            None if stranger => return None,
            None => (self.in_time.end_oldest(now)?, unexpected(self.without("what was sent", bytes))),
            Some(found) if stranger => {
                let why = format!("{sender} answered in place of {} (UDP), which clients ignore", self.peer);
                (found.number, unexpected(why))
            }
            Some(found) if self.expect.as_ref().is_some_and(|expect| !bytes::contains(bytes, expect)) => {
                (found.number, unexpected(self.without(EXPECTED, bytes)))
            }
            Some(EchoedPayload { number, before, behind }) => (number, Seen::Answer(self.identity(before, behind))),
        };
        Some((number, datagram.at, seen))
    }

    /// What was sent within what came.
    fn find<'a>(&self, bytes: &'a [u8]) -> Option<EchoedPayload<'a>> {
        let length = self.common.len();
        // Most send back nothing but what they were sent.
        let at = if bytes.starts_with(&self.common) {
            0
        } else {
            bytes.windows(length).position(|window| window == self.common)?
        };
        let (before, rest) = bytes.split_at_checked(at)?;
        let (digits, behind) = rest.get(length..)?.split_at_checked(NUMBER)?;
        let digits = std::str::from_utf8(digits).ok()?;
        let number = u64::from_str_radix(digits, 16).ok().filter(|number| *number <= self.newest)?;
        Some(EchoedPayload { number, before, behind })
    }

    /// Who answered: what stands around what was sent.
    fn identity(&mut self, before: &[u8], behind: &[u8]) -> Option<Identity> {
        if !self.is_shown || (before.is_empty() && behind.is_empty()) {
            return None;
        }
        if let Some((last_before, last_behind, identity)) = &self.last
            && (last_before.as_slice(), last_behind.as_slice()) == (before, behind)
        {
            return Some(Identity::clone(identity));
        }
        let around = [before, behind].map(bytes::readable);
        let text: Vec<&str> = around.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
        let text: String = text.join(" ").chars().take(SHOWN).collect();
        let identity = (!text.is_empty()).then(|| Identity::from(text))?;
        self.last = Some((before.to_vec(), behind.to_vec(), Identity::clone(&identity)));
        Some(identity)
    }

    fn without(&self, what: &str, bytes: &[u8]) -> String {
        let shown = if self.is_shown { bytes::quoted(bytes) } else { format!("of {} bytes", bytes.len()) };
        format!("the answer is {shown}, without {what}")
    }
}

#[cfg(test)]
mod tests;
