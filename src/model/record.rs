//! The record of a finished run: exactly the document `shakedown.report/1`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Value;
use super::fault::Fault;
use super::verdict::{Severity, Verdict};
use crate::stats::Summary;

/// Schema name and version of the report.
pub const SCHEMA: &str = "shakedown.report/1";

/// Text that is usually static.
pub type Word = Cow<'static, str>;

/// A finished (or interrupted) run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always `shakedown.report/1`.
    pub schema: String,
    /// The program that made it.
    pub tool: Tool,
    /// When and how.
    pub run: Run,
    /// The machine that measured.
    pub host: Host,
    /// Rounds and seed.
    pub design: Design,
    /// The suite files.
    pub suites: Vec<SuiteRef>,
    /// Counts of verdicts.
    pub summary: Counts,
    /// All cases, in plan order.
    pub checks: Vec<CheckRecord>,
}

/// The program.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `shakedown`.
    pub name: String,
    /// Version.
    pub version: String,
}

/// The run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Unique id.
    pub id: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// Length by a monotonic clock, seconds.
    pub duration_s: f64,
    /// True when a signal ended it early.
    pub interrupted: bool,
    /// `--label K=V`.
    pub labels: BTreeMap<String, String>,
}

/// The machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Host name; `localhost` when unknown.
    pub name: String,
    /// Distribution.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Processor model.
    pub cpu: String,
    /// Logical processors.
    pub cores: u32,
    /// Main memory, bytes.
    pub memory_bytes: u64,
    /// Network interfaces that are up.
    pub interfaces: Vec<Interface>,
    /// Default congestion control of TCP.
    pub tcp_congestion: Option<String>,
    /// Kernel clock source.
    pub clock: Option<String>,
    /// Hypervisor or container, if one shows.
    pub virtualization: Option<String>,
    /// Hash of the parts that make numbers incomparable.
    pub class: String,
}

/// A network interface.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Name.
    pub name: String,
    /// MTU, bytes.
    pub mtu: Option<u32>,
    /// Link speed; absent for virtual links.
    pub speed_bits_per_s: Option<u64>,
}

/// How the measurement was laid out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Design {
    /// `single`: one target, rounds in sequence.
    pub kind: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Largest number of rounds of a check.
    pub rounds: u32,
    /// Discarded rounds before them.
    pub warm_up: u32,
}

/// A suite file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRef {
    /// `suite:` of the file.
    pub name: String,
    /// Path as given.
    pub file: String,
    /// SHA-256 of the file and what it includes.
    pub sha256: String,
}

/// Counts of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All cases.
    pub total: u64,
    /// Every expectation held.
    pub passed: u64,
    /// An expectation did not hold, with `severity: fail`.
    pub failed: u64,
    /// Could not be measured.
    pub errored: u64,
    /// Not run.
    pub skipped: u64,
    /// Passed after a retry; part of `passed`.
    pub flaky: u64,
    /// Failed with `severity: warn`; not part of `failed`.
    pub warned: u64,
    /// Slower than the baseline; part of `passed`.
    pub regressed: u64,
}

/// One case.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// Suite it belongs to.
    pub suite: String,
    /// Case id with sorted matrix keys.
    pub id: String,
    /// Check id.
    pub check: String,
    /// Family key.
    pub family: Word,
    /// What was looked at.
    pub target: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Verdict.
    pub verdict: Verdict,
    /// True when it passed only after a retry.
    pub flaky: bool,
    /// Why it failed, errored or was skipped.
    pub reason: Option<String>,
    /// The fault of an errored case.
    pub fault: Option<Fault>,
    /// Weight of a failure.
    pub severity: Severity,
    /// Where the check is written, `file:line`.
    pub at: String,
    /// Start, RFC 3339 UTC; absent when it never ran.
    pub started: Option<String>,
    /// Length, seconds.
    pub duration_s: f64,
    /// Attempts made.
    pub attempts: u32,
    /// Why the attempts before the last did not hold (the first few).
    pub earlier: Vec<String>,
    /// Seconds until it held, with `eventually`.
    pub settled_in_s: Option<f64>,
    /// What was seen.
    pub facts: Facts,
    /// What was expected, and whether it held.
    pub expectations: Vec<Outcome>,
    /// Measurements, for baselines and comparison.
    pub metrics: BTreeMap<Word, Metric>,
    /// Lines of evidence.
    pub notes: Vec<String>,
    /// What the baseline said; absent without one.
    pub baseline: Option<Value>,
}

/// When a case ran and how often.
#[derive(Clone, Debug, Default)]
pub struct Timing {
    /// Start, RFC 3339 UTC; absent when it never ran.
    pub started: Option<String>,
    /// Length of all attempts.
    pub duration: Duration,
    /// Attempts made.
    pub attempts: u32,
    /// Why earlier attempts did not hold.
    pub earlier: Vec<String>,
}

/// One expectation, judged.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Fact path.
    pub fact: String,
    /// Operator.
    pub operator: Word,
    /// Wanted, as written.
    pub want: String,
    /// Seen, for people; absent when the fact was absent.
    pub got: Option<String>,
    /// Whether it held.
    pub held: bool,
    /// `file:line:column`; `default` for a family's own default.
    pub at: String,
}

/// A metric: a fact with a direction, reduced to its rounds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Unit symbol.
    pub unit: Word,
    /// `lower` or `higher`.
    pub better: Word,
    /// `ratio` compares by ratio; `zeroable` by difference, as zero is a normal value.
    pub kind: Word,
    /// Smallest change worth an alarm (a share for `ratio`).
    pub tolerance: f64,
    /// One entry per round.
    pub rounds: Vec<RoundRecord>,
    /// All counted samples, `HdrHistogram` V2 in base64; absent for fewer than two samples.
    pub histogram: Option<String>,
}

/// A round of a metric.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RoundRecord {
    /// Position in the order.
    pub slot: u32,
    /// `base` or `head` of an interleaved comparison.
    pub arm: Option<String>,
    /// Start after the start of the case, seconds.
    pub start_s: f64,
    /// Samples.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Why it does not count, if it does not.
    pub discarded: Option<Word>,
}

/// Facts by name, in table order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(pub Vec<(Word, FactValue)>);

/// A fact's value in a report.
#[derive(Clone, Debug, PartialEq)]
pub enum FactValue {
    /// Anything but a distribution.
    Scalar(Value),
    /// A distribution with its unit symbol.
    Distribution(Word, Box<Summary>),
}

impl Facts {
    /// A fact by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&FactValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

mod facts_serde {
    use std::borrow::Cow;
    use std::fmt;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde::de::{MapAccess, Visitor};
    use serde::ser::SerializeMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{FactValue, Facts, Summary, Value};

    const NUMBERS: [&str; 8] = ["min", "mean", "p50", "p90", "p95", "p99", "max", "stddev"];

    impl Serialize for Facts {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            for (name, value) in &self.0 {
                map.serialize_entry(name, value)?;
            }
            map.end()
        }
    }

    impl Serialize for FactValue {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Scalar(value) => value.serialize(serializer),
                Self::Distribution(unit, s) => {
                    let mut map = serializer.serialize_map(Some(10))?;
                    map.serialize_entry("unit", unit)?;
                    map.serialize_entry("count", &s.count)?;
                    for name in NUMBERS {
                        map.serialize_entry(name, &s.get(name))?;
                    }
                    map.end()
                }
            }
        }
    }

    impl<'de> Deserialize<'de> for Facts {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct FactsVisitor;
            impl<'de> Visitor<'de> for FactsVisitor {
                type Value = Facts;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a map of facts")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
                    let mut facts = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, Value>()? {
                        facts.push((Cow::Owned(name), read(value)));
                    }
                    Ok(Facts(facts))
                }
            }
            deserializer.deserialize_map(FactsVisitor)
        }
    }

    fn read(value: Value) -> FactValue {
        summary(&value).unwrap_or(FactValue::Scalar(value))
    }

    fn summary(value: &Value) -> Option<FactValue> {
        let map = value.as_object().filter(|map| map.len() == 10)?;
        let unit = map.get("unit")?.as_str()?.to_owned();
        let number = |name: &str| map.get(name).and_then(Value::as_f64);
        let summary = Summary {
            count: map.get("count")?.as_u64()?,
            min: number("min")?,
            mean: number("mean")?,
            p50: number("p50")?,
            p90: number("p90")?,
            p95: number("p95")?,
            p99: number("p99")?,
            max: number("max")?,
            stddev: number("stddev")?,
        };
        Some(FactValue::Distribution(Cow::Owned(unit), Box::new(summary)))
    }

    impl JsonSchema for Facts {
        fn schema_name() -> Cow<'static, str> {
            "Facts".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "Facts by name. A distribution is an object of its unit, count and statistics.",
                "type": "object"
            })
        }
    }
}

impl Counts {
    /// Counts the verdicts of `checks`.
    #[must_use]
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a CheckRecord>) -> Self {
        let mut counts = Self::default();
        for check in checks {
            counts.add(check);
        }
        counts
    }

    /// Adds one case.
    pub fn add(&mut self, check: &CheckRecord) {
        self.total += 1;
        self.flaky += u64::from(check.flaky);
        match check.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Skipped => self.skipped += 1,
            Verdict::Errored => self.errored += 1,
            Verdict::Failed if check.severity == Severity::Warn => self.warned += 1,
            Verdict::Failed => self.failed += 1,
        }
    }
}
