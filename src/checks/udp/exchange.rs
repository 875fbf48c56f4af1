//! Datagrams out, and what comes back: bounded in bytes, datagrams and time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::fields::{COUNT, DATAGRAMS, EXPECT, EXPECT_HEX, INTERVAL, LIMIT, PART, PART_HEX, SEND, SEND_HEX};
use super::listener::{AnswerListener, ListenEnd, WrongAnswer};
use crate::checks::shared::payload::{bytes_of, payload};
use crate::model::count::counted;
use crate::model::human_time;
use crate::model::{Args, Fault, Invalid};
use crate::net::clock::MeasuredTime;
use crate::net::datagram::{Class, IcmpError, udp};
use crate::net::deadline::Deadline;
use crate::net::dial::ConnectError;
use crate::net::{Origin, this_host};

/// The largest payload of an IPv4 datagram.
pub(super) const LARGEST: usize = 65_507;
/// Most datagrams of a check.
const MOST: usize = 1000;
/// Time between two datagrams where nothing is said of it.
const INTERVAL_DEFAULT: Duration = Duration::from_millis(10);

/// The datagrams to send, and bytes to wait for.
pub(super) struct Script {
    datagrams: Vec<Vec<u8>>,
    count: usize,
    interval: Duration,
    expect: Option<Vec<u8>>,
    limit: usize,
    holds_secret: bool,
}

/// One datagram to a service that sends it back.
#[derive(Clone, Copy)]
pub(super) struct Echoed<'a> {
    pub(super) send: &'a [u8],
    /// What an answer must contain beside it.
    pub(super) expect: Option<&'a [u8]>,
    pub(super) limit: usize,
    pub(super) holds_secret: bool,
}

/// What came back, and the outcome.
pub(super) struct ExchangeResult {
    pub(super) outcome: &'static str,
    /// The datagram that decided it.
    pub(super) answer: Option<AnswerDatagram>,
    pub(super) times: Vec<MeasuredTime>,
    /// Why a right answer may have been among those that were not looked at.
    pub(super) more: Option<String>,
    pub(super) evidence: Option<String>,
    pub(super) notes: Vec<String>,
    /// Who else sent something here.
    pub(super) sources: Vec<SocketAddr>,
    pub(super) more_sources: bool,
    /// Of a check that sends more than one.
    pub(super) several: Option<SeriesResult>,
}

/// What came of several datagrams.
pub(super) struct SeriesResult {
    pub(super) sent: usize,
    pub(super) answered: usize,
    /// Texts of the answers, as far as they are kept.
    pub(super) answers: Vec<String>,
    /// `limit` cut one of them.
    pub(super) cut: bool,
    /// Why there may be more of them.
    pub(super) more: Option<String>,
}

/// A datagram that came.
pub(super) struct AnswerDatagram {
    pub(super) kept: Vec<u8>,
    pub(super) length: usize,
}

/// Whether a check with these fields sends more than one datagram.
pub(super) fn is_series(args: &Args) -> bool {
    args.get(&COUNT) > 1 || args.get(&DATAGRAMS).len() > 1
}

impl Script {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let datagrams = datagrams(args)?;
        let count: usize = args.get(&COUNT);
        if datagrams.len().saturating_mul(count) > MOST {
            let message = format!("these are {}", counted(datagrams.len().saturating_mul(count), "datagram"));
            return Err(COUNT.invalid(message, format!("a check sends at most {MOST}: write a smaller `count`")));
        }
        if args.given(&INTERVAL) && !is_series(args) {
            let help = "write `count`, or several `datagrams`";
            return Err(INTERVAL.invalid("`interval` is between datagrams, and one is sent", help));
        }
        let expect = payload(args, &EXPECT, &EXPECT_HEX)?;
        if expect.as_ref().is_some_and(Vec::is_empty) {
            let field = if args.given(&EXPECT) { EXPECT } else { EXPECT_HEX };
            return Err(field.invalid("it is empty and would hold for anything", "write what the answer contains"));
        }
        let interval = args.get(&INTERVAL).unwrap_or(INTERVAL_DEFAULT);
        Ok(Self { datagrams, count, interval, expect, limit: args.get(&LIMIT), holds_secret: args.holds_secret() })
    }

    /// Its datagram, where it sends one.
    pub(super) fn single(&self) -> Option<Echoed<'_>> {
        let [send] = self.datagrams.as_slice() else { return None };
        let Self { expect, limit, holds_secret, .. } = self;
        let expect = expect.as_deref();
        (self.count == 1).then_some(Echoed { send, expect, limit: *limit, holds_secret: *holds_secret })
    }

    fn total(&self) -> usize {
        self.datagrams.len() * self.count
    }

    /// How long it takes from the first datagram to the last.
    pub(super) fn sending(&self) -> Duration {
        self.interval * u32::try_from(self.total().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Sends, and listens until the answers decide or `patience` is over since the last datagram.
    pub(super) async fn play(
        &self,
        peer: SocketAddr,
        origin: Origin,
        patience: Duration,
    ) -> Result<ExchangeResult, Fault> {
        let datagram = udp::unconnected(peer, origin)?;
        let expect = self.expect.as_deref();
        let mut listener = AnswerListener::new(&datagram, (peer, origin), expect, (self.total(), self.limit));
        let begun = Instant::now();
        let mut decided = None;
        let payloads = self.datagrams.iter().cycle().take(self.total());
        for (due, payload) in (0..).map(|number| begun + self.interval * number).zip(payloads) {
            while decided.is_none() && listener.sent > 0 {
                let Ok(end) = timeout_at(due, listener.next()).await else { break };
                decided = end?;
                if Instant::now() >= due {
                    break;
                }
            }
            if decided.is_some() {
                break;
            }
            if let Err(error) = listener.send(payload) {
                let report = datagram.icmp_error(&mut [0; 64]);
                if let Some(why) = report.as_ref().and_then(|report| this_host::rejection(report, peer.ip(), origin)) {
                    return Err(this_host::rejection_fault(why, "send UDP datagram", peer));
                }
                let (word, why) = failed(&error, "send UDP datagram", (peer, origin))?;
                decided = Some(ListenEnd::Ended(word, why));
                break;
            }
        }
        let mut deadline = Deadline::at(Instant::now() + patience);
        while decided.is_none() {
            let Ok(end) = deadline.wait(listener.next()).await else { break };
            decided = end?;
        }
        Ok(self.judge(listener, decided, peer, patience))
    }

    fn judge(
        &self,
        listener: AnswerListener<'_>,
        decided: Option<ListenEnd>,
        peer: SocketAddr,
        patience: Duration,
    ) -> ExchangeResult {
        let most = listener.most_wrong();
        let flood = || format!("after {} that are no answer nothing more is looked at", counted(most, "datagram"));
        let (silence, strangers) =
            (format!("no answer from {peer} (UDP) within {}", human_time(patience)), in_place(&listener, peer));
        let AnswerListener {
            sent,
            answered,
            first,
            answers,
            answers_cut: cut,
            times,
            wrong,
            sources,
            more_sources,
            stranger,
            repeated,
            mut notes,
            ..
        } = listener;
        let flood = matches!(decided, Some(ListenEnd::Flood)).then(flood);
        // Any of them may stand for a datagram that was lost.
        let twice = || format!("{} came of datagrams that were answered already", counted(repeated, "answer"));
        let unknown = flood.clone().or_else(|| (repeated > 0).then(twice));
        let several = (self.total() > 1).then_some(SeriesResult { sent, answered, answers, cut, more: unknown });
        let (outcome, evidence, answer, more) = match (decided, first, wrong) {
            (Some(ListenEnd::Ended(word, why)), ..) => (word, Some(why), None, None),
            (_, Some(answer), _) => ("replied", None, Some(answer), None),
            (_, None, Some(WrongAnswer { answer, evidence, more })) => {
                ("mismatch", Some(evidence), Some(answer), flood.or(more))
            }
            (_, None, None) if stranger.is_some() => ("other_source", strangers.clone(), stranger, None),
            (_, None, None) => ("silent", Some(silence), None, None),
        };
        if outcome != "other_source" {
            notes.extend(strangers);
        }
        ExchangeResult { outcome, answer, times, more, evidence, notes, sources, more_sources, several }
    }
}

/// Who answered in place of the peer.
fn in_place(listener: &AnswerListener<'_>, peer: SocketAddr) -> Option<String> {
    let first = listener.sources.first()?;
    let others = match listener.sources.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{first}{others} answered in place of {peer} (UDP), which clients ignore"))
}

fn datagrams(args: &Args) -> Result<Vec<Vec<u8>>, Invalid> {
    if args.given(&DATAGRAMS) {
        if let Some(field) = [SEND, SEND_HEX].into_iter().find(|field| args.given(field)) {
            let message = format!("`datagrams` and `{}` exclude each other", field.name());
            return Err(DATAGRAMS.invalid(message, "make it one of `datagrams`"));
        }
        let mut out = Vec::new();
        for (number, part) in (1..).zip(args.get(&DATAGRAMS)) {
            let bytes = bytes_of(&part, &PART, &PART_HEX);
            let bytes =
                bytes.map_err(|(message, help)| DATAGRAMS.invalid(format!("datagram {number}: {message}"), help))?;
            let Some(bytes) = bytes else {
                let message = format!("datagram {number} has nothing to send");
                return Err(DATAGRAMS.invalid(message, "write a text, or `{send_hex: …}`"));
            };
            out.push(fitting(&DATAGRAMS, bytes)?);
        }
        if out.is_empty() {
            return Err(DATAGRAMS.invalid("`datagrams` is empty", "write `datagrams: [TEXT, TEXT]`"));
        }
        return Ok(out);
    }
    let Some(send) = payload(args, &SEND, &SEND_HEX)? else {
        let help = "give `send`, `send_hex` or `datagrams`: a request that the service answers";
        return Err(Invalid::at("", "a UDP check needs something to send", help));
    };
    let field = if args.given(&SEND) { SEND } else { SEND_HEX };
    Ok(vec![fitting(&field, send)?])
}

fn fitting<T: crate::model::argument::Argument>(
    field: &crate::model::Field<T>,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, Invalid> {
    if bytes.len() > LARGEST {
        return Err(field.invalid(format!("{} bytes do not fit a datagram", bytes.len()), "at most 65507 bytes"));
    }
    Ok(bytes)
}

/// The outcome of an error of the socket, and how it came about.
pub(super) fn failed(
    error: &io::Error,
    operation: &str,
    (peer, origin): (SocketAddr, Origin),
) -> Result<(&'static str, String), Fault> {
    Ok(match ConnectError::classify(error, operation, peer, origin)? {
        ConnectError::Refused => ("refused", format!("nothing listens on UDP {peer} (ICMP port unreachable)")),
        ConnectError::RefusedBy(why) => ("refused", format!("nothing listens on UDP {peer} ({why})")),
        ConnectError::Unreachable(why) => ("unreachable", format!("{peer} cannot be reached: {why}")),
        ConnectError::Timeout => ("silent", format!("no answer from {peer} (UDP): the kernel gave up")),
        ConnectError::Reset => ("silent", format!("no answer from {peer} (UDP): the socket was reset")),
    })
}

/// The outcome of an ICMP error in place of an answer, and how it came about.
pub(super) fn icmp_outcome(report: &IcmpError, peer: SocketAddr) -> (&'static str, String) {
    if report.class == Class::Port {
        return ("refused", format!("nothing listens on UDP {peer} ({report})"));
    }
    ("unreachable", format!("{peer} cannot be reached: {report}"))
}
