//! TLS: does the handshake succeed, with whom, and for how long is the certificate good.

mod certificates;
mod client;
mod connect;
mod diagnosis;
mod facts;
mod fields;
mod handshake_check;
mod load;
mod offer;
pub mod profile;
mod quic;
mod record;
mod scan;
mod server_policy;
mod synonyms;

use std::time::Duration;

use facts::{COMPLETED, OUTCOME, SCANNED};
use fields::{HOST, PORT};
use handshake_check::HandshakeCheck;
use load::{LOAD, Load};
use profile::PROFILES;
use quic::QuicCheck;
use scan::{SCAN, Scanner};

use crate::checks::shared::silence;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{self, Cx, Diagnosis, Failure, FieldRules, Footprint, PhaseInfo, Probe, Synonyms, fact_is};

/// The probe.
pub struct Tls {
    mode: Mode,
}

/// The kind of check that the fields ask for.
enum Mode {
    Handshake(Box<HandshakeCheck>),
    Quic(Box<QuicCheck>),
    /// The handshake, and then everything else the server takes.
    Scan(Box<HandshakeCheck>, Box<Scanner>),
    Load(Box<Load>),
}

impl Probe for Tls {
    const SUMMARY: &'static str = "TLS handshake, certificate and chain";
    const FIELDS: &'static [FieldInfo] = joined!(
        FieldInfo;
        fields::FIELDS, connect::FIELDS, quic::FIELDS, certificates::FIELDS, server_policy::FIELDS, scan::FIELDS, profile::FIELDS, load::FIELDS,
    );
    const FACTS: &'static [FactInfo] = joined!(
        FactInfo;
        facts::FACTS,
        certificates::FACTS,
        connect::FACTS,
        server_policy::FACTS,
        scan::facts::FACTS,
        profile::FACTS,
        load::FACTS,
    );
    const MODES: &'static [probe::Mode] = joined!(
        probe::Mode;
        load::MODES, certificates::MODES, scan::MODES, server_policy::MODES, &[connect::MODE],
    );
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[&["scan", "load"]],
        any: &[],
        with: &[("client_cert", &["client_key"]), ("client_key", &["client_cert"]), ("profiles", &["scan"])],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &[
        fields::SNI.name(),
        fields::VERIFY_NAME.name(),
        fields::ALPN.name(),
        crate::checks::shared::tls_fields::CA_FILE.name(),
        crate::checks::shared::tls_fields::CLIENT_CERT.name(),
        crate::checks::shared::tls_fields::CLIENT_KEY.name(),
    ];
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
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
            Mode::Quic(Box::new(QuicCheck::from_args(args)?))
        } else if let Some(load) = Load::from_args(args)? {
            Mode::Load(Box::new(load))
        } else if let Some(scanner) = Scanner::from_args(args)? {
            Mode::Scan(Box::new(HandshakeCheck::from_args(args)?), Box::new(scanner))
        } else {
            Mode::Handshake(Box::new(HandshakeCheck::from_args(args)?))
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Handshake(check) | Mode::Scan(check, _) => check.target(),
            Mode::Quic(check) => check.target(),
            Mode::Load(load) => load.target(),
        }
    }

    fn footprint(&self) -> Footprint {
        match &self.mode {
            Mode::Handshake(_) | Mode::Quic(_) | Mode::Scan(..) => Footprint::Quiet,
            Mode::Load(_) => Footprint::Noisy,
        }
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Handshake(check) => check.longest(),
            Mode::Quic(check) => check.longest(),
            Mode::Scan(check, scanner) => check.longest() + scanner.longest(),
            Mode::Load(load) => load.longest(),
        }
    }

    fn answered(observation: &Observation) -> bool {
        [COMPLETED, SCANNED].iter().any(|word| fact_is(observation, OUTCOME.info.name, word))
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn is_cpu_bound(&self) -> bool {
        true
    }

    async fn prepare(&self) {
        match &self.mode {
            Mode::Handshake(check) | Mode::Scan(check, _) => check.prepare().await,
            Mode::Quic(check) => check.prepare().await,
            Mode::Load(load) => load.prepare().await,
        }
    }

    async fn investigate(&self, cx: &mut Cx<'_>) {
        if let Mode::Handshake(check) | Mode::Scan(check, _) = &self.mode {
            silence::investigate(cx, &facts::ADDRESS, check.port(), check.origin()).await;
        }
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Handshake(check) => match check.run(cx).await? {
                Some(first) => first.fault.map_or(Ok(()), Err),
                None => Ok(()),
            },
            Mode::Quic(check) => check.run(cx).await,
            Mode::Scan(check, scanner) => match check.run(cx).await? {
                Some(first) => scanner.run(cx, first).await,
                None => Ok(()),
            },
            Mode::Load(load) => load.run(cx).await,
        }
    }
}
