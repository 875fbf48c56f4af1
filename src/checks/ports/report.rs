//! From what the threads found to facts.

use std::collections::BTreeMap;

use super::ScanResult;
use super::facts::{
    CLOSED_ON_ANY, CLOSED_PORTS, DURATION, ERROR, ERRORS, FILTERED_ON_ANY, FILTERED_PORTS, HOST_ADDRESS, HOST_CLOSED,
    HOST_FILTERED, HOST_OPEN, HOSTS, OPEN_ON_ALL, OPEN_ON_ANY, OPEN_PORTS, OUTCOME, PROBES, SILENT, STATE,
    UNREACHABLE_HOSTS, UNRESOLVED_HOSTS,
};
use crate::checks::shared::host_table::{HostFacts, HostResult, HostState, HostTable};
use crate::checks::shared::hosts::Host;
use crate::model::{Fault, PortSet, human_time};
use crate::net::port_scan::PortState;
use crate::probe::Cx;

/// Most errors that are listed; of more, those that came most often.
const MOST_ERRORS: usize = 100;

const FACTS: HostFacts = HostFacts {
    hosts: &HOSTS,
    state: &STATE,
    address: &HOST_ADDRESS,
    error: &ERROR,
    outcome: &OUTCOME,
    states: &[
        HostState { word: "answered", outcome: "answered", list: None },
        HostState { word: "silent", outcome: "silent", list: Some(&SILENT) },
        HostState { word: "unreachable", outcome: "unreachable", list: Some(&UNREACHABLE_HOSTS) },
        HostState { word: "unresolved", outcome: "unresolved", list: Some(&UNRESOLVED_HOSTS) },
    ],
};

/// The ports of one host by what they came to.
#[derive(Default)]
struct HostPorts {
    open: PortSet,
    closed: PortSet,
    filtered: PortSet,
    is_rejected: bool,
}

impl HostPorts {
    fn of(result: &ScanResult, host: usize) -> Self {
        let mut ranges: [Vec<(u16, u16)>; 3] = Default::default();
        let [open, closed, filtered] = &mut ranges;
        let mut is_rejected = false;
        for (at, port) in result.ports.iter().enumerate() {
            let state = result.found.iter().find_map(|share| share.state(host, at));
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

impl ScanResult {
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
pub(super) fn one(cx: &mut Cx<'_>, host: &Host, result: &ScanResult) -> Result<(), Fault> {
    common(cx, result);
    if let Some(fault) = result.fault(0) {
        return Err(fault.clone());
    }
    let of_host = HostPorts::of(result, 0);
    let (key, patience) = (host.key(), human_time(result.patience));
    let ports = result.ports.len();
    let said = result.errors().remove(&0).and_then(|errors| errors.into_iter().next());
    let said = said.map(|(text, _)| format!(" ({text})")).unwrap_or_default();
    match of_host.state() {
        "unreachable" => {
            let what = format!("{key} cannot be reached: what is sent to its ports is rejected{said}");
            cx.end(&OUTCOME, "unreachable", &what);
        }
        "silent" => {
            let asked = if ports == 1 { "the port asked".to_owned() } else { format!("any of {ports} ports") };
            cx.end(&OUTCOME, "silent", &format!("no answer from {key} on {asked} within {patience}{said}"));
        }
        state => cx.set(&OUTCOME, state),
    }
    cx.set(&OPEN_PORTS, of_host.open.texts());
    cx.set(&CLOSED_PORTS, of_host.closed.texts());
    cx.set(&FILTERED_PORTS, of_host.filtered.texts());
    Ok(())
}

fn common(cx: &mut Cx<'_>, result: &ScanResult) {
    let probes: u64 = result.found.iter().map(|share| share.probes).sum();
    cx.set(&DURATION, result.took.as_secs_f64());
    cx.set(&PROBES, i64::try_from(probes).unwrap_or(i64::MAX));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (text, count) in result.errors().into_values().flatten() {
        *counts.entry(text).or_default() += count;
    }
    let mut errors: Vec<(String, u64)> = counts.into_iter().collect();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let texts = errors.iter().take(MOST_ERRORS);
    cx.set(&ERRORS, texts.map(|(text, count)| format!("{text} x{count}")).collect::<Vec<_>>());
}

/// The ports of all hosts together.
#[derive(Default)]
struct AllPorts {
    open: PortSet,
    open_on_all: Option<PortSet>,
    closed: PortSet,
    filtered: PortSet,
}

impl AllPorts {
    fn add(&mut self, of_host: &HostPorts) {
        self.open = self.open.or(&of_host.open);
        self.closed = self.closed.or(&of_host.closed);
        self.filtered = self.filtered.or(&of_host.filtered);
        let on_all = self.open_on_all.as_ref().map_or_else(|| of_host.open.clone(), |all| all.and(&of_host.open));
        self.open_on_all = Some(on_all);
    }
}

/// Records the facts of many hosts.
pub(super) fn many(cx: &mut Cx<'_>, hosts: &[Host], result: &ScanResult) -> Result<(), Fault> {
    common(cx, result);
    let (mut table, mut all, errors) = (HostTable::new(cx, &FACTS, hosts.len()), AllPorts::default(), result.errors());
    for host in hosts {
        table.add(host, |row, address| {
            // Two names may have one address: its ports were asked once.
            let at = result.hosts.binary_search(&address).unwrap_or(usize::MAX);
            if let Some(fault) = result.fault(at) {
                return HostResult::NotMeasured(Box::new(fault.clone()));
            }
            let of_host = HostPorts::of(result, at);
            row.set(&HOST_OPEN, of_host.open.texts());
            row.set(&HOST_CLOSED, of_host.closed.texts());
            row.set(&HOST_FILTERED, of_host.filtered.texts());
            all.add(&of_host);
            let error = errors.get(&at).and_then(|errors| errors.first()).map(|(text, _)| text.clone());
            HostResult::State(of_host.state(), error)
        });
    }
    let on_all = all.open_on_all.filter(|_| !table.has("unresolved")).unwrap_or_default();
    cx.set(&OPEN_ON_ANY, all.open.texts());
    cx.set(&OPEN_ON_ALL, on_all.texts());
    cx.set(&CLOSED_ON_ANY, all.closed.texts());
    cx.set(&FILTERED_ON_ANY, all.filtered.texts());
    table.finish(cx, None)
}
