//! QUIC as a client that looks before it trusts: the same verifier as over TCP writes down chain, trust and signature
//! while the handshake goes on, and the same facts come out of it.
//!
//! Every connection has an endpoint, and so a socket, of its own.

#[cfg(feature = "fuzzing")]
pub mod fuzzed;
mod logging_session;
pub mod server_hello;
mod socket;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig};
use quinn::{ConnectionError, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use rustls::client::Resumption;
use rustls::{AlertDescription, CipherSuite, NamedGroup};
use tokio::time::Instant;

use self::logging_session::{LoggingConfig, ServerHelloLog};
pub use self::socket::PathError;
use self::socket::QuicSocket;
use super::tls::error_words::{ClassifiedError, LARGER, sort_text};
use super::tls::{
    Credentials, HANDSHAKE, Handshake, HandshakeEnd, HandshakeLog, Offer, RequestedKey, Session, certificate_probe,
    client_config, iana_names, offered,
};
use crate::model::Fault;
use crate::net::bytes::readable;
use crate::net::deadline;
use crate::net::{ConnectError, Origin};

/// Bytes a peer may send ahead of what was read: on one stream, and on the connection.
const WINDOW: u32 = 128 * 1024;
/// Streams a peer may open towards this side; HTTP/3 needs three.
const STREAMS: u32 = 8;
/// Handshake bytes kept while something before them is missing; more than the largest chain TLS takes.
const CRYPTO: usize = 128 * 1024;
/// Transport errors that are TLS alerts (RFC 9001, 4.8).
const ALERTS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;
/// Most of a peer's own words that are shown.
const WORDS: usize = 200;

/// An established connection; it closes when dropped.
#[derive(Debug)]
pub struct Connection {
    /// For streams.
    pub quic: quinn::Connection,
    socket: Arc<QuicSocket>,
    peer: SocketAddr,
    _endpoint: Endpoint,
}

/// A handshake that was tried.
#[derive(Debug)]
pub struct HandshakeAttempt {
    /// As over TCP; refused when an ICMP error came instead.
    pub handshake: Result<Handshake<Connection>, ConnectError>,
    /// In the peer's own words, why there is no connection.
    pub why: Option<String>,
    /// Datagrams that came from elsewhere.
    pub strays: u64,
}

/// Makes the handshake with `peer`, waiting at most `patience` for the whole. `offer` needs an application protocol and TLS 1.3
/// (RFC 9001, 8.1 and 4.2). `Err` is a fault of this side.
pub async fn dial(
    peer: SocketAddr,
    origin: Origin,
    credentials: &Credentials,
    offer: &Offer,
    patience: Duration,
) -> Result<HandshakeAttempt, Fault> {
    let (log, hello_log) = (HandshakeLog::default(), ServerHelloLog::default());
    let config = config(credentials, offer, &log, &hello_log, peer, patience)?;
    let socket = QuicSocket::open(peer, origin).await?;
    let fault =
        |detail: String| Fault::local("open QUIC endpoint", peer.to_string(), detail, "see the system's message");
    let endpoint =
        Endpoint::new_with_abstract_socket(EndpointConfig::default(), None, socket.clone(), Arc::new(TokioRuntime))
            .map_err(|error| fault(error.to_string()))?;
    let name = offer.sni.as_ref().unwrap_or(&offer.verify_name).to_str();
    // The keys of the ClientHello are made in here: this side's own work, and so before the clock starts.
    let connecting = endpoint.connect_with(config, peer, &name).map_err(|error| fault(error.to_string()))?;
    let start = Instant::now();
    let outcome = tokio::select! {
        biased;
        error = socket.path_error() => Err(error),
        outcome = deadline::within(patience, connecting) => Ok(outcome),
    };
    let elapsed = start.elapsed();
    let (mut session, mut why) = (None, None);
    let end = match outcome {
        Err(PathError::Fault(fault)) => return Err(fault),
        Err(PathError::Connect(error)) => {
            return Ok(HandshakeAttempt { handshake: Err(error), why, strays: socket.strays() });
        }
        Err(PathError::Flood(bytes)) => {
            why = Some(flood_text(bytes));
            HandshakeEnd::Closed
        }
        Ok(Err(_)) => HandshakeEnd::Timeout,
        Ok(Ok(Err(error))) => {
            if let Some(fault) = own_limit(&error, peer) {
                return Err(fault);
            }
            let (end, reason) = classify_end(&error);
            why = reason;
            end
        }
        Ok(Ok(Ok(quic))) => {
            session = Some(self::session(&quic, &hello_log));
            HandshakeEnd::Completed(Box::new(Connection { quic, socket: socket.clone(), peer, _endpoint: endpoint }))
        }
    };
    let handshake =
        Handshake::from_log(end, elapsed, session, socket.received(), &log, credentials.has_client_certificate(), peer);
    if matches!(handshake.end, HandshakeEnd::Alert(_))
        && handshake.may_be_beyond_offer()
        && takes_more(peer, origin, offer, patience.saturating_sub(elapsed)).await?
    {
        let why = format!("the server takes only groups or keys that this program does not offer; {}", offered());
        let remedy = "check it with a client that has more, such as `openssl s_client -quic`";
        return Err(Fault::local(HANDSHAKE, peer.to_string(), why, remedy));
    }
    Ok(HandshakeAttempt { handshake: Ok(handshake), why, strays: socket.strays() })
}

/// Whether a server that refused the offer shows its certificate to who offers everything there is.
async fn takes_more(peer: SocketAddr, origin: Origin, offer: &Offer, patience: Duration) -> Result<bool, Fault> {
    let (config, sight) = certificate_probe::widest(offer, peer)?;
    let config = over_quic(config, &ServerHelloLog::default(), peer, patience)?;
    let socket = QuicSocket::open(peer, origin).await?;
    let endpoint = Endpoint::new_with_abstract_socket(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime));
    let name = offer.sni.as_ref().unwrap_or(&offer.verify_name).to_str();
    // A connection that cannot be begun, after one that could, tells nothing more.
    let connecting = endpoint.ok().and_then(|endpoint| endpoint.connect_with(config, peer, &name).ok());
    if let Some(connecting) = connecting {
        // It ends by itself once the certificate is seen.
        let _ = deadline::within(patience, connecting).await;
    }
    Ok(sight.of_certificate())
}

impl Connection {
    /// Datagrams that came from elsewhere so far.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.socket.strays()
    }

    /// Waits for what ends the connection from outside of QUIC: an ICMP error, a peer that talks without end.
    pub async fn path_error(&self) -> PathError {
        self.socket.path_error().await
    }

    /// The peer.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Handshake<Connection> {
    /// A server refuses a client certificate, or the lack of one, only after the handshake: when it asked for one, waits
    /// until it confirms the handshake (which it does once it is content), refuses, or `patience` is over. The words that
    /// come with a refusal are handed back.
    pub async fn await_late_refusal(&mut self, patience: Duration) -> Option<String> {
        /// Between two checks for the confirmation; QUIC libraries have no event for it.
        const INTERVAL: Duration = Duration::from_millis(5);
        let HandshakeEnd::Completed(connection) = &self.end else { return None };
        if !self.certificate_requested {
            return None;
        }
        let quic = connection.quic.clone();
        let confirmed = async {
            while quic.stats().frame_rx.handshake_done == 0 {
                tokio::time::sleep(INTERVAL).await;
            }
        };
        let refused = tokio::select! {
            error = quic.closed() => Some(error),
            _ = deadline::within(patience, confirmed) => None,
        };
        let (end, why) = classify_end(&refused?);
        self.end = end;
        why
    }
}

fn config(
    credentials: &Credentials,
    offer: &Offer,
    log: &HandshakeLog,
    hello_log: &ServerHelloLog,
    peer: SocketAddr,
    patience: Duration,
) -> Result<quinn::ClientConfig, Fault> {
    let mut config = client_config::observing(RequestedKey::Any, credentials, offer, log, peer)?;
    config.resumption = Resumption::disabled();
    over_quic(config, hello_log, peer, patience)
}

/// The limits of every connection.
fn over_quic(
    config: rustls::ClientConfig,
    hello_log: &ServerHelloLog,
    peer: SocketAddr,
    patience: Duration,
) -> Result<quinn::ClientConfig, Fault> {
    let fault = |detail: String| {
        Fault::local("build the QUIC client", peer.to_string(), detail, "report this as a defect of shakedown")
    };
    let config = QuicClientConfig::try_from(config).map_err(|error| fault(error.to_string()))?;
    let logging = LoggingConfig { config: Arc::new(config), hello_log: hello_log.clone() };
    let mut transport = TransportConfig::default();
    // Nothing here outlives its patience by much; what QUIC does in the background must not either.
    let idle = IdleTimeout::try_from(patience.saturating_add(Duration::from_secs(1))).ok();
    transport
        .max_idle_timeout(idle)
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS))
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(CRYPTO);
    let mut client = quinn::ClientConfig::new(Arc::new(logging));
    client.transport_config(Arc::new(transport));
    Ok(client)
}

/// QUIC is TLS 1.3 always, and no session is ever offered for resumption.
fn session(quic: &quinn::Connection, hello_log: &ServerHelloLog) -> Session {
    let data = quic.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let choice = hello_log.choice();
    Session {
        version: Some("TLS1.3"),
        cipher: choice.map(|choice| iana_names::cipher_suite(CipherSuite::from(choice.cipher))),
        group: choice.and_then(|choice| choice.group).map(|group| iana_names::group(NamedGroup::from(group))),
        alpn: data.and_then(|data| data.protocol).map(|protocol| readable(&protocol)),
        resumed: false,
    }
}

/// This side gave up because of what it cannot do.
fn own_limit(error: &ConnectionError, peer: SocketAddr) -> Option<Fault> {
    let ConnectionError::TransportError(error) = error else { return None };
    let (why, remedy) = match sort_text(&error.reason) {
        ClassifiedError::Ours(why, remedy) => (why, remedy),
        ClassifiedError::TooLarge(why) => (why, LARGER),
        _ => return None,
    };
    Some(Fault::local("complete the TLS handshake over QUIC", peer.to_string(), why, remedy))
}

/// Sorts the end of a connection, with the reason the peer gives, if any.
#[must_use]
pub fn classify_end(error: &ConnectionError) -> (HandshakeEnd<Connection>, Option<String>) {
    match error {
        ConnectionError::TimedOut => (HandshakeEnd::Timeout, None),
        ConnectionError::Reset => {
            (HandshakeEnd::Reset, Some("a stateless reset: the server no longer knows the connection".into()))
        }
        ConnectionError::VersionMismatch => {
            (HandshakeEnd::NotTls("QUIC, but no version that is known here".into()), None)
        }
        // Whatever this side found wrong, QUIC sends to the peer as well.
        ConnectionError::TransportError(error) if error.reason.is_empty() => {
            (HandshakeEnd::Alert(format!("sent ({})", error.code)), None)
        }
        ConnectionError::TransportError(error) => {
            let (ClassifiedError::Alert(why)
            | ClassifiedError::Garbled(why)
            | ClassifiedError::Broken(why)
            | ClassifiedError::TooLarge(why)
            | ClassifiedError::Ours(why, _)) = sort_text(&error.reason);
            (HandshakeEnd::Alert(format!("sent ({})", shortened(&why))), None)
        }
        ConnectionError::ConnectionClosed(close) => {
            let (code, reason) = (u64::from(close.error_code), reason_text(&close.reason));
            match u8::try_from(code & 0xff) {
                Ok(alert) if ALERTS.contains(&code) => {
                    (HandshakeEnd::Alert(iana_names::alert(AlertDescription::from(alert))), reason)
                }
                _ => (HandshakeEnd::Closed, Some(joined(format!("QUIC error {}", close.error_code), reason))),
            }
        }
        ConnectionError::ApplicationClosed(close) => (
            HandshakeEnd::Closed,
            Some(joined(format!("application error {}", close.error_code), reason_text(&close.reason))),
        ),
        ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
            (HandshakeEnd::Closed, Some(error.to_string()))
        }
    }
}

/// Evidence of a peer that was cut off.
#[must_use]
pub fn flood_text(bytes: u64) -> String {
    format!("it sent {bytes} bytes, more than anybody needs, and was cut off")
}

fn reason_text(reason: &[u8]) -> Option<String> {
    (!reason.is_empty()).then(|| shortened(&readable(reason)))
}

fn joined(what: String, reason: Option<String>) -> String {
    match reason {
        Some(reason) => format!("{what}, \"{reason}\""),
        None => what,
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS).collect()
}
