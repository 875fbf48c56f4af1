//! The judge, as the engine asks for it: expectations first, then comparison with the other arm or the baseline.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::baseline::compare::{self, Statistic};
use crate::engine::Assess;
use crate::judge::{self, Judgement};
use crate::model::named::Named;
use crate::model::record::{Metric, Timing};
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

    /// Compares the metrics of a case; with `settled` alarms are held against the rounds that were made to confirm them, and
    /// against all metrics of the gate.
    fn compare(&self, case: &Case, metrics: &Named<Metric>, settled: bool) -> Compared {
        let mut out = Compared::new();
        for (name, metric) in &metrics.0 {
            if compare::has_arms(metric) {
                for (statistic, comparison) in compare::interleaved(metric) {
                    out.insert(statistic.key(name), self.confirmed(metric, statistic, comparison, settled));
                }
            } else if let Some(references) = &self.references {
                let compared = references.compare(case, name, metric, settled);
                out.extend(compared.into_iter().map(|(statistic, comparison)| (statistic.key(name), comparison)));
            }
        }
        if let (Some(references), None) = (&self.references, &case.head) {
            out.extend(references.unmeasured(case, metrics));
        }
        out
    }

    fn confirmed(
        &self,
        metric: &Metric,
        statistic: Statistic,
        mut comparison: Comparison,
        settled: bool,
    ) -> Comparison {
        let fresh = metric.rounds.iter().any(|round| round.confirm);
        if settled && fresh && comparison.verdict == Change::Regressed {
            compare::confirm_arms(&mut comparison, metric, statistic, compare::alpha(self.metrics));
        }
        comparison
    }
}

impl Assess for Judge {
    type Judgement = Judgement;

    fn assess(&self, case: &Case, seen: &Observation, fault: Option<Fault>) -> (Verdict, Option<String>, Judgement) {
        let judgement = judge::judge(case.subject(), seen, fault);
        (judgement.verdict, judgement.reason.clone(), judgement)
    }

    fn doubts(&self, case: &Case, seen: &Observation) -> bool {
        let compared = self.compare(case, &judge::metrics(case.subject(), seen), false);
        compared.values().any(|comparison| comparison.verdict == Change::Regressed)
    }

    fn record(&self, case: &Case, seen: &Observation, judgement: Judgement, timing: Timing) -> CheckRecord {
        let measured = judgement.verdict != Verdict::Errored;
        let mut record = judge::record(&case.suite, case.subject(), seen, judgement, timing);
        if measured {
            let compared = self.compare(case, &record.metrics, true);
            record.comparison = compared.into_iter().map(|(name, compared)| (Cow::Owned(name), compared)).collect();
        }
        if case.head.is_some() {
            record.base = judge::base_arm(&case.check, seen).map(Box::new);
        }
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
