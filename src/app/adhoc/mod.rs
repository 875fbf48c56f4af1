//! `shakedown probe`: one check from the command line, by way of the same suite, plan and engine.

mod assembly;
mod command_line;
mod facts;
pub(in crate::app) mod listing;
mod refusal;
mod resolvers;
mod result;
#[cfg(test)]
mod tests;

use clap::CommandFactory as _;

use super::loading::LoadedPlan;
use super::run;
use super::signals::ExitSender;
use super::terminal::Terminal;
use crate::checks::{FAMILIES, family};
use crate::cli::{Cli, ProbeArgs, ProgressArg, RunArgs, SuiteArgs};
use crate::exit;
use crate::model::Record;
use crate::probe::Family;
use crate::suite::diagnostic::suggest;
use assembly::AdhocCheck;
use command_line::CommandLine;
pub(in crate::app) use command_line::key_and_value;

/// Probes, and prints what came of it and every fact.
pub(super) async fn probe(args: &ProbeArgs, terminal: &Terminal, exit: ExitSender) -> u8 {
    let Some(name) = &args.family else {
        let help = listing::of_command(&Cli::command());
        if args.help {
            terminal.out(&help);
            return exit::OK;
        }
        terminal.err(&format!("error: say what to probe: shakedown probe FAMILY TARGET\n\n{}", listing::families()));
        return exit::USAGE;
    };
    // What another tool's command line says, with the command that says it here; help is asked for whatever else is typed.
    if let Some(hint) = super::hints::of_probe(&typed()).filter(|_| !args.help) {
        terminal.err(&hint.text());
        return exit::USAGE;
    }
    let Some(family) = family(name) else {
        let help = suggest(name, FAMILIES.iter().map(|family| family.name));
        terminal.err(&format!("error: there is no family `{name}`; {help}\n"));
        return exit::USAGE;
    };
    if args.help {
        terminal.out(&listing::of_family(family));
        return exit::OK;
    }
    match ready(family, args) {
        Ok(candidates) => candidates.run(family, terminal, exit).await,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            exit::USAGE
        }
    }
}

/// Whether a probe of the family would be sent; else what is wrong.
#[cfg(test)]
pub(in crate::app) fn is_sound(family: &'static Family, args: &ProbeArgs) -> Result<(), String> {
    assembly::assemble(family, &CommandLine::read(family, args)?).map(drop)
}

/// The words behind `probe`, as they were typed.
fn typed() -> Vec<String> {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    words.skip_while(|word| word != "probe").skip(1).collect()
}

/// What is asked, of one server after the other until one answers.
struct Candidates {
    first: AdhocCheck,
    /// The same for the other resolvers of this host, each with its address.
    others: Vec<(String, AdhocCheck)>,
    notes: Vec<String>,
}

/// Everything settled before anything is sent; the error is for who typed the command.
fn ready(family: &'static Family, args: &ProbeArgs) -> Result<Candidates, String> {
    let command_line = CommandLine::read(family, args)?;
    let mut notes = command_line.notes.clone();
    let as_typed = assembly::assemble(family, &command_line);
    let (Some(field), Err(_)) = (resolvers::field(family, &command_line), &as_typed) else {
        return Ok(Candidates { first: as_typed?, others: Vec::new(), notes });
    };
    // Nothing of a family says when it needs a server: it does when it cannot be built without.
    let all = resolvers::of_this_host(resolvers::FILE).map_err(|why| format!("{why}; give one: {field}=192.0.2.53"))?;
    let mut asked = Vec::with_capacity(all.len());
    for server in all {
        asked.push((server.clone(), assembly::assemble(family, &command_line.with(field, &server))?));
    }
    let mut asked = asked.into_iter();
    let Some((server, first)) = asked.next() else {
        return Ok(Candidates { first: as_typed?, others: Vec::new(), notes });
    };
    notes.push(format!("asks {server}, the first resolver of {}; {field}=… asks another", resolvers::FILE));
    Ok(Candidates { first, others: asked.collect(), notes })
}

impl Candidates {
    async fn run(self, family: &'static Family, terminal: &Terminal, exit: ExitSender) -> u8 {
        let Self { first, mut others, mut notes } = self;
        let mut next = Some(first);
        others.reverse();
        loop {
            let Some(AdhocCheck { ready, expected }) = next.take() else { return exit::INCOMPLETE };
            let (code, record) = execute(ready, terminal, exit.clone()).await;
            let Some(check) = record.as_ref().and_then(|record| record.checks.first()) else { return code };
            match others.pop().filter(|_| result::is_silent(family, check)) {
                Some((server, another)) => {
                    notes.push(format!(
                        "it was silent ({}), so that {server} was asked",
                        result::outcome(family, check)
                    ));
                    next = Some(another);
                }
                None => {
                    terminal.out(&result::render(family, check, &expected, &notes, terminal.style()));
                    return code;
                }
            }
        }
    }
}

async fn execute(ready: LoadedPlan, terminal: &Terminal, exit: ExitSender) -> (u8, Option<Record>) {
    let args = RunArgs { suites: suite_args(), progress: ProgressArg::None, ..RunArgs::default() };
    run::execute(ready, &args, &terminal.muted(), exit).await
}

/// The settings of a run of one check that somebody asked for by hand.
fn suite_args() -> SuiteArgs {
    SuiteArgs { allow_disruptive: true, allow_scan: true, ..SuiteArgs::default() }
}
