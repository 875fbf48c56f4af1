//! The fields of every handshake, each a typed key. Those of a mode stand beside it.

use std::time::Duration;

use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::checks::shared::tls_fields::{CA_FILE, CLIENT_CERT, CLIENT_KEY, ROOTS};
use crate::model::argument::choices;
use crate::model::field::{PATIENCE, PORT as PORT_NUMBER};
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, Text};

choices! {
    /// A version that can be offered in a whole handshake.
    pub(super) enum TlsVersion {
        Tls12 = "TLS1.2",
        Tls13 = "TLS1.3",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const HOST: Field<Text> = Field::required("host", FieldKind::Host, "Name or address to connect to.").role(FieldRole::Host);
    pub(super) const PORT: Field<Option<u16>> = Field::optional(
        "port",
        PORT_NUMBER,
        "Port to connect to. Default: 443, or with `starttls` the port of that protocol.",
    )
    .role(FieldRole::Location);
    use IP_VERSION;
    use SOURCE;
    use INTERFACE;
    pub(super) const SNI: Field<Option<String>> = Field::optional(
        "sni",
        FieldKind::Text,
        "Server name (SNI) to send. Default: `host`; none for an address or an empty text.",
    )
    .role(FieldRole::Location);
    pub(super) const VERIFY_NAME: Field<Option<String>> = Field::optional(
        "verify_name",
        FieldKind::Host,
        "Name that the certificate must be valid for. Default: `sni`, else `host`.",
    );
    pub(super) const ALPN: Field<Vec<String>> = Field::optional(
        "alpn",
        FieldKind::List(&FieldKind::Text),
        "Application protocols (ALPN) to offer, in order of preference.",
    );
    use ROOTS;
    use CA_FILE;
    use CLIENT_CERT;
    use CLIENT_KEY;
    pub(super) const MIN_VERSION: Field<Option<TlsVersion>> =
        Field::optional_choice("min_version", "Lowest version to offer.");
    pub(super) const MAX_VERSION: Field<Option<TlsVersion>> =
        Field::optional_choice("max_version", "Highest version to offer.");
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "5s", "How long to wait for an unresponsive peer, in each phase.")
            .role(FieldRole::Patience);
}
