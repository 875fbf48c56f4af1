//! TLS: does the handshake succeed, with whom, and for how long is the certificate good.

mod facts;
mod load;
mod look;
mod reach;
mod terms;

use std::time::Duration;

use facts::OUTCOME;
use load::Load;
use look::Look;

use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, Field, Invalid, Observation};
use crate::probe::{self, Cx, Footprint, Probe, fact_is};

/// The probe.
pub struct Tls {
    mode: Mode,
}

/// What the fields of a check come to.
enum Mode {
    Look(Box<Look>),
    Load(Box<Load>),
}

impl Probe for Tls {
    const FAMILY: &'static str = "tls";
    const SUMMARY: &'static str = "TLS handshake, certificate and chain";
    const FIELDS: &'static [Field] = joined!(Field; look::FIELDS, reach::FIELDS, terms::FIELDS, load::FIELDS);
    const FACTS: &'static [FactInfo] = joined!(FactInfo; facts::TABLE, reach::FACTS, terms::FACTS, load::FACTS);
    const DEFAULT_EXPECT: &'static str = "verified: true";
    const MODES: &'static [probe::Mode] = joined!(probe::Mode; &[reach::MODE], terms::MODES, load::MODES);
    const README: &'static str = include_str!("README.md");
    const EXAMPLE: &'static str = include_str!("example.yaml");
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("host", Some("port"));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let mode = match Load::from_args(args)? {
            Some(load) => Mode::Load(Box::new(load)),
            None => Mode::Look(Box::new(Look::from_args(args)?)),
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Look(look) => look.target(),
            Mode::Load(load) => load.target(),
        }
    }

    fn footprint(&self) -> Footprint {
        match &self.mode {
            Mode::Look(_) => Footprint::Quiet,
            Mode::Load(_) => Footprint::Noisy,
        }
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Look(look) => look.longest(),
            Mode::Load(load) => load.longest(),
        }
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "handshaken")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Look(look) => look.run(cx).await,
            Mode::Load(load) => load.run(cx).await,
        }
    }
}
