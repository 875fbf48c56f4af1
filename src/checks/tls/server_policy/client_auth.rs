//! Mutual TLS: whether the server asks its clients for a certificate, and what it does without one.

use std::time::Duration;

use crate::checks::shared::tls_fields::CLIENT_CERT;
use crate::checks::tls::client::{TlsClient, describe_end};
use crate::model::table::{facts, fields};
use crate::model::typed::Form;
use crate::model::{Args, Choice, Fact, Fault, Field, FieldKind};
use crate::probe::{Cx, Mode};
use crate::proto::tls::{Handshake, HandshakeEnd};

fields! { pub(in crate::checks::tls) FIELDS;
    pub(in crate::checks::tls) const MTLS: Field<Option<bool>> = Field::optional(
        "mtls",
        FieldKind::Bool,
        "Make a second handshake without `client_cert`, to find out `client_certificate`.",
    );
}

const SERVER_SETTING: &str = "look at the server's setting for this name and port (ssl_verify_client, SSLVerifyClient, verify); nginx refuses in HTTP only, which the family `http` sees";

facts! { pub(in crate::checks::tls) FACTS;
    const CLIENT_CERTIFICATE: Fact<Choice> = Fact::choice(
        "client_certificate",
        &["none", "optional", "required"],
        "Whether the server asks clients for a certificate: not at all (none), without insisting (optional), or refusing those without one (required). A refusal within HTTP is `optional`.",
    )
    .on_breach(SERVER_SETTING);
    const AUTHORITIES: Fact<Vec<String>> = Fact::list(
        "client_certificate.authorities",
        "Authorities whose certificates the server says it accepts.",
    )
    .form(Form::DistinguishedName)
    .on_breach(SERVER_SETTING);
}

pub(super) const MODE: Mode = Mode::of("mtls: true", applies, FACTS);

/// Without a certificate of its own, the first handshake tells.
fn applies(args: &Args) -> bool {
    args.get(&MTLS) == Some(true) || !args.given(&CLIENT_CERT)
}

/// Whether it is asked for, and whether that takes another handshake.
pub(super) struct ClientAuth {
    wanted: bool,
    has_certificate: bool,
}

impl ClientAuth {
    pub(super) fn from_args(args: &Args) -> Self {
        Self { wanted: applies(args), has_certificate: args.given(&CLIENT_CERT) }
    }

    pub(super) fn longest(&self, timeout: Duration, one: Duration) -> Duration {
        match (self.wanted, self.has_certificate) {
            (false, _) => Duration::ZERO,
            (true, false) => timeout / 4,
            (true, true) => one + timeout / 4,
        }
    }

    /// Judges by the first handshake, if it was made without a certificate, else by another. True when the first one stands.
    pub(super) async fn run(
        &self,
        cx: &mut Cx<'_>,
        client: &TlsClient<'_>,
        mut first: Handshake,
    ) -> Result<bool, Fault> {
        if self.wanted && !(self.has_certificate && first.certificate_requested) {
            record(cx, client, &mut first).await?;
        }
        let (stands, requested) = (matches!(first.end, HandshakeEnd::Completed(_)), first.certificate_requested);
        // Its connection is of no more use, and some servers serve one at a time.
        drop(first);
        if self.wanted && self.has_certificate && requested {
            match client.handshake(&client.credentials.anonymous(), client.offer).await {
                Err(end) => {
                    let why = end.into_evidence()?;
                    cx.note(format!("client_certificate: no second connection, without one: {why}"));
                }
                Ok(mut anonymous) => {
                    anonymous.await_late_refusal(client.late_wait).await?;
                    record(cx, client, &mut anonymous).await?;
                }
            }
        }
        Ok(stands)
    }
}

/// Records the policy that a handshake without a certificate shows.
async fn record(cx: &mut Cx<'_>, client: &TlsClient<'_>, handshake: &mut Handshake) -> Result<(), Fault> {
    if handshake.certificate_requested && handshake.client_certificate().is_none() {
        handshake.close_and_wait(client.late_wait).await?;
    }
    match handshake.client_certificate() {
        Some(word) => cx.set(&CLIENT_CERTIFICATE, word),
        None if handshake.certificate_requested => {
            let end = match &handshake.end {
                HandshakeEnd::Completed(_) => "then neither went on nor refused".to_owned(),
                end => format!("then, without one, came {}", describe_end(end)),
            };
            cx.note(format!("client_certificate: the server asked, {end}: that tells neither optional nor required"));
        }
        None => {}
    }
    if !handshake.authorities.is_empty() {
        cx.set(&AUTHORITIES, handshake.authorities.clone());
    }
    Ok(())
}
