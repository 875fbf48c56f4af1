//! Names of cipher suites, groups, keys and signatures as other tools write them, read as what they stand for: OpenSSL's
//! `ECDHE-RSA-AES128-GCM-SHA256` is the registry's `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`, `prime256v1` is `secp256r1`.

use super::hello::{GROUPS, Suite, group_name, suite_name, suites};
use crate::model::suggest::distance;
use crate::model::typed::{DataForm, InvalidText, no_order};

/// Cipher suites: registry's names, OpenSSL's, or numbers.
pub(crate) static SUITES: DataForm = DataForm {
    kind: "",
    same: |_, one, other| suite_key(one) == suite_key(other),
    key: |_, text| suite_key(text),
    contains: |_, text, part| {
        let (key, part) = (suite_key(text).to_lowercase(), part.to_lowercase());
        let openssl = || suites().iter().find(|suite| suite.name.eq_ignore_ascii_case(&key)).map(openssl_name);
        key.contains(&part) || openssl().is_some_and(|name| name.to_lowercase().contains(&part))
    },
    impossible: |_, text| named_suite(text).is_none().then(|| no_suite(text)),
    order: no_order,
};

/// Suites behind the reason why they are weak, which follows from the suite: `RC4 TLS_RSA_WITH_RC4_128_SHA`.
pub(crate) static WEAK_SUITES: DataForm = DataForm {
    same: |_, one, other| weak_key(one) == weak_key(other),
    key: |_, text| weak_key(text),
    impossible: |_, text| {
        let last = text.split(' ').next_back().unwrap_or_default();
        named_suite(last).is_none().then(|| {
            let help = format!("name a suite, or write {{none: {{contains: {text}}}}} for all suites of a kind");
            InvalidText { why: format!("`{text}` names no cipher suite"), help }
        })
    },
    ..SUITES
};

/// Groups for the key exchange: registry's names, those of NIST and OpenSSL, or numbers.
pub(crate) static NAMED_GROUPS: DataForm = DataForm {
    same: |_, one, other| group_key(one) == group_key(other),
    key: |_, text| group_key(text),
    contains: |_, text, part| text.to_lowercase().contains(&part.to_lowercase()),
    impossible: |_, text| {
        let key = group_key(text);
        let known = key.starts_with("0x") || GROUPS.iter().any(|group| group.name.eq_ignore_ascii_case(&key));
        (!known).then(|| {
            let help = nearest(text, GROUPS.iter().map(|group| group.name));
            InvalidText { why: format!("`{text}` is no group for the key exchange"), help }
        })
    },
    ..SUITES
};

/// Public keys, as people write them: `RSA 2048`, `RSA-2048`, `EC prime256v1`.
pub(crate) static KEYS: DataForm = DataForm {
    same: |_, one, other| key_key(one) == key_key(other),
    key: |_, text| key_key(text),
    contains: |_, text, part| text.to_lowercase().contains(&part.to_lowercase()),
    impossible: |_, _| None,
    ..SUITES
};

/// Signature algorithms: `sha256WithRSAEncryption`, `RSA-SHA256`, `SHA256withRSA`.
pub(crate) static SIGNATURES: DataForm = DataForm {
    same: |_, one, other| signature_key(one) == signature_key(other),
    key: |_, text| signature_key(text),
    ..KEYS
};

/// `0x1301`.
fn number(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    u16::from_str_radix(digits, 16).ok()
}

/// The registry's name of a suite, whatever it is written as.
fn named_suite(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(number) = number(text) {
        return Some(suite_name(number));
    }
    let by_name = suites().iter().find(|suite| suite.name.eq_ignore_ascii_case(text));
    let by_parts = || {
        let parts = parts_of_openssl(text);
        suites().iter().find(|suite| parts_of_registry(suite) == parts)
    };
    by_name.or_else(by_parts).map(|suite| suite.name.to_owned())
}

fn suite_key(text: &str) -> String {
    named_suite(text).unwrap_or_else(|| text.to_lowercase())
}

fn weak_key(text: &str) -> String {
    suite_key(text.split(' ').next_back().unwrap_or_default())
}

fn no_suite(text: &str) -> InvalidText {
    let openssl: Vec<String> = suites().iter().map(openssl_name).collect();
    let known = suites().iter().map(|suite| suite.name).chain(openssl.iter().map(String::as_str));
    InvalidText { why: format!("`{text}` is no cipher suite"), help: nearest(text, known) }
}

/// The nearest of many names, if one is near.
fn nearest<'n>(text: &str, known: impl Iterator<Item = &'n str>) -> String {
    const LONGEST: usize = 64;
    let upper = text.to_uppercase();
    let steps = |name: &'n str| (distance(&upper, &name.to_uppercase()), name);
    match known.filter(|_| text.len() <= LONGEST).map(steps).min() {
        Some((steps, name)) if steps <= text.len() / 4 + 1 => format!("did you mean `{name}`?"),
        _ => "write the name of the IANA registry, or OpenSSL's".to_owned(),
    }
}

/// The parts of a registry's name that OpenSSL's has too, in its order; lower case, joined.
fn parts_of_registry(suite: &Suite) -> String {
    let Some((keys, cipher)) = suite.name.strip_prefix("TLS_").and_then(|name| name.split_once("_WITH_")) else {
        return String::new();
    };
    let keys = match keys {
        "RSA" => "",
        "DH_anon" => "ADH",
        "ECDH_anon" => "AECDH",
        "PSK_DHE" => "DHE_PSK",
        "RSA_EXPORT" => "EXP",
        "SRP_SHA" => "SRP",
        other => other,
    };
    let cipher = cipher.replace("3DES_EDE_CBC", "DES_CBC3").replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305");
    let cipher = cipher.replace("RC4_128", "RC4").replace("RC4_40", "RC4").replace("DES40", "DES");
    let parts = keys.replace("SRP_SHA_", "SRP_");
    joined(parts.split('_').chain(cipher.split('_')))
}

fn parts_of_openssl(text: &str) -> String {
    joined(text.split('-').map(|part| if part.eq_ignore_ascii_case("EDH") { "DHE" } else { part }))
}

/// Neither family of names is steady about whether it names CBC.
fn joined<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    parts.filter(|part| !part.eq_ignore_ascii_case("CBC")).collect::<String>().to_lowercase()
}

/// The name OpenSSL is likely to have for a suite.
fn openssl_name(suite: &Suite) -> String {
    let Some((keys, cipher)) = suite.name.strip_prefix("TLS_").and_then(|name| name.split_once("_WITH_")) else {
        return suite.name.to_owned();
    };
    let cipher = cipher.replace("3DES_EDE_CBC", "DES_CBC3").replace("RC4_128", "RC4");
    let cipher = cipher.replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305").replace("CCM_8", "CCM8");
    let cipher = ["AES", "CAMELLIA", "ARIA"].iter().fold(cipher, |cipher, name| {
        cipher.replace(&format!("{name}_"), name).replace(&format!("{name}128_CBC"), &format!("{name}128"))
    });
    let cipher = cipher.replace("256_CBC", "256");
    let keys = match keys {
        "RSA" => String::new(),
        "DH_anon" => "ADH-".to_owned(),
        "ECDH_anon" => "AECDH-".to_owned(),
        other => format!("{other}-"),
    };
    format!("{keys}{cipher}").replace('_', "-")
}

fn group_key(text: &str) -> String {
    let text = text.trim();
    if let Some(number) = number(text) {
        return group_name(number).to_lowercase();
    }
    let bare: String = text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let name = match bare.as_str() {
        "p192" | "nistp192" | "prime192v1" => "secp192r1",
        "p224" | "nistp224" => "secp224r1",
        "p256" | "nistp256" | "prime256v1" => "secp256r1",
        "p384" | "nistp384" => "secp384r1",
        "p521" | "nistp521" => "secp521r1",
        "curve25519" => "x25519",
        "curve448" => "x448",
        _ => text,
    };
    name.to_lowercase()
}

fn key_key(text: &str) -> String {
    let lower = text.to_lowercase().replace("p-", "p").replace(['-', '_', '(', ')', ','], " ");
    let mut parts: Vec<String> = Vec::new();
    for word in lower.split_whitespace() {
        match word {
            "bit" | "bits" | "key" | "public" | "nist" => {}
            "ec" | "ecdsa" | "ecpublickey" | "id" => parts.push("ecdsa".into()),
            "prime256v1" | "secp256r1" | "nistp256" => parts.push("p256".into()),
            "secp384r1" | "nistp384" => parts.push("p384".into()),
            "secp521r1" | "nistp521" => parts.push("p521".into()),
            word => match word.strip_prefix("rsa").filter(|digits| !digits.is_empty() && number_only(digits)) {
                Some(digits) => parts.extend(["rsa".into(), digits.to_owned()]),
                None => parts.push(word.to_owned()),
            },
        }
    }
    parts.dedup();
    parts.join(" ")
}

fn number_only(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Hash and kind of key, in that order, whatever stands between them.
fn signature_key(text: &str) -> String {
    let bare: String = text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let hash = ["sha224", "sha256", "sha384", "sha512", "sha1", "md5"].into_iter().find(|hash| bare.contains(hash));
    let rest = hash.map_or_else(|| bare.clone(), |hash| bare.replacen(hash, "", 1));
    let rest = rest.replace("encryption", "").replace("with", "");
    match (hash, rest.as_str()) {
        (Some(hash), "rsa" | "ecdsa") => format!("{hash} {rest}"),
        _ => text.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::hello::suites;
    use super::{KEYS, NAMED_GROUPS, SIGNATURES, SUITES, WEAK_SUITES, parts_of_registry};
    use crate::model::typed::DataForm;

    #[test]
    fn one_thing_has_many_names() {
        let cases: &[(&DataForm, &str, &str)] = &[
            (&SUITES, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
            (&SUITES, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
            (&SUITES, "TLS_RSA_WITH_AES_256_CBC_SHA", "aes256-sha"),
            (&SUITES, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA"),
            (&SUITES, "TLS_RSA_WITH_RC4_128_MD5", "RC4-MD5"),
            (&SUITES, "TLS_DHE_RSA_WITH_AES_256_CCM_8", "DHE-RSA-AES256-CCM8"),
            (&SUITES, "TLS_DH_anon_WITH_AES_128_CBC_SHA", "ADH-AES128-SHA"),
            (&SUITES, "TLS_PSK_WITH_AES_128_CBC_SHA256", "PSK-AES128-CBC-SHA256"),
            (&SUITES, "TLS_RSA_WITH_NULL_SHA256", "NULL-SHA256"),
            (&SUITES, "TLS_AES_128_GCM_SHA256", "0x1301"),
            (&SUITES, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", "EDH-RSA-DES-CBC3-SHA"),
            (&SUITES, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "AECDH-AES128-SHA"),
            (&SUITES, "TLS_PSK_DHE_WITH_AES_128_CCM_8", "DHE-PSK-AES128-CCM8"),
            (&SUITES, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "EXP-RC4-MD5"),
            (&SUITES, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", "EXP-DES-CBC-SHA"),
            (&SUITES, "TLS_SRP_SHA_WITH_AES_128_CBC_SHA", "SRP-AES-128-CBC-SHA"),
            (&SUITES, "TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", "SRP-RSA-AES-128-CBC-SHA"),
            (&WEAK_SUITES, "RC4 TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA"),
            (&NAMED_GROUPS, "secp256r1", "P-256"),
            (&NAMED_GROUPS, "secp256r1", "prime256v1"),
            (&NAMED_GROUPS, "x25519", "X25519"),
            (&NAMED_GROUPS, "x25519", "Curve25519"),
            (&NAMED_GROUPS, "x448", "curve448"),
            (&NAMED_GROUPS, "secp384r1", "P-384"),
            (&NAMED_GROUPS, "secp521r1", "nistp521"),
            (&NAMED_GROUPS, "0xfefe", "0xFEFE"),
            (&NAMED_GROUPS, "X25519MLKEM768", "0x11EC"),
            (&KEYS, "RSA 2048", "rsa-2048"),
            (&KEYS, "RSA 2048", "RSA2048"),
            (&KEYS, "RSA 2048", "RSA (2048 bit)"),
            (&KEYS, "ECDSA P-256", "EC prime256v1"),
            (&KEYS, "ECDSA P-256", "ecdsa p256"),
            (&KEYS, "ECDSA P-256", "id-ecPublicKey (P-256)"),
            (&KEYS, "ECDSA P-384", "EC secp384r1"),
            (&KEYS, "Ed25519", "ED25519"),
            (&SIGNATURES, "ecdsa-with-SHA256", "SHA256withECDSA"),
            (&SIGNATURES, "sha256WithRSAEncryption", "RSA-SHA256"),
            (&SIGNATURES, "sha1WithRSAEncryption", "sha1WithRSA"),
        ];
        for (form, one, other) in cases {
            assert!((form.same)(None, one, other), "{one} {other}");
            assert_eq!((form.key)(None, one), (form.key)(None, other));
            assert!((form.impossible)(None, other).is_none(), "{other}");
        }
        let differing: &[(&DataForm, &str, &str)] = &[
            (&SUITES, "TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA256"),
            (&SUITES, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            (&NAMED_GROUPS, "secp256r1", "P-384"),
            (&NAMED_GROUPS, "secp256r1", "secp256k1"),
            (&KEYS, "RSA 2048", "RSA 4096"),
            (&KEYS, "ECDSA P-256", "ECDSA P-384"),
            (&KEYS, "Ed25519", "Ed448"),
            (&SIGNATURES, "ecdsa-with-SHA256", "ecdsa-with-SHA384"),
            (&SIGNATURES, "ecdsa-with-SHA256", "sha256WithRSAEncryption"),
        ];
        for (form, one, other) in differing {
            assert!(!(form.same)(None, one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_nearest() {
        let help = |form: &DataForm, text| (form.impossible)(None, text).map(|found| found.help).unwrap_or_default();
        assert!(help(&SUITES, "ECDHE-RSA-AES128-GMC-SHA256").contains("ECDHE-RSA-AES128-GCM-SHA256"));
        assert!(help(&SUITES, "strong").contains("registry"));
        assert!(help(&NAMED_GROUPS, "secp265r1").contains("secp256r1"));
        assert!(help(&WEAK_SUITES, "RC4").contains("{none: {contains: RC4}}"));
        for (suite, part) in [
            ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3"),
            ("TLS_RSA_WITH_AES_128_CCM_8", "CCM8"),
            ("TLS_DH_anon_WITH_AES_128_CBC_SHA", "ADH-"),
            ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
        ] {
            assert!((SUITES.contains)(None, suite, part), "{suite} {part}");
        }
        assert!(!(SUITES.contains)(None, "TLS_RSA_WITH_AES_128_CBC_SHA", "RC4"));
    }

    #[test]
    fn no_two_suites_share_a_name_of_openssl() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for suite in suites().iter().filter(|suite| suite.name.starts_with("TLS_") && suite.name.contains("_WITH_")) {
            let parts = parts_of_registry(suite);
            if let Some(other) = seen.insert(parts.clone(), suite.name) {
                panic!("{parts}: {other} and {}", suite.name);
            }
        }
    }
}
