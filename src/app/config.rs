//! `shakedown.toml`: defaults of `run` below flags and `SHAKEDOWN_*`.

use std::path::Path;

use clap::{Arg, ArgAction, Command};

use crate::suite::diagnostic::suggest;
use crate::suite::reading;

/// The file, in the working directory.
pub const FILE: &str = "shakedown.toml";

/// Commands whose flags it sets.
const READERS: [&str; 4] = ["run", "plan", "demo", "restore"];

/// A key of the file.
pub struct Key {
    /// As it is written, and the flag it stands below.
    pub name: String,
    /// The variable that is stronger than it.
    pub variable: String,
    /// Its effect, in a sentence.
    pub help: String,
    /// Its value where nobody sets it.
    pub default: Option<String>,
    /// The words it may be, where it is one of a few.
    pub words: Vec<String>,
    /// Whether it is true or false.
    pub is_switch: bool,
    /// The name of its value on the command line: `N`, `FILE`, `GLOB`.
    pub value: String,
    /// Whether it takes several values.
    pub is_list: bool,
    /// The commands that read it.
    pub commands: Vec<&'static str>,
}

/// Every key, in the order of the flags of `run`.
#[must_use]
pub fn keys() -> Vec<Key> {
    let root = crate::cli::command();
    let known: Vec<(String, String)> = settable(&root).collect();
    known.into_iter().filter_map(|(name, id)| key(&root, name, &id)).collect()
}

fn key(root: &Command, name: String, id: &str) -> Option<Key> {
    let own = |command: &Command| command.get_arguments().find(|arg| arg.get_id() == id).cloned();
    let of_all = own(root);
    let arg = of_all.clone().or_else(|| own(root.find_subcommand("run")?))?;
    let reads = |name: &&str| root.find_subcommand(name).is_some_and(|command| own(command).is_some());
    let commands = READERS.iter().copied().filter(reads).collect();
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let takes_values = arg.get_action().takes_values();
    let words = if takes_values { arg.get_possible_values() } else { Vec::new() };
    Some(Key {
        variable: arg.get_env()?.to_string_lossy().into_owned(),
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        default: takes_values.then(|| default.first().cloned()).flatten(),
        words: words.iter().map(|word| word.get_name().to_owned()).collect(),
        is_switch: !takes_values,
        value: arg.get_value_names().unwrap_or_default().first().map(ToString::to_string).unwrap_or_default(),
        is_list: matches!(arg.get_action(), ArgAction::Append),
        commands: if of_all.is_some() { vec!["all"] } else { commands },
        name,
    })
}

/// Puts the values of `shakedown.toml` below the flags of [`READERS`]. The error is for the user.
pub fn apply(command: Command) -> Result<Command, String> {
    if matches!(Path::new(FILE).try_exists(), Ok(false)) {
        return Ok(command);
    }
    match reading::text_of_file(Path::new(FILE)) {
        Ok(text) => with(command, &text),
        Err(why) => Err(format!("cannot read {FILE}: {why}")),
    }
}

/// `shakedown.toml:LINE` of the key for `--LONG`, where the file has one.
#[must_use]
pub(super) fn place(long: &str) -> Option<String> {
    let text = reading::text_of_file(Path::new(FILE)).ok()?;
    let line = line_of(&text, long)?;
    Some(format!("{FILE}:{line}: {long}"))
}

/// The line of a key, from 1.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let plain = |key: &str| key.trim().trim_matches(['"', '\'']).replace('_', "-");
    let found = text.lines().position(|line| line.split_once('=').is_some_and(|(name, _)| plain(name) == plain(key)));
    found.map(|at| at + 1)
}

fn with(mut command: Command, text: &str) -> Result<Command, String> {
    let table: toml::Table = text.parse().map_err(|error| broken(text, &error))?;
    for (key, value) in table {
        let at = line_of(text, &key).map_or_else(|| FILE.to_owned(), |line| format!("{FILE}:{line}"));
        if value.is_table() {
            return Err(format!("{at}: `{key}` is a section, and settings have none: write its keys as `KEY = VALUE`"));
        }
        let flag = key.replace('_', "-");
        let known: Vec<(String, String)> = settable(&command).collect();
        let Some((_, id)) = known.iter().find(|(long, _)| *long == flag) else {
            return Err(format!(
                "{at}: unknown key `{key}`; {}",
                suggest(&flag, known.iter().map(|(long, _)| long.as_str()))
            ));
        };
        let values = match value {
            toml::Value::Array(items) if several(&command, id) => {
                items.iter().map(|item| single(&at, &key, item)).collect::<Result<Vec<_>, _>>()?
            }
            other => vec![single(&at, &key, &other)?],
        };
        if command.get_arguments().any(|arg| arg.get_id() == id.as_str()) {
            command = command.mut_arg(id.clone(), |arg: Arg| arg.default_values(values.clone()));
        }
        for name in READERS {
            command = command.mut_subcommand(name, |sub| {
                if sub.get_arguments().any(|arg| arg.get_id() == id.as_str()) {
                    sub.mut_arg(id.clone(), |arg: Arg| arg.default_values(values.clone()))
                } else {
                    sub
                }
            });
        }
    }
    Ok(command)
}

/// Whether a setting takes several values.
fn several(command: &Command, id: &str) -> bool {
    let run = command.find_subcommand("run").into_iter().flat_map(Command::get_arguments);
    let mut found = command.get_arguments().chain(run).filter(|arg| arg.get_id() == id);
    found.any(|arg| matches!(arg.get_action(), ArgAction::Append))
}

/// One value, as the command line would have it. A default must live as long as the command line, which is the life of the
/// process.
fn single(at: &str, key: &str, value: &toml::Value) -> Result<&'static str, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
            let texts: Vec<&str> = items.iter().filter_map(toml::Value::as_str).collect();
            return Err(format!("{at}: `{key}` is a list; write `{key} = \"{}\"`", texts.join(",")));
        }
        other => {
            let help = "write text in quotes, a number, or true or false";
            return Err(format!("{at}: `{key}` is {}; {help}", sort(other)));
        }
    };
    Ok(Box::leak(text.into_boxed_str()))
}

const fn sort(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::Array(_) => "a list (array)",
        toml::Value::Table(_) => "a table",
        toml::Value::Float(_) => "a number with a fraction",
        toml::Value::Datetime(_) => "a date",
        _ => "no value of a setting",
    }
}

/// A file that is no TOML: the line, and what lines look like.
fn broken(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let number = text.get(..at).unwrap_or_default().matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    let twice = error.message().contains("duplicate");
    let why = if twice { "this key is there twice" } else { "this is no line of settings" };
    let corrected = line.split_once(['=', ':']).map(|(key, value)| (key.trim(), value.trim().trim_matches('"')));
    let help = match corrected {
        _ if twice => "keep one of them".to_owned(),
        Some((key, value)) if !key.is_empty() && !value.is_empty() => format!("write `{key} = \"{value}\"`"),
        Some((key, _)) if !key.is_empty() => format!("write `{key} = VALUE`"),
        _ => "write `KEY = VALUE`, text in quotes".to_owned(),
    };
    format!("{FILE}:{}: {why}: {line}\n{help}", number + 1)
}

/// Flags of the program and of `run` that may stand in the file, with their ids.
fn settable(command: &Command) -> impl Iterator<Item = (String, String)> {
    let own = command.get_arguments();
    let run = command.find_subcommand("run").into_iter().flat_map(Command::get_arguments);
    let flags = own.chain(run).filter(|arg| arg.get_env().is_some());
    flags.filter_map(|arg| Some((arg.get_long()?.to_owned(), arg.get_id().to_string())))
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::with;
    use crate::cli::{Cli, Command};

    fn run(toml: &str, args: &[&str]) -> Result<crate::cli::RunArgs, String> {
        let command = with(crate::cli::command(), toml)?;
        let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
        match Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?.command {
            Command::Run(args) => Ok(*args),
            _ => Err("another command".into()),
        }
    }

    #[test]
    fn the_file_stands_below_the_flags() {
        assert_eq!(run("jobs = 3", &["shakedown", "run"]).unwrap().jobs, Some(3));
        assert_eq!(run("jobs = 3", &["shakedown", "run", "--jobs", "5"]).unwrap().jobs, Some(5));
        assert!(run("fail-fast = true", &["shakedown", "run"]).unwrap().fail_fast);
        assert!(!run("fail-fast = false", &["shakedown", "run"]).unwrap().fail_fast);
    }

    #[test]
    fn what_takes_several_values_takes_a_list() {
        let tags = |toml: &str| run(toml, &["shakedown", "run"]).unwrap().suites.tags;
        assert_eq!(tags("tag = [\"a\", \"b\"]"), ["a", "b"]);
        assert_eq!(tags("tag = \"a,b\""), ["a", "b"]);
        assert_eq!(tags("tag = []"), [] as [&str; 0]);
        let args = run("only = [\"a*\", \"b\"]\nvars = [\"x.yaml\", \"y.yaml\"]", &["shakedown", "run"]).unwrap();
        assert_eq!((args.suites.only.len(), args.suites.var_files.len()), (2, 2));
        // A flag replaces the list.
        assert_eq!(run("tag = [\"a\", \"b\"]", &["shakedown", "run", "--tag", "c"]).unwrap().suites.tags, ["c"]);
        assert!(run("tag = [[1]]", &["shakedown", "run"]).unwrap_err().contains("`tag` is a list (array)"));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(run("jbos = 3", &["shakedown", "run"]).unwrap_err().contains("did you mean `jobs`"));
        assert!(run("jobs = [3]", &["shakedown", "run"]).unwrap_err().contains("`jobs` is a list (array)"));
        for (toml, says) in [
            ("jobs = ", "shakedown.toml:1: this is no line of settings: jobs =\nwrite `jobs = VALUE`"),
            ("\ntimeout = 5s", "shakedown.toml:2: this is no line of settings: timeout = 5s\nwrite `timeout = \"5s\"`"),
            ("# x\njobs: 3", "write `jobs = \"3\"`"),
            ("jobs = 3\njobs = 4", "shakedown.toml:2: this key is there twice"),
            ("\njbos = 3", "shakedown.toml:2: unknown key `jbos`; did you mean `jobs`?"),
            ("timeout = [\"5s\"]", "shakedown.toml:1: `timeout` is a list; write `timeout = \"5s\"`"),
            ("[run]\njobs = 3", "`run` is a section"),
        ] {
            let told = run(toml, &["shakedown", "run"]).unwrap_err();
            assert!(told.contains(says) && !told.contains("TOML"), "{toml}: {told}");
        }
    }
}
