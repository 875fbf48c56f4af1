//! Errors that point into the user's file: the place, the line, a caret, a suggestion.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::Place;
use crate::model::count::counted;
pub use crate::model::suggest::suggest;
use crate::model::visible::{visible, visible_lines};
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// A stretch of a source file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which file, an index into [`Sources`].
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One file that was read.
#[derive(Debug)]
pub struct Source {
    /// Path as people know it.
    pub path: Arc<str>,
    /// Its text.
    pub text: String,
    lines: Vec<u32>,
}

/// Every file that was read.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a file and returns its index.
    pub fn add(&mut self, path: &str, text: String) -> u32 {
        let mut lines = vec![0_u32];
        for (offset, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                lines.push(u32::try_from(offset + 1).unwrap_or(u32::MAX));
            }
        }
        self.0.push(Source { path: path.into(), text, lines });
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    /// A file by index.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Source> {
        self.0.get(index as usize)
    }

    /// The text of the line of a place.
    #[must_use]
    pub fn line_text(&self, place: &Place) -> Option<&str> {
        let source = self.0.iter().find(|source| source.path == place.file)?;
        let start = *source.lines.get(place.line.checked_sub(1)? as usize)? as usize;
        source.text.get(start..)?.split('\n').next()
    }

    /// Line and column, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self, span: Span) -> (usize, usize) {
        let Some(source) = self.get(span.source) else {
            return (1, 1);
        };
        let line = source.lines.partition_point(|start| *start <= span.start).max(1);
        let start = source.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let column = source.text.get(start..span.start as usize).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// `file:line`.
    #[must_use]
    pub fn line_of(&self, span: Span) -> String {
        let path = self.get(span.source).map_or("?", |source| &source.path);
        format!("{path}:{}", self.position(span).0)
    }

    /// The place a span begins at.
    #[must_use]
    pub fn place_of(&self, span: Span) -> Place {
        let file = self.get(span.source).map_or_else(|| "?".into(), |source| Arc::clone(&source.path));
        let (line, column) = self.position(span);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { file, line: number(line), column: number(column) }
    }
}

/// One error.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Where.
    pub span: Span,
    /// The mistake, one line.
    pub message: String,
    /// Beside the caret.
    pub label: String,
    /// Advice: a correct spelling, or a way out.
    pub help: String,
}

/// All errors of a load, in the order found.
#[derive(Debug, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>, ReportedErrors);

/// What was told already, so that each further error costs the same.
#[derive(Debug, Default)]
struct ReportedErrors {
    places: HashSet<Span>,
    /// Places with the message there.
    errors: HashSet<(Span, String)>,
    /// Errors beyond those that are kept.
    more: usize,
}

/// Errors rendered in full; the rest is counted.
const SHOWN: usize = 60;
/// Errors kept; the rest is counted.
const KEPT: usize = 10_000;
/// Longest message, characters.
const LONGEST: usize = 1000;
/// Errors that get a suggestion from long lists: to find the nearest of many names takes long.
const ADVISED: usize = SHOWN;

impl Diagnostics {
    /// Adds an error.
    pub fn add(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.labelled(span, message, "", help);
    }

    /// Adds an error with words beside the caret.
    pub fn labelled(
        &mut self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let new = Diagnostic { span, message: cut(message.into()), label: cut(label.into()), help: cut(help.into()) };
        // A matrix meets the same mistake once per cell; people need it once.
        self.push(new);
    }

    fn push(&mut self, new: Diagnostic) {
        let ReportedErrors { places, errors, more } = &mut self.1;
        if !errors.insert((new.span, new.message.clone())) {
            return;
        }
        places.insert(new.span);
        if self.0.len() < KEPT {
            self.0.push(new);
        } else {
            *more += 1;
        }
    }

    /// Takes over the errors of a part that was read by itself.
    pub fn append(&mut self, part: Self) {
        part.0.into_iter().for_each(|error| self.push(error));
        self.1.more += part.1.more;
    }

    /// How many there are, those that are not kept included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len() + self.1.more
    }

    /// The nearest of many names, while there are not too many errors already.
    #[must_use]
    pub fn suggest<'k>(&self, word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
        if self.count() < ADVISED { suggest(word, known) } else { String::new() }
    }

    /// Notes that something at this place is wrong, which is told elsewhere.
    pub fn mark(&mut self, span: Span) {
        self.1.places.insert(span);
    }

    /// True when something at exactly this place is wrong already: a second error would only follow from it.
    #[must_use]
    pub fn has(&self, span: Span) -> bool {
        self.1.places.contains(&span)
    }

    /// True when nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All errors as text, in file order.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool) -> String {
        let mut sorted: Vec<&Diagnostic> = self.0.iter().collect();
        sorted.sort_by_key(|d| (d.span.source, d.span.start));
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for diagnostic in sorted.iter().take(SHOWN) {
            out.push_str(&render_one(diagnostic, sources, &renderer));
            out.push_str("\n\n");
        }
        if self.count() > SHOWN {
            let _ = writeln!(out, "... and {}", counted(self.count() - SHOWN, "more error"));
        }
        out
    }
}

/// What a suite writes may be of any length; its beginning is enough to find it.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((at, _)) => format!("{}… ({} characters)", text.get(..at).unwrap_or_default(), text.chars().count()),
    }
}

fn render_one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let Some(source) = sources.get(diagnostic.span.source) else {
        return format!("error: {}", diagnostic.message);
    };
    let (line, _) = sources.position(diagnostic.span);
    // Only the line itself is handed over: rendering stays cheap in a file of 100,000 lines.
    let begin = source.lines.get(line - 1).copied().unwrap_or(0) as usize;
    let text = source.text.get(begin..).unwrap_or_default().split('\n').next().unwrap_or_default();
    let start = boundary(text, (diagnostic.span.start as usize).saturating_sub(begin));
    let end = boundary(text, (diagnostic.span.end as usize).saturating_sub(begin)).max(start);
    let label = visible(&diagnostic.label);
    let (message, help) = (visible_lines(&diagnostic.message), visible_lines(&diagnostic.help));
    let path = visible(&source.path);
    let mut annotation = AnnotationKind::Primary.span(start..end);
    if !label.is_empty() {
        annotation = annotation.label(&label);
    }
    // Of a file that could not be read there is no line to show.
    if source.text.is_empty() {
        let mut group = Level::ERROR.primary_title(&message).element(Origin::path(&path));
        if !help.is_empty() {
            group = group.element(Level::HELP.message(&help));
        }
        return renderer.render(&[group]);
    }
    let snippet = Snippet::source(text).path(&path).line_start(line).annotation(annotation);
    let mut group = Level::ERROR.primary_title(&message).element(snippet);
    if !help.is_empty() {
        group = group.element(Level::HELP.message(&help));
    }
    renderer.render(&[group])
}

/// The next character boundary at or after `at`.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::{Diagnostics, Sources, Span};

    #[test]
    fn an_error_shows_place_line_caret_and_help() {
        let mut sources = Sources::default();
        let text = "version: 1\nchecks:\n  - idd: x\n";
        let source = sources.add("edge.yaml", text.into());
        let start = u32::try_from(text.find("idd").unwrap()).unwrap();
        let span = Span { source, start, end: start + 3 };
        let mut errors = Diagnostics::default();
        errors.add(span, "unknown key `idd`", "did you mean `id`?");
        errors.add(span, "unknown key `idd`", "did you mean `id`?");
        let shown = errors.render(&sources, false);
        assert_eq!(errors.0.len(), 1);
        assert!(shown.contains("edge.yaml:3:5"), "{shown}");
        assert!(shown.contains("^^^"), "{shown}");
        assert!(shown.contains("did you mean `id`?"), "{shown}");
        assert_eq!(sources.place_of(span).to_string(), "edge.yaml:3:5");
    }

    #[test]
    fn no_text_of_a_suite_makes_an_error_endless() {
        let mut errors = Diagnostics::default();
        errors.labelled(Span::default(), "ä".repeat(5000), "b".repeat(5000), "c".repeat(1000));
        let error = &errors.0[0];
        assert_eq!(error.message, format!("{}… (5000 characters)", "ä".repeat(1000)));
        assert!(error.label.ends_with("b… (5000 characters)"));
        assert_eq!(error.help, "c".repeat(1000));
    }
}
