//! `shakedown plan`.

use std::path::Path;

use super::identity::{Files, is_stdout};
use super::loading::{self, LoadedPlan};
use super::terminal::Terminal;
use crate::cli::PlanArgs;
use crate::exit;
use crate::plan::document::PlanDocument;
use crate::report::{atomic, json};

/// Prints the plan; sends nothing. Disruptive checks and scans are shown: planning them does nothing.
pub(super) fn plan(args: &PlanArgs, terminal: &Terminal) -> u8 {
    let mut suites = args.suites.clone();
    suites.allow_disruptive = true;
    suites.allow_scan = true;
    let Some(ready) = loading::load_plan(&suites, terminal) else { return exit::USAGE };
    if let Some(path) = &args.json {
        return document(&ready, path, args, terminal);
    }
    terminal.out(&ready.redactor.clean(&crate::plan::print(&ready.plan)));
    exit::OK
}

/// Writes the plan as JSON.
fn document(ready: &LoadedPlan, path: &Path, args: &PlanArgs, terminal: &Terminal) -> u8 {
    let mut files = Files::new();
    ready.read_by(&mut files);
    if let Some(report) = &args.suites.failed_from {
        files.reads("--failed-from", report);
    }
    files.writes("--json", path);
    if let Err(why) = files.check() {
        terminal.err(&format!("error: {why}\n"));
        return exit::USAGE;
    }
    let text = json::document(&PlanDocument::of(&ready.plan, ready.seed, &ready.redactor));
    let written = if is_stdout(path) {
        terminal.out_with(|out| out.write_all(text.as_bytes()))
    } else {
        atomic::write(path, |out| out.write_all(text.as_bytes()))
    };
    match written {
        Ok(()) => exit::OK,
        Err(error) => {
            terminal.err(&format!("error: cannot write {}: {error}\n", path.display()));
            exit::INCOMPLETE
        }
    }
}
