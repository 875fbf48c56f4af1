//! `shakedown.toml`: defaults of `run` below flags and `SHAKEDOWN_*`.

use std::path::Path;

use clap::{Arg, Command};

use crate::suite::diagnostic::suggest;
use crate::suite::reading;

/// The file, in the working directory.
pub const FILE: &str = "shakedown.toml";

/// Puts the values of `shakedown.toml` below the flags of `run`, `plan` and `demo`. The error is for the user.
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
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            other => {
                return Err(format!("{FILE}: `{key}` is {}; write text, a number or true/false", other.type_str()));
            }
        };
        let flag = key.replace('_', "-");
        let known: Vec<(String, String)> = settable(&command).collect();
        let Some((_, id)) = known.iter().find(|(long, _)| *long == flag) else {
            return Err(format!(
                "{FILE}: unknown key `{key}`; {}",
                suggest(&flag, known.iter().map(|(long, _)| long.as_str()))
            ));
        };
        // A default must live as long as the command line, which is the life of the process.
        let value: &'static str = Box::leak(value.into_boxed_str());
        if command.get_arguments().any(|arg| arg.get_id() == id.as_str()) {
            command = command.mut_arg(id.clone(), |arg: Arg| arg.default_value(value));
        }
        for name in ["run", "plan", "demo"] {
            command = command.mut_subcommand(name, |sub| {
                if sub.get_arguments().any(|arg| arg.get_id() == id.as_str()) {
                    sub.mut_arg(id.clone(), |arg: Arg| arg.default_value(value))
                } else {
                    sub
                }
            });
        }
    }
    Ok(command)
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
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::with;
    use crate::cli::{Cli, Command};

    fn run(toml: &str, args: &[&str]) -> Result<crate::cli::RunArgs, String> {
        let command = with(Cli::command(), toml)?;
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
    fn mistakes_are_named() {
        assert!(run("jbos = 3", &["shakedown", "run"]).unwrap_err().contains("did you mean `jobs`"));
        assert!(run("jobs = [3]", &["shakedown", "run"]).unwrap_err().contains("array"));
        assert!(run("jobs = ", &["shakedown", "run"]).is_err());
    }
}
