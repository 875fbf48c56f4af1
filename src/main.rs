//! The `shakedown` binary: parse, call the app, map to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use shakedown::cli::Cli;
use shakedown::{app, exit, guard, lab};

fn main() -> ExitCode {
    // Started by ourselves and by the demo's suite; neither belongs into the help.
    let internal = std::env::args_os().nth(1).and_then(|word| word.into_string().ok());
    match internal.as_deref() {
        Some(guard::SUBCOMMAND) => return guard::main(),
        Some(lab::pair::SUBCOMMAND) => return lab::pair::main(&std::env::args().skip(2).collect::<Vec<_>>()),
        _ => {}
    }
    let command = match app::config::apply(Cli::command()) {
        Ok(command) => command,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(exit::USAGE);
        }
    };
    let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => ExitCode::from(app::main(cli)),
        Err(error) => {
            // Help and version are no errors; clap knows which stream each belongs to.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK })
        }
    }
}
