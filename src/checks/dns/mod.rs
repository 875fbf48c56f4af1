//! DNS: what one server answers to one question, down to flags, EDNS and stray replies.

mod ask;
mod exchange;
mod load;
mod message;
mod question;
mod rdata;
mod svcb;
#[cfg(test)]
mod tests;
mod types;

use std::time::Duration;

use ask::{Ask, OUTCOME, RCODE};
use load::Load;

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
    Load(Box<Load>),
}

impl Probe for Dns {
    const FAMILY: &'static str = "dns";
    const SUMMARY: &'static str = "What a DNS server answers: records, flags, response code, EDNS";
    const FIELDS: &'static [Field] = joined!(Field; ask::FIELDS, load::FIELDS);
    const FACTS: &'static [FactInfo] = joined!(FactInfo; ask::FACTS, load::FACTS);
    const DEFAULT_EXPECT: &'static str = "rcode: NOERROR\nanswers: {len: {ge: 1}}\ntruncated: false";
    const MODES: &'static [probe::Mode] = joined!(probe::Mode; load::MODES);
    const README: &'static str = include_str!("README.md");
    const EXAMPLE: &'static str = include_str!("example.yaml");
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("name", None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let mode = match args.group("load") {
            Some(load) => Mode::Load(Box::new(Load::from_args(args, load)?)),
            None => Mode::Ask(Box::new(Ask::from_args(args)?)),
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Ask(ask) => ask.target(),
            Mode::Load(load) => load.target(),
        }
    }

    fn footprint(&self) -> Footprint {
        match &self.mode {
            Mode::Ask(_) => Footprint::Quiet,
            Mode::Load(_) => Footprint::Noisy,
        }
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Ask(ask) => ask.longest(),
            Mode::Load(load) => load.longest(),
        }
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "answered") && fact_is(seen, RCODE.info.name, "NOERROR")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Ask(ask) => ask.run(cx).await,
            Mode::Load(load) => load.run(cx).await,
        }
    }
}
