//! Why a check failed.

use super::facts::{
    ABORT_REASON, ABORTED, DEGRADED, DEGRADED_SHARE, DOWNTIME, FAILBACK, FAILBACK_HI, GAP, HI, LO, LOST, OUTAGE_BOUNDS,
    OUTAGES, OUTAGES_AFTER, RECOVERED, RESTORED, SENT,
};
use super::timers::{TIMERS, Timers};
use crate::model::record::{OriginWord, Outcome};
use crate::model::{Unit, Value};
use crate::probe::{Diagnosis, Failure};

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let target = failure.target;
    // A check that only watches puts nothing back.
    let watches = failure.value(RESTORED.info.name).is_none();
    if failure.breach(RESTORED.info.name).is_some() {
        let cause = format!("what was broken on purpose at {target} is still broken: `restore` or `verify` failed");
        return Some(Diagnosis::new(
            cause,
            "put it back by hand, now: run the `restore` command of this check, then its `verify`",
        ));
    }
    if let Some(gone) = super::writes::diagnose(failure) {
        return Some(gone);
    }
    if failure.breach(ABORTED.info.name).is_some() {
        let why = failure.text(ABORT_REASON.info.name).unwrap_or("aborted");
        let put_back = if watches { "; the watch ended there" } else { "; what was broken was put back at once" };
        let next = "look at health checks, at the election and at the standby's log in that time; raise `abort_if` only where users can bear more";
        return Some(Diagnosis::new(format!("{target}: {why}{put_back}"), next));
    }
    if failure.breach(RECOVERED.info.name).is_some() {
        return Some(stayed_away(failure, watches));
    }
    if failure.breach(OUTAGES_AFTER.info.name).is_some() {
        let (after, next) = if watches {
            (
                "in the last `steady` of the watch",
                "the change may not be over: watch for longer, and look at what still goes on",
            )
        } else {
            (
                "after `restore` had ended",
                "look at what `restore` starts, and whether `verify` waits for what users need",
            )
        };
        let cause = format!("{target} was away again {after}");
        return Some(Diagnosis::new(cause, next));
    }
    let names = [OUTAGE_BOUNDS.info.name, HI.info.name, LO.info.name, DOWNTIME.info.name, GAP.info.name];
    let outage = names.iter().find_map(|name| failure.breach(name)).or_else(|| of_a_stream(failure));
    if let Some(breach) = outage {
        if let Some(timers) = by_timers(failure, breach) {
            let next = "compare the timers with those that are in force (`keepalived` and `bird` log them), then look at what comes after detection: \
                        gratuitous ARP, routes, the start of the service";
            return Some(Diagnosis::new(format!("{} by its timers; {timers}", away(failure, breach, "")), next));
        }
        let next = "look at detection first (intervals of health checks, timers), then at the switch itself; the times of both are in the report";
        return Some(Diagnosis::new(away(failure, breach, ""), next));
    }
    let back = [FAILBACK.info.name, FAILBACK_HI.info.name].iter().find_map(|name| failure.breach(name));
    let breach = back?;
    let next = "going back costs an outage of its own: look at preemption and at what the restored node does before it takes over";
    Some(Diagnosis::new(away(failure, breach, " on the way back"), next))
}

/// It was not back in time.
fn stayed_away(failure: &Failure<'_>, watches: bool) -> Diagnosis {
    let target = failure.target;
    let lost = count(failure, LOST.info.name).zip(count(failure, SENT.info.name));
    let lost = lost.map(|(lost, sent)| format!(" ({lost} of {sent} probes lost)")).unwrap_or_default();
    let shared = failure.value(DEGRADED.info.name).and_then(Value::as_f64).is_some_and(|seconds| seconds > 0.0);
    let share = failure.value(DEGRADED_SHARE.info.name).and_then(Value::as_f64).filter(|_| shared);
    let cause = match share {
        Some(share) => {
            let until = if watches { "the watch ended" } else { "`restore`" };
            format!(
                "a share of {target} stayed away until {until}: {} of the probes failed{lost}",
                Unit::Ratio.human(share)
            )
        }
        None if watches => format!("{target} was still away when the watch ended{lost}"),
        None => format!("{target} did not come back by itself before `restore`{lost}"),
    };
    let next = if watches {
        "the report has the time of the outage: look at what was changed then, and at the logs of the service; watch again until it is back"
    } else {
        "look at health checks, at the election and at the standby's log in the time of this check; then raise `observe` if it \
         only needs longer"
    };
    Diagnosis::new(cause, next)
}

/// The outage of one stream.
fn of_a_stream<'f>(failure: &Failure<'f>) -> Option<&'f Outcome> {
    let mut unmet = failure.expectations.iter().filter(|outcome| !outcome.held);
    unmet.find(|outcome| outcome.fact.starts_with("streams.") && outcome.fact.ends_with(".outage"))
}

/// What the timers take, where the limit is theirs.
fn by_timers(failure: &Failure<'_>, breach: &Outcome) -> Option<String> {
    let timers = failure.argument(&TIMERS).filter(|_| breach.origin == OriginWord::Derived)?;
    Timers::of(&timers).map(|timers| timers.text())
}

/// How long the service was away, with its bounds.
fn away(failure: &Failure<'_>, breach: &Outcome, when: &str) -> String {
    let human = |name: &str| failure.value(name).and_then(Value::as_f64).map(|seconds| Unit::Seconds.human(seconds));
    let seen = breach.got.clone().unwrap_or_else(|| "for good".to_owned());
    let bounds = match (human(LO.info.name), human(HI.info.name)) {
        // The bounds of the worst stream: those of another, or the same once more, would mislead.
        (Some(lo), Some(hi)) if [HI.info.name, LO.info.name].contains(&&*breach.fact) => {
            format!(", between {lo} and {hi}")
        }
        _ => String::new(),
    };
    let outages = count(failure, OUTAGES.info.name).filter(|count| *count > 1 && when.is_empty());
    let outages = outages.map(|count| format!("; {count} outages in all")).unwrap_or_default();
    format!(
        "{} was away{when}: {} {seen}{bounds}{outages} (expected {})",
        failure.target,
        breach.fact,
        breach.in_words()
    )
}

fn count(failure: &Failure<'_>, name: &str) -> Option<i64> {
    failure.value(name).and_then(Value::as_i64)
}
