//! `shakedown report`: renderings again from the JSON, offline.

use std::io::Read as _;
use std::path::Path;

use super::identity::Files;
use super::outputs;
use super::terminal::Terminal;
use crate::cli::ReportArgs;
use crate::exit::{self, RunOutcome};
use crate::model::record::Counts;
use crate::model::{Place, Record};
use crate::report::{self, console};
use crate::suite::reading;

/// Largest report read, bytes.
const LARGEST: u64 = 1 << 30;

/// Renders; the exit code is that of the run, so that a pipeline can gate on a stored report.
pub(super) fn report(args: &ReportArgs, terminal: &Terminal) -> u8 {
    let mut record = match load(&args.report) {
        Ok(record) => record,
        Err(why) => {
            terminal.err(&format!("error: {}: {why}\n", args.report.display()));
            return exit::USAGE;
        }
    };
    // The checks are the truth; an edited summary must not turn a gate green.
    record.summary = Counts::of(&record.checks);
    let mut files = Files::new();
    files.reads("the report", &args.report);
    outputs::named(&mut files, &args.output, None);
    if let Err(why) = outputs::stdout_taken(&args.output, None).and_then(|_| files.check()) {
        terminal.err(&format!("error: {why}\n"));
        return exit::USAGE;
    }
    if !outputs::any(&args.output) {
        let lines = |place: &Place| {
            let text = reading::text_of_file(Path::new(&*place.file)).ok()?;
            text.lines().nth(place.line.checked_sub(1)? as usize).map(str::to_owned)
        };
        terminal.out(&console::render(&record, &lines, terminal.style()));
    }
    let lost = outputs::write(&record, &args.output, terminal);
    for line in &lost {
        terminal.err(&format!("error: {line}\n"));
    }
    exit::code(RunOutcome::of(&record, !lost.is_empty()))
}

/// Reads a report; `-` is stdin.
pub(super) fn load(path: &Path) -> Result<Record, String> {
    report::read(&text_of(path).map_err(|error| format!("cannot be read: {error}"))?)
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}
