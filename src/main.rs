//! The `shakedown` binary: parse, call the app, map to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use shakedown::cli::Cli;
use shakedown::model::visible::visible_lines;
use shakedown::{app, cli, exit};

fn main() -> ExitCode {
    let command = match app::config::apply(cli::command()) {
        Ok(command) => command,
        Err(why) => {
            eprintln!("error: {}", visible_lines(&why));
            return ExitCode::from(exit::USAGE);
        }
    };
    let settings = app::settings::Settings::of(&command);
    let parsed = command
        .try_get_matches_from(cli::words(std::env::args_os()))
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
            match settings.environment(&cli.command, names) {
                Ok(notes) => {
                    for note in notes {
                        eprintln!("note: {}", visible_lines(&note));
                    }
                    ExitCode::from(app::main(cli))
                }
                Err(why) => {
                    eprintln!("error: {}", visible_lines(&why));
                    ExitCode::from(exit::USAGE)
                }
            }
        }
        Err(error) => {
            // Help and version are no errors; clap knows which stream each belongs to.
            let args: Vec<String> = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
            let printed = match app::hints::of_error(&error, &args).or_else(|| settings.explain(&error)) {
                Some(text) => std::io::stderr().write_all(visible_lines(&text).as_bytes()),
                None => print(&error),
            };
            let lost = printed.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe);
            ExitCode::from(match (error.use_stderr(), lost) {
                (true, _) => exit::USAGE,
                (false, true) => exit::INCOMPLETE,
                (false, false) => exit::OK,
            })
        }
    }
}

/// An error repeats what was typed, or pasted: characters that cannot be seen are shown, and colour is left out then.
fn print(error: &clap::Error) -> std::io::Result<()> {
    let text = error.render().to_string();
    let shown = visible_lines(&text);
    if shown == text { error.print() } else { std::io::stderr().write_all(shown.as_bytes()) }
}
