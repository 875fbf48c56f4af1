//! The fields of a check, each a typed key.

use std::time::Duration;

use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::field::{PATIENCE, PORT as PORT_NUMBER};
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, Text};

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Text> = Field::required("host", FieldKind::Host, "Name or address to send to.").role(FieldRole::Host);
    pub(super) const PORT: Field<u16> =
        Field::required("port", PORT_NUMBER, "Port to send to.").role(FieldRole::Location);
    use IP_VERSION;
    use SOURCE;
    use INTERFACE;
    pub(super) const SEND: Field<Option<String>> =
        Field::optional("send", FieldKind::Text, "Text to send; this or `send_hex` is required.");
    pub(super) const SEND_HEX: Field<Option<String>> =
        Field::optional("send_hex", FieldKind::Text, "Bytes to send, in hexadecimal.");
    pub(super) const EXPECT: Field<Option<String>> =
        Field::optional("expect", FieldKind::Text, "Text that an answer must contain; otherwise the outcome is `mismatch`.");
    pub(super) const EXPECT_HEX: Field<Option<String>> =
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
