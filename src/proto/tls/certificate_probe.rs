//! Which certificates a TLS 1.3 server shows to a client that takes only one class of keys.
//!
//! In TLS 1.3 certificates are encrypted, so a real handshake is begun, and given up as soon as the chain is seen: nothing is
//! verified, and nothing of it may be trusted.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client_config::{Offer, builder};
use super::error_words::{ClassifiedError, sort};
use super::hello::{Alert, HelloAnswer};
use super::validation::ValidationError;
use super::verifier::{Policy, PresentedChain, Verifier};
use super::{HANDSHAKE, provider, unit_key};
use crate::model::Fault;
use crate::net::dial::ConnectError;
use crate::net::{Origin, deadline};

/// Classes of keys a certificate may be for, as signature schemes of TLS 1.3 tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyClass {
    /// ECDSA on any curve.
    Ecdsa,
    /// RSA, for either kind of PSS.
    Rsa,
    /// Ed25519 and Ed448.
    Edwards,
    /// ML-DSA.
    MlDsa,
}

impl KeyClass {
    /// All, the most used first.
    pub const ALL: [Self; 4] = [Self::Ecdsa, Self::Rsa, Self::Edwards, Self::MlDsa];

    /// For people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ecdsa => "ECDSA",
            Self::Rsa => "RSA",
            Self::Edwards => "Ed25519 or Ed448",
            Self::MlDsa => "ML-DSA",
        }
    }

    /// Numbers of the signature schemes such keys can be used with in TLS 1.3.
    const fn schemes(self) -> &'static [u16] {
        match self {
            Self::Ecdsa => &[0x0403, 0x0503, 0x0603, 0x081a, 0x081b, 0x081c],
            Self::Rsa => &[0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b],
            Self::Edwards => &[0x0807, 0x0808],
            Self::MlDsa => &[0x0904, 0x0905, 0x0906],
        }
    }
}

/// Numbers of the groups and suites this client can make a handshake with; a server without any of them cannot be asked.
pub const GROUPS: &[u16] =
    &[0x001d, 0x0017, 0x0018, 0x11ec, 0x11eb, 0x0201, 0x0202, 0x001e, 0x0019, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104];
/// See [`GROUPS`].
pub const SUITES: &[u16] = &[0x1301, 0x1302, 0x1303];

/// The chain shown for `keys`, leaf first, or what was answered instead. `Err` is a fault of this side.
pub async fn probe(
    stream: TcpStream,
    peer: SocketAddr,
    sni: Option<&str>,
    keys: KeyClass,
    patience: Duration,
) -> Result<Result<Vec<Vec<u8>>, HelloAnswer>, Fault> {
    let capture = Capture::default();
    let name = sni.and_then(super::server_name).unwrap_or_else(|| ServerName::IpAddress(peer.ip().into()));
    let mut config = config(keys.schemes().to_vec(), capture.clone(), peer)?;
    config.enable_sni = sni.is_some();
    let connector = TlsConnector::from(Arc::new(config));
    let outcome = deadline::within(patience, connector.connect(name, stream)).await;
    let chain = std::mem::take(&mut *capture.open());
    if !chain.is_empty() {
        return Ok(Ok(chain));
    }
    match outcome {
        Err(_) => Ok(Err(HelloAnswer::Timeout)),
        Ok(Ok(_)) => Ok(Err(HelloAnswer::NotTls("a handshake without a certificate".to_owned()))),
        Ok(Err(error)) => answer(&error, peer).map(Err),
    }
}

/// A client that offers every group and kind of key there is, and gives up as soon as it sees a certificate: with it, a
/// server that refused all that this program can use shows whether it would take more. For transports of TLS 1.3.
pub(in crate::proto) fn widest(offer: &Offer, peer: SocketAddr) -> Result<(ClientConfig, CertificateSeen), Fault> {
    let capture = Capture::default();
    let schemes = KeyClass::ALL.iter().flat_map(|keys| keys.schemes()).copied().collect();
    let config = offer.apply(config(schemes, capture.clone(), peer)?);
    Ok((config, CertificateSeen(capture)))
}

/// Whether a certificate was seen.
#[derive(Debug)]
pub(in crate::proto) struct CertificateSeen(Capture);

impl CertificateSeen {
    pub(in crate::proto) fn of_certificate(&self) -> bool {
        !self.0.open().is_empty()
    }
}

fn config(schemes: Vec<u16>, capture: Capture, peer: SocketAddr) -> Result<ClientConfig, Fault> {
    let mut groups: Vec<&'static dyn SupportedKxGroup> = vec![
        kx_group::X25519,
        kx_group::SECP256R1,
        kx_group::SECP384R1,
        kx_group::X25519MLKEM768,
        kx_group::SECP256R1MLKEM768,
        kx_group::MLKEM768,
        kx_group::MLKEM1024,
    ];
    groups.extend(unit_key::GROUPS.iter().map(|group| group as &dyn SupportedKxGroup));
    let provider = CryptoProvider { kx_groups: groups, ..(*provider()).clone() };
    let schemes = schemes.into_iter().map(SignatureScheme::from).collect();
    let verifier = Verifier::new(provider.signature_verification_algorithms, Some(schemes), capture);
    let builder = builder(Arc::new(provider), &[&rustls::version::TLS13], Arc::new(verifier), peer)?;
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn answer(error: &io::Error, peer: SocketAddr) -> Result<HelloAnswer, Fault> {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return Ok(match (tls, sort(tls)) {
            (Error::AlertReceived(alert), _) => HelloAnswer::Alert(Alert(u8::from(*alert))),
            (
                _,
                ClassifiedError::Alert(why)
                | ClassifiedError::Garbled(why)
                | ClassifiedError::Broken(why)
                | ClassifiedError::TooLarge(why)
                | ClassifiedError::Ours(why, _),
            ) => HelloAnswer::NotTls(why),
        });
    }
    if error.raw_os_error().is_none() {
        return Ok(HelloAnswer::Closed);
    }
    Ok(match ConnectError::classify(error, HANDSHAKE, peer, Origin::default())? {
        ConnectError::Timeout => HelloAnswer::Timeout,
        ConnectError::Reset | ConnectError::Refused | ConnectError::RefusedBy(_) => HelloAnswer::Reset,
        other @ ConnectError::Unreachable(_) => HelloAnswer::Unconnected(other),
    })
}

/// Keeps the chain and ends the handshake.
#[derive(Clone, Debug, Default)]
struct Capture(Arc<Mutex<Vec<Vec<u8>>>>);

impl Capture {
    fn open(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy for Capture {
    fn certificates(&self, presented: &PresentedChain<'_>) -> Result<(), Error> {
        *self.open() = presented.chain().map(|der| der.to_vec()).collect();
        Err(Error::General("the chain is known".to_owned()))
    }

    fn key_proof(&self, _: Result<(), ValidationError>) -> Result<(), Error> {
        Err(Error::General("nothing is trusted here".to_owned()))
    }
}
