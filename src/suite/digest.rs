//! What makes the numbers of two runs comparable: that the check looked at the same thing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::diagnostic::Diagnostics;
use super::matrix::Cell;
use super::tree::{Kind, Node};
use super::vars::{self, Scope};

/// The variables of a suite as its file writes them. Overrides, the environment and secrets say where to look, and change
/// from run to run; the file says what is looked at.
pub struct Written {
    vars: BTreeMap<String, Node>,
    secrets: BTreeMap<String, String>,
}

impl Written {
    /// From the variables before any override.
    pub(super) fn of(raw: &BTreeMap<String, Node>, secrets: &BTreeMap<String, String>) -> Self {
        let secrets: BTreeMap<String, String> =
            secrets.keys().map(|name| (name.clone(), format!("${{{name}}}"))).collect();
        // What is wrong with the variables is told where they are used.
        let vars = vars::settle(raw, &secrets, &environment, &mut Diagnostics::default());
        Self { vars, secrets }
    }

    /// Hash of a family and its fields in any order of keys; the patience belongs to it.
    pub(super) fn digest(&self, family: &str, below: &Node, timeout: Option<&Node>, cell: &Cell) -> String {
        let scope = Scope { vars: &self.vars, secrets: &self.secrets, matrix: cell, env: &environment };
        let mut text = format!("{family} ");
        canonical(&vars::resolve(below, &scope, &mut Diagnostics::default()), &mut text);
        if let Some(timeout) = timeout {
            canonical(timeout, &mut text);
        }
        crate::net::bytes::hex(&Sha256::digest(text.as_bytes())).chars().take(16).collect()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the type of an environment")]
fn environment(name: &str) -> Option<String> {
    Some(format!("${{env.{name}}}"))
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

    use super::Written;
    use crate::suite::diagnostic::{Diagnostics, Sources};
    use crate::suite::tree::{self, Node};

    fn node(text: &str) -> Node {
        let (mut sources, mut errors) = (Sources::default(), Diagnostics::default());
        let source = sources.add("x", text.to_owned());
        tree::parse(source, &sources, &mut errors).unwrap()
    }

    fn digest(text: &str, port: &str) -> String {
        let vars = BTreeMap::from([("port".to_owned(), node(port))]);
        let written = Written::of(&vars, &BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]));
        written.digest("tcp", &node(text), None, &BTreeMap::new())
    }

    #[test]
    fn what_is_looked_at_decides_and_nothing_else() {
        let one = digest("{host: a, port: 1}", "0");
        assert_eq!(one, digest("port: 1 # there\nhost: a\n", "0"));
        assert_ne!(one, digest("{host: a, port: 2}", "0"));
        assert_ne!(digest("[a, b]", "0"), digest("[ab]", "0"));
        assert_eq!(digest("{port: \"${port}\"}", "5"), digest("{port: \"5\"}", "0"));
        assert_ne!(digest("{port: \"${port}\"}", "5"), digest("{port: \"${port}\"}", "6"));
    }

    #[test]
    fn a_secret_is_known_by_name() {
        let with = |secret: &str| {
            let written = Written::of(&BTreeMap::new(), &BTreeMap::from([("TOKEN".to_owned(), secret.to_owned())]));
            written.digest("tcp", &node("{send: \"${TOKEN} ${env.HOME}\"}"), None, &BTreeMap::new())
        };
        assert_eq!(with("one"), with("two"));
    }
}
