//! `shakedown explain`: docs from the same tables as validation.

mod facts;
mod families;
mod fields;
mod find;
mod layout;
pub mod operators;
mod others;
pub mod sections;
pub mod suite;
pub mod topics;

use std::fmt::Write as _;

pub use facts::{fact_sort, margin};

use super::terminal::Terminal;
use crate::checks::FAMILIES;
use crate::exit;
use crate::model::expectation::{Operator, Sort};
use crate::model::fact::STATISTICS;
use crate::model::visible::visible;
use crate::suite::diagnostic::suggest;
use crate::suite::tables;

/// Explains a word, of whatever it is one; without a word, lists the topics.
pub(super) fn explain(words: &[String], terminal: &Terminal) -> u8 {
    let topic = words.join(" ");
    if topic.trim().is_empty() {
        terminal.out(&list());
        return exit::OK;
    }
    let found = texts(&topic);
    if found.is_empty() {
        let known = find::known(&topic);
        let help = suggest(&topic, known.iter().map(String::as_str));
        // Of hundreds of words the first ones are no help.
        let help = if help.starts_with("known:") { "`shakedown explain` lists the topics".to_owned() } else { help };
        let help = others::codes(topic.trim()).unwrap_or(help);
        let topic = visible(topic.trim());
        terminal.err(&format!("error: `{topic}` is no word of suites, reports or commands; {help}\n"));
        return exit::USAGE;
    }
    let width = terminal.style().width.unwrap_or(WIDTH).min(WIDTH);
    terminal.out(&layout::wrapped(&found.join("\n"), width));
    exit::OK
}

/// The widest line of prose, where the terminal does not say less.
const WIDTH: usize = 120;
/// Every explanation of a word; none if nothing is called so.
#[must_use]
pub fn texts(word: &str) -> Vec<String> {
    find::all(word)
}

/// Every explanation of a word, as a terminal of this width shows them.
#[must_use]
pub fn shown(word: &str, width: usize) -> String {
    layout::wrapped(&texts(word).join("\n"), width)
}

/// The list of topics.
fn list() -> String {
    let mut out = String::from("the file format: shakedown explain suite\n\nfamilies (shakedown explain FAMILY):\n");
    for family in FAMILIES {
        let _ = writeln!(out, "  {:<12} {}", family.name, family.summary);
    }
    out.push_str("\ntopics (shakedown explain TOPIC):\n");
    let keys: Vec<&str> = tables::names(tables::CHECK).collect();
    let operators: Vec<&str> = Operator::all().map(Operator::word).collect();
    let codes: Vec<String> = exit::OF_RUNS.iter().map(|(code, _)| code.to_string()).collect();
    row(&mut out, "keys of a check", &keys);
    row(&mut out, "operators", &operators);
    row(&mut out, "statistics", STATISTICS);
    for chapter in topics::CHAPTERS {
        let titles: Vec<&str> = chapter.topics.iter().map(topics::Topic::title).collect();
        row(&mut out, &chapter.title.to_lowercase(), &titles);
    }
    row(&mut out, "exit codes", &codes.iter().map(String::as_str).collect::<Vec<_>>());
    out.push_str("  and every fact (http.total_time.p95), field (tcp.port), outcome (refused), command (run), flag (jobs) and setting\n");
    out
}

/// A titled list of words, in lines that fit a screen.
fn row(out: &mut String, title: &str, words: &[&str]) {
    const WIDTH: usize = 78;
    let mut line = String::new();
    let mut title = title;
    for (at, word) in words.iter().enumerate() {
        let end = if at + 1 == words.len() { "" } else { "," };
        if !line.is_empty() && line.len() + word.len() + 2 > WIDTH {
            let _ = writeln!(out, "  {title:<16} {}", line.trim_end());
            (line, title) = (String::new(), "");
        }
        let _ = write!(line, "{word}{end} ");
    }
    let _ = writeln!(out, "  {title:<16} {}", line.trim_end());
}

/// The operators that fit a sort of value.
fn operators_of(sort: Sort, between: &str) -> String {
    sort.operators().map(Operator::word).collect::<Vec<_>>().join(between)
}
