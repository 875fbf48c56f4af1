//! The rules, each with its word, what it means, and where it is written. Words are stable: suites expect them.
//!
//! BR is the Baseline Requirements for TLS server certificates of the CA/Browser Forum, version 2.2.6. They bind public
//! authorities; a private one may have reasons to do otherwise, which is why nothing here fails a check that does not
//! expect `lint`.

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The word in fact `lint`.
    pub word: &'static str,
    /// The defect, and its consequence.
    pub what: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

macro_rules! rules {
    ($($name:ident $word:literal $what:literal $source:literal;)+) => {
        $(pub(super) const $name: &Rule = &Rule { word: $word, what: $what, source: $source };)+
        /// Every rule, in the order docs list them.
        pub const RULES: &[&Rule] = &[$($name),+];
        /// The word of every rule.
        pub const WORDS: &[&str] = &[$($word),+];
    };
}

rules! {
    // What the server sends.
    UNREADABLE "unreadable_certificate" "a served certificate cannot be read, so nothing is known of it" "RFC 5280 4.1";
    OUT_OF_ORDER "chain_out_of_order" "each certificate should certify the one before it; TLS 1.2 clients may refuse another order"
        "RFC 5246 7.4.2, RFC 8446 4.4.2";
    MISSING "missing_intermediate" "the issuer is neither served nor trusted; clients that never met it cannot verify"
        "RFC 5246 7.4.2, RFC 8446 4.4.2";
    ROOT_SENT "root_sent" "a root proves nothing to who has it and nothing to who has not; it costs bytes in every handshake"
        "RFC 5246 7.4.2, RFC 8446 4.4.2";
    UNUSED "unused_certificate" "no path to the roots trusted here needs it; it costs bytes in every handshake"
        "RFC 5246 7.4.2";
    DUPLICATE "duplicate_certificate" "the same certificate is served twice" "RFC 5246 7.4.2";
    STAPLE_MISSING "staple_missing" "the certificate demands a stapled OCSP response and the server sends none"
        "RFC 7633 4.2.3";
    // Every certificate.
    EXPIRED "expired_certificate" "a served certificate is past its last day" "RFC 5280 4.1.2.5";
    NOT_YET "not_yet_valid" "a served certificate is before its first day" "RFC 5280 4.1.2.5";
    BACKWARDS "negative_validity" "it ends before it begins" "RFC 5280 4.1.2.5";
    NOT_V3 "not_version_3" "extensions need version 3; without them it cannot say what it is for" "RFC 5280 4.1.2.1, BR 7.1.2.7";
    WEAK_RSA "weak_rsa_key" "RSA with fewer than 2048 bits" "BR 6.1.5, RFC 9325 4.5";
    ODD_RSA "odd_rsa_key" "RSA with a modulus whose bits are no multiple of 8" "BR 6.1.5";
    RSA_EXPONENT "bad_rsa_exponent" "the public exponent must be odd and 3 or more" "BR 6.1.6";
    WEAK_CURVE "weak_curve" "an elliptic curve of fewer than 224 bits" "RFC 9325 4.5";
    EXPLICIT_CURVE "explicit_curve" "curve parameters are written out; only named curves are allowed" "RFC 5480 2.1.1";
    DSA "dsa_key" "DSA keys are not used in TLS any more" "BR 6.1.5, RFC 8446 4.2.3";
    WEAK_SIGNATURE "weak_signature" "signed with MD2, MD5 or SHA-1, for which collisions can be made"
        "RFC 9155 2, BR 7.1.3.2.1";
    SIGNATURE_MISMATCH "signature_mismatch" "two fields that must name one signature algorithm differ" "RFC 5280 4.1.1.2";
    NEGATIVE_SERIAL "negative_serial" "serial numbers are positive" "RFC 5280 4.1.2.2";
    ZERO_SERIAL "zero_serial" "serial numbers are positive" "RFC 5280 4.1.2.2, BR 7.1.2.7";
    LONG_SERIAL "serial_too_long" "serial numbers have at most 20 octets" "RFC 5280 4.1.2.2";
    MISSING_AKI "missing_aki" "without authority key identifier, clients may build the wrong path" "RFC 5280 4.2.1.1, BR 7.1.2.11.1";
    AKI_MISMATCH "aki_mismatch" "it names another key of its issuer than the one served" "RFC 5280 4.2.1.1, BR 7.1.2.11.1";
    CRITICALITY "wrong_criticality" "an extension is critical that must not be, or not critical that must be"
        "RFC 5280 4.2.1, BR 7.1.2.7.6";
    UNKNOWN_CRITICAL "unknown_critical_extension" "who does not know a critical extension must refuse it" "RFC 5280 4.2";
    DUPLICATE_EXTENSION "duplicate_extension" "an extension is in it more than once" "RFC 5280 4.2";
    BROKEN_EXTENSION "broken_extension" "an extension cannot be read" "RFC 5280 4.2";
    NO_ISSUER "empty_issuer" "an authority must have a name" "RFC 5280 4.1.2.4";
    // Authorities.
    NOT_A_CA "issuer_not_ca" "it issued a certificate, but is none of an authority (CA:TRUE)" "RFC 5280 4.2.1.9";
    NO_CERT_SIGN "missing_key_cert_sign" "an authority whose key usage does not allow to sign certificates" "RFC 5280 4.2.1.3";
    UNCRITICAL_CA "basic_constraints_not_critical" "an authority must mark its basic constraints critical" "RFC 5280 4.2.1.9";
    MISSING_SKI "missing_ski" "an authority must have a subject key identifier" "RFC 5280 4.2.1.2";
    PATH_LENGTH "path_length_exceeded" "more authorities follow than it allows below it" "RFC 5280 4.2.1.9";
    EXPIRED_ROOT "expired_root" "the root the path ends at is past its last day; many clients refuse it, some do not look"
        "RFC 5280 6.1, RFC 5914 2";
    FLAWED_ROOT "flawed_root" "the root the path ends at breaks a rule for authorities; some clients refuse it"
        "RFC 5280 4.2.1, BR 7.1.2.1";
    CONSTRAINT_UNCRITICAL "name_constraints_not_critical" "who does not know name constraints would ignore them"
        "RFC 5280 4.2.1.10";
    CONSTRAINED "name_constraint" "the name is one its authority may not certify" "RFC 5280 4.2.1.10";
    CONSTRAINTS_IN_LEAF "name_constraints_in_leaf" "only authorities may have name constraints" "RFC 5280 4.2.1.10, BR 7.1.2.7.6";
    // The server's own.
    SELF_SIGNED "self_signed" "the server vouches for itself" "BR 7.1.2.7";
    CA_AS_LEAF "ca_as_leaf" "the certificate of an authority serves as a server's own; its key should not be here"
        "BR 7.1.2.7.8, BR 7.1.2.7.11";
    LONG_VALIDITY "validity_too_long" "valid for longer than allowed when it was issued; browsers refuse it" "BR 6.3.2";
    NO_SAN "no_san" "it names no DNS name and no address; clients do not look at the common name" "BR 7.1.2.7.12, RFC 9525 2";
    BAD_SAN "malformed_san" "a name in it is no DNS name" "BR 7.1.2.7.12, RFC 5280 4.2.1.6";
    BAD_WILDCARD "bad_wildcard" "a wildcard must be the whole first label, of a name with two more" "RFC 9525 6.3, BR 1.6.1";
    SAN_CRITICALITY "san_not_critical" "with an empty subject the alternative names must be critical" "RFC 5280 4.2.1.6";
    CN_NOT_IN_SAN "cn_not_in_san" "the common name must be one of the alternative names" "BR 7.1.4.3";
    NO_SERVER_AUTH "missing_server_auth_eku" "the extended key usage must be there, with serverAuth" "BR 7.1.2.7.10";
    ANY_EKU "any_eku" "anyExtendedKeyUsage makes it good for everything" "BR 7.1.2.7.10";
    NO_SIGNING "missing_digital_signature" "its key usage does not allow the signature of TLS 1.3 and ECDHE"
        "RFC 8446 4.4.2.2, BR 7.1.2.7.11";
}

/// Days a certificate may be valid when it begins at `not_before`, seconds since 1970 (BR 6.3.2, the schedule of ballot
/// SC-081v3).
#[must_use]
pub const fn longest_validity(not_before: i64) -> i64 {
    // Midnight UTC of 15 March 2026, 2027 and 2029.
    match not_before {
        i64::MIN..1_773_532_800 => 398,
        1_773_532_800..1_805_068_800 => 200,
        1_805_068_800..1_868_227_200 => 100,
        1_868_227_200.. => 47,
    }
}

#[cfg(test)]
mod tests {
    use super::{RULES, longest_validity};

    #[test]
    fn words_are_words_and_stand_once() {
        let mut words: Vec<&str> = RULES.iter().map(|rule| rule.word).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        for rule in RULES {
            assert!(rule.word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_3".contains(&byte)), "{}", rule.word);
            assert!(rule.source.contains("RFC") || rule.source.contains("BR"), "{}", rule.word);
        }
    }

    #[test]
    fn the_schedule_is_that_of_the_ballot() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        for (day, most) in [
            ("2020-09-01T00:00:00Z", 398),
            ("2026-03-14T23:59:59Z", 398),
            ("2026-03-15T00:00:00Z", 200),
            ("2027-03-14T23:59:59Z", 200),
            ("2027-03-15T00:00:00Z", 100),
            ("2029-03-14T23:59:59Z", 100),
            ("2029-03-15T00:00:00Z", 47),
        ] {
            assert_eq!(longest_validity(at(day)), most, "{day}");
        }
    }
}
