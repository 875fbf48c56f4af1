//! The judge, as the engine asks for it.

use std::borrow::Cow;

use crate::engine::Assess;
use crate::judge::{self, Judgement};
use crate::model::record::Timing;
use crate::model::{CheckRecord, Fault, Observation, Verdict};
use crate::plan::Case;

/// Judges by expectations.
pub struct ByExpectation;

impl Assess for ByExpectation {
    type Judgement = Judgement;

    fn assess(&self, case: &Case, seen: &Observation, fault: Option<Fault>) -> (Verdict, Option<String>, Judgement) {
        let judgement = judge::judge(&case.check, seen, fault);
        (judgement.verdict, judgement.reason.clone(), judgement)
    }

    fn record(&self, case: &Case, seen: &Observation, judgement: Judgement, timing: Timing) -> CheckRecord {
        judge::record(&case.suite, &case.check, seen, judgement, timing)
    }

    fn skipped(&self, case: &Case, reason: String) -> CheckRecord {
        let judgement =
            Judgement { verdict: Verdict::Skipped, reason: Some(reason), fault: None, expectations: Vec::new() };
        let record = judge::record(&case.suite, &case.check, &Observation::default(), judgement, Timing::default());
        CheckRecord { family: Cow::Borrowed(case.check.family.name), ..record }
    }
}
