//! A server that refused the handshake of this program, asked once more with everything there is: what this program does
//! not have is no fault of the server.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use super::certificate::Certificate;
use super::hello::{Answer, Flight, Hello, SCHEMES, Sending, Version, ask, group_name, suite_name, suites};
use super::{Handshake, HandshakeEnd, Offer, offered, provider};
use crate::model::Fault;

/// Alerts with which servers say that nothing of the offer suits them (RFC 8446, 6.2).
const REFUSALS: &[&str] = &["handshake_failure", "insufficient_security", "illegal_parameter", "missing_extension"];

impl<S> Handshake<S> {
    /// Whether it ended as with a server without anything in common with the offer.
    #[must_use]
    pub fn may_be_beyond_offer(&self) -> bool {
        self.chain.is_empty()
            && match &self.end {
                HandshakeEnd::Alert(alert) => REFUSALS.contains(&alert.as_str()),
                HandshakeEnd::Closed | HandshakeEnd::Reset => true,
                _ => false,
            }
    }
}

/// What the server at `peer` takes that this program does not offer, as a fault of this side; `None` when it takes nothing of
/// that either, or would have taken the offer as well. `open` makes a connection that is ready for a hello, if there is
/// one. It takes at most `patience`, after which nothing is known.
pub async fn beyond_offer(
    peer: SocketAddr,
    offer: &Offer,
    patience: Duration,
    open: &Open<'_>,
) -> Result<Option<Fault>, Fault> {
    let server = Server { peer, patience, open };
    tokio::time::timeout(patience, server.beyond(offer)).await.unwrap_or(Ok(None))
}

/// Makes connections.
pub type Open<'o> = dyn Fn() -> BoxFuture<'o, Result<Option<TcpStream>, Fault>> + Sync + 'o;

struct Server<'s, 'o> {
    peer: SocketAddr,
    patience: Duration,
    open: &'s Open<'o>,
}

impl Server<'_, '_> {
    async fn beyond(&self, offer: &Offer) -> Result<Option<Fault>, Fault> {
        let peer = self.peer;
        let newest_first =
            [(rustls::ProtocolVersion::TLSv1_3, Version::Tls13), (rustls::ProtocolVersion::TLSv1_2, Version::Tls12)];
        for (_, version) in
            newest_first.into_iter().filter(|(known, _)| offer.versions.iter().any(|v| v.version == *known))
        {
            let is_13 = version == Version::Tls13;
            let all = suites().iter().filter(|suite| suite.is_tls13() == is_13).map(|suite| suite.number).collect();
            let mut hello = Hello::new(version, all);
            if let Some(rustls::pki_types::ServerName::DnsName(name)) = &offer.sni {
                hello.sni = Some(name.as_ref().to_owned());
            }
            hello.alpn.clone_from(&offer.alpn);
            let Some(flight) = self.chosen(&hello).await? else { continue };
            if let Some(what) = foreign(&flight) {
                return Ok(Some(fault(peer, version, &what)));
            }
            // Suite and group are known: then it is the signature, or it would have taken the offer as well.
            hello.schemes.retain(|scheme| own_schemes().contains(scheme));
            if hello.schemes.len() < SCHEMES.len() && self.chosen(&hello).await?.is_none() {
                let key = flight.chain.first().and_then(|leaf| Certificate::parse(leaf)).map(|leaf| leaf.key);
                let key = key.map_or_else(String::new, |key| format!(", its key is {key}"));
                return Ok(Some(fault(peer, version, &format!("signatures that this program cannot verify{key}"))));
            }
        }
        Ok(None)
    }

    /// The server's first flight, if it took the hello.
    async fn chosen(&self, hello: &Hello) -> Result<Option<Flight>, Fault> {
        let Some(mut stream) = (self.open)().await? else { return Ok(None) };
        let mut random = [0; 32];
        provider().secure_random.fill(&mut random).map_err(|_| {
            let remedy = "check this machine's entropy source";
            Fault::local("gather randomness for TLS", "", "the system gives none", remedy)
        })?;
        let bytes = hello.encode(&random);
        let answer = ask(&mut stream, self.peer, &bytes, Sending::Whole, self.patience).await?;
        Ok(match answer {
            Answer::Flight(flight) if flight.alert.is_none() && !hello.was_ignored(&flight) => Some(*flight),
            _ => None,
        })
    }
}

fn fault(peer: SocketAddr, version: Version, what: &str) -> Fault {
    let why = format!("the server takes {} only with {what}; {}", version.word(), offered());
    let remedy =
        "check it with a client that has more, such as `openssl s_client`; `scan: true` shows everything it takes";
    Fault::local("TLS handshake", peer.to_string(), why, remedy)
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
