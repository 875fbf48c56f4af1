//! The names that OpenSSL, and with it nginx, haproxy and most servers' settings, have for cipher suites.

/// Key exchanges that OpenSSL calls otherwise than IANA.
const EXCHANGES: &[(&str, &str)] = &[("RSA", ""), ("DH_anon", "ADH"), ("ECDH_anon", "AECDH"), ("PSK_DHE", "DHE-PSK")];

/// Parts of the cipher that it calls otherwise, in the order in which they are looked for.
const CIPHERS: &[(&str, &str)] = &[
    ("3DES_EDE_CBC", "DES-CBC3"),
    ("DES_CBC", "DES-CBC"),
    ("IDEA_CBC", "IDEA-CBC"),
    ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    ("RC4_128", "RC4"),
    ("_CBC", ""),
    ("CCM_8", "CCM8"),
    ("AES_", "AES"),
    ("CAMELLIA_", "CAMELLIA"),
    ("ARIA_", "ARIA"),
];

/// OpenSSL's name of a suite up to TLS 1.2 by its IANA name; `None` where the rule of its names does not hold (export grades,
/// SRP, GOST), and for suites of TLS 1.3, which are set elsewhere. After the names that `openssl ciphers -stdname` lists.
#[must_use]
pub fn cipher(iana: &str) -> Option<String> {
    let (exchange, cipher) = iana.strip_prefix("TLS_")?.split_once("_WITH_")?;
    if exchange.contains("EXPORT") || exchange.contains("SRP") || exchange.contains("GOST") {
        return None;
    }
    // The one quirk in its table.
    let known = if exchange == "ECDHE_RSA" && cipher.starts_with("ARIA") { "ECDHE" } else { exchange };
    let exchange = EXCHANGES.iter().find(|(name, _)| *name == known).map_or(known, |(_, name)| *name);
    // With shared keys, AES and 3DES keep the mode in their name.
    let keeps = exchange.ends_with("PSK") && (cipher.starts_with("AES") || cipher.starts_with("3DES"));
    let renamed = CIPHERS.iter().filter(|(from, _)| !(keeps && from.contains("CBC")));
    let cipher = renamed.fold(cipher.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    let separator = if exchange.is_empty() { "" } else { "-" };
    Some(format!("{exchange}{separator}{cipher}").replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::cipher;

    #[test]
    fn suites_have_the_names_of_openssl() {
        for (iana, openssl) in [
            ("TLS_ECDHE_ECDSA_WITH_NULL_SHA", Some("ECDHE-ECDSA-NULL-SHA")),
            ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", Some("DES-CBC3-SHA")),
            ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", Some("ECDHE-RSA-RC4-SHA")),
            ("TLS_DH_anon_WITH_AES_128_CBC_SHA256", Some("ADH-AES128-SHA256")),
            ("TLS_RSA_WITH_AES_128_CCM_8", Some("AES128-CCM8")),
            ("TLS_PSK_WITH_AES_128_CBC_SHA", Some("PSK-AES128-CBC-SHA")),
            ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", None),
            ("TLS_AES_128_GCM_SHA256", None),
        ] {
            assert_eq!(cipher(iana).as_deref(), openssl, "{iana}");
        }
    }
}
