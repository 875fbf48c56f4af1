//! How the rounds of a case are laid out in time: settled before the first packet, from a recorded seed.

use crate::model::Arm;
use crate::model::observation::KEPT_OF_EACH;
use crate::stats::splitmix::SplitMix;

/// The rounds of a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Rounds made first and discarded; of each arm.
    pub warm_up: u32,
    /// Rounds that count; of each arm.
    pub rounds: u32,
    /// Measurements in a round.
    pub samples: u32,
    /// Two arms in pairs, the order within each pair by this seed.
    pub pairs: Option<u64>,
    /// The arms are IP versions: each pair turns the order of the one before around, so that servers that take turns behind one
    /// name give neither version always the same one.
    pub parity: bool,
    /// Whether an alarm may ask for as many rounds again.
    pub confirm: bool,
}

/// One round to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRound {
    /// Position in time.
    pub slot: u32,
    /// Its side, of two arms.
    pub arm: Option<Arm>,
    /// Discarded afterwards.
    pub warm_up: bool,
    /// Made because of an alarm.
    pub confirm: bool,
}

impl Layout {
    /// The rounds every attempt makes.
    pub fn turns(self) -> impl Iterator<Item = PlannedRound> {
        (0..self.of(self.warm_up + self.rounds)).map(move |slot| self.turn(slot))
    }

    /// The rounds an alarm asks for: as many again, in an order of their own; of IP versions enough to tell what is another with
    /// each answer.
    pub fn again(self) -> impl Iterator<Item = PlannedRound> {
        let from = self.of(self.warm_up + self.rounds);
        (from..from + self.of(self.more())).map(move |slot| self.turn(slot))
    }

    fn more(self) -> u32 {
        let enough = u32::try_from(KEPT_OF_EACH).unwrap_or(u32::MAX) - 1;
        if self.parity { self.rounds.max(enough) } else { self.rounds }
    }

    /// The most measurements an attempt may make.
    #[must_use]
    pub fn most(self) -> u32 {
        let again = if self.confirm { self.more() } else { 0 };
        self.of(self.warm_up + self.rounds + again).saturating_mul(self.samples)
    }

    fn of(self, rounds: u32) -> u32 {
        if self.pairs.is_some() { rounds * 2 } else { rounds }
    }

    fn turn(self, slot: u32) -> PlannedRound {
        let warm = self.of(self.warm_up);
        let arm = self.pairs.map(|seed| {
            let pair = slot / 2;
            let head_first = if self.parity { coin(seed, 0) == pair.is_multiple_of(2) } else { coin(seed, pair) };
            if head_first == (slot.is_multiple_of(2)) { Arm::Head } else { Arm::Base }
        });
        PlannedRound { slot, arm, warm_up: slot < warm, confirm: slot >= warm + self.of(self.rounds) }
    }
}

/// A fair coin for each pair.
fn coin(seed: u64, pair: u32) -> bool {
    SplitMix::new(seed.wrapping_add(u64::from(pair))).bits() >> 63 == 1
}

#[cfg(test)]
mod tests {
    use super::{Layout, PlannedRound};
    use crate::model::Arm;
    use crate::stats::seed;

    fn pairs(seed: u64) -> Layout {
        Layout { warm_up: 1, rounds: 10, samples: 1, pairs: Some(seed), parity: false, confirm: true }
    }

    #[test]
    fn each_pair_holds_both_arms_and_the_order_varies() {
        let turns: Vec<PlannedRound> = pairs(7).turns().collect();
        assert_eq!(turns.len(), 22);
        assert!(turns.iter().enumerate().all(|(at, turn)| turn.slot as usize == at && turn.warm_up == (at < 2)));
        for pair in turns.chunks(2) {
            assert_ne!(pair[0].arm, pair[1].arm);
        }
        let first_heads = (0..1000)
            .flat_map(|seed| pairs(seed).turns().step_by(2))
            .filter(|turn| turn.arm == Some(Arm::Head))
            .count();
        assert!((5000..6000).contains(&first_heads), "{first_heads} of 11000");
    }

    /// A recorded seed gives the recorded order, in every release. Taken from another implementation of both rules.
    #[test]
    fn the_seed_decides_the_order_for_ever() {
        let order = |run: u64, case: &str| {
            let turns = pairs(seed::derive(run, case)).turns().step_by(2);
            turns.map(|turn| if turn.arm == Some(Arm::Head) { "hb" } else { "bh" }).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(1, "edge/vip"), "bh bh hb hb hb hb bh bh hb hb hb");
        assert_eq!(order(2, "edge/vip"), "bh bh bh hb bh hb bh hb bh hb bh");
        assert_eq!(order(1, "edge/www"), "bh hb bh bh hb bh bh hb hb bh bh");
    }

    #[test]
    fn fresh_rounds_follow_in_time() {
        let again: Vec<PlannedRound> = pairs(7).again().collect();
        assert_eq!((again[0].slot, again.len()), (22, 20));
        assert!(again.iter().all(|turn| turn.confirm && !turn.warm_up && turn.arm.is_some()));
        assert_eq!(pairs(7).most(), 42);
        let single = Layout { warm_up: 1, rounds: 5, samples: 3, ..Layout::default() };
        assert!(single.turns().all(|turn| turn.arm.is_none() && !turn.confirm));
        assert_eq!((single.turns().count(), single.most()), (6, 18));
    }

    /// Two servers that take turns behind one name would else look like one for each IP version.
    #[test]
    fn each_pair_of_ip_versions_turns_the_order_around() {
        for seed in 0..8 {
            let both = Layout { rounds: 1, samples: 1, pairs: Some(seed), parity: true, confirm: true, warm_up: 0 };
            let turns: Vec<PlannedRound> = both.turns().chain(both.again()).collect();
            assert_eq!((turns.len(), both.most()), (8, 8), "enough to tell what is another with each answer");
            for pairs in turns.chunks(4) {
                assert!(pairs[0].arm != pairs[1].arm && pairs[0].arm == pairs[3].arm, "{pairs:?}");
            }
        }
    }
}
