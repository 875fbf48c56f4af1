//! The fields of a transport, each a typed key.

use crate::checks::shared::tls_fields::{CA_FILE, CLIENT_CERT, CLIENT_KEY, ROOTS};
use crate::model::argument::choices;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, Text};

choices! {
    /// Words of field `transport`.
    pub(in crate::checks::dns) enum TransportWord {
        Udp = "udp",
        Tcp = "tcp",
        Dot = "dot",
        Doh = "doh",
        Doq = "doq",
        Doh3 = "doh3",
    }
}

choices! {
    /// How a query stands in an HTTP request.
    pub(in crate::checks::dns) enum HttpMethod {
        Post = "POST",
        Get = "GET",
    }
}

fields! { pub(in crate::checks::dns) FIELDS;
    pub(in crate::checks::dns) const TRANSPORT: Field<TransportWord> = Field::choice(
        "transport",
        "udp",
        "Transport, with default ports 53, 53, 853, 443, 853 and 443. No other one is tried, not even when UDP truncates.",
    );
    pub(super) const SNI: Field<Option<String>> = Field::optional(
        "sni",
        FieldKind::Text,
        "Server name (SNI) that encrypted transports send. Default: the server's name; none for an address or an empty text.",
    );
    pub(super) const VERIFY_NAME: Field<Option<String>> = Field::optional(
        "verify_name",
        FieldKind::Host,
        "Name that the certificate of an encrypted transport must be valid for. Default: `sni`, else `server`.",
    );
    pub(super) const VERIFY: Field<bool> = Field::default(
        "verify",
        FieldKind::Bool,
        "true",
        "Send no query over an encrypted transport unless the certificate verifies; `false` sends it anyway.",
    );
    use ROOTS;
    use CA_FILE;
    use CLIENT_CERT;
    use CLIENT_KEY;
    pub(super) const PATH: Field<Option<String>> =
        Field::optional("path", FieldKind::Text, "Path for the transports doh and doh3. Default: /dns-query.");
    pub(super) const METHOD: Field<Option<HttpMethod>> =
        Field::optional_choice("method", "Method for the transports doh and doh3. Default: POST.");
    pub(super) const SAME_AS: Field<Option<Text>> = Field::optional(
        "same_as",
        FieldKind::Endpoint,
        "Ask the same question over UDP as well (TCP if truncated) and compare: `udp` for the same server at port 53, or host:port.",
    );
}
