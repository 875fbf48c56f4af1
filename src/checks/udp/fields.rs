//! The fields of a check, each a typed key.

use std::time::Duration;

use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::field::{PATIENCE, PORT as PORT_NUMBER};
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, FieldRole, Text};

// One of several datagrams.
fields! { pub(super) DATAGRAM;
    pub(super) const PART: Field<Option<Text>> = Field::optional("send", FieldKind::Text, "Text to send.");
    pub(super) const PART_HEX: Field<Option<Text>> =
        Field::optional("send_hex", FieldKind::Text, "Bytes to send, in hexadecimal.");
}

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Text> = Field::required("host", FieldKind::Host, "Name or address to send to.").role(FieldRole::Host);
    pub(super) const PORT: Field<u16> =
        Field::required("port", PORT_NUMBER, "Port to send to.").role(FieldRole::Location);
    use IP_VERSION;
    use SOURCE;
    use INTERFACE;
    pub(super) const SEND: Field<Option<Text>> =
        Field::optional("send", FieldKind::Text, "Text to send; this, `send_hex` or `datagrams` is required.");
    pub(super) const SEND_HEX: Field<Option<Text>> =
        Field::optional("send_hex", FieldKind::Text, "Bytes to send, in hexadecimal.");
    pub(super) const DATAGRAMS: Field<Vec<Args>> = Field::optional(
        "datagrams",
        FieldKind::List(&FieldKind::GroupOr("send", DATAGRAM)),
        "Several datagrams in place of one, sent in this order: texts, or `{send_hex: …}`.",
    );
    pub(super) const COUNT: Field<usize> = Field::default(
        "count",
        FieldKind::Integer(1, 1000),
        "1",
        "How many times all of it is sent. Of several datagrams each must be answered, unless `loss` is expected otherwise.",
    );
    pub(super) const INTERVAL: Field<Option<Duration>> = Field::optional(
        "interval",
        FieldKind::Duration(0.001, 60.0),
        "Time between two datagrams, 10 ms when left out; nothing is waited for in between.",
    );
    pub(super) const EXPECT: Field<Option<Text>> =
        Field::optional("expect", FieldKind::Text, "Text that an answer must contain; otherwise the outcome is `mismatch`.");
    pub(super) const EXPECT_HEX: Field<Option<Text>> =
        Field::optional("expect_hex", FieldKind::Text, "Bytes that an answer must contain; otherwise the outcome is `mismatch`.");
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "5s", "How long to wait for an unresponsive peer.").role(FieldRole::Patience);
    pub(super) const LIMIT: Field<usize> = Field::default(
        "limit",
        FieldKind::Size(1.0, 65_535.0),
        "4 KiB",
        "Maximum number of bytes of a datagram to examine and keep.",
    );
}
