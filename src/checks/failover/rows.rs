//! The tables: a row for each stream, and one for each outage.

use super::facts::{
    E_AT, E_LENGTH, E_LOST, E_OWNER_AFTER, E_OWNER_BEFORE, E_PHASE, EPISODES, PHASES, S_CONNECTIONS_LOST, S_DEGRADED,
    S_DOWNTIME, S_DUPLICATES, S_FAILBACK, S_GAP, S_LATE, S_LOST, S_OUTAGE, S_OUTAGES, S_OWNER_CHANGES, S_RECOVERED,
    S_SENT, STREAMS,
};
use super::measure::PhaseTimes;
use super::outage::{Outage, ProbeResult};
use super::owners;
use super::report::Stream;
use crate::model::Interval;
use crate::probe::Cx;

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A row for each stream.
pub(super) fn streams(cx: &mut Cx<'_>, all: &[Stream<'_>], times: &PhaseTimes) {
    let mut rows = cx.rows(&STREAMS);
    for stream in all {
        let measured = &stream.measured;
        let mut row = rows.row(stream.config.name.shown());
        row.set(&S_OUTAGE, measured.outage);
        row.set(&S_OUTAGES, whole(measured.main.len() as u64));
        row.set(&S_DOWNTIME, measured.downtime);
        row.set_some(&S_GAP, measured.gap);
        row.set(&S_FAILBACK, measured.failback);
        row.set(&S_DEGRADED, measured.degraded_before(times.restoring).0);
        row.set(&S_RECOVERED, measured.recovered);
        row.set(&S_SENT, whole(measured.sent));
        row.set(&S_LOST, whole(measured.lost));
        row.set(&S_LATE, whole(measured.late));
        row.set(&S_DUPLICATES, whole(stream.finished.log.duplicates));
        row.set_some(&S_CONNECTIONS_LOST, stream.finished.connections.map(|kept| whole(kept.lost)));
        row.set_some(&S_OWNER_CHANGES, owners::changes(stream, times).map(whole));
        if !measured.main.is_empty() || !measured.recovered || measured.after > 0 {
            row.mark_wrong();
        }
        rows.add(row);
    }
    cx.set_rows(rows);
}

/// A row for each outage.
pub(super) fn episodes(cx: &mut Cx<'_>, all: &[Stream<'_>], times: &PhaseTimes) {
    let mut rows = cx.rows(&EPISODES);
    for stream in all {
        let outages = stream.measured.main.iter().chain(&stream.measured.after_restore);
        for (number, outage) in (1..).zip(outages) {
            let mut row = rows.row(format!("{}.{number}", stream.config.name.shown()));
            row.set(&E_AT, outage.first);
            row.set(&E_LENGTH, Interval { lo: outage.lo, hi: outage.hi });
            row.set(&E_LOST, whole(outage.losses));
            row.set(&E_PHASE, phase(outage, times));
            let (before, after) = owners_around(stream, outage);
            row.set_some(&E_OWNER_BEFORE, before);
            row.set_some(&E_OWNER_AFTER, after);
            rows.add(row);
        }
    }
    cx.set_rows(rows);
}

fn phase(outage: &Outage, times: &PhaseTimes) -> &'static str {
    let [inject, observe, restore, after] = PHASES else { return "" };
    match outage.first {
        at if at < times.injected => inject,
        at if at < times.restoring => observe,
        at if at < times.after => restore,
        _ => after,
    }
}

/// Who answered last before an outage, and first after it.
fn owners_around(stream: &Stream<'_>, outage: &Outage) -> (Option<String>, Option<String>) {
    let log = &stream.finished.log;
    let name = |probe: &ProbeResult| log.owner(probe.owner).map(ToString::to_string);
    let answered = || log.probes.iter().filter(|probe| probe.is_answered());
    let before = answered().take_while(|probe| probe.sent < outage.first).last();
    let after = answered().find(|probe| probe.due > outage.last);
    (before.and_then(name), after.and_then(name))
}
