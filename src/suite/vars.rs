//! `${…}` inside scalars: suite variables, matrix cells, environment, secrets. Never text templating.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::{Diagnostics, Span, suggest};
use super::tree::{Key, Kind, Node};

/// Reads an environment variable; a function, so that tests need no real environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The values of names.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// `vars:` after overrides, resolved.
    pub vars: &'a BTreeMap<String, Node>,
    /// Declared secrets with their values.
    pub secrets: &'a BTreeMap<String, String>,
    /// The cell of the matrix.
    pub matrix: &'a BTreeMap<String, Node>,
    /// The environment.
    pub env: Env<'a>,
}

enum Lookup {
    Node(Node),
    Text(String),
    Missing(String),
}

impl Scope<'_> {
    fn find(&self, name: &str) -> Lookup {
        if let Some(variable) = name.strip_prefix("env.") {
            return (self.env)(variable).map_or_else(
                || Lookup::Missing(format!("set {variable}, or write a default: ${{env.{variable}:-value}}")),
                Lookup::Text,
            );
        }
        if let Some(key) = name.strip_prefix("matrix.") {
            return self
                .matrix
                .get(key)
                .cloned()
                .map_or_else(|| Lookup::Missing(suggest(key, self.matrix.keys().map(String::as_str))), Lookup::Node);
        }
        if let Some(node) = self.vars.get(name) {
            return Lookup::Node(node.clone());
        }
        if let Some(secret) = self.secrets.get(name) {
            return Lookup::Text(secret.clone());
        }
        let known = self.vars.keys().chain(self.secrets.keys()).map(String::as_str);
        Lookup::Missing(suggest(name, known))
    }
}

/// A copy of `node` in which every `${…}` is replaced. What cannot be replaced goes to `errors`.
pub fn resolve(node: &Node, scope: &Scope<'_>, errors: &mut Diagnostics) -> Node {
    let kind = match &node.kind {
        Kind::Null => Kind::Null,
        Kind::Scalar(text, plain) if text.contains('$') => return scalar(node.span, text, *plain, scope, errors),
        Kind::Scalar(text, plain) => Kind::Scalar(text.clone(), *plain),
        Kind::List(items) => Kind::List(items.iter().map(|item| resolve(item, scope, errors)).collect()),
        Kind::Map(entries) => {
            let mut out = Vec::with_capacity(entries.len());
            for (key, item) in entries {
                if key.name.contains("${") {
                    errors.add(key.span, format!("key `{}` holds a variable", key.name), "only values are replaced");
                }
                out.push((Key { name: key.name.clone(), span: key.span }, resolve(item, scope, errors)));
            }
            Kind::Map(out)
        }
    };
    Node { span: node.span, kind }
}

fn scalar(span: Span, text: &str, plain: bool, scope: &Scope<'_>, errors: &mut Diagnostics) -> Node {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        // `$${` is a literal `${`.
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            errors.add(span, "`${` is not closed", "write ${name}, or $${ for a literal ${");
            return Node { span, kind: Kind::Scalar(text.to_owned(), plain) };
        };
        let inner = &rest[at + 2..at + end];
        if inner.contains("${") {
            let message = "`${` inside `${…}` is not replaced";
            errors.add(span, message, "define a variable for the inner one, and name that");
            return Node { span, kind: Kind::Scalar(text.to_owned(), plain) };
        }
        let whole = at == 0 && out.is_empty() && at + end + 1 == rest.len();
        rest = &rest[at + end + 1..];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name.trim(), Some(default)),
            None => (inner.trim(), None),
        };
        match (scope.find(name), default) {
            (Lookup::Node(node), _) if whole => return Node { span, kind: node.kind },
            (Lookup::Node(Node { kind: Kind::Scalar(value, _), .. }), _) => out.push_str(&value),
            (Lookup::Node(node), _) => {
                let sort = node.sort();
                errors.add(span, format!("`${{{name}}}` is {sort} and cannot stand inside text"), "use it alone");
            }
            (Lookup::Text(value), _) => out.push_str(&value),
            (Lookup::Missing(_), Some(default)) => out.push_str(default),
            (Lookup::Missing(help), None) => {
                errors.add(span, format!("`${{{name}}}` stands for nothing"), help);
                out.push_str("${");
                out.push_str(inner);
                out.push('}');
            }
        }
    }
    out.push_str(rest);
    Node { span, kind: Kind::Scalar(out, plain) }
}

/// The variables whose value depends on one of `changed`, those included.
pub fn affected<'a>(raw: &BTreeMap<String, Node>, changed: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let mut out: BTreeSet<String> = changed.cloned().collect();
    loop {
        let more: Vec<&String> = raw
            .iter()
            .filter(|(name, node)| !out.contains(*name) && mentions(node, &out))
            .map(|(name, _)| name)
            .collect();
        if more.is_empty() {
            return out;
        }
        out.extend(more.into_iter().cloned());
    }
}

/// Whether a `${…}` below `node` names one of `names`.
#[must_use]
pub fn mentions(node: &Node, names: &BTreeSet<String>) -> bool {
    match &node.kind {
        Kind::Null => false,
        Kind::Scalar(text, _) => text.split("${").skip(1).any(|rest| {
            let name = rest.split_once('}').map_or("", |(inner, _)| inner.split(":-").next().unwrap_or_default());
            names.contains(name.trim())
        }),
        Kind::List(items) => items.iter().any(|item| mentions(item, names)),
        Kind::Map(entries) => entries.iter().any(|(_, item)| mentions(item, names)),
    }
}

/// Resolves `vars:` that name each other, after overrides. A cycle or an unknown name goes to `errors`.
pub fn resolve_all(
    raw: &BTreeMap<String, Node>,
    secrets: &BTreeMap<String, String>,
    env: Env<'_>,
    errors: &mut Diagnostics,
) -> BTreeMap<String, Node> {
    let matrix = BTreeMap::new();
    let mut resolved: BTreeMap<String, Node> = BTreeMap::new();
    let mut pending: Vec<&String> = raw.keys().collect();
    loop {
        let before = pending.len();
        let mut found = Vec::new();
        pending.retain(|name| {
            let mut trial = Diagnostics::default();
            let scope = Scope { vars: &resolved, secrets, matrix: &matrix, env };
            let node = resolve(&raw[*name], &scope, &mut trial);
            if trial.is_empty() {
                found.push(((*name).clone(), node));
            }
            !trial.is_empty()
        });
        resolved.extend(found);
        if pending.is_empty() || pending.len() == before {
            break;
        }
    }
    let scope = Scope { vars: &resolved, secrets, matrix: &matrix, env };
    for name in pending {
        let _ = resolve(&raw[name], &scope, errors);
    }
    resolved
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Diagnostics, Kind, Node, Scope, affected, mentions, resolve, resolve_all};
    use crate::suite::diagnostic::Span;

    fn scalar(text: &str) -> Node {
        Node { span: Span::default(), kind: Kind::Scalar(text.into(), true) }
    }

    fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, Node> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), scalar(v))).collect()
    }

    fn run(text: &str) -> (String, usize) {
        let vars = vars(&[("vip", "192.0.2.10"), ("zone", "corp.example")]);
        let secrets = BTreeMap::from([("TOKEN".to_owned(), "t0ken".to_owned())]);
        let matrix = BTreeMap::from([("family".to_owned(), scalar("ipv4"))]);
        let env = |name: &str| (name == "SITE").then(|| "fra".to_owned());
        let scope = Scope { vars: &vars, secrets: &secrets, matrix: &matrix, env: &env };
        let mut errors = Diagnostics::default();
        let node = resolve(&scalar(text), &scope, &mut errors);
        (node.text().unwrap().to_owned(), errors.0.len())
    }

    #[test]
    fn names_are_replaced_inside_scalars() {
        for (text, want, errors) in [
            ("api.${zone}", "api.corp.example", 0),
            ("${vip}:${matrix.family}", "192.0.2.10:ipv4", 0),
            ("Bearer ${TOKEN}", "Bearer t0ken", 0),
            ("${env.SITE}", "fra", 0),
            ("${env.NOPE:-lab}", "lab", 0),
            ("$${vip} costs $5", "${vip} costs $5", 0),
            ("${zoen}", "${zoen}", 1),
            ("${env.NOPE}", "${env.NOPE}", 1),
            ("${vip", "${vip", 1),
            ("${env.NOPE:-${zone}}", "${env.NOPE:-${zone}}", 1),
        ] {
            assert_eq!(run(text), (want.to_owned(), errors), "{text}");
        }
    }

    #[test]
    fn what_an_override_touches_is_followed_through_variables() {
        let raw = vars(&[("port", "1"), ("where", "${host}:${port}"), ("host", "h"), ("url", "http://${where:-x}/")]);
        let changed = ["port".to_owned()];
        let affected = affected(&raw, changed.iter());
        assert_eq!(affected.iter().map(String::as_str).collect::<Vec<_>>(), ["port", "url", "where"]);
        assert!(mentions(&scalar("a ${url} b"), &affected));
        assert!(!mentions(&scalar("${host} $port {url}"), &affected));
    }

    #[test]
    fn variables_may_name_variables_but_not_themselves() {
        let mut errors = Diagnostics::default();
        let env = |_: &str| None;
        let raw = vars(&[("a", "${b}.x"), ("b", "${c}"), ("c", "1")]);
        let resolved = resolve_all(&raw, &BTreeMap::new(), &env, &mut errors);
        assert_eq!(resolved["a"].text(), Some("1.x"));
        assert!(errors.is_empty());
        let raw = vars(&[("a", "${b}"), ("b", "${a}")]);
        resolve_all(&raw, &BTreeMap::new(), &env, &mut errors);
        assert!(!errors.is_empty());
    }
}
