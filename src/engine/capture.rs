//! Values and targets of passed cases for those that use them, and secrets for whoever hides them.

use crate::model::target::Target;
use crate::model::{Capture, Fault, Observation, Round, Value};
use crate::plan::Case;
use crate::probe::{CapturedValues, FoundTargets};

/// Hides the secret values of the last measurement, whatever becomes of it, before anything is told of it.
pub(super) fn hide(captured: &CapturedValues, case: &Case, observation: &Observation) -> Result<(), Fault> {
    let Some(round) = observation.rounds().last() else { return Ok(()) };
    for capture in case.captures.iter() {
        // All are tried: what is hidden must not depend on what is not.
        if capture.to_hide(round).into_iter().filter(|text| !captured.hide(text)).count() > 0 {
            let detail = "the run saw more secret values than can be hidden in its reports";
            return Err(fault(
                case,
                capture,
                detail,
                "lower `rounds` and `samples` of the checks that capture something",
            ));
        }
    }
    Ok(())
}

/// Lets others use the values and the targets of the last round of a case that passed: all of them, or none.
pub(super) fn keep(captured: &CapturedValues, case: &Case, observation: &Observation) -> Result<(), Fault> {
    let Some(round) = observation.counted().last() else { return Ok(()) };
    let value = |capture: &Capture| {
        let value = capture.value(round).map_err(|(detail, remedy)| fault(case, capture, detail, remedy))?;
        Ok((capture.stand_in.clone(), value))
    };
    let values: Vec<(Box<str>, Value)> = case.captures.iter().map(value).collect::<Result<_, Fault>>()?;
    for (stand_in, value) in values {
        captured.set(&stand_in, value);
    }
    for table in &case.feeds {
        let found = if observation.targets_differ(table) {
            Err("its rounds named different targets, and there may be more".to_owned())
        } else {
            targets(round, table)
        };
        captured.set_targets(&found_by(&case.suite, &case.check, table), found);
    }
    Ok(())
}

/// The name of the targets that a check finds.
pub(super) fn found_by(suite: &str, check: &str, table: &str) -> String {
    format!("{suite}/{check}.{table}")
}

/// The targets in a table of a round that saw it whole.
fn targets(round: &Round, table: &str) -> FoundTargets {
    if let Some(why) = round.partial(table) {
        return Err(format!("it is not known whole: {why}"));
    }
    let rows = round.rows(table).ok_or_else(|| "it was not recorded".to_owned())?;
    if rows.omitted > 0 {
        return Err(format!("it is not known whole: {} of {} are left out", rows.omitted, rows.total));
    }
    Ok(Target::of_rows(rows)?.into())
}

fn fault(case: &Case, capture: &Capture, detail: impl Into<String>, remedy: impl Into<String>) -> Fault {
    let operation = format!("capture `{}`", capture.name);
    Fault::local(operation, case.subject().probe.target(), detail, remedy)
}
