//! The fields of a check as a transport.

use super::http::Http;
use super::same::Same;
use super::{Kind, Secure, Transport};
use crate::checks::shared::tls_fields::{self, CA_FILE, CLIENT_CERT, CLIENT_KEY, NameFields, ROOTS};
use crate::model::{Arg, Args, Field, FieldInfo, FieldKind, Invalid};
use crate::net::endpoint;
use crate::proto::tls::{Offer, versions};

/// Words of field `transport` that are encrypted.
const ENCRYPTED: &[(&str, Kind)] =
    &[("dot", Kind::Tls), ("doh", Kind::Https), ("doq", Kind::Quic), ("doh3", Kind::Http3)];
/// Fields that need encryption; those with a default are there always.
const ONLY_ENCRYPTED: &[&str] = &["sni", "verify_name", "ca_file", "client_cert", "client_key"];
/// Fields that need HTTP.
const ONLY_HTTP: &[&str] = &["path", "method"];

const SNI: Field<Option<String>> = Field::optional(
    "sni",
    FieldKind::Text,
    "Name sent as SNI by encrypted transports; default the server's name, none for an address or an empty text.",
);
const VERIFY_NAME: Field<Option<String>> = Field::optional(
    "verify_name",
    FieldKind::Host,
    "Name the certificate of an encrypted transport must be for; default `sni`, else `server`.",
);

pub(in crate::checks::dns) const FIELDS: &[FieldInfo] = &[
    FieldInfo::default(
        "transport",
        FieldKind::Choice(&["udp", "tcp", "dot", "doh", "doq", "doh3"]),
        "udp",
        "How to ask, with ports 53, 53, 853, 443, 853 and 443; never another way than this one, not even when UDP truncates.",
    ),
    SNI.info,
    VERIFY_NAME.info,
    FieldInfo::default(
        "verify",
        FieldKind::Bool,
        "true",
        "Ask an encrypted transport nothing unless its certificate verifies; `false` asks all the same.",
    ),
    ROOTS.info,
    CA_FILE.info,
    CLIENT_CERT.info,
    CLIENT_KEY.info,
    FieldInfo::optional("path", FieldKind::Text, "Path of transports doh and doh3; default /dns-query."),
    FieldInfo::optional(
        "method",
        FieldKind::Choice(&["POST", "GET"]),
        "Method of transports doh and doh3; default POST.",
    ),
    FieldInfo::optional(
        "same_as",
        FieldKind::Endpoint,
        "Ask the same by UDP too, TCP when truncated: `udp` for the same server at port 53, or host:port.",
    ),
];

/// The kind of the encrypted transport asked for, if it is one.
fn kind(args: &Args) -> Option<Kind> {
    let word = args.text("transport")?;
    ENCRYPTED.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
}

/// `transport` is an encrypted one.
pub(super) fn encrypted(args: &Args) -> bool {
    kind(args).is_some()
}

/// `transport` is one in HTTP.
pub(super) fn in_http(args: &Args) -> bool {
    kind(args).is_some_and(Kind::in_http)
}

/// Nothing is asked of a server that proves nothing; true unless it was switched off.
pub(super) fn strict(args: &Args) -> bool {
    !matches!(args.raw("verify"), Some(Arg::Bool(false)))
}

/// The port of a server that names none.
pub(in crate::checks::dns) fn port(args: &Args) -> u16 {
    kind(args).map_or(53, Kind::port)
}

impl Transport {
    /// The transport to `host`:`port`.
    pub(in crate::checks::dns) fn from_args(args: &Args, host: &str, port: u16) -> Result<Self, Invalid> {
        let Some(kind) = kind(args) else {
            misplaced(args, ONLY_ENCRYPTED, "an encrypted transport: dot, doh, doq or doh3")?;
            misplaced(args, ONLY_HTTP, "transport doh or doh3")?;
            return Ok(if args.text("transport") == Some("tcp") { Self::Tcp } else { Self::Udp });
        };
        if !kind.in_http() {
            misplaced(args, ONLY_HTTP, "transport doh or doh3")?;
        }
        let offer = offer(args, host, kind)?;
        let http = kind.in_http().then(|| Http::from_args(args, host, port, &offer)).transpose()?;
        let trust = tls_fields::trust(args)?;
        Ok(Self::Secure(Box::new(Secure { kind, trust, offer, verify: strict(args), http })))
    }
}

impl Same {
    /// What `same_as` asks for, if anything; the question itself goes to `host`.
    pub(in crate::checks::dns) fn from_args(args: &Args, host: &str) -> Result<Option<Self>, Invalid> {
        let Some(text) = args.text("same_as") else { return Ok(None) };
        if args.text("transport") == Some("udp") {
            let help = "write the transport to compare with UDP, such as dot";
            return Err(Invalid::at("same_as", "with `transport: udp` the two are asked the same way", help));
        }
        let (host, port) = if text == "udp" { (host.to_owned(), 53) } else { endpoint::of("same_as", text, Some(53))? };
        Ok(Some(Self { host, port }))
    }
}

/// What asks over UDP or TCP alone has no use for the rest of the fields.
pub(in crate::checks::dns) fn plain(args: &Args) -> Result<(), Invalid> {
    misplaced(args, ONLY_ENCRYPTED, "an encrypted transport, and a check of one question")?;
    misplaced(args, ONLY_HTTP, "an encrypted transport, and a check of one question")?;
    misplaced(args, &["same_as"], "a check of one question")
}

fn misplaced(args: &Args, fields: &[&'static str], needs: &str) -> Result<(), Invalid> {
    match fields.iter().find(|field| args.has(field)) {
        Some(field) => Err(Invalid::at(field, format!("`{field}` needs {needs}"), "set `transport`, or leave it out")),
        None => Ok(()),
    }
}

fn offer(args: &Args, host: &str, kind: Kind) -> Result<Offer, Invalid> {
    let (sni, verify_name) = NameFields { sni: &SNI, verify_name: &VERIFY_NAME }.read(args, "server", host)?;
    // RFC 9001, 4.2: QUIC takes nothing older than TLS 1.3.
    let lowest = kind.over_quic().then_some("TLS1.3");
    Ok(Offer { sni, verify_name, alpn: vec![kind.alpn().to_owned()], versions: versions(lowest, None) })
}
