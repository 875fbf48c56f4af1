//! Proofs that something does not exist, by NSEC (RFC 4035 section 5.4, RFC 6840) or NSEC3 (RFC 5155 section 8).
//!
//! Both styles answer one question, whether a name exists and where the tree ends above it; what that proves is the same
//! for both.

use super::nsec::Nsecs;
use super::nsec3::Nsec3s;
use super::{Name, RrSet, WorkBudget, dotted, labels, suffix, wildcard};
use crate::proto::dns::types;

/// Denial records of one message that were verified with the keys of their zone.
#[derive(Debug)]
pub struct Proof {
    nsec: Nsecs,
    nsec3: Nsec3s,
}

/// The conclusion of denial records about a claim of absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// It holds.
    Proven,
    /// It holds but for unsigned delegations, which opt-out leaves undecided: such an answer is insecure (RFC 5155 section 9.2).
    OptOut,
    /// It does not follow.
    Unproven(String),
}

/// The conclusion of denial records about a possible delegation without DS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DelegationProof {
    /// A delegation to an unsigned zone.
    Unsigned,
    /// Perhaps one: opt-out does not say.
    OptOut,
    /// The name exists within the zone, and is no delegation.
    Inside,
    /// The name does not exist.
    Absent,
    /// The records do not show any of this.
    Unproven(String),
}

/// Whether a name exists in a zone.
pub(super) enum Existence<'a> {
    /// With the types of this bit map.
    Exists(&'a [u8]),
    /// Only because a name below it does.
    Empty,
    /// It does not; its closest ancestor that does, and whether opt-out leaves room for an unsigned delegation.
    Absent {
        /// RFC 5155 section 1.3: closest encloser.
        encloser: Name,
        /// The record that says so has opt-out.
        opt_out: bool,
    },
    /// The records do not say.
    Unknown,
}

use Existence::{Absent, Empty, Exists, Unknown};

impl Proof {
    /// From verified sets of `zone`; other sets are left out.
    #[must_use]
    pub fn new(zone: &Name, sets: &[&RrSet]) -> Self {
        Self { nsec: Nsecs::new(zone, sets), nsec3: Nsec3s::new(zone, sets) }
    }

    /// No denial record is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nsec.is_empty() && self.nsec3.is_empty()
    }

    /// `nsec` or `nsec3`.
    #[must_use]
    pub fn style(&self) -> &'static str {
        if self.nsec.is_empty() { "nsec3" } else { "nsec" }
    }

    /// Iterations and salt of its NSEC3 records, and whether one has opt-out.
    #[must_use]
    pub fn nsec3(&self) -> Option<(u16, &[u8], bool)> {
        self.nsec3.parameters()
    }

    /// That `name` does not exist, and no wildcard stands for it.
    #[must_use]
    pub fn nxdomain(&self, name: &Name, work: &mut WorkBudget) -> Denial {
        let (encloser, opt_out) = match self.existence(name, work) {
            Exists(_) | Empty => return Denial::Unproven(format!("they show that {} exists", dotted(name))),
            Unknown => return self.silent(name),
            Absent { encloser, opt_out } => (encloser, opt_out),
        };
        let Some(star) = wildcard(&encloser) else { return ended(opt_out) };
        match self.existence(&star, work) {
            Absent { .. } => ended(opt_out),
            Exists(_) | Empty => Denial::Unproven(format!("they show that {} stands for the name", dotted(&star))),
            Unknown => self.silent(&star),
        }
    }

    /// That `name`, or the wildcard that stands for it, has no records of type `code`.
    #[must_use]
    pub fn nodata(&self, name: &Name, code: u16, work: &mut WorkBudget) -> Denial {
        match self.existence(name, work) {
            Exists(bits) => lacks(name, bits, code),
            Empty => Denial::Proven,
            Absent { opt_out: true, .. } => Denial::OptOut,
            Absent { encloser, .. } => {
                let star = wildcard(&encloser);
                match star.as_ref().map(|star| (star, self.existence(star, work))) {
                    Some((star, Exists(bits))) => lacks(star, bits, code),
                    Some((_, Empty)) => Denial::Proven,
                    _ => Denial::Unproven(format!("they show that {} does not exist at all", dotted(name))),
                }
            }
            Unknown => self.silent(name),
        }
    }

    /// That nothing closer than the wildcard below `encloser` matches `name`, so that the wildcard was right to answer.
    #[must_use]
    pub fn expansion(&self, name: &Name, encloser: &Name, work: &mut WorkBudget) -> Denial {
        if let Absent { encloser: proven, .. } = self.nsec.existence(name) {
            if proven == *encloser {
                return Denial::Proven;
            }
            let why = format!("they put the wildcard of {} at {}", dotted(name), dotted(&proven));
            return Denial::Unproven(why);
        }
        let closer = suffix(name, labels(encloser) + 1);
        match self.nsec3.covering(&closer, work) {
            Some(opt_out) => ended(opt_out),
            None => self.silent(&closer),
        }
    }

    /// The kind of a name without DS.
    #[must_use]
    pub fn cut(&self, child: &Name, work: &mut WorkBudget) -> DelegationProof {
        match self.existence(child, work) {
            Exists(bits) if has(bits, types::DS) => {
                DelegationProof::Unproven(format!("they show that {} has a DS set, which did not come", dotted(child)))
            }
            Exists(bits) if has(bits, types::SOA) => {
                DelegationProof::Unproven(format!("they are of zone {} itself, not of its parent", dotted(child)))
            }
            Exists(bits) if has(bits, types::NS) => DelegationProof::Unsigned,
            Exists(_) | Empty => DelegationProof::Inside,
            Absent { opt_out: true, .. } => DelegationProof::OptOut,
            Absent { .. } => DelegationProof::Absent,
            Unknown => DelegationProof::Unproven(self.silence(child)),
        }
    }

    fn silent(&self, name: &Name) -> Denial {
        Denial::Unproven(self.silence(name))
    }

    fn silence(&self, name: &Name) -> String {
        if self.is_empty() {
            return "no NSEC or NSEC3 record of the zone came".to_owned();
        }
        format!("no {} record that came speaks of {}", self.style().to_ascii_uppercase(), dotted(name))
    }

    fn existence(&self, name: &Name, work: &mut WorkBudget) -> Existence<'_> {
        match self.nsec.existence(name) {
            Unknown => self.nsec3.existence(name, work),
            known => known,
        }
    }
}

fn ended(opt_out: bool) -> Denial {
    if opt_out { Denial::OptOut } else { Denial::Proven }
}

/// RFC 6840 sections 4.1 and 4.3: a record of the parent's side of a delegation speaks of DS only, that of the child's of
/// everything but DS, and an alias is no absence.
fn lacks(name: &Name, bits: &[u8], code: u16) -> Denial {
    let name = dotted(name);
    if has(bits, code) {
        return Denial::Unproven(format!("they show that {name} has records of the type"));
    }
    if has(bits, types::CNAME) {
        return Denial::Unproven(format!("they show that {name} is an alias"));
    }
    let (apex, delegated) = (has(bits, types::SOA), has(bits, types::NS));
    if code == types::DS && apex && name != "." {
        return Denial::Unproven(format!("they are of zone {name} itself, not of its parent"));
    }
    if code != types::DS && delegated && !apex {
        return Denial::Unproven(format!("they are of the parent of zone {name}, and say nothing of what is in it"));
    }
    Denial::Proven
}

/// Whether a bit map (RFC 4034 section 4.1.2) has a type. What does not hold together has none.
pub(super) fn has(mut bits: &[u8], code: u16) -> bool {
    let [window, low] = code.to_be_bytes();
    while let [number, length, rest @ ..] = bits {
        let Some((map, rest)) = rest.split_at_checked(usize::from(*length)) else { return false };
        if *number == window {
            return map.get(usize::from(low / 8)).is_some_and(|byte| byte & (0x80 >> (low % 8)) != 0);
        }
        bits = rest;
    }
    false
}

/// A record at `owner` with these types says nothing about names below it: they are another zone's, or are renamed.
pub(super) fn hides(bits: &[u8]) -> bool {
    has(bits, types::DNAME) || (has(bits, types::NS) && !has(bits, types::SOA))
}
