//! The contents of a store, for people and as JSON.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::identity::{Files, is_stdout};
use super::super::run::STORE_DEPTH;
use super::super::terminal::Terminal;
use super::{none, place, wrong};
use crate::baseline::store::{self, Baseline};
use crate::baseline::{MetricKey, host, metric_key, metrics};
use crate::cli::baseline::{ListArgs, ShowArgs};
use crate::exit;
use crate::model::count::counted;
use crate::model::reduced::Metric;
use crate::model::{ComparedBy, Unit};
use crate::report::style::visible;
use crate::report::{atomic, json};
use crate::stats::sessions::{RUNS, spread};

/// One baseline in the list.
#[derive(Serialize)]
struct BaselineRow {
    suite: String,
    host_class: String,
    /// Whether this host is of that class.
    here: bool,
    file: String,
    runs: usize,
    oldest: Option<String>,
    newest: Option<String>,
    pinned: Option<String>,
    /// Metrics of the newest run.
    metrics: usize,
    /// Those of them with as many comparable runs as a verdict needs.
    comparable: usize,
}

/// The list.
#[derive(Serialize)]
struct List {
    host_class: String,
    baselines: Vec<BaselineRow>,
    problems: Vec<String>,
}

pub(super) fn list(args: &ListArgs, terminal: &Terminal) -> u8 {
    if let Err(why) = check_clashes(&args.store.dir, args.json.as_ref()) {
        return wrong(terminal, &why, exit::USAGE);
    }
    let found = match store::all(&args.store.dir) {
        Ok(found) => found,
        Err(why) => return wrong(terminal, &why, exit::INCOMPLETE),
    };
    if found.is_empty() {
        let why = format!("{} holds no baselines", args.store.dir.display());
        return wrong(terminal, &why, exit::USAGE);
    }
    let host_class = host::describe().class;
    let mut list = List { host_class, baselines: Vec::new(), problems: Vec::new() };
    for (_, read) in found {
        match read {
            Ok(baseline) => list.baselines.push(row(&baseline, &list.host_class)),
            Err(why) => list.problems.push(why),
        }
    }
    let done = write(&list, args.json.as_ref(), terminal, || table(&list));
    for why in &list.problems {
        wrong(terminal, why, exit::INCOMPLETE);
    }
    if list.problems.is_empty() { done } else { exit::INCOMPLETE }
}

/// Whether the JSON replaces nothing of the store.
fn check_clashes(dir: &Path, json: Option<&PathBuf>) -> Result<(), String> {
    let mut files = Files::new();
    files.reads_below("a file of the store", dir, STORE_DEPTH);
    if let Some(path) = json {
        files.writes("--json", path);
    }
    files.check()
}

fn row(baseline: &Baseline, here: &str) -> BaselineRow {
    let rows = metrics(baseline);
    let started = |run: Option<&store::Accepted>| run.map(|run| run.started.clone());
    BaselineRow {
        suite: baseline.suite.clone(),
        host_class: baseline.host_class.clone(),
        here: baseline.host_class == here,
        file: baseline.file.display().to_string(),
        runs: baseline.runs.len(),
        oldest: started(baseline.runs.first()),
        newest: started(baseline.runs.last()),
        pinned: baseline.pinned.as_ref().map(|pinned| pinned.id.clone()),
        metrics: rows.len(),
        comparable: rows.iter().filter(|row| row.runs >= RUNS).count(),
    }
}

fn table(list: &List) -> String {
    let mut rows =
        vec![["", "suite", "host class", "runs", "oldest", "newest", "pinned", "comparable"].map(str::to_owned)];
    for row in &list.baselines {
        let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), visible);
        rows.push([
            if row.here { "*" } else { "" }.to_owned(),
            visible(&row.suite),
            visible(&row.host_class),
            row.runs.to_string(),
            text(&row.oldest),
            text(&row.newest),
            text(&row.pinned),
            format!("{} of {}", row.comparable, row.metrics),
        ]);
    }
    let mut out = aligned(&rows);
    let _ =
        writeln!(out, "\ncomparable: metrics with the {RUNS} comparable runs a verdict needs; * hosts like this one");
    out
}

/// A metric of the newest run.
#[derive(Serialize)]
struct MetricRow {
    check: String,
    metric: String,
    unit: Unit,
    /// Comparable runs.
    runs: usize,
    /// Their mean, geometric where the metric is compared by ratio.
    typical: Option<f64>,
    /// Standard deviation from run to run, as a share of it; absent for fewer than two runs, and where the mean is zero.
    spread: Option<f64>,
    newest: Option<f64>,
    pinned: Option<f64>,
    /// Why other runs are not comparable.
    left_out: Vec<String>,
}

/// One baseline in full.
#[derive(Serialize)]
struct BaselineDetails {
    suite: String,
    host_class: String,
    file: String,
    pinned: Option<String>,
    runs: Vec<RunRow>,
    metrics: Vec<MetricRow>,
}

/// A run.
#[derive(Serialize)]
struct RunRow {
    id: String,
    started: String,
    labels: std::collections::BTreeMap<String, String>,
}

pub(super) fn show(args: &ShowArgs, terminal: &Terminal) -> u8 {
    if let Err(why) = check_clashes(&args.one.store.dir, args.json.as_ref()) {
        return wrong(terminal, &why, exit::USAGE);
    }
    let (dir, suite, class) = place(&args.one);
    if !dir.exists() {
        return none(&args.one, &class, terminal);
    }
    let baseline = match store::find(dir, suite, &class) {
        Ok(Some(found)) => found,
        Ok(None) => return none(&args.one, &class, terminal),
        Err(why) => return wrong(terminal, &why, exit::INCOMPLETE),
    };
    let mut rows = metrics(&baseline);
    if let Some(glob) = &args.check {
        rows.retain(|row| glob.matches(&row.check));
        if rows.is_empty() {
            let why = format!("no check of the newest run of suite {suite} matches `{glob}`");
            return wrong(terminal, &why, exit::USAGE);
        }
    }
    let aside = baseline.pinned.as_ref().and_then(|pinned| pinned.run.as_deref());
    let run =
        |run: &store::Accepted| RunRow { id: run.id.clone(), started: run.started.clone(), labels: run.labels.clone() };
    let shown = BaselineDetails {
        suite: baseline.suite.clone(),
        host_class: baseline.host_class.clone(),
        file: baseline.file.display().to_string(),
        pinned: baseline.pinned.as_ref().map(|pinned| pinned.id.clone()),
        runs: aside.into_iter().chain(&baseline.runs).map(run).collect(),
        metrics: rows,
    };
    write(&shown, args.json.as_ref(), terminal, || text(&shown))
}

/// The metrics of the newest run, each with the runs comparable to it.
fn metrics(baseline: &Baseline) -> Vec<MetricRow> {
    let Some(newest) = baseline.window().last() else { return Vec::new() };
    let one = |(key, metric): (&String, &Metric)| {
        let (check, name) = metric_key::split(key);
        let digest = newest.checks.get(check).map(String::as_str);
        let key = MetricKey { check, metric: name, digest, unit: metric.unit };
        let window = baseline.comparable(key);
        let values: Vec<f64> = window.values.iter().filter_map(|(_, metric)| metrics::value(metric)).collect();
        let (typical, spread) = level(&values, metric.compared_by);
        let pinned = baseline.pinned_metric(key).and_then(Result::ok).and_then(|(_, metric)| metrics::value(metric));
        MetricRow {
            check: check.to_owned(),
            metric: name.to_owned(),
            unit: metric.unit,
            runs: window.values.len(),
            typical,
            spread,
            newest: metrics::value(metric),
            pinned,
            left_out: window.left_out,
        }
    };
    newest.metrics.iter().map(one).collect()
}

/// Typical value of runs, and their spread as a share of it.
fn level(values: &[f64], compared_by: ComparedBy) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    if compared_by == ComparedBy::Ratio {
        return (Some(mean(&logs).exp()), spread(&logs).map(|(_, deviation)| deviation.exp_m1()));
    }
    let typical = mean(values);
    let share = spread(values).filter(|_| typical > 0.0).map(|(_, deviation)| deviation / typical);
    (Some(typical), share)
}

fn text(shown: &BaselineDetails) -> String {
    let mut out = format!("{} on host class {}: {}\n\n", shown.suite, shown.host_class, visible(&shown.file));
    let mut rows = vec![["", "run", "started", "labels"].map(str::to_owned)];
    for run in &shown.runs {
        let labels: Vec<String> = run.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mark = if shown.pinned.as_ref() == Some(&run.id) { "pinned" } else { "" };
        rows.push([mark.to_owned(), visible(&run.id), visible(&run.started), visible(&labels.join(" "))]);
    }
    out.push_str(&aligned(&rows));
    out.push('\n');
    let mut rows = vec![["check", "metric", "runs", "typical", "spread", "newest", "pinned"].map(str::to_owned)];
    let mut reasons: HashMap<&str, usize> = HashMap::new();
    for row in &shown.metrics {
        let value = |value: Option<f64>| value.map_or("-".to_owned(), |value| row.unit.human(value));
        let spread = row.spread.map_or("-".to_owned(), |share| format!("{:.1}%", share * 100.0));
        let (check, metric) = (visible(&row.check), visible(&row.metric));
        let values = [value(row.typical), spread, value(row.newest), value(row.pinned)];
        let [typical, spread, newest, pinned] = values;
        rows.push([check, metric, row.runs.to_string(), typical, spread, newest, pinned]);
        for why in &row.left_out {
            *reasons.entry(why).or_default() += 1;
        }
    }
    out.push_str(&aligned(&rows));
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_unstable();
    for (why, metrics) in reasons {
        let _ = writeln!(out, "left out of {metrics} of {}: {}", counted(shown.metrics.len(), "metric"), visible(why));
    }
    out
}

/// Columns as wide as their widest cell.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    out
}

/// Writes the JSON where it is wanted, else the text to stdout.
fn write(value: &impl Serialize, json: Option<&PathBuf>, terminal: &Terminal, text: impl Fn() -> String) -> u8 {
    let Some(path) = json else {
        terminal.out(&text());
        return exit::OK;
    };
    let document = json::document(value);
    let written = if is_stdout(path) {
        terminal.out_with(|out| out.write_all(document.as_bytes()))
    } else {
        atomic::write(path, |out| out.write_all(document.as_bytes()))
    };
    match written {
        Ok(()) => exit::OK,
        Err(error) => wrong(terminal, &format!("cannot write {}: {error}", path.display()), exit::INCOMPLETE),
    }
}
