//! Configurations of clients: what they offer, and how they verify.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, ProtocolVersion, SupportedProtocolVersion};

use super::error_words::{ClassifiedError, sort};
use super::handshake_log::{ClientCertResolver, HandshakeLog, ObservingVerifier};
use super::key_kind::RequestedKey;
use super::trust::Credentials;
use super::verifier::{TrustCheck, Verifier};
use crate::model::Fault;

/// An offer to a server, and the name to verify.
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

impl Offer {
    /// The name the TLS layer is given; without SNI it is sent to nobody.
    pub(super) fn server_name(&self) -> ServerName<'static> {
        self.sni.clone().unwrap_or_else(|| self.verify_name.clone())
    }

    /// Protocols and SNI of this offer.
    pub(super) fn apply(&self, mut config: ClientConfig) -> ClientConfig {
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.enable_sni = self.sni.is_some();
        config
    }
}

/// A host as the TLS layer names it; `None` when it is neither a DNS name nor an address.
#[must_use]
pub fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).ok()
}

/// A client that looks before it trusts, and writes into `log` what it sees. Its sessions are the caller's matter.
pub(in crate::proto) fn observing(
    requested: RequestedKey,
    credentials: &Credentials,
    offer: &Offer,
    log: &HandshakeLog,
    peer: SocketAddr,
) -> Result<ClientConfig, Fault> {
    let provider = requested.provider();
    let algorithms = provider.signature_verification_algorithms;
    let check = Arc::new(TrustCheck::new(credentials.roots.clone(), offer.verify_name.clone()));
    let verifier = Verifier::new(algorithms, requested.schemes(), ObservingVerifier { check, log: log.clone() });
    let resolver = ClientCertResolver { key: credentials.client.clone(), log: log.clone() };
    let versions = requested.versions(&offer.versions);
    let builder = builder(provider, &versions, Arc::new(verifier), peer)?;
    Ok(offer.apply(builder.with_client_cert_resolver(Arc::new(resolver))))
}

/// The part of a client that every way of verifying shares.
pub(super) fn builder(
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    verifier: Arc<dyn ServerCertVerifier>,
    peer: SocketAddr,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Fault> {
    let versions = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let versions = versions.map_err(|error| {
        let (ClassifiedError::Alert(why)
        | ClassifiedError::Garbled(why)
        | ClassifiedError::Broken(why)
        | ClassifiedError::TooLarge(why)
        | ClassifiedError::Ours(why, _)) = sort(&error);
        Fault::local("build the TLS client", peer.to_string(), why, "offer TLS1.2, TLS1.3 or both")
    })?;
    Ok(versions.dangerous().with_custom_certificate_verifier(verifier))
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
    use super::versions;

    #[test]
    fn versions_are_a_closed_range() {
        assert_eq!(versions(None, None).len(), 2);
        assert_eq!(versions(Some("TLS1.3"), None), [&rustls::version::TLS13]);
        assert_eq!(versions(None, Some("TLS1.2")), [&rustls::version::TLS12]);
        assert!(versions(Some("TLS1.3"), Some("TLS1.2")).is_empty());
    }
}
