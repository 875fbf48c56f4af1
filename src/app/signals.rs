//! What the first, second and third signal do: stop and restore; hurry; exit. Where something is watched until a signal comes, that is what
//! the first of all ends.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use super::terminal::Terminal;
use crate::engine::StopSignals;
use crate::exit::{self, RunOutcome};
use crate::guard::Unfinished;
use crate::model::Signal;
use crate::probe::OpenEnds;

/// A terminal that takes nothing holds up the exit for no longer.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Where the main thread waits for an exit code.
pub type ExitSender = std::sync::mpsc::Sender<u8>;

/// Follows SIGINT, SIGTERM and, unless it is ignored, SIGHUP until it is dropped.
#[derive(Debug)]
pub struct SignalHandler {
    /// Signals to the engine to stop.
    pub stop: StopSignals,
    first: Arc<OnceLock<Signal>>,
    /// Ends with the handler: the next run has one of its own.
    _listener: AbortOnDropHandle<()>,
}

/// Everything a signal moves.
struct SignalTargets {
    stop: StopSignals,
    exit: ExitSender,
    first: Arc<OnceLock<Signal>>,
}

impl SignalHandler {
    /// Starts listening. `say` gets a line for the user at each step.
    pub fn listen(exit: ExitSender, say: impl Fn(&str) + Send + Sync + 'static) -> std::io::Result<Self> {
        let say = Arc::new(say);
        let stop = StopSignals { open_ends: OpenEnds::attended(Terminal::interactive()), ..StopSignals::default() };
        let targets = SignalTargets { stop, exit, first: Arc::default() };
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // A lost session is a normal way for a run to end: the reports must not be lost with it. Under `nohup` it goes on.
        let mut hangup = if is_ignored(SignalKind::hangup()) { None } else { Some(signal(SignalKind::hangup())?) };
        let (stop, first) = (targets.stop.clone(), Arc::clone(&targets.first));
        let listener = tokio::spawn(async move {
            let mut step = 0_u8;
            loop {
                let kind = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                    () = next(hangup.as_mut()) => Signal::Terminate,
                };
                if step == 0 && targets.stop.open_ends.end() {
                    say("ending the watch, then the report; again to stop the run\n");
                    continue;
                }
                targets.escalate(step, kind, &say);
                step = step.saturating_add(1);
            }
        });
        Ok(Self { stop, first, _listener: AbortOnDropHandle::new(listener) })
    }

    /// The first signal, if one came.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.first.get().copied()
    }
}

/// What is said before leaving at once.
fn last_words(unfinished: &[Unfinished]) -> String {
    let broken = unfinished.iter().map(|one| format!("{}\n", one.sentence()));
    std::iter::once("left at once: no report was completed\n".to_owned()).chain(broken).collect()
}

/// The next of a signal that may be none of ours.
async fn next(listened: Option<&mut tokio::signal::unix::Signal>) {
    match listened {
        Some(listened) => drop(listened.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether whoever started this process has it ignore a signal (proc(5), `SigIgn`: a hexadecimal mask).
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

impl SignalTargets {
    fn escalate(&self, step: u8, kind: Signal, say: &Arc<impl Fn(&str) + Send + Sync + 'static>) {
        match step {
            0 => {
                let _ = self.first.set(kind);
                self.stop.soft.cancel();
                say("stopping: restoring what was changed, then writing every report; again to hurry\n");
            }
            1 => {
                self.stop.hurry.cancel();
                say("hurrying: restoring gets a few seconds; again to leave at once\n");
            }
            _ => {
                // On a thread of its own: a blocked terminal cannot hold up the exit for long.
                let (said, heard) = std::sync::mpsc::channel();
                let (last, words) = (Arc::clone(say), last_words(&crate::guard::unfinished()));
                std::thread::spawn(move || {
                    last(&words);
                    let _ = said.send(());
                });
                let _ = heard.recv_timeout(LAST_WORDS);
                let ended = RunOutcome { signal: self.first.get().copied(), ..RunOutcome::default() };
                let _ = self.exit.send(exit::code(ended));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::last_words;
    use crate::guard::Unfinished;

    #[test]
    fn who_leaves_at_once_is_told_what_may_be_broken() {
        let fault = Unfinished { check: "s/a".into(), target: "web".into(), journal: "/j/1.json".into() };
        let words = last_words(&[fault]);
        assert!(words.starts_with("left at once: no report was completed\n"), "{words}");
        assert!(words.contains("/j/1.json") && words.contains("`shakedown restore`"), "{words}");
        assert_eq!(last_words(&[]).lines().count(), 1);
    }
}
