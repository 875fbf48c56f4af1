//! Many hosts as rows: what each came to, lists of those of a kind, and which of them this host could not ask.

use std::net::IpAddr;

use super::hosts::Host;
use crate::model::rows::{LongList, Row, Rows, RowsBuilder};
use crate::model::{Choice, Fact, Fault};
use crate::probe::Cx;
use crate::stats::Samples;

/// A state of hosts.
pub struct HostState {
    /// Its word in the column of states.
    pub word: &'static str,
    /// What the check comes to where this state decides it.
    pub outcome: &'static str,
    /// The list of its hosts, where there is one.
    pub list: Option<&'static Fact<Vec<String>>>,
}

/// The facts of a family that a table of hosts records.
pub struct HostFacts {
    /// The table.
    pub hosts: &'static Fact<Rows>,
    /// Its columns: what a host came to, its address where it is a name, and why it came to that.
    pub state: &'static Fact<Choice>,
    /// See `state`.
    pub address: &'static Fact<String>,
    /// See `state`.
    pub error: &'static Fact<String>,
    /// The outcome of the check.
    pub outcome: &'static Fact<Choice>,
    /// The first state that some host has decides the outcome; hosts of the first state are well. The last one is that of names
    /// without an address.
    pub states: &'static [HostState],
}

/// What a host came to.
pub enum HostResult {
    /// A state, and why.
    State(&'static str, Option<String>),
    /// This host could not ask it.
    NotMeasured(Box<Fault>),
}

/// Rows and lists in the making.
pub struct HostTable {
    facts: &'static HostFacts,
    rows: RowsBuilder,
    /// By state: how many hosts, and those that are listed.
    lists: Vec<(u64, LongList)>,
    /// The first that could not be asked and why, and how many.
    unasked: Option<(Box<Fault>, u64)>,
}

impl HostTable {
    /// An empty one, for so many hosts.
    #[must_use]
    pub fn new(cx: &Cx<'_>, facts: &'static HostFacts, hosts: usize) -> Self {
        let lists = facts.states.iter().map(|_| (0, LongList::default())).collect();
        Self { facts, rows: cx.rows(facts.hosts).expecting(hosts), lists, unasked: None }
    }

    /// Adds a host; `cells` sets the family's columns where it has an address, and says what it came to.
    pub fn add(&mut self, host: &Host, cells: impl FnOnce(&mut Row, IpAddr) -> HostResult) {
        let key = host.key();
        let mut row = self.rows.row(key.as_str());
        let asked = match &host.address {
            Err(why) => {
                HostResult::State(self.facts.states.last().map_or("", |state| state.word), Some(why.to_string()))
            }
            Ok(address) => {
                if host.name.is_some() {
                    row.set(self.facts.address, address.to_string());
                }
                cells(&mut row, *address)
            }
        };
        match asked {
            HostResult::State(word, error) => {
                row.set(self.facts.state, word);
                row.set_some(self.facts.error, error);
                let at = self.facts.states.iter().position(|state| state.word == word).unwrap_or_default();
                if at > 0 {
                    row.mark_wrong();
                }
                self.count(at, key);
            }
            HostResult::NotMeasured(fault) => {
                row.set(self.facts.error, fault.detail.clone());
                row.mark_wrong();
                self.unasked.get_or_insert((fault, 0)).1 += 1;
            }
        }
        self.rows.add(row);
    }

    fn count(&mut self, at: usize, key: String) {
        if let (Some((count, list)), Some(state)) = (self.lists.get_mut(at), self.facts.states.get(at)) {
            *count += 1;
            if state.list.is_some() {
                list.push(key);
            }
        }
    }

    /// Whether some host is in this state.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.facts.states.iter().zip(&self.lists).any(|(state, (count, _))| state.word == word && *count > 0)
    }

    /// All numbers of a column so far.
    #[must_use]
    pub fn samples<T>(&self, column: &Fact<T>) -> Option<&Samples> {
        self.rows.samples(column)
    }

    /// Records rows, outcome and lists. Hosts that this host could not ask are a fault, beside what was seen of the others; of a fault that
    /// concerns them all, `whole`, no list is known.
    pub fn finish(self, cx: &mut Cx<'_>, whole: Option<Fault>) -> Result<(), Fault> {
        cx.set_rows(self.rows);
        let states = || self.facts.states.iter().zip(&self.lists);
        let decides = states().find(|(_, (count, _))| *count > 0).map(|(state, _)| state.outcome);
        let best = self.facts.states.first().map(|state| state.outcome);
        if let Some(outcome) = decides.filter(|_| self.unasked.is_none() || decides == best) {
            cx.set(self.facts.outcome, outcome);
        }
        if let Some(fault) = whole {
            return Err(fault);
        }
        for (state, (_, list)) in self.facts.states.iter().zip(self.lists) {
            if let Some(fact) = state.list {
                cx.set_long(fact, list);
            }
        }
        match self.unasked {
            None => Ok(()),
            Some((fault, 1)) => Err(*fault),
            Some((fault, count)) => Err(Fault { peer: format!("{} and {} others", fault.peer, count - 1), ..*fault }),
        }
    }
}
