//! A server that refused the handshake of this program, asked once more with everything there is: what this program does
//! not have is no fault of the server.

use super::connect::Connector;
use crate::model::Fault;
use crate::proto::tls::hello::{Answer, Flight, Hello, SCHEMES, Sending, Version, ask, group_name, suite_name, suites};
use crate::proto::tls::{HandshakeEnd, Offer, certificate::Certificate, provider};

/// Alerts with which servers say that nothing of the offer suits them (RFC 8446, 6.2).
const REFUSALS: &[&str] = &["handshake_failure", "insufficient_security", "illegal_parameter", "missing_extension"];

/// Whether the end may be one of a server without anything in common with the offer.
pub(super) fn may_be<S>(end: &HandshakeEnd<S>, before_certificate: bool) -> bool {
    before_certificate
        && match end {
            HandshakeEnd::Alert(alert) => REFUSALS.contains(&alert.as_str()),
            HandshakeEnd::Closed | HandshakeEnd::Reset => true,
            _ => false,
        }
}

/// What the server takes that this program does not offer, as a fault of this side; `None` when it takes nothing of that
/// either, or would have taken the offer as well.
pub(super) async fn explain(connector: &Connector, offer: &Offer) -> Result<Option<Fault>, Fault> {
    let newest_first =
        [(rustls::ProtocolVersion::TLSv1_3, Version::Tls13), (rustls::ProtocolVersion::TLSv1_2, Version::Tls12)];
    for (_, version) in newest_first.into_iter().filter(|(known, _)| offer.versions.iter().any(|v| v.version == *known))
    {
        let is_13 = version == Version::Tls13;
        let all = suites().iter().filter(|suite| suite.is_tls13() == is_13).map(|suite| suite.number).collect();
        let mut hello = Hello::new(version, all);
        if let Some(rustls::pki_types::ServerName::DnsName(name)) = &offer.sni {
            hello.sni = Some(name.as_ref().to_owned());
        }
        hello.alpn.clone_from(&offer.alpn);
        let Some(flight) = chosen(connector, &hello).await? else { continue };
        if let Some(what) = foreign(&flight) {
            return Ok(Some(fault(connector, version, &what)));
        }
        // Suite and group are known: then it is the signature, or it would have taken the offer as well.
        hello.schemes.retain(|scheme| own_schemes().contains(scheme));
        if hello.schemes.len() < SCHEMES.len() && chosen(connector, &hello).await?.is_none() {
            let key = flight.chain.first().and_then(|leaf| Certificate::parse(leaf)).map(|leaf| leaf.key);
            let key = key.map_or_else(String::new, |key| format!(", its key is {key}"));
            return Ok(Some(fault(connector, version, &format!("signatures that this program cannot verify{key}"))));
        }
    }
    Ok(None)
}

fn fault(connector: &Connector, version: Version, what: &str) -> Fault {
    let why = format!("the server takes {} only with {what}; {}", version.word(), crate::proto::tls::offered());
    let remedy =
        "check it with a client that has more, such as `openssl s_client`; `scan: true` shows everything it takes";
    Fault::local("TLS handshake", connector.peer.to_string(), why, remedy)
}

/// The server's first flight, if it took the hello.
async fn chosen(connector: &Connector, hello: &Hello) -> Result<Option<Flight>, Fault> {
    let Ok(mut connection) = connector.try_connect().await? else { return Ok(None) };
    let mut random = [0; 32];
    provider().secure_random.fill(&mut random).map_err(|_| {
        let remedy = "check this machine's entropy source";
        Fault::local("gather randomness for TLS", "", "the system gives none", remedy)
    })?;
    let bytes = hello.encode(&random);
    let answer = ask(&mut connection.stream, connector.peer, &bytes, Sending::Whole, connector.timeout).await?;
    Ok(match answer {
        Answer::Flight(flight) if flight.alert.is_none() && !hello.was_ignored(&flight) => Some(*flight),
        _ => None,
    })
}

/// The part of a choice that this program does not offer.
fn foreign(flight: &Flight) -> Option<String> {
    let provider = provider();
    let hello = flight.hello.as_ref()?;
    let known = provider.cipher_suites.iter().any(|suite| u16::from(suite.suite()) == hello.suite);
    if !known {
        return Some(format!("suites such as {}", suite_name(hello.suite)));
    }
    let group = flight.group()?;
    let known = provider.kx_groups.iter().any(|known| u16::from(known.name()) == group);
    (!known).then(|| format!("groups such as {}", group_name(group)))
}

/// Signature schemes this program verifies, by number.
fn own_schemes() -> Vec<u16> {
    provider().signature_verification_algorithms.supported_schemes().into_iter().map(u16::from).collect()
}
