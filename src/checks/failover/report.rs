//! From the stream's log to facts.

use super::facts::{
    DETECTED_AFTER, FAILBACK, FAILBACK_HI, HI, LATE, LATENCY, LATENESS, LO, LONGEST, LOST, OUTAGES, OUTAGES_AFTER,
    RECOVERED, RECOVERED_AFTER, SENT, STEADY_AFTER, TOTAL,
};
use super::outage::{
    Outage, ProbeOutcome, ProbeResult, TravelTimes, conclusive, longest_possible, longest_unsent_run, outages,
};
use super::settings::Phases;
use super::stream::{StreamConfig, StreamLog};
use crate::model::Fault;
use crate::probe::Cx;

/// Neighbouring probes this side may fail to send before an outage could hide among them.
const UNSENT_IN_A_ROW: usize = 2;

/// When the phases began and ended; seconds since the start of the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PhaseTimes {
    /// End of the first steady phase.
    pub(super) steady: f64,
    /// The inject command ended.
    pub(super) injected: f64,
    /// The restore command was asked for.
    pub(super) restoring: f64,
    /// Start of the last steady phase.
    pub(super) after: f64,
    /// And its end.
    pub(super) end: f64,
}

impl PhaseTimes {
    /// Name, beginning and end of each phase; empty ones have not begun.
    pub(super) fn phases(&self) -> [(&'static str, f64, f64); 5] {
        [
            ("`steady`", 0.0, self.steady),
            ("`inject`", self.steady, self.injected),
            ("`observe`", self.injected, self.restoring),
            ("`restore` and `settle`", self.restoring, self.after),
            ("the last `steady`", self.after, self.end),
        ]
    }
}

/// Sets every fact the stream gives. A stream that could not be sent is a fault.
pub(super) fn facts(
    cx: &mut Cx<'_>,
    log: &StreamLog,
    times: &PhaseTimes,
    phases: &Phases,
    config: &StreamConfig,
) -> Result<(), Fault> {
    let steady: Vec<ProbeResult> = log.probes.iter().copied().filter(|probe| probe.due < times.steady).collect();
    let travel = TravelTimes::of(&log.probes, &steady);
    counts(cx, log, times, config.interval.as_secs_f64(), &steady);
    complete(log, config)?;
    let probes = conclusive(&log.probes);
    let all = outages(&probes, &travel, phases.isolated);
    cx.set(&OUTAGES_AFTER, whole(all.iter().filter(|outage| outage.last >= times.after).count()));
    let (main, failback): (Vec<Outage>, Vec<Outage>) =
        all.into_iter().partition(|outage| outage.first < times.restoring);
    let most = longest_possible(&probes, &travel, 0.0, times.restoring);
    consistent(&main, most, config)?;
    outage_facts(cx, &main, most);
    recovery(cx, &main, times, phases);
    if let Some(longest) = longest(&failback) {
        cx.set(&FAILBACK, longest);
        let most = longest_possible(&probes, &travel, times.restoring, f64::INFINITY);
        if let Some(most) = most.filter(|_| main.iter().all(|outage| outage.hi.is_some())) {
            cx.set(&FAILBACK_HI, most);
        }
    }
    if let Some(loss) = &log.first_loss {
        cx.note(format!("the first lost probe: {loss}"));
    }
    Ok(())
}

fn counts(cx: &mut Cx<'_>, log: &StreamLog, times: &PhaseTimes, interval: f64, steady: &[ProbeResult]) {
    let slowest = answered(steady).map(ProbeResult::latency).fold(0.0, f64::max);
    let tolerable = (slowest * 2.0).max(interval);
    let lost = |from: f64| log.probes.iter().filter(|s| s.due >= from && s.outcome == ProbeOutcome::Lost).count();
    cx.set(&SENT, whole(log.probes.len()));
    cx.set(&LOST, whole(lost(times.steady)));
    cx.set(&LATE, whole(answered(&log.probes).filter(|probe| probe.latency() > tolerable).count()));
    cx.set(&STEADY_AFTER, lost(times.after) == 0);
    for probe in &log.probes {
        cx.record(&LATENESS, probe.sent - probe.due);
    }
    for probe in answered(&log.probes) {
        cx.record(&LATENCY, probe.latency());
    }
}

fn answered(probes: &[ProbeResult]) -> impl Iterator<Item = &ProbeResult> {
    probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Answered)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A stream with holes could hide the very outage it looks for.
pub(super) fn complete(log: &StreamLog, config: &StreamConfig) -> Result<(), Fault> {
    let unsent = log.probes.iter().filter(|probe| probe.outcome == ProbeOutcome::NotSent).count();
    let in_a_row = longest_unsent_run(&log.probes);
    let many = unsent * 100 > log.probes.len();
    if log.skipped == 0 && log.missed == 0 && in_a_row <= UNSENT_IN_A_ROW && !many && !log.probes.is_empty() {
        return Ok(());
    }
    let why = log.fault.as_ref().map_or_else(String::new, |fault| format!("; the first: {fault}"));
    Err(Fault::local(
        "probe on schedule",
        config.probe.target(),
        format!(
            "of {} probes this side could not send {unsent} ({in_a_row} in a row), skipped {}, and did not watch for {:.1}s{why}",
            log.probes.len(),
            log.skipped,
            log.missed as f64 * config.interval.as_secs_f64()
        ),
        log.fault.as_ref().map_or_else(
            || "lengthen the probe's `interval`, or measure from a less busy machine".to_owned(),
            |fault| fault.remedy.clone(),
        ),
    ))
}

/// Bounds that contradict each other bound nothing: travel times varied more during the fault than before it.
pub(super) fn consistent(main: &[Outage], most: Option<f64>, config: &StreamConfig) -> Result<(), Fault> {
    let tiny = 1e-9;
    let bounds = main.iter().filter_map(|outage| Some((outage.lo, outage.hi?.min(most?))));
    match bounds.into_iter().find(|(lo, hi)| *lo > *hi + tiny) {
        None => Ok(()),
        Some((lo, hi)) => Err(Fault::local(
            "bound the outage",
            config.probe.target(),
            format!("the bounds contradict each other: at least {lo:.4}s and at most {hi:.4}s"),
            "answers took longer during the fault than in the steady phase: lengthen `steady`, or measure from a less busy host",
        )),
    }
}

fn outage_facts(cx: &mut Cx<'_>, main: &[Outage], most: Option<f64>) {
    cx.set(&OUTAGES, whole(main.len()));
    cx.set(&LO, main.iter().map(|outage| outage.lo).fold(0.0, f64::max));
    let Some(longest) = longest(main) else {
        cx.note("the service never came back, so only the lower bound of the outage is known");
        return;
    };
    cx.set(&LONGEST, longest);
    cx.set(&TOTAL, main.iter().filter_map(Outage::estimate).sum::<f64>());
    if let Some(most) = most {
        cx.set(&HI, most);
    }
}

/// 0 without outages, `None` when one has no end.
fn longest(outages: &[Outage]) -> Option<f64> {
    outages.iter().map(Outage::estimate).try_fold(0.0, |most: f64, one| Some(most.max(one?)))
}

fn recovery(cx: &mut Cx<'_>, main: &[Outage], times: &PhaseTimes, phases: &Phases) {
    let last = main.last();
    let resumed = last.and_then(|outage| outage.resumed);
    let lasting = times.restoring - phases.settle.as_secs_f64();
    let recovered = last.is_none() || resumed.is_some_and(|at| at <= lasting);
    cx.set(&RECOVERED, recovered);
    if let Some(first) = main.first() {
        cx.set(&DETECTED_AFTER, first.due - times.injected);
    }
    if let (true, Some(at)) = (recovered, resumed) {
        cx.set(&RECOVERED_AFTER, at - times.injected);
    }
}
