//! `dnssec: validate`: whether an answer follows from a trust anchor, and if not, why.
//!
//! Every question goes to the one server of the check, as the ordinary one does: the walk from the anchor to the name
//! asked for sees what that server's clients see. The verdict is this module's own; a second validator may only weaken
//! it.

mod anchors;
mod evidence;
mod facts;
mod fetch;
mod fields;
mod last_zone;
mod link;
mod names;
mod second_validator;
#[cfg(test)]
pub(super) mod tests;
mod verdict;
mod walk;

use std::net::IpAddr;
use std::time::Duration;

pub(super) use anchors::now;
pub(super) use facts::FACTS;
use facts::{QUERIES, REASON, SECOND_OPINION, VERDICT, word};
use fetch::Fetch;
pub(super) use fields::FIELDS;
pub(super) use names::for_validator;
use second_validator::{SecondOpinion, validate_again};
use tokio::time::Instant;
use verdict::{Validation, Verdict};
use walk::Walk;

use super::facts::{DISCARDED, EDNS_VERSION, OUTCOME};
use super::fields::{CLASS, Class, DNSSEC, Dnssec, NAME, TYPE};
use super::query::{DnsQuery, QueryRound};
use super::transport::{TRANSPORT, Transport};
use crate::model::{Args, Fault, Invalid, Value};
use crate::probe::{Cx, Mode};
use crate::proto::dns::types;
use crate::proto::dnssec::{Anchor, Name, Reason};

pub(super) const MODES: &[Mode] = &[Mode::of("dnssec: validate", applies, FACTS).adds("dnssec.verdict: secure")];

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

/// Silence about EDNS alone.
const DROPS_EDNS: &str = "it answers the question without EDNS and is silent with it: the server, or a firewall before it, \
                          drops EDNS, in which signatures are asked for";
/// Of an answer that lacks signatures.
const WITHOUT_OPT: &str = "; the answer has no EDNS (OPT record): the server, or something before it, drops EDNS, in which \
                           signatures are asked for";

/// A question whose answer is validated.
pub(super) struct Validate {
    ask: DnsQuery,
    name: Name,
    anchors: Vec<Anchor>,
    /// Seconds since 1970.
    at: Option<u32>,
}

impl Validate {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let ask = DnsQuery::from_args(args)?;
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
        let name = names::for_validator(&ask.question.name).ok_or_else(|| {
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
        let QueryRound { address, reply } = match self.ask.round(cx).await {
            Ok(round) => round,
            Err(end) => {
                end.record(cx, &OUTCOME)?;
                record(cx, &Validation::unanswered("the server's name has no address"));
                return Ok(());
            }
        };
        let Some(reply) = reply else {
            let why = self.unanswered(cx, address).await?;
            record(cx, &Validation::unanswered(why));
            return Ok(());
        };
        let before = cx.observation().last(DISCARDED.info.name).and_then(Value::as_i64).unwrap_or_default();
        let mut fetch = Fetch::new(&self.ask, address, cx.seed(), Instant::now() + self.walk());
        fetch.keep(&self.name, self.ask.question.code, &reply);
        let mut walk = Walk::new(fetch, &self.anchors, self.at.unwrap_or_else(anchors::now));
        let ended = match walk.validate(&self.name, self.ask.question.code).await {
            Ok(first) => self.finish(&mut walk, &first).await.map(|second| (first, second)),
            Err(fault) => Err(fault),
        };
        // The evidence is recorded however the walk ended.
        cx.set(&QUERIES, walk.fetch.queries);
        cx.set(&DISCARDED, before + walk.fetch.discarded);
        walk.evidence.record(cx);
        let (mut first, second) = ended?;
        if first.verdict != Verdict::Secure {
            first.why = format!("as {} answers, {}", walk.fetch.server(), first.why);
        }
        let missing = matches!(first.reason, Some(Reason::MissingRrsig | Reason::MissingDenial));
        if missing && cx.observation().last(EDNS_VERSION.info.name).is_none() {
            first.why += WITHOUT_OPT;
        }
        cx.set(&SECOND_OPINION, second.word);
        cx.note(format!("second validator: {}", second.text));
        record(cx, &if second.differs() { disagreement(&first, &second) } else { first });
        Ok(())
    }

    /// Why there is no answer: silence about EDNS alone is told from a server that is silent about everything.
    async fn unanswered(&self, cx: &mut Cx<'_>, address: IpAddr) -> Result<&'static str, Fault> {
        let silent = cx.observation().text(OUTCOME.info.name) == Some("timeout");
        if !silent || matches!(self.ask.transport, Transport::Tcp) {
            return Ok("the question itself was not answered");
        }
        let plain = self.ask.question.clone().edns(None);
        let again = self.ask.query(address, &plain, false, self.ask.target.timeout, cx.seed()).await?;
        Ok(if again.reply.is_some() { DROPS_EDNS } else { "the question itself was not answered" })
    }

    /// The facts of the last zone, and the second opinion.
    async fn finish(&self, walk: &mut Walk<'_>, first: &Validation) -> Result<SecondOpinion, Fault> {
        if first.verdict == Verdict::Secure {
            walk.last_zone().await?;
        }
        if self.at.is_some() {
            return Ok(SecondOpinion::none("its clock cannot be set, and `at` is"));
        }
        validate_again(walk, &self.anchors, &self.name, self.ask.question.code, first).await
    }
}

/// Two validators that disagree prove nothing, whichever is right.
fn disagreement(first: &Validation, second: &SecondOpinion) -> Validation {
    // The reason of the first is the only one there is: the second knows none.
    let reason = first.reason.map(|reason| format!(", {}", word(reason))).unwrap_or_default();
    let why = if first.why.is_empty() { String::new() } else { format!(" ({})", first.why) };
    Validation {
        verdict: Verdict::Indeterminate,
        reason: Some(Reason::OpinionsDiffer),
        why: format!("first says {}{reason}{why}, second says {}", first.verdict.word(), second.text),
    }
}

fn record(cx: &mut Cx<'_>, validation: &Validation) {
    cx.set(&VERDICT, validation.verdict.word());
    if let Some(reason) = validation.reason {
        cx.set(&REASON, word(reason));
    }
    if !validation.why.is_empty() {
        cx.note(format!("{}: {}", validation.verdict.word(), validation.why));
    }
}
