//! `shakedown history`: trends over a folder of reports, and exports to other tools.

use std::io;
use std::path::{Path, PathBuf};

use super::identity::{Files, is_stdout};
use super::terminal::Terminal;
use crate::baseline::host;
use crate::cli::history::HistoryArgs;
use crate::exit;
use crate::history::export::{self, ExportFile};
use crate::history::reading::{self, Content, Listing, NoCache};
use crate::history::series::{self, Classes, Filter};
use crate::history::{index, table, trend};
use crate::report::{atomic, json};

/// Where reports are unless said otherwise.
const FOLDER: &str = "reports/runs";

/// Shows and exports. Change points never decide the exit code; a file that cannot be read or written does.
pub(super) fn history(args: &HistoryArgs, terminal: &Terminal) -> u8 {
    let paths = if args.paths.is_empty() { vec![PathBuf::from(FOLDER)] } else { args.paths.clone() };
    if let Err(why) = usable(args, &paths) {
        terminal.err(&format!("error: {why}\n"));
        return exit::USAGE;
    }
    let mut errors = Vec::new();
    let listing = listing(args, &paths, terminal, &mut errors);
    errors.extend(listing.errors.iter().map(|named| format!("{}: {}", named.file, named.why)));
    let filter = filter(args);
    let selected = series::select(&listing.found, &filter);
    // A suite may measure nothing; asked for a metric, nothing is a mistake.
    if selected.runs.is_empty() || (selected.series.is_empty() && !filter.metrics.is_empty()) {
        errors.push(nothing(&listing, &paths));
    }
    let history = trend::history(&selected, &listing);
    let ascii = args.ascii || terminal.style().ascii;
    let text = table::render(&history, ascii);
    let taken = outputs(args).iter().any(|path| is_stdout(path));
    let show = if taken { Terminal::err } else { Terminal::out };
    show(terminal, &text);

    let documents = documents(args, &history, &selected);
    // Only now the names of all files are known.
    if let Err(why) = check_clashes(args, &documents, &paths) {
        terminal.err(&format!("error: {}\n", table::shown(&why)));
        return exit::USAGE;
    }
    for HistoryDocument { what, path, text, .. } in &documents {
        if let Err(error) = written(terminal, path, text) {
            errors.push(format!("cannot write {what} to {}: {error}", path.display()));
        }
    }
    for line in &errors {
        // Names and words of damaged files may be anything.
        terminal.err(&format!("error: {}\n", table::shown(line)));
    }
    if errors.is_empty() { exit::OK } else { exit::INCOMPLETE }
}

/// Whether the paths and outputs make sense; nothing is read before.
fn usable(args: &HistoryArgs, paths: &[PathBuf]) -> Result<(), String> {
    for path in paths {
        if !path.exists() {
            let how = "give a folder of reports; `shakedown run --json FILE.json` makes one";
            return Err(format!("there is no {}: {how}", path.display()));
        }
    }
    let outputs = outputs(args);
    if outputs.iter().filter(|path| is_stdout(path)).count() > 1 {
        return Err("only one of --json, --gobench, --bencher and --openmetrics can go to stdout".into());
    }
    let flags = flags(args).map(|(flag, path)| (flag, path.as_path())).collect::<Vec<_>>();
    separate(&flags, paths)
}

/// A file that is written.
struct HistoryDocument {
    /// Its flag and what it is, for messages.
    flag: &'static str,
    what: &'static str,
    path: PathBuf,
    text: String,
}

/// All files that are written, but for the index.
fn documents(args: &HistoryArgs, history: &trend::History, selected: &series::Selected<'_>) -> Vec<HistoryDocument> {
    let json = args.json.as_ref().map(|path| {
        let text = json::document(history);
        HistoryDocument { flag: "--json", what: "the history", path: path.clone(), text }
    });
    let exported = exports(args).flat_map(|(flag, name, path)| {
        let files = export::export(name).map(|export| (export.render)(selected)).unwrap_or_default();
        files.into_iter().map(move |ExportFile { name: file, text }| {
            let path = if file.is_empty() { path.clone() } else { path.join(file) };
            HistoryDocument { flag, what: name, path, text }
        })
    });
    json.into_iter().chain(exported).collect()
}

/// Whether every document, and the index, is a file of its own, and no report.
fn check_clashes(args: &HistoryArgs, documents: &[HistoryDocument], paths: &[PathBuf]) -> Result<(), String> {
    let index = args.index.iter().map(|path| ("--index", path.as_path()));
    let documents = documents.iter().map(|document| (document.flag, document.path.as_path()));
    separate(&index.chain(documents).collect::<Vec<_>>(), paths)
}

/// Whether every output is a file of its own, and no report. What an earlier run exported among the reports is none.
fn separate(outputs: &[(&str, &Path)], paths: &[PathBuf]) -> Result<(), String> {
    let mut files = Files::new();
    for (flag, path) in outputs {
        files.writes(flag, path);
    }
    let (entries, _) = reading::entries(paths);
    for entry in &entries {
        if !files.is_written(&entry.path) {
            continue;
        }
        if paths.contains(&entry.path) || matches!(reading::content(&entry.path), Content::Report(_)) {
            files.reads("a report", &entry.path);
        }
    }
    files.check()
}

/// Every file that is written, by the path given.
fn outputs(args: &HistoryArgs) -> Vec<&PathBuf> {
    flags(args).map(|(_, path)| path).collect()
}

/// The outputs that are files, by their flags.
fn flags(args: &HistoryArgs) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    let all = [
        ("--json", &args.json),
        ("--gobench", &args.gobench),
        ("--bencher", &args.bencher),
        ("--openmetrics", &args.openmetrics),
        ("--index", &args.index),
    ];
    all.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?)))
}

/// Flag, name and place of every export.
fn exports(args: &HistoryArgs) -> impl Iterator<Item = (&'static str, &'static str, &PathBuf)> {
    let all = [
        ("--otava", "otava", &args.otava),
        ("--gobench", "gobench", &args.gobench),
        ("--bencher", "bencher", &args.bencher),
        ("--openmetrics", "openmetrics", &args.openmetrics),
    ];
    all.into_iter().filter_map(|(flag, name, path)| Some((flag, name, path.as_ref()?)))
}

/// Reads the files, by way of the index if there is one. Without a usable index the files themselves are read.
fn listing(args: &HistoryArgs, paths: &[PathBuf], terminal: &Terminal, errors: &mut Vec<String>) -> Listing {
    let (entries, unseen) = reading::entries(paths);
    let indexed = args.index.as_ref().and_then(|path| match index::listing(&entries, path) {
        Ok((listing, notices)) => {
            for notice in notices {
                terminal.err(&format!("note: {notice}\n"));
            }
            Some(listing)
        }
        Err(why) => {
            errors.push(format!("the index was not used: {why}"));
            None
        }
    });
    let mut listing = indexed.unwrap_or_else(|| reading::listing(&entries, &mut NoCache));
    listing.errors.extend(unseen);
    listing
}

fn filter(args: &HistoryArgs) -> Filter {
    let classes = match args.host_class.as_deref() {
        Some("all") => Classes::All,
        Some(class) => Classes::One(class.to_owned()),
        None => Classes::Own(host::describe().class),
    };
    Filter {
        suites: args.suites.clone(),
        checks: args.checks.clone(),
        metrics: args.metrics.clone(),
        last: args.last.map(usize::from),
        classes,
    }
}

/// Why there is nothing to show: an empty table must not look like good news.
fn nothing(listing: &Listing, paths: &[PathBuf]) -> String {
    if !listing.found.is_empty() {
        let count = listing.found.len();
        return format!(
            "none of {count} reports is of that suite, check, metric and host class; leave out a filter to see what there is"
        );
    }
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    format!("no report in {}; `shakedown run --json FILE.json` makes one", shown.join(", "))
}

fn written(terminal: &Terminal, path: &Path, text: &str) -> io::Result<()> {
    let fill = |out: &mut dyn io::Write| out.write_all(text.as_bytes());
    if is_stdout(path) { terminal.out_with(fill) } else { atomic::write(path, fill) }
}
