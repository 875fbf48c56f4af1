//! Reports: live sinks that follow the events, and pure renderers of the finished record.

pub mod atomic;
pub mod comparison;
pub mod comparison_text;
pub mod console;
mod failure;
pub mod fold;
mod grid;
mod grouping;
pub mod json;
mod json_splitter;
pub mod jsonl;
pub mod junit;
mod junit_gate;
pub mod layout;
pub mod progress;
mod prose;
pub mod redact;
pub mod reduced;
pub mod style;
pub mod table;
pub mod timeline;

use std::collections::HashSet;
use std::io::{self, Write};

use crate::model::record::Outcome;
use crate::model::{CheckRecord, Place, Record, Value};

/// A renderer of a finished record. It writes as it goes: a report of 10,000 cases is never one text in memory.
pub struct Format {
    /// Name: also the flag.
    pub name: &'static str,
    /// One line for the docs.
    pub help: &'static str,
    /// The renderer.
    pub render: fn(&Record, &mut dyn Write) -> io::Result<()>,
}

/// Every pure renderer. `shakedown report` reproduces their output from the JSON, byte for byte.
pub static FORMATS: &[Format] = &[
    Format { name: "json", help: "The report document, schema shakedown.report/1.", render: json },
    Format { name: "junit", help: "JUnit that validates against both common schemas.", render: junit::strict },
    Format { name: "junit-rich", help: "JUnit with properties, places and flaky attempts.", render: junit::rich },
    Format {
        name: "timeline",
        help: "What streams of probes saw over time, as an SVG picture.",
        render: timeline::svg::render,
    },
];

/// Who asks for an expectation: a place of the suite, or the family.
fn origin(outcome: &Outcome, check: &CheckRecord) -> String {
    outcome.at.as_ref().map_or_else(|| format!("default of {}", check.family), Place::to_string)
}

/// A renderer by name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Containers of a report that are spread over lines: document, checks, check, metrics, metric, rounds; a round has one.
const LINES: usize = 6;

/// The report document.
pub fn json(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    json::write(record, LINES, out)
}

/// Reads a report back; the error says what is wrong with it.
pub fn read(text: &str) -> Result<Record, String> {
    #[derive(serde::Deserialize)]
    struct Head {
        schema: Option<Value>,
    }
    object(text.as_bytes())?;
    named(serde_json::from_slice::<Head>(text.as_bytes()).map(|head| head.schema))?;
    let record: Record =
        serde_json::from_slice(text.as_bytes()).map_err(|error| format!("the report is damaged: {error}"))?;
    single(record.checks.iter().map(|check| (&*check.suite, &*check.id, check.metrics.names())))?;
    Ok(record)
}

/// Refuses whatever is in a report twice: one of the two would stand for both, and hide what the other shows. Of each check
/// its suite, its id and the names of its metrics.
fn single<'r, M: Iterator<Item = &'r str>>(checks: impl Iterator<Item = (&'r str, &'r str, M)>) -> Result<(), String> {
    let mut cases = HashSet::new();
    for (suite, id, mut names) in checks {
        if !cases.insert((suite, id)) {
            return Err(format!("the report is damaged: check {suite}/{id} is in it twice"));
        }
        let mut metrics = HashSet::new();
        if let Some(name) = names.find(|name| !metrics.insert(*name)) {
            return Err(format!("the report is damaged: metric {name} of {suite}/{id} is in it twice"));
        }
    }
    Ok(())
}

/// Words of every error about a schema.
const READS: &str = "this shakedown reads";

/// How a line of events begins that says what they are.
const EVENTS: &[u8] = b"{\"event\":";

/// A list would be read as the fields of a report in order.
fn object(text: &[u8]) -> Result<(), String> {
    if text.starts_with(EVENTS) {
        return Err("these are the events of a run (`--events`); a report is what `--json r.json` writes".into());
    }
    match text.trim_ascii_start().first() {
        Some(b'[') => Err("this is not JSON of a report: it is a list".into()),
        _ => Ok(()),
    }
}

/// Whether the schema that a document names is the report's.
fn named(schema: serde_json::Result<Option<Value>>) -> Result<(), String> {
    let ours = crate::model::record::SCHEMA;
    match schema {
        Ok(Some(Value::String(schema))) if schema == ours => Ok(()),
        Ok(Some(Value::String(other))) => Err(format!("schema is {other}; {READS} {ours}")),
        Ok(Some(other)) => Err(format!("schema is {other}; {READS} {ours}")),
        Ok(None) => Err("there is no `schema`: this is not a report".into()),
        Err(error) if error.is_data() => Err(format!("this is not JSON of a report: {error}")),
        Err(error) => Err(format!("this is not JSON: {error}")),
    }
}
