//! Limits: which cases of the run may not overlap, or only so many of them. The planner settles them, and the engine obeys: a
//! case takes its place at all of its limits when it starts and leaves them when its measurement ends, so that none ever
//! waits with a place in hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Case;
use crate::probe::{Footprint, Host};

/// What cases share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedResource {
    /// `serial: NAME`.
    Serial(Arc<str>),
    /// A host they are about, by the name that the suite writes.
    Host(Arc<str>),
}

/// How many of the cases that share something may run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What they share.
    pub shared: SharedResource,
    /// The most at once; at least 1.
    pub most: usize,
    /// How many cases share it.
    pub cases: usize,
}

/// The limits of a run: one for every name in `serial`, and one for every host of which some case says how many may be about it
/// at once (the smallest counts). Tells the cases which are theirs. What runs alone needs none.
pub(super) fn set(cases: &mut [Case]) -> Vec<Limit> {
    let by_host = cases.iter().any(|case| case.per_target.is_some());
    let mut found: BTreeMap<SharedResource, (usize, Vec<usize>)> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate().filter(|(_, case)| case.footprint == Footprint::Quiet) {
        if let Some(name) = &case.serial {
            found.entry(SharedResource::Serial(Arc::clone(name))).or_insert((1, Vec::new())).1.push(index);
        }
        if !by_host {
            continue;
        }
        let mut hosts: Vec<String> = case.subject().hosts.iter().map(Host::label).collect();
        hosts.sort_unstable();
        hosts.dedup();
        for host in hosts {
            let (most, members) = found.entry(SharedResource::Host(host.into())).or_insert((usize::MAX, Vec::new()));
            members.push(index);
            *most = (*most).min(case.per_target.unwrap_or(usize::MAX));
        }
    }
    let mut out = Vec::new();
    // One that all its cases fit into at once keeps nobody waiting.
    for (shared, (most, members)) in found.into_iter().filter(|(_, (most, members))| *most < members.len()) {
        for index in &members {
            cases[*index].limits.push(out.len());
        }
        out.push(Limit { shared, most, cases: members.len() });
    }
    out
}
