//! Whole reports compared: the document of `shakedown compare`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::baseline::facts::{self, Rules};
use crate::baseline::metrics::{self, Run};
use crate::baseline::store::Baseline;
use crate::model::comparison_document::{ComparisonDocument, MetricRow, SCHEMA, Side, SidesKind, Summary};
use crate::model::count::counted;
use crate::model::record::{DesignKind, Tool};
use crate::model::reduced::{Check, Report};
use crate::model::{Changes, Verdict};

/// Checks without a result listed.
const UNMEASURED: usize = 1000;

/// A file of the base side.
pub enum Base {
    /// A report.
    Report(Box<Report>),
    /// Accepted runs.
    Baseline(Baseline),
}

/// A comparison of reports.
pub struct ReportComparison {
    /// The document.
    pub document: ComparisonDocument,
    /// Why each of its checks without a result has none.
    pub reasons: Vec<String>,
}

/// Compares a report with those of the base side; without any, the two arms of the report. The errors are for the user.
pub fn compare(
    (file, head): (&Path, &Report),
    bases: &[(&Path, Base)],
    rules: &Rules,
    strict: bool,
) -> Result<ReportComparison, Vec<String>> {
    one_run_once(file, head, bases).map_err(|why| vec![why])?;
    let side = report_side(file, head);
    if bases.is_empty() {
        if head.design.kind != DesignKind::Interleaved {
            let help = "name the report to compare it with, or measure two targets in one run with `run --against`";
            return Err(vec![format!("{} has one arm only; {help}", file.display())]);
        }
        usable(rules, head, head)?;
        let changes = facts::arms(head, rules);
        let rows = metrics::within(head, &|check, metric| rules.ignores(check, metric));
        return Ok(document(strict, Vec::new(), (side, head), rows, changes));
    }
    let mut reports: Vec<(&Path, &Report)> = Vec::new();
    let mut baselines: Vec<(&Path, &Baseline)> = Vec::new();
    for (path, base) in bases {
        match base {
            Base::Report(report) => reports.push((path, report)),
            Base::Baseline(baseline) => baselines.push((path, baseline)),
        }
    }
    reports.sort_by(|(_, a), (_, b)| a.run.started.cmp(&b.run.started));
    let mut window: Vec<Run<'_>> = Vec::new();
    for (_, baseline) in &baselines {
        window.extend(baseline.window().iter().map(|run| Run::accepted(run, &baseline.suite, &baseline.host_class)));
    }
    window.extend(reports.iter().map(|(_, report)| Run::of(report)));
    let pinned = baselines.iter().find_map(|(_, baseline)| {
        baseline.pinned().map(|run| Run::accepted(run, &baseline.suite, &baseline.host_class))
    });
    let mut sides: Vec<Side> = baselines.iter().map(|(path, baseline)| baseline_side(path, baseline)).collect();
    sides.extend(reports.iter().map(|(path, report)| report_side(path, report)));
    // The newest report is what the world looked like before; a baseline holds no facts.
    let before = reports.last().map(|(_, before)| *before);
    if let Some(before) = before {
        usable(rules, before, head)?;
    }
    let (changes, rows) = std::thread::scope(|scope| {
        let changes = scope.spawn(|| before.map(|before| facts::compare(before, head, rules)));
        let rows = metrics::runs(&window, pinned.as_ref(), head, &|check, metric| rules.ignores(check, metric));
        (changes.join(), rows)
    });
    let changes = changes.map_err(|_| vec!["comparing facts failed; this is a defect of shakedown".to_owned()])?;
    Ok(document(strict, sides, (side, head), rows, changes.unwrap_or_default()))
}

/// Rules that fit nothing would quietly do nothing.
fn usable(rules: &Rules, before: &Report, after: &Report) -> Result<(), Vec<String>> {
    let problems = rules.unmatched(before, after);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn document(
    strict: bool,
    base: Vec<Side>,
    (side, head): (Side, &Report),
    metrics: Vec<MetricRow>,
    changes: Changes,
) -> ReportComparison {
    let unmeasured = || head.checks.iter().filter(|check| check.verdict == Verdict::Errored || check.unmet);
    let mut summary = Summary {
        facts_not_allowed: changes.not_allowed,
        facts_allowed: changes.facts.iter().filter(|change| change.allowed).count() as u64,
        checks_worse: changes.worse,
        checks_unmeasured: unmeasured().count() as u64,
        checks_compared: changes.compared,
        checks_not_selected: changes.not_selected,
        left_out: changes.left_out,
        ..Summary::default()
    };
    for row in &metrics {
        summary.add(row.comparison.verdict, row.severity);
    }
    let reason = |check: &Check| {
        let reason = check.reason.as_deref().unwrap_or("no reason is given");
        format!("{}: {reason}", check.verdict.word())
    };
    let reasons = unmeasured().take(UNMEASURED).map(reason).collect();
    let document = ComparisonDocument {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "shakedown".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        kind: if base.is_empty() { SidesKind::Interleaved } else { SidesKind::Sessions },
        strict,
        base,
        head: side,
        metrics,
        facts: changes.facts,
        checks: changes.checks,
        partial: changes.partial,
        unmeasured: unmeasured().take(UNMEASURED).map(|check| format!("{}/{}", check.suite, check.id)).collect(),
        summary,
    };
    ReportComparison { document, reasons }
}

/// A run on both sides is compared with itself, and one given twice counts as a history that was never measured.
fn one_run_once(file: &Path, head: &Report, bases: &[(&Path, Base)]) -> Result<(), String> {
    let mut known: HashMap<&str, &Path> = HashMap::from([(head.run.id.as_str(), file)]);
    for (path, base) in bases {
        let ids: BTreeSet<&str> = match base {
            Base::Report(report) => BTreeSet::from([report.run.id.as_str()]),
            Base::Baseline(baseline) => {
                baseline.runs.iter().chain(baseline.pinned()).map(|run| run.id.as_str()).collect()
            }
        };
        for id in ids {
            if let Some(first) = known.insert(id, path) {
                let (first, second) = (first.display(), path.display());
                return Err(format!(
                    "run {id} is in {first} and in {second}: give every run once, and another as HEAD"
                ));
            }
        }
    }
    Ok(())
}

fn report_side(path: &Path, report: &Report) -> Side {
    Side {
        file: path.display().to_string(),
        run: report.run.id.clone(),
        started: report.run.started.clone(),
        host_class: report.host.class.clone(),
        labels: report.run.labels.clone(),
        interrupted: report.run.interrupted,
    }
}

fn baseline_side(path: &Path, baseline: &Baseline) -> Side {
    let newest = baseline.runs.last();
    Side {
        file: path.display().to_string(),
        run: counted(baseline.runs.len(), "run"),
        started: newest.map(|run| run.started.clone()).unwrap_or_default(),
        host_class: baseline.host_class.clone(),
        labels: newest.map(|run| run.labels.clone()).unwrap_or_default(),
        // Interrupted runs are not accepted.
        interrupted: false,
    }
}
