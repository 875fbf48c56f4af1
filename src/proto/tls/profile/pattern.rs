//! `*` and `?` in names of cipher suites and signature algorithms.

use crate::model::Glob;

/// Whether `name` is what `pattern` describes. Case does not matter.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Ok(glob) = pattern.to_ascii_uppercase().parse::<Glob>();
    glob.matches(&name.to_ascii_uppercase())
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
