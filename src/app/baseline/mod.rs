//! `shakedown baseline`: the store of accepted runs.

mod show;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::identity::Files;
use super::render;
use super::terminal::Terminal;
use crate::assess::acceptance;
use crate::baseline::store::{self, FileUpdate, Problem};
use crate::baseline::{baseline_file, host};
use crate::cli::baseline::{AcceptArgs, BaselineArgs, BaselineCommand, PinArgs, RmArgs};
use crate::exit;
use crate::model::Record;
use crate::model::count::counted;
use crate::model::record::Counts;
use crate::model::suggest::suggest;
use crate::report::atomic;
use crate::report::style::visible;

/// Runs the command.
pub(super) fn baseline(command: &BaselineCommand, terminal: &Terminal) -> u8 {
    match command {
        BaselineCommand::Accept(args) => accept(args, terminal),
        BaselineCommand::List(args) => show::list(args, terminal),
        BaselineCommand::Show(args) => show::show(args, terminal),
        BaselineCommand::Rm(args) => rm(args, terminal),
        BaselineCommand::Pin(args) => pin(args, terminal),
    }
}

fn wrong(terminal: &Terminal, why: &str, code: u8) -> u8 {
    terminal.err(&format!("error: {}\n", visible(why)));
    code
}

/// Accepts a run as baseline when all of it held; the lines tell what was written, the error what was not and why.
pub(super) fn save(record: &Record, dir: &Path, pin: bool) -> Result<Vec<String>, Problem> {
    Ok(stored(record, dir, pin)?.iter().map(saved_line).collect())
}

/// As [`save`], with every file of the run.
fn stored(record: &Record, dir: &Path, pin: bool) -> Result<Vec<FileUpdate>, Problem> {
    if let Some(why) = acceptance::unfit(record) {
        return Err(Problem::Refused(format!("no baseline saved: {why}")));
    }
    let saved = store::accept(record, dir, pin, &write)?;
    if saved.is_empty() {
        let why = "no baseline saved: no check measured anything comparable";
        return Err(Problem::Refused(why.into()));
    }
    Ok(saved)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic::write(path, |out| out.write_all(bytes))
}

fn saved_line(saved: &FileUpdate) -> String {
    let path = saved.path.display();
    if let Some(why) = &saved.skipped {
        return format!("skipped: {path}: {}\n", visible(why));
    }
    let notes: Vec<String> = saved.notes.iter().map(|note| format!(" ({})", visible(note))).collect();
    format!("baseline: {path}{}\n", notes.concat())
}

/// What became of many reports.
#[derive(Default)]
struct AcceptCounts {
    accepted: usize,
    skipped: usize,
    refused: usize,
    unusable: usize,
}

impl AcceptCounts {
    /// Counts a report that was not taken, and says why.
    fn problem(&mut self, terminal: &Terminal, path: &Path, problem: &Problem) {
        match problem {
            Problem::Refused(_) => self.refused += 1,
            Problem::File(_) => self.unusable += 1,
        }
        wrong(terminal, &format!("{}: {problem}", path.display()), exit::USAGE);
    }

    fn code(&self) -> u8 {
        match self {
            Self { unusable: 1.., .. } => exit::INCOMPLETE,
            Self { refused: 1.., .. } => exit::USAGE,
            _ => exit::OK,
        }
    }

    fn line(&self) -> String {
        let parts = [
            (self.skipped, "skipped, as the store has no use for them"),
            (self.refused, "refused"),
            (self.unusable, "could not be read or stored"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!(", {count} {words}"));
        format!("{} accepted{}\n", counted(self.accepted, "run"), parts.collect::<Vec<_>>().concat())
    }
}

/// Accepts reports in order of their start. One that cannot be taken keeps none of the others from it.
fn accept(args: &AcceptArgs, terminal: &Terminal) -> u8 {
    let mut tally = AcceptCounts::default();
    let (mut records, mut ids) = (Vec::with_capacity(args.reports.len()), BTreeSet::new());
    for path in &args.reports {
        let record = match render::load(path) {
            Ok(record) => Record { summary: Counts::of(&record.checks), ..record },
            Err(why) => {
                tally.problem(terminal, path, &Problem::File(why));
                continue;
            }
        };
        if let Some(why) = acceptance::unfit(&record) {
            tally.problem(terminal, path, &Problem::Refused(format!("{why}; it was not accepted")));
        } else if ids.insert(record.run.id.clone()) {
            records.push((path, record));
        } else {
            tally.skipped += 1;
            let (path, id) = (visible(&path.display().to_string()), visible(&record.run.id));
            terminal.out(&format!("skipped: {path}: run {id} is given twice\n"));
        }
    }
    if let Err(why) = check_clashes(&records, &args.store.dir) {
        return wrong(terminal, &why, exit::USAGE);
    }
    records.sort_by_cached_key(|(_, record)| record.run.started.parse::<jiff::Timestamp>().ok());
    let last = records.len().saturating_sub(1);
    for (at, (path, record)) in records.iter().enumerate() {
        match stored(record, &args.store.dir, args.pin && at == last) {
            Ok(saved) => {
                let new = saved.iter().any(|saved| saved.skipped.is_none());
                *(if new { &mut tally.accepted } else { &mut tally.skipped }) += 1;
                terminal.out(&saved.iter().map(saved_line).collect::<String>());
            }
            Err(problem) => tally.problem(terminal, path, &problem),
        }
    }
    if args.reports.len() > 1 {
        terminal.out(&tally.line());
    }
    tally.code()
}

/// Whether the store replaces none of the reports.
fn check_clashes(records: &[(&PathBuf, Record)], dir: &Path) -> Result<(), String> {
    let mut files = Files::new();
    let mut written = BTreeSet::new();
    for (path, record) in records {
        files.reads("a report", path);
        let named = record.suites.iter().map(|suite| baseline_file(dir, &suite.name, &record.host.class));
        written.extend(named.collect::<Result<Vec<_>, _>>()?);
    }
    for path in &written {
        files.writes("--dir", path);
    }
    files.check()
}

fn code(problem: &Problem) -> u8 {
    match problem {
        Problem::Refused(_) => exit::USAGE,
        Problem::File(_) => exit::INCOMPLETE,
    }
}

/// Suite and class of hosts, this host's when none is named.
fn place(args: &BaselineArgs) -> (&Path, &str, String) {
    (&args.store.dir, &args.suite, args.host_class.clone().unwrap_or_else(|| host::describe().class))
}

/// An error that says which baselines there are instead.
fn none(args: &BaselineArgs, class: &str, terminal: &Terminal) -> u8 {
    let dir = &args.store.dir;
    let others = store::host_classes(dir, &args.suite).unwrap_or_default();
    let why = if others.is_empty() {
        let suites = store::suites(dir).unwrap_or_default();
        let help = suggest(&args.suite, suites.iter().map(String::as_str));
        format!("{} has no baseline of a suite `{}`; {help}", dir.display(), args.suite)
    } else {
        let others = others.join(", ");
        format!(
            "suite {} has no baseline for host class {class}, there is one for {others}; name it with --host-class",
            args.suite
        )
    };
    wrong(terminal, why.trim_end_matches("; "), exit::USAGE)
}

fn changed(
    found: Result<Option<FileUpdate>, Problem>,
    (args, class): (&BaselineArgs, &str),
    terminal: &Terminal,
) -> u8 {
    match found {
        Ok(Some(saved)) => {
            terminal.out(&saved_line(&saved));
            exit::OK
        }
        Ok(None) => none(args, class, terminal),
        Err(problem) => wrong(terminal, &problem.to_string(), code(&problem)),
    }
}

fn rm(args: &RmArgs, terminal: &Terminal) -> u8 {
    let (dir, suite, class) = place(&args.one);
    let place = (dir, suite, class.as_str());
    let found = match &args.run {
        Some(id) => store::remove(place, id, &write),
        None => store::remove_all(place),
    };
    changed(found, (&args.one, &class), terminal)
}

fn pin(args: &PinArgs, terminal: &Terminal) -> u8 {
    let (dir, suite, class) = place(&args.one);
    let found = store::pin((dir, suite, &class), args.run.as_deref(), &write);
    changed(found, (&args.one, &class), terminal)
}
