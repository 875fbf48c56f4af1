//! Measurements that last until somebody ends them, and the signal that does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The longest that one lasts.
pub const LONGEST: Duration = Duration::from_hours(24);
/// The same where nobody is there to end it: a pipeline must not wait for a day.
pub const LONGEST_UNATTENDED: Duration = Duration::from_hours(1);

/// Such a time for people.
#[must_use]
pub fn in_hours(time: Duration) -> String {
    format!("{} h", time.as_secs() / 3600)
}

/// All of a run.
#[derive(Clone, Debug, Default)]
pub struct OpenEnds {
    open: Arc<AtomicUsize>,
    over: CancellationToken,
    /// Somebody sits at a terminal.
    attended: bool,
}

impl OpenEnds {
    /// Those of a run at a terminal, or without one.
    #[must_use]
    pub fn attended(attended: bool) -> Self {
        Self { attended, ..Self::default() }
    }

    /// The longest that one lasts.
    #[must_use]
    pub fn longest(&self) -> Duration {
        if self.attended { LONGEST } else { LONGEST_UNATTENDED }
    }

    /// One that begins; it is open until the result is dropped.
    #[must_use]
    pub fn begin(&self) -> OpenEnd {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenEnd { all: self.clone() }
    }

    /// Ends all that are open. False where there is none, and where they were told before.
    #[must_use]
    pub fn end(&self) -> bool {
        let ends = self.open.load(Ordering::Relaxed) > 0 && !self.over.is_cancelled();
        if ends {
            self.over.cancel();
        }
        ends
    }
}

/// A measurement that lasts until somebody ends it.
#[derive(Debug)]
pub struct OpenEnd {
    all: OpenEnds,
}

impl OpenEnd {
    /// Returns once somebody ends it, and says so; or after the longest time, without.
    pub async fn over(&self) -> bool {
        tokio::time::timeout(self.all.longest(), self.all.over.cancelled()).await.is_ok()
    }

    /// The longest that it lasts.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.all.longest()
    }
}

impl Drop for OpenEnd {
    fn drop(&mut self) {
        self.all.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, LONGEST_UNATTENDED, OpenEnds};

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_what_is_open_once() {
        let all = OpenEnds::attended(true);
        assert!(!all.end(), "none is open");
        let one = all.begin();
        assert!(all.end() && !all.end(), "the second signal is another matter");
        assert!(one.over().await);
        drop(one);
        assert!(!all.end());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_signal_it_ends_by_itself() {
        for (attended, longest) in [(true, LONGEST), (false, LONGEST_UNATTENDED)] {
            let (one, began) = (OpenEnds::attended(attended).begin(), tokio::time::Instant::now());
            assert!(!one.over().await);
            assert_eq!(began.elapsed().as_secs(), longest.as_secs());
        }
    }
}
