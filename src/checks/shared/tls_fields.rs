//! The fields of a check that verifies: whom to trust, as whom to appear, what SNI says, and whom the certificate must be
//! for.

use rustls::pki_types::ServerName;

use crate::model::{Args, FieldInfo, FieldKind, Invalid};
use crate::proto::tls::{Roots, Trust, server_name};

/// Field `roots` of every family that verifies.
pub const ROOTS: FieldInfo = FieldInfo::default(
    "roots",
    FieldKind::Choice(&["webpki", "system"]),
    "webpki",
    "Whom to trust: Mozilla's roots built into this program, or this machine's store.",
);
/// Field `ca_file`.
pub const CA_FILE: FieldInfo =
    FieldInfo::optional("ca_file", FieldKind::Path, "PEM file with the only authorities to trust; replaces `roots`.");
/// Field `client_cert`.
pub const CLIENT_CERT: FieldInfo =
    FieldInfo::optional("client_cert", FieldKind::Path, "PEM file with the certificate chain to show when asked.");
/// Field `client_key`.
pub const CLIENT_KEY: FieldInfo =
    FieldInfo::optional("client_key", FieldKind::Path, "PEM file with the unencrypted private key of `client_cert`.");

/// From the fields `roots`, `ca_file`, `client_cert` and `client_key`.
pub fn trust(args: &Args) -> Result<Trust, Invalid> {
    let roots = match (args.path("ca_file"), args.text("roots")) {
        (Some(file), _) => Roots::File(file),
        (None, Some("system")) => Roots::System,
        (None, _) => Roots::Webpki,
    };
    let client = match (args.path("client_cert"), args.path("client_key")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(half("client_cert", "client_key")),
        (None, Some(_)) => return Err(half("client_key", "client_cert")),
    };
    Ok(Trust::new(roots, client))
}

fn half(written: &'static str, missing: &'static str) -> Invalid {
    Invalid::at(written, format!("`{written}` without `{missing}`"), format!("write both, or neither: add `{missing}`"))
}

/// SNI and the name to verify, from the fields `sni` and `verify_name`; `host` stands in the field `field`.
pub fn names(
    args: &Args,
    field: &'static str,
    host: &str,
) -> Result<(Option<ServerName<'static>>, ServerName<'static>), Invalid> {
    let named = |field: &'static str, text: &str| {
        let help = "write a DNS name such as www.example.com, or an IP address";
        server_name(text).ok_or_else(|| Invalid::at(field, format!("`{text}` is not a name TLS can carry"), help))
    };
    let sni = match args.text("sni") {
        Some("") => None,
        Some(text) => match named("sni", text)? {
            ServerName::IpAddress(_) => {
                let help = "leave `sni` out or empty, and write the address as `verify_name`";
                return Err(Invalid::at("sni", "an address cannot be sent as SNI", help));
            }
            name => Some(name),
        },
        None => Some(named(field, host)?).filter(|name| matches!(name, ServerName::DnsName(_))),
    };
    let verify_name = match (args.text("verify_name"), &sni) {
        (Some(text), _) => named("verify_name", text)?,
        (None, Some(name)) => name.clone(),
        (None, None) => named(field, host)?,
    };
    Ok((sni, verify_name))
}
