//! Reads a report as [`crate::model::reduced`] has it: numbers not asked for are not even parsed, so that a report of a
//! hundred thousand metrics fits beside a second one.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json_splitter::JsonSplitter;
use crate::model::record::{Counts, Design, Host, Run, SuiteRef, Tool};
use crate::model::reduced::{Check, Report};

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
    fn report(self, checks: Vec<Check>) -> Result<Report, String> {
        fn part<T>(part: Option<T>, name: &str) -> Result<T, String> {
            part.ok_or_else(|| format!("the report is damaged: it has no `{name}`"))
        }
        if !self.named {
            return super::named(Ok(None)).and(Err(String::new()));
        }
        part(self.tool, "tool")?;
        part(self.summary, "summary")?;
        Ok(Report {
            run: part(self.run, "run")?,
            host: part(self.host, "host")?,
            design: part(self.design, "design")?,
            suites: part(self.suites, "suites")?,
            checks: part(self.checks, "checks").map(|_| checks)?,
        })
    }
}

/// Reads a report without evidence, expectations and histograms, and without holding its text; the error says what is wrong
/// with it.
pub fn read(from: impl Read) -> Result<Report, String> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    super::object(from.fill_buf().map_err(|error| error.to_string())?)?;
    let mut checks: Vec<Check> = Vec::new();
    // The schema stands at the end or in front: what is wrong with a check is told after what the document is.
    let mut damaged = None;
    let rest = JsonSplitter::read(&mut from, "checks", LARGEST, |element| {
        match serde_json::from_slice::<Check>(element) {
            Ok(check) => checks.push(check),
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
        Err(error) => return Err(format!("this is not JSON, and no report of `run --json`: {error}")),
    };
    let report = parts.report(checks)?;
    super::single(report.checks.iter().map(|check| (&*check.suite, &*check.id, check.metrics.names())))?;
    damaged.map_or(Ok(report), Err)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;
    use crate::model::reduced::Report;

    /// Reading in part comes to the same as reading all of it.
    #[test]
    fn the_view_of_a_report_is_read_from_it() {
        let round = json!({"slot": 3, "arm": "head", "confirm": true, "start_s": 0.5, "count": 9, "p50": 0.1, "p90": 0.2,
            "p99": 0.3, "min": 0.05, "max": 0.4, "mean": 0.15, "discarded": "warm_up"});
        let metric = json!({"unit": "bit/s", "better": "higher", "compared_by": "difference", "tolerance": 0.5,
            "tails": {"p99": 0.1}, "rounds": [round], "histogram": "HISTF"});
        let base = json!({"target": "old", "verdict": "failed", "reason": "why", "facts": {"outcome": "refused"}});
        let text = json!({
            "schema": crate::model::record::SCHEMA, "tool": {"name": "shakedown", "version": "0"},
            "run": {"id": "1-1", "started": "2026-01-01T00:00:00Z", "duration_s": 1.0, "interrupted": true,
                "signal": "terminate", "labels": {"release": "1"}},
            "host": {"name": "h", "os": "", "kernel": "", "cpu": "", "cores": 1, "memory_bytes": 1, "interfaces": [],
                "tcp_congestion": null, "clock": null, "virtualization": null, "class": "c"},
            "design": {"kind": "interleaved", "seed": 1, "rounds": 1, "warm_up": 0, "against": {"a": "b"}},
            "suites": [{"name": "s", "file": "s.yaml", "sha256": "0"}],
            "summary": crate::model::record::Counts::default(),
            "checks": [{"suite": "s", "id": "a[x=1]", "check": "a", "family": "tcp", "target": "t", "tags": ["x"],
                "verdict": "skipped", "flaky": true, "unmet": true, "reason": "no", "fault": null, "severity": "warn",
                "at": {"file": "s.yaml", "line": 3, "column": 5}, "started": null, "duration_s": 1.0, "attempts": 3,
                "earlier": [], "settled_in_s": null, "digest": "d", "facts": {"rtt": 5, "n": {"unit": "s"}},
                "expectations": [], "metrics": {"rtt": metric}, "notes": ["n"], "baseline": null, "base": base,
                "rules": {"rtt": "ignore"}}],
        })
        .to_string();
        let whole = Report::from(&crate::report::read(&text).unwrap());
        assert_eq!(format!("{:?}", read(text.as_bytes()).unwrap()), format!("{whole:?}"));
        assert!(whole.checks[0].unmet && whole.checks[0].metrics.get("rtt").unwrap().rounds[0].confirm, "{whole:?}");
    }

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
