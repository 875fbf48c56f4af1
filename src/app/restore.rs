//! `shakedown restore`.

use std::io;
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};

use super::terminal::Terminal;
use crate::cli::{JournalArgs, RestoreArgs};
use crate::exit::{self, RunOutcome};
use crate::guard::Recovery;
use crate::guard::journal::{self, FoundJournal};
use crate::model::Signal;
use crate::suite::secret::Redactor;

/// Has journals kept where the command line says.
pub(super) fn keep_journals(args: &JournalArgs) {
    if let Some(folder) = &args.journal {
        journal::set_folder(folder);
    }
}

/// Puts back what journals of dead guards tell; or lists it, or says what it would run.
pub(super) fn restore(args: &RestoreArgs, terminal: &Terminal) -> u8 {
    keep_journals(&args.journal);
    let folders = journal::folders();
    let found = match journal::all(&folders) {
        Ok(found) => found,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            return exit::INCOMPLETE;
        }
    };
    if found.is_empty() {
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        terminal.out(&format!("nothing is left to restore: no journal in {}\n", folders.join(" or ")));
        return exit::OK;
    }
    let mut well = true;
    for journal in &found {
        match one(journal, args, terminal) {
            Ok(restored) => well &= restored,
            Err(signal) => return exit::code(RunOutcome { signal: Some(signal), ..RunOutcome::default() }),
        }
    }
    if well { exit::OK } else { exit::INCOMPLETE }
}

/// Whether all of it is back, or left to who has it.
fn one(journal: &FoundJournal, args: &RestoreArgs, terminal: &Terminal) -> Result<bool, Signal> {
    let state = if journal.held { ": its guard lives, and restores it; left alone" } else { "" };
    let mut redactor = Redactor::default();
    journal.secrets().iter().for_each(|secret| redactor.add_secret(secret));
    terminal.out(&redactor.clean(&format!("{}{state}\n  {}\n", journal.title(), journal.path.display())));
    if journal.held || args.list {
        return Ok(true);
    }
    let Recovery { done, problems } = if args.dry_run {
        journal.rehearse()
    } else {
        let came = OnceLock::new();
        let Some(recovery) = journal.restore(first_signal(&came)) else {
            terminal.err("interrupted: what is not back stays in its journal; run `shakedown restore` again\n");
            return Err(came.get().copied().unwrap_or(Signal::Interrupt));
        };
        recovery
    };
    for line in &done {
        terminal.out(&redactor.clean(&format!("  {line}\n")));
    }
    for line in &problems {
        terminal.err(&redactor.clean(&format!("error: {line}\n")));
    }
    Ok(problems.is_empty())
}

/// Ends with the first signal that asks to stop.
async fn first_signal(came: &OnceLock<Signal>) {
    let listen = || -> io::Result<_> { Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) };
    // Who cannot listen is ended by the signal itself.
    let Ok((mut interrupt, mut terminate)) = listen() else { return std::future::pending().await };
    let first = tokio::select! {
        _ = interrupt.recv() => Signal::Interrupt,
        _ = terminate.recv() => Signal::Terminate,
    };
    let _ = came.set(first);
}
