//! The fields of a check, each a typed key.

use std::time::Duration;

pub(super) use crate::checks::shared::hosts::HOSTS;
use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, Text};

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Option<Text>> = Field::optional("host", FieldKind::Host, "Name or address to probe.").role(FieldRole::Host);
    use IP_VERSION;
    pub(super) const COUNT: Field<Option<u32>> = Field::optional(
        "count",
        FieldKind::Integer(1, 100_000),
        "How many probes to send to each host. Default: 5, and 1 with `hosts`.",
    )
    .role(FieldRole::Repetition);
    pub(super) const INTERVAL: Field<Duration> = Field::default(
        "interval",
        FieldKind::Duration(0.001, 3600.0),
        "200ms",
        "Time from one probe to the next to the same host. The schedule is fixed: slow replies do not delay it.",
    );
    pub(super) const SIZE: Field<usize> = Field::default(
        "size",
        FieldKind::Size(0.0, 65_500.0),
        "56 B",
        "Payload of a probe, without ICMP and IP header.",
    );
    pub(super) const HOP_LIMIT: Field<Option<u32>> =
        Field::optional("ttl", FieldKind::Integer(1, 255), "TTL or hop limit to send with.");
    pub(super) const DONT_FRAGMENT: Field<bool> = Field::default(
        "dont_fragment",
        FieldKind::Bool,
        "false",
        "Forbid fragmentation on the way and in this host, so that a path too small shows as `too_big`.",
    );
    pub(super) const DSCP: Field<Option<u32>> = Field::optional(
        "dscp",
        FieldKind::Integer(0, 63),
        "Class of service that probes bear (RFC 2474): 46 is EF, 0 best effort. `dscp.quoted` says what became of it.",
    );
    pub(super) const DUPLICATE_ADDRESS: Field<bool> = Field::default(
        "duplicate_address",
        FieldKind::Bool,
        "false",
        "Ask the link, by ARP or neighbour discovery, who has the address of `host`: two are one too many. Needs CAP_NET_RAW, and that this host is on that link.",
    );
    use SOURCE;
    use INTERFACE;
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "1s", "How long to wait for each reply.").role(FieldRole::Patience);
}
