//! The fields every check may have, each a typed key; those of a transport or a mode stand beside it.

use std::time::Duration;

use crate::checks::shared::target::{self, INTERFACE, SOURCE};
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, Text};
use crate::net::IpVersion;

choices! {
    /// Class of the question.
    pub(super) enum Class {
        In = "IN",
        Ch = "CH",
        Hs = "HS",
    }
}

choices! {
    /// Whether signatures are asked for, and judged.
    pub(super) enum Dnssec {
        Off = "false",
        On = "true",
        Validate = "validate",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const SERVER: Field<Vec<Text>> = Field::optional(
        "server",
        FieldKind::List(&FieldKind::Endpoint),
        "Server to ask; without a port, the default port of the transport.",
    )
    .role(FieldRole::Host);
    pub(super) const NAME: Field<Option<String>> = Field::optional(
        "name",
        FieldKind::Text,
        "Name to ask for; always absolute, no search list applies. May be left out with `authoritative` (then it is the zone) and \
         with `load` that has names of its own.",
    );
    pub(super) const TYPE: Field<Option<String>> = Field::optional(
        "type",
        FieldKind::Text,
        "Record type, by mnemonic or by number (TYPE65280). Default: A, or SOA if `name` is left out.",
    );
    pub(super) const CLASS: Field<Class> = Field::choice("class", "IN", "Class of the question.");
    pub(super) const RECURSION: Field<bool> =
        Field::default("recursion", FieldKind::Bool, "true", "Set RD: ask the server to resolve the name.");
    pub(super) const EDNS: Field<bool> =
        Field::default("edns", FieldKind::Bool, "true", "Send an OPT record (EDNS version 0).");
    pub(super) const EDNS_SIZE: Field<u16> =
        Field::default("edns_size", FieldKind::Size(512.0, 65535.0), "1232 B", "Largest UDP answer to accept, as announced in OPT.");
    pub(super) const DNSSEC: Field<Dnssec> = Field::choice(
        "dnssec",
        "false",
        "`true` sets DO: ask for signatures; `validate` judges them and all they depend on.",
    );
    pub(super) const NSID: Field<bool> =
        Field::default("nsid", FieldKind::Bool, "false", "Ask which instance answers (RFC 5001).");
    use SOURCE;
    use INTERFACE;
    pub(super) const IP_VERSION: Field<IpVersion> = target::IP_VERSION.help("Which addresses of the server's name to use.");
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "5s", "How long each attempt waits for an answer.")
            .role(FieldRole::Patience);
    pub(super) const ATTEMPTS: Field<Option<u32>> = Field::optional(
        "attempts",
        FieldKind::Integer(1, 10),
        "Maximum number of queries; the next one is sent when the last one got no answer. Default: 1, or 3 when several servers are asked.",
    );
}
