//! Patience: how long to wait for something. It ends also loops over streams that are always ready, does not run while this
//! side waits for its own turn to dial, and after this process was away what has arrived meanwhile is looked at once more.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::handshakes::Waited;

/// A timer that fires later than this shows that this process was away, and that its sockets were not asked since.
const AWAY: Duration = Duration::from_millis(5);
/// What arrived while this process was away is taken in for so long.
const ONCE_MORE: Duration = Duration::from_millis(50);
/// A deadline that moves because this side waits is looked at again after this.
const MOVES: Duration = Duration::from_millis(1);

/// Time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeUp;

/// Waits for `work` at most `patience`, the time it waits for its turn to dial left out.
pub fn within<F: Future>(patience: Duration, work: F) -> impl Future<Output = Result<F::Output, TimeUp>> {
    until(Instant::now() + patience, work)
}

/// [`within`], up to `end`.
pub fn until<F: Future>(end: Instant, work: F) -> impl Future<Output = Result<F::Output, TimeUp>> {
    // Where one is waited for inside of another, their futures would else add up on the stack.
    let mut work = Box::pin(work);
    let waited = Waited::so_far();
    async move {
        let mut at = end;
        loop {
            if let Ok(output) = timeout_at(at, work.as_mut()).await {
                return Ok(output);
            }
            let moved = end + waited.since();
            if moved <= at {
                break;
            }
            at = moved.max(Instant::now() + MOVES);
        }
        if Instant::now().saturating_duration_since(at) < AWAY {
            return Err(TimeUp);
        }
        timeout(ONCE_MORE, work).await.map_err(|_| TimeUp)
    }
}

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
        until(self.end, work).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::time::{Instant, advance, sleep};

    use super::{Deadline, TimeUp, within};

    const SECOND: Duration = Duration::from_secs(1);

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

    #[tokio::test(start_paused = true)]
    async fn who_wakes_in_time_waits_no_longer() {
        let start = Instant::now();
        assert_eq!(within(SECOND, pending::<()>()).await, Err(TimeUp));
        assert_eq!(start.elapsed(), SECOND);
    }

    /// The clock jumps while nothing runs, as after SIGCONT; what is there then needs another turn of the runtime to be seen.
    #[tokio::test(start_paused = true)]
    async fn who_was_away_takes_in_what_arrived_meanwhile() {
        let arrives = async {
            advance(SECOND * 5).await;
            // What needs time to be seen after a wake.
            sleep(Duration::from_millis(30)).await;
            7
        };
        assert_eq!(within(SECOND, arrives).await, Ok(7));
        let start = Instant::now();
        let silent = async {
            advance(SECOND * 5).await;
            pending::<()>().await;
        };
        assert_eq!(within(SECOND, silent).await, Err(TimeUp));
        assert!(start.elapsed() < SECOND * 5 + Duration::from_millis(100), "and no longer");
    }
}
