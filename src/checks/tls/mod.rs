//! TLS: does the handshake succeed, with whom, and for how long is the certificate good.

mod certificates;
mod facts;
mod look;
pub mod profile;
mod quic;

use std::time::Duration;

use facts::OUTCOME;
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
    Quic(Box<quic::Look>),
}

impl Probe for Tls {
    const FAMILY: &'static str = "tls";
    const SUMMARY: &'static str = "TLS handshake, certificate and chain";
    const FIELDS: &'static [Field] = joined!(Field; look::FIELDS, quic::FIELDS, certificates::FIELDS);
    const FACTS: &'static [FactInfo] = joined!(
        FactInfo;
        facts::TABLE,
        certificates::ALWAYS,
        certificates::ADDRESSES_FACTS,
        certificates::ALL_FACTS,
        certificates::CRL_FACTS,
    );
    const DEFAULT_EXPECT: &'static str = "verified: true";
    const MODES: &'static [probe::Mode] = joined!(probe::Mode; certificates::MODES);
    const README: &'static str = include_str!("README.md");
    const EXAMPLE: &'static str = include_str!("example.yaml");
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("host", Some("port"));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        if quic::applies(args) {
            return Ok(Self { mode: Mode::Quic(Box::new(quic::Look::from_args(args)?)) });
        }
        Ok(Self { mode: Mode::Look(Box::new(Look::from_args(args)?)) })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Look(look) => look.target(),
            Mode::Quic(look) => look.target(),
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Look(look) => look.longest(),
            Mode::Quic(look) => look.longest(),
        }
    }

    fn answered(seen: &Observation) -> bool {
        fact_is(seen, OUTCOME.info.name, "handshaken")
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Look(look) => look.run(cx).await,
            Mode::Quic(look) => look.run(cx).await,
        }
    }
}
