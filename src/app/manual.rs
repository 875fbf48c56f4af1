//! `shakedown man`: a man page for every command, from the definition of the command line.

use std::io::{self, Write};
use std::path::Path;

use clap::{Arg, Command};
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::config;
use super::terminal::Terminal;
use crate::cli::{ManArgs, examples};
use crate::exit;
use crate::model::suggest::suggest;

const MANUAL: &str = "Shakedown manual";
/// Of the release the pages belong to; set together with the version in `Cargo.toml`.
const DATE: &str = "2026-11-29";

/// Files that commands read or write by default: what, who, and what for.
const FILES: &[(&str, &[&str], &str)] = &[
    (
        config::FILE,
        &["", "run", "plan", "demo"],
        "Settings of this folder, below flags and environment variables. Looked for in the working directory only.",
    ),
    ("suites/", &["run", "plan", "calibrate"], "The folder of suites that is taken when none is named."),
    ("reports/runs/", &["demo", "history"], "The folder of reports."),
    (
        "reports/baselines/SUITE/HOST-CLASS.json",
        &["baseline", "baseline accept", "baseline list", "baseline show", "baseline rm", "baseline pin"],
        "The accepted runs of a suite on one class of hosts.",
    ),
    (
        "reports/baselines/SUITE/HOST-CLASS.noise.json",
        &["calibrate"],
        "The noise floor: how much runs of an unchanged target differ.",
    ),
];

/// Variables that are no setting of a flag: name, who reads it, what it does.
const VARIABLES: &[(&str, &[&str], &str)] = &[
    ("NO_COLOR", &[], "If it is set and not empty, `--color auto` does not colour."),
    ("CI", &["run", "demo", "calibrate"], "If it is set, progress is shown as lines and never as a bar."),
    (
        "LC_ALL, LC_CTYPE, LANG",
        &["history"],
        "The first that is set says whether the terminal shows UTF-8; without it trends are drawn in ASCII.",
    ),
];

/// Prints one page, or writes them all.
pub(super) fn man(args: &ManArgs, terminal: &Terminal) -> u8 {
    let mut root = crate::cli::command();
    root.build();
    let commands = examples::commands(&root);
    if let Some(dir) = &args.dir {
        return match write_all(&root, &commands, dir) {
            Ok(()) => {
                terminal.out(&format!("{} man pages: {}\n", commands.len(), dir.display()));
                exit::OK
            }
            Err(error) => {
                terminal.err(&format!("error: cannot write man pages to {}: {error}\n", dir.display()));
                exit::INCOMPLETE
            }
        };
    }
    // `shakedown-run` is how a page is called, `run` how a command is.
    let asked = args.command.join(" ");
    let asked = asked.strip_prefix("shakedown").map_or(&*asked, |rest| rest.trim_start_matches(['-', ' ']));
    let Some(name) = commands.iter().find(|name| **name == asked || name.replace(' ', "-") == asked) else {
        let known = commands.iter().map(String::as_str).filter(|name| !name.is_empty());
        terminal.err(&format!("error: there is no command `{asked}`; {}\n", suggest(asked, known)));
        return exit::USAGE;
    };
    let mut page = Vec::new();
    match render(&root, name, &mut page) {
        Ok(()) => terminal.out(&String::from_utf8_lossy(&page)),
        Err(_) => return exit::INCOMPLETE,
    }
    exit::OK
}

fn write_all(root: &Command, commands: &[String], dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for name in commands {
        let mut page = Vec::new();
        render(root, name, &mut page)?;
        std::fs::write(dir.join(format!("{}.1", title(name))), page)?;
    }
    Ok(())
}

fn title(name: &str) -> String {
    format!("shakedown {name}").trim_end().replace(' ', "-")
}

/// The page of a command.
fn render(root: &Command, name: &str, out: &mut impl Write) -> io::Result<()> {
    let command = name.split_whitespace().try_fold(root, |command, word| command.find_subcommand(word));
    let command = command.ok_or_else(|| io::Error::other("no such command"))?.clone();
    let arguments: Vec<Arg> = command.get_arguments().filter(|arg| !arg.is_hide_set()).cloned().collect();
    let (has_commands, source) = (command.has_subcommands(), format!("shakedown {}", env!("CARGO_PKG_VERSION")));
    let page = clap_mangen::Man::new(command).title(title(name)).section("1").date(DATE).source(source).manual(MANUAL);
    let (mut head, mut roff) = (Vec::new(), Roff::new());
    page.render_title(&mut head)?;
    page.render_name_section(&mut head)?;
    page.render_synopsis_section(&mut head)?;
    page.render_description_section(&mut head)?;
    page.render_options_section(&mut head)?;
    if has_commands {
        page.render_subcommands_section(&mut head)?;
    }
    // A blank line between two breaks is one space to every formatter, and a warning to strict ones.
    out.write_all(String::from_utf8_lossy(&head).replace("\n.br\n\n.br\n", "\n.sp\n").as_bytes())?;
    exit_status(&mut roff, name);
    environment(&mut roff, name, &arguments);
    files(&mut roff, name);
    example_lines(&mut roff, name);
    see_also(&mut roff, root, name);
    roff.to_writer(out)
}

fn exit_status(roff: &mut Roff, name: &str) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit::meanings(name) {
        roff.control("TP", []).text([bold(code.to_string())]).text([roman(*meaning)]);
    }
}

fn environment(roff: &mut Roff, name: &str, arguments: &[Arg]) {
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman("A flag is stronger than its variable, and a variable stronger than shakedown.toml.")]);
    for arg in arguments {
        let (Some(variable), Some(flag)) = (arg.get_env(), arg.get_long()) else { continue };
        roff.control("TP", []).text([bold(variable.to_string_lossy())]);
        roff.text([roman("Sets "), bold(format!("--{flag}")), roman(".")]);
    }
    for (variable, readers, text) in VARIABLES {
        if readers.is_empty() || readers.contains(&name) {
            roff.control("TP", []).text([bold(*variable)]).text([roman(*text)]);
        }
    }
}

fn files(roff: &mut Roff, name: &str) {
    let mut own = FILES.iter().filter(|(_, users, _)| users.contains(&name)).peekable();
    roff.control("SH", ["FILES"]);
    if own.peek().is_none() {
        roff.text([roman("None but those named on the command line.")]);
    }
    for (file, _, text) in own {
        roff.control("TP", []).text([italic(*file)]).text([roman(*text)]);
    }
}

fn example_lines(roff: &mut Roff, name: &str) {
    roff.control("SH", ["EXAMPLES"]);
    for (purpose, line) in examples::of(name) {
        roff.control("TP", []).text([roman(*purpose)]).text([bold(*line)]);
    }
}

/// The pages above and below it, and where suites are described.
fn see_also(roff: &mut Roff, root: &Command, name: &str) {
    let commands = examples::commands(root);
    let parent = name.rsplit_once(' ').map_or("", |(parent, _)| parent);
    let depth = |other: &str| other.split_whitespace().count();
    let below = |other: &&String| {
        depth(other) == depth(name) + 1
            && (name.is_empty() || other.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
    };
    let above = (!name.is_empty()).then(|| title(parent));
    let mut pages: Vec<String> =
        above.into_iter().chain(commands.iter().filter(below).map(|other| title(other))).collect();
    if !name.is_empty() && name != "explain" {
        pages.push(title("explain"));
    }
    pages.dedup();
    roff.control("SH", ["SEE ALSO"]);
    let last = pages.len().saturating_sub(1);
    for (at, page) in pages.iter().enumerate() {
        let end = if at == last { "" } else { "," };
        roff.text([bold(page.as_str()), roman(format!("(1){end}"))]);
    }
}
