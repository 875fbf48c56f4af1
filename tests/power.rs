//! The promises of comparison, held by simulation: the core cells of `benches/compare_power`, the same code and seed, so
//! that a change of method shows here before it shows at a user's gate. Not here: the stormy and trend models, 8 pairs,
//! tails, and the gate against stored runs; the bench has them.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

#[allow(dead_code)] // the bench uses all of it
#[path = "../benches/compare_power/cells.rs"]
mod cells;
#[allow(dead_code)]
#[path = "../benches/compare_power/confirm.rs"]
mod confirm;
#[allow(dead_code)]
#[path = "../benches/compare_power/design.rs"]
mod design;
#[allow(dead_code)]
#[path = "../benches/compare_power/noise.rs"]
mod noise;
#[allow(dead_code)]
#[path = "../benches/compare_power/peers.rs"]
mod peers;
#[allow(dead_code)]
#[path = "../benches/compare_power/print.rs"]
mod print;
#[allow(dead_code)]
#[path = "../benches/compare_power/runs.rs"]
mod runs;
#[allow(dead_code)]
#[path = "../benches/compare_power/tally.rs"]
mod tally;

use cells::{blocked, lossy};
use confirm::{CONFIRM, HOLM, gate};
use design::Size;
use noise::{AUTOCORRELATED, DRIFT, ECMP, Noise, Rng};
use peers::mann_whitney;
use runs::{Course, EARLIER, against, two_references};
use tally::{Effort, Share, Tally, interleaved};

const EFFORT: Effort = Effort { comparisons: 1000, seed: 1 };

/// Not shown to be above: the lower end of the 95 % interval is at most this.
#[track_caller]
fn at_most(share: Share, most: f64) {
    assert!(share.wilson()[0] <= most, "{:.1} %, wanted at most {most} %: {:?}", share.percent(), share.wilson());
}

#[track_caller]
fn at_least(share: Share, least: f64) {
    assert!(share.percent() >= least, "{:.1} %, wanted at least {least} %", share.percent());
}

#[track_caller]
fn near(share: Share, wanted: f64) {
    assert!((share.percent() - wanted).abs() <= 3.5, "{:.1} %, wanted about {wanted} %", share.percent());
}

/// Pairs of 200 samples a round, and what holds whatever the noise.
#[track_caller]
fn pairs(noise: Noise, rounds: usize) -> [Tally; 3] {
    let tallies = interleaved(EFFORT, noise, Size { rounds, samples: 200 });
    at_most(tallies[0].changed, 5.0);
    at_most(tallies[0].regressed, 2.5);
    // A change of the tolerance must not pass for none.
    at_most(tallies[1].unchanged, 5.0);
    for tally in &tallies {
        assert!((93.0..=97.0).contains(&tally.covered.percent()), "coverage {:.1} %", tally.covered.percent());
    }
    tallies
}

#[test]
fn autocorrelated_samples() {
    let [_, _, ten] = pairs(AUTOCORRELATED, 5);
    at_least(ten.changed, 64.0);
    // The yardstick: Mann-Whitney finds as much as it did in the reference, so the noise is no easier.
    near(ten.peer, 58.0);
    pairs(AUTOCORRELATED, 6);
    pairs(AUTOCORRELATED, 10);
    pairs(AUTOCORRELATED, 20);
}

#[test]
fn drifting_sessions() {
    let [_, _, ten] = pairs(DRIFT, 5);
    at_least(ten.changed, 57.0);
    near(ten.peer, 42.0);
    pairs(DRIFT, 6);
    let [_, five, ten] = pairs(DRIFT, 10);
    at_least(five.changed, 36.0);
    at_least(ten.changed, 90.0);
    near(five.peer, 28.0);
    near(ten.peer, 84.0);
    pairs(DRIFT, 20);
}

#[test]
fn paths_of_other_length() {
    let [_, _, ten] = pairs(ECMP, 5);
    at_least(ten.changed, 80.0);
    near(ten.peer, 73.0);
    pairs(ECMP, 6);
    pairs(ECMP, 10);
    pairs(ECMP, 20);
}

#[test]
fn the_same_samples_in_many_short_rounds() {
    for (noise, least) in [(AUTOCORRELATED, 63.0), (DRIFT, 58.0), (ECMP, 87.0)] {
        let [same, five, _] = interleaved(EFFORT, noise, Size { rounds: 20, samples: 150 });
        at_most(same.regressed, 2.5);
        at_least(five.changed, least);
    }
}

#[test]
fn blocks_never_regress() {
    for tally in blocked(EFFORT, DRIFT, 10) {
        assert_eq!(tally.regressed.hits, 0);
        assert_eq!(tally.regressed.of, EFFORT.comparisons);
    }
}

#[test]
fn runs_of_separate_sessions() {
    for (earlier, [same, _, twenty]) in EARLIER.into_iter().zip(against(EFFORT, AUTOCORRELATED)) {
        if earlier < 8 {
            assert_eq!((same.changed.hits, twenty.regressed.hits), (0, 0), "{earlier} runs decide nothing");
        } else {
            at_most(same.changed, 7.0);
            at_most(same.regressed, 2.5);
            at_least(twenty.regressed, 65.0);
        }
    }
}

#[test]
fn a_pinned_release_sees_a_slow_drift() {
    let [window, release, _, gate] = two_references(EFFORT, "level", Course::Level);
    at_most(window, 2.5);
    at_most(release, 2.5);
    at_most(gate, 5.0);
    let [window, release, ..] = two_references(EFFORT, "+1 % each run", Course::Creep(0.01));
    assert!(release.percent() > 2.0 * window.percent(), "{release:?} beside {window:?}");
}

#[test]
fn twenty_metrics_with_confirmation() {
    // Rounds of 30 samples: noisier than those of the bench, and quicker.
    let found = gate(EFFORT, DRIFT, 20, Size { rounds: 10, samples: 30 });
    at_most(found.any[CONFIRM], 5.0);
    at_most(found.any[HOLM], 5.0);
    assert!(found.any[0].percent() > 15.0, "without either it alarms often: {:?}", found.any[0]);
    assert!(found.eight[CONFIRM].hits > found.eight[HOLM].hits, "{found:?}");
}

#[test]
fn losses_that_vary() {
    for varies in [0.5, 1.0] {
        for rounds in [6, 10] {
            let found = lossy(EFFORT, 0.01, 300, varies, rounds);
            at_most(found.same.changed, 5.0);
            at_most(found.same.regressed, 2.5);
        }
    }
}

#[test]
fn the_peer_is_computed_exactly() {
    // scipy.stats.mannwhitneyu(.., method='exact') of SciPy 1.17.1.
    let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-12, "{got} {wanted}");
    close(mann_whitney(&[1.0, 2.0, 3.0, 4.0, 5.0], &[4.5, 6.0, 7.0, 8.0, 9.0]), 0.015_873_015_873_015_872);
    close(mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0, 7.0]), 0.057_142_857_142_857_14);
    close(mann_whitney(&[3.0, 1.5, 8.0, 2.5], &[2.0, 9.0, 1.0, 4.0]), 1.0);
}

#[test]
fn the_generator_is_what_it_says() {
    let mut rng = Rng::new(7, "moments");
    let normals: Vec<f64> = (0..200_000).map(|_| rng.normal()).collect();
    let moment = |power: i32| normals.iter().map(|x| x.powi(power)).sum::<f64>() / normals.len() as f64;
    for (power, wanted, error) in [(1, 0.0, 0.01), (2, 1.0, 0.015), (3, 0.0, 0.03), (4, 3.0, 0.1)] {
        assert!((moment(power) - wanted).abs() < error, "moment {power}: {}", moment(power));
    }
    let counts: Vec<f64> = (0..100_000).map(|_| f64::from(rng.poisson(3.0))).collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64;
    assert!((mean - 3.0).abs() < 0.03 && (variance - 3.0).abs() < 0.06, "{mean} {variance}");
}
