//! The fields of a check, each a typed key.

use std::net::IpAddr;
use std::time::Duration;

use crate::checks::shared::tls_fields::{CA_FILE, CLIENT_CERT, CLIENT_KEY, ROOTS};
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Field, FieldKind, FieldRole, Text};
use crate::proto::http::VersionChoice;

choices! {
    /// HTTP version asked for.
    pub(super) enum HttpVersion {
        /// The server's choice over https, else 1.1.
        Auto = "auto",
        /// HTTP/1.1.
        Http1 = "1.1",
        /// HTTP/2; over http with prior knowledge.
        Http2 = "2",
    }
}

fields! { pub(super) FIELDS;
    pub(super) const URL: Field<Text> =
        Field::required("url", FieldKind::Url, "http or https URL, without user and password.").role(FieldRole::Host);
    pub(super) const METHOD: Field<String> = Field::default("method", FieldKind::Text, "GET", "Request method.");
    pub(super) const HEADERS: Field<Vec<(String, String)>> =
        Field::optional("headers", FieldKind::Map(&FieldKind::Text), "Request headers.");
    pub(super) const BODY: Field<Option<String>> = Field::optional("body", FieldKind::Text, "Request body.");
    pub(super) const FOLLOW: Field<usize> = Field::default(
        "follow",
        FieldKind::Integer(0, 20),
        "0",
        "How many redirects to follow; with one more the outcome is `too_many_redirects`.",
    );
    pub(super) const RESOLVE: Field<Option<IpAddr>> = Field::optional(
        "resolve",
        FieldKind::Address,
        "Address to connect to instead of resolving the URL's host.",
    );
    pub(super) const VERSION: Field<HttpVersion> = Field::choice(
        "version",
        "auto",
        "HTTP version. `auto` lets an https server choose, and is 1.1 over http; `2` over http uses prior knowledge.",
    );
    pub(super) const VERIFY: Field<bool> = Field::default(
        "verify",
        FieldKind::Bool,
        "true",
        "Send nothing to an https server whose certificate does not verify.",
    );
    use ROOTS;
    use CA_FILE;
    use CLIENT_CERT;
    use CLIENT_KEY;
    pub(super) const TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        PATIENCE,
        "10s",
        "How long the whole exchange may take, redirects included.",
    )
    .role(FieldRole::Patience);
    pub(super) const LIMIT: Field<usize> =
        Field::default("limit", FieldKind::Size(1.0, 67_108_864.0), "1 MiB", "Maximum number of bytes of the body to keep.");
}

impl From<HttpVersion> for VersionChoice {
    fn from(version: HttpVersion) -> Self {
        match version {
            HttpVersion::Auto => Self::Auto,
            HttpVersion::Http1 => Self::Http1,
            HttpVersion::Http2 => Self::Http2,
        }
    }
}
