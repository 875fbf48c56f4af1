//! One datagram out, and what comes back: bounded in bytes, datagrams and time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::fields::{EXPECT, EXPECT_HEX, LIMIT, SEND, SEND_HEX};
use crate::checks::shared::payload::{EXPECTED, payload};
use crate::model::human_time;
use crate::model::{Args, Fault, Invalid};
use crate::net::bytes;
use crate::net::clock::{ClockReading, MeasuredTime};
use crate::net::datagram::{Arrival, Class, Datagram, Event, IcmpError, udp};
use crate::net::dial::{ConnectError, local_fault, meets_itself};
use crate::net::{Origin, deadline, this_host};

/// The largest payload of an IPv4 datagram.
const LARGEST: usize = 65_507;
/// Answers looked at in search of the expected one; more is a flood.
const ANSWERS: usize = 64;

/// The datagram to send, and bytes to wait for.
pub(super) struct Script {
    send: Vec<u8>,
    expect: Option<Vec<u8>>,
    limit: usize,
}

/// The answer, and the outcome.
pub(super) struct Exchange {
    pub(super) outcome: &'static str,
    pub(super) answer: Option<Answer>,
    /// Why a right answer may have been among those that were not looked at.
    pub(super) more: Option<String>,
    pub(super) evidence: Option<String>,
}

/// A datagram from the peer.
pub(super) struct Answer {
    pub(super) kept: Vec<u8>,
    pub(super) length: usize,
    pub(super) elapsed: MeasuredTime,
}

impl Exchange {
    fn without_answer(outcome: &'static str, why: impl Into<String>) -> Self {
        Self { outcome, answer: None, more: None, evidence: Some(why.into()) }
    }
}

impl Script {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let Some(send) = payload(args, &SEND, &SEND_HEX)? else {
            let help = "give `send` or `send_hex`: a request that the service answers";
            return Err(Invalid::at("", "a UDP check needs something to send", help));
        };
        if send.len() > LARGEST {
            let field = if args.given(&SEND) { SEND } else { SEND_HEX };
            return Err(field.invalid(format!("{} bytes do not fit a datagram", send.len()), "at most 65507 bytes"));
        }
        let expect = payload(args, &EXPECT, &EXPECT_HEX)?;
        if expect.as_ref().is_some_and(Vec::is_empty) {
            let field = if args.given(&EXPECT) { EXPECT } else { EXPECT_HEX };
            return Err(field.invalid("it is empty and would hold for anything", "write what the answer contains"));
        }
        Ok(Self { send, expect, limit: args.get(&LIMIT) })
    }

    /// Sends once, and listens until an answer decides or `patience` is over.
    pub(super) async fn play(&self, peer: SocketAddr, origin: Origin, patience: Duration) -> Result<Exchange, Fault> {
        let datagram = match udp::connected(peer, origin)? {
            Ok(datagram) => datagram,
            Err(error) => return Ok(unconnected(error, peer)),
        };
        // The kernel may have picked the target's own port: the datagram would come back from ourselves.
        if meets_itself(datagram.socket(), peer) {
            return Ok(Exchange::without_answer("refused", format!("nothing listens on UDP {peer}")));
        }
        let sent = ClockReading::now();
        let end = Instant::now() + patience;
        if let Err(error) = datagram.send(&self.send, None) {
            let report = datagram.icmp_error(&mut [0; 64]);
            if let Some(why) = report.as_ref().and_then(|report| this_host::rejection(report, peer.ip(), origin)) {
                return Err(this_host::rejection_fault(why, "send UDP datagram", peer));
            }
            return failed(&error, "send UDP datagram", peer, origin);
        }
        self.listen(&datagram, (peer, origin), sent, end).await.map(|exchange| {
            exchange.unwrap_or_else(|| {
                Exchange::without_answer(
                    "silent",
                    format!("no answer from {peer} (UDP) within {}", human_time(patience)),
                )
            })
        })
    }

    /// `None` is silence.
    async fn listen(
        &self,
        datagram: &Datagram,
        (peer, origin): (SocketAddr, Origin),
        sent: ClockReading,
        end: Instant,
    ) -> Result<Option<Exchange>, Fault> {
        let mut buffer = vec![0; self.limit];
        let (mut other, mut looked_at) = (None, 0);
        while let Ok(event) = deadline::until(end, datagram.next(&mut buffer)).await {
            match event.map_err(|error| local_fault(&error, "receive UDP datagram", peer))? {
                Event::Arrival(arrival) => {
                    let exchange = self.judge(&buffer, &arrival, sent);
                    if exchange.outcome == "replied" {
                        return Ok(Some(exchange));
                    }
                    // The right answer may be what was cut off any of them.
                    let more = other.and_then(|other: Exchange| other.more);
                    other = Some(Exchange { more: exchange.more.clone().or(more), ..exchange });
                }
                Event::IcmpError(report) if report.class == Class::Advice => {}
                // An answer was there before somebody closed: the answer decides.
                Event::IcmpError(report) => {
                    if let Some(why) = this_host::rejection(&report, peer.ip(), origin) {
                        return Err(this_host::rejection_fault(why, "exchange UDP datagrams", peer));
                    }
                    return Ok(other.or_else(|| Some(icmp_outcome(&report, peer))));
                }
                Event::Failed(error) => return failed(&error, "receive UDP datagram", peer, origin).map(Some),
            }
            looked_at += 1;
            if looked_at == ANSWERS {
                let why = format!("after {ANSWERS} datagrams that are no answer nothing more is looked at");
                return Ok(other.map(|other| Exchange { more: Some(why), ..other }));
            }
        }
        Ok(other)
    }

    fn judge(&self, buffer: &[u8], arrival: &Arrival, sent: ClockReading) -> Exchange {
        let kept = buffer.get(..arrival.kept).unwrap_or_default();
        let (length, stamp) = sent.elapsed(ClockReading::now(), arrival.stamp);
        let elapsed = MeasuredTime { length, stamp };
        let answer = Some(Answer { kept: kept.to_vec(), length: arrival.length, elapsed });
        match &self.expect {
            Some(expect) if !bytes::contains(kept, expect) => {
                let shown = bytes::quoted(kept);
                let why = format!("the answer is {shown}, without {EXPECTED}");
                let cut = arrival.length > arrival.kept;
                let more =
                    cut.then(|| format!("of {} bytes {} were looked at (`limit`)", arrival.length, arrival.kept));
                Exchange { outcome: "mismatch", answer, more, evidence: Some(why) }
            }
            _ => Exchange { outcome: "replied", answer, more: None, evidence: None },
        }
    }
}

fn failed(error: &io::Error, operation: &str, peer: SocketAddr, origin: Origin) -> Result<Exchange, Fault> {
    ConnectError::classify(error, operation, peer, origin).map(|error| unconnected(error, peer))
}

fn unconnected(error: ConnectError, peer: SocketAddr) -> Exchange {
    match error {
        ConnectError::Refused => {
            Exchange::without_answer("refused", format!("nothing listens on UDP {peer} (ICMP port unreachable)"))
        }
        ConnectError::RefusedBy(why) => {
            Exchange::without_answer("refused", format!("nothing listens on UDP {peer} ({why})"))
        }
        ConnectError::Unreachable(why) => {
            Exchange::without_answer("unreachable", format!("{peer} cannot be reached: {why}"))
        }
        ConnectError::Timeout => {
            Exchange::without_answer("silent", format!("no answer from {peer} (UDP): the kernel gave up"))
        }
        ConnectError::Reset => {
            Exchange::without_answer("silent", format!("no answer from {peer} (UDP): the socket was reset"))
        }
    }
}

fn icmp_outcome(report: &IcmpError, peer: SocketAddr) -> Exchange {
    if report.class == Class::Port {
        return Exchange::without_answer("refused", format!("nothing listens on UDP {peer} ({report})"));
    }
    Exchange::without_answer("unreachable", format!("{peer} cannot be reached: {report}"))
}
