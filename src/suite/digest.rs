//! What makes the numbers of two runs comparable: that the check looked at the same thing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::tree::{Kind, Node};

/// Hash of a family and its fields with every variable in place, in any order of keys; the patience belongs to it.
/// Secrets stay out: the hash of a weak one could be guessed.
pub(super) fn of(family: &str, below: &Node, timeout: Option<&Node>, secrets: &BTreeMap<String, String>) -> String {
    let mut text = format!("{family} ");
    canonical(below, &mut text);
    if let Some(timeout) = timeout {
        canonical(timeout, &mut text);
    }
    let hidden = |text: String, secret: &String| if secret.is_empty() { text } else { text.replace(secret, "***") };
    let text = secrets.values().fold(text, hidden);
    crate::net::bytes::hex(&Sha256::digest(text.as_bytes())).chars().take(16).collect()
}

fn canonical(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Null => out.push('~'),
        Kind::Scalar(text, _) => {
            let _ = write!(out, "{text:?}");
        }
        Kind::List(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
            }
            out.push(']');
        }
        Kind::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
            out.push('{');
            for (key, value) in sorted {
                let _ = write!(out, "{:?}:", key.name);
                canonical(value, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::of;
    use crate::suite::diagnostic::{Diagnostics, Sources};
    use crate::suite::tree;

    fn digest(text: &str, secret: &str) -> String {
        let (mut sources, mut errors) = (Sources::default(), Diagnostics::default());
        let source = sources.add("x", text.to_owned());
        let node = tree::parse(source, &sources, &mut errors).unwrap();
        of("tcp", &node, None, &BTreeMap::from([("S".to_owned(), secret.to_owned())]))
    }

    #[test]
    fn what_is_looked_at_decides_and_nothing_else() {
        let one = digest("{host: a, port: 1}", "");
        assert_eq!(one, digest("port: 1 # there\nhost: a\n", ""));
        assert_ne!(one, digest("{host: a, port: 2}", ""));
        assert_ne!(digest("[a, b]", ""), digest("[ab]", ""));
        assert_eq!(digest("{send: token-one}", "token-one"), digest("{send: token-two}", "token-two"));
    }
}
