//! A server that refused the handshake of this program, asked once more with everything there is: what this program does
//! not have is no fault of the server.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use super::certificate::Certificate;
use super::hello::{Flight, Hello, HelloAnswer, SendMode, Version, ask, group_name, suite_name, suites};
use super::{HANDSHAKE, Handshake, HandshakeEnd, Offer, offered, provider};
use crate::model::Fault;
use crate::net::deadline;

/// Alerts with which servers say that nothing of the offer suits them (RFC 8446, 6.2).
const REFUSALS: &[&str] =
    &["handshake_failure", "insufficient_security", "illegal_parameter", "missing_extension", "protocol_version"];

/// Versions that this program does not speak, newest first.
const OLDER: [Version; 3] = [Version::Tls11, Version::Tls10, Version::Ssl3];

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
    let server = TlsServer { peer, patience, open };
    deadline::within(patience, server.beyond(offer)).await.unwrap_or(Ok(None))
}

/// Makes connections.
pub type Open<'o> = dyn Fn() -> BoxFuture<'o, Result<Option<TcpStream>, Fault>> + Sync + 'o;

struct TlsServer<'s, 'o> {
    peer: SocketAddr,
    patience: Duration,
    open: &'s Open<'o>,
}

impl TlsServer<'_, '_> {
    async fn beyond(&self, offer: &Offer) -> Result<Option<Fault>, Fault> {
        let peer = self.peer;
        let mut refused = true;
        let newest_first =
            [(rustls::ProtocolVersion::TLSv1_3, Version::Tls13), (rustls::ProtocolVersion::TLSv1_2, Version::Tls12)];
        for (_, version) in
            newest_first.into_iter().filter(|(known, _)| offer.versions.iter().any(|v| v.version == *known))
        {
            let hello = widest(version, offer);
            let flight = match self.ask(&hello).await? {
                Reply::Accepted(flight) => flight,
                reply => {
                    refused &= matches!(reply, Reply::Refused);
                    continue;
                }
            };
            // A server that takes the offer now refused it by chance, or for another reason.
            let own = narrowed(&hello, Parts { suites: true, groups: true, schemes: true });
            if !matches!(self.ask(&own).await?, Reply::Refused) {
                return Ok(None);
            }
            if let Some(chosen) =
                flight.hello.as_ref().map(|hello| hello.version).filter(|chosen| OLDER.contains(chosen))
            {
                return Ok(Some(fault(peer, nothing_newer(chosen))));
            }
            let what = match not_offered(&flight) {
                Some(what) => what,
                None => self.missing(&hello, &flight).await?,
            };
            let why = format!("the server takes {} only with {what}; {}", version.word(), offered());
            return Ok(Some(fault(peer, why)));
        }
        // A suite that left out TLS 1.2 itself asked for no more than it got.
        let down_to_ours = offer.versions.iter().any(|known| known.version == rustls::ProtocolVersion::TLSv1_2);
        if refused && down_to_ours { self.older(offer).await } else { Ok(None) }
    }

    /// Everything is refused in every version that this program speaks: the server may have older ones only.
    async fn older(&self, offer: &Offer) -> Result<Option<Fault>, Fault> {
        for version in OLDER {
            match self.ask(&widest(version, offer)).await? {
                Reply::Accepted(_) => return Ok(Some(fault(self.peer, nothing_newer(version)))),
                Reply::Refused => {}
                Reply::Unknown => break,
            }
        }
        Ok(None)
    }

    /// Suite and group are known: the part of the offer without which the server refuses `hello`.
    async fn missing(&self, hello: &Hello, flight: &Flight) -> Result<String, Fault> {
        let key = flight.chain.first().and_then(|leaf| Certificate::parse(leaf)).map(|leaf| leaf.key);
        let key = key.map_or_else(String::new, |key| format!(", its key is {key}"));
        for (parts, what) in [
            (Parts { schemes: true, ..Parts::default() }, "signatures that this program cannot verify"),
            (Parts { groups: true, ..Parts::default() }, "groups or curves that this program does not have"),
        ] {
            if matches!(self.ask(&narrowed(hello, parts)).await?, Reply::Refused) {
                return Ok(format!("{what}{key}"));
            }
        }
        Ok(format!("suites, groups and signatures that this program does not have together{key}"))
    }

    async fn ask(&self, hello: &Hello) -> Result<Reply, Fault> {
        let Some(mut stream) = (self.open)().await? else { return Ok(Reply::Unknown) };
        let mut random = [0; 32];
        provider().secure_random.fill(&mut random).map_err(|_| {
            let remedy = "check this machine's entropy source";
            Fault::local("gather randomness for TLS", "", "the system gives none", remedy)
        })?;
        let bytes = hello.encode(&random);
        let answer = ask(&mut stream, self.peer, &bytes, SendMode::Whole, self.patience).await?;
        Ok(match answer {
            HelloAnswer::Flight(flight) if hello.was_ignored(&flight) => Reply::Unknown,
            HelloAnswer::Flight(flight) if flight.alert.is_none() => Reply::Accepted(flight),
            HelloAnswer::Flight(_) | HelloAnswer::Alert(_) | HelloAnswer::Closed | HelloAnswer::Reset => Reply::Refused,
            HelloAnswer::Timeout | HelloAnswer::Unconnected(_) | HelloAnswer::NotTls(_) => Reply::Unknown,
        })
    }
}

fn nothing_newer(version: Version) -> String {
    format!("the server takes {} and nothing newer; this program offers TLS1.2 and TLS1.3", version.word())
}

/// A hello of `version` with everything there is, beside the names of `offer`.
fn widest(version: Version, offer: &Offer) -> Hello {
    let is_13 = version == Version::Tls13;
    let all = suites().iter().filter(|suite| suite.is_tls13() == is_13).map(|suite| suite.number).collect();
    let mut hello = Hello::new(version, all);
    if let Some(rustls::pki_types::ServerName::DnsName(name)) = &offer.sni {
        hello.sni = Some(name.as_ref().to_owned());
    }
    hello.alpn.clone_from(&offer.alpn);
    hello
}

/// Parts of a hello that are cut down to what this program offers.
#[derive(Clone, Copy, Default)]
struct Parts {
    suites: bool,
    groups: bool,
    schemes: bool,
}

fn narrowed(hello: &Hello, parts: Parts) -> Hello {
    let provider = provider();
    let mut hello = hello.clone();
    if parts.suites {
        hello.suites.retain(|known| provider.cipher_suites.iter().any(|suite| u16::from(suite.suite()) == *known));
    }
    if parts.groups {
        hello.groups.retain(|known| provider.kx_groups.iter().any(|group| u16::from(group.name()) == *known));
    }
    if parts.schemes {
        let own = provider.signature_verification_algorithms.supported_schemes();
        hello.schemes.retain(|known| own.iter().any(|scheme| u16::from(*scheme) == *known));
    }
    hello
}

/// What came of a hello.
enum Reply {
    /// The server chose something of it.
    Accepted(Box<Flight>),
    Refused,
    /// Neither.
    Unknown,
}

fn fault(peer: SocketAddr, why: String) -> Fault {
    let remedy =
        "check it with a client that has more, such as `openssl s_client`; `scan: true` shows everything it takes";
    Fault::local(HANDSHAKE, peer.to_string(), why, remedy)
}

/// The part of a choice that this program does not offer.
fn not_offered(flight: &Flight) -> Option<String> {
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
