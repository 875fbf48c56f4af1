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
pub(super) use facts::{STAPLED, record};
pub(super) use kinds::{Asking, sweep};
pub(super) use revocation::check as check_revocation;
pub(super) use summary::record as record_all;

use crate::model::argument::choices;
use crate::model::table::{fields, joined};
use crate::model::{Args, FactInfo, Field, FieldKind};
use crate::probe::Mode;

choices! {
    /// Addresses of the name that are connected to.
    pub(super) enum Addresses {
        First = "first",
        All = "all",
    }
}

choices! {
    /// Certificates of the server that are asked for.
    pub(super) enum Certificates {
        One = "one",
        All = "all",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const ADDRESSES: Field<Addresses> = Field::choice(
        "addresses",
        "first",
        "The first address the resolver gives, or every A and AAAA; of all, the worst is reported.",
    );
    pub(super) const CERTIFICATES: Field<Certificates> = Field::choice(
        "certificates",
        "one",
        "The certificate of one handshake, or every one: ECDSA, RSA and Ed25519 asked apart, with and without SNI.",
    );
    pub(super) const CRL: Field<bool> = Field::default(
        "crl",
        FieldKind::Bool,
        "false",
        "Fetch the revocation lists the certificates name, over HTTP, and look them up; connects to the authority's servers.",
    );
}

pub(super) const FACTS: &[FactInfo] =
    joined!(FactInfo; facts::FACTS, addresses::FACTS, summary::FACTS, revocation::FACTS);

/// A bad second certificate, or a revoked one, must not pass a check that expects nothing else.
pub(super) const MODES: &[Mode] = &[
    Mode {
        with: "certificates: all",
        applies: all_certificates,
        expect: None,
        adds: Some("certificates.verified: true"),
        facts: summary::FACTS,
    },
    Mode {
        with: "crl: true",
        applies: |args| args.get(&CRL),
        expect: None,
        adds: Some("crl.status: good"),
        facts: revocation::FACTS,
    },
    Mode { with: "addresses: all", applies: all_addresses, expect: None, adds: None, facts: addresses::FACTS },
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
        Self { all_addresses: all_addresses(args), all_certificates: all_certificates(args), crl: args.get(&CRL) }
    }

    /// What it adds to the length of a check whose phases each have this patience.
    pub(super) fn longest(self, patience: Duration) -> Duration {
        let sweep = if self.all_certificates { kinds::longest(patience) } else { Duration::ZERO };
        let lists = if self.crl { revocation::longest(patience) } else { Duration::ZERO };
        sweep + lists
    }
}

fn all_addresses(args: &Args) -> bool {
    args.get(&ADDRESSES) == Addresses::All
}

fn all_certificates(args: &Args) -> bool {
    args.get(&CERTIFICATES) == Certificates::All
}
