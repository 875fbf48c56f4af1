//! Every certificate a server can show: asked for by kind of key, with and without SNI. A client that takes what it is
//! given sees one of them; the other may have expired long ago, for the clients that get it.

use std::time::Duration;

use super::chain_analysis::ChainAnalysis;
use crate::checks::tls::client::TlsClient;
use crate::model::Fault;
use crate::probe::EarlyEnd;
use crate::proto::tls::{HANDSHAKE, Handshake, HandshakeEnd, KeyKind, Offer, RequestedKey, handshake_requesting, now};

/// Forms of a request for one kind, and tries for each when the connection breaks.
const REQUESTS: u32 = 2;
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

/// One kind of certificate that was asked for.
#[derive(Debug)]
pub(crate) struct CertificateQuery {
    pub(crate) kind: KeyKind,
    /// The name was sent.
    pub(crate) sni: bool,
    pub(crate) answer: CertificateAnswer,
}

/// See [`CertificateQuery`].
#[derive(Debug)]
pub(crate) enum CertificateAnswer {
    /// It showed one.
    Shown(Box<ShownCertificate>),
    /// It said that it has none.
    Refused,
    /// That is not known, for this reason.
    Unknown(String),
}

/// A certificate as shown.
#[derive(Debug)]
pub(crate) struct ShownCertificate {
    pub(crate) handshake: Handshake,
    pub(crate) analysis: ChainAnalysis,
}

/// The longest [`enumerate`] takes: kinds are asked for at once, forms of a request and tries one after the other, each with a
/// connection, STARTTLS and a handshake.
pub(super) fn longest(timeout: Duration) -> Duration {
    timeout * 3 * REQUESTS * TRIES
}

/// Asks for every kind, all at once: six connections at most.
pub(in crate::checks::tls) async fn enumerate(client: &TlsClient<'_>) -> Result<Vec<CertificateQuery>, Fault> {
    let names: &[bool] = if client.offer.sni.is_some() { &[true, false] } else { &[false] };
    let queries = names.iter().flat_map(|sni| KeyKind::ALL.into_iter().map(move |kind| query(client, kind, *sni)));
    futures_util::future::join_all(queries).await.into_iter().collect()
}

async fn query(client: &TlsClient<'_>, kind: KeyKind, sni: bool) -> Result<CertificateQuery, Fault> {
    let mut offer = client.offer.clone();
    if !sni {
        offer.sni = None;
    }
    let mut answer = CertificateAnswer::Refused;
    // Suites of TLS 1.2 do not tell Ed25519 from ECDSA.
    let by_suites = (kind != KeyKind::Ed25519).then_some(RequestedKey::Suites(kind));
    for request in std::iter::once(RequestedKey::Schemes(kind)).chain(by_suites) {
        if request.versions(&offer.versions).is_empty() {
            continue;
        }
        match retried(client, &offer, kind, request).await? {
            shown @ CertificateAnswer::Shown(_) => return Ok(CertificateQuery { kind, sni, answer: shown }),
            CertificateAnswer::Refused => {}
            unknown @ CertificateAnswer::Unknown(_) => answer = unknown,
        }
    }
    Ok(CertificateQuery { kind, sni, answer })
}

async fn retried(
    client: &TlsClient<'_>,
    offer: &Offer,
    kind: KeyKind,
    request: RequestedKey,
) -> Result<CertificateAnswer, Fault> {
    let mut answer = CertificateAnswer::Refused;
    for _ in 0..TRIES {
        answer = once(client, offer, kind, request).await?;
        // A server that hangs up may do so by chance; one that is silent has been waited for.
        let again = matches!(&answer, CertificateAnswer::Unknown(why) if !why.starts_with("silence"));
        if !again {
            break;
        }
    }
    Ok(answer)
}

async fn once(
    client: &TlsClient<'_>,
    offer: &Offer,
    kind: KeyKind,
    request: RequestedKey,
) -> Result<CertificateAnswer, Fault> {
    let (peer, timeout) = (client.connector.peer, client.connector.timeout);
    let connection = match client.connector.connect().await {
        Ok(connection) => connection,
        Err(EarlyEnd::Outcome { word, .. }) => return Ok(CertificateAnswer::Unknown(format!("connect: {word}"))),
        Err(EarlyEnd::Fault(fault)) => return Err(fault),
    };
    let ended = handshake_requesting(request, connection.stream, peer, client.credentials, offer, timeout).await;
    let mut handshake = match ended {
        Ok(handshake) => handshake,
        // Nothing in common by this narrow request says nothing of others.
        Err(fault) if fault.operation == HANDSHAKE => return Ok(CertificateAnswer::Unknown(fault.detail)),
        Err(fault) => return Err(fault),
    };
    handshake.send_close_notify().await;
    if let Some(analysis) = ChainAnalysis::of_handshake(client.credentials, &handshake, now()) {
        // A server that shows another kind all the same has none of this one; the other is asked for by itself.
        return Ok(match analysis.leaf().and_then(KeyKind::of) {
            Some(found) if found != kind => CertificateAnswer::Refused,
            _ => CertificateAnswer::Shown(Box::new(ShownCertificate { handshake, analysis })),
        });
    }
    Ok(match &handshake.end {
        HandshakeEnd::Alert(alert) if REFUSALS.contains(&alert.as_str()) => CertificateAnswer::Refused,
        HandshakeEnd::Alert(alert) => CertificateAnswer::Unknown(format!("alert {alert}")),
        HandshakeEnd::Timeout => CertificateAnswer::Unknown(format!("silence for {timeout:?}")),
        HandshakeEnd::Reset => CertificateAnswer::Unknown("reset".to_owned()),
        HandshakeEnd::Closed => CertificateAnswer::Unknown("closed".to_owned()),
        HandshakeEnd::Unreachable(why) => CertificateAnswer::Unknown(why.clone()),
        HandshakeEnd::NotTls(why) => CertificateAnswer::Unknown(format!("not TLS: {why}")),
        HandshakeEnd::Completed(_) => CertificateAnswer::Unknown("a handshake without a certificate".to_owned()),
    })
}
