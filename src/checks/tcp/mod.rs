//! TCP: does it accept, how fast, and does it say what it should.

mod conversation;
mod diagnosis;
mod dialogue;
mod exchange;
mod facts;
mod fields;
mod receive_buffer;
mod report;
mod stream;
mod synonyms;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use conversation::{Conversation, ConversationResult};
use dialogue::Dialogue;
use facts::{ADDRESS, ADDRESSES, CONNECT_TIME, FAILED, OUTCOME};
use fields::{Addresses, HOST, PORT, TIMEOUT};

use crate::checks::shared::silence;
use crate::checks::shared::target::Target;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::net::clock::MeasuredTime;
use crate::probe::{
    Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, Mode, PhaseInfo, Probe, Prober, StreamSpec, Synonyms,
    fact_is,
};

/// Why a wrong answer may be a right one.
const UNDECIDED: &str = "`limit` is reached, and what is expected may come after it";

/// The probe.
pub struct Tcp {
    target: Target,
    addresses: Addresses,
    conversation: Option<Conversation>,
    /// What the peer says may be an echo of a secret.
    holds_secret: bool,
}

impl Probe for Tcp {
    const SUMMARY: &'static str =
        "TCP connect, and optionally what the server says: a banner, an answer, a whole dialogue";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = joined!(FactInfo; facts::FACTS, facts::EVERY, facts::CONVERSATION, facts::DIALOGUE_FACTS, facts::HALF_CLOSE_FACTS);
    const MODES: &'static [Mode] = &[
        Mode::of("addresses: all", |args| args.get(&fields::ADDRESSES) == Addresses::All, facts::EVERY),
        Mode::of("banner: true` beside `addresses: first", one_speaks, facts::CONVERSATION)
            .example("addresses: first, banner: true"),
        Mode::of("dialogue", |args| args.given(&fields::DIALOGUE), facts::DIALOGUE_FACTS)
            .example("dialogue: [{expect: TEXT}]"),
        Mode::of("half_close: true` or a step `close: write", half_closes, facts::HALF_CLOSE_FACTS),
    ];
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[
            &["send", "send_hex"],
            &["expect", "expect_hex"],
            &["dialogue", "send"],
            &["dialogue", "send_hex"],
            &["dialogue", "expect"],
            &["dialogue", "expect_hex"],
        ],
        any: &[],
        with: &[],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &[fields::EXPECT.name(), fields::EXPECT_HEX.name()];
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), Some(PORT.name()));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self {
            target: Target::from_args(args, args.get(&HOST), args.get(&PORT), args.get(&TIMEOUT))?,
            addresses: args.get(&fields::ADDRESSES),
            conversation: conversation(args)?,
            holds_secret: args.holds_secret(),
        })
    }

    fn target(&self) -> String {
        self.target.label()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        // Name lookup, connect and each wait for the peer have the patience; `all` connects to its addresses at once.
        self.target.timeout.saturating_mul(2 + self.conversation.as_ref().map_or(1, Conversation::waits))
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "connected")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    async fn investigate(&self, cx: &mut Cx<'_>) {
        silence::investigate(cx, &ADDRESS, self.target.port, self.target.origin).await;
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.target.addresses().await {
            Ok(addresses) => {
                self.probe(cx, &addresses.list).await?;
                if let Some(why) = &addresses.partial {
                    self.known_in_part(cx, why);
                }
                Ok(())
            }
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    async fn stream(&self, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
        stream::open(self, spec).await
    }
}

/// Whether a check with these fields waits for the words of one server: several may say different things.
fn one_speaks(args: &Args) -> bool {
    Conversation::is_in(args) && args.get(&fields::ADDRESSES) == Addresses::First
}

/// Whether a check with these fields ends its sending before the peer does.
fn half_closes(args: &Args) -> bool {
    args.get(&fields::HALF_CLOSE) || Dialogue::half_closes(args)
}

fn conversation(args: &Args) -> Result<Option<Conversation>, Invalid> {
    if args.get(&fields::HALF_CLOSE) && args.get(&fields::ADDRESSES) == Addresses::All {
        let help = "leave `addresses` out, and write a check for each address";
        return Err(fields::HALF_CLOSE.invalid("a half-close is judged of one address, not of all of them", help));
    }
    Conversation::from_args(args)
}

/// Result of connecting to one address.
struct Attempt {
    outcome: &'static str,
    connect_time: Option<MeasuredTime>,
    exchange: Option<ConversationResult>,
    evidence: Option<String>,
}

impl Tcp {
    /// Not every address of the name is known: those that are not may be the ones that fail. What has failed has.
    fn known_in_part(&self, cx: &mut Cx<'_>, why: &str) {
        let why = format!("{}: {why}", self.target.host);
        cx.partial(&ADDRESSES, why.clone());
        if self.addresses == Addresses::All {
            if fact_is(cx.observation(), OUTCOME.info.name, "connected") {
                cx.partial(&OUTCOME, why.clone());
            }
            cx.partial(&FAILED, why);
        }
    }

    /// Connects to the addresses of a name, all at once.
    async fn probe(&self, cx: &mut Cx<'_>, addresses: &[IpAddr]) -> Result<(), Fault> {
        cx.set(&ADDRESSES, addresses.iter().map(|address| self.target.origin.label(*address)).collect::<Vec<_>>());
        let used = match self.addresses {
            Addresses::All => addresses,
            Addresses::First => addresses.get(..1).unwrap_or_default(),
        };
        let attempts = futures_util::future::join_all(used.iter().map(|address| self.attempt(*address))).await;
        self.report(cx, used, attempts)
    }

    async fn attempt(&self, address: IpAddr) -> Result<Attempt, Fault> {
        let mut dialled = match self.target.connect(address).await {
            Ok(dialled) => dialled,
            Err(EarlyEnd::Fault(fault)) => return Err(fault),
            Err(EarlyEnd::Outcome { word, evidence }) => {
                return Ok(Attempt { outcome: word, connect_time: None, exchange: None, evidence });
            }
        };
        let connect_time = Some(dialled.took);
        let repeated = dialled.note(self.target.socket(address));
        let Some(conversation) = &self.conversation else {
            return Ok(Attempt { outcome: "connected", connect_time, exchange: None, evidence: repeated });
        };
        let peer = self.target.socket(address);
        let exchange = conversation.play(&mut dialled.stream, peer, self.target.timeout).await;
        let evidence = exchange.evidence.iter().cloned().chain(repeated).reduce(|one, more| format!("{one}; {more}"));
        Ok(Attempt { outcome: exchange.outcome, connect_time, evidence, exchange: Some(exchange) })
    }

    fn report(&self, cx: &mut Cx<'_>, used: &[IpAddr], attempts: Vec<Result<Attempt, Fault>>) -> Result<(), Fault> {
        let (mut failed, mut undecided) = (Vec::new(), false);
        let mut chosen: Option<(IpAddr, Attempt)> = None;
        for (address, attempt) in used.iter().zip(attempts) {
            let attempt = attempt?;
            if let Some(elapsed) = attempt.connect_time {
                cx.record_measured(&CONNECT_TIME, elapsed);
            }
            if let Some(evidence) = &attempt.evidence {
                cx.note(evidence.clone());
            }
            undecided |= attempt.exchange.as_ref().is_some_and(|exchange| exchange.undecided);
            if attempt.outcome != "connected" {
                failed.push(format!("{} {}", self.target.origin.label(*address), attempt.outcome));
            }
            let worse = chosen.as_ref().is_none_or(|(_, c)| c.outcome == "connected" && attempt.outcome != "connected");
            if worse {
                chosen = Some((*address, attempt));
            }
        }
        let Some((address, attempt)) = chosen else {
            return Ok(());
        };
        cx.set(&OUTCOME, attempt.outcome);
        if let Some(ending) = attempt.evidence.as_ref().filter(|_| attempt.outcome != "connected") {
            cx.ending(ending);
        }
        cx.set(&ADDRESS, self.target.origin.label(address));
        if attempt.connect_time.is_none() {
            cx.unreached();
        }
        if self.addresses == Addresses::All {
            cx.set(&FAILED, failed);
            if undecided {
                cx.partial(&FAILED, UNDECIDED);
            }
        }
        if let Some(exchange) = attempt.exchange {
            if exchange.undecided {
                cx.partial(&OUTCOME, UNDECIDED);
            }
            if self.addresses == Addresses::All {
                return Ok(());
            }
            report::conversation(cx, exchange, self.holds_secret);
        }
        Ok(())
    }
}
