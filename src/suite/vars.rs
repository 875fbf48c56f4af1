//! `${…}` inside scalars: suite variables, matrix cells, environment, secrets. Never text templating.

mod circle;
mod lookup;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::captured::CaptureNames;
use super::diagnostic::{Diagnostics, Span};
use super::tree::{Key, Kind, Node};
use crate::model::text::MASK;
use circle::circle;
pub(super) use lookup::Lookup;

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
    /// Variables of which something is wrong already: whoever names them has no mistake of its own.
    pub broken: &'a BTreeSet<String>,
    /// Whether the text is a variable itself, which is the same for every case.
    pub of_variable: bool,
    /// What checks capture; absent where references stay as they are written.
    pub captured: Option<&'a CaptureNames>,
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
                    let help = "only values are replaced: write the key as it is; several cases need a `matrix`";
                    errors.add(key.span, format!("key `{}` holds a variable", key.name), help);
                }
                out.push((Key { name: key.name.clone(), span: key.span }, resolve(item, scope, errors)));
            }
            Kind::Map(out)
        }
    };
    Node { span: node.span, kind, shown: node.shown.clone() }
}

/// What stands within `${…}`: a name, and after `:-` its default.
struct Reference<'t> {
    inner: &'t str,
    name: &'t str,
    default: Option<&'t str>,
}

impl<'t> Reference<'t> {
    fn of(inner: &'t str) -> Self {
        match inner.split_once(":-") {
            Some((name, default)) => Self { inner, name: name.trim(), default: Some(default) },
            None => Self { inner, name: inner.trim(), default: None },
        }
    }
}

/// The text so far: as it is, and for people.
#[derive(Default)]
struct Interpolated {
    value: String,
    shown: String,
    secret: bool,
}

impl Interpolated {
    fn push(&mut self, text: &str) {
        self.push_shown(text, text);
    }

    fn push_shown(&mut self, text: &str, shown: &str) {
        self.value.push_str(text);
        self.shown.push_str(shown);
    }

    /// The value of a reference; itself, with an error, where it has none.
    fn insert(&mut self, reference: &Reference<'_>, found: Lookup<'_>, span: Span, errors: &mut Diagnostics) {
        let Reference { inner, name, default } = *reference;
        match (found, default) {
            (Lookup::Node(Node { kind: Kind::Scalar(value, _), shown, .. }), _) => {
                self.secret |= shown.is_some();
                self.push_shown(value, shown.as_deref().unwrap_or(value));
            }
            (Lookup::Node(node), _) => {
                let sort = node.sort();
                errors.add(span, format!("`${{{name}}}` is {sort} and cannot be inside of a text"), "use it alone");
            }
            (Lookup::Text(value), _) => self.push(&value),
            (Lookup::Secret(value), _) => {
                self.secret = true;
                self.push_shown(value, MASK);
            }
            (Lookup::OfTarget(word), None) => self.push(word),
            (Lookup::Captured(_) | Lookup::OfTarget(_), Some(_)) => {
                let help = format!("write `${{{name}}}`: without a value the check does not run");
                errors.add(span, format!("`${{{name}}}` has no default"), help);
                self.push(&format!("${{{inner}}}"));
            }
            // It is shown by its name, whoever may see its value.
            (Lookup::Captured(word), None) => {
                self.secret = true;
                self.push_shown(&word, &format!("${{{name}}}"));
            }
            (Lookup::Wrong { message, help }, _) => {
                errors.add(span, message, help);
                self.push(&format!("${{{inner}}}"));
            }
            (Lookup::Missing(_), Some(default)) => self.push(default),
            (Lookup::Broken, _) => {
                errors.mark(span);
                self.push(&format!("${{{inner}}}"));
            }
            (Lookup::Missing(help), None) => {
                errors.add(span, format!("`${{{name}}}` is not defined"), help);
                self.push(&format!("${{{inner}}}"));
            }
        }
    }

    fn node(self, span: Span, plain: bool) -> Node {
        let shown = self.secret.then(|| self.shown.into());
        Node { span, kind: Kind::Scalar(self.value, plain), shown }
    }
}

fn scalar(span: Span, text: &str, plain: bool, scope: &Scope<'_>, errors: &mut Diagnostics) -> Node {
    let mut out = Interpolated::default();
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
            errors.add(span, "`${` is not closed", closed(&rest[at + 2..]));
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
        let reference = Reference::of(inner);
        let found = scope.find(reference.name, errors);
        let room = match &found {
            Lookup::Node(node) => scope.budget.take(node, 1),
            Lookup::Text(value) => scope.budget.text(value),
            Lookup::Secret(value) => scope.budget.text(value),
            Lookup::Captured(_) | Lookup::OfTarget(_) | Lookup::Wrong { .. } | Lookup::Missing(_) | Lookup::Broken => {
                true
            }
        };
        if !room {
            scope.budget.exceeded(span, errors);
            return Node::new(span, Kind::Null);
        }
        if let (Lookup::Node(node), true) = (&found, whole) {
            return Node { span, kind: node.kind.clone(), shown: node.shown.clone() };
        }
        out.insert(&reference, found, span, errors);
    }
    out.push(rest);
    out.node(span, plain)
}

/// What to write in place of a `${` without its end.
fn closed(after: &str) -> String {
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-')).collect();
    let name = if name.is_empty() { "name" } else { &name };
    format!("write ${{{name}}}, or $${{ for a literal ${{")
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
pub(super) fn names(node: &Node) -> Box<dyn Iterator<Item = &str> + '_> {
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
    let (matrix, budget, broken) = (BTreeMap::new(), Budget::new(Budget::VARIABLES), BTreeSet::new());
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
        let scope = Scope {
            vars: &resolved,
            secrets,
            matrix: &matrix,
            env,
            budget: &budget,
            broken: &broken,
            of_variable: true,
            captured: None,
        };
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
    // Of those that name each other each is told; of what merely names a broken one, nothing.
    let circle = circle(raw, &pending);
    let broken: BTreeSet<String> = pending.iter().map(|name| (*name).clone()).collect();
    let scope = Scope {
        vars: &resolved,
        secrets,
        matrix: &matrix,
        env,
        budget: &budget,
        broken: &broken,
        of_variable: true,
        captured: None,
    };
    for name in &pending {
        let around: Vec<&str> = names(&raw[*name]).filter(|other| circle.contains(*other)).collect();
        if circle.contains(name.as_str()) {
            let message = format!("`{name}` refers to itself, through `${{{}}}`", around.join("} and ${"));
            errors.add(raw[*name].span, message, "they form a dependency cycle: write the value of one of them");
        }
        let _ = resolve(&raw[*name], &scope, errors);
    }
    resolved
}
