//! Reports as `run --json` writes them, made without a run.

use serde_json::{Value, json};

/// A class of hosts that is not this machine's.
pub const CLASS: &str = "aaaa000011112222";

/// A report of `run --json`, built field by field.
pub struct Builder(pub Value);

impl Builder {
    /// Run `number`, on a day of its own.
    pub fn new(number: u32, class: &str) -> Self {
        let started = format!("2026-{:02}-{:02}T06:00:00Z", 10 + number / 28, 1 + number % 28);
        Self(json!({
            "schema": "shakedown.report/1",
            "tool": {"name": "shakedown", "version": "0.1.0"},
            "run": {"id": format!("run-{number:03}"), "started": started, "duration_s": 1.0, "interrupted": false,
                "signal": null, "labels": {"release": format!("1.{number}")}},
            "host": {"name": "h", "os": "o", "kernel": "6.1", "cpu": "c", "cores": 2, "memory_bytes": 1, "interfaces": [],
                "tcp_congestion": null, "clock": null, "virtualization": null, "class": class},
            "design": {"kind": "single", "seed": 1, "rounds": 3, "warm_up": 1},
            "suites": [{"name": "edge", "file": "edge.yaml", "sha256": "0"}],
            "summary": {"total": 1, "passed": 1, "failed": 0, "errored": 0, "skipped": 0, "unmet": 0, "flaky": 0,
                "warned": 0, "regressed": 0},
            "checks": []
        }))
    }

    /// One more check, passed.
    #[expect(clippy::needless_pass_by_value, reason = "a literal at the call reads best")]
    pub fn check(mut self, suite: &str, id: &str, digest: &str, metrics: Value) -> Self {
        self.0["checks"].as_array_mut().unwrap().push(json!({
            "suite": suite, "id": id, "check": id, "family": "tcp", "target": "t", "tags": [], "verdict": "passed",
            "flaky": false, "unmet": false, "reason": null, "fault": null, "severity": "fail", "at": {"file": "edge.yaml", "line": 3, "column": 5},
            "started": null, "duration_s": 1.0, "attempts": 1, "earlier": [], "settled_in_s": null, "digest": digest,
            "facts": {}, "expectations": [], "metrics": metrics, "notes": [], "baseline": null
        }));
        self
    }

    /// The document.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// A round with every summary at `p50`, and with the fields of `with`.
pub fn round(slot: u32, p50: f64, with: &Value) -> Value {
    let mut round = json!({"slot": slot, "arm": null, "start_s": 0.0, "count": 9, "p50": p50, "p90": p50, "p99": p50,
        "min": p50, "max": p50, "mean": p50, "discarded": null});
    for (key, value) in with.as_object().unwrap() {
        round[key] = value.clone();
    }
    round
}

/// A metric, lower is better: seconds compared by `ratio`, or a plain number by `difference`.
pub fn metric(compared_by: &str, tolerance: f64, rounds: &[Value]) -> Value {
    let (unit, histogram) = (if compared_by == "ratio" { "s" } else { "1" }, Value::Null);
    json!({"unit": unit, "better": "lower", "compared_by": compared_by, "tolerance": tolerance, "rounds": rounds, "histogram": histogram})
}
