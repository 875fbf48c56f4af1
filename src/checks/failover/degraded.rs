//! Failures that alternate with answers: one of several backends is gone, and every second or third probe meets it. That is a share of
//! the service, and not dozens of outages.

use super::isolated;
use super::outage::Outage;

/// Runs of failures close together that may be a share.
const RUNS: usize = 4;

/// A time in which only a share of the probes was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Degraded {
    /// The first failure of it.
    pub(super) from: f64,
    /// And the last.
    pub(super) until: f64,
    /// The share that failed.
    pub(super) share: f64,
}

/// Tells runs of failures that are outages from those that chance makes of a share. `runs` are all runs of failures in order; an outage
/// has at least `isolated` of them. Runs less than `settle` apart belong together.
pub(super) fn split(runs: &[Outage], isolated: u64, (interval, settle): (f64, f64)) -> (Vec<Outage>, Vec<Degraded>) {
    let (mut outages, mut degraded) = (Vec::new(), Vec::new());
    for cluster in runs.chunk_by(|one, next| next.first - one.last < settle) {
        let share = if cluster.len() < RUNS { None } else { share(cluster, interval) };
        let least = share.as_ref().map_or(isolated, |share| share.least.max(isolated));
        let (long, short): (Vec<&Outage>, Vec<&Outage>) = cluster.iter().partition(|run| run.losses >= least);
        outages.extend(long.into_iter().cloned());
        if let (Some(share), Some(first), Some(last)) = (share, short.first(), short.last())
            && short.len() >= RUNS
            && least > isolated
        {
            degraded.push(Degraded { from: first.first, until: last.last, share: share.failed });
        }
    }
    (outages, degraded)
}

struct Share {
    /// The share that failed, the longest run left out.
    failed: f64,
    /// Failures in a row that are more than chance makes of it.
    least: u64,
}

fn share(cluster: &[Outage], interval: f64) -> Option<Share> {
    let (first, last) = (cluster.first()?, cluster.last()?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of probes")]
    let probes = ((last.last - first.first) / interval).round().max(0.0) as u64 + 1;
    let longest = cluster.iter().map(|run| run.losses).max()?;
    let failed: u64 = cluster.iter().map(|run| run.losses).sum();
    let rest = probes.saturating_sub(longest).max(1);
    let failed = ((failed - longest) as f64 / rest as f64).min(1.0);
    Some(Share { failed, least: isolated::consecutive(failed, probes) })
}

#[cfg(test)]
mod tests {
    use super::{Degraded, Outage, split};

    /// Runs of failures, `.` answered and `x` failed, 10 ms apart.
    fn runs(picture: &str) -> Vec<Outage> {
        let mut runs: Vec<Outage> = Vec::new();
        let mut open = false;
        for (number, letter) in picture.chars().enumerate() {
            let at = number as f64 * 0.01;
            match (letter, open, runs.last_mut()) {
                ('x', true, Some(run)) => (run.last, run.losses) = (at, run.losses + 1),
                ('x', ..) => {
                    let resumed = Some(at + 0.01);
                    runs.push(Outage { due: at, first: at, last: at, losses: 1, lo: 0.0, hi: Some(0.02), resumed });
                }
                _ => {}
            }
            open = letter == 'x';
        }
        runs
    }

    fn of(picture: &str) -> (usize, Vec<Degraded>) {
        let (outages, degraded) = split(&runs(picture), 1, (0.01, 0.1));
        (outages.len(), degraded)
    }

    #[test]
    fn one_of_two_backends_is_a_share() {
        let (outages, degraded) = of(&format!("....{}....", "x.".repeat(40)));
        let [one] = *degraded else { panic!("{degraded:?}") };
        assert_eq!((outages, one.from), (0, 0.04));
        assert!((one.share - 0.5).abs() < 0.02 && (one.until - 0.82).abs() < 1e-9, "{one:?}");
        // By chance, with runs of two and three.
        let (outages, degraded) = of("..xx.x...x.xxx..x.x..xx.x.x.x...xx..x.");
        assert!(outages == 0 && degraded.len() == 1 && degraded[0].share > 0.3, "{degraded:?}");
    }

    #[test]
    fn an_outage_before_a_share_stays_one() {
        let (outages, degraded) = of(&format!("....{}{}....", "x".repeat(100), ".x".repeat(40)));
        assert!(outages == 1 && (degraded[0].share - 0.5).abs() < 0.02, "{degraded:?}");
    }

    #[test]
    fn a_few_flaps_are_outages() {
        assert_eq!(of("....xxx...xx....x..."), (3, Vec::new()));
        let apart = format!("x{0}x{0}x{0}x{0}x", ".".repeat(20));
        assert_eq!(of(&apart), (5, Vec::new()), "far from each other");
    }
}
