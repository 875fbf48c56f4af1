//! Cells of many metrics in two arms.

use shakedown::baseline::compare::{self, Statistic};
use shakedown::model::record::Metric;
use shakedown::model::{Arm, Change, Comparison};

use crate::cells::Effort;
use crate::design::{self, Size};
use crate::noise::{AUTOCORRELATED, DRIFT, ECMP};
use crate::peers::mann_whitney;
use crate::print::{Limit, Report, bare, cell, table};
use crate::tally::Share;

/// Rules of a gate.
const RULES: usize = 4;
const SIZE: Size = Size { rounds: 10, samples: 200 };

/// What one run of a suite said under each rule: each metric alone, confirmed, Holm, Mann-Whitney each alone.
fn alarms(metrics: &[Metric]) -> [Vec<bool>; RULES] {
    let regressed = |said: &[Comparison]| said.iter().map(|one| one.verdict == Change::Regressed).collect();
    let mut said: Vec<Comparison> = metrics.iter().map(design::judged).collect();
    let alone = regressed(&said);
    let mut held = said.clone();
    compare::holm(&mut held.iter_mut().collect::<Vec<_>>());
    let alpha = compare::alpha(metrics.len());
    for (one, metric) in said.iter_mut().zip(metrics).filter(|(one, _)| one.verdict == Change::Regressed) {
        compare::confirm_arms(one, metric, Statistic::P50, alpha);
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
    [alone, regressed(&said), regressed(&held), metrics.iter().map(worse).collect()]
}

/// Gates of twenty and of sixty metrics, with ten pairs and ten fresh ones for what alarms.
pub fn gates(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for (noise, metrics) in [(AUTOCORRELATED, 20), (DRIFT, 20), (ECMP, 20), (AUTOCORRELATED, 60)] {
        let name = format!("{}, {metrics} metrics", noise.name);
        let [mut any, mut eight, mut twelve] = [[Share::default(); RULES]; 3];
        let mut rng = effort.rng(&format!("gates {name}"));
        for _ in 0..effort.comparisons {
            let mut suite: Vec<Metric> =
                (0..metrics).map(|_| design::two_arms_and_fresh(noise, SIZE, &mut rng)).collect();
            for (share, alarms) in any.iter_mut().zip(alarms(&suite)) {
                share.count(alarms.contains(&true));
            }
            let first = suite[0].clone();
            for (shares, factor) in [(&mut eight, 1.08), (&mut twelve, 1.12)] {
                suite[0] = design::with_head(&first, factor);
                for (share, alarms) in shares.iter_mut().zip(alarms(&suite)) {
                    share.count(alarms[0]);
                }
            }
        }
        report.bound(&name, "A/A, any regressed after confirmation", any[1], Limit::AtMost(5.0));
        report.bound(&name, "A/A, any regressed after Holm", any[2], Limit::AtMost(5.0));
        for (at, rule) in ["each alone", "**confirm**", "Holm", "Mann-Whitney each alone"].into_iter().enumerate() {
            let cells = [cell(any[at]), bare(eight[at]), bare(twelve[at])];
            rows.push([vec![name.clone(), rule.to_owned()], cells.to_vec()].concat());
        }
    }
    let head = ["", "rule", "any alarm, no change", "a metric 8 % slower is found", "12 %"];
    table("Many metrics, 10 pairs, alarms in % of suite runs", &head, &rows);
}
