//! `dnssec: validate`: whether an answer follows from a trust anchor, and if not, why.
//!
//! Every question goes to the one server of the check, as the ordinary one does: the walk from the anchor to the name
//! asked for sees what that server's clients see. The verdict is this module's own; a second validator may only weaken
//! it.

mod anchors;
mod extras;
mod facts;
mod fetch;
mod fields;
mod link;
mod opinion;
#[cfg(test)]
mod tests;
mod trail;
mod walk;

use std::time::Duration;

pub(super) use facts::FACTS;
use facts::{OPINION, QUERIES, REASON, VERDICT, word};
use fetch::Fetch;
pub(super) use fields::FIELDS;
use opinion::{Opinion, second};
use tokio::time::Instant;
use walk::{Outcome, Verdict, Walk};

use super::ask::{Ask, Round};
use super::facts::{DISCARDED, OUTCOME};
use super::fields::{CLASS, Class, DNSSEC, Dnssec, NAME, TYPE};
use super::transport::{TRANSPORT, Transport};
use crate::model::{Args, Fault, Invalid};
use crate::probe::{Cx, Mode};
use crate::proto::dns::{rdata, types};
use crate::proto::dnssec::{Anchor, Name, Reason};

pub(super) const MODES: &[Mode] = &[Mode {
    with: "dnssec: validate",
    applies,
    expect: Some("rcode: NOERROR\nanswers: {len: {ge: 1}}\ndnssec.verdict: secure"),
    adds: None,
    facts: FACTS,
}];

pub(super) fn applies(args: &Args) -> bool {
    args.get(&DNSSEC) == Dnssec::Validate
}

/// Fields that mean nothing without it.
pub(super) fn unused(args: &Args) -> Result<(), Invalid> {
    match FIELDS.iter().find(|field| args.0.contains_key(field.name)) {
        None => Ok(()),
        Some(field) => {
            let message = format!("`{}` is about validation, which is off", field.name);
            Err(Invalid::at(field.name, message, "add `dnssec: validate`"))
        }
    }
}

/// The walk may take as long as this many silent questions.
const SILENCES: u32 = 8;

/// A question whose answer is validated.
pub(super) struct Validate {
    ask: Ask,
    name: Name,
    anchors: Vec<Anchor>,
    /// Seconds since 1970.
    at: Option<u32>,
}

impl Validate {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let ask = Ask::from_args(args)?;
        if let Transport::Secure(_) = ask.transport {
            let help = "use udp or tcp; a check beside it can hold the encrypted answer against it with `same_as`";
            return Err(TRANSPORT.invalid("the walk of a validation asks in plain", help));
        }
        if let types::ANY | types::AXFR | types::SIG | types::RRSIG = ask.question.code {
            let message = format!("{} is answered with several sets or none, no set to validate", {
                types::mnemonic(ask.question.code)
            });
            return Err(TYPE.invalid(message, "ask for the type the clients need, such as A"));
        }
        if args.get(&CLASS) != Class::In {
            return Err(CLASS.invalid("DNSSEC has trust anchors in class IN only", "drop `class`"));
        }
        let name = fetch::ours(&ask.question.name).ok_or_else(|| {
            NAME.invalid("the name cannot be read", "labels of 1 to 63 bytes between dots, 253 in all")
        })?;
        let anchors = anchors::from_args(args, &name)?;
        Ok(Self { ask, name, anchors, at: anchors::at(args)? })
    }

    pub(super) fn label(&self) -> String {
        self.ask.label()
    }

    /// The ordinary question, then the walk.
    pub(super) fn longest(&self) -> Duration {
        self.ask.longest() + self.walk()
    }

    fn walk(&self) -> Duration {
        self.ask.target.timeout * self.ask.attempts * SILENCES
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let Round { address, reply } = match self.ask.round(cx).await {
            Ok(round) => round,
            Err(end) => {
                end.record(cx, &OUTCOME)?;
                tell(cx, &Outcome::silent("the server's name has no address"));
                return Ok(());
            }
        };
        let Some(reply) = reply else {
            tell(cx, &Outcome::silent("the question itself was not answered"));
            return Ok(());
        };
        let before = cx.seen().last(DISCARDED.info.name).and_then(crate::model::Value::as_i64).unwrap_or_default();
        let mut fetch = Fetch::new(&self.ask, address, cx.seed(), Instant::now() + self.walk());
        fetch.keep(&self.name, self.ask.question.code, &reply);
        let mut walk = Walk::new(fetch, &self.anchors, self.at.unwrap_or_else(anchors::now));
        let judged = walk.judge(&self.name, self.ask.question.code).await;
        let ended = match judged {
            Ok(outcome) => self.finish(&mut walk, &outcome).await.map(|opinion| (outcome, opinion)),
            Err(fault) => Err(fault),
        };
        // What was seen on the way is told however it ended.
        cx.set(&QUERIES, walk.fetch.queries);
        cx.set(&DISCARDED, before + walk.fetch.discarded);
        walk.trail.tell(cx);
        let (mut outcome, opinion) = ended?;
        if outcome.verdict != Verdict::Secure {
            outcome.why = format!("as {} answers, {}", walk.fetch.server(), outcome.why);
        }
        cx.set(&OPINION, opinion.word);
        cx.note(format!("second validator: {}", opinion.text));
        tell(cx, &if opinion.differs() { differ(&outcome, &opinion) } else { outcome });
        Ok(())
    }

    /// What is worth knowing about the last zone, and the second opinion.
    async fn finish(&self, walk: &mut Walk<'_>, outcome: &Outcome) -> Result<Opinion, Fault> {
        if outcome.verdict == Verdict::Secure {
            walk.extras().await?;
        }
        if self.at.is_some() {
            return Ok(Opinion::none("its clock cannot be set, and `at` is"));
        }
        second(walk, &self.anchors, &self.name, self.ask.question.code, outcome).await
    }
}

/// Two validators that disagree prove nothing, whichever is right.
fn differ(outcome: &Outcome, opinion: &Opinion) -> Outcome {
    Outcome {
        verdict: Verdict::Indeterminate,
        reason: Some(Reason::OpinionsDiffer),
        why: format!("first says {} ({}), second says {}", outcome.verdict.word(), outcome.why, opinion.text),
    }
}

fn tell(cx: &mut Cx<'_>, outcome: &Outcome) {
    cx.set(&VERDICT, outcome.verdict.word());
    if let Some(reason) = outcome.reason {
        cx.set(&REASON, word(reason));
    }
    if !outcome.why.is_empty() {
        cx.note(format!("{}: {}", outcome.verdict.word(), outcome.why));
    }
}

/// `www.example. A`, for people.
fn title(name: &Name, code: u16) -> String {
    let shown = fetch::theirs(name).map_or_else(|| crate::proto::dnssec::dotted(name), |name| rdata::name(&name));
    format!("{shown} {}", types::mnemonic(code))
}
