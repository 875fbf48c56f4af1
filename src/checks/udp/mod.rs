//! UDP: send one datagram or several, and tell an answer from a refusal from silence.

mod diagnosis;
mod exchange;
mod facts;
mod fields;
mod listener;
mod prober;
mod report;
mod synonyms;

use std::time::Duration;

use exchange::Script;
use facts::{ADDRESS, OUTCOME};
use fields::{HOST, PORT, TIMEOUT};
use prober::EchoProber;

use crate::checks::shared::target::Target;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{
    Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, Mode, PhaseInfo, Probe, Prober, StreamSpec, Synonyms,
    fact_is,
};

/// The probe.
pub struct Udp {
    target: Target,
    script: Script,
}

impl Probe for Udp {
    const SUMMARY: &'static str = "UDP request and reply: answered, refused or silent";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = joined!(FactInfo; facts::FACTS, facts::SEVERAL);
    const MODES: &'static [Mode] =
        &[Mode::of("count` above 1, or several `datagrams", exchange::is_series, facts::SEVERAL).example("count: 5")];
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[
            &["send", "send_hex"],
            &["expect", "expect_hex"],
            &["datagrams", "send"],
            &["datagrams", "send_hex"],
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
            script: Script::from_args(args)?,
        })
    }

    fn target(&self) -> String {
        self.target.label()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        // Name lookup and exchange each have the patience; a third one covers a busy host.
        self.target.timeout * 3 + self.script.sending()
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "replied")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.exchange(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    async fn stream(&self, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
        let Some(echoed) = self.script.single().filter(|_| spec.echo) else { return Ok(None) };
        let prober = EchoProber::open(self, echoed, spec).await?;
        Ok(prober.map(|prober| Box::new(prober) as Box<dyn Prober>))
    }
}

impl Udp {
    async fn exchange(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let address = self.target.address().await?;
        cx.set(&ADDRESS, self.target.origin.label(address));
        let peer = self.target.socket(address);
        let exchange = self.script.play(peer, self.target.origin, self.target.timeout).await?;
        report::exchange(cx, exchange);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
