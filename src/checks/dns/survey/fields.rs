//! The fields of a survey, each a typed key.

use crate::model::argument::choices;
use crate::model::field::PORT as PORT_NUMBER;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, FieldRole, Text};

/// Servers asked at most.
pub(super) const MAX_SERVERS: usize = 64;

choices! {
    /// Further properties of each server that a check can name below `probes`.
    pub(super) enum Probe {
        Tcp = "tcp",
        Edns = "edns",
        Truncation = "truncation",
        Axfr = "axfr",
        Recursion = "recursion",
        Case = "case",
        Version = "version",
        Dnssec = "dnssec",
        Header = "header",
        Negative = "negative",
        /// Every other one.
        All = "all",
    }
}

impl Probe {
    /// Every probe but `all`, in an order that leaves those some servers punish to the end.
    const ORDER: [Self; 10] = [
        Self::Tcp,
        Self::Edns,
        Self::Header,
        Self::Truncation,
        Self::Dnssec,
        Self::Case,
        Self::Negative,
        Self::Version,
        Self::Recursion,
        Self::Axfr,
    ];

    /// Whether the fields of a check name it.
    pub(super) fn requested(self, args: &Args) -> bool {
        args.get(&PROBES).iter().any(|word| *word == self || *word == Self::All)
    }

    /// The probes of a check, in the order they run.
    pub(super) fn all_requested(args: &Args) -> Vec<Self> {
        Self::ORDER.into_iter().filter(|probe| probe.requested(args)).collect()
    }
}

fields! { pub(in crate::checks::dns) FIELDS;
    pub(in crate::checks::dns) const AUTHORITATIVE: Field<Option<Args>> = Field::optional(
        "authoritative",
        FieldKind::Group(ZONE_FIELDS),
        "Ask every address of every server of a zone, instead of `server`.",
    );
    pub(super) const PROBES: Field<Vec<Probe>> = Field::choices(
        "probes",
        "Further tests of each server; each costs queries. axfr, recursion and version may appear in its logs.",
    );
    pub(super) const OUTSIDE: Field<String> = Field::default(
        "outside",
        FieldKind::Text,
        "example.com",
        "Name that the test `recursion` asks for: one that these servers do not serve.",
    );
    pub(super) const WANTED: Field<Option<Args>> = Field::optional(
        "wanted",
        FieldKind::Group(WANTED_FIELDS),
        "What must appear on every server. With `eventually`, the time until then is a fact.",
    );
}

// Below `authoritative`.
fields! { ZONE_FIELDS;
    pub(super) const ZONE: Field<String> = Field::required("zone", FieldKind::Text, "Name of the zone.");
    pub(super) const PARENT: Field<Vec<Text>> = Field::optional(
        "parent",
        FieldKind::List(&FieldKind::Endpoint),
        "Servers of the parent zone to ask for the delegation. Default: found by a resolver.",
    );
    pub(super) const NS: Field<Vec<(String, Vec<String>)>> = Field::optional(
        "ns",
        FieldKind::Map(&FieldKind::List(&FieldKind::Endpoint)),
        "Names and addresses of the servers as planned for the delegation; the parent is not asked then. A name outside the zone may have an empty list: a resolver finds its addresses.",
    );
    pub(super) const PORT: Field<u16> =
        Field::default("port", PORT_NUMBER, "53", "Port of the zone's servers, for addresses without one.")
            .role(FieldRole::Location);
    pub(super) const VIA: Field<Vec<Text>> = Field::optional(
        "via",
        FieldKind::List(&FieldKind::Endpoint),
        "Resolver that finds servers and their addresses. Default: those of /etc/resolv.conf.",
    );
    pub(super) const BEST_PRACTICE: Field<bool> = Field::default(
        "best_practice",
        FieldKind::Bool,
        "false",
        "Also expect what RFCs and operators recommend: two servers in two networks, sound names and timers, a primary that \
         serves, PTR records. The primary and a resolver are asked.",
    );
}

// Below `wanted`.
fields! { WANTED_FIELDS;
    pub(super) const SERIAL: Field<Option<u32>> = Field::optional(
        "serial",
        FieldKind::Integer(0, u32::MAX as i64),
        "Serial the zone must have reached (RFC 1982): this one or a later one.",
    );
    pub(super) const ANSWERS: Field<Vec<String>> = Field::optional(
        "answers",
        FieldKind::List(&FieldKind::Text),
        "Record data that every server must answer with: exactly these records, in any order; `[]` means no such records any more.",
    );
}
