//! Mutual TLS: whether the server asks its clients for a certificate, and what it does without one.

use std::time::Duration;

use super::{Again, unfinished};
use crate::checks::shared::tls_fields::CLIENT_CERT;
use crate::model::table::{facts, fields};
use crate::model::{Args, Choice, Fact, Fault, Field, FieldKind};
use crate::probe::{Cx, Mode};
use crate::proto::tls::{Handshake, HandshakeEnd};

fields! { pub(in crate::checks::tls) FIELDS;
    pub(in crate::checks::tls) const MTLS: Field<Option<bool>> = Field::optional(
        "mtls",
        FieldKind::Bool,
        "Shake hands once more without `client_cert`, so that `client_certificate` can be told.",
    );
}

const SERVER_SETTING: &str = "look at the server's setting for this name and port (ssl_verify_client, SSLVerifyClient, verify); nginx refuses in HTTP only, which the family `http` sees";

facts! { pub(in crate::checks::tls) FACTS;
    const CLIENT_CERTIFICATE: Fact<Choice> = Fact::choice(
        "client_certificate",
        &["none", "optional", "required"],
        "What the server wants of clients: does not ask, goes on without one, refuses; a refusal within HTTP is `optional`.",
    )
    .on_breach(SERVER_SETTING);
    const AUTHORITIES: Fact<Vec<String>> = Fact::list(
        "client_certificate.authorities",
        "Whose certificates the server accepts, as far as it says so when it asks.",
    )
    .on_breach(SERVER_SETTING);
}

pub(super) const MODE: Mode = Mode { with: "mtls: true", applies: asks, expect: None, adds: None, facts: FACTS };

/// Without a certificate of its own, the first handshake tells.
fn asks(args: &Args) -> bool {
    args.get(&MTLS) == Some(true) || !args.given(&CLIENT_CERT)
}

/// Whether to look, and whether that takes another handshake.
pub(super) struct Clients {
    looks: bool,
    again: bool,
}

impl Clients {
    pub(super) fn from_args(args: &Args) -> Self {
        Self { looks: asks(args), again: args.given(&CLIENT_CERT) }
    }

    pub(super) fn longest(&self, patience: Duration, one: Duration) -> Duration {
        match (self.looks, self.again) {
            (false, _) => Duration::ZERO,
            (true, false) => patience / 4,
            (true, true) => one + patience / 4,
        }
    }

    /// Looks by the handshake there is, if it was made without a certificate. True when that one stands.
    pub(super) async fn look(&self, cx: &mut Cx<'_>, again: &Again<'_>, mut shaken: Handshake) -> Result<bool, Fault> {
        if self.looks && !(self.again && shaken.certificate_requested) {
            settle(cx, again, &mut shaken).await?;
        }
        let (stands, asked) = (matches!(shaken.end, HandshakeEnd::Completed(_)), shaken.certificate_requested);
        // Its connection is of no more use, and some servers serve one at a time.
        drop(shaken);
        if self.looks && self.again && asked {
            match again.shake(&again.credentials.anonymous(), again.offer).await? {
                Err(why) => cx.note(format!("client_certificate: no second connection, without one: {why}")),
                Ok(mut anonymous) => {
                    anonymous.await_late_refusal(again.late).await?;
                    settle(cx, again, &mut anonymous).await?;
                }
            }
        }
        Ok(stands)
    }
}

async fn settle(cx: &mut Cx<'_>, again: &Again<'_>, shaken: &mut Handshake) -> Result<(), Fault> {
    if shaken.certificate_requested && shaken.client_certificate().is_none() {
        shaken.close_and_wait(again.late).await?;
    }
    match shaken.client_certificate() {
        Some(word) => cx.set(&CLIENT_CERTIFICATE, word),
        None if shaken.certificate_requested => {
            let end = match &shaken.end {
                HandshakeEnd::Completed(_) => "then neither went on nor refused".to_owned(),
                end => format!("then, without one, came {}", unfinished(end)),
            };
            cx.note(format!("client_certificate: the server asked, {end}: that tells neither optional nor required"));
        }
        None => {}
    }
    if !shaken.authorities.is_empty() {
        cx.set(&AUTHORITIES, shaken.authorities.clone());
    }
    Ok(())
}
