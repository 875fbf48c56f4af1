//! Certificates beyond one handshake: every address behind a name, every certificate a server can show, what is wrong
//! with them although they verify, and whether they are revoked.

mod addresses;
mod examine;
mod facts;
mod kinds;
mod revocation;
mod summary;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use addresses::{Visit, record as record_addresses, together, worst};
pub(super) use examine::Examined;
pub(super) use facts::{ADDRESSES_FACTS, ALL_FACTS, ALWAYS, CRL_FACTS, record};
pub(super) use kinds::{Asking, sweep};
pub(super) use revocation::check as check_revocation;
pub(super) use summary::record as record_all;

use crate::model::{Args, FieldInfo, FieldKind};
use crate::probe::Mode;

pub(super) const FIELDS: &[FieldInfo] = &[
    FieldInfo::default(
        "addresses",
        FieldKind::Choice(&["first", "all"]),
        "first",
        "The first address the resolver gives, or every A and AAAA; of all, the worst is reported.",
    ),
    FieldInfo::default(
        "certificates",
        FieldKind::Choice(&["one", "all"]),
        "one",
        "The certificate of one handshake, or every one: ECDSA, RSA and Ed25519 asked apart, with and without SNI.",
    ),
    FieldInfo::default(
        "crl",
        FieldKind::Bool,
        "false",
        "Fetch the revocation lists the certificates name, over HTTP, and look them up; connects to the authority's servers.",
    ),
];

/// A bad second certificate, or a revoked one, must not pass a check that expects nothing else.
pub(super) const MODES: &[Mode] = &[
    Mode {
        with: "certificates: all",
        applies: all_certificates,
        expect: None,
        adds: Some("certificates.verified: true"),
        facts: ALL_FACTS,
    },
    Mode { with: "crl: true", applies: crl, expect: None, adds: Some("crl.status: good"), facts: CRL_FACTS },
    Mode { with: "addresses: all", applies: all_addresses, expect: None, adds: None, facts: ADDRESSES_FACTS },
];

/// Which of it a check asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Every address, not only the first.
    pub(super) all_addresses: bool,
    /// Every certificate of each.
    pub(super) all_certificates: bool,
    /// Revocation lists.
    pub(super) crl: bool,
}

impl Wanted {
    pub(super) fn from_args(args: &Args) -> Self {
        Self { all_addresses: all_addresses(args), all_certificates: all_certificates(args), crl: crl(args) }
    }

    /// What it adds to the length of a check whose phases each have this patience.
    pub(super) fn longest(self, patience: Duration) -> Duration {
        let sweep = if self.all_certificates { kinds::longest(patience) } else { Duration::ZERO };
        let lists = if self.crl { revocation::longest(patience) } else { Duration::ZERO };
        sweep + lists
    }
}

pub(super) fn all_addresses(args: &Args) -> bool {
    args.text("addresses") == Some("all")
}

pub(super) fn all_certificates(args: &Args) -> bool {
    args.text("certificates") == Some("all")
}

pub(super) fn crl(args: &Args) -> bool {
    args.flag("crl")
}
