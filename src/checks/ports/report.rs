//! From what the threads found to facts.

use std::collections::BTreeMap;

use super::Scanned;
use super::facts::{
    CLOSED_ON_ANY, CLOSED_PORTS, DURATION, ERROR, ERRORS, FILTERED_ON_ANY, FILTERED_PORTS, HOST_ADDRESS, HOST_CLOSED,
    HOST_FILTERED, HOST_OPEN, HOSTS, OPEN_ON_ALL, OPEN_ON_ANY, OPEN_PORTS, OUTCOME, PROBES, SILENT, STATE,
    UNREACHABLE_HOSTS, UNRESOLVED_HOSTS,
};
use crate::checks::shared::hosts::Host;
use crate::model::{Fault, PortSet, human_time};
use crate::net::port_scan::PortState;
use crate::probe::Cx;

/// Most errors that are listed; of more, those that came most often.
const MOST_ERRORS: usize = 100;

/// The ports of one host by what they came to.
#[derive(Default)]
struct Sorted {
    open: PortSet,
    closed: PortSet,
    filtered: PortSet,
    is_rejected: bool,
}

impl Sorted {
    fn of(scanned: &Scanned, host: usize) -> Self {
        let mut ranges: [Vec<(u16, u16)>; 3] = Default::default();
        let [open, closed, filtered] = &mut ranges;
        let mut is_rejected = false;
        for (at, port) in scanned.ports.iter().enumerate() {
            let state = scanned.found.iter().find_map(|share| share.state(host, at));
            let list = match state.unwrap_or_default() {
                PortState::Unasked => continue,
                PortState::Open => &mut *open,
                PortState::Closed => &mut *closed,
                PortState::Silent => &mut *filtered,
                PortState::Rejected => {
                    is_rejected = true;
                    &mut *filtered
                }
            };
            match list.last_mut() {
                Some((_, last)) if *last + 1 == *port => *last = *port,
                _ => list.push((*port, *port)),
            }
        }
        let [open, closed, filtered] = ranges.map(PortSet::of_ranges);
        Self { open, closed, filtered, is_rejected }
    }

    fn state(&self) -> &'static str {
        if !self.open.is_empty() || !self.closed.is_empty() {
            "answered"
        } else if self.is_rejected {
            "unreachable"
        } else {
            "silent"
        }
    }
}

impl Scanned {
    fn fault(&self, host: usize) -> Option<&Fault> {
        self.found.iter().find_map(|share| share.faults.get(&host))
    }

    /// The errors about each host, each with how often it came, the most frequent first.
    fn errors(&self) -> BTreeMap<usize, Vec<(String, u64)>> {
        let mut counts: BTreeMap<(usize, &str), u64> = BTreeMap::new();
        for ((host, text), count) in self.found.iter().flat_map(|share| &share.reports) {
            *counts.entry((*host, text)).or_default() += count;
        }
        let mut out: BTreeMap<usize, Vec<(String, u64)>> = BTreeMap::new();
        for ((host, text), count) in counts {
            out.entry(host).or_default().push((text.to_owned(), count));
        }
        for errors in out.values_mut() {
            errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        out
    }
}

/// Records the facts of one host.
pub(super) fn one(cx: &mut Cx<'_>, host: &Host, scanned: &Scanned) -> Result<(), Fault> {
    common(cx, scanned);
    if let Some(fault) = scanned.fault(0) {
        return Err(fault.clone());
    }
    let sorted = Sorted::of(scanned, 0);
    let (key, patience) = (host.key(), human_time(scanned.timeout));
    let ports = scanned.ports.len();
    let said = scanned.errors().remove(&0).and_then(|errors| errors.into_iter().next()).map(|(text, _)| text);
    match (sorted.state(), said) {
        ("unreachable", said) => {
            let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
            cx.end(
                &OUTCOME,
                "unreachable",
                &format!("{key} cannot be reached: what is sent to its ports is rejected{said}"),
            );
        }
        ("silent", said) => {
            let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
            let asked = if ports == 1 { "the port asked".to_owned() } else { format!("any of {ports} ports") };
            cx.end(&OUTCOME, "silent", &format!("no answer from {key} on {asked} within {patience}{said}"));
        }
        (state, _) => cx.set(&OUTCOME, state),
    }
    cx.set(&OPEN_PORTS, sorted.open.texts());
    cx.set(&CLOSED_PORTS, sorted.closed.texts());
    cx.set(&FILTERED_PORTS, sorted.filtered.texts());
    Ok(())
}

fn common(cx: &mut Cx<'_>, scanned: &Scanned) {
    let probes: u64 = scanned.found.iter().map(|share| share.probes).sum();
    cx.set(&DURATION, scanned.took.as_secs_f64());
    cx.set(&PROBES, i64::try_from(probes).unwrap_or(i64::MAX));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (text, count) in scanned.errors().into_values().flatten() {
        *counts.entry(text).or_default() += count;
    }
    let mut errors: Vec<(String, u64)> = counts.into_iter().collect();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let texts = errors.iter().take(MOST_ERRORS);
    cx.set(&ERRORS, texts.map(|(text, count)| format!("{text} x{count}")).collect::<Vec<_>>());
}

/// The lists of many hosts.
#[derive(Default)]
struct Summary {
    open: PortSet,
    everywhere: Option<PortSet>,
    closed: PortSet,
    filtered: PortSet,
    answered: usize,
    silent: Vec<String>,
    unreachable: Vec<String>,
    unresolved: Vec<String>,
    /// The first that could not be asked and why, and how many.
    unasked: Option<(Fault, usize)>,
}

impl Summary {
    fn add(&mut self, key: &str, sorted: &Sorted) {
        self.open = self.open.or(&sorted.open);
        self.closed = self.closed.or(&sorted.closed);
        self.filtered = self.filtered.or(&sorted.filtered);
        self.everywhere =
            Some(self.everywhere.as_ref().map_or_else(|| sorted.open.clone(), |all| all.and(&sorted.open)));
        match sorted.state() {
            "answered" => self.answered += 1,
            "silent" => self.silent.push(key.to_owned()),
            _ => self.unreachable.push(key.to_owned()),
        }
    }

    fn outcome(&self) -> &'static str {
        if self.answered > 0 {
            "answered"
        } else if !self.silent.is_empty() {
            "silent"
        } else if !self.unreachable.is_empty() {
            "unreachable"
        } else {
            "unresolved"
        }
    }
}

/// Records the facts of many hosts. Those that this host could not ask are a fault, beside what was seen of the others.
pub(super) fn many(cx: &mut Cx<'_>, hosts: &[Host], scanned: &Scanned) -> Result<(), Fault> {
    common(cx, scanned);
    let (mut rows, mut summary, errors) = (cx.rows(&HOSTS), Summary::default(), scanned.errors());
    let mut at = 0;
    for host in hosts {
        let key = host.key();
        let mut row = rows.row(key.clone());
        match &host.address {
            Err(why) => {
                row.set(&STATE, "unresolved");
                row.set(&ERROR, why.to_string());
                row.mark_wrong();
                summary.unresolved.push(key);
            }
            Ok(address) => {
                if host.name.is_some() {
                    row.set(&HOST_ADDRESS, address.to_string());
                }
                if let Some(fault) = scanned.fault(at) {
                    row.set(&ERROR, fault.detail.clone());
                    row.mark_wrong();
                    summary.unasked.get_or_insert_with(|| (fault.clone(), 0)).1 += 1;
                } else {
                    let sorted = Sorted::of(scanned, at);
                    row.set(&STATE, sorted.state());
                    row.set(&HOST_OPEN, sorted.open.texts());
                    row.set(&HOST_CLOSED, sorted.closed.texts());
                    row.set(&HOST_FILTERED, sorted.filtered.texts());
                    row.set_some(
                        &ERROR,
                        errors.get(&at).and_then(|errors| errors.first()).map(|(text, _)| text.clone()),
                    );
                    if sorted.state() != "answered" {
                        row.mark_wrong();
                    }
                    summary.add(&key, &sorted);
                }
                at += 1;
            }
        }
        rows.add(row);
    }
    cx.set_rows(rows);
    finish(cx, summary)
}

fn finish(cx: &mut Cx<'_>, summary: Summary) -> Result<(), Fault> {
    let outcome = summary.outcome();
    if summary.unasked.is_none() || outcome == "answered" {
        cx.set(&OUTCOME, outcome);
    }
    let complete = summary.unresolved.is_empty();
    cx.set(&OPEN_ON_ANY, summary.open.texts());
    cx.set(&OPEN_ON_ALL, summary.everywhere.filter(|_| complete).unwrap_or_default().texts());
    cx.set(&CLOSED_ON_ANY, summary.closed.texts());
    cx.set(&FILTERED_ON_ANY, summary.filtered.texts());
    for (fact, list) in
        [(&SILENT, summary.silent), (&UNREACHABLE_HOSTS, summary.unreachable), (&UNRESOLVED_HOSTS, summary.unresolved)]
    {
        cx.set_long(fact, list.into_iter());
    }
    match summary.unasked {
        None => Ok(()),
        Some((fault, 1)) => Err(fault),
        Some((fault, count)) => Err(Fault { peer: format!("{} and {} others", fault.peer, count - 1), ..fault }),
    }
}
