//! Where reports go: files by rename, `-` for stdout, and what could not be written.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::identity::{Files, is_stdout};
use super::terminal::{Terminal, stdout_open};
use crate::cli::{Dialect, OutputArgs};
use crate::model::Record;
use crate::report::jsonl::Jsonl;
use crate::report::redact::Redacted;
use crate::report::{atomic, format};

/// Whether a report goes to stdout, so that text for people must not.
pub(super) fn stdout_taken(args: &OutputArgs, events: Option<&PathBuf>) -> Result<bool, String> {
    let paths = flags(args, events).into_iter().filter_map(|(_, path)| path);
    match paths.filter(|path| is_stdout(path)).count() {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err("only one of --json, --junit, --timeline and --events can go to stdout".into()),
    }
}

/// Whether a report is written in place of the text for people.
pub(super) fn any(args: &OutputArgs) -> bool {
    flags(args, None).iter().any(|(_, path)| path.is_some())
}

fn flags<'a>(args: &'a OutputArgs, events: Option<&'a PathBuf>) -> [(&'static str, Option<&'a PathBuf>); 4] {
    [
        ("--json", args.json.as_ref()),
        ("--junit", args.junit.as_ref()),
        ("--timeline", args.timeline.as_ref()),
        ("--events", events),
    ]
}

/// The files the reports go to.
pub(super) fn named(files: &mut Files, args: &OutputArgs, events: Option<&PathBuf>) {
    for (flag, path) in flags(args, events) {
        if let Some(path) = path {
            files.writes(flag, path);
        }
    }
}

/// Writes every report asked for; returns what could not be written.
pub(super) fn write(record: &Record, args: &OutputArgs, terminal: &Terminal) -> Vec<String> {
    let junit = match args.junit_dialect {
        Dialect::Strict => "junit",
        Dialect::Rich => "junit-rich",
    };
    let mut lost = Vec::new();
    for (name, path) in [("json", &args.json), (junit, &args.junit), ("timeline", &args.timeline)] {
        let (Some(path), Some(format)) = (path, format(name)) else { continue };
        let written = if is_stdout(path) {
            terminal.out_with(|out| (format.render)(record, out))
        } else {
            atomic::write(path, |out| (format.render)(record, out))
        };
        if let Err(error) = written {
            lost.push(format!("cannot write {name} report to {}: {error}", path.display()));
        }
    }
    lost
}

/// The live sink of events; dropped and named once it fails.
pub(super) struct Events {
    sink: Option<Jsonl<Box<dyn Write + Send>>>,
    pub(super) lost: Option<String>,
}

impl Events {
    pub(super) fn open(path: Option<&PathBuf>) -> Self {
        let Some(path) = path else { return Self { sink: None, lost: None } };
        if is_stdout(path) {
            return match stdout_open() {
                Ok(()) => Self { sink: Some(Jsonl(Box::new(std::io::stdout()))), lost: None },
                Err(error) => Self::lost(path, &error),
            };
        }
        match atomic::stream(path) {
            Ok(file) => Self { sink: Some(Jsonl(Box::new(BufWriter::new(file)))), lost: None },
            Err(error) => Self::lost(path, &error),
        }
    }

    fn lost(path: &Path, error: &std::io::Error) -> Self {
        Self { sink: None, lost: Some(format!("cannot write events to {}: {error}", path.display())) }
    }

    pub(super) fn event(&mut self, event: &Redacted) {
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.event(event)
        {
            self.lost = Some(format!("events end early: {error}"));
            self.sink = None;
        }
    }
}
