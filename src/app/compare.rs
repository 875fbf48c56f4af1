//! `shakedown compare`: two reports, several against one, or the arms of one. Offline; nothing is sent.

use std::fs::File;
use std::path::Path;

use super::identity::{Files, is_stdout};
use super::terminal::Terminal;
use crate::assess::reports::{self, Base, ReportComparison};
use crate::baseline::facts::Rules;
use crate::baseline::store;
use crate::cli::CompareArgs;
use crate::exit;
use crate::model::reduced::Report;
use crate::report::style::visible;
use crate::report::{atomic, comparison, json, reduced};

/// Between the lines of an error of several.
const NEXT: &str = "\n       ";

/// Compares; the exit code is that of a gate.
pub(super) fn compare(args: &CompareArgs, terminal: &Terminal) -> u8 {
    let ReportComparison { document, reasons } = match comparison(args) {
        Ok(comparison) => comparison,
        Err(lines) => {
            // It may quote a report, whose author must not steer the terminal.
            let lines: Vec<String> = lines.iter().map(|line| visible(line)).collect();
            terminal.err(&format!("error: {}\n", lines.join(NEXT)));
            return exit::USAGE;
        }
    };
    let to_stdout = args.json.as_deref().is_some_and(is_stdout);
    if to_stdout {
        terminal.err(&comparison::render(&document, &reasons, terminal.style_err()));
    } else {
        terminal.out(&comparison::render(&document, &reasons, terminal.style()));
    }
    let mut lost = false;
    if let Some(path) = &args.json {
        // Document, list; a metric, a fact or a check has one line.
        let fill = |out: &mut dyn std::io::Write| json::write(&document, 2, out);
        let written = if to_stdout { terminal.out_with(fill) } else { atomic::write(path, fill) };
        if let Err(error) = written {
            let why = format!("cannot write the comparison to {}: {error}", path.display());
            terminal.err(&format!("error: {}\n", visible(&why)));
            lost = true;
        }
    }
    exit::comparison_code(&document, lost)
}

fn comparison(args: &CompareArgs) -> Result<ReportComparison, Vec<String>> {
    let one = |why: String| vec![why];
    let rules = Rules::parse(&args.rules).map_err(one)?;
    let (base, head) = match args.reports.as_slice() {
        [head] => (None, head),
        [base, head] => (Some(base), head),
        _ => return Err(one("name one report or two".into())),
    };
    let paths: Vec<&Path> = args.bases.iter().chain(base).map(std::path::PathBuf::as_path).collect();
    if paths.iter().copied().chain([head.as_path()]).filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(one("stdin holds one report: give the others by their path".into()));
    }
    check_clashes(args).map_err(one)?;
    let (report, bases) = read_all(head, &paths).map_err(one)?;
    let comparison = reports::compare((head, &report), &bases, &rules, args.strict);
    // The process ends soon: to free a million small pieces one by one would take longer than to compare them.
    std::mem::forget((report, bases));
    comparison
}

/// Whether the comparison replaces none of the reports.
fn check_clashes(args: &CompareArgs) -> Result<(), String> {
    let mut files = Files::new();
    for path in args.reports.iter().chain(&args.bases) {
        files.reads("a report", path);
    }
    if let Some(path) = &args.json {
        files.writes("--json", path);
    }
    files.check()
}

/// The base sides, each with where it was read from.
type BasesByPath<'p> = Vec<(&'p Path, Base)>;

/// Reads the head and every base side; the largest two in parallel, as parsing is most of the work.
fn read_all<'p>(head: &Path, bases: &[&'p Path]) -> Result<(Report, BasesByPath<'p>), String> {
    std::thread::scope(|scope| {
        let head = scope.spawn(|| report(head));
        let bases: Result<_, String> = bases.iter().map(|path| Ok((*path, base(path)?))).collect();
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
        Ok(report) => Ok(Base::Report(Box::new(report))),
        Err(why) if why.contains(store::SCHEMA) => match store::read(path)? {
            Some(baseline) => Ok(Base::Baseline(baseline)),
            None => Err(why),
        },
        Err(why) => Err(why),
    }
}
