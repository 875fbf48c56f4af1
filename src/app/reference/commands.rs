//! The page of the command line.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::markdown::{MarkdownTable, Page, code, codes};
use crate::cli::examples;
use crate::exit;

pub(super) fn page() -> String {
    let mut root = crate::cli::command();
    root.build();
    let mut page = Page::new("Command line", "the definition of the command line");
    page.paragraph(
        "`shakedown COMMAND --help` prints the same, and `shakedown man COMMAND` a man page. Flags with a variable can also be set in \
         [shakedown.toml](configuration.md). `--verbose` and `--color` go with every command.",
    );
    page.contents();
    for name in examples::commands(&root) {
        let found = name.split_whitespace().try_fold(&root, |command, word| command.find_subcommand(word));
        if let Some(command) = found {
            section(&mut page, &name, command);
        }
    }
    page.text()
}

fn section(page: &mut Page, name: &str, command: &Command) {
    let title = format!("shakedown {name}");
    page.heading(if name.contains(' ') { 3 } else { 2 }, title.trim_end());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    page.paragraph(&format!("{}.", about.trim_end_matches('.')));
    let usage = command.clone().render_usage().to_string();
    page.code("text", usage.trim_start_matches("Usage: "));
    let mut lines = String::new();
    for (purpose, line) in examples::of(name) {
        let _ = writeln!(lines, "# {purpose}\n{line}");
    }
    page.code("sh", &lines);
    let subs: Vec<&Command> = command.get_subcommands().filter(|sub| !sub.is_hide_set()).collect();
    let mut table = MarkdownTable::new(&["Command", "What it does"]);
    for sub in subs {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        table.row([code(sub.get_name()), format!("{}.", about.trim_end_matches('.'))]);
    }
    page.table(&table);
    // Flags of every command are listed once, with the program.
    let own = |arg: &&Arg| !arg.is_hide_set() && (name.is_empty() || !arg.is_global_set()) && !is_help(arg);
    let mut table = MarkdownTable::new(&["Argument", "Default", "Variable", "Meaning"]);
    let (named, placed): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(own).partition(|arg| arg.get_long().is_some());
    for arg in placed.into_iter().chain(named) {
        argument(&mut table, arg);
    }
    page.table(&table);
    page.paragraph(&format!("Exit codes: {}.", exit_codes(name)));
}

fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

fn argument(table: &mut MarkdownTable, arg: &Arg) {
    let values = if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().fold(String::new(), |out, name| out + " " + name.as_str())
    } else {
        String::new()
    };
    let name = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}{values}"),
        (None, Some(long)) => format!("--{long}{values}"),
        (Some(short), None) => format!("-{short}{values}"),
        (None, None) => values.trim_start().to_owned(),
    };
    let default = if arg.get_action().takes_values() { arg.get_default_values() } else { &[] };
    let default = default.first().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
    let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = format!("{}.", help.trim().trim_end_matches('.'));
    let words = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    for word in words.iter().filter(|word| !word.is_hide_set()) {
        let help =
            word.get_help().map(|help| format!(": {}", help.to_string().trim_end_matches('.'))).unwrap_or_default();
        let _ = write!(meaning, " {}{help};", code(word.get_name()));
    }
    let meaning = meaning.trim_end_matches(';').to_owned();
    let meaning = if meaning.ends_with('.') { meaning } else { meaning + "." };
    table.row([code(&name), code(&default), code(&variable), meaning]);
}

fn exit_codes(name: &str) -> String {
    let meanings = exit::meanings(name);
    let numbers: Vec<String> = meanings.iter().map(|(number, _)| number.to_string()).collect();
    let (title, anchor) = match name {
        "compare" => ("what they mean", "compare"),
        _ if meanings.len() == exit::OF_TOOLS.len() => ("what they mean", "other-commands"),
        _ => ("what they mean", "run-probe-demo-calibrate-report"),
    };
    format!("{} ([{title}](concepts.md#{anchor}))", codes(numbers.iter().map(String::as_str)))
}
