//! What a command that is shown must not repeat: terminals are recorded, and logs of CI read by many.

use std::sync::LazyLock;

use regex::Regex;

/// Names of headers and keys whose values are credentials, or a part of such a name.
const CREDENTIALS: [&str; 14] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "api-key",
    "apikey",
    "credential",
    "signature",
    "access-key",
    "auth-key",
    "passphrase",
    "pwd",
];

/// Whether a value under this name is a credential.
#[must_use]
pub(in crate::app) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    CREDENTIALS.iter().any(|part| name.contains(part))
}

/// Whether a text gives a credential by its name, as a form or a document does.
pub(super) fn holds_credential(text: &str) -> bool {
    PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// A text without the values of credentials, and a URL without user and password.
pub(super) fn without(text: &str) -> String {
    let text = match text.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, behind) = rest.split_at(end);
            format!("{scheme}://{}{behind}", authority.rsplit('@').next().unwrap_or_default())
        }
        None => text.to_owned(),
    };
    match PATTERN.as_ref() {
        Some(pattern) => pattern.replace_all(&text, "${1}***").into_owned(),
        None => text,
    }
}

/// A name of a credential with its sign in group 1, and the value up to the next name of a form. What is a variable is none yet.
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names: Vec<String> = CREDENTIALS.iter().map(|name| name.replace('-', "[-_]?")).collect();
    Regex::new(&format!(r#"(?i)((?:{})[\w-]*["']?\s*[=:]\s*)[^&\s$][^&]*"#, names.join("|"))).ok()
});
