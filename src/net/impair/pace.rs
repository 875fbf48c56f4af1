//! When a byte may go on: delays and rates.

use std::time::Duration;

use tokio::time::Instant;

use super::impairment::{LOSS_OF, Rule};
use crate::stats::splitmix::SplitMix;

/// What a wake-up may be late without a loss of rate: so much time of the rate may be sent at once.
const BUCKET: Duration = Duration::from_millis(10);
/// Sent at once at a rate: more would come in visible bursts.
const PIECE_TIME: f64 = 0.002;
/// A piece has at least a packet, and at most what one write takes.
const PIECE: (usize, usize) = (1448, 64 << 10);

/// A token bucket, by the time at which it is empty no more. It forgets no byte, so that over a longer time the rate is exact
/// however coarse the timers are.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    free: Instant,
}

impl TokenBucket {
    pub(super) fn new() -> Self {
        Self { free: Instant::now() }
    }

    /// When the next piece may leave; `None` at once.
    pub(super) fn wait(&self, now: Instant) -> Option<Instant> {
        Some(self.free).filter(|free| *free > now)
    }

    /// So many bytes left now, at a rate in bits per second.
    pub(super) fn spend(&mut self, now: Instant, bytes: usize, rate: u64) {
        let earliest = now.checked_sub(BUCKET).unwrap_or(now);
        let cost = Duration::try_from_secs_f64(bytes as f64 * 8.0 / rate.max(1) as f64).unwrap_or(BUCKET);
        self.free = self.free.max(earliest) + cost;
    }

    /// From now on the rate is another: what was earned or owed by the one before counts no more.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

/// Bytes that leave at once at a rate in bits per second.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
pub(super) fn piece(rate: u64) -> usize {
    ((rate as f64 / 8.0 * PIECE_TIME) as usize).clamp(PIECE.0, PIECE.1)
}

/// How long something is held back: the latency, varied evenly by the jitter.
pub(super) fn delay(rule: &Rule, random: &mut SplitMix) -> Duration {
    if rule.jitter.is_zero() {
        return rule.latency;
    }
    let jitter = rule.jitter.min(rule.latency);
    rule.latency.saturating_sub(jitter) + (jitter * 2).mul_f64(random.unit())
}

/// Whether a datagram is lost.
pub(super) fn is_lost(rule: &Rule, random: &mut SplitMix) -> bool {
    rule.loss > 0 && random.below(LOSS_OF as usize) < rule.loss as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{BUCKET, TokenBucket, delay, is_lost, piece};
    use crate::net::impair::impairment::Rule;
    use crate::stats::splitmix::SplitMix;

    /// Bytes sent in a second by who wakes every so often, late or not.
    async fn sent(rate: u64, period: Duration) -> usize {
        let (mut pace, start, mut bytes) = (TokenBucket::new(), Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(1) {
            while pace.wait(Instant::now()).is_none() {
                pace.spend(Instant::now(), piece(rate), rate);
                bytes += piece(rate);
            }
            advance(period).await;
        }
        bytes
    }

    /// Never above the rate but for the bucket and one piece, and not below it while wake-ups are late by less than the bucket.
    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_whatever_the_timers() {
        for rate in [1_000_000_u64, 20_000_000, 1_000_000_000] {
            let whole = usize::try_from(rate / 8).unwrap();
            let bucket = whole * usize::try_from(BUCKET.as_millis()).unwrap() / 1000 + piece(rate);
            for period in [Duration::from_micros(100), Duration::from_millis(1), Duration::from_millis(9)] {
                let sent = sent(rate, period).await;
                assert!(sent <= whole + bucket, "{sent} of {whole} at {rate}, every {period:?}");
                assert!(sent >= whole - bucket, "{sent} of {whole} at {rate}, every {period:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_time_earns_no_more_than_the_bucket() {
        let (mut pace, rate) = (TokenBucket::new(), 8_000_000);
        advance(Duration::from_mins(1)).await;
        let mut bytes = 0;
        while pace.wait(Instant::now()).is_none() {
            pace.spend(Instant::now(), piece(rate), rate);
            bytes += piece(rate);
        }
        assert!(bytes <= 10_000 + piece(rate), "{bytes} bytes at once");
    }

    #[test]
    fn jitter_varies_around_the_latency() {
        let (rule, mut random) = (
            Rule { latency: Duration::from_millis(50), jitter: Duration::from_millis(20), ..Rule::default() },
            SplitMix::new(1),
        );
        let delays: Vec<f64> = (0..10_000).map(|_| delay(&rule, &mut random).as_secs_f64()).collect();
        let (least, most) = delays.iter().fold((f64::MAX, 0.0_f64), |(lo, hi), one| (lo.min(*one), hi.max(*one)));
        assert!(least >= 0.030 && most <= 0.070 && most - least > 0.039, "{least} to {most}");
        let mean = delays.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.050).abs() < 0.001, "{mean}");
    }

    #[test]
    fn loss_is_the_share_that_is_asked_for() {
        for (loss, least, most) in [(0, 0, 0), (200_000, 19_400, 20_600), (1_000_000, 100_000, 100_000)] {
            let (rule, mut random) = (Rule { loss, ..Rule::default() }, SplitMix::new(7));
            let lost = (0..100_000).filter(|_| is_lost(&rule, &mut random)).count();
            assert!((least..=most).contains(&lost), "{lost} of 100,000 at {loss}");
        }
    }
}
