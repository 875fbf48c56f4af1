//! The fields of a check that verifies: whom to trust, the client certificate, the name in SNI, and the name the
//! certificate must be for.

use std::path::Path;

use rustls::pki_types::ServerName;

use crate::model::argument::choices;
use crate::model::interface::without_zone;
use crate::model::parse::parse as typed;
use crate::model::{Arg, Args, Field, FieldKind, Invalid, Text, shell};
use crate::probe::Failure;
use crate::proto::tls::{Roots, Trust, server_name};

choices! {
    /// A root store.
    pub enum RootStore {
        /// Mozilla's, built into this program.
        Webpki = "webpki",
        /// This machine's.
        System = "system",
    }
}

/// Field `roots` of every family that verifies.
pub const ROOTS: Field<RootStore> = Field::choice(
    "roots",
    "webpki",
    "Which roots to trust: Mozilla's, built into this program, or those of this machine's store.",
);
/// Field `ca_file`.
pub const CA_FILE: Field<Option<Text>> = Field::optional(
    "ca_file",
    FieldKind::Path,
    "PEM file with the certificate authorities to trust, and no others; replaces `roots`.",
);
/// Field `client_cert`.
pub const CLIENT_CERT: Field<Option<Text>> = Field::optional(
    "client_cert",
    FieldKind::Path,
    "PEM file with the client certificate and its chain, sent when the server asks for it.",
);
/// Field `client_key`.
pub const CLIENT_KEY: Field<Option<Text>> =
    Field::optional("client_key", FieldKind::Path, "PEM file with the unencrypted private key of `client_cert`.");

/// From the fields [`ROOTS`], [`CA_FILE`], [`CLIENT_CERT`] and [`CLIENT_KEY`].
pub fn trust(args: &Args) -> Result<Trust, Invalid> {
    let roots = match (args.get(&CA_FILE), args.get(&ROOTS)) {
        (Some(file), _) => Roots::File(file),
        (None, RootStore::System) => Roots::System,
        (None, RootStore::Webpki) => Roots::Webpki,
    };
    let client = match (args.get(&CLIENT_CERT), args.get(&CLIENT_KEY)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(half(&CLIENT_CERT, &CLIENT_KEY)),
        (None, Some(_)) => return Err(half(&CLIENT_KEY, &CLIENT_CERT)),
    };
    Ok(Trust::new(roots, client))
}

/// The client certificate as options of `openssl s_client`.
#[must_use]
pub fn client_options(failure: &Failure<'_>) -> String {
    let files = [("-cert", &CLIENT_CERT), ("-key", &CLIENT_KEY)]
        .map(|(option, field)| failure.argument(field).map(|file| format!("{option} {}", shell::word(file.shown()))));
    files.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn half(written: &Field<Option<Text>>, missing: &Field<Option<Text>>) -> Invalid {
    let (name, missing) = (written.name(), missing.name());
    written.invalid(format!("`{name}` without `{missing}`"), format!("write both, or neither: add `{missing}`"))
}

/// The keys of the two names; their help texts differ from family to family.
#[derive(Clone, Copy, Debug)]
pub struct NameFields<'a> {
    /// Name sent as SNI; empty for none.
    pub sni: &'a Field<Option<String>>,
    /// Name the certificate must be for.
    pub verify_name: &'a Field<Option<String>>,
}

impl NameFields<'_> {
    /// SNI and the name to verify. Both are `host` where nothing else is written; it stands in the field `field`.
    pub fn read(
        &self,
        args: &Args,
        field: &'static str,
        host: &str,
    ) -> Result<(Option<ServerName<'static>>, ServerName<'static>), Invalid> {
        // A zone is of this machine alone: no certificate has one.
        let (host, _) = without_zone(host);
        let parse = |field: &'static str, text: &str| {
            let help = "write a DNS name such as www.example.com, or an IP address";
            server_name(text).ok_or_else(|| Invalid::at(field, format!("`{text}` is not a name TLS can carry"), help))
        };
        let sni = match args.get(self.sni).as_deref() {
            Some("") => None,
            Some(text) => match parse(self.sni.name(), &self.sni_on_the_wire(text)?)? {
                ServerName::IpAddress(_) => {
                    let help = "leave `sni` out or empty, and write the address as `verify_name`";
                    return Err(self.sni.invalid("an address cannot be sent as SNI", help));
                }
                name => Some(name),
            },
            None => Some(parse(field, &host)?).filter(|name| matches!(name, ServerName::DnsName(_))),
        };
        let verify_name = match (args.get(self.verify_name), &sni) {
            (Some(text), _) => parse(self.verify_name.name(), &text)?,
            (None, Some(name)) => name.clone(),
            (None, None) => parse(field, &host)?,
        };
        Ok((sni, verify_name))
    }

    /// SNI is ASCII (RFC 6066, 3), by the rules of every other host.
    fn sni_on_the_wire(&self, text: &str) -> Result<String, Invalid> {
        let help = "write a DNS name such as www.example.com, or nothing for none";
        match typed(text, &FieldKind::Host, Path::new("")) {
            Ok(Arg::Text(name)) => Ok(name.into_value()),
            Ok(_) => Ok(text.to_owned()),
            Err(why) => Err(self.sni.invalid(why, help)),
        }
    }
}
