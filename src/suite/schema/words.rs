//! Words of a choice, each list once, with every spelling that a suite may use.

use serde_json::{Value, json};

/// Name of the definition of these words: the same for the same words, in every release.
pub(super) fn name(words: &[&str]) -> String {
    // FNV-1a, 32 bits.
    let hash =
        words.join(" ").bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("words.{hash:08x}")
}

/// The definition of these words.
pub(super) fn schema(words: &[&str]) -> Value {
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": pattern(words)}, super::fields::reference("variable")]})
}

/// The words in any case; versions as others write them: `TLSv1.2`, `tls 1.2`, `HTTP/2.0`.
fn pattern(words: &[&str]) -> String {
    format!("^({})$", words.iter().map(|word| spelling(word)).collect::<Vec<_>>().join("|"))
}

fn spelling(word: &str) -> String {
    let any_case = |text: &str| text.chars().map(letter).collect::<String>();
    let begin = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
    let (product, numbers) = word.split_at(begin);
    if product.is_empty() || numbers.is_empty() || !numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return any_case(word);
    }
    let product = product.trim_end_matches(['/', '-', '_', ' ', 'v']);
    format!("{}[-/_ ]?[vV]?{}(\\.0)*", any_case(product), any_case(numbers))
}

fn letter(c: char) -> String {
    if c.is_ascii_alphabetic() {
        format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase())
    } else if "^$\\.*+?()[]{}|/".contains(c) {
        // Nothing else may be escaped in a pattern of ECMAScript.
        format!("\\{c}")
    } else {
        c.to_string()
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::pattern;
    use crate::model::typed::canonical_word;

    #[test]
    fn the_schema_takes_what_a_suite_may_write() {
        let words: &'static [&'static str] =
            &["SSLv3", "TLS1.2", "TLS1.3", "HTTP/1.1", "HTTP/2", "NOERROR", "no_answer"];
        let regex = Regex::new(&pattern(words)).unwrap();
        for text in [
            "TLS1.2",
            "TLSv1.2",
            "tlsv1.2",
            "TLS 1.3",
            "SSL3",
            "sslv3",
            "HTTP/2.0",
            "http/1.1",
            "HTTP2",
            "noerror",
            "No_Answer",
            "TLS1.4",
            "TLS1",
            "TLS1.22",
            "HTTP",
            "NOERROR2",
            "",
            "TLS1.2x",
        ] {
            assert_eq!(regex.is_match(text), canonical_word(words, text).is_some(), "{text}");
        }
    }
}
