//! Looks for what was written. How the service shows a write that is there, and one that never was, it shows itself before anything is
//! changed; an answer that is like neither tells nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::log::WriteLog;
use super::numbered::Numbered;
use super::unread::{Obstacle, Unread};
use super::value::RunNumber;
use crate::checks::failover::stream::{RoundQuestion, Rounds};
use crate::model::{Fault, Observation, Round, Value, human_time};
use crate::net::deadline::Deadline;

/// Reads under way at once.
const AT_ONCE: usize = 16;
/// How often a read is tried.
const TRIES: u32 = 3;
/// From one try to the next.
const PAUSE: Duration = Duration::from_millis(250);
/// The number of a write that is never made.
const NEVER: u64 = 9_999_999;

/// What a look for a write showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadBack {
    /// It is there.
    There {
        /// More than once.
        twice: bool,
    },
    /// It is not.
    Absent,
    /// That could not be told, and why.
    Unread(Unread),
}

/// What tells an answer for a write that is there from one for a write that is not.
#[derive(Clone, Debug)]
pub(super) struct AnswerPattern {
    /// Outcome and status.
    decisive: Vec<Value>,
    /// The value stands in it.
    holds: bool,
    /// All of it but the value, where there is no status that would tell.
    text: Option<String>,
}

impl AnswerPattern {
    /// What stands around a value differs from one write to the next.
    fn is_like(&self, other: &Self) -> bool {
        let same = self.decisive == other.decisive && self.holds == other.holds;
        same && (self.holds || self.text == other.text)
    }
}

/// How the service answered when all was well.
#[derive(Clone, Debug)]
pub(super) struct AnswerPatterns {
    pub(super) there: AnswerPattern,
    pub(super) absent: AnswerPattern,
}

/// How writes are read back.
pub(super) struct WriteReader {
    pub(super) numbered: Arc<Numbered>,
    /// One answer lists all.
    pub(super) lists: bool,
    /// The fact that holds the answer.
    pub(super) text: &'static str,
    /// Nothing but its text tells what an answer means.
    pub(super) by_text: bool,
    /// For how long a write may not be there yet.
    pub(super) eventually: Duration,
    /// How long reading may take in all.
    pub(super) within: Duration,
}

impl WriteReader {
    fn limit(&self) -> Duration {
        self.numbered.sample().longest()
    }

    /// The longest that all of it may take.
    pub(super) fn longest(&self) -> Duration {
        (self.limit() + PAUSE) * (TRIES * 2) + self.eventually + self.within
    }

    /// An answer, whatever it says; else why there was none.
    async fn ask(&self, run: RunNumber, number: u64, cancel: &CancellationToken) -> Result<Observation, Unread> {
        let rounds = Rounds { question: RoundQuestion::Numbered(Arc::clone(&self.numbered), run), limit: self.limit() };
        match rounds.ask(number, cancel).await {
            Err(fault) => Err(Unread::new(fault.to_string(), Obstacle::Silence)),
            Ok(None) => {
                let (target, limit) = (self.numbered.sample().target(), human_time(self.limit()));
                Err(Unread::new(format!("no answer of {target} within {limit}"), Obstacle::Silence))
            }
            Ok(Some(observation)) if self.numbered.sample().answered(&observation) => Ok(observation),
            Ok(Some(observation)) => Err(self.not_answered(&observation)),
        }
    }

    /// Why there was no answer that could tell.
    fn not_answered(&self, observation: &Observation) -> Unread {
        match observation.last("status").and_then(Value::as_i64) {
            Some(_) => self.unread(observation),
            None => Unread::new(self.told(observation), Obstacle::Silence),
        }
    }

    /// Why an answer does not tell.
    fn unread(&self, observation: &Observation) -> Unread {
        let status = observation.last("status").and_then(Value::as_i64);
        Unread::new(self.told(observation), Obstacle::Answer(status))
    }

    /// What an answer says, for people: status and outcome, and how it came about.
    fn told(&self, observation: &Observation) -> String {
        let target = self.numbered.sample().target();
        if let Some(status) = observation.last("status").and_then(Value::as_i64) {
            return format!("{target} answered {status}");
        }
        let ending = observation.counted().last().and_then(Round::ending).map(str::to_owned);
        let word = || {
            let decisive = self.numbered.sample().facts().iter().find(|fact| fact.roles.decisive)?;
            Some(format!("{target}: {}", observation.last(decisive.name)?.as_str()?))
        };
        let told = ending.or_else(|| observation.notes().first().cloned()).or_else(word);
        told.unwrap_or_else(|| format!("{target} gave no answer"))
    }

    pub(super) fn pattern(&self, observation: &Observation, run: RunNumber, number: u64) -> AnswerPattern {
        let decisive = self.numbered.sample().facts().iter().filter(|fact| fact.roles.decisive);
        let text = observation.text(self.text).unwrap_or_default();
        AnswerPattern {
            decisive: decisive.filter_map(|fact| observation.last(fact.name).cloned()).collect(),
            holds: run.writes_in(text).any(|write| write == number),
            text: self.by_text.then(|| text.to_owned()),
        }
    }

    /// Whether an answer is one: to be refused, or sent elsewhere, is none.
    fn is_proper(&self, observation: &Observation, absent: bool) -> bool {
        match observation.last("status").and_then(Value::as_i64) {
            Some(status) => (200..300).contains(&status) || absent && matches!(status, 404 | 410),
            None => self.by_text,
        }
    }

    /// How the service answers for a value that was never written.
    pub(super) async fn absence(&self, run: RunNumber, cancel: &CancellationToken) -> Result<AnswerPattern, Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let seen = self.ask(run, NEVER, cancel).await;
            let why = match &seen {
                Ok(observation) if self.is_proper(observation, true) => {
                    return Ok(self.pattern(observation, run, NEVER));
                }
                Ok(observation) => self.unread(observation),
                Err(why) => why.clone(),
            };
            if tries >= TRIES {
                let help = if self.by_text {
                    "let `read_back` end well for a value that is not there, too: no `expect` of what only a value has"
                } else {
                    "let `read_back` ask what answers 404 for a value that is not there, or 200 without it"
                };
                let asked = "asked for a value that was never written";
                return Err(self.fault(format!("{asked}: {}; nothing was changed", why.why), why.remedy_ahead(help)));
            }
            sleep(PAUSE).await;
        }
    }

    /// How the service answers for a write that it has just acknowledged.
    pub(super) async fn presence(
        &self,
        (run, number): (RunNumber, u64),
        absent: AnswerPattern,
        cancel: &CancellationToken,
    ) -> Result<AnswerPatterns, Fault> {
        let (mut tries, end) = (0, Instant::now() + self.eventually);
        loop {
            tries += 1;
            let why = match self.ask(run, number, cancel).await {
                Err(why) => why,
                Ok(observation) => {
                    let there = self.pattern(&observation, run, number);
                    let is_there = self.is_proper(&observation, false) && (there.holds || !self.lists);
                    if is_there && !there.is_like(&absent) {
                        return Ok(AnswerPatterns { there, absent });
                    }
                    if Instant::now() >= end {
                        return Err(self.not_found(&run.value(number), &self.told(&observation)));
                    }
                    self.unread(&observation)
                }
            };
            if tries >= TRIES && Instant::now() >= end {
                let asked = "asked for the value that was just written";
                return Err(self.fault(format!("{asked}: {}; nothing was changed", why.why), why.remedy_ahead(UNREAD)));
            }
            sleep(PAUSE).await;
        }
    }

    fn not_found(&self, value: &str, told: &str) -> Fault {
        let detail = if self.lists {
            format!("{value} was acknowledged, and is not in the list ({told})")
        } else {
            format!(
                "{value} was acknowledged, and the answer for it is like that for a value that was never written ({told})"
            )
        };
        let help = if self.lists {
            "let `read_back` ask for a list of all values, without pages; where a value is there only later, write `eventually: 5s`"
        } else {
            "let `read_back` ask for what the probe writes, and let its answer hold the value; where a value is there only later, \
             write `eventually: 5s`"
        };
        self.fault(format!("{detail}; nothing was changed"), help)
    }

    fn fault(&self, detail: String, help: &str) -> Fault {
        Fault::local("read back what was written", self.numbered.sample().target(), detail, help)
    }

    /// Looks for all writes of the log, those again that are not there yet.
    pub(super) async fn read(
        &self,
        run: RunNumber,
        patterns: &AnswerPatterns,
        log: &mut WriteLog,
        cancel: &CancellationToken,
    ) {
        let start = Instant::now();
        let (end, patience) = (start + self.within, start + self.eventually);
        for tries in 0.. {
            let open = log.open(tries < TRIES, Instant::now() < patience);
            let Some(first) = open.first() else { return };
            if Instant::now() >= end {
                log.seen(*first, ReadBack::Unread(self.too_slow()));
                return;
            }
            if tries > 0 {
                sleep(PAUSE).await;
            }
            if self.lists {
                self.read_list(run, patterns, (log, end), cancel).await;
            } else {
                self.read_each(run, patterns, (log, end, open), cancel).await;
            }
        }
    }

    fn too_slow(&self) -> Unread {
        let why = format!("reading took longer than `within` ({}) allows", human_time(self.within));
        Unread::new(why, Obstacle::Slow)
    }

    async fn read_each(
        &self,
        run: RunNumber,
        patterns: &AnswerPatterns,
        (log, end, open): (&mut WriteLog, Instant, Vec<u64>),
        cancel: &CancellationToken,
    ) {
        let look = |number: u64| async move {
            let read_back = match self.ask(run, number, cancel).await {
                Ok(observation) => self.read_back(&observation, (run, number), patterns),
                Err(why) => ReadBack::Unread(why),
            };
            (number, read_back)
        };
        let mut looks = futures_util::stream::iter(open).map(look).buffer_unordered(AT_ONCE);
        let mut deadline = Deadline::at(end);
        while let Ok(Some((number, read_back))) = deadline.wait(looks.next()).await {
            log.seen(number, read_back);
        }
    }

    /// What an answer says of a write.
    pub(super) fn read_back(
        &self,
        observation: &Observation,
        (run, number): (RunNumber, u64),
        patterns: &AnswerPatterns,
    ) -> ReadBack {
        let pattern = self.pattern(observation, run, number);
        if pattern.is_like(&patterns.there) {
            return ReadBack::There { twice: false };
        }
        match observation.partial(self.text).filter(|_| !self.by_text) {
            Some(why) if !pattern.holds => {
                ReadBack::Unread(Unread::new(format!("the answer is partial: {why}"), Obstacle::Cut))
            }
            _ if pattern.is_like(&patterns.absent) => ReadBack::Absent,
            _ => ReadBack::Unread(self.unlike(observation)),
        }
    }

    /// An answer like none of those when all was well.
    fn unlike(&self, observation: &Observation) -> Unread {
        let Unread { why, .. } = self.unread(observation);
        let status = observation.last("status").and_then(Value::as_i64);
        Unread::new(format!("{why}, unlike before the disruption"), Obstacle::Answer(status))
    }

    async fn read_list(
        &self,
        run: RunNumber,
        patterns: &AnswerPatterns,
        (log, end): (&mut WriteLog, Instant),
        cancel: &CancellationToken,
    ) {
        let open = log.open(true, true);
        let asked = match Deadline::at(end).wait(self.ask(run, NEVER, cancel)).await {
            Ok(asked) => asked,
            Err(_) => Err(self.too_slow()),
        };
        let known = |observation: &Observation| {
            let decisive = self.pattern(observation, run, NEVER).decisive;
            decisive == patterns.there.decisive || decisive == patterns.absent.decisive
        };
        let seen = match asked {
            Ok(observation) if known(&observation) => Ok(observation),
            Ok(observation) => Err(self.unlike(&observation)),
            Err(why) => Err(why),
        };
        match seen {
            Err(why) => open.first().into_iter().for_each(|number| log.seen(*number, ReadBack::Unread(why.clone()))),
            Ok(observation) => {
                let missing = observation.partial(self.text).map(|why| format!("the list is partial: {why}"));
                let text = observation.text(self.text).unwrap_or_default();
                log.listed(run.writes_in(text), missing.as_deref());
            }
        }
    }
}

const UNREAD: &str = "see that `read_back` is answered when all is well: right URL, right credentials";
