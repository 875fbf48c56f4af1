//! `shakedown compare`: two reports, several against one, or the arms of one. Offline; nothing is sent.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;

use super::terminal::Terminal;
use crate::baseline::facts::{self, Rules};
use crate::baseline::metrics::{self, Run};
use crate::baseline::store::{self, Baseline};
use crate::cli::CompareArgs;
use crate::exit;
use crate::model::comparison_document::{ComparisonDocument, MetricRow, SCHEMA, Side, SidesKind, Summary};
use crate::model::record::{DesignKind, Tool};
use crate::model::reduced::{Check, Report};
use crate::model::{Changes, Verdict};
use crate::report::console::visible;
use crate::report::{atomic, comparison_document, json, reduced};

/// Between the lines of an error of several.
const NEXT: &str = "\n       ";
/// Checks without a result listed.
const UNMEASURED: usize = 1000;

/// Compares; the exit code is that of a gate.
pub(super) fn compare(args: &CompareArgs, terminal: &Terminal) -> u8 {
    let (compared, reasons) = match compared_of(args) {
        Ok(found) => found,
        Err(why) => {
            // It may quote a report, whose author must not steer the terminal.
            let lines: Vec<String> = why.split(NEXT).map(visible).collect();
            terminal.err(&format!("error: {}\n", lines.join(NEXT)));
            return exit::USAGE;
        }
    };
    let to_stdout = args.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if to_stdout {
        terminal.err(&comparison_document::render(&compared, &reasons, terminal.style_err()));
    } else {
        terminal.out(&comparison_document::render(&compared, &reasons, terminal.style()));
    }
    let mut lost = false;
    if let Some(path) = &args.json {
        // Document, list; a metric, a fact or a check has one line.
        let fill = |out: &mut dyn std::io::Write| json::write(&compared, 2, out);
        let written = if to_stdout { terminal.out_with(fill) } else { atomic::write(path, fill) };
        if let Err(error) = written {
            let why = format!("cannot write the comparison to {}: {error}", path.display());
            terminal.err(&format!("error: {}\n", visible(&why)));
            lost = true;
        }
    }
    exit::comparison_code(&compared, lost)
}

/// One of the files of the base side.
enum Base {
    Report(Box<Report>),
    Store(Baseline),
}

/// The comparison, and why each of its checks without a result has none.
fn compared_of(args: &CompareArgs) -> Result<(ComparisonDocument, Vec<String>), String> {
    let rules = Rules::parse(&args.rules)?;
    let (base, head) = match args.reports.as_slice() {
        [head] => (None, head),
        [base, head] => (Some(base), head),
        _ => return Err("name one report or two".into()),
    };
    let paths: Vec<&Path> = args.bases.iter().chain(base).map(std::path::PathBuf::as_path).collect();
    if paths.iter().copied().chain([head.as_path()]).filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err("stdin holds one report: give the others by their path".into());
    }
    let (head_record, bases) = read_all(head, &paths)?;
    one_run_once(head, &head_record, paths.iter().copied().zip(&bases))?;
    let head_side = side(head, &head_record);
    if bases.is_empty() {
        if head_record.design.kind != DesignKind::Interleaved {
            let help = "name the report to compare it with, or measure two targets in one run with `run --against`";
            return Err(format!("{} has one arm only; {help}", head.display()));
        }
        told(&rules.unmatched(&head_record, &head_record))?;
        let changes = facts::arms(&head_record, &rules);
        let rows = metrics::within(&head_record);
        return Ok(document(args, &[], (head_side, &head_record), rows, changes));
    }
    let mut records: Vec<(&Path, &Report)> = Vec::new();
    let mut stores: Vec<(&Path, &Baseline)> = Vec::new();
    for (path, base) in paths.iter().zip(&bases) {
        match base {
            Base::Report(record) => records.push((path, record)),
            Base::Store(baseline) => stores.push((path, baseline)),
        }
    }
    records.sort_by(|(_, a), (_, b)| a.run.started.cmp(&b.run.started));
    let mut window: Vec<Run<'_>> = Vec::new();
    for (_, baseline) in &stores {
        window.extend(baseline.window().iter().map(|run| Run::accepted(run, &baseline.suite, &baseline.host_class)));
    }
    window.extend(records.iter().map(|(_, record)| Run::of(record)));
    let pinned = stores.iter().find_map(|(_, baseline)| {
        baseline.pinned().map(|run| Run::accepted(run, &baseline.suite, &baseline.host_class))
    });
    let mut sides: Vec<Side> = stores.iter().map(|(path, baseline)| store_side(path, baseline)).collect();
    sides.extend(records.iter().map(|(path, record)| side(path, record)));
    // The newest report is what the world looked like before; a baseline holds no facts.
    let before = records.last().map(|(_, before)| *before);
    if let Some(before) = before {
        told(&rules.unmatched(before, &head_record))?;
    }
    let (changes, rows) = std::thread::scope(|scope| {
        let changes = scope.spawn(|| before.map(|before| facts::compare(before, &head_record, &rules)));
        let rows = metrics::runs(&window, pinned.as_ref(), &head_record);
        (changes.join(), rows)
    });
    let changes = changes.map_err(|_| "comparing facts failed; this is a defect of shakedown".to_owned())?;
    let out = document(args, &sides, (head_side, &head_record), rows, changes.unwrap_or_default());
    drop((window, records));
    // The process ends soon: to free a million small pieces one by one would take longer than to compare them.
    std::mem::forget((head_record, bases));
    Ok(out)
}

/// Rules that fit nothing would quietly do nothing.
fn told(problems: &[String]) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(problems.join(NEXT)) }
}

fn document(
    args: &CompareArgs,
    base: &[Side],
    (head, record): (Side, &Report),
    metrics: Vec<MetricRow>,
    changes: Changes,
) -> (ComparisonDocument, Vec<String>) {
    let unmeasured = || record.checks.iter().filter(|check| check.verdict == Verdict::Errored || check.unmet);
    let mut summary = Summary {
        facts_not_allowed: changes.not_allowed,
        facts_allowed: changes.facts.iter().filter(|change| change.allowed).count() as u64,
        checks_worse: changes.worse,
        checks_unmeasured: unmeasured().count() as u64,
        checks_compared: changes.compared,
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
    let compared = ComparisonDocument {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "shakedown".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        kind: if base.is_empty() { SidesKind::Interleaved } else { SidesKind::Sessions },
        strict: args.strict,
        base: base.to_vec(),
        head,
        metrics,
        facts: changes.facts,
        checks: changes.checks,
        unmeasured: unmeasured().take(UNMEASURED).map(|check| format!("{}/{}", check.suite, check.id)).collect(),
        summary,
    };
    (compared, reasons)
}

/// A run on both sides is compared with itself, and one given twice counts as a history that was never measured.
fn one_run_once<'b>(
    head: &Path,
    record: &Report,
    bases: impl Iterator<Item = (&'b Path, &'b Base)>,
) -> Result<(), String> {
    let mut seen: HashMap<&str, &Path> = HashMap::from([(record.run.id.as_str(), head)]);
    for (path, base) in bases {
        let ids: BTreeSet<&str> = match base {
            Base::Report(record) => BTreeSet::from([record.run.id.as_str()]),
            Base::Store(baseline) => baseline.runs.iter().chain(baseline.pinned()).map(|run| run.id.as_str()).collect(),
        };
        for id in ids {
            if let Some(first) = seen.insert(id, path) {
                let (first, second) = (first.display(), path.display());
                return Err(format!(
                    "run {id} is in {first} and in {second}: give every run once, and another as HEAD"
                ));
            }
        }
    }
    Ok(())
}

/// Reads the head and every base side; the largest two beside each other, as parsing is most of the work.
fn read_all(head: &Path, bases: &[&Path]) -> Result<(Report, Vec<Base>), String> {
    std::thread::scope(|scope| {
        let head = scope.spawn(|| report(head));
        let bases: Result<Vec<Base>, String> = bases.iter().map(|path| base(path)).collect();
        let head = head.join().map_err(|_| "reading a report failed; this is a defect of shakedown".to_owned())?;
        Ok((head?, bases?))
    })
}

fn open(path: &Path) -> Result<Box<dyn std::io::Read>, String> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

fn report(path: &Path) -> Result<Report, String> {
    reduced::read(open(path)?).map_err(|why| format!("{}: {why}", path.display()))
}

/// A report, or a baseline: the file says which.
fn base(path: &Path) -> Result<Base, String> {
    match report(path) {
        Ok(record) => Ok(Base::Report(Box::new(record))),
        Err(why) if why.contains(store::SCHEMA) => match store::read(path)? {
            Some(baseline) => Ok(Base::Store(baseline)),
            None => Err(why),
        },
        Err(why) => Err(why),
    }
}

fn side(path: &Path, record: &Report) -> Side {
    Side {
        file: path.display().to_string(),
        run: record.run.id.clone(),
        started: record.run.started.clone(),
        host_class: record.host.class.clone(),
        labels: record.run.labels.clone(),
        interrupted: record.run.interrupted,
    }
}

fn store_side(path: &Path, baseline: &Baseline) -> Side {
    let newest = baseline.runs.last();
    Side {
        file: path.display().to_string(),
        run: format!("{} runs", baseline.runs.len()),
        started: newest.map(|run| run.started.clone()).unwrap_or_default(),
        host_class: baseline.host_class.clone(),
        labels: newest.map(|run| run.labels.clone()).unwrap_or_default(),
        // Interrupted runs are not accepted.
        interrupted: false,
    }
}
