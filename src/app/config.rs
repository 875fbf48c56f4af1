//! `shakedown.toml`: defaults of `run` below flags and `SHAKEDOWN_*`.

use std::path::Path;

use clap::{Arg, ArgAction, Command};

use crate::suite::diagnostic::suggest;
use crate::suite::reading;

/// The file, in the working directory.
pub const FILE: &str = "shakedown.toml";

/// Commands whose flags it sets.
const READERS: [&str; 3] = ["run", "plan", "demo"];

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

fn with(mut command: Command, text: &str) -> Result<Command, String> {
    let table: toml::Table = text.parse().map_err(|error| format!("{FILE}: {error}"))?;
    for (key, value) in table {
        let flag = key.replace('_', "-");
        let known: Vec<(String, String)> = settable(&command).collect();
        let Some((_, id)) = known.iter().find(|(long, _)| *long == flag) else {
            return Err(format!(
                "{FILE}: unknown key `{key}`; {}",
                suggest(&flag, known.iter().map(|(long, _)| long.as_str()))
            ));
        };
        let values = match value {
            toml::Value::Array(items) if several(&command, id) => {
                items.iter().map(|item| single(&key, item)).collect::<Result<Vec<_>, _>>()?
            }
            other => vec![single(&key, &other)?],
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
fn single(key: &str, value: &toml::Value) -> Result<&'static str, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        other => {
            return Err(format!("{FILE}: `{key}` is {}; write text, a number or true/false", other.type_str()));
        }
    };
    Ok(Box::leak(text.into_boxed_str()))
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
        assert!(run("tag = [[1]]", &["shakedown", "run"]).unwrap_err().contains("`tag` is array"));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(run("jbos = 3", &["shakedown", "run"]).unwrap_err().contains("did you mean `jobs`"));
        assert!(run("jobs = [3]", &["shakedown", "run"]).unwrap_err().contains("array"));
        assert!(run("jobs = ", &["shakedown", "run"]).is_err());
    }
}
