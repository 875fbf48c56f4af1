//! The fields of a check as a transport.

use super::fields::{METHOD, PATH, SAME_AS, SNI, TRANSPORT, TransportWord, VERIFY, VERIFY_NAME};
use super::http::Http;
use super::secure::{Encryption, Secure};
use crate::checks::dns::fields::SERVER;
use crate::checks::shared::target::Target;
use crate::checks::shared::tls_fields::{self, CA_FILE, CLIENT_CERT, CLIENT_KEY, NameFields};
use crate::model::{Args, FieldInfo, Invalid};
use crate::proto::tls::{Offer, versions};

/// Port of UDP and TCP.
pub(super) const PLAIN_PORT: u16 = 53;
/// Fields that need encryption; those with a default are there always.
const ONLY_ENCRYPTED: &[FieldInfo] = &[SNI.info, VERIFY_NAME.info, CA_FILE.info, CLIENT_CERT.info, CLIENT_KEY.info];
/// Fields that need HTTP.
const ONLY_HTTP: &[FieldInfo] = &[PATH.info, METHOD.info];

/// The encryption of the transport asked for, if it has one.
fn encryption(args: &Args) -> Option<Encryption> {
    match args.get(&TRANSPORT) {
        TransportWord::Udp | TransportWord::Tcp => None,
        TransportWord::Dot => Some(Encryption::Dot),
        TransportWord::Doh => Some(Encryption::Doh),
        TransportWord::Doq => Some(Encryption::Doq),
        TransportWord::Doh3 => Some(Encryption::Doh3),
    }
}

/// `transport` is an encrypted one.
pub(super) fn encrypted(args: &Args) -> bool {
    encryption(args).is_some()
}

/// `transport` is one in HTTP.
pub(super) fn in_http(args: &Args) -> bool {
    encryption(args).is_some_and(Encryption::in_http)
}

/// `transport` is an encrypted one, and nothing is asked of a server that proves nothing.
pub(super) fn verified(args: &Args) -> bool {
    encrypted(args) && args.get(&VERIFY)
}

/// The port of a server that names none.
pub(in crate::checks::dns) fn default_port(args: &Args) -> u16 {
    encryption(args).map_or(PLAIN_PORT, Encryption::port)
}

/// The encrypted transport to `target`, if `transport` is one. Fields that need it, or HTTP, are refused with another.
pub(super) fn secure(args: &Args, target: &Target) -> Result<Option<Secure>, Invalid> {
    let encryption = encryption(args);
    if encryption.is_none() {
        misplaced(args, ONLY_ENCRYPTED, "an encrypted transport: dot, doh, doq or doh3")?;
    }
    if !encryption.is_some_and(Encryption::in_http) {
        misplaced(args, ONLY_HTTP, "transport doh or doh3")?;
    }
    let Some(encryption) = encryption else { return Ok(None) };
    let offer = offer(args, &target.host, encryption)?;
    let http = encryption.in_http().then(|| Http::from_args(args, target, &offer)).transpose()?;
    let trust = tls_fields::trust(args)?;
    Ok(Some(Secure { encryption, trust, offer, verify: args.get(&VERIFY), http }))
}

/// A check that asks over UDP or TCP alone has no use for the rest of the fields.
pub(in crate::checks::dns) fn plain(args: &Args) -> Result<(), Invalid> {
    misplaced(args, ONLY_ENCRYPTED, "an encrypted transport, and a check of one question")?;
    misplaced(args, ONLY_HTTP, "an encrypted transport, and a check of one question")?;
    misplaced(args, &[SAME_AS.info], "a check of one question")
}

fn misplaced(args: &Args, fields: &[FieldInfo], needs: &str) -> Result<(), Invalid> {
    match fields.iter().find(|field| args.0.contains_key(field.name)) {
        Some(field) => {
            let message = format!("`{}` needs {needs}", field.name);
            Err(Invalid::at(field.name, message, "set `transport`, or leave it out"))
        }
        None => Ok(()),
    }
}

fn offer(args: &Args, host: &str, encryption: Encryption) -> Result<Offer, Invalid> {
    let (sni, verify_name) = NameFields { sni: &SNI, verify_name: &VERIFY_NAME }.read(args, SERVER.name(), host)?;
    // RFC 9001, 4.2: QUIC takes nothing older than TLS 1.3.
    let lowest = encryption.over_quic().then_some("TLS1.3");
    Ok(Offer { sni, verify_name, alpn: vec![encryption.alpn().to_owned()], versions: versions(lowest, None) })
}
