//! Budgets: the engine's bound on a case, built from the probe's patience.

use std::time::Duration;

use super::{Case, Layout, Settings};
use crate::model::Unit;
use crate::probe::Footprint;
use crate::stats::seed;
use crate::suite::Diagnostics;
use crate::suite::check::Check;

/// Time every attempt is granted beyond the probe's own bound: scheduling, teardown.
const SLACK: Duration = Duration::from_secs(5);

/// Sets the budgets of a case; a written budget that is shorter than one attempt is an error.
pub(super) fn set(case: &mut Case, check: &Check, settings: &Settings, errors: &mut Diagnostics) {
    let rounds = if case.head.is_some() { settings.pairs } else { check.rounds };
    let both = case.over_ipv4.is_some();
    let paired = case.head.is_some() || both;
    case.layout = Layout {
        // A fault is injected once per round that counts: the first failover, with everything cold, is the one that matters.
        warm_up: u32::from(rounds > 1 && case.footprint != Footprint::Disruptive),
        rounds,
        samples: check.samples,
        pairs: paired.then(|| seed::derive(settings.seed, format_args!("{}/{}", case.suite, case.id))),
        parity: both,
        // What differs between IP versions may be another with each answer.
        confirm: both || settings.confirm && case.metrics() > 0 && case.footprint != Footprint::Disruptive,
    };
    let one = case.arms().map(|arm| arm.probe.longest()).max().unwrap_or_default();
    case.attempt = one.saturating_mul(case.layout.most()) + SLACK;
    case.budget = match (check.budget, check.eventually) {
        (Some(budget), _) => {
            if budget < one {
                let (have, need) = (Unit::Seconds.human(budget.as_secs_f64()), Unit::Seconds.human(one.as_secs_f64()));
                let message = format!("the budget of {have} is shorter than one round may take ({need})");
                errors.add(check.span, message, "raise `budget`, or lower `timeout`, `count` or `duration`");
            }
            budget
        }
        // The last attempt may begin just before the end.
        (None, Some(eventually)) => eventually.within + case.attempt,
        (None, None) => {
            let waits: Duration = (1..=check.retries).map(|attempts| case.wait_to_retry(attempts)).sum();
            case.attempt * (check.retries + 1) + waits
        }
    };
}
