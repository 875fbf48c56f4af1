//! Values of passed cases for those that use them, and secrets for whoever hides them.

use crate::model::{Capture, Fault, Observation};
use crate::plan::Case;
use crate::probe::CapturedValues;

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

/// Lets others use the values of the last round of a case that passed: all of them, or none.
pub(super) fn keep(captured: &CapturedValues, case: &Case, observation: &Observation) -> Result<(), Fault> {
    let Some(round) = observation.counted().last() else { return Ok(()) };
    let value = |capture: &Capture| {
        let value = capture.value(round).map_err(|(detail, remedy)| fault(case, capture, detail, remedy))?;
        Ok((capture.stand_in.clone(), value))
    };
    let values: Vec<(Box<str>, String)> = case.captures.iter().map(value).collect::<Result<_, Fault>>()?;
    for (stand_in, value) in values {
        captured.set(&stand_in, &value);
    }
    Ok(())
}

fn fault(case: &Case, capture: &Capture, detail: impl Into<String>, remedy: impl Into<String>) -> Fault {
    let operation = format!("capture `{}`", capture.name);
    Fault::local(operation, case.subject().probe.target(), detail, remedy)
}
