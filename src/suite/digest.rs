//! Digest of a check's definition: the numbers of two runs are comparable when it is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::diagnostic::Diagnostics;
use super::matrix::Cell;
use super::tree::{Kind, Node};
use super::vars::{self, Budget, Scope};
use crate::model::{Arg, Args, FieldInfo, FieldKind, FieldRole};
use crate::net::bytes::{hex, of_file};
use crate::probe::Family;

/// Hexadecimal digits of a digest.
pub(super) const DIGITS: usize = 16;

/// The variables of a suite as its file writes them, and after overrides. An override may say where to look, which changes
/// from run to run, or what to measure, which makes other numbers. The environment and secrets are known by name only.
pub struct DefinedVariables {
    vars: BTreeMap<String, Node>,
    overridden: BTreeMap<String, Node>,
    secrets: BTreeMap<String, String>,
    budget: Budget,
    /// `defaults.netns`, as the file writes it.
    netns: Option<Node>,
}

impl DefinedVariables {
    /// From the variables before and after overrides.
    pub(super) fn of(
        raw: &BTreeMap<String, Node>,
        overridden: &BTreeMap<String, Node>,
        secrets: &BTreeMap<String, String>,
        netns: Option<&Node>,
    ) -> Self {
        let secrets: BTreeMap<String, String> =
            secrets.keys().map(|name| (name.clone(), format!("${{{name}}}"))).collect();
        // What is wrong with the variables is told where they are used.
        let resolved = |raw| vars::resolve_all(raw, &secrets, &environment, &mut Diagnostics::default());
        let (vars, overridden) = (resolved(raw), resolved(overridden));
        Self { vars, overridden, secrets, budget: Budget::of_definitions(), netns: netns.cloned() }
    }

    /// Hash of a family and its fields in any order of keys; the patience belongs to it, the network namespace as the suite
    /// writes it, and whether both IP versions are asked.
    pub(super) fn digest(
        &self,
        (family, below): (&Family, &Node),
        (netns, parity): (Option<&Node>, bool),
        timeout: Option<&Node>,
        cell: &Cell,
    ) -> String {
        let resolved = |node, vars| {
            let broken = BTreeSet::new();
            let scope = Scope {
                vars,
                secrets: &self.secrets,
                matrix: cell,
                env: &environment,
                budget: &self.budget,
                broken: &broken,
                of_variable: false,
                captured: None,
            };
            vars::resolve(node, &scope, &mut Diagnostics::default())
        };
        let defined = fields(&resolved(below, &self.vars), resolved(below, &self.overridden), family.fields);
        let mut text = format!("{} ", family.name);
        canonical(&defined, &mut text);
        if let Some(timeout) = timeout {
            canonical(timeout, &mut text);
        }
        if let Some(netns) = netns.or(self.netns.as_ref()) {
            text.push_str(" netns ");
            canonical(&resolved(netns, &self.vars), &mut text);
        }
        if parity {
            text.push_str(" parity");
        }
        hex(&Sha256::digest(text.as_bytes())).chars().take(DIGITS).collect()
    }
}

/// Whether a field says where to look, whatever its kind.
fn is_place(field: &FieldInfo) -> bool {
    field.has(FieldRole::Location) || field.has(FieldRole::Interface)
}

/// The fields after overrides, but those that say where to look as they are written.
fn fields(written: &Node, now: Node, table: &[FieldInfo]) -> Node {
    let Kind::Map(entries) = now.kind else { return now };
    let entries = entries.into_iter().map(|(key, value)| {
        let field = table.iter().find(|field| field.name == key.name);
        let value = match (field, written.get(&key.name)) {
            (Some(field), Some(then)) if is_place(field) => then.clone(),
            (Some(field), Some(then)) => defined(then, value, &field.kind),
            _ => value,
        };
        (key, value)
    });
    Node::new(now.span, Kind::Map(entries.collect()))
}

/// The files of a check whose content is a part of it.
pub(super) struct Contents(Vec<[u8; 32]>);

impl Contents {
    /// Reads them, once for all cells of a grid.
    pub(super) fn of(fields: &[FieldInfo], args: &Args) -> Self {
        let files =
            fields.iter().filter(|field| field.has(FieldRole::Content)).filter_map(|field| args.0.get(field.name));
        let paths = files.flat_map(|arg| if let Arg::List(items) = arg { items } else { std::slice::from_ref(arg) });
        let contents = paths.filter_map(|arg| {
            let Arg::Text(path) = arg else { return None };
            // One that cannot be read is told of by the probe.
            of_file(path, u64::MAX >> 1).ok()
        });
        Self(contents.map(|content| Sha256::digest(content).into()).collect())
    }

    /// The digest with what they hold: another content is another request, or another policy.
    pub(super) fn added_to(&self, digest: String) -> String {
        self.0.iter().fold(digest, |digest, content| {
            let text = [digest.as_bytes(), content].concat();
            hex(&Sha256::digest(text)).chars().take(DIGITS).collect()
        })
    }
}

/// The part of one value that belongs to the definition.
fn defined(written: &Node, now: Node, kind: &FieldKind) -> Node {
    match kind {
        FieldKind::Host | FieldKind::Address | FieldKind::Endpoint | FieldKind::Probe(..) => written.clone(),
        FieldKind::Url => match (&written.kind, &now.kind) {
            (Kind::Scalar(then, plain), Kind::Scalar(text, _)) => {
                Node::new(now.span, Kind::Scalar(url(then, text), *plain))
            }
            _ => now,
        },
        FieldKind::Group(table) | FieldKind::GroupOr(_, table) | FieldKind::Switch(table)
            if matches!((&written.kind, &now.kind), (Kind::Map(_), Kind::Map(_))) =>
        {
            fields(written, now, table)
        }
        FieldKind::GroupOr(main, table) => match table.iter().find(|field| field.name == *main) {
            Some(field) if !is_place(field) => defined(written, now, &field.kind),
            _ => written.clone(),
        },
        FieldKind::Group(table) | FieldKind::Switch(table) => fields(written, now, table),
        FieldKind::List(item) => match (&written.kind, now.kind) {
            (Kind::List(then), Kind::List(items)) if then.len() == items.len() => {
                let items = then.iter().zip(items).map(|(then, one)| defined(then, one, item));
                Node::new(now.span, Kind::List(items.collect()))
            }
            // A single item may stand without brackets.
            (Kind::Scalar(..), kind @ Kind::Scalar(..)) => defined(written, Node::new(now.span, kind), item),
            (_, kind) => Node::new(now.span, kind),
        },
        _ => now,
    }
}

/// A URL with scheme, path and query after overrides, and host and port as written.
fn url(written: &str, now: &str) -> String {
    let ((_, host, then), (scheme, _, rest)) = (parts(written), parts(now));
    // No path and the root are one.
    let same = matches!((then, rest), ("", "/") | ("/", ""));
    format!("{scheme}{host}{}", if same { then } else { rest })
}

/// Scheme with its `://`, authority, and the rest.
fn parts(url: &str) -> (&str, &str, &str) {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[scheme..].find(['/', '?', '#']).map_or(url.len(), |at| scheme + at);
    (&url[..scheme], &url[scheme..end], &url[end..])
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

    use super::{DefinedVariables, url};
    use crate::suite::diagnostic::{Diagnostics, Sources};
    use crate::suite::tree::{self, Node};

    fn node(text: &str) -> Node {
        let (mut sources, mut errors) = (Sources::default(), Diagnostics::default());
        let source = sources.add("x", text.to_owned());
        tree::parse(source, &sources, &mut errors).unwrap()
    }

    /// The digest of a check with one variable `v`, as written and as overridden.
    fn of(family: &str, text: &str, written: &str, now: &str, secret: &str) -> String {
        let family = crate::checks::FAMILIES.iter().find(|one| one.name == family).unwrap();
        let vars = |value: &str| BTreeMap::from([("v".to_owned(), node(value))]);
        let secrets = BTreeMap::from([("TOKEN".to_owned(), secret.to_owned())]);
        let defined = DefinedVariables::of(&vars(written), &vars(now), &secrets, None);
        defined.digest((family, &node(text)), (None, false), None, &BTreeMap::new())
    }

    fn digest(text: &str, v: &str) -> String {
        of("tcp", text, v, v, "s3cret")
    }

    #[test]
    fn the_target_decides_and_nothing_else() {
        let one = digest("{host: a, port: 1}", "0");
        assert_eq!(one, digest("port: 1 # there\nhost: a\n", "0"));
        assert_ne!(one, digest("{host: a, port: 2}", "0"));
        assert_ne!(digest("[a, b]", "0"), digest("[ab]", "0"));
        assert_eq!(digest("{port: \"${v}\"}", "5"), digest("{port: \"5\"}", "0"));
        assert_ne!(digest("{port: \"${v}\"}", "5"), digest("{port: \"${v}\"}", "6"));
    }

    #[test]
    fn an_override_may_move_a_check_but_not_change_what_it_measures() {
        for (family, text, now, same) in [
            ("tcp", "{host: \"${v}\", port: 1}", "b", true),
            ("tcp", "{host: h, port: \"${v}\"}", "2", true),
            ("tcp", "{host: h, port: 1, source: \"${v}\"}", "192.0.2.1", true),
            ("tcp", "{host: h, port: 1, send: \"${v}\"}", "b", false),
            ("tls", "{host: h, sni: \"${v}\"}", "b", true),
            ("icmp", "{host: h, size: \"${v}\"}", "1400", false),
            ("dns", "{server: \"${v}\", name: a.example}", "192.0.2.1:53", true),
            ("dns", "{server: s, name: \"${v}\"}", "b.example", false),
            ("throughput", "{server: \"${v}\"}", "b:5201", true),
            ("http", "{url: \"http://${v}/x\"}", "b:81", true),
            ("http", "{url: \"http://h/${v}\"}", "b", false),
            ("http", "{url: \"http://h/?q=${v}\"}", "b", false),
            ("http", "{url: \"${v}\"}", "http://b", false),
            ("failover", "{probe: {tcp: {host: \"${v}\", port: 1}}}", "b", true),
            ("failover", "{probe: {tcp: {host: h, port: 1}}, inject: {run: \"${v}\"}}", "b", false),
            // Another sort of value is another definition.
            ("tcp", "\"${v}\"", "{host: h}", false),
        ] {
            let (before, after) = (of(family, text, "a", "a", "s"), of(family, text, "a", now, "s"));
            assert_eq!(before == after, same, "{family} {text}");
        }
        // A value that was overridden with itself.
        assert_eq!(of("icmp", "{size: \"${v}\"}", "16", "16", "s"), of("icmp", "{size: 16}", "0", "1", "s"));
    }

    #[test]
    fn of_a_url_the_host_stays_as_written() {
        for (written, now, want) in [
            ("http://a/x", "http://b:8080/y?z", "http://a/y?z"),
            ("http://a:1", "https://b", "https://a:1"),
            ("http://a/", "http://b", "http://a/"),
            ("http://a", "http://b/", "http://a"),
            ("http://a?q", "http://b?r#s", "http://a?r#s"),
            ("${env.BASE}/x", "${env.BASE}/x", "${env.BASE}/x"),
            ("", "", ""),
        ] {
            assert_eq!(url(written, now), want, "{written} {now}");
        }
    }

    #[test]
    fn where_it_is_looked_at_from_counts_as_written() {
        let family = crate::checks::FAMILIES.iter().find(|one| one.name == "tcp").unwrap();
        let vars = |value: &str| BTreeMap::from([("v".to_owned(), node(value))]);
        let of = |own: Option<&str>, of_all: Option<&str>, now: &str| {
            let (own, of_all) = (own.map(node), of_all.map(node));
            let defined = DefinedVariables::of(&vars("a"), &vars(now), &BTreeMap::new(), of_all.as_ref());
            defined.digest((family, &node("{host: h, port: 1}")), (own.as_ref(), false), None, &BTreeMap::new())
        };
        assert_eq!(of(None, None, "a"), digest("{host: h, port: 1}", "0"));
        assert_ne!(of(Some("a"), None, "a"), of(None, None, "a"));
        assert_ne!(of(Some("a"), None, "a"), of(Some("b"), None, "a"));
        assert_eq!(of(Some("a"), None, "a"), of(None, Some("a"), "a"), "wherever it is written");
        for (own, of_all) in [(Some("\"${v}\""), None), (None, Some("\"${v}\""))] {
            assert_eq!(of(own, of_all, "a"), of(own, of_all, "b"), "an override says where to look");
        }
    }

    #[test]
    fn a_secret_is_known_by_name() {
        let with = |secret: &str| of("tcp", "{send: \"${TOKEN} ${env.HOME}\"}", "0", "0", secret);
        assert_eq!(with("one"), with("two"));
    }
}
