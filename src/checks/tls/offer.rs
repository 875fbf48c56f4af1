//! The offer of a handshake, from the fields.

use rustls::pki_types::ServerName;

use super::fields::{ALPN, HOST, MAX_VERSION, MIN_VERSION, SNI, TlsVersion, VERIFY_NAME};
use crate::checks::shared::tls_fields::NameFields;
use crate::model::{Args, Choices as _, Field, Invalid};
use crate::proto::tls::{Offer, versions};

/// Names, application protocols and versions.
pub(super) fn offer(args: &Args) -> Result<Offer, Invalid> {
    let names = NameFields { sni: &SNI, verify_name: &VERIFY_NAME };
    let (sni, verify_name) = names.read(args, HOST.name(), &args.get(&HOST))?;
    let word = |field: &Field<Option<TlsVersion>>| args.get(field).map(TlsVersion::word);
    let versions = versions(word(&MIN_VERSION), word(&MAX_VERSION));
    if versions.is_empty() {
        return Err(MIN_VERSION.invalid("`min_version` is above `max_version`", "exchange them"));
    }
    Ok(Offer { sni, verify_name, alpn: protocol_names(args, &ALPN)?, versions })
}

/// The name sent as SNI, if one is.
pub(super) fn sni(args: &Args) -> Result<Option<String>, Invalid> {
    Ok(offer(args)?.sni.and_then(|name| match name {
        ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
        _ => None,
    }))
}

/// A list of application protocols; RFC 7301, 3.1 bounds their names.
pub(super) fn protocol_names(args: &Args, field: &Field<Vec<String>>) -> Result<Vec<String>, Invalid> {
    let protocols = args.get(field);
    if protocols.iter().any(|protocol| protocol.is_empty() || protocol.len() > 255) {
        return Err(field.invalid("a protocol has 1 to 255 bytes", "write names such as h2 or http/1.1"));
    }
    Ok(protocols)
}
