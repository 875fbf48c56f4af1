//! Why a check failed. What to try next fits the way in which it did: too much of a thing asks for other steps than too little.

use super::facts::{
    ABORT_REASON, ABORTED, DEGRADED, DEGRADED_SHARE, DOWNTIME, FAILBACK, FAILBACK_HI, GAP, HI, LO, LOST, OUTAGE_BOUNDS,
    OUTAGES, OUTAGES_AFTER, OWNER_CHANGES, RECOVERED, RESTORED, SENT,
};
use super::timers::{TIMERS, Timers};
use crate::model::document_path::is_of;
use crate::model::record::{OriginWord, Outcome};
use crate::model::{Better, Unit, Value};
use crate::probe::{Diagnosis, Failure};

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let target = failure.target;
    // A check that only watches puts nothing back.
    let watches = failure.value(RESTORED.info.name).is_none();
    let is = |fact: &str, want: bool| failure.breach(fact).is_some() && failure.value(fact) == Some(&Value::Bool(want));
    if is(RESTORED.info.name, false) {
        let cause = format!("what was broken on purpose at {target} is still broken: `restore` or `verify` failed");
        return Some(Diagnosis::new(
            cause,
            "put it back by hand, now: run the `restore` command of this check, then its `verify`",
        ));
    }
    if let Some(less) = too_little(failure) {
        return Some(less);
    }
    if let Some(gone) = super::writes::diagnose(failure) {
        return Some(gone);
    }
    if is(ABORTED.info.name, true) {
        let why = failure.text(ABORT_REASON.info.name).unwrap_or("aborted");
        let put_back = if watches { "; the watch ended there" } else { "; what was broken was put back at once" };
        let next = "look at health checks, at the election and at the standby's log in that time; raise `abort_if` only where users can bear more";
        return Some(Diagnosis::new(format!("{target}: {why}{put_back}"), next));
    }
    if is(RECOVERED.info.name, false) {
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
    let Some(breach) = back else { return super::owners::diagnose(failure) };
    let next = "going back costs an outage of its own: look at preemption and at what the restored node does before it takes over";
    Some(Diagnosis::new(away(failure, breach, " on the way back"), next))
}

/// Less came of it than was expected: the service was not hit, or not as hard.
fn too_little(failure: &Failure<'_>) -> Option<Diagnosis> {
    let breach = failure.first()?;
    let info = failure.family.facts.iter().find(|info| is_of(&breach.fact, info.name));
    let is_harm = info.is_some_and(|info| info.better == Some(Better::Lower)) || breach.fact.starts_with("streams.");
    if !is_harm || !falls_short(breach) || is_of_owners(breach) {
        return None;
    }
    let cause = format!("{}: less than expected came of it: {}", failure.target, breach.sentence());
    let next = "look whether what was broken is what the streams ask (the marks in the timeline of the report say when), and whether the \
                service has another way round it; if it copes better than before, expect that";
    Some(Diagnosis::new(cause, next))
}

pub(super) fn is_of_owners(breach: &Outcome) -> bool {
    is_of(&breach.fact, OWNER_CHANGES.info.name) || breach.fact.ends_with(".owner_changes")
}

/// Whether what was seen is less than the least that is expected, as far as the words of the record tell.
pub(super) fn falls_short(breach: &Outcome) -> bool {
    let whole = |text: &str| text.split_whitespace().next().and_then(|word| word.parse::<i64>().ok());
    let Some(got) = breach.got.as_deref() else { return false };
    match &*breach.operator {
        "gt" | "ge" => true,
        "eq" => whole(got).zip(whole(&breach.want)).is_some_and(|(got, want)| got < want),
        "between" => {
            let least = breach.want.trim_start_matches('[').split(',').next().and_then(whole);
            whole(got).zip(least).is_some_and(|(got, least)| got < least)
        }
        _ => false,
    }
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
