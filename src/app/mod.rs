//! Composition root: one function per command. Nothing else knows both ends.

mod adhoc;
mod baseline;
mod calibrate;
mod compare;
pub mod config;
mod demo;
pub mod explain;
pub mod hints;
mod history;
mod identity;
mod loading;
mod manual;
mod outputs;
mod plan;
pub mod reference;
mod render;
mod restore;
mod run;
mod schemas;
mod serve;
pub mod settings;
pub mod signals;
mod terminal;

use std::future::Future;

use crate::cli::{Cli, Command};
use crate::exit;
use crate::net::sys::limits::outlive_file_limit;
use signals::ExitSender;
use terminal::Terminal;
use tracing_subscriber::prelude::*;

/// Runs a command to its exit code.
#[must_use]
pub fn main(cli: Cli) -> u8 {
    outlive_file_limit();
    let terminal = Terminal::new(cli.color, cli.verbose > 0);
    tracing_to_stderr(cli.verbose, terminal.style_err().color);
    let code = command(cli.command, terminal.clone());
    match terminal.lost() {
        Some(why) if code == exit::OK => {
            terminal.err(&format!("error: cannot write to standard output: {why}\n"));
            exit::INCOMPLETE
        }
        _ => code,
    }
}

fn command(command: Command, terminal: Terminal) -> u8 {
    match command {
        Command::Run(args) => {
            restore::keep_journals(&args.journal);
            wait(&terminal.clone(), move |exit| async move { run::run(&args, &terminal, exit).await })
        }
        Command::Restore(args) => restore::restore(&args, &terminal),
        Command::Plan(args) => plan::plan(&args, &terminal),
        Command::Calibrate(args) => {
            wait(&terminal.clone(), move |exit| async move { calibrate::calibrate(&args, &terminal, exit).await })
        }
        Command::Compare(args) => compare::compare(&args, &terminal),
        Command::Report(args) => render::report(&args, &terminal),
        Command::Baseline(command) => baseline::baseline(&command, &terminal),
        Command::History(args) => history::history(&args, &terminal),
        Command::Probe(args) => {
            wait(&terminal.clone(), move |exit| async move { adhoc::probe(&args, &terminal, exit).await })
        }
        Command::Explain(args) => explain::explain(&args.topic, &terminal),
        Command::Schema(args) => {
            terminal.out(&schemas::schema(args.of));
            exit::OK
        }
        Command::Completions { shell } => {
            let mut bytes = Vec::new();
            clap_complete::generate(shell, &mut crate::cli::command(), "shakedown", &mut bytes);
            terminal.out(&String::from_utf8_lossy(&bytes));
            exit::OK
        }
        Command::Guard => internal(crate::guard::main()),
        Command::Lab { address, words } => internal(crate::lab::pair::main(address, &words)),
        Command::Serve(args) => {
            wait(&terminal.clone(), move |exit| async move { serve::serve(&args, &terminal, exit).await })
        }
        Command::Demo(args) => {
            wait(&terminal.clone(), move |exit| async move { demo::demo(&args, &terminal, exit).await })
        }
        Command::Man(args) => manual::man(&args, &terminal),
    }
}

/// The exit code of a hidden command, for the program that started it.
fn internal(done: bool) -> u8 {
    if done { exit::OK } else { exit::INCOMPLETE }
}

/// Starts the runtime only for commands that need one: `plan` and `--help` stay cheap. The main thread waits for the first
/// exit code, the command's own or that of a third signal, and nothing a command does can block it.
fn wait<F: Future<Output = u8>>(terminal: &Terminal, command: impl FnOnce(ExitSender) -> F + Send + 'static) -> u8 {
    let (exit, left) = std::sync::mpsc::channel();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.err(&format!("cannot start: {error}\n"));
            return exit::INCOMPLETE;
        }
    };
    std::thread::spawn(move || {
        let code = runtime.block_on(command(exit.clone()));
        let _ = exit.send(code);
        // A name lookup that hangs in the system's resolver must not hold up the exit.
        runtime.shutdown_background();
    });
    // Only a panic of the command closes the channel without a code.
    left.recv().unwrap_or(exit::INCOMPLETE)
}

fn tracing_to_stderr(verbose: u8, color: bool) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        2 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    // Only our own events: libraries print what they are given, secrets included.
    let targets = tracing_subscriber::filter::Targets::new().with_target("shakedown", level);
    let layer = tracing_subscriber::fmt::layer().with_ansi(color).with_writer(std::io::stderr).with_filter(targets);
    let _ = tracing_subscriber::registry().with(layer).try_init();
}
