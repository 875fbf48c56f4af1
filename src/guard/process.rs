//! The guard's own process, behind the hidden subcommand.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::disruption::in_place::ended_early;
use super::disruption::{LOOK, OUTPUT};
use super::fault::{InjectedFault, Progress};
use super::journal::{Journal, JournalError, JournalRecord};
use super::lock::Locks;
use super::plan::UndoPlan;
use super::{
    Arming, Custody, DisruptionProblem, FaultPlan, InjectResult, Reply, Request, RestoreResult, SILENCE, Step, Undo,
};
use crate::model::{Text, human_time};

/// Signals that would end it, but for those nobody can ignore and those of its own defects.
const IGNORED: &[i32] = &[
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGPIPE,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGIO,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];
/// A plan without a limit of its own; far enough away.
const FAR: Duration = Duration::from_hours(24 * 365);

/// Runs the guard on standard input and output until it is told `done`, or until the input ends. False when it could not
/// do what it is for.
#[must_use]
pub fn main() -> bool {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&format!("cannot start: {error}"));
            return false;
        }
    };
    runtime.block_on(serve())
}

async fn serve() -> bool {
    // Registered listeners replace the deadly default action; nobody needs to read them.
    let ignored: std::io::Result<Vec<Signal>> =
        IGNORED.iter().map(|number| signal(SignalKind::from_raw(*number))).collect();
    if let Err(error) = &ignored {
        print_error(&format!("cannot ignore signals: {error}"));
        return false;
    }
    let Some(mut input) = requests() else {
        print_error("this subcommand is internal: its standard input must be a pipe");
        return false;
    };
    let Some(Request::Arm(mut arming)) = next(&mut input).await else {
        print_error("this subcommand is internal: it expects a plan on standard input");
        return false;
    };
    adopt_orphans();
    let (locks, journal, undo) = match prepare(&mut arming).await {
        Ok(prepared) => prepared,
        Err(DisruptionProblem { cause: detail, next: remedy, place }) => {
            send(&Reply::Refused { detail, remedy, place });
            return false;
        }
    };
    // When nobody hears it the input has ended, and with it all there is to do.
    let (id, path) = (std::process::id().cast_signed(), journal.path().to_owned());
    send(&Reply::Armed { id, journal: path, undo: undo.clone() });
    let journal = Some(journal);
    let done = GuardSession {
        arming: &arming,
        undo,
        input: &mut input,
        journal,
        fault: None,
        restored: None,
        end: None,
        heard: None,
        asked: false,
    }
    .run()
    .await;
    // Before the end of our output tells the run that all is done.
    drop(locks);
    done
}

/// What must be there before anything is broken.
async fn prepare(arming: &mut Arming) -> Result<(Locks, Journal, UndoPlan), DisruptionProblem> {
    let Arming { plan, mark, custody } = arming;
    let locks = Locks::join(&custody.locks).map_err(|error| DisruptionProblem {
        cause: format!("the guard could not share the locks of this run: {error}"),
        next: "run it again".to_owned(),
        place: String::new(),
    })?;
    let undo = plan.prepare().await?;
    let unwritten =
        |JournalError { detail, remedy }| DisruptionProblem { cause: detail, next: remedy, place: String::new() };
    let steps = plan.inject.iter().map(Step::shell_text).collect();
    let record = JournalRecord::new(custody, mark, steps, &undo).map_err(unwritten)?;
    let journal = Journal::write(&custody.journals, record).map_err(unwritten)?;
    Ok((locks, journal, undo))
}

/// What `inject` leaves behind when its shell ends becomes a child of this process, and stays known.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

fn requests() -> Option<Lines<BufReader<Receiver>>> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    Some(BufReader::new(Receiver::from_owned_fd(input).ok()?).lines())
}

/// The guard at work.
struct GuardSession<'a> {
    arming: &'a Arming,
    /// What undoes it.
    undo: UndoPlan,
    input: &'a mut Lines<BufReader<Receiver>>,
    /// Until nothing is left to undo.
    journal: Option<Journal>,
    /// In place, or about to be.
    fault: Option<InjectedFault>,
    /// It was undone before the run asked for it.
    restored: Option<RestoreResult>,
    /// When it is undone unasked.
    end: Option<Instant>,
    /// When the run last asked something of us, once it has asked to inject.
    heard: Option<Instant>,
    /// It asked to restore while that was under way unasked.
    asked: bool,
}

impl GuardSession<'_> {
    async fn run(&mut self) -> bool {
        loop {
            let silent = self.heard.filter(|_| self.end.is_some()).map(|heard| heard + SILENCE);
            let end = self.end.into_iter().chain(silent).min().unwrap_or_else(|| Instant::now() + FAR);
            let Ok(request) = timeout_at(end, next(self.input)).await else {
                self.overdue().await;
                continue;
            };
            match request {
                Some(Request::Inject) if self.fault.is_none() => {
                    if let Some(result) = self.inject().await {
                        send(&Reply::Injected(result));
                    }
                }
                Some(Request::Look) => self.look().await,
                Some(Request::Restore) => self.restore_and_report().await,
                Some(Request::Ping) => {
                    self.heard = Some(Instant::now());
                    send(&Reply::Alive);
                }
                Some(Request::Arm(_) | Request::Inject) => {}
                None if self.fault.is_some() || self.restored.is_some() => return self.vanished().await,
                Some(Request::Done) | None => {
                    if self.fault.is_none() {
                        self.close();
                    }
                    return true;
                }
            }
        }
    }

    fn plan(&self) -> &FaultPlan {
        &self.arming.plan
    }

    /// Runs the inject command. `None` when the run vanished, or asked to restore, before it had ended.
    async fn inject(&mut self) -> Option<InjectResult> {
        // A run that is stopped before its first question is silent from here on.
        self.heard = Some(Instant::now());
        let fault = self.fault.insert(InjectedFault::new(&self.arming.plan, &self.arming.mark));
        let result = loop {
            tokio::select! {
                progress = fault.advance() => match progress {
                    Progress::Started(leader) => drop(send(&Reply::Started(leader))),
                    Progress::Ended(result) => break result,
                },
                request = next(self.input) => match request {
                    Some(Request::Ping) => {
                        self.heard = Some(Instant::now());
                        send(&Reply::Alive);
                    }
                    // Read again where it is waited for.
                    None => return None,
                    // Anything else means "restore".
                    Some(_) => {
                        self.restore_and_report().await;
                        return None;
                    }
                }
            }
        };
        self.end = Instant::now().checked_add(self.plan().hold);
        Some(result)
    }

    /// Looks whether it is still broken as it was left; whatever else is asked meanwhile comes first.
    async fn look(&mut self) {
        let (arming, broken) = (self.arming, self.fault.is_some());
        let placed = arming.plan.built_in().filter(|_| broken);
        let mut looked = pin!(ended_early(placed));
        loop {
            tokio::select! {
                ended = &mut looked => {
                    // What it took is no silence of the run.
                    self.end = self.end.map(|end| end + LOOK);
                    send(&Reply::Looked(ended));
                    return;
                }
                request = next(self.input) => match request {
                    Some(Request::Ping) => {
                        self.heard = Some(Instant::now());
                        send(&Reply::Alive);
                    }
                    Some(Request::Restore) => return self.restore_and_report().await,
                    // The end is read again where it is waited for.
                    _ => return,
                }
            }
        }
    }

    async fn restore_and_report(&mut self) {
        send(&Reply::Restoring);
        let result = self.restore().await;
        self.asked = false;
        if !send(&Reply::Restored(result.clone())) {
            self.restored = Some(result);
        }
    }

    /// Undoes the fault, unless that was done.
    async fn restore(&mut self) -> RestoreResult {
        if let Some(restored) = self.restored.take_if(|restored| restored.succeeded()) {
            return restored;
        }
        self.end = None;
        let Some(fault) = &mut self.fault else {
            // Nothing was begun.
            return RestoreResult::default();
        };
        let (result, asked) = answering(self.input, fault.undo(&self.undo)).await;
        self.asked |= asked;
        if result.succeeded() {
            self.fault = None;
            self.close();
        }
        result
    }

    fn close(&mut self) {
        if let Some(journal) = self.journal.take() {
            let path = journal.path().to_owned();
            if let Err(error) = journal.close() {
                let path = path.display();
                print_error(&format!("everything is back, but the journal {path} could not be removed: {error}"));
            }
        }
    }

    /// Nothing was asked of us for longer than the fault should last.
    async fn overdue(&mut self) {
        let silent = self.heard.is_some_and(|heard| heard.elapsed() >= SILENCE);
        let incident = if silent {
            let silence = human_time(SILENCE);
            format!("the run was stopped: nothing was heard of it for {silence}, so the guard restored unasked")
        } else {
            let hold = human_time(self.plan().hold);
            format!("the run did not ask for it in time, {hold} after `inject`, so the guard restored unasked")
        };
        // A run that comes back must not watch on as if it were still broken.
        send(&Reply::Restoring);
        let result = self.restore().await;
        self.restored = Some(RestoreResult { incident, ..result });
        if std::mem::take(&mut self.asked) {
            self.restore_and_report().await;
        }
    }

    /// The run has vanished.
    async fn vanished(&mut self) -> bool {
        let result = self.restore().await;
        let Custody { check, target, .. } = &self.arming.custody;
        let gone = format!("the run of {check} ({target}) vanished");
        if result.succeeded() {
            print_error(&format!("{gone}; what it had changed is restored"));
            return true;
        }
        if result.undone() {
            print_error(&format!("{gone}; {}", result.threat_text()));
            return false;
        }
        print_error(&format!(
            "{gone} and restoring failed ({}); what it changed may still be in place: run {} by hand, or `shakedown restore`",
            Self::failure(&result),
            self.by_hand(&result),
        ));
        false
    }

    /// Why restoring failed. Neither arguments nor output of commands: both may hold secrets, and what hides them has vanished with
    /// the run.
    fn failure(result: &RestoreResult) -> String {
        let commands = [("restore", &result.restore), ("verify", &result.verify)].into_iter();
        let failed = commands.filter_map(|(name, ended)| Some((name, ended.as_ref().filter(|one| !one.succeeded())?)));
        let failed = failed.map(|(name, ended)| format!("`{name}`: {}", ended.status_text()));
        let built_in = result.failed.iter().map(|one| one.why.split(OUTPUT).next().unwrap_or_default().to_owned());
        built_in.chain(failed).collect::<Vec<_>>().join("; ")
    }

    fn by_hand(&self, result: &RestoreResult) -> String {
        let built_in = result.failed.iter().map(|one| format!("`{}`", one.by_hand));
        let commands = self.undo.undos.iter().filter_map(|undo| match undo {
            Undo::Command(command) => Some(command.run.first().map_or("", Text::shown)),
            _ => None,
        });
        let commands = commands.map(|program| format!("the suite's `restore` command ({program} …)"));
        let all: Vec<String> = built_in.chain(commands.filter(|_| !result.command_succeeded())).collect();
        all.join(" and ")
    }
}

/// Does `work`, and meanwhile tells the run that we are there; with whether it asked to restore meanwhile.
async fn answering<T>(input: &mut Lines<BufReader<Receiver>>, work: impl Future<Output = T>) -> (T, bool) {
    let mut work = pin!(work);
    let (mut open, mut asked) = (true, false);
    loop {
        tokio::select! {
            result = &mut work => return (result, asked),
            request = next(input), if open => match request {
                Some(Request::Ping) => drop(send(&Reply::Alive)),
                Some(request) => asked |= matches!(request, Request::Restore),
                None => open = false,
            }
        }
    }
}

/// `None` at the end of the input, and for a line that is not a request: whoever writes those is not our run any more.
async fn next(input: &mut Lines<BufReader<Receiver>>) -> Option<Request> {
    let line = input.next_line().await.ok()??;
    serde_json::from_slice(line.as_bytes()).ok()
}

/// False when nobody listens any more.
fn send(reply: &Reply) -> bool {
    let Ok(mut line) = serde_json::to_vec(reply) else { return false };
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line).and_then(|()| output.flush()).is_ok()
}

/// Standard error may be gone together with the run: then nobody reads it.
fn print_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "shakedown guard: {text}");
}
