//! Reads a report for comparison: each check is reduced to what comparing needs while it is read, so that a report of a
//! hundred thousand metrics fits beside a second one.

use std::fmt;
use std::io::Read;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::record::{Counts, Design, Host, Record, Run, SCHEMA, SuiteRef, Tool};
use crate::model::{CheckRecord, Value};

/// Largest report read, bytes.
pub const LARGEST: u64 = 1 << 30;

#[derive(Deserialize)]
struct Light {
    schema: String,
    tool: Tool,
    run: Run,
    host: Host,
    design: Design,
    suites: Vec<SuiteRef>,
    summary: Counts,
    checks: Reduced,
}

#[derive(Deserialize)]
struct Head {
    schema: Option<Value>,
}

struct Reduced(Vec<CheckRecord>);

impl<'de> Deserialize<'de> for Reduced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Checks;
        impl<'de> Visitor<'de> for Checks {
            type Value = Reduced;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of checks")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Reduced, A::Error> {
                let mut out = Vec::new();
                while let Some(check) = list.next_element::<CheckRecord>()? {
                    out.push(reduced(check));
                }
                Ok(Reduced(out))
            }
        }
        deserializer.deserialize_seq(Checks)
    }
}

fn reduced(mut check: CheckRecord) -> CheckRecord {
    check.expectations = Vec::new();
    check.notes = Vec::new();
    check.earlier = Vec::new();
    check.tags = Vec::new();
    for (_, metric) in &mut check.metrics.0 {
        metric.histogram = None;
        metric.rounds.shrink_to_fit();
    }
    check.metrics.0.shrink_to_fit();
    check
}

/// Reads a report without evidence, expectations and histograms; the error says what is wrong with it.
pub fn read(mut from: impl Read) -> Result<Record, String> {
    let mut text = Vec::new();
    let read = from.by_ref().take(LARGEST + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if read as u64 > LARGEST {
        return Err(format!("it is longer than {} MiB", LARGEST >> 20));
    }
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Record, String> {
    super::object(text)?;
    let light: Light = match serde_json::from_slice(text) {
        Ok(light) => light,
        // What it is instead decides what helps.
        Err(error) => {
            super::named(serde_json::from_slice::<Head>(text).map(|head| head.schema))?;
            return Err(format!("the report is damaged: {error}"));
        }
    };
    let Light { schema, tool, run, host, design, suites, summary, checks } = light;
    if schema != SCHEMA {
        super::named(Ok(Some(Value::from(schema.clone()))))?;
    }
    let record = Record { schema, tool, run, host, design, suites, summary, checks: checks.0 };
    super::single(&record)?;
    Ok(record)
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
