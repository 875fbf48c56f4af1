//! DNS: the answer of one server to one question, down to flags, EDNS and stray replies.

mod diagnosis;
mod dnssec;
mod facts;
mod fields;
mod load;
mod mail;
mod prober;
mod query;
mod synonyms;
#[cfg(feature = "fuzzing")]
pub use load::fuzz_queries;
mod question;
mod server;
mod survey;
mod targets;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use dnssec::Validate;
use facts::{OUTCOME, RCODE};
use load::{LOAD, Load};
use prober::QueryProber;
use query::DnsQuery;
use survey::Survey;

use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{
    self, Cx, Diagnosis, Failure, FieldRules, Footprint, PhaseInfo, Probe, Prober, StreamSpec, Synonyms, fact_is,
};

/// The probe.
pub struct Dns {
    mode: Mode,
}

/// The mode the fields of a check switch on.
enum Mode {
    Query(Arc<DnsQuery>),
    Validate(Box<Validate>),
    Load(Box<Load>),
    Survey(Box<Survey>),
}

impl Probe for Dns {
    const SUMMARY: &'static str = "What a DNS server answers: records, flags, response code, EDNS";
    const FIELDS: &'static [FieldInfo] =
        joined!(FieldInfo; fields::FIELDS, transport::FIELDS, dnssec::FIELDS, load::FIELDS, survey::FIELDS);
    const FACTS: &'static [FactInfo] = joined!(FactInfo; facts::FACTS, targets::FACTS, mail::FACTS, transport::FACTS, dnssec::FACTS, survey::FACTS, load::FACTS);
    const MODES: &'static [probe::Mode] =
        joined!(probe::Mode; load::MODES, targets::MODES, mail::MODES, dnssec::MODES, survey::MODES, transport::MODES);
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[&["load", "attempts"]],
        any: &[&["name", "authoritative", "load"], &["server", "authoritative"]],
        with: &[("client_cert", &["client_key"]), ("client_key", &["client_cert"])],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &[survey::AUTHORITATIVE.name()];
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (fields::NAME.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        refuse_combinations(args)?;
        let mode = if let Some(load) = args.get(&LOAD) {
            Mode::Load(Box::new(Load::from_args(args, &load)?))
        } else if survey::applies(args) {
            Mode::Survey(Box::new(Survey::from_args(args)?))
        } else if dnssec::applies(args) {
            Mode::Validate(Box::new(Validate::from_args(args)?))
        } else {
            dnssec::unused(args)?;
            Mode::Query(Arc::new(DnsQuery::from_args(args)?))
        };
        Ok(Self { mode })
    }

    fn target(&self) -> String {
        match &self.mode {
            Mode::Query(query) => query.label(),
            Mode::Validate(validate) => validate.label(),
            Mode::Load(load) => load.label(),
            Mode::Survey(survey) => survey.label(),
        }
    }

    fn footprint(&self) -> Footprint {
        match &self.mode {
            Mode::Query(_) | Mode::Validate(_) | Mode::Survey(_) => Footprint::Quiet,
            Mode::Load(_) => Footprint::Noisy,
        }
    }

    fn longest(&self) -> Duration {
        match &self.mode {
            Mode::Query(query) => query.longest(),
            Mode::Validate(validate) => validate.longest(),
            Mode::Load(load) => load.longest(),
            Mode::Survey(survey) => survey.longest(),
        }
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "answered") && fact_is(observation, RCODE.info.name, "NOERROR")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn is_cpu_bound(&self) -> bool {
        match &self.mode {
            Mode::Query(query) => query.transport.is_cpu_bound(),
            Mode::Validate(_) => true,
            Mode::Survey(survey) => survey.is_cpu_bound(),
            Mode::Load(_) => false,
        }
    }

    async fn prepare(&self) {
        if let Mode::Query(query) = &self.mode {
            query.transport.prepare().await;
        }
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.mode {
            Mode::Query(query) => query.run(cx).await,
            Mode::Validate(validate) => validate.run(cx).await,
            Mode::Load(load) => load.run(cx).await,
            Mode::Survey(survey) => survey.run(cx).await,
        }
    }

    async fn stream(&self, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
        let Mode::Query(query) = &self.mode else { return Ok(None) };
        let prober = QueryProber::open(query, spec).await?;
        Ok(prober.map(|prober| Box::new(prober) as Box<dyn Prober>))
    }
}

/// A load, a validation and a survey exclude each other, and only a question to one server goes over encrypted transports.
fn refuse_combinations(args: &Args) -> Result<(), Invalid> {
    let (load, validation, survey) = (args.given(&LOAD), dnssec::applies(args), survey::applies(args));
    if load || survey {
        transport::plain(args)?;
        dnssec::unused(args)?;
    }
    let modes = [
        (LOAD.name(), "a load", load),
        (fields::DNSSEC.name(), "a validation", validation),
        (fields::SERVER.name(), "a survey of several servers", survey),
    ];
    let mut used = modes.into_iter().filter(|(_, _, used)| *used);
    match (used.next(), used.next()) {
        (Some((_, first, _)), Some((field, second, _))) => {
            Err(Invalid::at(field, format!("{first} and {second} are two checks"), "write a check for each"))
        }
        _ => Ok(()),
    }
}
