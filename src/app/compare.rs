//! `shakedown compare`: two reports, several against one, or the arms of one. Offline; nothing is sent.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use super::terminal::Terminal;
use crate::baseline::compare::{self, Run};
use crate::baseline::facts::{self, Rules};
use crate::baseline::store::{self, Baseline};
use crate::cli::CompareArgs;
use crate::exit;
use crate::model::compared::{Compared, MetricRow, SCHEMA, Side, Summary};
use crate::model::record::Tool;
use crate::model::{Changes, Record};
use crate::report::{atomic, compared, light};

/// Compares; the exit code is that of a gate.
pub(super) fn compare(args: &CompareArgs, terminal: &Terminal) -> u8 {
    let compared = match compared_of(args) {
        Ok(compared) => compared,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            return exit::USAGE;
        }
    };
    let to_stdout = args.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if to_stdout {
        terminal.err(&compared::render(&compared, terminal.style_err()));
    } else {
        terminal.out(&compared::render(&compared, terminal.style()));
    }
    let mut lost = false;
    if let Some(path) = &args.json {
        let fill = |out: &mut dyn std::io::Write| {
            serde_json::to_writer_pretty(&mut *out, &compared)?;
            out.write_all(b"\n")
        };
        let written = if to_stdout { terminal.out_with(fill) } else { atomic::write(path, fill) };
        if let Err(error) = written {
            terminal.err(&format!("error: cannot write the comparison to {}: {error}\n", path.display()));
            lost = true;
        }
    }
    code(&compared, lost)
}

fn code(compared: &Compared, lost: bool) -> u8 {
    let counts = compared.summary;
    let undecided = counts.inconclusive + counts.not_compared > 0;
    if counts.facts_not_allowed + counts.checks_worse > 0 {
        exit::FAILED
    } else if counts.regressed > 0 {
        exit::REGRESSED
    } else if lost || counts.nothing_compared() || (compared.strict && undecided) {
        exit::INCOMPLETE
    } else {
        exit::OK
    }
}

/// One of the files of the base side.
enum Base {
    Report(Box<Record>),
    Store(Baseline),
}

fn compared_of(args: &CompareArgs) -> Result<Compared, String> {
    let rules = Rules::parse(&args.rules)?;
    let (base, head) = match args.reports.as_slice() {
        [head] => (None, head),
        [base, head] => (Some(base), head),
        _ => return Err("name one report or two".into()),
    };
    let paths: Vec<&Path> = args.bases.iter().chain(base).map(std::path::PathBuf::as_path).collect();
    let (head_record, bases) = read_all(head, &paths)?;
    let head_side = side(head, &head_record);
    if bases.is_empty() {
        if head_record.design.kind != "interleaved" {
            let help = "name the report to compare it with, or measure two targets in one run with `run --against`";
            return Err(format!("{} has one arm only; {help}", head.display()));
        }
        told(&rules.unmatched(&head_record, &head_record))?;
        let changes = facts::arms(&head_record, &rules);
        return Ok(document(args, "interleaved", Vec::new(), head_side, compare::within(&head_record), changes));
    }
    let mut records: Vec<(&Path, &Record)> = Vec::new();
    let mut stores: Vec<(&Path, &Baseline)> = Vec::new();
    for (path, base) in paths.iter().zip(&bases) {
        match base {
            Base::Report(record) => records.push((path, record)),
            Base::Store(baseline) => stores.push((path, baseline)),
        }
    }
    once((head, &head_record), &records, &stores)?;
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
    let changes = match records.last() {
        Some((_, before)) => {
            told(&rules.unmatched(before, &head_record))?;
            facts::compare(before, &head_record, &rules)
        }
        None => Changes::default(),
    };
    let rows = compare::runs(&window, pinned.as_ref(), &head_record);
    Ok(document(args, "sessions", sides, head_side, rows, changes))
}

/// The spread between runs is what a verdict rests on: a run that is counted twice, or compared with itself, makes it too small.
fn once(
    (file, head): (&Path, &Record),
    records: &[(&Path, &Record)],
    stores: &[(&Path, &Baseline)],
) -> Result<(), String> {
    let of_records = records.iter().map(|(path, record)| (*path, record.run.id.as_str()));
    let of_stores = stores.iter().flat_map(|(path, store)| store.window().iter().map(|run| (*path, run.id.as_str())));
    let mut known = HashSet::new();
    for (path, id) in of_records.chain(of_stores) {
        if !known.insert(id) {
            let help = "give each run once";
            return Err(format!("{}: run {id} is on the base side already; {help}", path.display()));
        }
    }
    if known.len() > 1 && known.contains(head.run.id.as_str()) {
        let help = "compare a run with those before it";
        return Err(format!("{}: run {} is on the base side as well; {help}", file.display(), head.run.id));
    }
    Ok(())
}

/// Rules that fit nothing would quietly do nothing.
fn told(problems: &[String]) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n       ")) }
}

fn document(
    args: &CompareArgs,
    kind: &str,
    base: Vec<Side>,
    head: Side,
    metrics: Vec<MetricRow>,
    changes: Changes,
) -> Compared {
    let mut summary = Summary {
        facts_not_allowed: changes.not_allowed,
        facts_allowed: changes.facts.iter().filter(|change| change.allowed).count() as u64,
        checks_worse: changes.worse,
        checks_compared: changes.compared,
        left_out: changes.left_out,
        ..Summary::default()
    };
    for row in &metrics {
        summary.add(row.comparison.verdict);
    }
    Compared {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "shakedown".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        kind: kind.to_owned(),
        strict: args.strict,
        base,
        head,
        metrics,
        facts: changes.facts,
        checks: changes.checks,
        summary,
    }
}

/// Reads the head and every base side; the largest two beside each other, as parsing is most of the work.
fn read_all(head: &Path, bases: &[&Path]) -> Result<(Record, Vec<Base>), String> {
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

fn report(path: &Path) -> Result<Record, String> {
    light::read(open(path)?).map_err(|why| format!("{}: {why}", path.display()))
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

fn side(path: &Path, record: &Record) -> Side {
    Side {
        file: path.display().to_string(),
        run: record.run.id.clone(),
        started: record.run.started.clone(),
        host_class: record.host.class.clone(),
        labels: record.run.labels.clone(),
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
    }
}
