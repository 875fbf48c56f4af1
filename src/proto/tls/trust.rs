//! Whom to trust, and as whom to appear: root stores and the client certificate, loaded once, outside anything timed.

use std::sync::{Arc, LazyLock};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

use super::authority::Authorities;
use super::{Issuer, provider};
use crate::model::shell::{self, command};
use crate::model::{Fault, Text};

/// Most bytes read of a PEM file; the largest public bundles have 300 KiB.
const MOST: u64 = 16 * 1024 * 1024;

/// Whose certificates are believed.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Mozilla's, built into this program.
    Webpki,
    /// This machine's store.
    System,
    /// A PEM file.
    File(Text),
}

/// Roots and a client certificate by name. Files are read at the first use, so that a plan can be printed where they are
/// not.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: Roots,
    client: Option<(Text, Text)>,
    credentials: OnceCell<Credentials>,
}

/// Roots and client certificate, ready for use.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub(super) roots: Arc<Authorities>,
    pub(super) client: Option<Arc<CertifiedKey>>,
}

impl Credentials {
    /// The path a client verifies from the leaf of `chain` at `now`, names aside; `None` when there is none.
    #[must_use]
    pub fn path(&self, chain: &[CertificateDer<'_>], now: i64) -> Option<super::Path> {
        self.roots.path(chain, now)
    }

    /// The same, beside the path of signatures alone.
    #[must_use]
    pub fn paths(&self, chain: &[CertificateDer<'_>], now: i64) -> super::Paths {
        self.roots.paths(chain, now)
    }

    /// Whether an authority has this name (DER of Name).
    #[must_use]
    pub fn names(&self, name: &[u8]) -> bool {
        self.roots.named(name)
    }

    /// There is a client certificate to show.
    #[must_use]
    pub const fn has_client_certificate(&self) -> bool {
        self.client.is_some()
    }

    /// The same without the client certificate.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { roots: self.roots.clone(), client: None }
    }
}

/// Wakes the source of randomness. Its first use may take tens of milliseconds of the thread that comes first, where the build
/// takes entropy from the jitter of the processor: it would look like a slow server.
pub fn draw_randomness() -> Result<(), Fault> {
    provider().secure_random.fill(&mut [0]).map_err(|_| {
        Fault::local("gather randomness for TLS", "", "the system gives none", "check this machine's entropy source")
    })
}

impl Trust {
    /// Nothing is read yet. The client certificate and its key are the paths of two PEM files.
    #[must_use]
    pub fn new(roots: Roots, client: Option<(Text, Text)>) -> Self {
        Self { roots, client, credentials: OnceCell::new() }
    }

    /// Reads the files; what was read is kept, a failure is not.
    pub async fn load(&self) -> Result<&Credentials, Fault> {
        draw_randomness()?;
        let load = async || {
            let client = match &self.client {
                Some((certificate, key)) => Some(Arc::new(client(certificate, key).await?)),
                None => None,
            };
            Ok(Credentials { roots: self.roots().await?, client })
        };
        self.credentials.get_or_try_init(load).await
    }

    async fn roots(&self) -> Result<Arc<Authorities>, Fault> {
        static WEBPKI: LazyLock<Arc<Authorities>> =
            LazyLock::new(|| Arc::new(Authorities::undated(webpki_roots::TLS_SERVER_ROOTS)));
        static SYSTEM: OnceCell<Arc<Authorities>> = OnceCell::const_new();
        match &self.roots {
            Roots::Webpki => Ok(WEBPKI.clone()),
            Roots::System => SYSTEM.get_or_try_init(system).await.cloned(),
            Roots::File(path) => ca_file(path).await.map(Arc::new),
        }
    }
}

async fn system() -> Result<Arc<Authorities>, Fault> {
    let operation = "read the system's trust store";
    let remedy = "install the package ca-certificates, or write `roots: webpki` or `ca_file`";
    // The store is a directory of many files; reading it must not hold up the other checks.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| Fault::local(operation, "", error.to_string(), remedy))?;
    let mut store = Authorities::from("the system's trust store");
    let added = found.certs.into_iter().filter_map(|certificate| store.add(certificate).ok()).count();
    if added == 0 {
        let why = found.errors.first().map_or_else(|| "it is empty".to_owned(), ToString::to_string);
        return Err(Fault::local(operation, "", why, remedy));
    }
    Ok(Arc::new(store))
}

async fn ca_file(path: &Text) -> Result<Authorities, Fault> {
    let operation = "load ca_file";
    let mut store = Authorities::from("ca_file");
    for (at, certificate) in certificates(path, operation).await?.into_iter().enumerate() {
        store.add(certificate).map_err(|_| {
            let detail = format!("certificate {} in it cannot be read as an authority's", at + 1);
            broken(operation, path, detail, format!("check it with {}", openssl(path, "x509 -noout -text")))
        })?;
    }
    Ok(store)
}

async fn client(certificate: &Text, key: &Text) -> Result<CertifiedKey, Fault> {
    let chain = certificates(certificate, "load client_cert").await?;
    let operation = "load client_key";
    let pem = read(key, operation).await?;
    let parsed = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        let plain = shell::word(&format!("{}.plain", key.shown()));
        let remedy = format!("write an unencrypted PEM key: {}", openssl(key, &format!("pkey -out {plain}")));
        broken(operation, key, pem_words(&error), remedy)
    })?;
    let signing = provider().key_provider.load_private_key(parsed).map_err(|_| {
        let detail = "this program cannot sign with such a key: it takes RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521, and Ed25519";
        broken(operation, key, detail.to_owned(), "use a client certificate with another kind of key")
    })?;
    let leaf = chain.first().map(CertificateDer::as_ref).unwrap_or_default();
    let Some(issued) = Issuer::of(leaf) else {
        let remedy = format!("check it with {}", openssl(certificate, "x509 -noout -text"));
        return Err(broken("load client_cert", certificate, "it holds no X.509 certificate".to_owned(), remedy));
    };
    // Keys that do not tell their public half are believed.
    if signing.public_key().is_some_and(|public| public.as_ref() != issued.spki) {
        let detail = format!("it is not the key of the certificate in {certificate}: their public keys differ");
        let remedy =
            "name the key that the certificate was made for; of a chain the client's own certificate comes first";
        return Err(broken(operation, key, detail, remedy));
    }
    Ok(CertifiedKey::new(chain, signing))
}

async fn certificates(path: &Text, operation: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let pem = read(path, operation).await?;
    let remedy = format!(
        "write PEM: -----BEGIN CERTIFICATE----- (of DER, this prints it: {})",
        openssl(path, "x509 -inform DER")
    );
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| broken(operation, path, pem_words(&error), remedy.clone()))?;
    if found.is_empty() {
        return Err(broken(operation, path, "no certificate in it".to_owned(), remedy));
    }
    Ok(found)
}

async fn read(path: &Text, operation: &str) -> Result<Vec<u8>, Fault> {
    let remedy =
        "check its permissions, and the path, which is relative to the file that names it or to the working directory";
    let fault = |error: std::io::Error| broken(operation, path, error.to_string(), remedy);
    let file = tokio::fs::File::open(path).await.map_err(fault)?;
    let mut content = Vec::new();
    file.take(MOST + 1).read_to_end(&mut content).await.map_err(fault)?;
    if content.len() as u64 > MOST {
        return Err(broken(operation, path, format!("more than {MOST} bytes"), "name a PEM file"));
    }
    Ok(content)
}

/// The library's own texts show bytes as lists of numbers.
fn pem_words(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            let kind = String::from_utf8_lossy(end_marker);
            format!("it is cut off: no `-----END {kind}-----` comes any more")
        }
        pem::Error::IllegalSectionStart { .. } => "a line that begins like -----BEGIN does not end like it".to_owned(),
        pem::Error::Base64Decode(why) => format!("what stands between its marks is no base64: {why}"),
        pem::Error::Io(why) => why.to_string(),
        pem::Error::NoItemsFound => "it has no section of the kind that is looked for".to_owned(),
        pem::Error::SectionTooLarge => "a section of it is too large".to_owned(),
        _ => "it is no PEM that can be read".to_owned(),
    }
}

/// A command of openssl that reads a file.
fn openssl(path: &Text, rest: &str) -> String {
    let (program, options) = rest.split_once(' ').unwrap_or((rest, ""));
    let line = format!("openssl {program} -in {} {options}", shell::word(path.shown()));
    command(line.trim_end())
}

fn broken(operation: &str, path: &Text, detail: String, remedy: impl Into<String>) -> Fault {
    Fault::local(operation, path.to_string(), detail, remedy)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::Error;

    use super::{Roots, Trust, pem_words};
    use crate::model::Text;
    use crate::testing::is_plain;

    #[test]
    fn no_error_of_pem_is_told_in_bytes() {
        let all = [
            Error::MissingSectionEnd { end_marker: b"CERTIFICATE".to_vec() },
            Error::IllegalSectionStart { line: b"-----BEGIN CERTIFICATE".to_vec() },
            Error::Base64Decode("invalid length".to_owned()),
            Error::Io(std::io::Error::other("gone")),
            Error::NoItemsFound,
            Error::SectionTooLarge,
        ];
        for error in all {
            assert!(is_plain(&pem_words(&error)), "{error:?}: {}", pem_words(&error));
        }
    }

    /// A file that was copied in part.
    #[tokio::test]
    async fn a_file_that_is_cut_off_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap();
        let trust = Trust::new(Roots::File(Text::from(path.to_str().unwrap())), None);
        let fault = trust.load().await.unwrap_err();
        assert_eq!(fault.detail, "it is cut off: no `-----END CERTIFICATE-----` comes any more");
    }
}
