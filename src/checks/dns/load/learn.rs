//! Questions asked one by one before a load: is anybody there, and what are the answers?

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::queries::{Item, Questions};
use super::verify::{self, Shape};
use crate::checks::dns::facts::OUTCOME;
use crate::model::Fault;
use crate::probe::Cx;
use crate::proto::dns::exchange::{self, Asking, Exchange};

/// Questions asked before the load; the answers of further ones are learned from the first that comes.
const MOST: usize = 1000;
/// Of these, asked at once.
const AT_ONCE: usize = 16;
/// Answers that are not right, described one by one; more are only counted.
const DESCRIBED: usize = 4;

/// How to ask.
pub(super) struct Way {
    pub(super) server: SocketAddr,
    pub(super) source: Option<IpAddr>,
    pub(super) patience: Duration,
}

/// What was learned.
#[derive(Default)]
struct Learned {
    records: usize,
    empty: usize,
    absent: usize,
    /// Questions without a right answer.
    bad: usize,
    examples: Vec<String>,
}

/// Asks, and learns what the answers are. False when the first question says that a load would meet nobody.
pub(super) async fn before(cx: &mut Cx<'_>, way: &Way, questions: &Questions) -> Result<bool, Fault> {
    let (server, source, patience, seed) = (way.server, way.source, way.patience, cx.seed());
    let ask = |index: usize| async move {
        let item = questions.items.get(index)?;
        let asking = Asking { server, source, patience, question: &item.question, seed };
        Some((item, exchange::udp(&asking).await))
    };
    let mut learned = Learned::default();
    if let Some((item, seen)) = ask(0).await {
        let seen = seen?;
        if seen.discarded == 0 && matches!(seen.outcome, "timeout" | "refused" | "unreachable") {
            cx.set(&OUTCOME, seen.outcome);
            seen.notes.into_iter().for_each(|note| cx.note(note));
            cx.note(format!("no load was sent: {} met nobody", item.question.title()));
            return Ok(false);
        }
        learned.take(item, seen);
    }
    let count = questions.items.len().min(MOST);
    let end = Instant::now() + patience;
    let mut answers = futures_util::stream::iter(1..count).map(ask).buffer_unordered(AT_ONCE);
    while let Ok(Some(answer)) = timeout_at(end, answers.next()).await {
        if let Some((item, seen)) = answer {
            learned.take(item, seen?);
        }
    }
    learned.tell(cx, questions.items.len());
    Ok(true)
}

impl Learned {
    fn take(&mut self, item: &Item, seen: Exchange) {
        let why = match seen.reply.map(|reply| verify::learn(item, &reply)) {
            Some(Ok(Shape::Records)) => {
                self.records += 1;
                return;
            }
            Some(Ok(Shape::Empty)) => {
                self.empty += 1;
                return;
            }
            Some(Ok(Shape::Absent)) => {
                self.absent += 1;
                return;
            }
            Some(Err(wrong)) => wrong.why,
            None => format!("{}: {}", item.question.title(), seen.notes.first().map_or(seen.outcome, String::as_str)),
        };
        self.bad += 1;
        if self.examples.len() < DESCRIBED {
            self.examples.push(why);
        }
    }

    fn tell(self, cx: &mut Cx<'_>, all: usize) {
        let Self { records, empty, absent, bad, examples } = self;
        cx.note(format!(
            "before the load, of {all} different questions {records} had records, {empty} none, {absent} no such name, and \
             {bad} no right answer; the load's answers are held against these, and others against the first that comes"
        ));
        for example in examples {
            cx.note(format!("before the load: {example}"));
        }
    }
}
