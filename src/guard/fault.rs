//! A fault from the inject command to the certainty that it is undone.

use std::time::Duration;

use tokio::time::Instant;

use super::command::StartedCommand;
use super::processes::{self, Processes};
use super::{CommandResult, FaultPlan, RestoreResult, restore_mark};

/// Whoever the restore command ended is gone after this.
const ENDING: Duration = Duration::from_secs(1);

/// The fault of a plan, once `inject` was started.
#[derive(Debug)]
pub(super) struct Fault {
    mark: String,
    processes: Processes,
    /// What `inject` started is waited for until then.
    until: Instant,
    inject: Option<StartedCommand>,
    /// The inject command ended by itself, with success: what it left running is meant to run.
    complete: bool,
}

impl Fault {
    /// Starts `inject`; its result when it could not be started.
    pub(super) fn start(plan: &FaultPlan, mark: &str) -> (Self, Option<CommandResult>) {
        let fault = |inject: Option<StartedCommand>| {
            let processes = Processes::of(mark, inject.as_ref().and_then(StartedCommand::leader), true);
            let until = inject.as_ref().map_or_else(Instant::now, StartedCommand::end);
            Self { mark: mark.to_owned(), processes, until, inject, complete: false }
        };
        match plan.inject.start(Some(mark)) {
            Ok(started) => (fault(Some(started)), None),
            Err(failed) => (fault(None), Some(failed)),
        }
    }

    /// A fault whose guard died: its processes are found by their mark and session alone. `complete` when the inject command
    /// had ended with success. A restore command of the guard that still runs is ended, so that none runs beside it.
    pub(super) async fn orphaned(plan: &FaultPlan, mark: &str, leader: Option<i32>, complete: bool) -> Self {
        let restore = restore_mark(mark);
        Processes::of(&restore, processes::leader_of(&restore), false).end(true).await;
        // It may have died before it could tell whom it started.
        let processes = Processes::of(mark, leader.or_else(|| processes::leader_of(mark)), false);
        let until = Instant::now() + plan.inject.timeout;
        Self { mark: mark.to_owned(), processes, until, inject: None, complete }
    }

    /// The process of the inject command.
    pub(super) fn leader(&self) -> Option<i32> {
        self.inject.as_ref().and_then(StartedCommand::leader)
    }

    /// Waits until the inject command has ended, and kills it when its time is over. May be dropped and called again.
    pub(super) async fn injected(&mut self) -> CommandResult {
        let Some(inject) = &mut self.inject else { return CommandResult::default() };
        if !inject.ended().await {
            self.processes.end(true).await;
        }
        // Taken only when nothing is waited for any more: who drops this here would lose how it ended.
        let result = inject.result().await;
        self.inject = None;
        self.complete = result.succeeded();
        result
    }

    /// Undoes it: ends what of `inject` can be ended, restores, waits for what cannot be ended, and restores again.
    pub(super) async fn undo(&mut self, plan: &FaultPlan) -> RestoreResult {
        if !self.complete {
            self.processes.end(false).await;
            if let Some(mut inject) = self.inject.take() {
                // It was killed, or runs on: either way nobody else reaps it.
                self.processes.stop_adopting();
                tokio::spawn(async move { inject.ended().await });
            }
        }
        self.processes.stop_adopting();
        let running = self.processes.any();
        if !running || (self.complete && Instant::now() >= self.until) {
            let remaining = if running { self.processes.names() } else { Vec::new() };
            return RestoreResult { remaining, unfinished: false, ..plan.restore.execute(&self.mark).await };
        }
        // Now, because the fault may be in place; and again, because it may be made again.
        let first = plan.restore.restore_once(&self.mark).await;
        // One that was just told to end takes a moment.
        if self.complete && first.succeeded() && self.processes.gone(Instant::now() + ENDING).await {
            // The restore command may have ended them, or they have done what they were started for.
            if let Some(result) = self.settled(plan, first).await {
                return result;
            }
        }
        let gone = self.processes.gone(self.until).await;
        if !gone && !self.complete {
            self.processes.end(true).await;
        }
        let result = plan.restore.execute(&self.mark).await;
        RestoreResult { remaining: self.processes.names(), unfinished: !self.complete, ..result }
    }

    /// What it came to, once all that `inject` left running has ended soon after a restore command that ended so; `None` when it
    /// is not certain.
    async fn settled(&self, plan: &FaultPlan, first: CommandResult) -> Option<RestoreResult> {
        if plan.restore.verify.is_some() {
            let result = plan.restore.verified(first, &self.mark).await;
            return result.commands_succeeded().then_some(result);
        }
        // One that ended by itself may have broken it again.
        let again = plan.restore.restore_once(&self.mark).await;
        if again.succeeded() {
            return Some(RestoreResult { restore: again, ..RestoreResult::default() });
        }
        // A restore command that ends processes fails when there are none left; it had nothing else to do the first time either.
        let repeated = again.status_text();
        Some(RestoreResult { restore: first, repeated, ..RestoreResult::default() })
    }
}
