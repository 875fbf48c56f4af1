//! What comes back, while datagrams are sent and after: bounded in bytes and datagrams.

use std::io;
use std::net::SocketAddr;

use super::exchange::{AnswerDatagram, failed, icmp_outcome};
use crate::checks::shared::payload::EXPECTED;
use crate::model::Fault;
use crate::model::text::CUT;
use crate::net::clock::{ClockReading, MeasuredTime};
use crate::net::datagram::{Arrival, Class, Datagram, Event, udp};
use crate::net::dial::local_fault;
use crate::net::{Origin, bytes, this_host};

/// Wrong answers looked at in search of the expected one, or beside one to each datagram of several; more is a flood.
const WRONG: usize = 64;
/// Bytes kept of the answers to several datagrams.
const KEPT: usize = 1 << 20;
/// Other senders that are named.
const SOURCES: usize = 16;

/// An answer that is not what is expected.
pub(super) struct WrongAnswer {
    pub(super) answer: AnswerDatagram,
    pub(super) evidence: String,
    /// Why what was not looked at of it may be right.
    pub(super) more: Option<String>,
}

/// What decides before the time is over.
pub(super) enum ListenEnd {
    /// As many answers came as datagrams were sent.
    Answered,
    /// An outcome that is no answer, and how it came about.
    Ended(&'static str, String),
    /// Too much came that is no answer.
    Flood,
}

/// Listens on a socket, and remembers what came.
pub(super) struct AnswerListener<'a> {
    datagram: &'a Datagram,
    peer: SocketAddr,
    origin: Origin,
    expect: Option<&'a [u8]>,
    /// Datagrams to be sent in all.
    total: usize,
    buffer: Vec<u8>,
    pub(super) sent: usize,
    last_sent: ClockReading,
    /// Whether all that was sent before the last one had been answered by then.
    last_alone: bool,
    /// Answers that hold what is expected; no more than were sent.
    pub(super) answered: usize,
    /// Further ones, which came while nothing was unanswered.
    pub(super) repeated: usize,
    pub(super) first: Option<AnswerDatagram>,
    pub(super) answers: Vec<String>,
    /// `limit` cut one of them.
    pub(super) answers_cut: bool,
    pub(super) times: Vec<MeasuredTime>,
    pub(super) wrong: Option<WrongAnswer>,
    wrong_seen: usize,
    pub(super) sources: Vec<SocketAddr>,
    pub(super) more_sources: bool,
    /// The first datagram of somebody else.
    pub(super) stranger: Option<AnswerDatagram>,
    pub(super) notes: Vec<String>,
}

impl<'a> AnswerListener<'a> {
    pub(super) fn new(
        datagram: &'a Datagram,
        (peer, origin): (SocketAddr, Origin),
        expect: Option<&'a [u8]>,
        (total, limit): (usize, usize),
    ) -> Self {
        Self {
            datagram,
            peer,
            origin,
            expect,
            total,
            buffer: vec![0; limit],
            sent: 0,
            last_sent: ClockReading::now(),
            last_alone: true,
            answered: 0,
            repeated: 0,
            first: None,
            answers: Vec::new(),
            answers_cut: false,
            times: Vec::new(),
            wrong: None,
            wrong_seen: 0,
            sources: Vec::new(),
            more_sources: false,
            stranger: None,
            notes: Vec::new(),
        }
    }

    /// How many wrong answers are looked at.
    pub(super) const fn most_wrong(&self) -> usize {
        WRONG + self.total - 1
    }

    /// Sends one datagram.
    pub(super) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.last_alone = self.answered == self.sent;
        self.last_sent = ClockReading::now();
        self.datagram.send(payload, Some(self.peer))?;
        self.sent += 1;
        Ok(())
    }

    /// Waits for what comes next, and says whether it decides.
    pub(super) async fn next(&mut self) -> Result<Option<ListenEnd>, Fault> {
        let event = self.datagram.next(&mut self.buffer).await;
        match event.map_err(|error| local_fault(&error, "receive UDP datagram", self.peer))? {
            Event::Arrival(arrival) => self.arrived(&arrival),
            Event::IcmpError(report) if report.class == Class::Advice => {}
            Event::IcmpError(report) => {
                if let Some(why) = this_host::rejection(&report, self.peer.ip(), self.origin) {
                    return Err(this_host::rejection_fault(why, "exchange UDP datagrams", self.peer));
                }
                let (word, why) = icmp_outcome(&report, self.peer);
                return Ok(self.ended(word, why));
            }
            Event::Failed(error) => {
                let (word, why) = failed(&error, "receive UDP datagram", (self.peer, self.origin))?;
                return Ok(self.ended(word, why));
            }
        }
        Ok(match (self.answered == self.total, self.wrong_seen >= self.most_wrong()) {
            (true, _) => Some(ListenEnd::Answered),
            (false, true) => Some(ListenEnd::Flood),
            (false, false) => None,
        })
    }

    /// What an error in place of an answer comes to. An answer was there before somebody closed: the answer decides, and of
    /// several datagrams the others are waited for.
    fn ended(&mut self, word: &'static str, why: String) -> Option<ListenEnd> {
        if self.answered == 0 && self.wrong.is_none() {
            return Some(ListenEnd::Ended(word, why));
        }
        if self.total == 1 {
            return Some(ListenEnd::Answered);
        }
        if !self.notes.contains(&why) && self.notes.len() < SOURCES {
            self.notes.push(why);
        }
        None
    }

    fn arrived(&mut self, arrival: &Arrival) {
        let kept = self.buffer.get(..arrival.kept).unwrap_or_default();
        let answer = AnswerDatagram { kept: kept.to_vec(), length: arrival.length };
        let Some(sender) = arrival.sender else { return };
        if !udp::same_endpoint(sender, self.peer) {
            self.stranger.get_or_insert(answer);
            match (self.sources.contains(&sender), self.sources.len() < SOURCES) {
                (true, _) => {}
                (false, true) => self.sources.push(sender),
                (false, false) => self.more_sources = true,
            }
            return;
        }
        let (length, stamp) = self.last_sent.elapsed(ClockReading::now(), arrival.stamp);
        let time = MeasuredTime { length, stamp };
        if self.expect.is_none_or(|expect| bytes::contains(kept, expect)) {
            if self.answered == self.sent {
                // Of a datagram that is answered already: it stands for none that is yet to be sent.
                self.repeated += 1;
                return;
            }
            if self.total == 1 {
                self.times = vec![time];
            } else if self.last_alone && self.sent == self.answered + 1 && self.repeated == 0 {
                // With more than one that is not answered, or answers that come twice, nobody knows which this is of.
                self.times.push(time);
            }
            self.answered += 1;
            let room = KEPT.saturating_sub(self.answers.iter().map(String::len).sum());
            if self.total > 1 && self.answers.len() + 1 == self.answered && kept.len() <= room {
                let mut text = bytes::readable(kept);
                if arrival.length > arrival.kept {
                    text.push(CUT);
                    self.answers_cut = true;
                }
                self.answers.push(text);
            }
            self.first.get_or_insert(answer);
            return;
        }
        self.wrong_seen += 1;
        if self.total == 1 {
            self.times = vec![time];
        }
        let cut = arrival.length > arrival.kept;
        let shown = if cut { bytes::quoted_beginning(kept) } else { bytes::quoted(kept) };
        let evidence = format!("the answer is {shown}, without {EXPECTED}");
        let more = cut.then(|| format!("of {} bytes {} were looked at (`limit`)", arrival.length, arrival.kept));
        // The right answer may be what was cut off any of them.
        let more = more.or_else(|| self.wrong.take().and_then(|wrong| wrong.more));
        self.wrong = Some(WrongAnswer { answer, evidence, more });
    }
}
