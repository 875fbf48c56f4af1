//! How many lost probes in a row are an outage, on a path that loses some by itself.

use super::outage::ProbeResult;

/// A run of losses that chance makes less often than this in all probes of a stream is none of chance.
const CHANCE: f64 = 1e-6;
/// With more losses than this an outage is not told from them.
const HOPELESS: f64 = 0.9;

/// The losses of the first steady phase.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Background {
    pub(super) lost: u64,
    pub(super) sent: u64,
}

impl Background {
    /// Of the probes of that phase.
    pub(super) fn of(steady: &[ProbeResult]) -> Self {
        let count = |probes: &mut dyn Iterator<Item = &ProbeResult>| probes.map(ProbeResult::count).sum::<u64>();
        Self { lost: count(&mut steady.iter().filter(|probe| probe.is_failed())), sent: count(&mut steady.iter()) }
    }

    /// The share that was lost.
    pub(super) fn share(self) -> f64 {
        if self.sent == 0 { 0.0 } else { self.lost as f64 / self.sent as f64 }
    }

    /// Losses in a row that make an outage among `probes`: the least `m` with `p^m * N < 1e-6`, where `p` is the share lost in the
    /// steady phase. 1 where nothing was lost.
    pub(super) fn isolated(self, probes: u64) -> u64 {
        consecutive(self.share(), probes)
    }
}

/// The same for a share and a number of probes.
pub(super) fn consecutive(share: f64, probes: u64) -> u64 {
    if share <= 0.0 {
        return 1;
    }
    let share = share.min(HOPELESS);
    let least = (CHANCE / probes.max(1) as f64).ln() / share.ln();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred, and above zero")]
    let least = least.ceil().max(1.0) as u64;
    least
}

#[cfg(test)]
mod tests {
    use super::{Background, consecutive};

    #[test]
    fn the_more_is_lost_by_itself_the_more_losses_make_an_outage() {
        assert_eq!(consecutive(0.0, 100_000), 1);
        // 0.01^m * 10,000 < 1e-6: 10^(4 - 2m) < 10^-6.
        assert_eq!((consecutive(0.01, 9_999), consecutive(0.01, 10_001)), (5, 6));
        assert_eq!(consecutive(0.5, 1000), 30);
        assert!(consecutive(1.0, 1000) > 100);
        let background = Background { lost: 2, sent: 200 };
        assert_eq!((background.share(), background.isolated(9_999)), (0.01, 5));
        assert_eq!(Background::default().isolated(10), 1);
    }
}
