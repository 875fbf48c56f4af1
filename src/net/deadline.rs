//! A deadline that also ends loops over streams that are always ready.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

/// Time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeUp;

/// The end of a loop that reads again and again. A timer alone is looked at only while nothing is ready: a peer that sends
/// without pause would be read for ever.
#[derive(Debug)]
pub struct Deadline {
    end: Instant,
    over: bool,
}

impl Deadline {
    /// Ends at `end`.
    #[must_use]
    pub fn at(end: Instant) -> Self {
        Self { end, over: false }
    }

    /// Waits for `work` until the end. What is ready counts once after it, as this process may have woken late; no more.
    pub async fn wait<F: Future>(&mut self, work: F) -> Result<F::Output, TimeUp> {
        let late = Instant::now() >= self.end;
        if late && self.over {
            return Err(TimeUp);
        }
        self.over = late;
        timeout_at(self.end, work).await.map_err(|_| TimeUp)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{Deadline, TimeUp};

    #[tokio::test(start_paused = true)]
    async fn what_is_always_ready_ends_and_what_came_in_time_counts() {
        let mut deadline = Deadline::at(Instant::now() + Duration::from_secs(1));
        for _ in 0..1000 {
            assert_eq!(deadline.wait(ready(1)).await, Ok(1));
        }
        advance(Duration::from_secs(2)).await;
        assert_eq!(deadline.wait(ready(1)).await, Ok(1), "this process woke late");
        assert_eq!(deadline.wait(ready(1)).await, Err(TimeUp));
        let mut deadline = Deadline::at(Instant::now() + Duration::from_secs(1));
        assert_eq!(deadline.wait(pending::<()>()).await, Err(TimeUp));
    }
}
