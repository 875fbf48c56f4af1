//! The judge, as the engine asks for it: expectations first, then comparison with the other arm or the baseline.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::baseline::compare::{self, Statistic};
use crate::engine::Assess;
use crate::judge::{self, Judgement};
use crate::model::named::Named;
use crate::model::record::{BaseArm, Metric, Timing, Word};
use crate::model::{Change, CheckRecord, Comparison, Fault, Observation, Verdict};
use crate::plan::{Case, Plan};

/// Judges by expectations, and compares what was measured.
#[derive(Default)]
pub struct Judge {
    /// Metrics the whole run compares, for the level alarms are confirmed at.
    pub metrics: usize,
    /// What a single target is held against.
    pub(super) references: Option<References>,
}

use super::references::References;

type Compared = BTreeMap<String, Comparison>;

impl Judge {
    /// What the reader should know before the run.
    pub(super) fn notices(&self, plan: &Plan) -> String {
        self.references.as_ref().map_or_else(String::new, |references| references.notices(plan))
    }

    /// Checks that the baseline has and the suites no longer do.
    pub(super) fn vanished(&self, plan: &Plan) -> Vec<String> {
        self.references.as_ref().map_or_else(Vec::new, |references| references.vanished(plan))
    }

    /// Compares the metrics of a case that held; with `settled` alarms are held against the rounds that were made to confirm
    /// them, and against all metrics of the gate.
    fn compare(&self, case: &Case, metrics: &Named<Metric>, settled: bool) -> Compared {
        let mut out = Vec::new();
        for (name, metric) in &metrics.0 {
            if compare::has_arms(metric) {
                let compared = compare::interleaved(metric).into_iter();
                out.extend(compared.map(|(statistic, comparison)| (name, metric, statistic, comparison)));
            } else if let Some(references) = &self.references {
                let compared = references.compare(case, name, metric, settled).into_iter();
                out.extend(compared.map(|(statistic, comparison)| (name, metric, statistic, comparison)));
            }
        }
        // Each quantile of a metric is a chance of its own to alarm.
        let tests = (self.metrics * out.len()).div_ceil(metrics.0.len().max(1));
        for (_, metric, statistic, comparison) in &mut out {
            if settled && compare::has_arms(metric) {
                confirmed(metric, *statistic, comparison, tests);
            }
        }
        let mut out: Compared =
            out.into_iter().map(|(name, _, statistic, comparison)| (statistic.key(name), comparison)).collect();
        if let (Some(references), None) = (&self.references, &case.head) {
            out.extend(references.unmeasured(case, metrics));
        }
        out
    }

    /// The comparisons of a case that ran, and what arm `base` saw. Numbers of a target that did not do what was asked of it
    /// are numbers of something else.
    fn compared(
        &self,
        case: &Case,
        seen: &Observation,
        verdict: Verdict,
        settled: bool,
    ) -> (Compared, Option<BaseArm>) {
        let metrics = judge::metrics(case.subject(), seen);
        let base = case.head.as_ref().and_then(|_| judge::base_arm(&case.check, seen));
        let broken = match (verdict, &base) {
            (Verdict::Passed, Some(base)) if base.verdict != Verdict::Passed => Some(format!(
                "arm base did not hold, so its numbers are no reference: {}",
                base.reason.as_deref().unwrap_or("not measured")
            )),
            (Verdict::Passed, _) => None,
            _ => Some("the check did not hold, so its numbers are not those it was to measure".to_owned()),
        };
        let mut compared = Compared::new();
        match broken {
            None => compared = self.compare(case, &metrics, settled),
            Some(why) if case.head.is_some() || self.references.is_some() => {
                let none = |(name, metric): &(Word, Metric)| (name.to_string(), compare::vanished(metric, &why));
                compared.extend(metrics.0.iter().map(none));
            }
            Some(_) => {}
        }
        (compared, base)
    }
}

/// An alarm stands when fresh rounds confirm it. What cannot be measured again (a failover) must hold among all metrics.
fn confirmed(metric: &Metric, statistic: Statistic, comparison: &mut Comparison, tests: usize) {
    if comparison.verdict != Change::Regressed {
        return;
    }
    if metric.rounds.iter().any(|round| round.confirm) {
        compare::confirm_arms(comparison, metric, statistic, compare::alpha(tests));
    } else {
        compare::beyond_chance(comparison, tests);
    }
}

impl Assess for Judge {
    type Judgement = Judgement;

    fn assess(&self, case: &Case, seen: &Observation, fault: Option<Fault>) -> (Verdict, Option<String>, Judgement) {
        let judgement = judge::judge(case.subject(), seen, fault);
        (judgement.verdict, judgement.reason.clone(), judgement)
    }

    fn doubts(&self, case: &Case, seen: &Observation) -> bool {
        let verdict = judge::judge(case.subject(), seen, None).verdict;
        let (compared, _) = self.compared(case, seen, verdict, false);
        compared.values().any(|comparison| comparison.verdict == Change::Regressed)
    }

    fn record(&self, case: &Case, seen: &Observation, judgement: Judgement, timing: Timing) -> CheckRecord {
        let (compared, base) = self.compared(case, seen, judgement.verdict, true);
        let mut record = judge::record(&case.suite, case.subject(), seen, judgement, timing);
        record.comparison = compared.into_iter().map(|(name, compared)| (Cow::Owned(name), compared)).collect();
        record.base = base.map(Box::new);
        record.baseline = self.references.as_ref().filter(|_| case.head.is_none()).and_then(|all| all.named(case));
        record
    }

    fn skipped(&self, case: &Case, reason: String) -> CheckRecord {
        let judgement =
            Judgement { verdict: Verdict::Skipped, reason: Some(reason), fault: None, expectations: Vec::new() };
        let check = case.subject();
        let record = judge::record(&case.suite, check, &Observation::default(), judgement, Timing::default());
        CheckRecord { family: Cow::Borrowed(check.family.name), ..record }
    }
}

#[cfg(test)]
mod tests {
    use super::{Statistic, compare, confirmed};
    use crate::model::record::{Metric, RoundRecord};
    use crate::model::{Arm, Change};

    /// Ten pairs, the head `share` slower, none of them fresh.
    fn pairs(share: f64) -> Metric {
        let wobble = [0.3, -0.8, 0.9, -0.1, 0.5, -0.6, 0.1, 0.7, -0.9, -0.2];
        let round = |slot: usize| {
            let head = slot % 4 == 1 || slot % 4 == 2;
            let value = (1.0 + 0.05 * wobble[(slot * 7) % 10]) * if head { 1.0 + share } else { 1.0 };
            let arm = Some(if head { Arm::Head } else { Arm::Base });
            let slot = u32::try_from(slot).unwrap();
            let (p50, p90, p99, min, max, mean) = (value, value, value, value, value, value);
            RoundRecord {
                slot,
                arm,
                confirm: false,
                start_s: 0.0,
                count: 9,
                p50,
                p90,
                p99,
                min,
                max,
                mean,
                discarded: None,
            }
        };
        Metric {
            unit: "s".into(),
            better: "lower".into(),
            kind: "ratio".into(),
            share: false,
            tolerance: 0.01,
            tails: crate::model::named::Named::default(),
            rounds: (0..20).map(round).collect(),
            histogram: None,
        }
    }

    /// A failover is not broken again to confirm an alarm.
    #[test]
    fn what_cannot_be_measured_again_must_hold_among_all_metrics() {
        let verdict = |share: f64, tests: usize| {
            let metric = pairs(share);
            let mut one = compare::interleaved(&metric).remove(0).1;
            assert_eq!(one.verdict, Change::Regressed, "{one:?}");
            confirmed(&metric, Statistic::P50, &mut one, tests);
            one.verdict
        };
        assert_eq!(verdict(0.05, 1), Change::Regressed);
        assert_eq!(verdict(0.05, 40), Change::Inconclusive);
        assert_eq!(verdict(0.5, 40), Change::Regressed);
    }
}
