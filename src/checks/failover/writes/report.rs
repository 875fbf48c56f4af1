//! From what was read back to facts.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Writes;
use super::log::{MOST, WriteCounts, WriteLog};
use super::unread::Unread;
use crate::checks::failover::facts::{
    WRITES_ACKNOWLEDGED, WRITES_DUPLICATED, WRITES_LOST, WRITES_LOST_NUMBERS, WRITES_UNACKNOWLEDGED_PRESENT,
    WRITES_UNREAD,
};
use crate::checks::failover::measure::PhaseTimes;
use crate::checks::failover::stream::{Finished, StreamConfig};
use crate::model::count::counted;
use crate::model::human_time;
use crate::model::rows::LongList;
use crate::probe::Cx;

/// Runs of lost writes that are told; the others are counted.
const TOLD: usize = 100;

/// What makes all writes be looked for.
const UNSEEN: &str = "see that `read_back` is answered when the check ends, then run it again";
/// What makes writes be there to look for.
const NONE_SINCE: &str =
    "make `observe` or `steady` long enough for the service to acknowledge writes again before the check ends";

/// A stream and what became of its writes.
struct Written<'s> {
    config: &'s StreamConfig,
    writes: &'s Writes,
    log: &'s WriteLog,
    counts: WriteCounts,
}

impl<'s> Written<'s> {
    fn of((config, finished): &'s (StreamConfig, Finished)) -> Option<Self> {
        let (writes, log) = config.writes.as_ref().zip(finished.log.writes.as_ref())?;
        Some(Self { config, writes, log, counts: log.counts() })
    }
}

/// The facts of all streams that write.
pub(in crate::checks::failover) fn facts(
    cx: &mut Cx<'_>,
    finished: &[(StreamConfig, Finished)],
    times: &PhaseTimes,
    disrupts: bool,
) {
    let all: Vec<Written<'_>> = finished.iter().filter_map(Written::of).collect();
    if all.is_empty() {
        return;
    }
    let sum = |of: &dyn Fn(&WriteCounts) -> u64| whole(all.iter().map(|one| of(&one.counts)).sum());
    cx.set(&WRITES_ACKNOWLEDGED, sum(&|counts| counts.acknowledged));
    cx.set(&WRITES_LOST, sum(&|counts| counts.lost));
    cx.set(&WRITES_UNACKNOWLEDGED_PRESENT, sum(&|counts| counts.unacknowledged_present));
    cx.set(&WRITES_UNREAD, sum(&|counts| counts.unread + counts.unread_unacknowledged));
    let lists = all.iter().filter(|one| one.writes.reader.lists);
    if let Some(twice) = lists.map(|one| one.counts.duplicated).reduce(|one, other| one + other) {
        cx.set(&WRITES_DUPLICATED, whole(twice));
    }
    let mark = if disrupts { "`inject` had ended" } else { "`observe` began" };
    let several = all.len() > 1;
    let lost = all.iter().flat_map(|one| {
        let of = if several { format!("{}: ", one.config.name.shown()) } else { String::new() };
        one.log.lost().into_iter().map(move |run| format!("{of}{}", text(one, &run, (times, mark))))
    });
    // Each is a line for people; what is lost in a thousand places is told by their number.
    let mut listed = LongList::default();
    for line in lost {
        listed.total += 1;
        if listed.first.len() < TOLD {
            listed.first.push(line);
        }
    }
    cx.set_long(&WRITES_LOST_NUMBERS, listed);
    unseen(cx, &all, times, disrupts);
}

/// What was not seen of it, and so is not judged.
fn unseen(cx: &mut Cx<'_>, all: &[Written<'_>], times: &PhaseTimes, disrupts: bool) {
    for Written { config, log, counts, writes } in all {
        let name = config.name.shown();
        let why = || log.unread_why.as_ref().map_or_else(String::new, |unread| format!(" ({})", unread.why));
        let remedy = log.unread_why.as_ref().map_or(UNSEEN, Unread::remedy);
        let of_lost = if counts.unread > 0 {
            let unread = counted(counts.unread, "acknowledged write");
            Some((format!("`{name}`: {unread} could not be read back{}", why()), remedy))
        } else if log.beyond > 0 {
            let beyond = format!("`{name}`: {} beyond the {MOST} that are followed", counted(log.beyond, "write"));
            Some((beyond, "write less often: a longer `interval` of the stream, or a shorter `observe`"))
        } else if !log.is_acknowledged_from(times.injected) {
            let after = if disrupts { "after the disruption" } else { "while it was watched" };
            Some((format!("`{name}`: no write was acknowledged {after}"), NONE_SINCE))
        } else {
            None
        };
        if let Some((why, remedy)) = of_lost {
            cx.partial_until(&WRITES_LOST, why.clone(), remedy);
            cx.partial_until(&WRITES_LOST_NUMBERS, why, remedy);
        }
        if counts.unread + counts.unread_unacknowledged + log.beyond > 0 {
            let unread = counted(counts.unread + counts.unread_unacknowledged, "write");
            let why = format!("`{name}`: {unread} could not be read back{}", why());
            cx.partial_until(&WRITES_UNACKNOWLEDGED_PRESENT, why.clone(), remedy);
            if writes.reader.lists {
                cx.partial_until(&WRITES_DUPLICATED, why, remedy);
            }
        }
    }
}

/// Lost writes in a row, for people.
fn text(one: &Written<'_>, run: &RangeInclusive<u64>, (times, mark): (&PhaseTimes, &str)) -> String {
    let value = |number: u64| one.writes.run.value(number);
    let (first, last) = (*run.start(), *run.end());
    let after = |number| one.log.due(number) - times.injected;
    let when = when(after(first), after(last), mark);
    if first == last {
        return format!("{first} (value {}), written {when}", value(first));
    }
    format!("{first} to {last} (values {} to {}), written {when}", value(first), value(last))
}

/// A time relative to a mark; seconds, negative before it.
fn when(from: f64, until: f64, mark: &str) -> String {
    let length = |seconds: f64| human_time(Duration::from_secs_f64(seconds.abs()));
    let (first, last) = (length(from), length(until));
    let span = if first == last { first.clone() } else { format!("{first} to {last}") };
    match (from < 0.0, until < 0.0) {
        (true, true) => format!("{span} before {mark}"),
        (false, false) => format!("{span} after {mark}"),
        _ => format!("from {first} before to {last} after {mark}"),
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::when;

    #[test]
    fn a_time_is_told_by_what_was_done_to_the_service() {
        let mark = "`inject` had ended";
        assert_eq!(when(-0.25, -0.21, mark), "250 ms to 210 ms before `inject` had ended");
        assert_eq!(when(0.1, 1.5, mark), "100 ms to 1.5 s after `inject` had ended");
        assert_eq!(when(-0.02, 0.02, "`observe` began"), "from 20 ms before to 20 ms after `observe` began");
        assert_eq!(when(0.3, 0.3, mark), "300 ms after `inject` had ended");
    }
}
