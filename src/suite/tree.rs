//! YAML 1.2 to a tree in which every node knows where it stands. The only module of suites that knows the YAML library.

mod repaired;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::diagnostic::{Diagnostics, Sources, Span};
use super::syntax::{self, ParseFailure};
use super::yaml_tags;

/// Deepest nesting of a suite.
const MAX_DEPTH: usize = 64;

/// A node and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// Null, scalar, list or map.
    pub kind: Kind,
    /// A scalar that holds a secret, for people.
    pub shown: Option<Box<str>>,
}

/// Sorts of nodes. Scalars keep the text as written: `22:22`, `no` and `1.10` stay what they look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// Text of a scalar, and whether it was written without quotes.
    Scalar(String, bool),
    /// Sequence.
    List(Vec<Node>),
    /// Mapping in the order written; keys are not repeated.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Text.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// A node without secrets.
    #[must_use]
    pub const fn new(span: Span, kind: Kind) -> Self {
        Self { span, kind, shown: None }
    }

    /// Text of a scalar for people: with `***` in the place of a secret.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        self.shown.as_deref().or_else(|| self.text())
    }

    /// Text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Value of a key of a map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Entries of a map; empty for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The sort of node, for messages.
    #[must_use]
    pub fn sort(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Scalar(..) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// Parses a source. Syntax errors and repeated keys go to `errors`.
pub fn parse(source: u32, sources: &Sources, errors: &mut Diagnostics) -> Option<Node> {
    let text = &sources.get(source)?.text;
    match read(text) {
        Ok(raw) => {
            let texts = yaml_tags::check(source, text, errors);
            Some(Builder { source, text, texts, sources, errors }.node(raw))
        }
        Err(failure) => {
            let repaired = syntax::report(source, text, failure, &|text| read(text).err(), errors)?;
            let raw = read(&repaired).ok()?;
            let mut found = Diagnostics::default();
            let texts = yaml_tags::check(source, &repaired, &mut found);
            let mut node = Builder { source, text: &repaired, texts, sources, errors: &mut found }.node(raw);
            let places = repaired::Places::of(&repaired, text);
            places.put_back(&mut node);
            found.0.iter_mut().for_each(|error| error.span = places.written(error.span));
            errors.append(found);
            Some(node)
        }
    }
}

fn read(text: &str) -> Result<Spanned<Raw>, ParseFailure> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        // 1e400 is a number of a document as any other; its digits are read from the source.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: 5_000_000,
            max_events: 20_000_000,
            max_depth: MAX_DEPTH,
            max_total_scalar_bytes: 64 * 1024 * 1024,
        },
    };
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map_err(|error| {
        let at = error.location().map_or(0, |location| byte_offset(text, location.line(), location.column()));
        ParseFailure { at: at as usize, why: error.to_string().lines().next().unwrap_or_default().to_owned() }
    })
}

fn byte_offset(text: &str, line: u64, column: u64) -> u32 {
    let mut offset = 0;
    for (number, row) in text.split_inclusive('\n').enumerate() {
        if number as u64 + 1 == line {
            let column = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
            offset += row.char_indices().nth(column).map_or(row.trim_end().len(), |(at, _)| at);
            break;
        }
        offset += row.len();
    }
    u32::try_from(offset.min(text.len())).unwrap_or(u32::MAX)
}

enum Raw {
    Null,
    /// A string: quotes and escapes are already resolved.
    Text(String),
    /// Something YAML gives a type to; its text is read from the source instead.
    TypedArgs,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::TypedArgs)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::TypedArgs)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::TypedArgs)
    }
    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::TypedArgs)
    }
    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::TypedArgs)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::TypedArgs)
    }
    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Raw, E> {
        let _ = IgnoredAny;
        Err(E::custom("binary data is not part of a suite"))
    }
}

/// The name in `{{ name }}`, which YAML takes for a map with a map as its key.
fn template(raw: &Raw) -> Option<&str> {
    let Raw::Map(entries) = raw else { return None };
    let [(outer, Spanned { value: Raw::Null, .. })] = entries.as_slice() else { return None };
    let Raw::Map(inner) = &outer.value else { return None };
    match inner.as_slice() {
        [(Spanned { value: Raw::Text(name), .. }, Spanned { value: Raw::Null, .. })] => Some(name),
        _ => None,
    }
}

struct Builder<'a> {
    source: u32,
    text: &'a str,
    /// Places of plain scalars that are text by their tag.
    texts: BTreeSet<u32>,
    sources: &'a Sources,
    errors: &'a mut Diagnostics,
}

impl Builder<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let span = self.span(raw.referenced);
        if let Some(name) = template(&raw.value) {
            let message = format!("`{{{{ {name} }}}}` is of a template, and nothing fills it in here");
            self.errors.add(span, message, format!("write \"${{{name}}}\""));
            return Node::new(span, Kind::Null);
        }
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Text(text) => Kind::Scalar(text, self.plain(span)),
            // An alias stands at `referenced`; the text is where the anchor is.
            // A tag gives a type to what stands in quotes, too.
            Raw::TypedArgs => {
                let written = self.slice(self.span(raw.defined)).trim();
                Kind::Scalar(written.trim_matches(['"', '\'']).to_owned(), true)
            }
            Raw::List(items) => Kind::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Kind::Map(self.map(entries)),
        };
        Node::new(span, kind)
    }

    fn map(&mut self, entries: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Vec<(Key, Node)> {
        let mut out: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
        let mut seen = std::collections::HashMap::new();
        for (key, value) in entries {
            let key = self.node(key);
            let node = self.node(value);
            let Some(name) = key.text().map(str::to_owned) else {
                let help = "write a name as the key; text that begins with { or [ must be in quotes";
                self.errors.add(key.span, format!("a key must be text, this is {}", key.sort()), help);
                continue;
            };
            if let Some(first) = seen.insert(name.clone(), key.span) {
                let line = self.line(first);
                self.errors.labelled(
                    key.span,
                    format!("key `{name}` is written twice"),
                    format!("first on line {line}"),
                    "keep one of them",
                );
                continue;
            }
            out.push((Key { name, span: key.span }, node));
        }
        out
    }

    fn line(&self, span: Span) -> usize {
        // Lines stay where they are, whatever mends them.
        let written = self.sources.get(self.source).is_some_and(|source| source.text.len() == self.text.len());
        if written {
            return self.sources.position(span).0;
        }
        self.text.get(..span.start as usize).unwrap_or_default().matches('\n').count() + 1
    }

    fn span(&self, location: Location) -> Span {
        let span = location.span();
        let start = span
            .byte_offset()
            .and_then(|offset| u32::try_from(offset).ok())
            .unwrap_or_else(|| byte_offset(self.text, location.line(), location.column()));
        let length = span.byte_len().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let limit = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        Span { source: self.source, start: start.min(limit), end: start.saturating_add(length).min(limit) }
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn plain(&self, span: Span) -> bool {
        !self.slice(span).starts_with(['"', '\'', '|', '>']) && !self.texts.contains(&span.start)
    }
}
