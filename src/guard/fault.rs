//! A fault from the inject command to the certainty that it is undone.

use tokio::time::Instant;

use super::command::StartedCommand;
use super::processes::Processes;
use super::{CommandResult, FaultPlan, RestoreResult};

/// The fault of a plan, once `inject` was started.
#[derive(Debug)]
pub(super) struct Fault {
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
        let value = mark.split_once('=').map_or(mark, |(_, value)| value);
        match plan.inject.start(Some(value)) {
            Ok(started) => {
                let processes = Processes::of(mark, started.leader(), true);
                (Self { processes, until: started.end(), inject: Some(started), complete: false }, None)
            }
            Err(failed) => {
                let processes = Processes::of(mark, None, true);
                (Self { processes, until: Instant::now(), inject: None, complete: false }, Some(failed))
            }
        }
    }

    /// A fault whose guard died: its processes are found by their mark and session alone.
    pub(super) fn orphaned(plan: &FaultPlan, mark: &str, leader: Option<i32>) -> Self {
        let processes = Processes::of(mark, leader, false);
        Self { processes, until: Instant::now() + plan.inject.timeout, inject: None, complete: false }
    }

    /// The process of the inject command.
    pub(super) fn leader(&self) -> Option<i32> {
        self.inject.as_ref().and_then(StartedCommand::leader)
    }

    /// Waits until the inject command has ended, and kills it when its time is over. May be dropped and called again.
    pub(super) async fn injected(&mut self) -> CommandResult {
        let Some(inject) = &mut self.inject else { return CommandResult::default() };
        let status = inject.ended().await;
        if status.is_none() {
            self.processes.end(true).await;
        }
        let Some(inject) = self.inject.take() else { return CommandResult::default() };
        let result = inject.result(status).await;
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
            return RestoreResult { remaining, ..plan.restore.execute().await };
        }
        // Now, because the fault may be in place; and again, because it may be made again.
        let first = plan.restore.restore.run().await;
        if self.complete && first.succeeded() && !self.processes.any() {
            // It was the restore command that ended them.
            let result = plan.restore.verified(first).await;
            if result.succeeded() {
                return result;
            }
        }
        let gone = self.processes.gone(self.until).await;
        if !gone && !self.complete {
            self.processes.end(true).await;
        }
        let result = plan.restore.execute().await;
        RestoreResult { remaining: self.processes.names(), ..result }
    }
}
