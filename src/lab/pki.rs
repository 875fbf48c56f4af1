//! The lab's own authority and the certificates it issues: a good one, an expired one, one for another name.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::model::Fault;
use crate::proto::tls::provider;

/// Name the good certificate is for, beside `localhost` and 127.0.0.1.
pub const NAME: &str = "www.shakedown.test";
/// Name of the certificate that fits nothing in the lab.
pub const OTHER_NAME: &str = "other.shakedown.test";

const DAY: i64 = 86_400;

/// A certificate chain and its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    chain_pem: String,
    key_pem: String,
}

/// The authority and what it issued.
#[derive(Debug)]
pub struct Pki {
    ca_pem: String,
    /// For `localhost`, 127.0.0.1 and [`NAME`]; valid.
    pub good: Identity,
    /// For the same names; expired a month ago.
    pub expired: Identity,
    /// Valid, but for [`OTHER_NAME`] only.
    pub wrong_name: Identity,
}

impl Pki {
    /// A new authority with new keys.
    pub fn new() -> Result<Self, Fault> {
        Self::issue().map_err(|error| {
            Fault::local("issue the lab's certificates", "", error.to_string(), "check this machine's clock")
        })
    }

    fn issue() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "shakedown lab CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params, -365, 365);
        let ca = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let here = ["localhost", NAME];
        Ok(Self {
            ca_pem: ca.pem(),
            good: leaf(&issuer, &ca, &here, -1, 90)?,
            expired: leaf(&issuer, &ca, &here, -120, -30)?,
            wrong_name: leaf(&issuer, &ca, &[OTHER_NAME], -1, 90)?,
        })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes the authority's certificate, for `ca_file`.
    pub async fn write_ca(&self, path: &Path) -> Result<(), Fault> {
        tokio::fs::write(path, &self.ca_pem).await.map_err(|error| {
            Fault::local("write the lab's CA", path.display().to_string(), error.to_string(), "name a writable file")
        })
    }
}

impl Identity {
    /// Chain as PEM, leaf first.
    #[must_use]
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// Private key as PEM.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A TLS server that shows this certificate and speaks `alpn`.
    pub fn server(&self, alpn: &[&str]) -> Result<Arc<ServerConfig>, Fault> {
        let config =
            ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(self.chain.clone(), self.key.clone_key())
            });
        let mut config = config.map_err(|error| {
            Fault::local("build the lab's TLS server", "", error.to_string(), "report this as a defect of shakedown")
        })?;
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }
}

fn leaf(
    issuer: &Issuer<'_, KeyPair>,
    ca: &Certificate,
    names: &[&str],
    from: i64,
    until: i64,
) -> Result<Identity, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    if names.contains(&"localhost") {
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    params.distinguished_name.push(DnType::CommonName, names.last().copied().unwrap_or_default());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    validity(&mut params, from, until);
    let certificate = params.signed_by(&key, issuer)?;
    Ok(Identity {
        chain: vec![certificate.der().clone(), ca.der().clone()],
        chain_pem: certificate.pem() + &ca.pem(),
        key_pem: key.serialize_pem(),
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    })
}

/// Valid between two days counted from today.
fn validity(params: &mut CertificateParams, from: i64, until: i64) {
    let day = |offset: i64| {
        let when = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(offset * DAY);
        let date = when.to_zoned(jiff::tz::TimeZone::UTC).date();
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(from);
    params.not_after = day(until);
}
