//! Secrets: read from the environment, never printed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::model::visible::{visible, visible_lines};

/// Shortest secret that can be told from ordinary text.
pub const SHORTEST: usize = 4;
/// The text in its place.
const MASK: &str = "***";
/// Marks where a text was cut.
const CUT: char = '…';

/// Replaces every form of every secret in text that leaves the process.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    forms: Vec<String>,
}

impl Redactor {
    /// Hides a secret: as it is, in base64 (also inside `user:secret`), as part of a URL, JSON-escaped, in hexadecimal.
    pub fn add_secret(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let escaped = serde_json::to_string(secret).unwrap_or_default();
        let debug = format!("{secret:?}");
        let mut forms = vec![
            secret.to_owned(),
            secret.to_lowercase(),
            secret.to_uppercase(),
            escaped.trim_matches('"').to_owned(),
            debug.trim_matches('"').to_owned(),
            visible(secret),
            visible_lines(secret),
            crate::net::bytes::hex(secret.as_bytes()),
        ];
        forms.extend(in_base64(secret));
        forms.extend(in_urls(secret));
        // Every line of a multi-line secret (a key in PEM) on its own.
        forms.extend(secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST).map(str::to_owned));
        self.forms.extend(forms.into_iter().filter(|form| form.len() >= SHORTEST));
        self.forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.forms.dedup();
    }

    /// True when there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The text without secrets, and without the pieces of a secret that a cut (`…`) left at its edge.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for form in &self.forms {
            if out.contains(form.as_str()) {
                out = out.replace(form.as_str(), MASK);
            }
        }
        if out.contains(CUT) { self.trim_cuts(&out) } else { out }
    }

    fn trim_cuts(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split(CUT).collect();
        let last = parts.len() - 1;
        let trimmed = parts.iter().enumerate().map(|(index, part)| {
            let tail =
                if index < last { self.edge(|form, at| part.ends_with(form.get(..at)?).then_some(at)) } else { 0 };
            let head = if index > 0 {
                self.edge(|form, at| part.starts_with(form.get(form.len() - at..)?).then_some(at))
            } else {
                0
            };
            let middle = part.get(head..part.len() - tail).unwrap_or_default();
            let mask = |length: usize| if length > 0 { MASK } else { "" };
            format!("{}{middle}{}", mask(head), mask(tail))
        });
        trimmed.collect::<Vec<_>>().join(&CUT.to_string())
    }

    /// The longest piece of any form that `fits`.
    fn edge(&self, fits: impl Fn(&str, usize) -> Option<usize>) -> usize {
        let lengths = self.forms.iter().flat_map(|form| (SHORTEST..form.len()).filter_map(|at| fits(form, at)));
        lengths.max().unwrap_or(0)
    }

    /// Cleans in place, without allocating when nothing matches.
    pub fn scrub(&self, text: &mut String) {
        if text.contains(CUT) || self.forms.iter().any(|form| text.contains(form.as_str())) {
            *text = self.clean(text);
        }
    }

    /// Cleans every text inside a JSON value, keys included.
    pub fn scrub_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.scrub(text),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                let clean = self.clean(&text);
                if clean != text {
                    *value = serde_json::Value::String(clean);
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_value(item)),
            serde_json::Value::Object(map) => {
                let old = std::mem::take(map);
                for (mut key, mut item) in old {
                    self.scrub(&mut key);
                    self.scrub_value(&mut item);
                    map.insert(key, item);
                }
            }
            _ => {}
        }
    }
}

/// The characters of base64 that depend on nothing but the secret, at each of its three alignments.
fn in_base64(secret: &str) -> Vec<String> {
    let mut out = vec![STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    for before in 0..3_usize {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        let range = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for text in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            out.extend(text.get(range.clone()).map(str::to_owned));
        }
    }
    out
}

/// As the URL standard writes it in user info, path, query and forms.
fn in_urls(secret: &str) -> Vec<String> {
    let mut out = vec![url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()];
    if let Ok(mut url) = url::Url::parse("http://host/") {
        url.set_path(secret);
        out.push(url.path().trim_start_matches('/').to_owned());
        url.set_query(Some(secret));
        out.extend(url.query().map(str::to_owned));
        if url.set_username(secret).is_ok() {
            out.push(url.username().to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn every_form_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.add_secret("s3cr\"t välue");
        for leak in [
            "token s3cr\"t välue!",
            "TOKEN S3CR\"T VÄLUE",
            "{\"t\":\"s3cr\\\"t välue\"}",
            "basic czNjciJ0IHbDpGx1ZQ==",
            "/form?q=s3cr%22t+v%C3%A4lue",
            "/query?q=s3cr%22t%20v%C3%A4lue",
            "hex 73336372227420 76c3a46c7565".replace(' ', "").as_str(),
        ] {
            let clean = redactor.clean(leak);
            assert!(clean.contains("***"), "{leak} -> {clean}");
            assert!(!clean.to_lowercase().contains("s3cr") && !clean.contains("lue"), "{clean}");
        }
        assert_eq!(redactor.clean("nothing here… really"), "nothing here… really");
    }

    #[test]
    fn base64_of_user_and_secret_is_hidden_at_every_alignment() {
        let mut redactor = Redactor::default();
        redactor.add_secret("correct horse");
        for user in ["a", "ab", "abc", "abcd"] {
            let encoded = base64::engine::Engine::encode(&super::STANDARD, format!("{user}:correct horse"));
            let clean = redactor.clean(&format!("Authorization: Basic {encoded}"));
            assert!(clean.contains("***"), "{user}: {clean}");
        }
    }

    #[test]
    fn what_a_cut_leaves_of_a_secret_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.add_secret("0123456789abcdef");
        assert_eq!(redactor.clean("seen 0123456789ab… (900 characters)"), "seen ***… (900 characters)");
        assert_eq!(redactor.clean("it said: …9abcdef end"), "it said: …*** end");
        assert_eq!(redactor.clean("seen 0123456789ab"), "seen 0123456789ab");
    }

    #[test]
    fn values_are_cleaned_in_depth() {
        let mut redactor = Redactor::default();
        redactor.add_secret("hunter22");
        redactor.add_secret("12345678");
        let mut value = serde_json::json!({"a": ["x hunter22"], "hunter22": 1, "pin": 12_345_678});
        redactor.scrub_value(&mut value);
        assert_eq!(value.to_string(), "{\"***\":1,\"a\":[\"x ***\"],\"pin\":\"***\"}");
    }
}
