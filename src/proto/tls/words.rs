//! TLS in plain words: why a certificate does not verify, what an alert is called.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{AlertDescription, CertificateError, CipherSuite, Error, NamedGroup, ProtocolVersion};

use super::certificate::{Certificate, rfc3339};

/// Names listed in a message.
const NAMES: usize = 20;

/// Why a path or name does not verify.
pub(super) fn verification(error: &Error, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> String {
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
            format!("the chain breaks a rule: {}", snake(&other.0.to_string()).replace('_', " "))
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
pub(super) fn signature(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => "its signature does not match".to_owned(),
        other => other.to_string(),
    }
}

/// The name RFC 8446 gives an alert: `handshake_failure`.
pub(in crate::proto) fn alert(alert: AlertDescription) -> String {
    match alert {
        // The RFC's own spelling.
        AlertDescription::UnrecognisedName => "unrecognized_name".to_owned(),
        AlertDescription::Unknown(code) => format!("alert_{code}"),
        known => snake(known.as_str().unwrap_or_default()),
    }
}

/// `UnknownPSKIdentity` to `unknown_psk_identity`.
fn snake(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut out = String::with_capacity(camel.len() + 4);
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|i| letters.get(i));
        let after = letters.get(index + 1);
        let starts = before.is_some_and(char::is_ascii_lowercase)
            || (before.is_some() && after.is_some_and(char::is_ascii_lowercase));
        if letter.is_ascii_uppercase() && starts {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The version as operators write it.
pub(super) const fn version(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::SSLv3 => Some("SSLv3"),
        ProtocolVersion::TLSv1_0 => Some("TLS1.0"),
        ProtocolVersion::TLSv1_1 => Some("TLS1.1"),
        ProtocolVersion::TLSv1_2 => Some("TLS1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLS1.3"),
        _ => None,
    }
}

/// The IANA name of a cipher suite.
pub(in crate::proto) fn cipher(suite: CipherSuite) -> String {
    match suite.as_str() {
        Some(name) => name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}")),
        None => format!("{suite:?}"),
    }
}

/// The IANA name of a key exchange group.
pub(in crate::proto) fn group(group: NamedGroup) -> String {
    match group {
        NamedGroup::X25519 => "x25519".to_owned(),
        NamedGroup::X448 => "x448".to_owned(),
        other => other.as_str().map_or_else(|| format!("{other:?}"), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CipherSuite, NamedGroup};

    use super::{alert, cipher, group, listed};

    #[test]
    fn alerts_are_spelled_as_in_the_rfc() {
        assert_eq!(alert(AlertDescription::UnknownPSKIdentity), "unknown_psk_identity");
        assert_eq!(alert(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(alert(AlertDescription::CertificateRequired), "certificate_required");
        assert_eq!(alert(AlertDescription::BadRecordMac), "bad_record_mac");
        assert_eq!(alert(AlertDescription::Unknown(200)), "alert_200");
    }

    #[test]
    fn names_are_those_of_iana() {
        assert_eq!(cipher(CipherSuite::TLS13_AES_256_GCM_SHA384), "TLS_AES_256_GCM_SHA384");
        assert_eq!(cipher(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assert_eq!(group(NamedGroup::X25519MLKEM768), "X25519MLKEM768");
        assert_eq!(group(NamedGroup::secp256r1), "secp256r1");
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let many: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
        assert!(listed(&many).ends_with("n19 and 10 more"));
        assert!(listed(&[]).contains("no subject alternative name"));
    }
}
