//! Least squares against an independent implementation, and what must hold for any values.

use proptest::prelude::*;

use super::close;
use crate::stats::effect::Effect;
use crate::stats::interleaved::{EffectError, Point, degree, effect, rounds_needed};

struct Reference {
    /// `B` and `H` in the order of the slots that were measured.
    arms: &'static str,
    /// Slots without a round.
    lost: &'static [u32],
    values: &'static [f64],
    estimate: f64,
    se: f64,
    df: f64,
    p: f64,
    interval: [f64; 2],
}

/// Made with statsmodels 0.15.0: `OLS(y, [1, t, .. t^d, arm]).fit()` with d = 1, 2, 3, 4 for 6, 8, 12 (13 with one lost
/// on each side) and 20 rounds per arm; `params`, `bse`, `df_resid`, `pvalues` and `conf_int(.05)` of the arm.
const REFERENCES: &[Reference] = &[
    Reference {
        arms: "HBBHBHBHBHHB",
        lost: &[],
        values: &[-6.167, -6.21, -6.198, -6.199, -6.191, -6.156, -6.076, -6.115, -6.179, -6.122, -6.13, -6.188],
        estimate: 2.389018691589e-02,
        se: 2.261174898452e-02,
        df: 9.0,
        p: 3.182562249157e-01,
        interval: [-2.726114301283e-02, 7.504151684460e-02],
    },
    Reference {
        arms: "HBHBHBBHBHHBHBHB",
        lost: &[],
        values: &[
            -6.156, -6.195, -6.096, -6.172, -6.149, -6.185, -6.16, -6.064, -6.176, -6.121, -6.08, -6.183, -6.111,
            -6.122, -6.077, -6.137,
        ],
        estimate: 6.142625368732e-02,
        se: 1.240730545583e-02,
        df: 12.0,
        p: 3.359207430933e-04,
        interval: [3.439305737855e-02, 8.845944999608e-02],
    },
    Reference {
        arms: "BHBBHHBBHHHBBHBHHBHBHBBH",
        lost: &[3, 11],
        values: &[
            -6.213, -6.178, -6.191, -6.142, -6.108, -6.12, -6.139, -6.174, -6.142, -6.092, -6.108, -6.171, -6.137,
            -6.165, -6.115, -6.067, -6.127, -6.122, -6.099, -6.093, -6.123, -6.135, -6.083, -6.015,
        ],
        estimate: 2.609470298029e-02,
        se: 1.121071399365e-02,
        df: 19.0,
        p: 3.113307643164e-02,
        interval: [2.630408924487e-03, 4.955899703610e-02],
    },
    Reference {
        arms: "HBHBHBHBHBHBHBHBHBBHHBHBBHHBBHBHBHBHBHHB",
        lost: &[],
        values: &[
            -6.108, -6.197, -6.153, -6.24, -6.084, -6.157, -6.103, -6.138, -6.108, -6.183, -6.134, -6.18, -6.061,
            -6.192, -6.112, -6.15, -6.079, -6.115, -6.165, -6.126, -6.07, -6.08, -6.039, -6.102, -6.114, -6.041,
            -6.053, -6.067, -6.112, -6.03, -6.083, -6.01, -6.065, -5.941, -6.019, -5.965, -6.117, -6.012, -6.016,
            -6.028,
        ],
        estimate: 6.363953730438e-02,
        se: 9.705944514246e-03,
        df: 34.0,
        p: 1.644754113918e-07,
        interval: [4.391468485756e-02, 8.336438975120e-02],
    },
];

fn points(arms: &str, lost: &[u32], values: &[f64]) -> Vec<Point> {
    let slots = (0..).filter(|slot| !lost.contains(slot));
    slots
        .zip(arms.chars())
        .zip(values)
        .map(|((slot, arm), value)| Point { slot, head: arm == 'H', value: *value })
        .collect()
}

#[test]
fn estimates_equal_those_of_statsmodels() {
    for case in REFERENCES {
        let effect = effect(&points(case.arms, case.lost, case.values)).unwrap();
        close(effect.estimate, case.estimate, 1e-10);
        close(effect.se, case.se, 1e-10);
        close(effect.df, case.df, 0.0);
        close(effect.p(), case.p, 1e-8);
        close(effect.interval(0.95)[0], case.interval[0], 1e-8);
        close(effect.interval(0.95)[1], case.interval[1], 1e-8);
    }
}

#[test]
fn the_degree_grows_with_the_rounds() {
    let degrees = [3, 7, 8, 11, 12, 19, 20, 1000].map(degree);
    assert_eq!(degrees, [1, 1, 2, 2, 3, 3, 4, 4]);
}

#[test]
fn the_order_of_the_list_does_not_matter() {
    let case = &REFERENCES[2];
    let mut list = points(case.arms, case.lost, case.values);
    let before = effect(&list).unwrap();
    list.reverse();
    list.swap(3, 11);
    let after = effect(&list).unwrap();
    close(after.estimate, before.estimate, 1e-10);
    close(after.se, before.se, 1e-10);
}

#[test]
fn blocks_are_not_an_interleaved_design() {
    for arms in [
        "BBBHHH",
        "BBBBBBBBBBHHHHHHHHHH",
        "HHHHHHHHHHBBBBBBBBBB",
        // Unequal blocks leave more of the arm beside a straight line, and are blocks all the same.
        "BBBHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH",
        "BBBBBHHHHHBBBBBHHHHH",
        // Often enough in turn, and still a straight line tells most of the arm.
        "BBBHBHHH",
        // Mostly in blocks: one pair does not make a design.
        "BBBBBBBBBHBHHHHHHHHH",
    ] {
        let values: Vec<f64> = (0_u32..).take(arms.len()).map(|n| f64::from(n * n % 7)).collect();
        assert_eq!(effect(&points(arms, &[], &values)), Err(EffectError::Blocked), "{arms}");
    }
}

#[test]
fn no_order_of_six_to_ten_pairs_is_blocked() {
    for rounds in 6_u32..=10 {
        for order in 0_u32..1 << rounds {
            let arms: String = (0..rounds).map(|pair| if order >> pair & 1 == 1 { "HB" } else { "BH" }).collect();
            assert!(effect(&points(&arms, &[], &vec![1.0; arms.len()])).is_ok(), "{arms}");
        }
    }
}

#[test]
fn two_rounds_of_an_arm_are_too_few() {
    assert_eq!(effect(&[]), Err(EffectError::TooFew));
    assert_eq!(effect(&points("BHHBHHHH", &[], &[1.0; 8])), Err(EffectError::TooFew));
    assert!(effect(&points("BHHBHHBHH", &[], &[1.0; 9])).is_ok());
}

#[test]
fn equal_values_are_no_effect_at_all() {
    // 0.1 has no exact binary form: what is left of it after fitting must not pass for an effect.
    for value in [0.0, 0.1, -6.9, 1e9, 1e-9] {
        let effect = effect(&points("BHHBHBBHHBBH", &[], &[value; 12])).unwrap();
        assert_eq!((effect.estimate, effect.se, effect.p()), (0.0, 0.0, 1.0), "{value}");
    }
}

#[test]
fn a_step_without_noise_is_seen_for_certain() {
    let arms = "BHHBHBBHHBBH";
    let values: Vec<f64> = arms.chars().map(|arm| if arm == 'H' { 0.3 } else { 0.1 }).collect();
    let effect = effect(&points(arms, &[], &values)).unwrap();
    close(effect.estimate, 0.2, 1e-12);
    assert_eq!((effect.se, effect.p()), (0.0, 0.0));
}

#[test]
fn a_value_that_is_not_finite_leaves_nothing_known() {
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        let mut values = [1.0; 12];
        values[4] = wrong;
        let effect = effect(&points("BHHBHBBHHBBH", &[], &values)).unwrap();
        close(effect.p(), 1.0, 0.0);
        assert_eq!(effect.interval(0.95), [f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(rounds_needed(&effect, 6, 0.05), None);
    }
}

#[test]
fn hostile_slots_are_survived() {
    let far = |n: u32| Point {
        slot: if n.is_multiple_of(2) { n } else { u32::MAX - n },
        head: n.is_multiple_of(3),
        value: f64::from(n),
    };
    let same = |n: u32| Point { slot: 7, head: n.is_multiple_of(2), value: f64::from(n % 5) };
    let few = |n: u32| Point { slot: n % 3, head: n.is_multiple_of(2), value: f64::from(n % 5) };
    for list in [(0..60).map(far).collect::<Vec<_>>(), (0..60).map(same).collect(), (0..60).map(few).collect()] {
        if let Ok(effect) = effect(&list) {
            assert!((0.0..=1.0).contains(&effect.p()), "{effect:?}");
        }
    }
}

#[test]
fn rounds_needed_are_the_first_that_suffice() {
    let shown = Effect { estimate: 0.01, se: 0.03, df: 16.0 };
    // By its definition, one by one.
    let enough = |rounds: u32, wanted: f64| {
        let df = f64::from(2 * rounds) - degree(rounds as usize) as f64 - 2.0;
        let se = 0.03 * (10.0 / f64::from(rounds)).sqrt();
        Effect { estimate: 0.0, se, df }.detectable() <= wanted
    };
    for wanted in (9_u32..100).map(|thousandths| f64::from(thousandths) / 1000.0) {
        let first = (10..=1000).find(|rounds| enough(*rounds, wanted));
        assert_eq!(rounds_needed(&shown, 10, wanted), first, "{wanted}");
    }
    assert_eq!(rounds_needed(&shown, 10, 0.05), Some(30));
    assert_eq!(rounds_needed(&shown, 10, 0.5), Some(10), "what was measured suffices");
    assert_eq!(rounds_needed(&shown, 10, 0.001), None, "beyond 1000");
    assert_eq!(rounds_needed(&shown, 10, 0.0), None);
}

/// Pairs of random order with a value each.
fn pairs(rounds: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Point>> {
    prop::collection::vec((any::<bool>(), -1.0..1.0, -1.0..1.0), rounds).prop_map(|pairs| {
        let mut out = Vec::new();
        for (slot, (head, first, second)) in (0_u32..).step_by(2).zip(pairs) {
            out.push(Point { slot, head, value: first });
            out.push(Point { slot: slot + 1, head: !head, value: second });
        }
        out
    })
}

proptest! {
    #[test]
    fn pairs_of_random_order_are_never_blocked(list in pairs(6..60)) {
        prop_assert!(effect(&list).is_ok());
    }

    #[test]
    fn shifting_all_values_changes_nothing(list in pairs(3..30), shift in -10.0..10.0) {
        let shifted: Vec<Point> = list.iter().map(|p| Point { value: p.value + shift, ..*p }).collect();
        let (Ok(before), Ok(after)) = (effect(&list), effect(&shifted)) else { return Ok(()) };
        prop_assert!((before.estimate - after.estimate).abs() < 1e-9);
        prop_assert!((before.se - after.se).abs() < 1e-9);
    }

    #[test]
    fn swapping_the_arms_negates(list in pairs(3..30)) {
        let swapped: Vec<Point> = list.iter().map(|p| Point { head: !p.head, ..*p }).collect();
        let (Ok(before), Ok(after)) = (effect(&list), effect(&swapped)) else { return Ok(()) };
        prop_assert!((before.estimate + after.estimate).abs() < 1e-9);
        prop_assert!((before.se - after.se).abs() < 1e-9);
        prop_assert!((before.p() - after.p()).abs() < 1e-9);
    }

    #[test]
    fn a_drift_of_the_fitted_degree_is_removed(
        list in pairs(3..30),
        bends in prop::collection::vec(-3.0..3.0, 5),
        step in -1.0..1.0,
    ) {
        let degree = degree(list.len() / 2);
        let span = list.len() as f64;
        let drifting: Vec<Point> = list
            .iter()
            .map(|p| {
                let t = f64::from(p.slot) / span;
                let drift: f64 = bends[..=degree].iter().rev().fold(0.0, |sum, bend| sum * t + bend);
                Point { value: p.value + drift + if p.head { step } else { 0.0 }, ..*p }
            })
            .collect();
        let (Ok(before), Ok(after)) = (effect(&list), effect(&drifting)) else { return Ok(()) };
        prop_assert!((before.estimate + step - after.estimate).abs() < 1e-9);
        prop_assert!((before.se - after.se).abs() < 1e-9);
    }

    #[test]
    fn any_values_are_survived(
        list in prop::collection::vec((any::<u32>(), any::<bool>(), any::<f64>()), 0..60),
    ) {
        let list: Vec<Point> = list.into_iter().map(|(slot, head, value)| Point { slot, head, value }).collect();
        if let Ok(effect) = effect(&list) {
            prop_assert!((0.0..=1.0).contains(&effect.p()));
            let [low, high] = effect.interval(0.95);
            prop_assert!(low <= high);
        }
    }
}
