//! `${…}` inside scalars: suite variables, matrix cells, environment, secrets. Never text templating.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::{Diagnostics, Span};
use super::tree::{Key, Kind, Node};
use crate::model::text::MASK;

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
    /// What may still be put in place of names.
    pub budget: &'a Budget,
}

/// Bytes counted for a node beside its text.
const NODE_BYTES: usize = 16;

/// How much `${…}` may still add: names that stand for names grow without bound.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    left: std::cell::Cell<usize>,
}

impl Budget {
    /// Of the variables themselves, bytes.
    const VARIABLES: usize = 16 * 1024 * 1024;
    /// Of all checks, bytes.
    const CHECKS: usize = 128 * 1024 * 1024;

    /// Of all checks of a suite.
    #[must_use]
    pub fn of_checks() -> Self {
        Self::new(Self::CHECKS)
    }

    /// Of the definitions of all checks, each of which is looked at as written and after overrides.
    #[must_use]
    pub fn of_definitions() -> Self {
        Self::new(3 * Self::CHECKS)
    }

    fn new(most: usize) -> Self {
        Self { most, left: std::cell::Cell::new(most) }
    }

    /// Takes what `node` adds, `times` over; false when that is too much. It looks at no more than there is room for.
    pub(super) fn take(&self, node: &Node, times: usize) -> bool {
        let Some(mut left) = self.left.get().checked_div(times) else { return true };
        let fits = fits(node, &mut left);
        self.left.set(if fits { left * times } else { 0 });
        fits
    }

    fn text(&self, text: &str) -> bool {
        let left = self.left.get().checked_sub(text.len());
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The error of who took too much.
    pub(super) fn exceeded(&self, span: Span, errors: &mut Diagnostics) {
        let message = format!("variables and cells expand to more than {} bytes", self.most);
        errors.add(span, message, "name fewer variables within variables, or split the suite");
    }
}

fn fits(node: &Node, left: &mut usize) -> bool {
    let own = NODE_BYTES + node.text().map_or(0, str::len);
    let Some(rest) = left.checked_sub(own) else { return false };
    *left = rest;
    match &node.kind {
        Kind::List(items) => items.iter().all(|item| fits(item, left)),
        Kind::Map(entries) => entries.iter().all(|(_, item)| fits(item, left)),
        Kind::Null | Kind::Scalar(..) => true,
    }
}

enum Lookup<'a> {
    Node(&'a Node),
    Text(String),
    Secret(&'a str),
    Missing(String),
}

impl<'a> Scope<'a> {
    fn find(&self, name: &str, errors: &Diagnostics) -> Lookup<'a> {
        if let Some(variable) = name.strip_prefix("env.") {
            return (self.env)(variable).map_or_else(
                || Lookup::Missing(format!("set {variable}, or write a default: ${{env.{variable}:-value}}")),
                Lookup::Text,
            );
        }
        if let Some(key) = name.strip_prefix("matrix.") {
            let missing = || {
                let help = errors.suggest(key, self.matrix.keys().map(String::as_str));
                let define = format!("define it in the check: matrix: {{{key}: [VALUE, …]}}");
                Lookup::Missing(if self.matrix.is_empty() { define } else { help })
            };
            return self.matrix.get(key).map_or_else(missing, Lookup::Node);
        }
        if let Some(node) = self.vars.get(name) {
            return Lookup::Node(node);
        }
        if let Some(secret) = self.secrets.get(name) {
            return Lookup::Secret(secret);
        }
        let known = self.vars.keys().chain(self.secrets.keys()).map(String::as_str);
        let help = errors.suggest(name, known);
        if help.starts_with("did you mean") {
            return Lookup::Missing(help);
        }
        let known = if help.is_empty() { help } else { format!(" ({help})") };
        Lookup::Missing(format!("define it, vars: {{{name}: VALUE}}, or give it, --var {name}=VALUE{known}"))
    }
}

/// A copy of `node` in which every `${…}` is replaced. What cannot be replaced goes to `errors`.
pub fn resolve(node: &Node, scope: &Scope<'_>, errors: &mut Diagnostics) -> Node {
    let kind = match &node.kind {
        Kind::Null => Kind::Null,
        // What holds a secret is put together already, and the secret is no template.
        Kind::Scalar(text, plain) if text.contains('$') && node.shown.is_none() => {
            return scalar(node.span, text, *plain, scope, errors);
        }
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
    Node { span: node.span, kind, shown: node.shown.clone() }
}

/// The text so far: as it is, and for people.
#[derive(Default)]
struct Built {
    value: String,
    shown: String,
    secret: bool,
}

impl Built {
    fn push(&mut self, text: &str) {
        self.push_shown(text, text);
    }

    fn push_shown(&mut self, text: &str, shown: &str) {
        self.value.push_str(text);
        self.shown.push_str(shown);
    }

    fn node(self, span: Span, plain: bool) -> Node {
        let shown = self.secret.then(|| self.shown.into());
        Node { span, kind: Kind::Scalar(self.value, plain), shown }
    }
}

fn scalar(span: Span, text: &str, plain: bool, scope: &Scope<'_>, errors: &mut Diagnostics) -> Node {
    let mut out = Built::default();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        // `$${` is a literal `${`.
        if rest[..at].ends_with('$') {
            out.push(&rest[..at - 1]);
            out.push("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            errors.add(span, "`${` is not closed", "write ${name}, or $${ for a literal ${");
            return Node::new(span, Kind::Scalar(text.to_owned(), plain));
        };
        let inner = &rest[at + 2..at + end];
        if inner.contains("${") {
            let message = "`${` inside `${…}` is not replaced";
            errors.add(span, message, "define a variable for the inner one, and name that");
            return Node::new(span, Kind::Scalar(text.to_owned(), plain));
        }
        let whole = at == 0 && out.value.is_empty() && at + end + 1 == rest.len();
        rest = &rest[at + end + 1..];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name.trim(), Some(default)),
            None => (inner.trim(), None),
        };
        let found = scope.find(name, errors);
        let room = match &found {
            Lookup::Node(node) => scope.budget.take(node, 1),
            Lookup::Text(value) => scope.budget.text(value),
            Lookup::Secret(value) => scope.budget.text(value),
            Lookup::Missing(_) => true,
        };
        if !room {
            scope.budget.exceeded(span, errors);
            return Node::new(span, Kind::Null);
        }
        match (found, default) {
            (Lookup::Node(node), _) if whole => {
                return Node { span, kind: node.kind.clone(), shown: node.shown.clone() };
            }
            (Lookup::Node(Node { kind: Kind::Scalar(value, _), shown, .. }), _) => {
                out.secret |= shown.is_some();
                out.push_shown(value, shown.as_deref().unwrap_or(value));
            }
            (Lookup::Node(node), _) => {
                let sort = node.sort();
                errors.add(span, format!("`${{{name}}}` is {sort} and cannot stand inside text"), "use it alone");
            }
            (Lookup::Text(value), _) => out.push(&value),
            (Lookup::Secret(value), _) => {
                out.secret = true;
                out.push_shown(value, MASK);
            }
            (Lookup::Missing(_), Some(default)) => out.push(default),
            (Lookup::Missing(help), None) => {
                errors.add(span, format!("`${{{name}}}` is not defined"), help);
                out.push("${");
                out.push(inner);
                out.push("}");
            }
        }
    }
    out.push(rest);
    out.node(span, plain)
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

/// The names in every `${…}` below `node`.
fn names(node: &Node) -> Box<dyn Iterator<Item = &str> + '_> {
    match &node.kind {
        Kind::Null => Box::new(std::iter::empty()),
        Kind::Scalar(text, _) => Box::new(text.split("${").skip(1).map(|rest| {
            rest.split_once('}').map_or("", |(inner, _)| inner.split(":-").next().unwrap_or_default()).trim()
        })),
        Kind::List(items) => Box::new(items.iter().flat_map(names)),
        Kind::Map(entries) => Box::new(entries.iter().flat_map(|(_, item)| names(item))),
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
    let (matrix, budget) = (BTreeMap::new(), Budget::new(Budget::VARIABLES));
    let mut resolved: BTreeMap<String, Node> = BTreeMap::new();
    // Each is put together once, after those it names.
    let mut waits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, node) in raw {
        let needed: BTreeSet<&str> = names(node).filter(|needed| raw.contains_key(*needed)).collect();
        waits.insert(name, needed.len());
        for needed in needed {
            waiting.entry(needed).or_default().push(name);
        }
    }
    let mut ready: Vec<&str> = waits.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ready.pop() {
        let mut trial = Diagnostics::default();
        let scope = Scope { vars: &resolved, secrets, matrix: &matrix, env, budget: &budget };
        let node = resolve(&raw[name], &scope, &mut trial);
        // What names something unknown is told below, with all that depends on it.
        if !trial.is_empty() {
            continue;
        }
        resolved.insert(name.to_owned(), node);
        for other in waiting.remove(name).unwrap_or_default() {
            if let Some(count) = waits.get_mut(other) {
                *count -= 1;
                if *count == 0 {
                    ready.push(other);
                }
            }
        }
    }
    let pending: Vec<&String> = raw.keys().filter(|name| !resolved.contains_key(*name)).collect();
    let scope = Scope { vars: &resolved, secrets, matrix: &matrix, env, budget: &budget };
    for name in pending {
        let _ = resolve(&raw[name], &scope, errors);
    }
    resolved
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Budget, Diagnostics, Kind, Node, Scope, affected, mentions, resolve, resolve_all};
    use crate::suite::diagnostic::Span;

    fn scalar(text: &str) -> Node {
        Node::new(Span::default(), Kind::Scalar(text.into(), true))
    }

    fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, Node> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), scalar(v))).collect()
    }

    fn run(text: &str) -> (String, usize) {
        let vars = vars(&[("vip", "192.0.2.10"), ("zone", "corp.example")]);
        let secrets = BTreeMap::from([("TOKEN".to_owned(), "t0ken".to_owned())]);
        let matrix = BTreeMap::from([("family".to_owned(), scalar("ipv4"))]);
        let env = |name: &str| (name == "SITE").then(|| "fra".to_owned());
        let budget = Budget::of_checks();
        let scope = Scope { vars: &vars, secrets: &secrets, matrix: &matrix, env: &env, budget: &budget };
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
