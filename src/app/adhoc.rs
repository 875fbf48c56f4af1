//! `shakedown probe`: one check from the command line, by way of the same suite, plan and engine.

use std::fmt::Write as _;

use super::loading;
use super::run;
use super::signals::Leave;
use super::terminal::Terminal;
use crate::checks::{FAMILIES, family};
use crate::cli::{ProbeArgs, ProgressArg, RunArgs, SuiteArgs};
use crate::exit;
use crate::model::record::FactValue;
use crate::model::{FieldKind, Value};
use crate::probe::Family;
use crate::report::style::visible;
use crate::suite::diagnostic::suggest;
use crate::suite::file::Input;

/// Further lines of one fact that are shown.
const LINES: usize = 50;

/// Probes and prints every fact.
pub(super) async fn probe(args: &ProbeArgs, terminal: &Terminal, leave: Leave) -> u8 {
    let Some(family) = family(&args.family) else {
        let help = suggest(&args.family, FAMILIES.iter().map(|family| family.name));
        terminal.err(&format!("error: there is no family `{}`; {help}\n", args.family));
        return exit::USAGE;
    };
    let text = match suite(family, args) {
        Ok(text) => text,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            return exit::USAGE;
        }
    };
    let run_args = RunArgs {
        suites: SuiteArgs { allow_disruptive: true, ..SuiteArgs::default() },
        progress: ProgressArg::None,
        ..RunArgs::default()
    };
    let inputs = [Input::Text("command line".into(), text)];
    let Some(ready) = loading::of(&inputs, &run_args.suites, terminal) else { return exit::USAGE };
    let (code, record) = run::execute(ready, &run_args, terminal, leave).await;
    if let Some(record) = record {
        let all = record.checks.iter().flat_map(|check| check.facts.0.iter().map(|(name, value)| (&**name, value)));
        terminal.out(&facts(all, terminal.style().verbose));
    }
    code
}

/// A suite of one check. JSON strings are YAML too, so that no value can break out of its place.
fn suite(family: &Family, args: &ProbeArgs) -> Result<String, String> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let (main, port) = family.target_field;
    if family.fields.iter().any(|field| field.name == main && matches!(field.kind, FieldKind::Probe(..))) {
        return Err(format!("`{}` needs a suite; see shakedown explain {}", family.name, family.name));
    }
    let mut fields = Vec::new();
    match port.and_then(|port| Some((port, args.target.rsplit_once(':')?))) {
        Some((name, (host, port))) if port.parse::<u16>().is_ok() && (!host.contains(':') || host.starts_with('[')) => {
            fields.push(format!("{main}: {}", quoted(host)));
            fields.push(format!("{name}: {}", quoted(port)));
        }
        _ => fields.push(format!("{main}: {}", quoted(&args.target))),
    }
    for (key, value) in &args.fields {
        let listed = family.fields.iter().any(|field| field.name == key && matches!(field.kind, FieldKind::List(_)));
        let value = if listed {
            format!("[{}]", value.split(',').map(quoted).collect::<Vec<_>>().join(", "))
        } else {
            quoted(value)
        };
        fields.push(format!("{}: {value}", quoted(key)));
    }
    let fields = fields.join(", ").replace("${", "$${");
    Ok(format!("version: 1\nsuite: probe\nchecks:\n  - id: {}\n    {}: {{{fields}}}\n", family.name, family.name))
}

/// A line for each fact, and further ones for lists and long texts; all of them if `verbose`.
fn facts<'f>(facts: impl IntoIterator<Item = (&'f str, &'f FactValue)>, verbose: bool) -> String {
    let mut out = String::new();
    for (name, value) in facts {
        let text = match value {
            FactValue::Scalar(Value::String(text)) => text.clone(),
            FactValue::Scalar(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join("\n"),
            FactValue::Scalar(value) => value.to_string(),
            FactValue::Distribution(unit, summary) => {
                let part = |value: f64| unit.human(value);
                format!(
                    "p50 {}  p95 {}  min {}  max {}  (n={})",
                    part(summary.p50),
                    part(summary.p95),
                    part(summary.min),
                    part(summary.max),
                    summary.count
                )
            }
        };
        let mut lines = text.lines();
        let _ = writeln!(out, "  {name:<22} {}", visible(lines.next().unwrap_or_default()));
        for line in lines.by_ref().take(if verbose { usize::MAX } else { LINES }) {
            let _ = writeln!(out, "  {:<22} {}", "", visible(line));
        }
        let more = lines.count();
        if more > 0 {
            let _ = writeln!(out, "  {:<22} … {more} more lines; `-v` shows them", "");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::facts;
    use crate::model::record::FactValue;

    #[test]
    fn lines_that_are_left_out_are_counted() {
        let lines: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
        let body = FactValue::Scalar(lines.join("\n").into());
        let shown = facts([("body", &body)], false);
        assert!(shown.contains("line 50\n") && !shown.contains("line 51"), "{shown}");
        assert!(shown.ends_with("… 9 more lines; `-v` shows them\n"), "{shown}");
        let all = facts([("body", &body)], true);
        assert!(all.contains("line 59") && !all.contains("more lines"), "{all}");
    }
}
