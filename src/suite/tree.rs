//! YAML 1.2 to a tree in which every node knows where it stands. The only module that knows the YAML library.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::diagnostic::{Diagnostics, Sources, Span};
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
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => {
            let texts = yaml_tags::check(source, text, errors);
            Some(Builder { source, text, texts, sources, errors }.node(raw))
        }
        Err(error) => {
            let span = error.location().map_or(Span { source, start: 0, end: 0 }, |location| {
                let start = byte_offset(text, location.line(), location.column());
                Span { source, start, end: start.saturating_add(1) }
            });
            let (message, help) = explained(&plain(&error), text, span);
            errors.add(span, message, help);
            None
        }
    }
}

fn plain(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The message, and what to do. What the library says of its limits and its types is for programmers.
fn explained(why: &str, text: &str, span: Span) -> (String, &'static str) {
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if says(&["budget breached", "alias replay", "recursion limit"]) {
        let message = "the aliases and the nesting of this file expand to more than is read";
        return (message.to_owned(), "name fewer anchors within anchors, or split the suite");
    }
    if says(&["recursive references"]) {
        return ("an alias stands within its own anchor".to_owned(), "name an anchor that ends before the alias");
    }
    if says(&["multiple YAML documents"]) {
        let message = "a suite is one YAML document, and a second one begins here";
        return (message.to_owned(), "take out the line `---`, or make it a file of its own");
    }
    (format!("this is not valid YAML: {why}"), yaml_hint(text, span))
}

fn yaml_hint(text: &str, span: Span) -> &'static str {
    let line = text.get(..span.start as usize).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    if line.contains('\t') {
        "indent with spaces, not with tabs"
    } else {
        "check the indentation, and that every { [ and quote above is closed"
    }
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
    Typed,
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
        Ok(Raw::Typed)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }
    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }
    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
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
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Text(text) => Kind::Scalar(text, self.plain(span)),
            // An alias stands at `referenced`; the text is where the anchor is.
            // A tag gives a type to what stands in quotes, too.
            Raw::Typed => {
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
                self.errors.add(key.span, format!("a key must be text, this is {}", key.sort()), "");
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
        self.sources.position(span).0
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

#[cfg(test)]
mod tests {
    use super::{Diagnostics, Kind, Node, Sources, parse};

    fn tree(text: &str) -> (Option<Node>, Diagnostics, Sources) {
        let mut sources = Sources::default();
        let source = sources.add("t.yaml", text.into());
        let mut errors = Diagnostics::default();
        let node = parse(source, &sources, &mut errors);
        (node, errors, sources)
    }

    #[test]
    fn scalars_stay_what_they_look_like() {
        let (node, errors, sources) =
            tree("a: 22:22\nb: no\nc: 1.10\nd: \"5\"\ne: 0x10\nf: [1.50, true, ~]\ng: 'x y'\n");
        let node = node.unwrap();
        assert!(errors.is_empty());
        for (key, want) in [("a", "22:22"), ("b", "no"), ("c", "1.10"), ("d", "5"), ("e", "0x10"), ("g", "x y")] {
            assert_eq!(node.get(key).unwrap().text(), Some(want), "{key}");
        }
        assert_eq!(node.get("c").unwrap().kind, Kind::Scalar("1.10".into(), true));
        assert_eq!(node.get("d").unwrap().kind, Kind::Scalar("5".into(), false));
        let Kind::List(items) = &node.get("f").unwrap().kind else { panic!() };
        assert_eq!(items[0].text(), Some("1.50"));
        assert_eq!(items[1].text(), Some("true"));
        assert_eq!(items[2].kind, Kind::Null);
        assert_eq!(sources.place_of(items[1].span).to_string(), "t.yaml:6:11");
    }

    #[test]
    fn a_tag_of_the_core_schema_gives_the_type() {
        let (node, errors, _) = tree("a: !!str 200\nb: !!int \"80\"\nc: ! 5\nd: [!!str true]\n");
        let node = node.unwrap();
        assert!(errors.is_empty());
        assert_eq!(
            node.get("a").unwrap().kind,
            Kind::Scalar("200".into(), false),
            "text, though it looks like a number"
        );
        assert_eq!(node.get("b").unwrap().kind, Kind::Scalar("80".into(), true), "a number, though in quotes");
        assert_eq!(node.get("c").unwrap().kind, Kind::Scalar("5".into(), false));
        let Kind::List(items) = &node.get("d").unwrap().kind else { panic!() };
        assert_eq!(items[0].kind, Kind::Scalar("true".into(), false));
    }

    #[test]
    fn a_second_document_is_told_in_words() {
        let (node, errors, sources) = tree("a: 1\n---\nb: 2\n");
        assert!(node.is_none());
        let shown = errors.render(&sources, false);
        assert!(shown.contains("a suite is one YAML document"), "{shown}");
    }

    #[test]
    fn spans_count_bytes_after_umlauts_and_in_flow_maps() {
        let (node, _, sources) = tree("ä: {p: 443, q: x}\n");
        let node = node.unwrap();
        let q = node.get("ä").unwrap().get("q").unwrap();
        assert_eq!(sources.place_of(q.span).to_string(), "t.yaml:1:16");
        assert_eq!(&sources.get(0).unwrap().text[q.span.start as usize..q.span.end as usize], "x");
    }

    #[test]
    fn a_repeated_key_is_named_with_both_lines() {
        let (_, errors, sources) = tree("a: 1\nb: 2\na: 3\n");
        let shown = errors.render(&sources, false);
        assert!(shown.contains("key `a` is written twice"), "{shown}");
        assert!(shown.contains("t.yaml:3:1"), "{shown}");
        assert!(shown.contains("first on line 1"), "{shown}");
    }

    #[test]
    fn an_alias_is_what_its_anchor_is() {
        let (node, errors, _) = tree("a: &p 443\nb: *p\nc: &m {x: 1.10}\nd: *m\n");
        let node = node.unwrap();
        assert!(errors.is_empty());
        assert_eq!(node.get("b").unwrap().text(), Some("443"));
        assert_eq!(node.get("d").unwrap().get("x").unwrap().text(), Some("1.10"));
    }

    #[test]
    fn no_error_speaks_of_the_library() {
        for (text, says) in [
            ("a: &a [*a]\n".to_owned(), "within its own anchor"),
            ("a: 1\n---\nb: 2\n".to_owned(), "one YAML document"),
            (format!("a: {}{}\n", "[".repeat(500), "]".repeat(500)), "the nesting of this file"),
        ] {
            let (node, errors, sources) = tree(&text);
            let shown = errors.render(&sources, false);
            assert!(node.is_none() && shown.contains(says), "{shown}");
            assert!(!shown.contains("_multiple") && !shown.contains("weak") && !shown.contains("recursion"), "{shown}");
        }
    }

    #[test]
    fn broken_yaml_points_at_the_place() {
        let (node, errors, sources) = tree("a: [1, 2\nb: 3\n");
        assert!(node.is_none());
        assert!(errors.render(&sources, false).contains("t.yaml:"), "{}", errors.render(&sources, false));
    }
}
