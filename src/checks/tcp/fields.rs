//! The fields of a check, each a typed key.

use std::time::Duration;

use super::dialogue::STEP;
use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::model::argument::choices;
use crate::model::field::{PATIENCE, PORT as PORT_NUMBER};
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, FieldRole, Text};

choices! {
    /// Which addresses of the name are connected to.
    pub(super) enum Addresses {
        First = "first",
        All = "all",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Text> =
        Field::required("host", FieldKind::Host, "Name or address to connect to.").role(FieldRole::Host);
    pub(super) const PORT: Field<u16> =
        Field::required("port", PORT_NUMBER, "Port to connect to.").role(FieldRole::Location);
    use IP_VERSION;
    pub(super) const ADDRESSES: Field<Addresses> =
        Field::choice("addresses", "first", "Connect to the first address the resolver gives, or to every A and AAAA.");
    use SOURCE;
    use INTERFACE;
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "5s", "How long to wait for an unresponsive peer.").role(FieldRole::Patience);
    pub(super) const SEND: Field<Option<Text>> =
        Field::optional("send", FieldKind::Text, "Text to send once connected.");
    pub(super) const SEND_HEX: Field<Option<Text>> =
        Field::optional("send_hex", FieldKind::Text, "Bytes to send once connected, in hexadecimal.");
    pub(super) const EXPECT: Field<Option<Text>> =
        Field::optional("expect", FieldKind::Text, "Text that the answer must contain; otherwise the outcome is `mismatch`.");
    pub(super) const EXPECT_HEX: Field<Option<Text>> =
        Field::optional("expect_hex", FieldKind::Text, "Bytes that the answer must contain; otherwise the outcome is `mismatch`.");
    pub(super) const BANNER: Field<bool> =
        Field::default("banner", FieldKind::Bool, "false", "Wait for a greeting from the server, even without `expect`.");
    pub(super) const DIALOGUE: Field<Vec<Args>> = Field::optional(
        "dialogue",
        FieldKind::List(&FieldKind::Group(STEP)),
        "Steps taken one after the other; the first that fails decides the outcome.",
    );
    pub(super) const HALF_CLOSE: Field<bool> = Field::default(
        "half_close",
        FieldKind::Bool,
        "false",
        "End this side's sending (FIN) once all is sent, and read until the server ends its side, too.",
    );
    pub(super) const LIMIT: Field<usize> =
        Field::default("limit", FieldKind::Size(1.0, 1_048_576.0), "16 KiB", "Maximum number of bytes to read of the answer, or of all answers of a dialogue.");
}
