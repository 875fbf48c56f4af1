//! The fields of a check, each a typed key.

use std::time::Duration;

use crate::checks::shared::hosts::{HOSTS, HOSTS_FILE};
use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, RateOr, Text};

choices! {
    /// How a port is asked.
    pub(super) enum ScanMethod {
        Connect = "connect",
        Syn = "syn",
        Udp = "udp",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Option<Text>> = Field::optional("host", FieldKind::Host, "Name or address whose ports are asked.").role(FieldRole::Host);
    use HOSTS;
    use HOSTS_FILE;
    pub(super) const PORTS: Field<Vec<Text>> = Field::required(
        "ports",
        FieldKind::List(&FieldKind::Text),
        "Ports to ask: numbers and ranges (`22`, `[22, 80, 8000-8100]`, `1-65535`).",
    );
    pub(super) const METHOD: Field<ScanMethod> = Field::choice(
        "method",
        "connect",
        "How they are asked: by a TCP connection that is closed at once, by a SYN alone (half-open, needs CAP_NET_RAW), or by a UDP datagram \
         that the usual protocol of the port answers.",
    );
    use IP_VERSION;
    pub(super) const RATE: Field<Option<RateOr>> = Field::optional(
        "rate",
        FieldKind::RateOr(&["max"]),
        "Probes per second in all. Default: 100 /s, and `max` where no host is beyond this machine and its links.",
    );
    pub(super) const RETRIES: Field<u32> =
        Field::default("retries", FieldKind::Integer(0, 10), "1", "How often a silent port is asked again; more often where that shows that packets of TCP are lost.");
    use SOURCE;
    use INTERFACE;
    pub(super) const TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        PATIENCE,
        "1500ms",
        "How long to wait for each answer, with `connect` at least 1.2 s before a port is called filtered. An earlier ask of a silent port may wait \
         for less, once the host's round-trip time is known.",
    )
    .role(FieldRole::Patience);
}
