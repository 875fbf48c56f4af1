//! One full handshake over a connection that is already there.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::certificate::{Certificate, distinguished_name};
use super::counted::Counted;
use super::ending::{End, end_of};
use super::kind::Asked;
use super::recorder::{Appearance, Notebook, Recorder, Seen};
use super::trust::Loaded;
use super::words;
use crate::model::Fault;

/// The connection after the handshake.
pub type TlsStream = tokio_rustls::client::TlsStream<Counted>;

/// What to offer, and what to verify.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Name sent as SNI; `None` sends none.
    pub sni: Option<ServerName<'static>>,
    /// Name or address the certificate must be for.
    pub verify_name: ServerName<'static>,
    /// Application protocols, most wanted first.
    pub alpn: Vec<String>,
    /// Versions offered.
    pub versions: Vec<&'static SupportedProtocolVersion>,
}

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
    pub end: End<S>,
    /// From the first byte sent to the end.
    pub elapsed: Duration,
    /// As served, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why the certificate must not be trusted, if it was looked at and must not.
    pub verify_error: Option<String>,
    /// The session, when the handshake completed.
    pub session: Option<Session>,
    /// The server asked for a client certificate.
    pub asked_for_certificate: bool,
    /// OCSP response stapled to the handshake (RFC 6066, 8); every handshake asks for one.
    pub staple: Option<Vec<u8>>,
    /// Whose certificates it accepts, as far as it said so.
    pub authorities: Vec<String>,
    heard: u64,
    trusted: bool,
    /// This side had a certificate to show.
    known: bool,
    /// Whether the server spoke after the handshake, so that a late refusal is not to be feared any more.
    settled: bool,
    peer: SocketAddr,
}

impl<S> Handshake<S> {
    /// Put together from how it ended and what was noted on the way; `heard` is what the server said in all, in bytes;
    /// `known` says that this side had a certificate to show.
    pub(in crate::proto) fn noted(
        end: End<S>,
        elapsed: Duration,
        session: Option<Session>,
        heard: u64,
        notebook: &Notebook,
        known: bool,
        peer: SocketAddr,
    ) -> Self {
        let asked_for_certificate = notebook.asked();
        let seen = notebook.take();
        let (trusted, verify_error) = judgement(&seen);
        let chain = seen.chain;
        let staple = Some(seen.staple).filter(|staple| !staple.is_empty());
        let authorities = seen.authorities.iter().map(|der| distinguished_name(der)).collect();
        Self {
            end,
            elapsed,
            chain,
            verify_error,
            session,
            asked_for_certificate,
            staple,
            authorities,
            heard,
            trusted,
            known,
            settled: false,
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
        (self.trusted && matches!(self.end, End::Done(_))).then_some(true)
    }

    /// The last thing that happened, for the evidence of an early end; `None` when the server said nothing at all.
    #[must_use]
    pub fn reached(&self) -> Option<String> {
        match (&self.session, self.chain.is_empty(), self.heard) {
            (Some(_), ..) => Some("the handshake".to_owned()),
            (None, false, _) => Some("the server's certificate".to_owned()),
            (None, true, 0) => None,
            (None, true, heard) => Some(format!("{heard} bytes from the server, before its certificate")),
        }
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
    pub async fn hear_late_refusal(&mut self, patience: Duration) -> Result<(), Fault> {
        let End::Done(stream) = &mut self.end else {
            return Ok(());
        };
        let late = self.session.as_ref().is_some_and(|session| session.version == Some("TLS1.3"));
        if !late || !self.asked_for_certificate {
            return Ok(());
        }
        match tokio::time::timeout(patience, first_word(stream)).await {
            Ok(Ok(())) => self.settled = true,
            Err(_) => {}
            Ok(Err(error)) => self.end = end_of(&error, false, self.peer)?,
        }
        Ok(())
    }

    /// After a silence in [`Self::hear_late_refusal`]: says goodbye. A server answers in order, so it refuses before it
    /// answers that, and one that hangs up without a refusal was content. `patience` bounds the wait.
    pub async fn say_goodbye(&mut self, patience: Duration) -> Result<(), Fault> {
        let End::Done(stream) = &mut self.end else {
            return Ok(());
        };
        let leaving = async {
            stream.shutdown().await?;
            first_word(stream).await
        };
        match tokio::time::timeout(patience, leaving).await {
            Err(_) => {}
            Ok(Ok(())) => self.settled = true,
            // Hanging up in return is good manners enough, and no refusal.
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => self.settled = true,
            Ok(Err(error)) => self.end = end_of(&error, false, self.peer)?,
        }
        Ok(())
    }

    /// Waits in TLS 1.3 until the server has handed out a session ticket, has spoken, or `patience` is over. Earlier versions
    /// hand out theirs within the handshake.
    pub async fn hear_ticket(&mut self, patience: Duration) -> Result<(), Fault> {
        let End::Done(stream) = &mut self.end else {
            return Ok(());
        };
        if self.session.as_ref().is_some_and(|session| session.version == Some("TLS1.3"))
            && let Ok(Err(error)) = tokio::time::timeout(patience, first_word(stream)).await
        {
            self.end = end_of(&error, false, self.peer)?;
        }
        Ok(())
    }

    /// What the server wants of clients: `none`, `optional` or `required`; absent when this handshake cannot tell, because it
    /// showed a certificate, ended for another reason, or was not heard to its end.
    #[must_use]
    pub fn client_certificate(&self) -> Option<&'static str> {
        match &self.end {
            End::Done(_) if !self.asked_for_certificate => Some("none"),
            _ if self.known || !self.asked_for_certificate => None,
            End::Done(_) => {
                let late = self.session.as_ref().is_some_and(|session| session.version == Some("TLS1.3"));
                (!late || self.settled).then_some("optional")
            }
            End::Alert(alert) if REFUSALS.contains(&alert.as_str()) => Some("required"),
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

/// Waits for a ticket, data or a proper goodbye, none of which is a refusal; a hang-up without goodbye is an error.
pub(super) async fn first_word<S>(stream: &mut tokio_rustls::client::TlsStream<S>) -> io::Result<()>
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

/// A host as the TLS layer names it; `None` when it is neither a DNS name nor an address.
#[must_use]
pub fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).ok()
}

/// Shakes hands over `stream`, waiting at most `patience` for the whole. `Err` is a fault of this side.
pub async fn handshake(
    stream: TcpStream,
    peer: SocketAddr,
    loaded: &Loaded,
    offer: &Offer,
    patience: Duration,
) -> Result<Handshake, Fault> {
    handshake_asking(Asked::Any, stream, peer, loaded, offer, patience).await
}

/// [`handshake`] with a certificate of one kind asked for.
pub async fn handshake_asking(
    asked: Asked,
    stream: TcpStream,
    peer: SocketAddr,
    loaded: &Loaded,
    offer: &Offer,
    patience: Duration,
) -> Result<Handshake, Fault> {
    let notebook = Notebook::default();
    let mut config = config(asked, loaded, offer, &notebook, peer)?;
    // A resumed session shows no certificate; every handshake here is a full one.
    config.resumption = Resumption::disabled();
    let name = offer.named();
    shake(stream, Way { peer, known: loaded.client.is_some(), name }, Arc::new(config), &notebook, patience).await
}

/// With whom, and whether this side has a certificate to show.
pub(super) struct Way {
    pub(super) peer: SocketAddr,
    pub(super) known: bool,
    pub(super) name: ServerName<'static>,
}

/// [`handshake`] with a configuration of [`config`] that writes into `notebook`.
pub(super) async fn shake(
    stream: TcpStream,
    way: Way,
    config: Arc<ClientConfig>,
    notebook: &Notebook,
    patience: Duration,
) -> Result<Handshake, Fault> {
    let Way { peer, known, name } = way;
    let connector = TlsConnector::from(config);
    // Making the ClientHello costs key generation, and tens of milliseconds the first time a thread needs randomness.
    // That is this side's own work, so the clock starts after it, when the first byte is about to leave.
    let (stream, heard) = Counted::new(stream);
    let shaking = connector.connect(name, stream);
    let start = Instant::now();
    let outcome = tokio::time::timeout(patience, shaking).await;
    let elapsed = start.elapsed();
    let (end, session) = match outcome {
        Err(_) => (End::Timeout, None),
        Ok(Err(error)) => (end_of(&error, notebook.before_certificate(), peer)?, None),
        Ok(Ok(stream)) => {
            let session = session(stream.get_ref().1);
            (End::Done(Box::new(stream)), Some(session))
        }
    };
    let heard = heard.load(Ordering::Relaxed);
    Ok(Handshake::noted(end, elapsed, session, heard, notebook, known, peer))
}

/// A client that looks before it trusts, and writes into `notebook` what it sees. Its sessions are the caller's matter.
pub(in crate::proto) fn config(
    asked: Asked,
    loaded: &Loaded,
    offer: &Offer,
    notebook: &Notebook,
    peer: SocketAddr,
) -> Result<ClientConfig, Fault> {
    let provider = asked.provider();
    let recorder = Recorder {
        roots: loaded.roots.clone(),
        algorithms: provider.signature_verification_algorithms,
        name: offer.verify_name.clone(),
        schemes: asked.schemes(),
        notebook: notebook.clone(),
    };
    let appearance = Appearance { key: loaded.client.clone(), notebook: notebook.clone() };
    let versions = asked.versions(&offer.versions);
    let client = client(asked.provider(), &versions, Arc::new(recorder), peer)?;
    Ok(offer.finish(client.with_client_cert_resolver(Arc::new(appearance))))
}

/// The part of a client that every way of verifying shares.
pub(super) fn client(
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    verifier: Arc<dyn ServerCertVerifier>,
    peer: SocketAddr,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Fault> {
    let versions = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let versions = versions.map_err(|error| {
        Fault::local("build the TLS client", peer.to_string(), error.to_string(), "offer TLS1.2, TLS1.3 or both")
    })?;
    Ok(versions.dangerous().with_custom_certificate_verifier(verifier))
}

impl Offer {
    /// The name the TLS layer is given; without SNI it is sent to nobody.
    pub(super) fn named(&self) -> ServerName<'static> {
        self.sni.clone().unwrap_or_else(|| self.verify_name.clone())
    }

    /// Protocols and SNI of this offer.
    pub(super) fn finish(&self, mut config: ClientConfig) -> ClientConfig {
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.enable_sni = self.sni.is_some();
        config
    }
}

fn session(connection: &ClientConnection) -> Session {
    Session {
        version: connection.protocol_version().and_then(words::version),
        cipher: connection.negotiated_cipher_suite().map(|suite| words::cipher(suite.suite())),
        group: connection.negotiated_key_exchange_group().map(|group| words::group(group.name())),
        alpn: connection.alpn_protocol().map(crate::net::bytes::readable),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}

/// Trusted needs both a path with the name and a proven key; an error of either is enough to distrust.
fn judgement(seen: &Seen) -> (bool, Option<String>) {
    let errors: Vec<&str> = [&seen.trust, &seen.signature]
        .into_iter()
        .filter_map(|r| r.as_ref()?.as_ref().err())
        .map(String::as_str)
        .collect();
    let trusted = matches!((&seen.trust, &seen.signature), (Some(Ok(())), Some(Ok(()))));
    (trusted, (!errors.is_empty()).then(|| errors.join("; ")))
}

/// The versions between two words of the field (`TLS1.2`, `TLS1.3`), both included; empty when they are crossed.
#[must_use]
pub fn versions(min: Option<&str>, max: Option<&str>) -> Vec<&'static SupportedProtocolVersion> {
    let order = |version: &SupportedProtocolVersion| u8::from(version.version == ProtocolVersion::TLSv1_3);
    let rank = |word: Option<&str>, open: u8| word.map_or(open, |word| u8::from(word == "TLS1.3"));
    let (low, high) = (rank(min, 0), rank(max, 1));
    rustls::ALL_VERSIONS.iter().copied().filter(|version| (low..=high).contains(&order(version))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Seen, judgement, versions};

    #[test]
    fn trust_needs_both_the_path_and_the_key() {
        let seen = |trust, signature| Seen { trust, signature, ..Seen::default() };
        let bad = || Some(Err("bad".to_owned()));
        assert_eq!(judgement(&seen(Some(Ok(())), Some(Ok(())))), (true, None));
        assert_eq!(judgement(&seen(Some(Ok(())), None)), (false, None));
        assert_eq!(judgement(&seen(None, Some(Ok(())))), (false, None));
        assert_eq!(judgement(&seen(Some(Ok(())), bad())), (false, Some("bad".to_owned())));
        assert_eq!(judgement(&seen(bad(), bad())), (false, Some("bad; bad".to_owned())));
    }

    #[test]
    fn versions_are_a_closed_range() {
        assert_eq!(versions(None, None).len(), 2);
        assert_eq!(versions(Some("TLS1.3"), None), [&rustls::version::TLS13]);
        assert_eq!(versions(None, Some("TLS1.2")), [&rustls::version::TLS12]);
        assert!(versions(Some("TLS1.3"), Some("TLS1.2")).is_empty());
    }
}
