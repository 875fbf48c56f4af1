//! The fields of a check, each a typed key.

use std::net::IpAddr;
use std::time::Duration;

use crate::checks::shared::target::{INTERFACE, IP_VERSION, SOURCE};
use crate::checks::shared::tls_fields::{CA_FILE, CLIENT_CERT, CLIENT_KEY, ROOTS};
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, FieldRole, Text};
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
        /// HTTP/3, over QUIC.
        Http3 = "3",
    }
}

choices! {
    /// Which addresses of the host are asked.
    pub(super) enum Addresses {
        First = "first",
        All = "all",
    }
}

fields! { AUTH_FIELDS;
    pub(super) const USER: Field<Option<Text>> = Field::optional("user", FieldKind::Text, "User name, for Basic.");
    pub(super) const PASSWORD: Field<Option<Text>> =
        Field::optional("password", FieldKind::Text, "Password of `user`, from `secrets`.");
    pub(super) const TOKEN: Field<Option<Text>> =
        Field::optional("token", FieldKind::Text, "Token, for Bearer, from `secrets`; without `user` and `password`.");
}

fields! { PROXY_FIELDS;
    pub(super) const PROXY_HTTP: Field<Option<Text>> = Field::optional(
        "http",
        FieldKind::Endpoint,
        "HTTP proxy `HOST:PORT`: http URLs are handed to it whole, https goes through a tunnel (CONNECT).",
    );
    pub(super) const PROXY_CONNECT: Field<Option<Text>> =
        Field::optional("connect", FieldKind::Endpoint, "HTTP proxy `HOST:PORT`; everything goes through a tunnel (CONNECT).");
    pub(super) const PROXY_SOCKS5: Field<Option<Text>> = Field::optional(
        "socks5",
        FieldKind::Endpoint,
        "SOCKS5 proxy `HOST`, with a port where it is not 1080; it looks the URL's host up.",
    );
    pub(super) const PROXY_USER: Field<Option<Text>> =
        Field::optional("user", FieldKind::Text, "User name for the proxy.");
    pub(super) const PROXY_PASSWORD: Field<Option<Text>> =
        Field::optional("password", FieldKind::Text, "Password of `user`, from `secrets`.");
}

fields! { pub(super) FIELDS;
    pub(super) const URL: Field<Text> =
        Field::required("url", FieldKind::Url, "http or https URL, without user and password.").role(FieldRole::Host);
    pub(super) const METHOD: Field<Option<String>> =
        Field::optional("method", FieldKind::Text, "Request method. Default: GET, or POST where there is something to send.");
    pub(super) const HEADERS: Field<Vec<(String, Vec<String>)>> = Field::optional(
        "headers",
        FieldKind::Map(&FieldKind::List(&FieldKind::Text)),
        "Request headers; one with a list of values is sent once for each.",
    );
    pub(super) const BODY: Field<Option<String>> = Field::optional("body", FieldKind::Text, "Request body.");
    pub(super) const JSON: Field<Option<Text>> = Field::optional(
        "json",
        FieldKind::Document,
        "Request body as a JSON document, with `content-type: application/json` unless `headers` has another.",
    );
    pub(super) const FORM: Field<Vec<(String, Vec<String>)>> = Field::optional(
        "form",
        FieldKind::Map(&FieldKind::List(&FieldKind::Text)),
        "Request body as a form sends it (`application/x-www-form-urlencoded`), percent-encoded here; a list of values repeats the name.",
    );
    pub(super) const BODY_FILE: Field<Option<Text>> =
        Field::optional("body_file", FieldKind::Path, "File with the request body, at most 16 MiB, sent as it is.")
            .role(FieldRole::Content);
    pub(super) const AUTH: Field<Option<Args>> = Field::optional(
        "auth",
        FieldKind::Group(AUTH_FIELDS),
        "Credentials: `user` and `password` (Basic), or `token` (Bearer); never sent to another origin.",
    );
    pub(super) const EXPECT_CONTINUE: Field<bool> = Field::default(
        "expect_continue",
        FieldKind::Bool,
        "false",
        "Send the body only once the server asks for it (`100 Continue`), or after a second without a word; HTTP/1.1.",
    );
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
    pub(super) const ADDRESSES: Field<Addresses> = Field::choice(
        "addresses",
        "first",
        "Ask the first address of the URL's host, or every A and AAAA at once: `backends` then has a row for each.",
    );
    use IP_VERSION;
    use SOURCE;
    use INTERFACE;
    pub(super) const PROXY: Field<Option<Args>> = Field::optional(
        "proxy",
        FieldKind::Group(PROXY_FIELDS),
        "Ask through this proxy, and see which of the two fails; variables of the environment name none.",
    );
    pub(super) const SNI: Field<Option<String>> = Field::optional(
        "sni",
        FieldKind::Text,
        "Server name (SNI) to send to the URL's host. Default: that host; none for an address or an empty text.",
    )
    .role(FieldRole::Location);
    pub(super) const VERIFY_NAME: Field<Option<String>> = Field::optional(
        "verify_name",
        FieldKind::Host,
        "Name that the certificate of the URL's host must be valid for. Default: `sni`, else that host.",
    );
    pub(super) const VERSION: Field<HttpVersion> = Field::choice(
        "version",
        "auto",
        "HTTP version. `auto` lets an https server choose, and is 1.1 over http; `2` over http uses prior knowledge, `3` asks over QUIC at once.",
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
    pub(super) const JSONPATH: Field<Vec<(String, String)>> = Field::optional(
        "jsonpath",
        FieldKind::Map(&FieldKind::Text),
        "Queries of the body by JSONPath (RFC 9535), each under a name: `{bad: \"$.items[?@.ok == false].name\"}` is the fact `jsonpath.bad`.",
    );
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
            HttpVersion::Http3 => Self::Http3,
        }
    }
}
