//! NSEC3: hashed names in the order of their hashes (RFC 5155).

use domain::base::iana::Nsec3HashAlgorithm;
use domain::dnssec::common::nsec3_hash;
use domain::rdata::nsec3::Nsec3Salt;
use domain::utils::base32;

use super::denial::{Existence, hides};
use super::{Name, RrSet, WorkBudget, labels, suffix};
use crate::proto::dns::types;

/// More iterations than this are not computed, and what depends on them is insecure. RFC 9276 section 3.2 lets a validator
/// do so above any number it chooses and calls 100 and 500 what was in use; 150 is what BIND 9.16 to 9.18, Unbound and Knot Resolver
/// agreed upon in 2021.
pub const ITERATIONS: u16 = 150;

/// Verified NSEC3 records of one zone that share their parameters.
#[derive(Debug)]
pub(super) struct Nsec3s {
    zone: Name,
    iterations: u16,
    salt: Vec<u8>,
    records: Vec<Nsec3>,
}

#[derive(Debug)]
struct Nsec3 {
    hash: Vec<u8>,
    next: Vec<u8>,
    opt_out: bool,
    bits: Vec<u8>,
}

/// SHA-1, the only hash there is.
const SHA1: u8 = 1;
/// The only flag there is.
const OPT_OUT: u8 = 1;

impl Nsec3s {
    /// Records of another hash or with unknown flags are ignored (RFC 5155 section 8.2), and those with other parameters than
    /// the first.
    pub(super) fn new(zone: &Name, sets: &[&RrSet]) -> Self {
        let mut all = Self { zone: zone.clone(), iterations: 0, salt: Vec::new(), records: Vec::new() };
        for set in sets.iter().filter(|set| set.kind == types::NSEC3) {
            for (iterations, salt, record) in set.data.iter().filter_map(|data| record(set, zone, data)) {
                if all.records.is_empty() {
                    (all.iterations, all.salt) = (iterations, salt.to_vec());
                }
                if all.iterations == iterations && all.salt == salt {
                    all.records.push(record);
                }
            }
        }
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn parameters(&self) -> Option<(u16, &[u8], bool)> {
        let opt_out = self.records.iter().any(|record| record.opt_out);
        (!self.is_empty()).then_some((self.iterations, self.salt.as_slice(), opt_out))
    }

    /// RFC 5155 section 8.3: the closest ancestor with a record, and a record over the next name towards `name`.
    pub(super) fn existence(&self, name: &Name, work: &mut WorkBudget) -> Existence<'_> {
        if self.is_empty() || !name.ends_with(&self.zone) {
            return Existence::Unknown;
        }
        for count in (labels(&self.zone)..=labels(name)).rev() {
            let encloser = suffix(name, count);
            let Some(hash) = self.hash(&encloser, work) else { return Existence::Unknown };
            let Some(record) = self.records.iter().find(|record| record.hash == hash) else { continue };
            if encloser == *name {
                return Existence::Exists(&record.bits);
            }
            if hides(&record.bits) {
                return Existence::Unknown;
            }
            return match self.covering(&suffix(name, count + 1), work) {
                Some(opt_out) => Existence::Absent { encloser, opt_out },
                None => Existence::Unknown,
            };
        }
        Existence::Unknown
    }

    /// A record says that no name has the hash of `name`; whether it has opt-out.
    pub(super) fn covering(&self, name: &Name, work: &mut WorkBudget) -> Option<bool> {
        let hash = self.hash(name, work)?;
        let between = |record: &&Nsec3| {
            let last = record.next <= record.hash;
            let (above, under) = (record.hash < hash, hash < record.next);
            if last { above || under } else { above && under }
        };
        self.records.iter().find(between).map(|record| record.opt_out)
    }

    fn hash(&self, name: &Name, work: &mut WorkBudget) -> Option<Vec<u8>> {
        if self.is_empty() || self.iterations > ITERATIONS || !work.hash() {
            return None;
        }
        let salt = Nsec3Salt::from_octets(self.salt.as_slice()).ok()?;
        let hash = nsec3_hash::<_, _, Vec<u8>>(name, Nsec3HashAlgorithm::SHA1, self.iterations, &salt).ok()?;
        Some(hash.as_slice().to_vec())
    }
}

/// Iterations, salt, and the rest.
fn record<'a>(set: &RrSet, zone: &Name, data: &'a [u8]) -> Option<(u16, &'a [u8], Nsec3)> {
    let [SHA1, flags, high, low, rest @ ..] = data else { return None };
    if flags & !OPT_OUT != 0 || set.owner.parent()? != *zone {
        return None;
    }
    let (salt, rest) = string(rest)?;
    let (next, bits) = string(rest)?;
    let label = std::str::from_utf8(set.owner.first().as_slice()).ok()?;
    let hash: Vec<u8> = base32::decode_hex(label).ok()?;
    if hash.len() != next.len() {
        return None;
    }
    let opt_out = flags & OPT_OUT != 0;
    let record = Nsec3 { hash, next: next.to_vec(), opt_out, bits: bits.to_vec() };
    Some((u16::from_be_bytes([*high, *low]), salt, record))
}

/// A length octet and that many bytes, and what follows.
fn string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(*length))
}
