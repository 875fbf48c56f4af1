//! TLS: does the handshake succeed, with whom, and for how long is the certificate good.

mod certificates;
mod facts;
mod fields;
mod load;
mod look;
pub mod profile;
mod quic;
mod reach;
mod scan;
mod terms;

use std::time::Duration;

use facts::OUTCOME;
use fields::{HOST, PORT};
use load::{LOAD, Load};
use look::Look;
use profile::PROFILES;
use scan::{SCAN, Scanner};

use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{self, Cx, Footprint, Probe, fact_is};

/// The probe.
pub struct Tls {
    mode: Mode,
}

/// What the fields of a check come to.
enum Mode {
    Look(Box<Look>),
    Quic(Box<quic::Look>),
    /// The handshake, and then everything else the server takes.
    Scan(Box<Look>, Box<Scanner>),
    Load(Box<Load>),
}

impl Probe for Tls {
    const SUMMARY: &'static str = "TLS handshake, certificate and chain";
    const FIELDS: &'static [FieldInfo] = joined!(
        FieldInfo;
        fields::FIELDS, reach::FIELDS, quic::FIELDS, certificates::FIELDS, terms::FIELDS, scan::FIELDS, profile::FIELDS, load::FIELDS,
    );
    const FACTS: &'static [FactInfo] = joined!(
        FactInfo;
        facts::FACTS,
        certificates::FACTS,
        reach::FACTS,
        terms::FACTS,
        scan::facts::FACTS,
        profile::FACTS,
        load::FACTS,
    );
    const MODES: &'static [probe::Mode] = joined!(
        probe::Mode;
        load::MODES, certificates::MODES, scan::MODES, terms::MODES, &[reach::MODE],
    );
    const STREAMS: bool = false;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (HOST.name(), Some(PORT.name()));

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (scans, loads) = (args.get(&SCAN).is_on(), args.get(&LOAD).is_on());
        if args.given(&PROFILES) && !scans {
            return Err(PROFILES.invalid("a profile is held against a scan", "add `scan: true`"));
        }
        if loads && scans {
            return Err(LOAD.invalid("a scan and a load are two checks", "write a check for each"));
        }
        let mode = if quic::applies(args) {
            Mode::Quic(Box::new(quic::Look::from_args(args)?))
        } else if let Some(load) = Load::from_args(args)? {
            Mode::Load(Box::new(load))
        } else if let Some(scanner) = Scanner::from_args(args)? {
            Mode::Scan(Box::new(Look::from_args(args)?), Box::new(scanner))
        } else {
            Mode::Look(Box::new(Look::from_args(args)?))
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Look(look) | Mode::Scan(look, _) => look.target(),
            Mode::Quic(look) => look.target(),
            Mode::Load(load) => load.target(),
        }
    }

    fn footprint(&self) -> Footprint {
        match &self.mode {
            Mode::Look(_) | Mode::Quic(_) | Mode::Scan(..) => Footprint::Quiet,
            Mode::Load(_) => Footprint::Noisy,
        }
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Look(look) => look.longest(),
            Mode::Quic(look) => look.longest(),
            Mode::Scan(look, scanner) => look.longest() + scanner.longest(),
            Mode::Load(load) => load.longest(),
        }
    }

    fn answered(seen: &Observation) -> bool {
        ["handshaken", "scanned"].iter().any(|word| fact_is(seen, OUTCOME.info.name, word))
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Look(look) => look.run(cx).await,
            Mode::Quic(look) => look.run(cx).await,
            Mode::Scan(look, scanner) => match look.meet(cx).await? {
                Some(met) => scanner.run(cx, met.again.way).await,
                None => Ok(()),
            },
            Mode::Load(load) => load.run(cx).await,
        }
    }
}
