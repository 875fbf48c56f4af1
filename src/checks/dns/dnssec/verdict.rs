//! Verdicts of a validation, and how they end a walk.

use crate::model::Fault;
use crate::proto::dnssec::Reason;

/// RFC 4035 section 4.3, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Secure,
    Insecure,
    Indeterminate,
    Bogus,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Insecure => "insecure",
            Self::Indeterminate => "indeterminate",
            Self::Bogus => "bogus",
        }
    }
}

/// A verdict, its reason and the evidence.
#[derive(Clone, Debug)]
pub(super) struct Validation {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Reason>,
    pub(super) why: String,
}

impl Validation {
    /// Nothing was answered.
    pub(super) fn unanswered(why: &str) -> Self {
        Self { verdict: Verdict::Indeterminate, reason: Some(Reason::NoAnswer), why: why.to_owned() }
    }
}

/// The end of a walk before its last step; handed up with `?`.
pub(super) enum WalkEnd {
    /// The verdict is known.
    Validation(Validation),
    /// This side could not go on.
    Fault(Fault),
}

impl From<Fault> for WalkEnd {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// It contradicts what it should follow from. Work that ran out contradicts nothing.
pub(super) fn bogus(reason: Reason, why: impl Into<String>) -> WalkEnd {
    let verdict = if reason == Reason::TooMuchWork { Verdict::Indeterminate } else { Verdict::Bogus };
    WalkEnd::Validation(Validation { verdict, reason: Some(reason), why: why.into() })
}

/// The messages that would decide it were not to be had.
pub(super) fn indeterminate(reason: Reason, why: impl Into<String>) -> WalkEnd {
    WalkEnd::Validation(Validation { verdict: Verdict::Indeterminate, reason: Some(reason), why: why.into() })
}

/// Why a name is in no signed zone.
#[derive(Clone, Debug)]
pub(super) struct Unsigned {
    pub(super) reason: Option<Reason>,
    pub(super) why: String,
}

impl Unsigned {
    pub(super) fn by(why: impl Into<String>) -> Self {
        Self { reason: None, why: why.into() }
    }
}
