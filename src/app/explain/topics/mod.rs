//! Words of suites, runs and reports that are in no table of a family: for `explain` and for `docs/concepts.md`.

mod comparing;
mod console;
mod outcomes;
mod running;
mod suites;
mod verdicts;

use std::fmt::Write as _;

/// A section of `docs/concepts.md`.
pub struct Chapter {
    /// Its heading.
    pub title: &'static str,
    /// A sentence or two below the heading.
    pub intro: &'static str,
    /// A picture in plain text below that.
    pub picture: Option<&'static str>,
    /// Its topics.
    pub topics: &'static [Topic],
}

/// One topic.
pub struct Topic {
    /// The words it is found by; the first is its title.
    pub names: &'static [&'static str],
    /// Paragraphs, in Markdown that reads as plain text.
    pub text: &'static str,
    /// An element of `checks` that shows it.
    pub example: Option<&'static str>,
}

const fn topic(names: &'static [&'static str], text: &'static str) -> Topic {
    Topic { names, text, example: None }
}

const fn shown(names: &'static [&'static str], text: &'static str, example: &'static str) -> Topic {
    Topic { names, text, example: Some(example) }
}

/// Every chapter, in the order of the page.
pub const CHAPTERS: &[Chapter] =
    &[running::CHAPTER, suites::CHAPTER, verdicts::CHAPTER, console::CHAPTER, outcomes::CHAPTER, comparing::CHAPTER];

impl Topic {
    /// The word it is known by.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// In the terminal: a line for each paragraph, as long as it may be.
    pub(super) fn shown(&self) -> String {
        let paragraphs: Vec<String> =
            self.text.trim_end().split("\n\n").map(|text| format!("  {}\n", text.replace('\n', " "))).collect();
        let mut out = format!("{}\n{}", self.title(), paragraphs.join("\n"));
        if let Some(example) = self.example {
            let _ = write!(out, "\n  Example:\n\n{}", indented(example));
        }
        out
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "  {line}");
        out
    })
}

/// Every topic.
pub(super) fn all() -> impl Iterator<Item = &'static Topic> {
    CHAPTERS.iter().flat_map(|chapter| chapter.topics)
}

/// The picture of the chapter a topic is in, for topics the picture shows.
pub(super) fn picture(topic: &Topic) -> Option<&'static str> {
    let title = topic.title();
    let chapter = CHAPTERS.iter().find(|chapter| chapter.topics.iter().any(|own| own.title() == title))?;
    chapter.picture.filter(|picture| picture.split(|c: char| !c.is_alphabetic()).any(|word| word == title))
}
