//! Reference answers: every question is asked once before a load. Is anybody there, and what are the answers?

use std::net::SocketAddr;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::queries::{LoadQuery, Questions};
use super::verify::{self, AnswerKind};
use crate::checks::shared::target::Target;
use crate::net::deadline;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::{self, Exchange, Request};

/// Questions asked before the load; of further ones the first answer of the load becomes the reference.
const MOST: usize = 1000;
/// Of these, asked at once.
const AT_ONCE: usize = 16;
/// Answers that are not right, described one by one; more are only counted.
const DESCRIBED: usize = 4;

/// Answers that came, by kind.
#[derive(Default)]
struct Summary {
    records: usize,
    empty: usize,
    absent: usize,
    /// Questions without a right answer.
    bad: usize,
    examples: Vec<String>,
}

/// Asks, and keeps the answers as references. It ends early when the first question shows that a load would meet nobody.
pub(super) async fn collect(
    cx: &mut Cx<'_>,
    target: &Target,
    server: SocketAddr,
    questions: &Questions,
) -> Result<(), EarlyEnd> {
    let (origin, patience, seed) = (target.origin, target.timeout, cx.seed());
    let ask = |index: usize| async move {
        let item = questions.items.get(index)?;
        let request = Request { server, origin, patience, question: &item.question, seed };
        Some((item, exchange::udp(&request).await))
    };
    let mut summary = Summary::default();
    if let Some((item, exchange)) = ask(0).await {
        let exchange = exchange?;
        if exchange.discarded == 0 && matches!(exchange.outcome, "timeout" | "refused" | "unreachable") {
            exchange.notes.iter().for_each(|note| cx.note(note.as_str()));
            let why = exchange.ending.unwrap_or_else(|| format!("{} met nobody", item.question.title()));
            let why = format!("no load was sent: {why}");
            return Err(EarlyEnd::outcome(exchange.outcome, why));
        }
        summary.add(item, exchange);
    }
    let count = questions.items.len().min(MOST);
    let end = Instant::now() + patience;
    let mut answers = futures_util::stream::iter(1..count).map(ask).buffer_unordered(AT_ONCE);
    while let Ok(Some(answer)) = deadline::until(end, answers.next()).await {
        if let Some((item, exchange)) = answer {
            summary.add(item, exchange?);
        }
    }
    summary.note(cx, questions.items.len());
    Ok(())
}

impl Summary {
    fn add(&mut self, item: &LoadQuery, exchange: Exchange) {
        let why = match exchange.reply.map(|reply| verify::set_reference(item, &reply)) {
            Some(Ok(AnswerKind::Records)) => {
                self.records += 1;
                return;
            }
            Some(Ok(AnswerKind::Empty)) => {
                self.empty += 1;
                return;
            }
            Some(Ok(AnswerKind::Absent)) => {
                self.absent += 1;
                return;
            }
            Some(Err(wrong)) => wrong.why,
            None => format!(
                "{}: {}",
                item.question.title(),
                exchange.notes.first().or(exchange.ending.as_ref()).map_or(exchange.outcome, String::as_str)
            ),
        };
        self.bad += 1;
        if self.examples.len() < DESCRIBED {
            self.examples.push(why);
        }
    }

    fn note(self, cx: &mut Cx<'_>, all: usize) {
        let Self { records, empty, absent, bad, examples } = self;
        let asked = records + empty + absent + bad;
        if let Some(left) = all.checked_sub(asked).filter(|left| *left > 0) {
            cx.note(format!(
                "{left} of {all} questions were not asked before the load (at most {MOST}, within the patience of one): whether \
                 their answers are right is not known, only whether all are alike"
            ));
        }
        cx.note(format!(
            "before the load, of {asked} different questions {records} had records, {empty} none, {absent} no such name, and \
             {bad} no right answer; the load's answers are held against these, and others against the first that comes"
        ));
        for example in examples {
            cx.note(format!("before the load: {example}"));
        }
        if let Some(more) = bad.checked_sub(DESCRIBED).filter(|more| *more > 0) {
            cx.note(format!("before the load: and {more} more without a right answer"));
        }
    }
}
