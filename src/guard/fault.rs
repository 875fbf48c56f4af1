//! A fault from the inject command to the certainty that it is undone.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::command::StartedCommand;
use super::plan::{self, UndoPlan, restore_mark};
use super::processes::{self, Processes};
use super::{CommandResult, DisruptionProblem, FaultPlan, InjectResult, RestoreResult, Step};

/// Whoever the restore command ended is gone after this.
const ENDING: Duration = Duration::from_secs(1);

/// The fault of a plan, once its first step was begun.
#[derive(Debug)]
pub(super) struct InjectedFault {
    mark: String,
    processes: Processes,
    /// What `inject` started is waited for until then.
    until: Instant,
    /// Under way.
    step: Option<Running>,
    /// Not begun.
    rest: VecDeque<Step>,
    /// The last command that ended.
    ended: Option<CommandResult>,
    /// Every step ended by itself, with success: what they left running is meant to run.
    complete: bool,
}

/// A step under way.
#[derive(Debug)]
enum Running {
    Command(Box<StartedCommand>),
    /// A task of its own: it is done to its end, whoever stops to wait for it.
    BuiltIn(JoinHandle<Result<(), DisruptionProblem>>),
}

/// What injecting came to so far.
#[derive(Debug)]
pub(super) enum Progress {
    /// A command was started as this process.
    Started(i32),
    /// It has ended.
    Ended(InjectResult),
}

impl InjectedFault {
    /// The fault of a plan of which nothing is begun.
    pub(super) fn new(plan: &FaultPlan, mark: &str) -> Self {
        Self {
            mark: mark.to_owned(),
            processes: Processes::of(mark, None, true),
            until: Instant::now(),
            step: None,
            rest: plan.inject.iter().cloned().collect(),
            ended: None,
            complete: false,
        }
    }

    /// A fault whose guard died: its processes are found by their mark and session alone. `complete` when every step had
    /// ended with success. A restore command of the guard that still runs is ended, so that none runs beside it.
    pub(super) async fn orphaned(undo: &UndoPlan, mark: &str, leader: Option<i32>, complete: bool) -> Self {
        let restore = restore_mark(mark);
        Processes::of(&restore, processes::leader_of(&restore), false).end(true).await;
        // It may have died before it could tell whom it started.
        let processes = Processes::of(mark, leader.or_else(|| processes::leader_of(mark)), false);
        let until = Instant::now() + undo.patience;
        let (step, rest, ended) = (None, VecDeque::new(), None);
        Self { mark: mark.to_owned(), processes, until, step, rest, ended, complete }
    }

    /// Goes on with injecting until there is something to tell; kills a command when its time is over. May be dropped and called
    /// again.
    pub(super) async fn advance(&mut self) -> Progress {
        loop {
            let failed = match &mut self.step {
                None => match self.rest.pop_front() {
                    None => {
                        self.complete = true;
                        return Progress::Ended(InjectResult { command: self.ended.take(), ..InjectResult::default() });
                    }
                    Some(step) => match self.begin(step) {
                        Ok(Some(leader)) => return Progress::Started(leader),
                        Ok(None) => continue,
                        Err(failed) => InjectResult { command: Some(failed), ..InjectResult::default() },
                    },
                },
                Some(Running::Command(command)) => {
                    if !command.ended().await {
                        self.processes.end(true).await;
                    }
                    // Taken only when nothing is waited for any more: who drops this here would lose how it ended.
                    let result = command.result().await;
                    self.step = None;
                    if result.succeeded() {
                        self.ended = Some(result);
                        continue;
                    }
                    InjectResult { command: Some(result), ..InjectResult::default() }
                }
                Some(Running::BuiltIn(task)) => {
                    let ended = |error: JoinError| {
                        Err(DisruptionProblem { cause: error.to_string(), ..DisruptionProblem::default() })
                    };
                    let result = task.await.unwrap_or_else(ended);
                    self.step = None;
                    let Err(DisruptionProblem { cause, next, place }) = result else { continue };
                    InjectResult { command: self.ended.take(), failed: cause, next, place }
                }
            };
            self.rest.clear();
            return Progress::Ended(failed);
        }
    }

    /// Begins a step; the process of a command.
    fn begin(&mut self, step: Step) -> Result<Option<i32>, CommandResult> {
        match step {
            Step::Run(command) => {
                let started = command.start(Some(&self.mark))?;
                let leader = started.leader();
                self.processes.lead(leader);
                self.until = self.until.max(started.end());
                self.step = Some(Running::Command(Box::new(started)));
                Ok(leader)
            }
            Step::BuiltIn(disruption) => {
                self.step = Some(Running::BuiltIn(tokio::spawn(async move { plan::inject(&disruption).await })));
                Ok(None)
            }
        }
    }

    /// Undoes it: ends what of `inject` can be ended, restores, waits for what cannot be ended, and restores again.
    pub(super) async fn undo(&mut self, plan: &UndoPlan) -> RestoreResult {
        self.rest.clear();
        if let Some(Running::BuiltIn(task)) = &mut self.step {
            // Else it could go on beside what undoes it. It has a limit of its own.
            let _ = task.await;
            self.step = None;
        }
        if !self.complete {
            self.processes.end(false).await;
            if let Some(Running::Command(mut command)) = self.step.take() {
                // It was killed, or runs on: either way nobody else reaps it.
                self.processes.stop_adopting();
                tokio::spawn(async move { command.ended().await });
            }
        }
        self.processes.stop_adopting();
        let running = self.processes.any();
        if !running || (self.complete && Instant::now() >= self.until) {
            let remaining = if running { self.processes.names() } else { Vec::new() };
            return RestoreResult { remaining, unfinished: false, ..plan.execute(&self.mark).await };
        }
        // Now, because the fault may be in place; and again, because it may be made again.
        let first = plan.restore_once(&self.mark).await;
        let doubts = first.doubts.clone();
        // One that was just told to end takes a moment.
        if self.complete && first.undone() && self.processes.gone(Instant::now() + ENDING).await {
            // The restore command may have ended them, or they have done what they were started for.
            if let Some(result) = self.settled(plan, first).await {
                return result;
            }
        }
        let gone = self.processes.gone(self.until).await;
        if !gone && !self.complete {
            self.processes.end(true).await;
        }
        let mut result = plan.execute(&self.mark).await;
        result.doubt(doubts);
        RestoreResult { remaining: self.processes.names(), unfinished: !self.complete, ..result }
    }

    /// What it came to, once all that `inject` left running has ended soon after a restore command that ended so; `None` when it
    /// is not certain.
    async fn settled(&self, plan: &UndoPlan, first: RestoreResult) -> Option<RestoreResult> {
        if plan.verify.is_some() {
            let result = plan.verified(first, &self.mark).await;
            return result.undone().then_some(result);
        }
        // One that ended by itself may have broken it again.
        let mut again = plan.verified(plan.restore_once(&self.mark).await, &self.mark).await;
        if again.undone() {
            again.doubt(first.doubts);
            return Some(again);
        }
        // A restore command that ends processes fails when there are none left; it had nothing else to do the first time either.
        let repeated = again.restore.as_ref().filter(|_| again.failed.is_empty()).map(CommandResult::status_text)?;
        Some(RestoreResult { repeated, ..first })
    }
}
