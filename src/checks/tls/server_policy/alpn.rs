//! Which application protocols a server speaks, each asked for alone.

use crate::checks::tls::client::{TlsClient, describe_end};
use crate::checks::tls::offer::protocol_names;
use crate::model::table::{facts, fields};
use crate::model::{Args, Fact, Fault, Field, FieldKind, Invalid};
use crate::probe::{Cx, Mode};
use crate::proto::tls::{HandshakeEnd, Offer};

/// Protocols in one check; IANA lists some thirty.
const MOST: usize = 64;

fields! { pub(in crate::checks::tls) FIELDS;
    pub(in crate::checks::tls) const ALPN_SET: Field<Vec<String>> = Field::optional(
        "alpn_set",
        FieldKind::List(&FieldKind::Text),
        "Application protocols to ask for one at a time, each in its own connection.",
    );
}

facts! { pub(in crate::checks::tls) FACTS;
    const ACCEPTED: Fact<Vec<String>> =
        Fact::list("alpn.accepted", "The protocols of `alpn_set` that the server accepts, in the order asked for.").on_breach(
            "another set of protocols than expected: is what answers there the right listener, with the right modules?",
        );
}

pub(super) const MODE: Mode = Mode::of("alpn_set: [h2, http/1.1]", |args| args.given(&ALPN_SET), FACTS);

pub(super) fn from_args(args: &Args) -> Result<Vec<String>, Invalid> {
    let set = protocol_names(args, &ALPN_SET)?;
    if args.given(&ALPN_SET) && set.is_empty() || set.len() > MOST {
        return Err(ALPN_SET.invalid(format!("{} protocols", set.len()), format!("write 1 to {MOST} of them")));
    }
    // RFC 9114, 3.1: that token is for QUIC.
    if let Some(protocol) = set.iter().find(|protocol| *protocol == "h3" || protocol.starts_with("h3-")) {
        let message = format!("`{protocol}` is spoken over QUIC, never over TCP");
        return Err(ALPN_SET.invalid(message, "take it out of `alpn_set`"));
    }
    Ok(set)
}

/// Asks for each. One that cannot be told makes the whole list unknown: it would read as not accepted.
pub(super) async fn run(cx: &mut Cx<'_>, client: &TlsClient<'_>, set: &[String]) -> Result<(), Fault> {
    let mut accepted = Vec::new();
    let mut unknown = false;
    for protocol in set {
        let offer = Offer { alpn: vec![protocol.clone()], ..client.offer.clone() };
        let why = match client.handshake(client.credentials, &offer).await {
            Err(end) => end.into_evidence()?,
            Ok(handshake) => match &handshake.end {
                HandshakeEnd::Completed(_) => {
                    if handshake.session.is_some_and(|session| session.alpn.as_ref() == Some(protocol)) {
                        accepted.push(protocol.clone());
                    }
                    continue;
                }
                // RFC 7301, 3.2.
                HandshakeEnd::Alert(alert) if alert == "no_application_protocol" => continue,
                end => describe_end(end),
            },
        };
        unknown = true;
        cx.note(format!("alpn.accepted: asked for {protocol} alone, and no handshake: {why}"));
    }
    if !unknown && !set.is_empty() {
        cx.set(&ACCEPTED, accepted);
    }
    Ok(())
}
