//! Limits of a check that its own fields say cannot be kept.

use crate::model::Value;
use crate::model::expectation::{Expectation, domain};
use crate::probe::DerivedExpectation;
use crate::suite::diagnostic::{Diagnostics, Span};

/// Makes each upper limit an error that would be broken although all is well, by what the fields of the check say.
pub fn check_limits(derived: &[DerivedExpectation], written: &[(Expectation, Span)], errors: &mut Diagnostics) {
    let Some(by_fields) = derived.first() else { return };
    for (expectation, span) in written {
        let Expectation { path, info, sort, test, operator, want, .. } = expectation;
        let holds = |value: f64| test.holds(Some(&Value::from(value)), *sort);
        let (soonest, latest) = by_fields.range;
        let is_bounded = by_fields.bounded.contains(&info.name);
        if !is_bounded || holds(latest) || !domain::limits_above(test, *sort) || errors.has(*span) {
            continue;
        }
        let unit = |value| info.unit.human(value);
        let limit = format!("`{path}` {}", operator.sentence(want));
        let message = if holds(soonest) {
            format!("{limit} would hold by chance: it may take from {} to {}", unit(soonest), unit(latest))
        } else {
            format!("{limit} would not hold: it takes {} at least", unit(soonest))
        };
        let help = format!("allow more than {}, or write what is configured: {}", unit(latest), by_fields.why);
        errors.add(*span, message, help);
    }
}
