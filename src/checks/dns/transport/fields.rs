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
        "How to ask, with ports 53, 53, 853, 443, 853 and 443; never another way than this one, not even when UDP truncates.",
    );
    pub(super) const SNI: Field<Option<String>> = Field::optional(
        "sni",
        FieldKind::Text,
        "Name sent as SNI by encrypted transports; default the server's name, none for an address or an empty text.",
    );
    pub(super) const VERIFY_NAME: Field<Option<String>> = Field::optional(
        "verify_name",
        FieldKind::Host,
        "Name the certificate of an encrypted transport must be for; default `sni`, else `server`.",
    );
    pub(super) const VERIFY: Field<bool> = Field::default(
        "verify",
        FieldKind::Bool,
        "true",
        "Ask an encrypted transport nothing unless its certificate verifies; `false` asks all the same.",
    );
    use ROOTS;
    use CA_FILE;
    use CLIENT_CERT;
    use CLIENT_KEY;
    pub(super) const PATH: Field<Option<String>> =
        Field::optional("path", FieldKind::Text, "Path of transports doh and doh3; default /dns-query.");
    pub(super) const METHOD: Field<Option<HttpMethod>> =
        Field::optional_choice("method", "Method of transports doh and doh3; default POST.");
    pub(super) const SAME_AS: Field<Option<Text>> = Field::optional(
        "same_as",
        FieldKind::Endpoint,
        "Ask the same by UDP too, TCP when truncated: `udp` for the same server at port 53, or host:port.",
    );
}
