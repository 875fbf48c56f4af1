//! The fields of a check, each a typed key.

use std::time::Duration;

use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, Text};

choices! {
    /// What packets are sent.
    pub(super) enum Protocol {
        Icmp = "icmp",
        Udp = "udp",
        Tcp = "tcp",
    }
}

choices! {
    /// How the MTU of the path is found.
    pub(super) enum MtuSearch {
        /// By packets of different lengths that no router may fragment.
        Discover = "discover",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Text> = Field::required("host", FieldKind::Host, "Name or address to trace the path to.").role(FieldRole::Host);
    pub(super) const PROTOCOL: Field<Protocol> = Field::choice(
        "protocol",
        "icmp",
        "What is sent: ICMP echo requests, UDP datagrams or TCP SYNs. Routers and firewalls may treat each in another way.",
    );
    pub(super) const PORT: Field<Option<u16>> = Field::optional(
        "port",
        FieldKind::Integer(1, 65_535),
        "Port that packets are sent to, with `protocol: udp` (default 33434) and `protocol: tcp` (default 80).",
    )
    .role(FieldRole::Location);
    pub(super) const FLOWS: Field<u16> = Field::default(
        "flows",
        FieldKind::Integer(1, 64),
        "1",
        "How many flows to send. Routers with several equal ways choose one by flow: more flows see more of them.",
    );
    pub(super) const MAX_HOPS: Field<u8> =
        Field::default("max_hops", FieldKind::Integer(1, 64), "30", "Hops after which the target is given up.");
    pub(super) const COUNT: Field<u32> = Field::default(
        "count",
        FieldKind::Integer(1, 1000),
        "1",
        "How many packets each flow sends to each hop. Losses and round-trip times of hops need some.",
    )
    .role(FieldRole::Repetition);
    pub(super) const INTERVAL: Field<Duration> = Field::default(
        "interval",
        FieldKind::Duration(0.001, 60.0),
        "50ms",
        "Time from one packet to the next to the same hop, of any flow. The packets of one flow to its hops leave together.",
    );
    pub(super) const RETRIES: Field<u32> = Field::default(
        "retries",
        FieldKind::Integer(0, 10),
        "2",
        "How often a hop is asked again that answered nothing.",
    );
    pub(super) const MTU: Field<Option<MtuSearch>> = Field::optional_choice(
        "mtu",
        "`discover` also finds the largest packet that the path carries, and the hop where it shrinks, with `protocol: icmp` and `udp`.",
    );
    use IP_VERSION;
    use SOURCE;
    use INTERFACE;
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "1s", "How long to wait for each answer.").role(FieldRole::Patience);
}
