//! Reads a report for comparison: each check is reduced to what comparing needs while it is read, so that a report of a
//! hundred thousand metrics fits beside a second one.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json_splitter::JsonSplitter;
use crate::model::named::Named;
use crate::model::record::{
    BaseArm, Counts, Design, Facts, Host, Metric, Record, RoundRecord, Run, SCHEMA, Shared, SuiteRef, Tool, Word,
};
use crate::model::{Arm, CheckRecord, Severity, Verdict};

/// Largest report read, bytes.
pub const LARGEST: u64 = 1 << 30;
/// Bytes read at a time.
const BUFFER: usize = 1 << 16;

/// The parts of a report; what is no part of one is passed over.
#[derive(Default)]
struct Parts {
    named: bool,
    tool: Option<Tool>,
    run: Option<Run>,
    host: Option<Host>,
    design: Option<Design>,
    suites: Option<Vec<SuiteRef>>,
    summary: Option<Counts>,
    checks: Option<Vec<IgnoredAny>>,
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Document;
        impl<'de> Visitor<'de> for Document {
            type Value = Parts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a report")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
                let mut parts = Parts::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        // Told at once: a document of another kind need not have the rest.
                        "schema" => {
                            super::named(Ok(Some(map.next_value()?))).map_err(A::Error::custom)?;
                            parts.named = true;
                        }
                        "tool" => parts.tool = Some(map.next_value()?),
                        "run" => parts.run = Some(map.next_value()?),
                        "host" => parts.host = Some(map.next_value()?),
                        "design" => parts.design = Some(map.next_value()?),
                        "suites" => parts.suites = Some(map.next_value()?),
                        "summary" => parts.summary = Some(map.next_value()?),
                        "checks" => parts.checks = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(parts)
            }
        }
        deserializer.deserialize_map(Document)
    }
}

impl Parts {
    fn record(self, checks: Vec<CheckRecord>) -> Result<Record, String> {
        fn part<T>(part: Option<T>, name: &str) -> Result<T, String> {
            part.ok_or_else(|| format!("the report is damaged: it has no `{name}`"))
        }
        if !self.named {
            return super::named(Ok(None)).and(Err(String::new()));
        }
        Ok(Record {
            schema: SCHEMA.to_owned(),
            tool: part(self.tool, "tool")?,
            run: part(self.run, "run")?,
            host: part(self.host, "host")?,
            design: part(self.design, "design")?,
            suites: part(self.suites, "suites")?,
            summary: part(self.summary, "summary")?,
            checks: part(self.checks, "checks").map(|_| checks)?,
        })
    }
}

/// A check without what comparing does not look at; numbers not asked for are not even parsed.
#[derive(Deserialize)]
struct Check {
    suite: Shared,
    id: Shared,
    #[serde(rename = "check")]
    name: Shared,
    family: String,
    target: String,
    verdict: Verdict,
    #[serde(default)]
    unmet: bool,
    reason: Option<String>,
    severity: Severity,
    digest: Option<Shared>,
    facts: Facts,
    metrics: Named<LightMetric>,
    base: Option<Box<BaseArm>>,
    #[serde(default)]
    rules: Named<Word>,
}

#[derive(Deserialize)]
struct LightMetric {
    unit: String,
    better: String,
    kind: String,
    #[serde(default)]
    share: bool,
    tolerance: f64,
    #[serde(default)]
    tails: Named<f64>,
    rounds: Vec<LightRound>,
}

#[derive(Deserialize)]
struct LightRound {
    slot: u32,
    arm: Option<Arm>,
    #[serde(default)]
    confirm: bool,
    count: u64,
    p50: f64,
    p90: f64,
    p99: f64,
    discarded: Option<String>,
}

/// The words a report is full of, without an allocation for each.
fn word(text: String) -> Word {
    const KNOWN: &[&str] = &["s", "1", "B", "bit/s", "/s", "lower", "higher", "ratio", "zeroable", "warm_up"];
    match KNOWN.iter().find(|known| **known == text) {
        Some(known) => Word::Borrowed(known),
        None => Word::Owned(text),
    }
}

impl From<LightRound> for RoundRecord {
    fn from(round: LightRound) -> Self {
        let LightRound { slot, arm, confirm, count, p50, p90, p99, discarded } = round;
        let discarded = discarded.map(word);
        // Nothing that compares reads the rest: it is what the median is.
        Self { slot, arm, confirm, start_s: 0.0, count, p50, p90, p99, min: p50, max: p50, mean: p50, discarded }
    }
}

impl From<LightMetric> for Metric {
    fn from(metric: LightMetric) -> Self {
        Self {
            unit: word(metric.unit),
            better: word(metric.better),
            kind: word(metric.kind),
            share: metric.share,
            tolerance: metric.tolerance,
            tails: metric.tails,
            rounds: metric.rounds.into_iter().map(RoundRecord::from).collect(),
            histogram: None,
        }
    }
}

impl From<Check> for CheckRecord {
    fn from(check: Check) -> Self {
        let metrics = check.metrics.0.into_iter().map(|(name, metric)| (name, Metric::from(metric)));
        Self {
            suite: check.suite,
            id: check.id,
            check: check.name,
            family: Word::Owned(check.family),
            target: check.target,
            tags: Vec::new(),
            verdict: check.verdict,
            flaky: false,
            unmet: check.unmet,
            reason: check.reason,
            fault: None,
            severity: check.severity,
            at: Shared::from(""),
            started: None,
            duration_s: 0.0,
            attempts: 1,
            earlier: Vec::new(),
            settled_in_s: None,
            digest: check.digest,
            facts: check.facts,
            expectations: Vec::new(),
            metrics: metrics.collect(),
            notes: Vec::new(),
            comparison: Named::default(),
            baseline: None,
            base: check.base,
            rules: check.rules,
        }
    }
}

/// Reads a report without evidence, expectations and histograms, and without holding its text; the error says what is wrong
/// with it.
pub fn read(from: impl Read) -> Result<Record, String> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    super::object(from.fill_buf().map_err(|error| error.to_string())?)?;
    let mut checks: Vec<CheckRecord> = Vec::new();
    // The schema stands at the end or in front: what is wrong with a check is told after what the document is.
    let mut damaged = None;
    let rest = JsonSplitter::read(&mut from, "checks", LARGEST, |element| {
        match serde_json::from_slice::<Check>(element) {
            Ok(check) => checks.push(check.into()),
            Err(error) => drop(damaged.get_or_insert_with(|| {
                format!("the report is damaged: check {} of the list: {error}", checks.len() + 1)
            })),
        }
        Ok(())
    })?;
    let parts: Parts = match serde_json::from_slice(&rest) {
        Ok(parts) => parts,
        // What was found out about the schema is told as it is.
        Err(error) if error.to_string().contains(super::READS) => return Err(error.to_string()),
        Err(error) if error.is_data() => return Err(format!("the report is damaged: {error}")),
        Err(error) => return Err(format!("this is not JSON: {error}")),
    };
    let record = parts.record(checks)?;
    super::single(&record)?;
    damaged.map_or(Ok(record), Err)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_no_report_is_named() {
        for (text, want) in [
            ("", "this is not JSON"),
            ("{\"schema\": \"shakedown.report/2\"}", "schema is shakedown.report/2"),
            ("{\"schema\": 5}", "schema is 5"),
            ("{}", "there is no `schema`"),
            ("[1]", "this is not JSON of a report"),
            ("{\"schema\": \"shakedown.report/1\", \"run\": 5}", "the report is damaged"),
        ] {
            let why = read(text.as_bytes()).unwrap_err();
            assert!(why.contains(want), "{text}: {why}");
        }
    }
}
