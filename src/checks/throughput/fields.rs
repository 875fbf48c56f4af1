//! The fields of a check, each a typed key.

use std::time::Duration;

use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, RateOr, Text};

choices! {
    /// The protocol that carries the data.
    pub(super) enum Protocol {
        Tcp = "tcp",
        Udp = "udp",
    }
}

choices! {
    /// Who sends.
    pub(super) enum Direction {
        Upload = "upload",
        Download = "download",
        Both = "both",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const SERVER: Field<Text> = Field::required(
        "server",
        FieldKind::Endpoint,
        "iperf3 server or `shakedown serve`; port 5201 if left out.",
    )
    .role(FieldRole::Host);
    pub(super) const PROTOCOL: Field<Protocol> = Field::choice("protocol", "tcp", "Transport protocol of the data.");
    pub(super) const DIRECTION: Field<Direction> =
        Field::choice("direction", "upload", "Who sends: this side (upload), the server (download), or both at once, with facts `upload.*` and `download.*`.");
    pub(super) const STREAMS: Field<u32> =
        Field::default("streams", FieldKind::Integer(1, 128), "1", "Parallel streams in each direction.");
    pub(super) const DURATION: Field<Duration> =
        Field::default("duration", FieldKind::Duration(0.1, 3600.0), "5s", "Length of the measurement.");
    pub(super) const OMIT: Field<Duration> = Field::default(
        "omit",
        FieldKind::Duration(0.0, 600.0),
        "0s",
        "Warm-up before the measurement, left out of every number. Whole seconds, except against `shakedown serve`.",
    );
    pub(super) const RATE: Field<Option<RateOr>> = Field::optional(
        "rate",
        FieldKind::BitRateOr(&["max"]),
        "Payload rate of all streams of a direction together, or `max` for no limit; required for udp, `max` for tcp when left out.",
    );
    pub(super) const BLOCK: Field<Option<u32>> = Field::optional(
        "block",
        FieldKind::Size(16.0, 1_048_576.0),
        "Bytes per write (tcp: 1 MiB if left out, and less of a download at a low `rate`) or per datagram (udp: 1448 B if left out, at most 65507 B).",
    );
    pub(super) const BURST: Field<Option<u32>> = Field::optional(
        "burst",
        FieldKind::Integer(1, 64),
        "Datagrams of udp that leave at once, as one message that the kernel or the device cuts (GSO). If left out: one by one up to 1 Gbit/s and below \
         1 KiB, else what falls due in 250 us, as far as a message can hold it.",
    );
    pub(super) const CONGESTION: Field<Option<String>> = Field::optional(
        "congestion",
        FieldKind::Text,
        "Congestion control, such as cubic or bbr, on both ends.",
    );
    pub(super) const INTERVAL: Field<Duration> = Field::default(
        "interval",
        FieldKind::Duration(0.1, 60.0),
        "1s",
        "Length of one sample of `bitrate` and `rtt`.",
    );
    pub(super) const TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        PATIENCE,
        "5s",
        "How long to wait for each answer of an unresponsive server, or for a path that moves nothing.",
    )
    .role(FieldRole::Patience);
    use SOURCE;
    use INTERFACE;
    use IP_VERSION;
}
