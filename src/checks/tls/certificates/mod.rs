//! Certificates beyond one handshake: every address behind a name, every certificate a server can show, faults of those that
//! verify, and revocation.

mod addresses;
mod chain_analysis;
mod enumeration;
mod facts;
mod revocation;
mod summary;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use addresses::{AddressResult, combined, record as record_addresses, worst};
pub(super) use chain_analysis::ChainAnalysis;
pub(super) use enumeration::enumerate;
pub(super) use facts::{STAPLED, record, record_acceptable};
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
        "Connect to the first address the resolver gives, or to every A and AAAA; of several, the worst result is reported.",
    );
    pub(super) const CERTIFICATES: Field<Certificates> = Field::choice(
        "certificates",
        "one",
        "Look at the certificate of one handshake, or at all of them: ECDSA, RSA and Ed25519 are asked for separately, with and without SNI.",
    );
    pub(super) const CRL: Field<bool> = Field::default(
        "crl",
        FieldKind::Bool,
        "false",
        "Fetch the revocation lists that the certificates name, over HTTP, and look the certificates up; this connects to the authority's servers.",
    );
}

/// Facts that speak of every address.
pub(super) const OF_ADDRESSES: &[FactInfo] = addresses::FACTS;
pub(super) const FACTS: &[FactInfo] =
    joined!(FactInfo; facts::FACTS, addresses::FACTS, summary::FACTS, revocation::FACTS);

/// A bad second certificate, or a revoked one, must not pass a check that says nothing of it.
pub(super) const MODES: &[Mode] = &[
    Mode::of("certificates: all", all_certificates, summary::FACTS).adds("certificates.verified: true"),
    Mode::of("crl: true", |args| args.get(&CRL), revocation::FACTS).adds("crl.status: good"),
    Mode::of("addresses: all", all_addresses, addresses::FACTS),
];

/// How much of it a check asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Every address, not only the first.
    pub(super) all_addresses: bool,
    /// Every certificate of each.
    pub(super) all_certificates: bool,
    /// Revocation lists.
    pub(super) crl: bool,
}

impl Extent {
    pub(super) fn from_args(args: &Args) -> Self {
        Self { all_addresses: all_addresses(args), all_certificates: all_certificates(args), crl: args.get(&CRL) }
    }

    /// Longest time it adds to a check whose phases each have this timeout.
    pub(super) fn longest(self, timeout: Duration) -> Duration {
        let certificates = if self.all_certificates { enumeration::longest(timeout) } else { Duration::ZERO };
        let lists = if self.crl { revocation::longest(timeout) } else { Duration::ZERO };
        certificates + lists
    }
}

fn all_addresses(args: &Args) -> bool {
    args.get(&ADDRESSES) == Addresses::All
}

fn all_certificates(args: &Args) -> bool {
    args.get(&CERTIFICATES) == Certificates::All
}
