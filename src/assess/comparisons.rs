//! The metrics of a case compared, and which alarms stand.

use std::borrow::Cow;

use super::Assessor;
use super::references::MetricReference;
use crate::baseline::metrics::{self, Against, Statistic};
use crate::judge;
use crate::model::named::Named;
use crate::model::record::{self, BaseArm, Word};
use crate::model::reduced::Metric;
use crate::model::{Change, Comparison, Observation, Verdict};
use crate::plan::Case;

/// The metrics of a case and their comparisons, alarms not confirmed yet.
pub(super) struct Comparisons {
    metrics: Named<record::Metric>,
    /// The same, reduced to what is compared.
    reduced: Vec<Metric>,
    base: Option<BaseArm>,
    compared: Vec<StatisticComparison>,
    /// Comparisons without a result, by metric: no later round changes them.
    impossible: Vec<(String, Comparison)>,
}

/// One statistic of a metric, compared.
pub(super) struct StatisticComparison {
    /// Position of the metric.
    pub(super) metric: usize,
    pub(super) statistic: Statistic,
    pub(super) comparison: Comparison,
    /// How many comparisons of the run could alarm by chance.
    pub(super) tests: usize,
    /// Why some runs of the baseline are not among those compared with.
    pub(super) left_out: Option<String>,
}

/// The comparisons of a case, each alarm confirmed or taken back.
pub(super) struct CaseComparison {
    pub(super) metrics: Named<record::Metric>,
    pub(super) comparison: Named<Comparison>,
    pub(super) base: Option<BaseArm>,
}

impl Comparisons {
    /// Whether a metric regressed by the rounds so far.
    pub(super) fn alarm(&self) -> bool {
        self.compared.iter().any(|one| one.comparison.verdict == Change::Regressed)
    }
}

impl Assessor {
    /// Reduces the metrics of a case and compares them, if it held: numbers of a target that did not do what was asked of it
    /// are numbers of something else.
    pub(super) fn compare(&self, case: &Case, observation: &Observation, verdict: Verdict) -> Comparisons {
        let metrics = judge::metrics(case, observation);
        let base = judge::base_arm(case, observation);
        let mut out = Comparisons { metrics, reduced: Vec::new(), base, compared: Vec::new(), impossible: Vec::new() };
        if case.head.is_none() && self.references.is_none() {
            return out;
        }
        out.reduced = out.metrics.0.iter().map(|(_, metric)| metric.into()).collect();
        let named = out.metrics.0.iter().map(|(name, _)| name).zip(&out.reduced);
        let named = named.enumerate().filter(|(_, (name, _))| !case.baseline.ignores(name));
        match (broken(verdict, out.base.as_ref()), &self.references) {
            (Some(why), _) => {
                let none = |(_, (name, metric)): (_, (&Word, &Metric))| {
                    (name.to_string(), metrics::not_compared(metric, &why))
                };
                out.impossible = named.map(none).collect();
            }
            (None, Some(references)) if case.head.is_none() => {
                let held = named.map(|(at, (name, metric))| (at, references.held(case, name, metric)));
                out.compared = held.flat_map(|(at, held)| with_runs(held, at)).collect();
                out.impossible = references.unmeasured(case, &out.metrics);
            }
            _ => out.compared = self.between_arms(&named.map(|(at, (_, metric))| (at, metric)).collect::<Vec<_>>()),
        }
        out
    }

    /// The metrics, each at its position, between the arms.
    fn between_arms(&self, all: &[(usize, &Metric)]) -> Vec<StatisticComparison> {
        let mut out = Vec::new();
        for (at, metric) in all {
            let one = |(statistic, comparison)| StatisticComparison {
                metric: *at,
                statistic,
                comparison,
                tests: 0,
                left_out: None,
            };
            out.extend(metrics::compare(metric, Against::OtherArm).into_iter().map(one));
        }
        // Each quantile of a metric is a chance of its own to alarm.
        let tests = (self.paired_metrics * out.len()).div_ceil(all.len().max(1));
        for one in &mut out {
            one.tests = tests;
        }
        out
    }

    /// Holds every alarm against what was measured to confirm it, or against all comparisons of the run.
    pub(super) fn confirm_alarms(&self, case: &Case, comparisons: Comparisons) -> CaseComparison {
        let Comparisons { metrics, reduced, base, compared, impossible } = comparisons;
        let mut comparison: Vec<(Word, Comparison)> = Vec::with_capacity(compared.len() + impossible.len());
        for mut one in compared {
            let (Some((name, _)), Some(metric)) = (metrics.0.get(one.metric), reduced.get(one.metric)) else {
                continue;
            };
            if one.comparison.verdict == Change::Regressed {
                let held = self.references.as_ref().and_then(|references| references.held(case, name, metric));
                match (&case.head, held) {
                    (None, Some(held)) => confirm(&mut one, metric, Against::Runs(&held.reference)),
                    _ => confirm(&mut one, metric, Against::OtherArm),
                }
            }
            if let (Some(reason), Some(left_out)) = (&mut one.comparison.reason, &one.left_out) {
                *reason = format!("{reason} ({left_out})");
            }
            comparison.push((Cow::Owned(one.statistic.key(name)), one.comparison));
        }
        comparison.extend(impossible.into_iter().map(|(name, one)| (Cow::Owned(name), one)));
        comparison.sort_by(|(one, _), (other, _)| one.cmp(other));
        CaseComparison { metrics, comparison: Named(comparison), base }
    }
}

/// Why the numbers of a case are not those it was to measure.
fn broken(verdict: Verdict, base: Option<&BaseArm>) -> Option<String> {
    match (verdict, base) {
        (Verdict::Passed, Some(base)) if base.verdict != Verdict::Passed => Some(format!(
            "the old target did not hold, so its numbers are no reference: {}",
            base.reason.as_deref().unwrap_or("not measured")
        )),
        (Verdict::Passed, _) => None,
        _ => Some("the check did not hold, so its numbers are not those it was to measure".to_owned()),
    }
}

/// The metric at position `at` against the runs of its baseline.
fn with_runs(held: Option<MetricReference<'_>>, at: usize) -> Vec<StatisticComparison> {
    let Some(held) = held else { return Vec::new() };
    let mut found = metrics::compare(held.metric, Against::Runs(&held.reference));
    let tests = held.metrics * found.len();
    let left_out = Some(held.left_out).filter(|why| !why.is_empty());
    let none = held.reference.window.is_empty();
    if none {
        for (_, comparison) in &mut found {
            comparison.reason = held.missing.map(str::to_owned).or_else(|| left_out.clone());
        }
    }
    let left_out = left_out.filter(|_| !none);
    let one = |(statistic, comparison)| StatisticComparison {
        metric: at,
        statistic,
        comparison,
        tests,
        left_out: left_out.clone(),
    };
    found.into_iter().map(one).collect()
}

/// An alarm stands when fresh rounds confirm it. Runs of other days it must exceed by more than chance even so, as fresh
/// rounds share what made the whole run differ; and so must one that cannot be measured again (a failover).
pub(super) fn confirm(one: &mut StatisticComparison, metric: &Metric, against: Against<'_>) {
    let fresh = metric.rounds.iter().any(|round| round.confirm);
    if fresh {
        metrics::confirm(&mut one.comparison, metric, one.statistic, against, metrics::alpha(one.tests));
    }
    if !fresh || matches!(against, Against::Runs(_)) {
        metrics::beyond_chance(&mut one.comparison, one.tests);
    }
}
