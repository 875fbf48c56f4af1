//! NSEC: the names of a zone in canonical order (RFC 4034 section 4).

use super::denial::{Existence, hides};
use super::read::name;
use super::{Name, RrSet, below, labels, suffix};
use crate::proto::dns::types;

/// Verified NSEC records of one zone.
#[derive(Debug)]
pub(super) struct Nsecs {
    zone: Name,
    records: Vec<Nsec>,
}

#[derive(Debug)]
struct Nsec {
    owner: Name,
    next: Name,
    bits: Vec<u8>,
}

impl Nsecs {
    pub(super) fn new(zone: &Name, sets: &[&RrSet]) -> Self {
        let ours = sets.iter().filter(|set| set.kind == types::NSEC && set.owner.ends_with(zone));
        let records = ours.flat_map(|set| {
            set.data.iter().filter_map(|data| {
                let (next, bits) = name(data)?;
                Some(Nsec { owner: set.owner.clone(), next, bits: bits.to_vec() })
            })
        });
        Self { zone: zone.clone(), records: records.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn existence(&self, name: &Name) -> Existence<'_> {
        if let Some(record) = self.records.iter().find(|record| record.owner == *name) {
            return Existence::Exists(&record.bits);
        }
        let Some(record) = self.records.iter().find(|record| self.covers(record, name)) else {
            return Existence::Unknown;
        };
        if below(&record.next, name) {
            return Existence::Empty;
        }
        let shared = shared(name, &record.owner).max(shared(name, &record.next));
        Existence::Absent { encloser: suffix(name, shared), opt_out: false }
    }

    /// `name` would stand between the two names of a record. The last record of a zone points back to its beginning.
    fn covers(&self, record: &Nsec, name: &Name) -> bool {
        let last = record.next == self.zone;
        let hidden = below(name, &record.owner) && hides(&record.bits);
        name.ends_with(&self.zone) && record.owner < *name && (*name < record.next || last) && !hidden
    }
}

/// Rightmost labels two names have in common.
fn shared(a: &Name, b: &Name) -> usize {
    let most = labels(a).min(labels(b));
    (0..=most).rev().find(|count| suffix(a, *count) == suffix(b, *count)).unwrap_or_default()
}
