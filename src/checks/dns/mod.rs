//! DNS: what one server answers to one question, down to flags, EDNS and stray replies.

mod ask;
mod exchange;
mod message;
mod question;
mod rdata;
mod survey;
mod svcb;
#[cfg(test)]
mod tests;
mod types;

use std::time::Duration;

use ask::{Ask, OUTCOME, RCODE};
use survey::Survey;

use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, Field, Invalid, Observation};
use crate::probe::{self, Cx, Footprint, Probe, fact_is};

/// The probe.
pub struct Dns {
    mode: Mode,
}

/// What the fields of a check come to.
enum Mode {
    Ask(Box<Ask>),
    Survey(Box<Survey>),
}

impl Probe for Dns {
    const FAMILY: &'static str = "dns";
    const SUMMARY: &'static str = "What a DNS server answers: records, flags, response code, EDNS";
    const FIELDS: &'static [Field] = joined!(Field; ask::FIELDS, survey::FIELDS);
    const FACTS: &'static [FactInfo] = joined!(FactInfo; ask::FACTS, survey::FACTS);
    const DEFAULT_EXPECT: &'static str = "rcode: NOERROR\nanswers: {len: {ge: 1}}\ntruncated: false";
    const MODES: &'static [probe::Mode] = joined!(probe::Mode; survey::MODES);
    const README: &'static str = include_str!("README.md");
    const EXAMPLE: &'static str = include_str!("example.yaml");
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("name", None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let mode = if survey::applies(args) {
            Mode::Survey(Box::new(Survey::from_args(args)?))
        } else {
            Mode::Ask(Box::new(Ask::from_args(args)?))
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Ask(ask) => ask.target(),
            Mode::Survey(survey) => survey.target(),
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Ask(ask) => ask.longest(),
            Mode::Survey(survey) => survey.longest(),
        }
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "answered") && fact_is(seen, RCODE.info.name, "NOERROR")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Ask(ask) => ask.run(cx).await,
            Mode::Survey(survey) => survey.run(cx).await,
        }
    }
}
