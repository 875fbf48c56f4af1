//! One full handshake over a connection that is already there.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::certificate::Certificate;
use super::client_config::{Offer, observing};
use super::counting_stream::{CountingStream, TlsStream};
use super::handshake_end::{HandshakeEnd, HandshakeProgress};
use super::handshake_log::HandshakeLog;
use super::iana_names;
use super::key_kind::RequestedKey;
use super::name_text;
use super::trust::Credentials;
use super::verification::{Verification, verification};
use crate::model::Fault;
use crate::net::deadline;

/// `close_notify` fits into the buffers of this host.
const CLOSE_PATIENCE: Duration = Duration::from_millis(100);

/// The session both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `TLS1.2` or `TLS1.3`.
    pub version: Option<&'static str>,
    /// IANA name of the cipher suite.
    pub cipher: Option<String>,
    /// IANA name of the key exchange group.
    pub group: Option<String>,
    /// Application protocol.
    pub alpn: Option<String>,
    /// An earlier session was resumed.
    pub resumed: bool,
}

/// Everything one handshake showed. The facts of the chain are there whenever the server sent one.
#[derive(Debug)]
pub struct Handshake<S = TlsStream> {
    /// How it ended.
    pub end: HandshakeEnd<S>,
    /// From the first byte sent to the end.
    pub elapsed: Duration,
    /// As served, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why the certificate must not be trusted, if it was looked at and must not.
    pub verify_error: Option<String>,
    /// Why this program cannot judge the certificate, if it was looked at and nothing is known to be wrong.
    pub unjudged: Option<String>,
    /// Something about a certificate that verifies, for people.
    pub trust_note: Option<String>,
    /// The session, when the handshake completed.
    pub session: Option<Session>,
    /// The server asked for a client certificate.
    pub certificate_requested: bool,
    /// OCSP response stapled to the handshake (RFC 6066, 8); every handshake asks for one.
    pub staple: Option<Vec<u8>>,
    /// Whose certificates it accepts, as far as it said so.
    pub authorities: Vec<String>,
    /// This side had a client certificate, and did not show it: its key cannot sign as the server wishes.
    pub client_unfit: bool,
    bytes_received: u64,
    trusted: bool,
    /// This side had a certificate to show.
    has_client_certificate: bool,
    /// Whether the server spoke after the handshake, so that a late refusal is not to be feared any more.
    accepted: bool,
    peer: SocketAddr,
}

impl<S> Handshake<S> {
    /// From how it ended and the notes taken on the way.
    pub(in crate::proto) fn from_log(
        end: HandshakeEnd<S>,
        elapsed: Duration,
        session: Option<Session>,
        bytes_received: u64,
        log: &HandshakeLog,
        has_client_certificate: bool,
        peer: SocketAddr,
    ) -> Self {
        let entries = log.take();
        let Verification { trusted, verify_error, unjudged, note: trust_note } = verification(&entries);
        let staple = Some(entries.staple).filter(|staple| !staple.is_empty());
        let authorities = entries.authorities.iter().map(|der| name_text::of_der(der)).collect();
        Self {
            end,
            elapsed,
            chain: entries.chain,
            verify_error,
            unjudged,
            trust_note,
            session,
            certificate_requested: entries.certificate_requested,
            staple,
            authorities,
            client_unfit: entries.client_unfit,
            bytes_received,
            trusted,
            has_client_certificate,
            accepted: false,
            peer,
        }
    }

    /// True only for a completed handshake with a trusted path, the right name and a proven key; false when any of these
    /// failed; absent when there was nothing to verify.
    #[must_use]
    pub fn verified(&self) -> Option<bool> {
        if self.verify_error.is_some() {
            return Some(false);
        }
        (self.trusted && matches!(self.end, HandshakeEnd::Completed(_))).then_some(true)
    }

    /// That this program cannot judge the certificate, as a fault of this side.
    #[must_use]
    pub fn judgement_fault(&self) -> Option<Fault> {
        let why = self.unjudged.clone()?;
        let remedy = "check it with another client, such as `openssl s_client -verify_return_error`";
        Some(Fault::local("verify the certificate", self.peer.to_string(), why, remedy))
    }

    /// Whose certificate an alert of the server is about, for people; `None` when it may be about anything.
    #[must_use]
    pub fn alert_about(&self) -> Option<&'static str> {
        let HandshakeEnd::Alert(alert) = &self.end else { return None };
        if !self.certificate_requested || alert.starts_with("sent ") {
            return None;
        }
        if self.client_unfit {
            return Some(
                "the server asked for a client certificate; client_cert was not shown, since its key cannot sign as the server wishes",
            );
        }
        match (self.has_client_certificate, CERTIFICATE_ALERTS.contains(&alert.as_str())) {
            (true, true) => Some(
                "the server does not take the certificate in client_cert: its issuer, dates or purposes do not suit the server",
            ),
            (false, _) if REFUSALS.contains(&alert.as_str()) => {
                Some("the server asked for a client certificate, and there is none: set client_cert and client_key")
            }
            _ => None,
        }
    }

    /// The last thing that happened, for the evidence of an early end; `None` when the server said nothing at all.
    #[must_use]
    pub fn reached(&self) -> Option<String> {
        match (&self.session, self.chain.is_empty(), self.bytes_received) {
            (Some(_), ..) => Some("the handshake".to_owned()),
            (None, false, _) => Some("the server's certificate".to_owned()),
            (None, true, 0) => None,
            (None, true, received) => Some(format!("{received} bytes from the server, before its certificate")),
        }
    }

    /// How it ended early, as one sentence about `peer`; `None` when it was completed. `timeout` is how long silence was waited
    /// for.
    #[must_use]
    pub fn ending(&self, peer: SocketAddr, timeout: Duration) -> Option<String> {
        self.end.sentence(peer, self.reached().as_deref(), self.alert_about(), timeout)
    }

    /// The certificates of the chain that can be read, leaf first.
    #[must_use]
    pub fn certificates(&self) -> Vec<Option<Certificate>> {
        self.chain.iter().map(|der| Certificate::parse(der)).collect()
    }
}

impl Handshake {
    /// In TLS 1.3 a server refuses a client certificate, or the lack of one, only after the handshake: when it asked
    /// for one, listens until it hands out a session ticket (which it does once it is content), speaks, refuses, or
    /// `patience` is over. Whatever data it sends is consumed.
    pub async fn await_late_refusal(&mut self, patience: Duration) -> Result<(), Fault> {
        let HandshakeEnd::Completed(stream) = &mut self.end else {
            return Ok(());
        };
        let late = self.session.as_ref().is_some_and(|session| session.version == Some("TLS1.3"));
        if !late || !self.certificate_requested {
            return Ok(());
        }
        match deadline::within(patience, server_message(stream)).await {
            Ok(Ok(())) => self.accepted = true,
            Err(_) => {}
            Ok(Err(error)) => self.end = HandshakeEnd::classify(&error, HandshakeProgress::Certificate, self.peer)?,
        }
        Ok(())
    }

    /// After a silence in [`Self::await_late_refusal`]: sends `close_notify`. A server answers in order, so it refuses before it
    /// answers that, and one that hangs up without a refusal was content. `patience` bounds the wait.
    pub async fn close_and_wait(&mut self, patience: Duration) -> Result<(), Fault> {
        let HandshakeEnd::Completed(stream) = &mut self.end else {
            return Ok(());
        };
        let leaving = async {
            stream.shutdown().await?;
            server_message(stream).await
        };
        match deadline::within(patience, leaving).await {
            Err(_) => {}
            Ok(Ok(())) => self.accepted = true,
            // Hanging up in return is good manners enough, and no refusal.
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => self.accepted = true,
            Ok(Err(error)) => self.end = HandshakeEnd::classify(&error, HandshakeProgress::Certificate, self.peer)?,
        }
        Ok(())
    }

    /// Sends `close_notify` and ends this side of the connection, so that a server that serves one client after the other goes on
    /// to the next. What the handshake showed stays, and the server can still be heard.
    pub async fn send_close_notify(&mut self) {
        if let HandshakeEnd::Completed(stream) = &mut self.end {
            // Who does not even take that is left at once when the connection is dropped.
            let _ = tokio::time::timeout(CLOSE_PATIENCE, stream.shutdown()).await;
        }
    }

    /// Waits in TLS 1.3 until the server has handed out a session ticket, has spoken, or `patience` is over. Earlier versions
    /// hand out theirs within the handshake.
    pub async fn await_ticket(&mut self, patience: Duration) -> Result<(), Fault> {
        let HandshakeEnd::Completed(stream) = &mut self.end else {
            return Ok(());
        };
        if self.session.as_ref().is_some_and(|session| session.version == Some("TLS1.3"))
            && let Ok(Err(error)) = deadline::within(patience, server_message(stream)).await
        {
            self.end = HandshakeEnd::classify(&error, HandshakeProgress::Certificate, self.peer)?;
        }
        Ok(())
    }

    /// Whether the server wants a client certificate: `none`, `optional` or `required`; absent when this handshake cannot tell, because it
    /// showed a certificate, ended for another reason, or was not heard to its end.
    #[must_use]
    pub fn client_certificate(&self) -> Option<&'static str> {
        match &self.end {
            HandshakeEnd::Completed(_) if !self.certificate_requested => Some("none"),
            _ if self.has_client_certificate || !self.certificate_requested => None,
            HandshakeEnd::Completed(_) => {
                let late = self.session.as_ref().is_some_and(|session| session.version == Some("TLS1.3"));
                (!late || self.accepted).then_some("optional")
            }
            HandshakeEnd::Alert(alert) if REFUSALS.contains(&alert.as_str()) => Some("required"),
            _ => None,
        }
    }
}

/// Alerts with which servers refuse a client without a certificate (RFC 8446, 6.2; RFC 5246, 7.4.6).
const REFUSALS: &[&str] = &[
    "certificate_required",
    "handshake_failure",
    "bad_certificate",
    "certificate_unknown",
    "unknown_ca",
    "access_denied",
];

/// Alerts that speak of the peer's certificate (RFC 8446, 6.2).
const CERTIFICATE_ALERTS: &[&str] = &[
    "bad_certificate",
    "unsupported_certificate",
    "certificate_revoked",
    "certificate_expired",
    "certificate_unknown",
    "unknown_ca",
    "access_denied",
    "handshake_failure",
    "decrypt_error",
];

/// Waits for a ticket, data or `close_notify`, none of which is a refusal; a hang-up without it is an error.
pub(super) async fn server_message<S>(stream: &mut tokio_rustls::client::TlsStream<S>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut byte = [0_u8; 1];
    poll_fn(|cx| {
        let mut buffer = ReadBuf::new(&mut byte);
        match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
            Poll::Pending if stream.get_ref().1.tls13_tickets_received() > 0 => Poll::Ready(Ok(())),
            other => other,
        }
    })
    .await
}

/// Makes the handshake over `stream`, waiting at most `patience` for the whole. `Err` is a fault of this side.
pub async fn handshake(
    stream: TcpStream,
    peer: SocketAddr,
    credentials: &Credentials,
    offer: &Offer,
    patience: Duration,
) -> Result<Handshake, Fault> {
    handshake_requesting(RequestedKey::Any, stream, peer, credentials, offer, patience).await
}

/// [`handshake`] with a certificate of one kind asked for.
pub async fn handshake_requesting(
    requested: RequestedKey,
    stream: TcpStream,
    peer: SocketAddr,
    credentials: &Credentials,
    offer: &Offer,
    patience: Duration,
) -> Result<Handshake, Fault> {
    // A resumed session shows no certificate; every handshake here is a full one.
    let client = ObservingClient::new(requested, credentials, offer, Resumption::disabled(), peer)?;
    client.handshake(stream, patience).await
}

/// A client that can make a handshake with one server more than once.
#[derive(Debug)]
pub(super) struct ObservingClient {
    config: Arc<ClientConfig>,
    log: HandshakeLog,
    name: ServerName<'static>,
    has_client_certificate: bool,
    peer: SocketAddr,
}

impl ObservingClient {
    pub(super) fn new(
        requested: RequestedKey,
        credentials: &Credentials,
        offer: &Offer,
        resumption: Resumption,
        peer: SocketAddr,
    ) -> Result<Self, Fault> {
        let log = HandshakeLog::default();
        let mut config = observing(requested, credentials, offer, &log, peer)?;
        config.resumption = resumption;
        let has_client_certificate = credentials.has_client_certificate();
        Ok(Self { config: Arc::new(config), log, name: offer.server_name(), has_client_certificate, peer })
    }

    /// See [`handshake`].
    pub(super) async fn handshake(&self, stream: TcpStream, patience: Duration) -> Result<Handshake, Fault> {
        let connector = TlsConnector::from(self.config.clone());
        // Making the ClientHello costs key generation, and tens of milliseconds the first time a thread needs randomness.
        // That is this side's own work, so the clock starts after it, when the first byte is about to leave.
        let (stream, received) = CountingStream::new(stream);
        let handshake = connector.connect(self.name.clone(), stream);
        let start = Instant::now();
        let outcome = deadline::within(patience, handshake).await;
        let elapsed = start.elapsed();
        let (end, session) = match outcome {
            Err(_) => (HandshakeEnd::Timeout, None),
            Ok(Err(error)) => {
                let seen = match (self.log.before_certificate(), received.server_hello()) {
                    (false, _) => HandshakeProgress::Certificate,
                    (true, true) => HandshakeProgress::ServerHello,
                    (true, false) => HandshakeProgress::Nothing,
                };
                (HandshakeEnd::classify(&error, seen, self.peer)?, None)
            }
            Ok(Ok(stream)) => {
                let session = session(stream.get_ref().1);
                (HandshakeEnd::Completed(Box::new(stream)), Some(session))
            }
        };
        let received = received.count();
        Ok(Handshake::from_log(end, elapsed, session, received, &self.log, self.has_client_certificate, self.peer))
    }
}

fn session(connection: &ClientConnection) -> Session {
    Session {
        version: connection.protocol_version().and_then(iana_names::version),
        cipher: connection.negotiated_cipher_suite().map(|suite| iana_names::cipher_suite(suite.suite())),
        group: connection.negotiated_key_exchange_group().map(|group| iana_names::group(group.name())),
        alpn: connection.alpn_protocol().map(crate::net::bytes::readable),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}
