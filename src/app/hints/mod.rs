//! What was typed in the way of another tool, and the command that says the same here. A command is offered only if it is taken.

mod commands;
mod credentials;
mod line;
mod options;
mod probe;
#[cfg(test)]
mod tests;

use clap::error::{ContextKind, ErrorKind};

pub(super) use credentials::is_credential;

use crate::model::shell;

/// What is wrong with a command line, and what to type.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// A whole command does it; what is to be known beside it.
    Write {
        /// What is wrong.
        why: String,
        /// The words of the command, without the program.
        words: Vec<String>,
        /// What is to be known of the command.
        note: Option<String>,
    },
    /// No command does it, or which one is open.
    Say(String),
}

impl Hint {
    /// The error as a whole.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Say(why) => format!("error: {why}\n"),
            Self::Write { why, words, note } => {
                let words: Vec<String> = words.iter().map(|word| shell::word(word)).collect();
                let note = note.as_ref().map_or_else(String::new, |note| format!("\n{note}\n"));
                format!("error: {why}; write\n\n  shakedown {}\n{note}", words.join(" "))
            }
        }
    }
}

/// What to say in place of an error of the command line: of `args`, the words behind the program.
#[must_use]
pub fn of_error(error: &clap::Error, args: &[String]) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand) {
        return None;
    }
    // What is nearly an option is a slip, which clap tells.
    let slip = error.get(ContextKind::SuggestedArg).is_some();
    of_words(args).filter(|hint| !slip || matches!(hint, Hint::Write { .. })).map(|hint| hint.text())
}

/// What to say of the words behind the program, if they are another tool's.
fn of_words(args: &[String]) -> Option<Hint> {
    match args.iter().position(|word| word == "probe") {
        Some(at) if args.iter().take(at).all(|word| word.starts_with('-')) => probe::hint(args.get(at + 1..)?),
        _ => commands::hint(args),
    }
}

/// What to say of the words behind `probe`.
pub(super) fn of_probe(words: &[String]) -> Option<Hint> {
    probe::hint(words)
}

/// Whether the program takes these words.
fn is_taken(words: &[String]) -> bool {
    let program = std::iter::once("shakedown".to_owned());
    match crate::cli::command().try_get_matches_from(program.chain(words.iter().cloned())) {
        Ok(_) => true,
        Err(told) => matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
    }
}
