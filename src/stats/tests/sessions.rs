//! Prediction intervals and Holm's adjustment against independent implementations.

use proptest::prelude::*;

use super::close;
use crate::stats::sessions::{holm, known_spread, pinned, prediction, spread};

const RUNS: [f64; 8] = [2.31, 2.28, 2.4, 2.35, 2.29, 2.33, 2.45, 2.3];

#[test]
fn a_prediction_equals_a_regression_on_the_new_run() {
    // statsmodels 0.15.0: OLS of the nine runs on a constant and an indicator of the last.
    let effect = prediction(&RUNS, 2.52).unwrap();
    close(effect.estimate, 0.18125, 1e-12);
    close(effect.se, 0.0627334924217406, 1e-12);
    close(effect.df, 7.0, 0.0);
    close(effect.p(), 0.023342683333824, 1e-8);
}

#[test]
fn the_pinned_run_is_judged_by_the_spread_about_the_line() {
    // statsmodels: OLS of the window on its index; se = sqrt(2 mse_resid), 6 degrees of freedom.
    let effect = pinned(&RUNS, 2.31, 2.52).unwrap();
    close(effect.estimate, 0.21, 1e-12);
    close(effect.se, 0.087443859541014, 1e-12);
    close(effect.df, 6.0, 0.0);
    close(effect.p(), 0.0531831114161615, 1e-8);
    // A drift common to all runs adds nothing to the spread.
    let drifting: Vec<f64> = (0_u32..).zip(RUNS).map(|(n, run)| run + 0.3 * f64::from(n)).collect();
    close(pinned(&drifting, 2.31, 2.52).unwrap().se, effect.se, 1e-9);
}

#[test]
fn a_known_spread_needs_no_history() {
    let effect = known_spread(&[2.0], 2.3, 0.1, 10).unwrap();
    close(effect.se, 0.1 * std::f64::consts::SQRT_2, 1e-12);
    close(effect.df, 9.0, 0.0);
    close(effect.estimate, 0.3, 1e-12);
}

#[test]
fn too_few_runs_have_no_effect() {
    assert!(prediction(&[], 1.0).is_none() && prediction(&[1.0], 1.0).is_none());
    assert!(pinned(&[1.0, 2.0], 1.0, 1.0).is_none());
    assert!(known_spread(&[], 1.0, 0.1, 10).is_none() && known_spread(&[1.0], 1.0, 0.1, 1).is_none());
    assert!(spread(&[1.0]).is_none());
}

#[test]
fn holm_equals_statsmodels() {
    // statsmodels 0.15.0: multipletests(ps, method='holm').
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005, 0.6, 0.04]);
    for (got, wanted) in adjusted.iter().zip([0.05, 0.12, 0.12, 0.03, 0.6, 0.12]) {
        close(*got, wanted, 1e-12);
    }
    assert!(holm(&[]).is_empty());
}

proptest! {
    #[test]
    fn holm_lies_between_none_and_bonferroni(ps in prop::collection::vec(0.0..=1.0, 1..40)) {
        let adjusted = holm(&ps);
        for (p, adjusted) in ps.iter().zip(&adjusted) {
            prop_assert!(p <= adjusted && *adjusted <= (p * ps.len() as f64).min(1.0));
        }
        for (a, b) in ps.iter().zip(&adjusted) {
            for (c, d) in ps.iter().zip(&adjusted) {
                prop_assert!(a > c || b <= d, "the order is kept");
            }
        }
    }

    #[test]
    fn a_shift_of_all_runs_changes_nothing(runs in prop::collection::vec(-1.0..1.0, 3..30), shift in -10.0..10.0) {
        let moved: Vec<f64> = runs.iter().map(|run| run + shift).collect();
        let (a, b) = (prediction(&runs, 0.5).unwrap(), prediction(&moved, 0.5 + shift).unwrap());
        prop_assert!((a.estimate - b.estimate).abs() < 1e-9 && (a.se - b.se).abs() < 1e-9);
        let (a, b) = (pinned(&runs, 0.1, 0.5).unwrap(), pinned(&moved, 0.1 + shift, 0.5 + shift).unwrap());
        prop_assert!((a.estimate - b.estimate).abs() < 1e-9 && (a.se - b.se).abs() < 1e-9);
    }
}
