//! Cells of one metric in two arms.

use shakedown::baseline::metrics::{self, Statistic};
use shakedown::model::Change;

use crate::design::{self, Order, Size};
use crate::noise::{AUTOCORRELATED, DRIFT, ECMP, MODELS, Noise};
use crate::peers::two_proportions;
use crate::print::{Limit, Report, bare, cell, table};
use crate::tally::{Effort, SHIFTS, Share, Tally, interleaved, shifted};

/// Power promised: model, rounds, index into [`SHIFTS`], per cent.
const POWER: [(&str, usize, usize, f64); 5] = [
    ("drift", 10, 1, 36.0),
    ("drift", 10, 2, 90.0),
    ("autocorrelated", 5, 2, 64.0),
    ("drift", 5, 2, 57.0),
    ("ECMP", 5, 2, 80.0),
];

/// Every model and number of rounds: false alarms, power, verdicts, coverage.
pub fn pairs(effort: Effort, report: &mut Report) {
    let (mut tests, mut verdicts) = (Vec::new(), Vec::new());
    for noise in MODELS {
        for rounds in [5, 6, 8, 10, 20] {
            let name = format!("{}, {rounds} pairs", noise.name);
            let tallies = interleaved(effort, noise, Size { rounds, samples: 200 });
            tests.push(row(&name, tallies.iter().flat_map(|t| [cell(t.changed), bare(t.peer)])));
            let [same, five, ten] = &tallies;
            let words = [same.regressed, five.regressed, ten.regressed, same.unchanged, five.unchanged];
            let covered = [same.covered, ten.covered];
            verdicts.push(row(&name, words.map(bare).into_iter().chain(covered.map(cell))));
            report.bound(&name, "A/A p <= .05", same.changed, Limit::AtMost(5.0));
            report.bound(&name, "A/A regressed", same.regressed, Limit::AtMost(2.5));
            // A change of the tolerance is not "unchanged": two one-sided tests at 5 %.
            report.bound(&name, "unchanged at +5 %", five.unchanged, Limit::AtMost(5.0));
            for (tally, shift) in tallies.iter().zip(SHIFTS) {
                let what = format!("coverage at +{:.0} %", shift * 100.0);
                report.bound(&name, &what, tally.covered, Limit::Within(93.0, 97.0));
            }
            for (_, _, shift, least) in POWER.iter().filter(|(model, r, ..)| *model == noise.name && *r == rounds) {
                let what = format!("power at +{:.0} %", SHIFTS[*shift] * 100.0);
                report.bound(&name, &what, tallies[*shift].changed, Limit::AtLeast(*least));
            }
        }
    }
    table(
        "Called a change (p <= .05), %: shakedown (Wilson 95 %) and Mann-Whitney on the same rounds of 200 samples",
        &["", "no change", "M-W", "+5 %", "M-W", "+10 %", "M-W"],
        &tests,
    );
    table(
        "Verdicts and coverage of the 95 % interval, %",
        &["", "regressed, no change", "+5 %", "+10 %", "unchanged, no change", "+5 %", "coverage, no change", "+10 %"],
        &verdicts,
    );
}

fn row(name: &str, cells: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// The same 3000 samples per arm in few long rounds or many short ones.
pub fn budgets(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for (noise, least) in [(AUTOCORRELATED, 63.0), (DRIFT, 58.0), (ECMP, 87.0)] {
        for (rounds, samples) in [(5, 600), (10, 300), (20, 150)] {
            let name = format!("{}, {rounds} x {samples}", noise.name);
            let tallies = interleaved(effort, noise, Size { rounds, samples });
            let [same, five, _] = &tallies;
            rows.push(row(&name, [cell(same.changed), bare(same.peer), cell(five.changed), bare(five.peer)]));
            report.bound(&name, "A/A p <= .05", same.changed, Limit::AtMost(5.0));
            if rounds == 20 {
                report.bound(&name, "power at +5 %", five.changed, Limit::AtLeast(least));
            }
        }
    }
    table("3000 samples per arm, cut differently, %", &["", "no change", "M-W", "+5 %", "M-W"], &rows);
}

/// All of one arm before all of the other.
pub fn blocked(effort: Effort, noise: Noise, rounds: usize) -> [Tally; 3] {
    let size = Size { rounds, samples: 200 };
    let mut rng = effort.rng(&format!("blocks {} {rounds}", noise.name));
    shifted(noise, effort.comparisons, &mut rng, |noise, rng| design::two_arms(noise, Order::Blocks, size, rng))
}

/// Blocked designs.
pub fn blocks(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for noise in [AUTOCORRELATED, DRIFT] {
        for rounds in [5, 10, 20] {
            let name = format!("{}, {rounds} + {rounds}", noise.name);
            let tallies = blocked(effort, noise, rounds);
            let [same, _, ten] = &tallies;
            rows.push(row(&name, [same.regressed, ten.regressed, same.peer, ten.peer].map(bare)));
            for tally in &tallies {
                report.bound(&name, "blocked design regressed", tally.regressed, Limit::Within(0.0, 0.0));
            }
        }
    }
    let head = ["", "regressed, no change", "+10 %", "M-W, no change", "+10 %"];
    table("One arm after the other, without history, %", &head, &rows);
}

/// Medians and tails.
pub fn tails(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for samples in [300, 1000] {
        let mut tallies: Vec<(Statistic, [Tally; 2])> = Vec::new();
        let mut rng = effort.rng(&format!("tails {samples}"));
        for _ in 0..effort.comparisons {
            let metric = design::two_arms(DRIFT, Order::Pairs, Size { rounds: 10, samples }, &mut rng);
            for (at, shift) in [0.0, 0.10].into_iter().enumerate() {
                for (statistic, comparison) in metrics::interleaved(&design::with_head(&metric, 1.0 + shift)) {
                    if !tallies.iter().any(|(known, _)| *known == statistic) {
                        tallies.push((statistic, Default::default()));
                    }
                    let found = tallies.iter_mut().find(|(known, _)| *known == statistic);
                    found.unwrap().1[at].count(&comparison, 1.0 + shift, None);
                }
            }
        }
        for (statistic, [same, ten]) in tallies {
            let name = format!("{} of {samples} samples", statistic.word());
            report.bound(&name, "A/A p <= .05", same.changed, Limit::AtMost(5.0));
            report.bound(&name, "A/A regressed", same.regressed, Limit::AtMost(2.5));
            rows.push(row(&name, [same.changed, same.regressed, ten.changed, ten.regressed].map(bare)));
        }
    }
    let head = ["", "p <= .05, no change", "regressed", "p <= .05, +10 %", "regressed"];
    table("Tails: 10 pairs, drift, %", &head, &rows);
}

/// A loss: what shakedown says without a change, `regressed` at four times the rate, the pooled z test without a change.
pub struct Lossy {
    pub same: Tally,
    pub more: Share,
    pub pooled: Share,
}

/// `sent` packets a round, lost at `rate` on average.
pub fn lossy(effort: Effort, rate: f64, sent: u32, varies: f64, rounds: usize) -> Lossy {
    let mut rng = effort.rng(&format!("loss {rate} {sent} {varies} {rounds}"));
    let mut out = Lossy { same: Tally::default(), more: Share::default(), pooled: Share::default() };
    for _ in 0..effort.comparisons {
        let metric = design::loss([rate, rate], varies, sent, rounds, &mut rng);
        out.same.count(&design::judged(&metric), 0.0, None);
        out.pooled.count(two_proportions(&metric, sent) <= 0.05);
        let metric = design::loss([rate, rate * 4.0], varies, sent, rounds, &mut rng);
        out.more.count(design::judged(&metric).verdict == Change::Regressed);
    }
    out
}

/// Losses: counts that vary more than chance alone would have them, often zero.
pub fn losses(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for (rate, sent) in [(0.001, 300), (0.01, 300), (0.03, 1000)] {
        for varies in [0.5, 1.0] {
            for rounds in [6, 10, 20] {
                let name = format!("{:.1} % of {sent}, varying by {varies}, {rounds} pairs", rate * 100.0);
                let Lossy { same, more, pooled } = lossy(effort, rate, sent, varies, rounds);
                report.bound(&name, "A/A p <= .05", same.changed, Limit::AtMost(5.0));
                report.bound(&name, "A/A regressed", same.regressed, Limit::AtMost(2.5));
                let cells = [cell(same.changed), cell(same.regressed), bare(more), bare(pooled)];
                rows.push(row(&name, cells));
            }
        }
    }
    let head = ["", "p <= .05, no change", "regressed", "regressed, 4 times the loss", "pooled z test, no change"];
    table("Loss, %", &head, &rows);
}
