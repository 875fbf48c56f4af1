//! Commands and options of other tools, for every command but `probe`.

use super::options::{self, Row};
use super::{Hint, credentials, is_taken};
use crate::checks::FAMILIES;
use crate::model::suggest::suggest;

/// Words that other tools have for a command.
#[rustfmt::skip]
const COMMANDS: &[(&str, &str)] = &[
    ("validate", "plan"), ("check", "plan"), ("lint", "plan"), ("verify", "plan"), ("dry-run", "plan"),
    ("dryrun", "plan"), ("preview", "plan"), ("list", "plan"), ("ls", "plan"), ("test", "run"), ("tests", "run"),
    ("exec", "run"), ("execute", "run"), ("start", "run"), ("apply", "run"), ("render", "report"), ("view", "report"),
    ("show", "report"), ("print", "report"), ("convert", "report"), ("junit", "report"), ("diff", "compare"),
    ("trend", "history"), ("trends", "history"), ("stats", "history"), ("doc", "explain"), ("docs", "explain"),
    ("describe", "explain"), ("info", "explain"), ("what", "explain"), ("man-page", "man"), ("completion", "completions"),
    ("listen", "serve"), ("server", "serve"), ("example", "demo"), ("examples", "demo"), ("lab", "demo"),
    ("init", "explain suite"), ("new", "explain suite"), ("version", "--version"),
];

/// Tools that a command line of ours takes the place of only in part, with what to do in place of them.
#[rustfmt::skip]
const TOOLS: &[(&str, &str)] = &[
    ("goss", "`goss validate` is `shakedown run SUITE.yaml`, `goss add` is `shakedown probe FAMILY TARGET`, and `shakedown explain suite` shows a suite"),
    ("blackbox_exporter", "a module with its target is a check of a suite; `shakedown explain suite` shows one"),
    ("dnsperf", "load is a field of checks (`shakedown explain dns.load`)"),
    ("wrk", LOAD), ("hey", LOAD), ("ab", LOAD), ("oha", LOAD), ("k6", LOAD), ("vegeta", LOAD), ("h2load", LOAD),
];
const LOAD: &str = "HTTP is asked one request at a time (`shakedown probe http URL`, and `rounds` and `samples` of a suite for its latency); load is a field of dns and tls";

/// Options of other tools, of commands that take suites. `@COMMAND` is another command.
#[rustfmt::skip]
const OF_SUITES: &[Row] = &[
    ("--dry-run", "@plan"), ("--dryrun", "@plan"), ("--check", "@plan"), ("--validate", "@plan"), ("--noop", "@plan"),
    ("--lint", "@plan"), ("--list", "@plan"), ("--list-checks", "@plan"), ("--list-tests", "@plan"), ("-n", "@plan"),
    ("--collect-only", "@plan"), ("--parallel N", "--jobs {}"), ("-j N", "--jobs {}"), ("-p N", "--jobs {}"), ("--workers N", "--jobs {}"),
    ("--concurrency N", "--jobs {}"), ("--max-concurrent N", "--jobs {}"), ("--test-threads N", "--jobs {}"),
    ("--filter GLOB", "--only {}"), ("-k GLOB", "--only {}"), ("--include GLOB", "--only {}"),
    ("--select GLOB", "--only {}"), ("--grep GLOB", "--only {}"), ("--name GLOB", "--only {}"),
    ("--id GLOB", "--only {}"), ("--test GLOB", "--only {}"), ("--tags T", "--tag {}"), ("-t T", "--tag {}"),
    ("--skip T", "--skip-tag {}"), ("--skip-tags T", "--skip-tag {}"), ("--exclude-tag T", "--skip-tag {}"),
    ("--exclude-tags T", "--skip-tag {}"), ("--suite F", "{}"), ("--file F", "{}"), ("-c F", "{}"),
    ("-g F", "{}"), ("--gossfile F", "{}"), ("--config F", "{}"), ("-e K=V", "--var {}"), ("--set K=V", "--var {}"),
    ("--env K=V", "--var {}"), ("-D K=V", "--var {}"), ("--extra-vars K=V", "--var {}"),
    ("--variable K=V", "--var {}"), ("--var-file F", "--vars {}"), ("--vars-file F", "--vars {}"),
    ("--vars-inline F", "--var {}"), ("--values F", "--vars {}"), ("--variables-file F", "--vars {}"),
    ("--max-time T", "--deadline {}"), ("--time-limit T", "--deadline {}"), ("--budget T", "--deadline {}"),
    ("--bail", "--fail-fast"), ("-x", "--fail-fast"), ("--exitfirst", "--fail-fast"), ("--failfast", "--fail-fast"),
    ("--stop-on-failure", "--fail-fast"), ("--halt-on-failure", "--fail-fast"), ("--repeat N", "--rounds {}"),
    ("--count N", "--rounds {}"), ("--iterations N", "--rounds {}"), ("--silent", "--quiet"), ("-s", "--quiet"),
    ("--rerun-failed REPORT", "--failed-from {}"), ("--only-failed REPORT", "--failed-from {}"),
    ("--force", "--allow-disruptive"), ("--allow-destructive", "--allow-disruptive"),
    ("--debug", "-vv"), ("--no-progress", "--progress none"), ("--label-add K=V", "--label {}"),
];

/// Options of other tools, of commands that write reports.
#[rustfmt::skip]
const OF_REPORTS: &[Row] = &[
    ("--output F", "{format}"), ("-o F", "{format}"), ("--format F", "{format}"), ("-f F", "{format}"),
    ("--reporter F", "{format}"), ("--report F", "{format}"), ("--out F", "{format}"),
    ("--output-file F", "{format}"), ("--report-file F", "{format}"), ("--junitxml F", "--junit {}"),
    ("--junit-xml F", "--junit {}"), ("--report-junit F", "--junit {}"), ("--xml F", "--junit {}"),
];

/// Options of other tools that any command may get.
const OF_ALL: &[Row] = &[
    ("--no-color", "--color never"),
    ("--no-colour", "--color never"),
    ("--nocolor", "--color never"),
    ("--colour WHEN", "--color {}"),
];

/// The command that these words mean.
pub(super) fn hint(args: &[String]) -> Option<Hint> {
    let at = args.iter().position(|word| !word.starts_with('-'))?;
    let name = args.get(at)?;
    let root = crate::cli::command();
    let (before, behind) = (args.get(..at)?, args.get(at + 1..)?);
    let known = root.get_subcommands().any(|command| command.get_name() == name);
    let (why, first, rest) = if known {
        (None, vec![name.clone()], behind.to_vec())
    } else {
        let why = format!("`{}` is no command", credentials::without(name));
        if let Some((_, instead)) = COMMANDS.iter().find(|(word, _)| word == name) {
            let first: Vec<String> = instead.split(' ').map(str::to_owned).collect();
            // What answers by itself takes nothing.
            let alone = first.len() > 1 || instead.starts_with('-') || *instead == "demo";
            (Some(why), first, if alone { Vec::new() } else { behind.to_vec() })
        } else if let Some((_, instead)) = TOOLS.iter().find(|(tool, _)| tool == name) {
            return Some(Hint::Say(format!("{why}; {instead}")));
        } else if let Some(command) = of_file(name) {
            (Some(why), vec![command.to_owned()], args.get(at..)?.to_vec())
        } else {
            // A slip of the pen in the name of a command is not the name of a tool.
            let near = suggest(name, root.get_subcommands().map(clap::Command::get_name)).starts_with("did you mean");
            return if near { None } else { of_family(why, args.get(at..)?) };
        }
    };
    let (mut words, strange) = translated(&first, &rest)?;
    let why = why.or_else(|| Some(format!("`{}` is no option of `{}`", strange.first()?, first.join(" "))))?;
    words.splice(0..0, before.iter().cloned());
    let words: Vec<String> = words.iter().map(|word| credentials::without(word)).collect();
    is_taken(&words).then_some(Hint::Write { why, words, note: None })
}

/// A file by itself: a suite is run, a report shown.
fn of_file(name: &str) -> Option<&'static str> {
    let ends = |end: &&str| std::path::Path::new(name).extension().is_some_and(|found| found == *end);
    match name {
        _ if name.contains("://") => None,
        _ if ["yaml", "yml"].iter().any(ends) => Some("run"),
        _ if ends(&"json") => Some("report"),
        _ => None,
    }
}

/// A family, a tool that asks as one does, or a target.
fn of_family(why: String, words: &[String]) -> Option<Hint> {
    let hint = super::probe::hint(words);
    let name = words.first()?;
    match hint {
        Some(Hint::Write { words, note, .. }) => Some(Hint::Write { why, words, note }),
        Some(Hint::Say(_)) | None if FAMILIES.iter().any(|family| family.name == name) => {
            let words: Vec<String> = std::iter::once("probe".to_owned())
                .chain(words.iter().map(|word| credentials::without(word)))
                .collect();
            is_taken(&words).then_some(Hint::Write { why, words, note: None })
        }
        other => other,
    }
}

/// The words of a command with the options of others in those of ours, and which were strange.
fn translated(first: &[String], rest: &[String]) -> Option<(Vec<String>, Vec<&'static str>)> {
    let mut name = first.join(" ");
    let tables: &[&'static [Row]] = match name.as_str() {
        "run" => &[OF_ALL, OF_SUITES, OF_REPORTS],
        "plan" | "calibrate" => &[OF_ALL, OF_SUITES],
        "report" => &[OF_ALL, OF_REPORTS],
        _ => &[OF_ALL],
    };
    let (mut out, mut strange) = (Vec::new(), Vec::new());
    let mut rest = rest.iter().peekable();
    while let Some(word) = rest.next() {
        if !word.starts_with('-') || is_own(&name, word) {
            out.push(word.clone());
            continue;
        }
        let Some(found) = options::find(tables, word, &mut rest) else {
            out.push(word.clone());
            continue;
        };
        for option in found {
            strange.push(option.name);
            if let Some(command) = option.instead.strip_prefix('@') {
                command.clone_into(&mut name);
                continue;
            }
            let value = option.value.unwrap_or_default();
            let instead = if option.instead == "{format}" { format_of(&value)? } else { option.instead.to_owned() };
            out.extend(instead.split(' ').map(|part| part.replace("{}", &value)));
        }
    }
    let command = name.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
    Some((command.chain(out).collect(), strange))
}

/// Whether a command has this option itself.
fn is_own(command: &str, word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    let root = crate::cli::command();
    let Some(command) = root.find_subcommand(command) else { return false };
    command.get_arguments().chain(root.get_arguments()).any(|arg| {
        let long = arg.get_long().is_some_and(|long| name == format!("--{long}"));
        let short =
            arg.get_short().is_some_and(|short| !name.starts_with("--") && name.starts_with(&format!("-{short}")));
        long || short
    })
}

/// The option for a format, or for a file with its ending.
fn format_of(value: &str) -> Option<String> {
    let lower = value.to_lowercase();
    let ending = std::path::Path::new(&lower).extension().and_then(std::ffi::OsStr::to_str);
    Some(match lower.as_str() {
        "junit" | "junitxml" | "xml" => "--junit report.xml".to_owned(),
        "json" => "--json report.json".to_owned(),
        "jsonl" | "ndjson" | "events" | "json_oneline" => "--events events.jsonl".to_owned(),
        "silent" | "quiet" | "none" => "--quiet".to_owned(),
        _ if ending == Some("xml") => "--junit {}".to_owned(),
        _ if ending == Some("json") => "--json {}".to_owned(),
        _ if ending == Some("jsonl") => "--events {}".to_owned(),
        _ => return None,
    })
}

/// A line for every row of the tables, for their test.
#[cfg(test)]
pub(super) fn lines() -> impl Iterator<Item = String> {
    let commands = COMMANDS.iter().map(|(word, instead)| match *instead {
        "report" => format!("{word} r.json"),
        "compare" => format!("{word} a.json b.json"),
        "completions" => format!("{word} bash"),
        "plan" | "run" | "history" => format!("{word} a"),
        _ => (*word).to_owned(),
    });
    let value = |option: &str, instead: &str| match instead {
        "{format}" => "junit",
        "--jobs {}" | "--rounds {}" => "3",
        "--deadline {}" => "10m",
        "--color {}" => "never",
        _ if option.ends_with("K=V") || option.ends_with("-inline F") => "k=v",
        _ => "x",
    };
    let options = OF_SUITES.iter().chain(OF_REPORTS).chain(OF_ALL).map(move |(option, instead)| {
        let (name, takes) = option.split_once(' ').unwrap_or((option, ""));
        format!("run {name} {}", if takes.is_empty() { "" } else { value(option, instead) })
    });
    commands.chain(options)
}
