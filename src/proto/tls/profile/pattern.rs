//! `*` in names of cipher suites and signature algorithms.

/// Whether `name` is what `pattern` describes; `*` stands for any text. Case does not matter.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_uppercase(), name.to_ascii_uppercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, want) in [
            ("TLS_RSA_*", "TLS_RSA_WITH_AES_128_CBC_SHA", true),
            ("TLS_RSA_*", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", false),
            ("*_CBC_*", "TLS_RSA_WITH_AES_128_CBC_SHA", true),
            ("*_CBC_*", "TLS_RSA_WITH_AES_128_GCM_SHA256", false),
            ("*_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", true),
            ("*_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA256", false),
            ("TLS_A", "tls_a", true),
            ("TLS_A", "TLS_AB", false),
            ("A*A", "A", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }
}
