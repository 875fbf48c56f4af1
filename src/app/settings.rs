//! Where a setting came from: a flag, a variable of the environment, a line of `shakedown.toml`. Errors of its value name that,
//! and variables that are no settings are told.

use std::collections::BTreeMap;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::config;
use crate::cli::Command;
use crate::model::suggest::{suggest, suggested_word};

/// What the names of variables begin with.
const PREFIX: &str = "SHAKEDOWN_";
/// Variables of our own that are no settings: a command run by `failover` has it.
const OWN: [&str; 1] = ["SHAKEDOWN_FAULT"];

/// Every setting that is more than a flag: its long name and its variable.
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Those of a command line with all its commands.
    #[must_use]
    pub fn of(command: &clap::Command) -> Self {
        let mut out = BTreeMap::new();
        collect(command, &mut out);
        Self(out)
    }

    /// An error of the command line in words of ours, where it is about the value of a setting.
    #[must_use]
    pub fn explain(&self, error: &clap::Error) -> Option<String> {
        if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
            return None;
        }
        let text = |kind: ContextKind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        };
        let (argument, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
        let long = argument.strip_prefix("--")?.split([' ', '=']).next()?;
        let words = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(words)) => words.clone(),
            _ => Vec::new(),
        };
        let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let why = if words.is_empty() {
            in_words(&reason)
        } else {
            let near = suggest(&value, words.iter().map(String::as_str));
            let near = if near.starts_with("did you mean") { format!("{near} ") } else { String::new() };
            format!("it is none of its words; {near}write one of {}", words.join(", "))
        };
        Some(format!("error: {}={value}: {why}\n", self.origin(long)))
    }

    /// Where the value of `--LONG` was written.
    #[must_use]
    pub fn origin(&self, long: &str) -> String {
        let flag = format!("--{long}");
        let mut given = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
        let given = given.any(|arg| arg == flag || arg.starts_with(&format!("{flag}=")));
        let variable = self.0.get(long).filter(|name| std::env::var_os(name).is_some());
        match (given, variable) {
            (true, _) => flag,
            (false, Some(variable)) => variable.clone(),
            (false, None) => config::place(long).unwrap_or(flag),
        }
    }

    /// Variables with our prefix that are no settings: an error for those that are nearly one, since a gate that leaves out
    /// `STRICT` must not be green by a typo, and notes about the others, which may be somebody else's.
    ///
    /// # Errors
    /// The text for people.
    pub fn environment(&self, command: &Command, names: impl Iterator<Item = String>) -> Result<Vec<String>, String> {
        let acts = matches!(
            command,
            Command::Run(_) | Command::Plan(_) | Command::Calibrate(_) | Command::Demo(_) | Command::Probe(_)
        );
        let mut notes = Vec::new();
        for name in names.filter(|_| acts) {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            if OWN.contains(&&*name) || self.0.values().any(|known| *known == name) {
                continue;
            }
            let known = self.0.values().filter_map(|known| known.strip_prefix(PREFIX));
            let near = suggest(rest, known);
            match suggested_word(&near) {
                Some(near) => {
                    return Err(format!(
                        "the variable {name} is no setting; did you mean {PREFIX}{near}? Unset it, or give it that name"
                    ));
                }
                None => notes.push(format!("the variable {name} is no setting and changes nothing")),
            }
        }
        Ok(notes)
    }
}

fn collect(command: &clap::Command, out: &mut BTreeMap<String, String>) {
    for arg in command.get_arguments() {
        if let (Some(long), Some(env)) = (arg.get_long(), arg.get_env()) {
            out.insert(long.to_owned(), env.to_string_lossy().into_owned());
        }
    }
    command.get_subcommands().for_each(|below| collect(below, out));
}

/// The reason of a parser, in words.
fn in_words(reason: &str) -> String {
    match reason {
        _ if reason.contains("invalid digit") || reason.contains("empty string") => "it is not a whole number".into(),
        _ if reason.contains("too large") || reason.contains("too small") => "the number is too large".into(),
        _ if reason.contains("boolean") => "write true or false".into(),
        _ if reason.contains(" is not in ") => {
            let range = reason.rsplit(" is not in ").next().unwrap_or_default();
            match range.split_once("..=") {
                Some(("", high)) => format!("write a number up to {high}"),
                Some((low, high)) => format!("write a number from {low} to {high}"),
                None => format!("write a number of {range}"),
            }
        }
        _ => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Settings;
    use crate::cli::{Cli, Command};

    #[test]
    fn variables_that_are_nearly_settings_are_errors() {
        let settings = Settings::of(&Cli::command());
        let run = Command::Run(Box::default());
        let told = |name: &str| settings.environment(&run, [name.to_owned()].into_iter());
        assert_eq!(told("SHAKEDOWN_STRICT"), Ok(vec![]));
        assert_eq!(told("HOME"), Ok(vec![]));
        assert_eq!(told("SHAKEDOWN_FAULT"), Ok(vec![]));
        assert!(told("SHAKEDOWN_STRCIT").unwrap_err().contains("did you mean SHAKEDOWN_STRICT"));
        assert!(told("SHAKEDOWN_SKIP_TAGS").unwrap_err().contains("did you mean SHAKEDOWN_SKIP_TAG?"));
        // What an orchestrator sets for a service of this name.
        for other in ["SHAKEDOWN_PORT", "SHAKEDOWN_SERVICE_HOST", "SHAKEDOWN_HOME"] {
            assert_eq!(told(other).unwrap().len(), 1, "{other}");
        }
    }
}
