//! Every certificate a server can show: asked for by kind of key, with and without SNI. A client that takes what it is
//! given sees one of them; the other may have expired long ago, for the clients that get it.

use std::time::Duration;

use super::examine::Examined;
use crate::checks::tls::reach::Way;
use crate::model::Fault;
use crate::proto::tls::{
    Credentials, Handshake, HandshakeEnd, KeyKind, Offer, RequestedKey, handshake_requesting, now,
};

/// Ways to ask for one kind, and tries for each when the connection breaks.
const WAYS: u32 = 2;
const TRIES: u32 = 2;

/// Alerts by which a server says that it has no such certificate, or none without a name. Any other end leaves it open.
const REFUSALS: &[&str] = &[
    "handshake_failure",
    "insufficient_security",
    "access_denied",
    "unsupported_certificate",
    "unrecognized_name",
    "missing_extension",
    "protocol_version",
];

/// Whom to ask, and how.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) way: &'a Way,
    pub(crate) credentials: &'a Credentials,
    pub(crate) offer: &'a Offer,
}

/// What became of asking for one kind.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) kind: KeyKind,
    /// The name was sent.
    pub(crate) sni: bool,
    pub(crate) answer: Answer,
}

/// See [`Slot`].
#[derive(Debug)]
pub(crate) enum Answer {
    /// It showed one.
    Shown(Box<Shown>),
    /// It said that it has none.
    Refused,
    /// That is not known, for this reason.
    Unknown(String),
}

/// A certificate as shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) shaken: Handshake,
    pub(crate) examined: Examined,
}

/// The longest [`sweep`] takes: kinds are asked for at once, ways and tries one after the other, each with a connection,
/// STARTTLS and a handshake.
pub(super) fn longest(patience: Duration) -> Duration {
    patience * 3 * WAYS * TRIES
}

/// Asks for every kind, all at once: six connections at most.
pub(crate) async fn sweep(asking: Asking<'_>) -> Result<Vec<Slot>, Fault> {
    let names: &[bool] = if asking.offer.sni.is_some() { &[true, false] } else { &[false] };
    let slots = names.iter().flat_map(|sni| KeyKind::ALL.into_iter().map(move |kind| slot(asking, kind, *sni)));
    futures_util::future::join_all(slots).await.into_iter().collect()
}

async fn slot(asking: Asking<'_>, kind: KeyKind, sni: bool) -> Result<Slot, Fault> {
    let mut offer = asking.offer.clone();
    if !sni {
        offer.sni = None;
    }
    let mut answer = Answer::Refused;
    // Suites of TLS 1.2 do not tell Ed25519 from ECDSA.
    let ways = [Some(RequestedKey::Schemes(kind)), (kind != KeyKind::Ed25519).then_some(RequestedKey::Suites(kind))];
    for way in ways.into_iter().flatten() {
        if way.versions(&offer.versions).is_empty() {
            continue;
        }
        match ask(asking, &offer, kind, way).await? {
            shown @ Answer::Shown(_) => return Ok(Slot { kind, sni, answer: shown }),
            Answer::Refused => {}
            unknown @ Answer::Unknown(_) => answer = unknown,
        }
    }
    Ok(Slot { kind, sni, answer })
}

async fn ask(asking: Asking<'_>, offer: &Offer, kind: KeyKind, way: RequestedKey) -> Result<Answer, Fault> {
    let mut answer = Answer::Refused;
    for _ in 0..TRIES {
        answer = once(asking, offer, kind, way).await?;
        // A server that hangs up may do so by chance; one that is silent has been waited for.
        let again = matches!(&answer, Answer::Unknown(why) if !why.starts_with("silence"));
        if !again {
            break;
        }
    }
    Ok(answer)
}

async fn once(asking: Asking<'_>, offer: &Offer, kind: KeyKind, way: RequestedKey) -> Result<Answer, Fault> {
    let Way { peer, patience, .. } = *asking.way;
    let opened = match asking.way.open().await? {
        Ok(opened) => opened,
        Err(why) => return Ok(Answer::Unknown(format!("connect: {}", why.outcome()))),
    };
    let shaken = handshake_requesting(way, opened.stream, peer, asking.credentials, offer, patience).await?;
    if !shaken.chain.is_empty() {
        let examined = Examined::of(asking.credentials, &shaken.chain, shaken.staple.as_deref(), now());
        // A server that shows another kind all the same has none of this one; the other is asked for by itself.
        return Ok(match examined.leaf().and_then(KeyKind::of) {
            Some(found) if found != kind => Answer::Refused,
            _ => Answer::Shown(Box::new(Shown { shaken, examined })),
        });
    }
    Ok(match &shaken.end {
        HandshakeEnd::Alert(alert) if REFUSALS.contains(&alert.as_str()) => Answer::Refused,
        HandshakeEnd::Alert(alert) => Answer::Unknown(format!("alert {alert}")),
        HandshakeEnd::Timeout => Answer::Unknown(format!("silence for {patience:?}")),
        HandshakeEnd::Reset => Answer::Unknown("reset".to_owned()),
        HandshakeEnd::Closed => Answer::Unknown("closed".to_owned()),
        HandshakeEnd::Unreachable(why) => Answer::Unknown(why.clone()),
        HandshakeEnd::NotTls(why) => Answer::Unknown(format!("not TLS: {why}")),
        HandshakeEnd::Completed(_) => Answer::Unknown("a handshake without a certificate".to_owned()),
    })
}
