//! The names of a check that verifies: what SNI says, and whom the certificate must be for.

use rustls::pki_types::ServerName;

use super::server_name;
use crate::model::{Args, Invalid};

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
