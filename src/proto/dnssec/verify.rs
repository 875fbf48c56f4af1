//! One set of records and its signatures (RFC 4035 section 5.3).

use super::{Key, Name, RrSet, Signature, WorkBudget, algorithm, dotted, labels, suffix, supported, wildcard};

/// Signatures of one set that are verified at most, which is also what Unbound allows since CVE-2023-50387.
const TRIES: u32 = 8;
/// Keys of one tag and algorithm tried for one signature. Two share a tag by chance; more is an attack.
const COLLISIONS: usize = 4;

/// Signatures of one set that are looked at.
const LOOKED_AT: usize = 64;

/// Why something does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The signature was valid once.
    Expired,
    /// The signature is not valid yet.
    NotYetValid,
    /// The signature ends before it begins, so that it never holds.
    NeverValid,
    /// No DNSKEY is the one that DS names.
    DsMismatch,
    /// A set that must be signed is not.
    MissingRrsig,
    /// Absence is claimed and not proven.
    MissingDenial,
    /// Data, signature and key do not belong together.
    BadSignature,
    /// Nothing is signed with an algorithm that can be checked.
    UnsupportedAlgorithm,
    /// A message that is needed did not come, or says nothing.
    NoAnswer,
    /// No trust anchor is at or above the name.
    NoAnchor,
    /// NSEC3 takes more iterations than validators compute (RFC 9276 section 3.2).
    Nsec3Iterations,
    /// More work than any sound zone needs.
    TooMuchWork,
    /// Two validators disagree.
    OpinionsDiffer,
}

/// The outcome of one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureOutcome {
    /// It verifies, with the key at this place.
    Good(usize),
    /// It verifies for no key, or not for this data.
    Altered,
    /// After its expiration.
    Expired,
    /// Before its inception.
    NotYetValid,
    /// Its inception is after its expiration.
    NeverValid,
    /// Its algorithm cannot be checked.
    Unsupported,
    /// No key of the zone has its tag and algorithm.
    NoKey,
    /// It cannot belong to this set: signer or labels are wrong.
    OfAnotherSet,
    /// Left alone because too many came.
    Untried,
}

/// One signature of a set, checked.
#[derive(Clone, Debug)]
pub struct SignatureCheck {
    /// Key tag.
    pub tag: u16,
    /// Algorithm.
    pub algorithm: u8,
    /// Seconds since its inception; negative before.
    pub age: i32,
    /// Seconds until its expiration; negative after.
    pub left: i32,
    /// Whether it holds, and if not, why.
    pub outcome: SignatureOutcome,
    /// `tag 12345 ECDSAP256SHA256 of zone test., 20260101000000 to 20260115000000` and the outcome, for people.
    pub text: String,
}

/// A set with all its signatures, checked.
#[derive(Clone, Debug)]
pub struct RrSetCheck {
    /// Why it does not verify, and what was seen; absent when it does.
    pub problem: Option<(Reason, String)>,
    /// Name of the wildcard's encloser, when the set came from a wildcard.
    pub expanded: Option<Name>,
    /// Every signature.
    pub signatures: Vec<SignatureCheck>,
}

/// Verifies a set against the keys of `zone` at second `at`: one signature that holds is enough. `work` pays for every
/// verification.
pub fn check_rrset(set: &RrSet, zone: &Name, keys: &[Key], at: u32, work: &mut WorkBudget) -> RrSetCheck {
    let mut tries = TRIES;
    let mut signatures = Vec::with_capacity(set.signatures.len().min(LOOKED_AT));
    let mut signed = None;
    for signature in set.signatures.iter().take(LOOKED_AT) {
        let outcome = outcome(set, signature, zone, keys, at, work, &mut tries);
        if let SignatureOutcome::Good(_) = outcome {
            // Of several, the one that claims least: an exact name rather than a wildcard.
            signed = signed.max(Some(signature.labels));
        }
        signatures.push(signature_check(signature, outcome, at));
    }
    let own = usize::from(signed_labels(&set.owner));
    let expanded = signed.map(usize::from).filter(|count| *count < own).map(|count| suffix(&set.owner, count));
    let problem = if signed.is_some() { None } else { Some(problem(set, zone, &signatures)) };
    RrSetCheck { problem, expanded, signatures }
}

fn outcome(
    set: &RrSet,
    signature: &Signature,
    zone: &Name,
    keys: &[Key],
    at: u32,
    work: &mut WorkBudget,
    tries: &mut u32,
) -> SignatureOutcome {
    if signature.signer != *zone || !set.owner.ends_with(zone) || signature.labels > signed_labels(&set.owner) {
        return SignatureOutcome::OfAnotherSet;
    }
    if !supported(signature.algorithm) {
        return SignatureOutcome::Unsupported;
    }
    let fits = |key: &Key| key.signs() && key.tag == signature.tag && key.algorithm == signature.algorithm;
    let candidates: Vec<(usize, &Key)> = keys.iter().enumerate().filter(|(_, key)| fits(key)).collect();
    if candidates.is_empty() {
        return SignatureOutcome::NoKey;
    }
    let more_keys = candidates.len() > COLLISIONS;
    if later(signature.inception, signature.expiration) > 0 {
        return SignatureOutcome::NeverValid;
    }
    if later(at, signature.expiration) > 0 {
        return SignatureOutcome::Expired;
    }
    if later(at, signature.inception) < 0 {
        return SignatureOutcome::NotYetValid;
    }
    let Some(data) = signed_data(set, signature) else { return SignatureOutcome::OfAnotherSet };
    let proper = signature.data.get(signature.split..).unwrap_or_default();
    let mut outcome = SignatureOutcome::Untried;
    for (place, key) in candidates.into_iter().take(COLLISIONS) {
        if *tries == 0 || !work.signature() {
            return SignatureOutcome::Untried;
        }
        *tries -= 1;
        match key.signed(&data, proper) {
            Ok(true) => return SignatureOutcome::Good(place),
            Ok(false) => outcome = SignatureOutcome::Altered,
            Err(_) if outcome == SignatureOutcome::Untried => outcome = SignatureOutcome::Unsupported,
            Err(_) => {}
        }
    }
    // A key that was not tried may have made it.
    if more_keys { SignatureOutcome::Untried } else { outcome }
}

/// RFC 4035 section 5.3.2: the RRSIG's own data, then every record under the name it was signed by.
fn signed_data(set: &RrSet, signature: &Signature) -> Option<Vec<u8>> {
    let count = usize::from(signature.labels);
    let owner = if count < labels(&set.owner) { wildcard(&suffix(&set.owner, count))? } else { set.owner.clone() };
    let mut out = signature.data.get(..signature.split)?.to_vec();
    for data in &set.data {
        out.extend_from_slice(owner.as_slice());
        out.extend_from_slice(&set.kind.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        out.extend_from_slice(&signature.original_ttl.to_be_bytes());
        out.extend_from_slice(&u16::try_from(data.len()).ok()?.to_be_bytes());
        out.extend_from_slice(data);
    }
    Some(out)
}

/// Seconds from `b` to `a`, both modulo 2^32: RFC 4034 section 3.1.5 with the arithmetic of RFC 1982.
#[must_use]
pub fn later(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// The most telling outcome decides the reason: data that was altered explains more than a second signature that is old. What
/// was left alone could have held, so nothing is told of the set.
fn problem(set: &RrSet, zone: &Name, signatures: &[SignatureCheck]) -> (Reason, String) {
    if signatures.is_empty() {
        return (Reason::MissingRrsig, format!("no signature came with it, although zone {} is signed", dotted(zone)));
    }
    let has = |outcome| signatures.iter().any(|signature| signature.outcome == outcome);
    let left_out = set.signatures.len() > signatures.len();
    let reason = if left_out || has(SignatureOutcome::Untried) {
        Reason::TooMuchWork
    } else if has(SignatureOutcome::Altered) {
        Reason::BadSignature
    } else if has(SignatureOutcome::Expired) {
        Reason::Expired
    } else if has(SignatureOutcome::NeverValid) {
        Reason::NeverValid
    } else if has(SignatureOutcome::NotYetValid) {
        Reason::NotYetValid
    } else if has(SignatureOutcome::Unsupported) {
        Reason::UnsupportedAlgorithm
    } else {
        Reason::BadSignature
    };
    let shown: Vec<&str> = signatures.iter().take(4).map(|signature| signature.text.as_str()).collect();
    let more = set.signatures.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    let count = set.signatures.len();
    let which = if count == 1 {
        "its only signature does not hold".to_owned()
    } else {
        format!("none of its {count} signatures holds")
    };
    (reason, format!("{which}: {}{rest}", shown.join("; ")))
}

fn signature_check(signature: &Signature, outcome: SignatureOutcome, at: u32) -> SignatureCheck {
    let (age, left) = (later(at, signature.inception), later(signature.expiration, at));
    let what = match outcome {
        SignatureOutcome::Good(_) => "holds".to_owned(),
        SignatureOutcome::Altered => "does not match the data".to_owned(),
        SignatureOutcome::Expired => format!("expired {} s before the time of validation", left.unsigned_abs()),
        SignatureOutcome::NotYetValid => format!("begins {} s after the time of validation", age.unsigned_abs()),
        SignatureOutcome::NeverValid => "is never valid: its inception is after its expiration".to_owned(),
        SignatureOutcome::Unsupported => "of an algorithm or key size that cannot be checked".to_owned(),
        SignatureOutcome::NoKey => "is by no key of the zone".to_owned(),
        SignatureOutcome::OfAnotherSet => "cannot belong to this set by its signer or its labels".to_owned(),
        SignatureOutcome::Untried => "was left alone: too many signatures or keys of one tag".to_owned(),
    };
    let text = format!(
        "the one by key {} {} of {} from {} to {} {what}",
        signature.tag,
        algorithm(signature.algorithm),
        dotted(&signature.signer),
        date(signature.inception, at),
        date(signature.expiration, at),
    );
    SignatureCheck { tag: signature.tag, algorithm: signature.algorithm, age, left, outcome, text }
}

/// The instant nearest to `at` that a 32-bit second can mean.
fn date(second: u32, at: u32) -> String {
    let instant = i64::from(at) + i64::from(later(second, at));
    jiff::Timestamp::from_second(instant).map_or_else(|_| second.to_string(), |instant| instant.to_string())
}

/// RFC 4034 section 3.1.3: without root and without a leading `*`.
fn signed_labels(name: &Name) -> u8 {
    let star = usize::from(name.as_slice().starts_with(b"\x01*"));
    u8::try_from(labels(name).saturating_sub(star)).unwrap_or(u8::MAX)
}
