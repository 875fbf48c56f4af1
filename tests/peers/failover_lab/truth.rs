//! Outages of exactly known length: the truth is in the interval that is reported. `benches/outages` makes them, and has the long form.

use std::process::Command;

use serde_json::Value;

use super::super::peer::{IP, PYTHON_NFTABLES, installed};
use super::super::printed;
use super::{CliSandbox, is_root};

#[test]
fn the_truth_is_in_the_reported_interval() {
    if !installed(&[IP, PYTHON_NFTABLES]) || !is_root() {
        return;
    }
    let (sandbox, script) = (CliSandbox::new(), concat!(env!("CARGO_MANIFEST_DIR"), "/benches/outages"));
    let raw = sandbox.path("raw.jsonl");
    let mut outages = Command::new(script);
    outages.args([env!("CARGO_BIN_EXE_shakedown"), "--alone", "--rounds", "1", "--lengths", "0.1,0.5"]);
    let shown = printed(outages.args(["--intervals", "10,50", "--raw"]).arg(&raw));
    let rows = std::fs::read_to_string(raw).unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3 * 2 * 2, "{shown}");
    for row in rows {
        let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{row}\n{shown}"));
        let (lo, hi) = (number(&row["outage"]["lo"]), number(&row["outage"]["hi"]));
        let (least, most) = (number(&row["truth"][0]), number(&row["truth"][1]));
        assert!(lo <= most && hi >= least, "{row}\n{shown}");
    }
}
