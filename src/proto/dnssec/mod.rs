//! DNSSEC without a network: signatures, delegations and proofs of absence (RFC 4033 to 4035, 5155, 6840) over messages that
//! somebody else fetched.
//!
//! Every step says *why* it does not hold, which a yes-or-no validator cannot. Signatures, digests and NSEC3 hashes are
//! computed by the `domain` crate; what is signed by what, when, and what follows from it, is decided here. [`WorkBudget`] bounds
//! what a hostile zone can make a validator compute.

mod anchor;
mod denial;
mod key;
mod nsec;
mod nsec3;
mod read;
mod verify;

pub use anchor::Anchor;
pub use denial::{DelegationProof, Denial, Proof};
pub(crate) use key::ALGORITHM_NAMES;
pub use key::{Digest, Key, algorithm, supported};
pub use nsec3::ITERATIONS;
pub use read::{RrSet, Sections, Signature, read};
pub use verify::{Reason, RrSetCheck, SignatureCheck, SignatureOutcome, check_rrset, later};

use domain::base::name::ToName as _;

/// A domain name, in lower case.
pub type Name = domain::base::Name<Vec<u8>>;

/// The work validation may still do. RFC 4035 sets no bound, and the attacks of CVE-2023-50387 (keys of one
/// tag) and CVE-2023-50868 (NSEC3) live off that.
#[derive(Clone, Copy, Debug)]
pub struct WorkBudget {
    /// Signatures to verify.
    pub signatures: u32,
    /// Names to hash for NSEC3, each with at most [`ITERATIONS`].
    pub hashes: u32,
}

impl Default for WorkBudget {
    /// A chain of ten zones verifies about fifty signatures and hashes about as many names.
    fn default() -> Self {
        Self { signatures: 512, hashes: 512 }
    }
}

impl WorkBudget {
    /// Takes one verification; false when none is left.
    fn signature(&mut self) -> bool {
        take(&mut self.signatures)
    }

    /// Takes one hash; false when none is left.
    fn hash(&mut self) -> bool {
        take(&mut self.hashes)
    }

    /// Nothing is left of one of them: what was found so far decides nothing.
    #[must_use]
    pub fn spent(&self) -> bool {
        self.signatures == 0 || self.hashes == 0
    }
}

fn take(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

/// The name with its final dot.
#[must_use]
pub fn dotted(name: &Name) -> String {
    name.fmt_with_dot().to_string()
}

/// Labels of a name, the root not counted.
#[must_use]
pub fn labels(name: &Name) -> usize {
    name.label_count().saturating_sub(1)
}

/// The rightmost `count` labels of a name; the whole name when it has no more.
#[must_use]
pub fn suffix(name: &Name, count: usize) -> Name {
    let skip = labels(name).saturating_sub(count);
    name.iter_suffixes().nth(skip).map_or_else(|| name.clone(), |name| name.to_vec())
}

/// `name` is below `above`, not `above` itself.
#[must_use]
pub fn below(name: &Name, above: &Name) -> bool {
    name != above && name.ends_with(above)
}

/// The wildcard directly below a name, if that is not too long.
#[must_use]
pub fn wildcard(name: &Name) -> Option<Name> {
    prefixed(b"*", name)
}

/// A label in front of a name.
fn prefixed(label: &[u8], name: &Name) -> Option<Name> {
    let mut wire = vec![u8::try_from(label.len()).ok()?];
    wire.extend_from_slice(label);
    wire.extend_from_slice(name.as_slice());
    Name::from_octets(wire).ok()
}

/// `name` with its end `from` replaced by `to`, as a DNAME does (RFC 6672 section 2.2).
#[must_use]
pub fn redirected(name: &Name, from: &Name, to: &Name) -> Option<Name> {
    if !below(name, from) {
        return None;
    }
    let kept = name.len().checked_sub(from.len())?;
    let mut wire = name.as_slice().get(..kept)?.to_vec();
    wire.extend_from_slice(to.as_slice());
    Name::from_octets(wire).ok()
}

#[cfg(test)]
mod tests;
