//! A baseline as text: sorted keys, one check and one metric per line, so that a review shows which changed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Accepted, Baseline, LARGEST};
use crate::model::Value;
use crate::model::visible::visible_json;

/// The whole file.
pub(super) fn render(baseline: &Baseline) -> Result<String, String> {
    let pinned = match &baseline.pinned {
        None => "null".to_owned(),
        Some(pinned) => {
            let run = pinned.run.as_deref().map(|run| format!(",\n\"run\":\n{}", one(run))).unwrap_or_default();
            format!("{{\"id\": {}{run}}}", text(&pinned.id))
        }
    };
    let runs: Vec<String> = baseline.runs.iter().map(one).collect();
    let out = format!(
        "{{\n\"host_class\": {},\n\"pinned\": {pinned},\n\"runs\": [\n{}\n],\n\"schema\": {},\n\"suite\": {}\n}}\n",
        text(&baseline.host_class),
        runs.join(",\n"),
        text(&baseline.schema),
        text(&baseline.suite)
    );
    if out.len() as u64 > LARGEST {
        return Err(format!(
            "{} would be larger than {} MiB, and could not be read again; remove runs with `shakedown baseline rm`, or \
             split the suite",
            baseline.file.display(),
            LARGEST >> 20
        ));
    }
    Ok(out)
}

fn one(run: &Accepted) -> String {
    format!(
        "{{\n\"checks\": {},\n\"id\": {},\n\"labels\": {},\n\"metrics\": {},\n\"started\": {},\n\"suite_sha256\": {}\n}}",
        rows(&run.checks),
        text(&run.id),
        text(&run.labels),
        rows(&run.metrics),
        text(&run.started),
        text(&run.suite_sha256)
    )
}

fn rows<T: Serialize>(map: &BTreeMap<String, T>) -> String {
    if map.is_empty() {
        return "{}".to_owned();
    }
    let rows: Vec<String> = map.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
    format!("{{\n{}\n}}", rows.join(",\n"))
}

/// Sorted keys and no nulls: what is absent is left out. Plain data of strings and finite numbers: this cannot fail.
fn text(value: &impl Serialize) -> String {
    fn without_nulls(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let kept = map.into_iter().filter(|(_, value)| !value.is_null());
                kept.map(|(key, value)| (key, without_nulls(value))).collect()
            }
            Value::Array(items) => items.into_iter().map(without_nulls).collect(),
            other => other,
        }
    }
    serde_json::to_value(value)
        .map(|value| visible_json(&without_nulls(value).to_string()).into_owned())
        .unwrap_or_default()
}
