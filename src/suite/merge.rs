//! A suite file and what it includes, as one document: lists append, anything defined twice is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::diagnostic::{Diagnostics, Sources, Span, suggest};
use super::documents::{json_lines, own_document};
use super::reading::{self, IncludeRoots};
use super::synonyms;
use super::syntax::flow;
use super::tables;
use super::tree::{self, Key, Kind, Node};

/// Deepest chain of includes.
const MAX_DEPTH: usize = 8;
/// Most files that one suite includes, each as often as it is included.
const MAX_INCLUDES: usize = 1000;
/// Most bytes of a suite with all it includes.
const MAX_TOTAL: usize = 64 * 1024 * 1024;

/// A merged document.
#[derive(Default)]
pub struct Document {
    /// `suite:`.
    pub name: Option<(String, Span)>,
    /// `vars:`.
    pub vars: BTreeMap<String, Node>,
    /// `secrets:`.
    pub secrets: BTreeMap<String, Span>,
    /// `allowed_targets:`, of each file that has it.
    pub allowed_targets: Vec<Node>,
    /// `defaults:`.
    pub defaults: BTreeMap<String, Node>,
    /// `checks:`, each with the folder of its file.
    pub checks: Vec<(Node, PathBuf)>,
    /// SHA-256 over all files, in the order read.
    pub sha256: String,
    digest: Sha256,
    open: Vec<PathBuf>,
    bytes: usize,
    /// The file is no map, so that nothing is missing in it.
    no_map: bool,
    /// A key is written that is probably meant to be `checks`.
    misspelt_checks: bool,
    /// A key is written that is probably meant to be `suite`.
    misspelt_name: bool,
    /// Names of included suites: the including file's own comes first.
    names_below: Vec<(String, Span)>,
    /// What stands below `checks` is no list, which is told.
    wrong_checks: bool,
    /// Files read.
    pub files: Vec<PathBuf>,
}

/// Reads `path` (or takes `text` in its place) and everything it includes. Errors go to `errors`.
/// `roots` are the folders that included files must lie below; none allows any.
pub fn read(
    path: &Path,
    text: Option<String>,
    roots: Option<&IncludeRoots>,
    sources: &mut Sources,
    errors: &mut Diagnostics,
) -> Option<Document> {
    let mut document = Document::default();
    let root = document.add(path, text, None, roots, sources, errors)?;
    if document.no_map {
        return Some(document);
    }
    if let (None, [only]) = (&document.name, document.names_below.as_slice()) {
        document.name = Some(only.clone());
    }
    if document.name.is_none() && !document.misspelt_name {
        errors.add(start(root), "the suite has no name", "write `suite: NAME`: letters, digits, _ and -");
    }
    if document.checks.is_empty() && !document.misspelt_checks && !document.wrong_checks {
        let help = "write `checks: [{id: NAME, http: {url: https://HOST/}}]`; an empty suite would always be green";
        errors.add(start(root), "the suite has no checks", help);
    }
    document.sha256 = crate::net::bytes::hex(&document.digest.clone().finalize());
    Some(document)
}

fn start(source: u32) -> Span {
    Span { source, start: 0, end: 1 }
}

impl Document {
    fn add(
        &mut self,
        path: &Path,
        text: Option<String>,
        by: Option<Span>,
        roots: Option<&IncludeRoots>,
        sources: &mut Sources,
        errors: &mut Diagnostics,
    ) -> Option<u32> {
        let shown = path.to_string_lossy().into_owned();
        if text.is_none() {
            self.files.push(path.to_path_buf());
        }
        let text = text_of(path, text, by, sources, errors)?;
        self.digest.update(text.as_bytes());
        self.bytes += text.len();
        if self.bytes > MAX_TOTAL {
            let span = by.unwrap_or_else(|| start(sources.add(&shown, String::new())));
            errors.add(span, format!("the suite and what it includes have more than {MAX_TOTAL} bytes"), "split it");
            return None;
        }
        let lines = by.is_none().then(|| json_lines(&text, &shown)).flatten();
        let source = sources.add(&shown, text);
        if let Some((message, help)) = lines {
            errors.add(start(source), message, help);
            self.no_map = true;
            return Some(source);
        }
        let mut found = Diagnostics::default();
        let root = tree::parse(source, sources, &mut found);
        if let Some(by) = by
            && let Some(why) = no_suite(root.as_ref(), &found, sources)
        {
            // Whatever file that is, its content is not for the reader of this error.
            let help = "include only suites: version: 1, and the keys of a suite";
            errors.add(by, format!("{shown} is no suite: {why}"), help);
            return None;
        }
        errors.append(found);
        let root = root?;
        if let Some((message, help)) = own_document(&root, &shown) {
            errors.add(start(source), message, help);
            self.no_map = true;
            return Some(source);
        }
        if let Some(message) = something_else(&root, by.is_some()) {
            errors.add(start(source), message, BEGINNING);
            self.no_map = true;
            return Some(source);
        }
        self.open.push(by_identity(path));
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        match root.get("version").map(|node| (node.span, node.text().unwrap_or_default().to_owned())) {
            Some((_, text)) if text == "1" => {}
            Some((span, _)) => {
                errors.add(span, "unknown format version", "write `version: 1`, which is the one this shakedown reads");
            }
            None => errors.add(start(source), "the format version is missing", "begin with `version: 1`"),
        }
        for (key, node) in root.entries() {
            self.entry(key, node, (&folder, roots), sources, errors);
        }
        self.open.pop();
        Some(source)
    }

    fn entry(
        &mut self,
        key: &Key,
        node: &Node,
        (folder, roots): (&Path, Option<&IncludeRoots>),
        sources: &mut Sources,
        errors: &mut Diagnostics,
    ) {
        match key.name.as_str() {
            "version" => {}
            "suite" => self.named(node, errors),
            "description" => {
                if node.text().is_none() {
                    errors.add(node.span, format!("`description` is {}", node.sort()), "write text");
                }
            }
            "vars" => insert(&mut self.vars, "vars", node, None, sources, errors),
            "defaults" => insert(&mut self.defaults, "defaults", node, Some(tables::DEFAULTS), sources, errors),
            "secrets" => {
                for item in items("secrets", node, errors) {
                    if let Some(name) = text("secrets", item, errors) {
                        let first = self.secrets.get(name).copied();
                        reject_duplicate(first, name, item.span, sources, errors);
                        self.secrets.insert(name.to_owned(), item.span);
                    }
                }
            }
            "include" => {
                for item in items("include", node, errors) {
                    if let Some(name) = text("include", item, errors) {
                        self.include(&folder.join(name), item.span, roots, sources, errors);
                    }
                }
            }
            "allowed_targets" => self.allowed_targets.push(node.clone()),
            "checks" => {
                self.wrong_checks |= matches!(node.kind, Kind::Map(_));
                for item in items("checks", node, errors) {
                    self.checks.push((item.clone(), folder.to_path_buf()));
                }
            }
            // A place for anchors, as in Compose files.
            extension if extension.starts_with("x-") => {}
            other => {
                let help = other_key(other, node);
                self.misspelt_checks |= help.contains("`checks`") || help.contains("`checks:");
                self.misspelt_name |= help.contains("`suite`?") || help.contains("`suite:");
                errors.add(key.span, format!("unknown key `{other}`"), help);
            }
        }
    }

    fn include(
        &mut self,
        path: &Path,
        span: Span,
        roots: Option<&IncludeRoots>,
        sources: &mut Sources,
        errors: &mut Diagnostics,
    ) {
        if self.open.contains(&by_identity(path)) {
            errors.add(span, format!("{} includes itself", path.display()), "remove the include");
        } else if self.open.len() >= MAX_DEPTH {
            errors.add(span, format!("includes are nested deeper than {MAX_DEPTH}"), "flatten them");
        } else if self.files.len() > MAX_INCLUDES {
            errors.add(span, format!("the suite includes more than {MAX_INCLUDES} files"), "merge some of them");
        } else if roots.is_some_and(|roots| !roots.hold(path)) {
            let help = "include what lies below the suite's folder, the folder given to the command, the nearest \
                        shakedown.toml or the repository's root; --include-outside allows any file";
            errors.add(span, format!("{} lies outside of what a suite may include", path.display()), help);
        } else {
            let _ = self.add(path, None, Some(span), roots, sources, errors);
        }
    }

    fn named(&mut self, node: &Node, errors: &mut Diagnostics) {
        let Some(name) = node.text() else {
            errors.add(node.span, format!("`suite` is {}", node.sort()), "write a name");
            return;
        };
        if !is_name(name) {
            let help = format!("write `suite: {}`: letters, digits, _ and - only", synonyms::name(name));
            errors.add(node.span, format!("`{name}` is not a name"), help);
        }
        // A suite that others include may be run by itself as well, under its own name.
        if self.open.len() > 1 {
            self.names_below.push((name.to_owned(), node.span));
        } else {
            self.name = Some((name.to_owned(), node.span));
        }
    }
}

/// The text of a file, or the one given in its place.
fn text_of(
    path: &Path,
    text: Option<String>,
    by: Option<Span>,
    sources: &mut Sources,
    errors: &mut Diagnostics,
) -> Option<String> {
    let from_file = || if by.is_some() { reading::text_of_file(path) } else { reading::text(path) };
    match text.map_or_else(from_file, Ok) {
        Ok(text) => Some(text),
        Err(why) => {
            let shown = path.to_string_lossy();
            let span = by.unwrap_or_else(|| start(sources.add(&shown, String::new())));
            let help = if why == reading::NO_TEXT {
                "save it as UTF-8, and look whether it is the right file".to_owned()
            } else {
                reading::missing_file_help(path)
            };
            errors.add(span, format!("cannot read {shown}: {why}"), help);
            None
        }
    }
}

/// What a file is that is no suite at all.
fn something_else(root: &Node, included: bool) -> Option<String> {
    if !matches!(root.kind, Kind::Map(_)) {
        return Some(format!("a suite is a map, this is {}", root.sort()));
    }
    let keys: Vec<&str> = root.entries().iter().take(3).map(|(key, _)| key.name.as_str()).collect();
    let says = keys.join("`, `");
    (!included && is_foreign(root))
        .then(|| format!("this file is no suite: it says `{says}`, and neither `version` nor `checks`"))
}

/// How every suite begins.
const BEGINNING: &str = "begin with `version: 1`, `suite: NAME` and `checks: [{id: NAME, http: {url: https://HOST/}}]`";

/// Whether a map is the file of another program: nothing in it is of a suite but words that others have as well.
fn is_foreign(root: &Node) -> bool {
    let of_suite = |name: &str| tables::names(tables::SUITE).any(|known| known == name) || name.starts_with("x-");
    !root.entries().is_empty()
        && !root.entries().iter().any(|(key, _)| matches!(&*key.name, "version" | "checks" | "suite"))
        && root.entries().iter().any(|(key, _)| !of_suite(&key.name))
        && !root
            .entries()
            .iter()
            .any(|(key, _)| suggest(&key.name, ["checks", "version", "suite"]).starts_with("did you mean"))
}

/// What to write in place of a key that no file has.
fn other_key(word: &str, node: &Node) -> String {
    let near = suggest(word, tables::names(tables::SUITE));
    if near.starts_with("did you mean") {
        return near;
    }
    if tables::names(tables::DEFAULTS).any(|name| name == word) {
        return format!("for every check, write `defaults: {{{word}: {}}}`", flow(node));
    }
    if tables::names(tables::CHECK).any(|name| name == word) {
        return "it belongs to a check: write it below `checks:`, beside its `id`".to_owned();
    }
    if matches!(node.kind, Kind::Map(_)) && synonyms::key("suite", word, node).is_none() {
        return format!("a check goes into the list: write `checks: [{{id: NAME, {word}: {{…}}}}]`; keys: {}", names());
    }
    synonyms::key("suite", word, node).unwrap_or(near)
}

fn names() -> String {
    tables::names(tables::SUITE).collect::<Vec<_>>().join(", ")
}

/// The list that was meant by a map.
fn as_list(owner: &str, node: &Node) -> String {
    match (owner, node.entries().first()) {
        ("checks", Some((key, _))) => {
            format!("write `- id: {}` in place of `{}:`", synonyms::name(&key.name), key.name)
        }
        (_, Some((key, _))) => format!("write `{owner}: [{}]`", key.name),
        _ => format!("write `{owner}: [NAME]`"),
    }
}

/// The path of a file that is there without links and detours, so that one file has one.
fn by_identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// True for `[A-Za-z0-9_-]+`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Why an included file is none, told by places and never by its text.
fn no_suite(root: Option<&Node>, found: &Diagnostics, sources: &Sources) -> Option<String> {
    let line = |span: Span| sources.position(span).0;
    let Some(root) = root else {
        let line = found.0.first().map_or(1, |error| line(error.span));
        return Some(format!("it is not valid YAML, at line {line}"));
    };
    if !matches!(root.kind, Kind::Map(_)) {
        return Some(format!("it is {}, and a suite is a map", root.sort()));
    }
    if root.get("version").and_then(Node::text) != Some("1") {
        return Some("it does not say version: 1".into());
    }
    let known = |name: &str| tables::names(tables::SUITE).any(|known| known == name) || name.starts_with("x-");
    let unknown = root.entries().iter().find(|(key, _)| !known(&key.name));
    let (key, _) = unknown?;
    Some(format!("the key at line {} does not belong to a suite", line(key.span)))
}

fn reject_duplicate(first: Option<Span>, name: &str, span: Span, sources: &Sources, errors: &mut Diagnostics) {
    if let Some(first) = first {
        let place = sources.line_of(first);
        errors.labelled(span, format!("`{name}` is defined twice"), format!("first at {place}"), "keep one of them");
    }
}

fn items<'n>(owner: &str, node: &'n Node, errors: &mut Diagnostics) -> &'n [Node] {
    match &node.kind {
        Kind::List(items) => items,
        Kind::Scalar(..) => std::slice::from_ref(node),
        _ => {
            errors.add(node.span, format!("`{owner}` is {}, not a list", node.sort()), as_list(owner, node));
            &[]
        }
    }
}

fn text<'n>(owner: &str, item: &'n Node, errors: &mut Diagnostics) -> Option<&'n str> {
    if item.text().is_none() {
        errors.add(item.span, format!("`{owner}` holds {}", item.sort()), "write text");
    }
    item.text()
}

fn insert(
    into: &mut BTreeMap<String, Node>,
    owner: &str,
    node: &Node,
    known: Option<&'static [crate::model::FieldInfo]>,
    sources: &Sources,
    errors: &mut Diagnostics,
) {
    if !matches!(node.kind, Kind::Map(_)) {
        errors.add(node.span, format!("`{owner}` is {}, not a map", node.sort()), "write key: value");
    }
    for (key, value) in node.entries() {
        if let Some(known) = known
            && !known.iter().any(|field| field.name == key.name)
        {
            let help = suggest(&key.name, tables::names(known));
            errors.add(key.span, format!("unknown key `{}` in `{owner}`", key.name), help);
            continue;
        }
        reject_duplicate(into.get(&key.name).map(|node| node.span), &key.name, key.span, sources, errors);
        into.entry(key.name.clone()).or_insert_with(|| value.clone());
    }
}
