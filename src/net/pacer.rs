//! An absolute schedule: intended send times that a slow answer never moves.

use std::time::Duration;

use tokio::time::Instant;

/// Hands out intended times `start + n * interval`. Lateness never accumulates.
#[derive(Debug)]
pub struct Pacer {
    start: Instant,
    interval: Duration,
    next: u32,
}

/// One turn of a [`Pacer`].
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// Number, from 0.
    pub number: u32,
    /// When it was due.
    pub intended: Instant,
    /// How late it came.
    pub late: Duration,
}

impl Pacer {
    /// A schedule that begins now.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { start: Instant::now(), interval, next: 0 }
    }

    /// When turn `number` is due.
    #[must_use]
    pub fn due(&self, number: u32) -> Instant {
        self.start + self.interval * number
    }

    /// Waits for the next turn; returns at once when it is overdue.
    pub async fn tick(&mut self) -> Tick {
        let number = self.next;
        let intended = self.due(number);
        self.next = self.next.saturating_add(1);
        tokio::time::sleep_until(intended).await;
        Tick { number, intended, late: intended.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pacer;

    #[tokio::test(start_paused = true)]
    async fn a_slow_turn_does_not_move_the_next_ones() {
        let mut pacer = Pacer::new(Duration::from_millis(10));
        let first = pacer.tick().await;
        // By the paused clock.
        tokio::time::sleep(Duration::from_millis(35)).await;
        let second = pacer.tick().await;
        assert_eq!(second.intended - first.intended, Duration::from_millis(10));
        assert!(second.late >= Duration::from_millis(25));
        let third = pacer.tick().await;
        assert_eq!(third.intended - first.intended, Duration::from_millis(20));
    }
}
