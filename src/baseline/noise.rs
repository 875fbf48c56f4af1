//! The noise floor of a suite on a class of hosts: how much runs of an unchanged target differ. `shakedown calibrate` writes
//! it; with it a single earlier run is something to compare with.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::{self, Floor, Spread};
use super::{MetricKey, files, metric_key};
use crate::judge::{self, compared_by};
use crate::model::reduced::{Metric, Report};
use crate::model::visible::visible_json;
use crate::model::{ComparedBy, Unit};
use crate::plan::Case;

/// Schema name and version.
pub const SCHEMA: &str = "shakedown.noise/1";
/// Largest file read, bytes.
const LARGEST: u64 = 16 << 20;
/// No spread of a logarithm is as large; and none of a number that a report can hold.
const WIDEST: f64 = 10.0;
const WIDEST_RAW: f64 = 1e15;
/// Runs of a calibration: `calibrate` makes at least three.
const RUNS: std::ops::RangeInclusive<u32> = 3..=1000;

/// The noise floor of one suite, as a calibration found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// Class of the host that measured.
    pub host_class: String,
    /// When it was measured, RFC 3339 UTC.
    pub measured: String,
    /// Metrics by `case metric`.
    pub metrics: BTreeMap<String, MetricNoise>,
    /// Always `shakedown.noise/1`.
    pub schema: String,
    /// The suite.
    pub suite: String,
}

/// The noise of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricNoise {
    /// How it is compared.
    pub compared_by: ComparedBy,
    /// Digest of the check it was measured with.
    pub digest: String,
    /// Runs it was taken from.
    pub runs: u32,
    /// Standard deviation of a round about its run, of the logarithm where compared by ratio and of the value else; absent for one
    /// round per run.
    pub round: Option<f64>,
    /// Standard deviation between runs, on the same scale.
    pub tau: f64,
    /// Unit.
    pub unit: Unit,
}

impl MetricNoise {
    /// Why it cannot be used: a spread that is none would make every change an alarm, or hide them all.
    fn problem(&self) -> Option<String> {
        for (name, value) in [("tau", Some(self.tau)), ("round", self.round)] {
            let widest = if self.compared_by == ComparedBy::Ratio { WIDEST } else { WIDEST_RAW };
            if let Some(value) = value.filter(|value| !(0.0..widest).contains(value)) {
                return Some(format!("`{name}` is {value}, it must be 0 or more and below {widest}"));
            }
        }
        let (from, to) = (RUNS.start(), RUNS.end());
        (!RUNS.contains(&self.runs)).then(|| format!("`runs` is {}, it must be from {from} to {to}", self.runs))
    }

    /// The smallest share by which it must change to be found in 80 of 100 comparisons: in `pairs` of rounds, or of a run with
    /// its history. `None` for one round per run, and for metrics that are compared by difference.
    #[must_use]
    pub fn detectable(&self, pairs: Option<u32>) -> Option<f64> {
        let spread = Spread { tau: self.tau, round: self.round, runs: self.runs };
        if self.compared_by == ComparedBy::Ratio { spread.detectable(pairs) } else { None }
    }
}

impl Noise {
    /// The noise of each suite of some runs of the same target.
    #[must_use]
    pub fn of(runs: &[Report]) -> Vec<Self> {
        let Some(last) = runs.last() else { return Vec::new() };
        let suites = last.suites.iter();
        suites.map(|suite| of_suite(runs, last, &suite.name)).filter(|noise| !noise.metrics.is_empty()).collect()
    }

    /// The floor of a metric; `None` when it was not calibrated with this definition and unit.
    #[must_use]
    pub fn floor(&self, key: MetricKey<'_>) -> Option<Floor> {
        let found = self.get(key)?;
        Some(Floor { tau: found.tau, runs: found.runs })
    }

    fn get(&self, key: MetricKey<'_>) -> Option<&MetricNoise> {
        let found = self.metrics.get(&key.name())?;
        (Some(found.digest.as_str()) == key.digest && found.unit == key.unit).then_some(found)
    }

    /// Tolerances of a case finer than what can be seen, for people: between runs, or with `pairs` of rounds.
    #[must_use]
    pub fn too_fine(&self, case: &Case, pairs: Option<u32>) -> Vec<String> {
        let mut out = Vec::new();
        for fact in
            case.family.facts.iter().filter(|fact| fact.better.is_some() && compared_by(fact) == ComparedBy::Ratio)
        {
            // What counts only from an amount on is no share, and its level is not known here.
            if case.baseline.ignores(fact.name) || case.baseline.floors.contains_key(fact.name) {
                continue;
            }
            let (digest, unit) = (Some(&*case.subject().digest), fact.unit);
            let Some(found) = self.get(MetricKey { check: &case.id, metric: fact.name, digest, unit }) else {
                continue;
            };
            let tolerance = case.baseline.tolerances.get(fact.name).copied().unwrap_or_else(|| judge::tolerance(fact));
            let Some(detectable) = found.detectable(pairs).filter(|least| *least > tolerance) else { continue };
            let remedy = match pairs {
                Some(_) => "raise --pairs or `samples`, or the tolerance",
                None => "raise the tolerance, or compare both targets in one run with --against",
            };
            out.push(format!(
                "{} {}: the tolerance is {:.1}%, but only changes from {:.1}% can be seen; {remedy}",
                case.id,
                fact.name,
                tolerance * 100.0,
                detectable * 100.0
            ));
        }
        out
    }

    /// The file as text: sorted keys, one metric per line.
    #[must_use]
    pub fn text(&self) -> String {
        let rows: Vec<String> =
            self.metrics.iter().map(|(name, metric)| format!("{}: {}", json(name), json(metric))).collect();
        format!(
            "{{\n\"host_class\": {},\n\"measured\": {},\n\"metrics\": {{\n{}\n}},\n\"schema\": {},\n\"suite\": {}\n}}\n",
            json(&self.host_class),
            json(&self.measured),
            rows.join(",\n"),
            json(&self.schema),
            json(&self.suite)
        )
    }

    /// Its file in a folder of baselines.
    pub fn file(&self, dir: &Path) -> Result<PathBuf, String> {
        files::noise(dir, &self.suite, &self.host_class)
    }
}

fn of_suite(runs: &[Report], last: &Report, suite: &str) -> Noise {
    let mut metrics = BTreeMap::new();
    for check in last.checks.iter().filter(|check| &*check.suite == suite) {
        let Some(digest) = &check.digest else { continue };
        for (name, _) in &check.metrics.0 {
            let all: Vec<&Metric> = runs
                .iter()
                .flat_map(|run| &run.checks)
                .filter(|other| other.suite == check.suite && other.id == check.id && other.digest == check.digest)
                .filter_map(|other| other.metrics.get(name))
                .collect();
            let Some(spread) = metrics::spread(&all) else { continue };
            let Some(Metric { unit, compared_by, .. }) = all.first() else { continue };
            let Spread { tau, round, runs } = spread;
            let (unit, compared_by) = (*unit, *compared_by);
            let found = MetricNoise { compared_by, digest: digest.to_string(), runs, round, tau, unit };
            metrics.insert(metric_key::name(&check.id, name), found);
        }
    }
    Noise {
        host_class: last.host.class.clone(),
        measured: last.run.started.clone(),
        metrics,
        schema: SCHEMA.to_owned(),
        suite: suite.to_owned(),
    }
}

/// The noise of a suite on a class of hosts, in a folder of baselines or beside a file of one; `None` without a calibration.
/// A damaged file is an error.
pub fn find(dir_or_file: &Path, suite: &str, host_class: &str) -> Result<Option<Noise>, String> {
    let path = if dir_or_file.is_file() {
        files::noise_beside(dir_or_file, host_class)
    } else {
        files::noise(dir_or_file, suite, host_class)?
    };
    let mut text = String::new();
    match fs::File::open(&path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    }
    let noise = parse(&text).map_err(|why| format!("{}: {why}; calibrate again, or remove it", path.display()))?;
    Ok((noise.suite == suite && noise.host_class == host_class).then_some(noise))
}

fn parse(text: &str) -> Result<Noise, String> {
    let noise: Noise =
        serde_json::from_slice(text.as_bytes()).map_err(|error| format!("the calibration is damaged: {error}"))?;
    if noise.schema != SCHEMA {
        return Err(format!("schema is {}, this shakedown reads {SCHEMA}", noise.schema));
    }
    match noise.metrics.iter().find_map(|(name, metric)| Some((name, metric.problem()?))) {
        Some((name, problem)) => Err(format!("the calibration is damaged: metric {name}: {problem}")),
        None => Ok(noise),
    }
}

/// Reads `text` as a calibration; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_parse(text: &str) {
    let _ = parse(text);
}

/// Plain data of strings and finite numbers: this cannot fail.
fn json(value: &impl Serialize) -> String {
    visible_json(&serde_json::to_string(value).unwrap_or_default()).into_owned()
}
