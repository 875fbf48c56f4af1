//! Names of alerts, versions, cipher suites and groups, as RFC 8446 and IANA spell them.

use rustls::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// The name RFC 8446 gives an alert: `handshake_failure`.
pub(in crate::proto) fn alert(alert: AlertDescription) -> String {
    match alert {
        // The RFC's own spelling.
        AlertDescription::UnrecognisedName => "unrecognized_name".to_owned(),
        AlertDescription::Unknown(code) => format!("alert_{code}"),
        known => snake_case(known.as_str().unwrap_or_default()),
    }
}

/// `UnknownPSKIdentity` to `unknown_psk_identity`.
pub(super) fn snake_case(camel: &str) -> String {
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
pub(in crate::proto) fn cipher_suite(suite: CipherSuite) -> String {
    match suite.as_str() {
        Some(name) => name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}")),
        None => format!("0x{:04X}", u16::from(suite)),
    }
}

/// The IANA name of a signature scheme.
pub(in crate::proto) fn scheme_name(scheme: SignatureScheme) -> String {
    match scheme.as_str() {
        // The library's names are those of IANA in capitals.
        Some("RSA_PKCS1_SHA1") => "rsa_pkcs1_sha1".to_owned(),
        Some("ECDSA_SHA1_Legacy") => "ecdsa_sha1".to_owned(),
        Some(name) if name.starts_with("ECDSA_NISTP") => {
            name.replace("ECDSA_NISTP", "ecdsa_secp").replace("_SHA", "r1_sha")
        }
        Some(name) if name.starts_with("RSA_PSS_") => name.replace("RSA_PSS_", "rsa_pss_rsae_").to_lowercase(),
        Some(name) => name.to_lowercase(),
        None => format!("the signature scheme 0x{:04x}", u16::from(scheme)),
    }
}

/// The IANA name of a key exchange group.
pub(in crate::proto) fn group(group: NamedGroup) -> String {
    match group {
        NamedGroup::X25519 => "x25519".to_owned(),
        NamedGroup::X448 => "x448".to_owned(),
        other => other.as_str().map_or_else(|| format!("0x{:04x}", u16::from(other)), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CipherSuite, NamedGroup};

    use super::{alert, cipher_suite, group};

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
        assert_eq!(cipher_suite(CipherSuite::TLS13_AES_256_GCM_SHA384), "TLS_AES_256_GCM_SHA384");
        assert_eq!(
            cipher_suite(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        );
        assert_eq!(group(NamedGroup::X25519MLKEM768), "X25519MLKEM768");
        assert_eq!(group(NamedGroup::secp256r1), "secp256r1");
    }
}
