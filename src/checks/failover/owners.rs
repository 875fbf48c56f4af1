//! Who answered, before, during and after: whether a service moved, how fast, and whether two held it at once.

use std::collections::BTreeSet;

use super::facts::{OWNER_CHANGES, OWNERS_AFTER, OWNERS_BEFORE, OWNERS_DURING, SWITCHED_AFTER};
use super::measure::PhaseTimes;
use super::outage::ProbeResult;
use super::report::Stream;
use super::settings::Phases;
use super::stream::OwnerChange;
use crate::probe::Cx;

/// The facts of the first stream whose answers tell.
pub(super) fn facts(cx: &mut Cx<'_>, all: &[Stream<'_>], times: &PhaseTimes, phases: &Phases) {
    let Some(stream) = all.iter().find(|stream| !stream.finished.log.changes.is_empty()) else { return };
    let lasting = times.restoring - phases.settle.as_secs_f64();
    cx.set(&OWNERS_BEFORE, between(stream, 0.0, times.steady));
    cx.set(&OWNERS_DURING, between(stream, lasting, times.restoring));
    cx.set(&OWNERS_AFTER, between(stream, times.after, times.end));
    if let Some(changes) = all.iter().filter_map(|stream| changes(stream, times)).max() {
        cx.set(&OWNER_CHANGES, i64::try_from(changes).unwrap_or(i64::MAX));
    }
    let switched = all.iter().filter_map(|stream| Some(switched(stream, times)? - times.injected));
    if let Some(after) = switched.reduce(f64::max) {
        cx.set(&SWITCHED_AFTER, after);
    }
}

/// Those who answered probes sent in a time.
fn owners(stream: &Stream<'_>, from: f64, until: f64) -> Vec<u8> {
    let log = &stream.finished.log;
    let sent = log.probes.iter().filter(|probe| probe.is_answered() && probe.sent < until);
    let within =
        sent.filter(|probe| probe.sent >= from || (probe.dropped.count > 0 && probe.dropped.last_sent >= from));
    let owners: BTreeSet<u8> = within.map(|probe| probe.owner).filter(|owner| *owner != 0).collect();
    owners.into_iter().collect()
}

/// Their names.
fn between(stream: &Stream<'_>, from: f64, until: f64) -> Vec<String> {
    let log = &stream.finished.log;
    owners(stream, from, until).into_iter().filter_map(|owner| log.owner(owner)).map(ToString::to_string).collect()
}

/// Changes after the first steady phase and before `restore`; `None` where several answered in turn before.
pub(super) fn changes(stream: &Stream<'_>, times: &PhaseTimes) -> Option<u64> {
    let log = &stream.finished.log;
    let one = owners(stream, 0.0, times.steady).len() == 1;
    let within = |change: &&OwnerChange| change.at >= times.steady && change.at < times.restoring;
    one.then(|| log.changes.iter().filter(within).count() as u64 + log.more_changes)
}

/// When the first answer by another owner came after the first steady phase: not that to the first probe it answered, which may have
/// been sent again.
fn switched(stream: &Stream<'_>, times: &PhaseTimes) -> Option<f64> {
    let log = &stream.finished.log;
    let [before] = *owners(stream, 0.0, times.steady) else { return None };
    let within = |probe: &&ProbeResult| probe.sent >= times.steady && probe.sent < times.restoring;
    let others = log.probes.iter().filter(within).filter(|probe| probe.owner != 0 && probe.owner != before);
    others.map(|probe| probe.ended).reduce(f64::min)
}
