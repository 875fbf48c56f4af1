//! Which application protocols a server speaks, each asked for alone.

use super::{Again, unfinished};
use crate::model::table::{facts, fields};
use crate::model::{Args, Fact, Fault, Field, FieldKind, Invalid};
use crate::probe::{Cx, Mode};
use crate::proto::tls::{HandshakeEnd, Offer};

/// Most protocols in one check; IANA lists some thirty.
const MOST: usize = 64;

fields! { pub(in crate::checks::tls) FIELDS;
    pub(in crate::checks::tls) const ALPN_SET: Field<Vec<String>> = Field::optional(
        "alpn_set",
        FieldKind::List(&FieldKind::Text),
        "Application protocols to ask for, each alone, in a connection of its own.",
    );
}

facts! { pub(in crate::checks::tls) FACTS;
    const ACCEPTED: Fact<Vec<String>> =
        Fact::list("alpn.accepted", "Those of `alpn_set` that the server agrees to, in the order asked for.").on_breach(
            "another set of protocols than expected: is what answers there the right listener, with the right modules?",
        );
}

pub(super) const MODE: Mode = Mode {
    with: "alpn_set: [h2, http/1.1]",
    applies: |args| args.given(&ALPN_SET),
    expect: None,
    adds: None,
    facts: FACTS,
};

pub(super) fn from_args(args: &Args) -> Result<Vec<String>, Invalid> {
    let set = args.get(&ALPN_SET);
    if args.given(&ALPN_SET) && set.is_empty() || set.len() > MOST {
        return Err(ALPN_SET.invalid(format!("{} protocols", set.len()), format!("write 1 to {MOST} of them")));
    }
    if !set.iter().all(|protocol| is_protocol_name(protocol)) {
        return Err(ALPN_SET.invalid("a protocol has 1 to 255 bytes", "write names such as h2 or http/1.1"));
    }
    // RFC 9114, 3.1: that token is for QUIC.
    if let Some(protocol) = set.iter().find(|protocol| *protocol == "h3" || protocol.starts_with("h3-")) {
        let message = format!("`{protocol}` is spoken over QUIC, never over TCP");
        return Err(ALPN_SET.invalid(message, "take it out of `alpn_set`"));
    }
    Ok(set)
}

/// RFC 7301, 3.1: a name has 1 to 255 bytes.
pub(in crate::checks::tls) fn is_protocol_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
}

/// Asks for each. One that cannot be told makes the whole list unknown: it would read as not accepted.
pub(super) async fn look(cx: &mut Cx<'_>, again: &Again<'_>, set: &[String]) -> Result<(), Fault> {
    let mut accepted = Vec::new();
    let mut unknown = false;
    for protocol in set {
        let offer = Offer { alpn: vec![protocol.clone()], ..again.offer.clone() };
        let why = match again.shake(again.credentials, &offer).await? {
            Err(why) => why,
            Ok(shaken) => match &shaken.end {
                HandshakeEnd::Completed(_) => {
                    if shaken.session.is_some_and(|session| session.alpn.as_ref() == Some(protocol)) {
                        accepted.push(protocol.clone());
                    }
                    continue;
                }
                // RFC 7301, 3.2.
                HandshakeEnd::Alert(alert) if alert == "no_application_protocol" => continue,
                end => unfinished(end),
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
