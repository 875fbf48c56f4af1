//! How a case that ran is assessed: its expectations first, then its numbers against the other arm or the baseline. An alarm
//! must be confirmed, or hold among all metrics of the run.

pub mod acceptance;
mod comparisons;
mod parity;
mod references;
pub mod reports;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;

pub use references::References;

use crate::engine::Assess;
use crate::judge::{self, Judgement};
use crate::model::named::Named;
use crate::model::record::Timing;
use crate::model::{CheckRecord, Fault, Observation, Silence, Verdict};
use crate::plan::{Case, Plan};
use comparisons::Comparisons;

/// Assesses the cases of one run.
#[derive(Default)]
pub struct Assessor {
    /// Metrics the whole run compares between arms, for the level alarms are confirmed at.
    paired_metrics: usize,
    /// The accepted runs a single target is compared with.
    references: Option<References>,
}

/// The judgement of an attempt. Its metrics are reduced and compared when they are first asked for, once.
pub struct Assessment {
    judgement: Judgement,
    comparisons: OnceCell<Comparisons>,
}

impl Assessor {
    /// An assessor of the cases of `plan`.
    #[must_use]
    pub fn new(plan: &Plan, references: Option<References>) -> Self {
        let paired = plan.cases.iter().filter(|case| case.head.is_some());
        Self { paired_metrics: paired.map(Case::metrics).sum(), references }
    }

    /// Notices for the reader before the run.
    #[must_use]
    pub fn notices(&self, plan: &Plan) -> String {
        self.references.as_ref().map_or_else(String::new, |references| references.notices(plan))
    }

    /// Checks that the baseline has and the suites no longer do.
    #[must_use]
    pub fn vanished(&self, plan: &Plan) -> Vec<String> {
        self.references.as_ref().map_or_else(Vec::new, |references| references.vanished(plan))
    }
}

impl Assessor {
    /// Whether the numbers of a case are held against others.
    fn compares(&self, case: &Case) -> bool {
        let baseline = self.references.as_ref().filter(|_| case.head.is_none());
        case.head.is_some() || baseline.is_some_and(|references| references.baseline_of(case).is_some())
    }
}

impl Assess for Assessor {
    type Judgement = Assessment;

    fn assess(
        &self,
        case: &Case,
        observation: &Observation,
        fault: Option<Fault>,
    ) -> (Verdict, Option<String>, Assessment) {
        let usual = |metric: &str| self.references.as_ref().filter(|_| case.head.is_none())?.usual(case, metric);
        let parity = if fault.is_none() { parity::compared(case, observation) } else { None };
        let judgement = match judge::judge_beside(case, observation, fault, &usual, parity.as_ref()) {
            passed if passed.verdict == Verdict::Passed && self.compares(case) => {
                match judge::all_late(case, observation) {
                    Some(fault) => judge::judge(case, observation, Some(fault)),
                    None => passed,
                }
            }
            other => other,
        };
        (judgement.verdict, judgement.reason.clone(), Assessment { judgement, comparisons: OnceCell::new() })
    }

    fn measured(&self, case: &Case, observation: &mut Observation) {
        judge::tally(case, observation);
    }

    fn needs_confirmation(&self, case: &Case, observation: &Observation, assessment: &Assessment) -> bool {
        if judge::is_unsure(&assessment.judgement) {
            return true;
        }
        let verdict = assessment.judgement.verdict;
        assessment.comparisons.get_or_init(|| self.compare(case, observation, verdict)).alarm()
    }

    fn silence<'a>(&self, assessment: &'a Assessment) -> Option<&'a Silence> {
        assessment.judgement.silence.as_ref()
    }

    fn record(&self, case: &Case, observation: &Observation, assessment: Assessment, timing: Timing) -> CheckRecord {
        let Assessment { judgement, comparisons } = assessment;
        let comparisons =
            comparisons.into_inner().unwrap_or_else(|| self.compare(case, observation, judgement.verdict));
        let confirmed = self.confirm_alarms(case, comparisons);
        let record = judge::record(case, observation, judgement, confirmed.metrics, timing);
        CheckRecord {
            comparison: confirmed.comparison,
            base: confirmed.base.map(Box::new),
            baseline: self.references.as_ref().filter(|_| case.head.is_none()).and_then(|all| all.baseline_of(case)),
            ..record
        }
    }

    fn skipped(&self, case: &Case, reason: String) -> CheckRecord {
        let judgement = Judgement::of(Verdict::Skipped, Some(reason));
        judge::record(case, &Observation::default(), judgement, Named::default(), Timing::default())
    }
}
