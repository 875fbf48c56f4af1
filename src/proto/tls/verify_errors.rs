//! Why a certificate or a proof of its key does not verify, in plain words.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};

use super::certificate::{Certificate, rfc3339};
use super::iana_names::snake_case;

/// Names listed in a message.
const NAMES: usize = 20;

/// Why a path or name does not verify.
pub(super) fn certificate_error(error: &Error, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> String {
    let Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            let whose = whose(leaf, others, |certificate| certificate.not_after, *not_after);
            format!("{whose}expired since {}", date(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let whose = whose(leaf, others, |certificate| certificate.not_before, *not_before);
            format!("{whose}not valid before {}", date(*not_before))
        }
        CertificateError::NotValidForNameContext { expected, .. } => {
            let names = Certificate::parse(leaf).map(|certificate| certificate.san).unwrap_or_default();
            format!("not valid for name {} ({})", expected.to_str(), listed(&names))
        }
        CertificateError::UnknownIssuer => {
            let issuer = others.last().unwrap_or(leaf);
            let issuer = Certificate::parse(issuer).map(|certificate| certificate.issuer).unwrap_or_default();
            format!("unknown issuer: no trusted root for the served chain, which ends at {issuer:?}")
        }
        CertificateError::BadSignature => "a signature in the chain is not by the key of its issuer".to_owned(),
        CertificateError::BadEncoding => "the certificate is not correctly encoded".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "not for servers: the extended key usage lacks serverAuth".to_owned()
        }
        CertificateError::Other(other) if other.0.to_string().contains("CaUsedAsEndEntity") => {
            "the server shows an authority's certificate (CA:TRUE) as its own; it needs one issued for a server"
                .to_owned()
        }
        CertificateError::Other(other) if other.0.to_string().contains("NameConstraintViolation") => {
            let names = Certificate::parse(leaf).map(|certificate| certificate.san).unwrap_or_default();
            format!(
                "for a name that an authority of the chain may not issue for: name constraints ({})",
                listed(&names)
            )
        }
        // The verifier's other findings are words in camel case, such as PathLenConstraintViolated.
        CertificateError::Other(other) => {
            format!("the chain breaks a rule: {}", snake_case(&other.0.to_string()).replace('_', " "))
        }
        other => other.to_string(),
    }
}

/// Names the certificate of a date unless it is the leaf, since an intermediate is renewed elsewhere.
fn whose(
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    date: impl Fn(&Certificate) -> i64,
    when: UnixTime,
) -> String {
    let when = i64::try_from(when.as_secs()).unwrap_or(i64::MAX);
    let found = std::iter::once(leaf)
        .chain(others)
        .map(|der| Certificate::parse(der))
        .position(|certificate| certificate.is_some_and(|certificate| date(&certificate) == when));
    match found {
        Some(0) => String::new(),
        Some(index) => {
            let subject = others.get(index - 1).and_then(|der| Certificate::parse(der)).map(|c| c.subject);
            format!("certificate {} of the chain ({}) ", index + 1, subject.unwrap_or_default())
        }
        None => "an authority of the chain ".to_owned(),
    }
}

fn date(when: UnixTime) -> String {
    i64::try_from(when.as_secs()).ok().and_then(rfc3339).unwrap_or_else(|| "an impossible date".to_owned())
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "it carries no subject alternative name".to_owned(),
        names if names.len() > NAMES => {
            let shown = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("names are {shown} and {} more", names.len() - NAMES)
        }
        names => format!("names are {}", names.join(", ")),
    }
}

/// Why a handshake signature does not verify.
pub(super) fn signature_error(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => "its signature does not match".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn long_lists_of_names_are_cut() {
        let many: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
        assert!(listed(&many).ends_with("n19 and 10 more"));
        assert!(listed(&[]).contains("no subject alternative name"));
    }
}
