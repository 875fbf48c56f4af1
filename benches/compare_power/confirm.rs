//! Cells of many metrics in two arms.

use shakedown::baseline::metrics::{self, Against, Statistic};
use shakedown::model::reduced::Metric;
use shakedown::model::{Arm, Change, Comparison};

use crate::design::{self, Size};
use crate::noise::{AUTOCORRELATED, DRIFT, ECMP, Noise};
use crate::peers::mann_whitney;
use crate::print::{Limit, Report, bare, cell, table};
use crate::tally::{Effort, Share};

/// Rules of a gate.
const RULES: usize = 4;
/// Where two of them stand.
pub const CONFIRM: usize = 1;
/// Holm's adjustment.
pub const HOLM: usize = 2;

/// The verdicts of one run of a suite under each rule: each metric alone, confirmed, Holm, Mann-Whitney each alone.
fn alarms(metrics: &[Metric], comparisons: &[Comparison]) -> [Vec<bool>; RULES] {
    let regressed =
        |comparisons: &[Comparison]| comparisons.iter().map(|one| one.verdict == Change::Regressed).collect();
    let (mut comparisons, mut held) = (comparisons.to_vec(), comparisons.to_vec());
    let alone = regressed(&comparisons);
    metrics::holm(&mut held.iter_mut().collect::<Vec<_>>());
    let alpha = metrics::alpha(metrics.len());
    for (one, metric) in comparisons.iter_mut().zip(metrics).filter(|(one, _)| one.verdict == Change::Regressed) {
        metrics::confirm(one, metric, Statistic::P50, Against::OtherArm, alpha);
    }
    let worse = |metric: &Metric| {
        let (base, head) = (design::medians(metric, Arm::Base), design::medians(metric, Arm::Head));
        // The direction is that of the medians, as a person would read it.
        let middle = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            shakedown::stats::summary::quantile(&sorted, 0.5)
        };
        mann_whitney(&base, &head) <= 0.05 && middle(&head) > middle(&base)
    };
    [alone, regressed(&comparisons), regressed(&held), metrics.iter().map(worse).collect()]
}

/// The outcomes of many runs of a suite, by rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gate {
    /// Runs in which any of the unchanged metrics alarmed.
    pub any: [Share; RULES],
    /// Runs that find a metric 8 % slower.
    pub eight: [Share; RULES],
    /// Runs that find a metric 12 % slower.
    pub twelve: [Share; RULES],
}

/// A gate of `metrics` metrics.
pub fn gate(effort: Effort, noise: Noise, metrics: usize, size: Size) -> Gate {
    let mut out = Gate::default();
    let mut rng = effort.rng(&format!("gate of {metrics}, {} {}", noise.name, size.samples));
    for _ in 0..effort.comparisons {
        let mut suite = vec![design::two_arms_confirmed(noise, size, &[1.0, 1.08, 1.12], &mut rng)];
        suite.extend((1..metrics).map(|_| design::two_arms_confirmed(noise, size, &[1.0], &mut rng)));
        let mut comparisons: Vec<Comparison> = suite.iter().map(design::judged).collect();
        for (share, alarms) in out.any.iter_mut().zip(alarms(&suite, &comparisons)) {
            share.count(alarms.contains(&true));
        }
        let first = suite[0].clone();
        for (shares, factor) in [(&mut out.eight, 1.08), (&mut out.twelve, 1.12)] {
            suite[0] = design::with_head(&first, factor);
            comparisons[0] = design::judged(&suite[0]);
            for (share, alarms) in shares.iter_mut().zip(alarms(&suite, &comparisons)) {
                share.count(alarms[0]);
            }
        }
    }
    out
}

/// Gates of twenty and of sixty metrics, with ten pairs and ten fresh ones for what alarms.
pub fn gates(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for (noise, metrics) in [(AUTOCORRELATED, 20), (DRIFT, 20), (ECMP, 20), (AUTOCORRELATED, 60)] {
        let name = format!("{}, {metrics} metrics", noise.name);
        let Gate { any, eight, twelve } = gate(effort, noise, metrics, Size { rounds: 10, samples: 200 });
        report.bound(&name, "A/A, any regressed after confirmation", any[CONFIRM], Limit::AtMost(5.0));
        report.bound(&name, "A/A, any regressed after Holm", any[HOLM], Limit::AtMost(5.0));
        for (at, rule) in ["each alone", "**confirm**", "Holm", "Mann-Whitney each alone"].into_iter().enumerate() {
            let cells = [cell(any[at]), bare(eight[at]), bare(twelve[at])];
            rows.push([vec![name.clone(), rule.to_owned()], cells.to_vec()].concat());
        }
    }
    let head = ["", "rule", "any alarm, no change", "a metric 8 % slower is found", "12 %"];
    table("Many metrics, 10 pairs, alarms in % of suite runs", &head, &rows);
}
