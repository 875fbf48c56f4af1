//! Threads of their own, for what a runtime's timers of whole milliseconds are too coarse for.

use std::io;
use std::thread::{Builder, Thread};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Timers of a thread may be this late, nanoseconds; the system's default is 50 us.
#[cfg(target_os = "linux")]
const SLACK: u64 = 1_000;

/// Threads that work on one thing. They are told to stop when this is dropped, however that comes: with the round, its
/// deadline or the run.
#[derive(Debug, Default)]
pub struct Threads {
    stop: CancellationToken,
    threads: Vec<Thread>,
}

impl Threads {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts one. Its result comes by the channel; an error there means that it panicked. `work` ends soon after the token
    /// it is given is cancelled.
    pub fn spawn<T: Send + 'static>(
        &mut self,
        name: impl Into<String>,
        work: impl FnOnce(&CancellationToken) -> T + Send + 'static,
    ) -> io::Result<oneshot::Receiver<T>> {
        let (send, receive) = oneshot::channel();
        let stop = self.stop.clone();
        let handle = Builder::new().name(name.into()).spawn(move || {
            precise_timers();
            // Nobody receives it when the round was given up.
            let _ = send.send(work(&stop));
        })?;
        self.threads.push(handle.thread().clone());
        Ok(receive)
    }

    /// Ends the wait of those that [`park`].
    pub fn wake(&self) {
        self.threads.iter().for_each(Thread::unpark);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.cancel();
        self.wake();
    }
}

/// Waits for `length`, or until [`Threads`] stops this thread; may end early.
pub fn park(length: Duration) {
    std::thread::park_timeout(length);
}

/// Timers of the calling thread become precise. A wish: without it requests leave some ten microseconds later, and their lateness shows it.
#[cfg(target_os = "linux")]
pub fn precise_timers() {
    let _ = nix::sys::prctl::set_timerslack(SLACK);
}

/// Elsewhere they are as they are.
#[cfg(not(target_os = "linux"))]
pub fn precise_timers() {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::{Threads, park};

    /// Long enough on any machine; a test that gets there has failed.
    const LONG: Duration = Duration::from_mins(2);

    #[tokio::test]
    async fn threads_are_told_to_stop_and_woken() {
        let mut threads = Threads::new();
        let (tell, parks) = std::sync::mpsc::channel();
        let mut work = || {
            let tell = tell.clone();
            let work = move |stop: &CancellationToken| {
                let start = std::time::Instant::now();
                while !stop.is_cancelled() && start.elapsed() < LONG {
                    // From here on only being woken ends it soon.
                    tell.send(()).unwrap();
                    park(LONG);
                }
                start.elapsed()
            };
            threads.spawn("parks", work).unwrap()
        };
        let results = [work(), work()];
        for _ in &results {
            parks.recv().unwrap();
        }
        drop(threads);
        for result in results {
            assert!(result.await.unwrap() < LONG / 2, "it was woken, not waited for");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn their_timers_are_precise() {
        let slack = Threads::new().spawn("slack", |_| nix::sys::prctl::get_timerslack()).unwrap();
        assert_eq!(slack.await.unwrap().ok().and_then(|slack| u64::try_from(slack).ok()), Some(super::SLACK));
    }

    #[tokio::test]
    async fn a_thread_that_panics_has_no_result() {
        let mut threads = Threads::new();
        let result = threads.spawn::<()>("panics", |_| panic!("a defect")).unwrap();
        assert!(result.await.is_err());
    }
}
