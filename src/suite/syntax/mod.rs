//! Broken YAML, told in words: what is wrong, and the line to write instead. Nothing of what a parser says of itself.

mod line;
mod names;
mod repairs;
#[cfg(test)]
mod tests;

use super::diagnostic::{Diagnostics, Span};
use super::tree::{Kind, Node};
use repairs::Repair;

/// Mistakes of one file that are told at once.
const MOST: usize = 20;
/// Guesses tried for one mistake.
const TRIES: usize = 60;
/// Bytes read for the repairs of one file: each try reads all of it.
const EFFORT: usize = 32 * 1024 * 1024;
/// Longest key, characters, that readers of YAML must take.
const LONGEST_KEY: usize = 1024;

/// Where the reader of YAML gave up, and why.
pub(super) struct ParseFailure {
    /// Byte of the text.
    pub(super) at: usize,
    /// Its own words, which only this module reads.
    pub(super) why: String,
}

/// Reads a text to its first mistake.
pub(super) type ParseFn<'r> = &'r dyn Fn(&str) -> Option<ParseFailure>;

/// One mistake, as it is told.
struct Mistake {
    line: usize,
    at: usize,
    message: String,
    help: String,
}

/// Reports what keeps `text` from being YAML: with the line that mends it where one does, and then what is wrong behind it. Gives
/// the text as it was meant, line by line, where all that mends it leaves no doubt: so the rest of the file is looked at, too.
pub(super) fn report(
    source: u32,
    text: &str,
    first: ParseFailure,
    read: ParseFn<'_>,
    errors: &mut Diagnostics,
) -> Option<String> {
    let (mistakes, repaired) = match other_format(text) {
        Some(mistake) => (vec![mistake], None),
        None => mistakes(text, first, read),
    };
    for mistake in mistakes {
        let start = offset(text, mistake.line) + mistake.at;
        let start = u32::try_from(start.min(text.len())).unwrap_or(u32::MAX);
        errors.add(Span { source, start, end: start.saturating_add(1) }, mistake.message, mistake.help);
    }
    repaired
}

fn mistakes(text: &str, first: ParseFailure, read: ParseFn<'_>) -> (Vec<Mistake>, Option<String>) {
    let mut out: Vec<Mistake> = Vec::new();
    let mut current = text.to_owned();
    let mut failure = first;
    let (mut tries, mut certain) = (EFFORT / text.len().max(1), true);
    while out.len() < MOST {
        let (line, column) = position(&current, failure.at);
        let repair = if is_beyond_a_line(&failure.why) {
            None
        } else {
            first_repair(&current, &failure, line, &mut tries, read)
        };
        let Some((repair, repaired, next)) = repair else {
            // What follows from a mistake that was mended in another way than was meant is none of its own.
            if out.is_empty() || tries == 0 {
                let (message, mut help) = too_long_key(&current, line).unwrap_or_else(|| in_words(&failure.why));
                if tries == 0 {
                    help += "; this file is so large that no further line is looked for that mends it";
                }
                out.push(Mistake { line, at: column, message, help });
            }
            return (out, None);
        };
        add(&mut out, &repair, text);
        certain &= repair.certain;
        current = repaired;
        let Some(next) = next else { return (out, certain.then_some(current)) };
        failure = next;
    }
    (out, None)
}

/// A key that is longer than any reader of YAML takes.
fn too_long_key(text: &str, line: usize) -> Option<(String, String)> {
    let line = text.lines().nth(line)?.trim_start_matches([' ', '-']);
    let length = line.get(..line::key_end(line)?)?.chars().count();
    (length > LONGEST_KEY).then(|| {
        let message = format!("a key of YAML has at most {LONGEST_KEY} characters, this one has {length}");
        (message, "write a short name as the key, and the text behind it as its value".to_owned())
    })
}

/// Whether what is wrong is no matter of how a line is written.
fn is_beyond_a_line(why: &str) -> bool {
    ["budget", "alias replay", "recursi", "multiple YAML documents"].iter().any(|words| why.contains(words))
}

/// Adds a mistake. A line has one error, with all that mends it.
fn add(out: &mut Vec<Mistake>, repair: &Repair, text: &str) {
    let Some((line, new)) = repair.lines.first() else { return };
    let help = repair.advice.clone().unwrap_or_else(|| format!("write `{}`", new.trim()));
    let longest = text.lines().nth(*line).map_or(0, str::len);
    match out.iter_mut().find(|mistake| mistake.line == *line) {
        Some(mistake) => mistake.help = help,
        None => out.push(Mistake { line: *line, at: repair.at.min(longest), message: repair.message.clone(), help }),
    }
}

/// The first guess with which the text is read further than before.
fn first_repair(
    text: &str,
    failure: &ParseFailure,
    line: usize,
    tries: &mut usize,
    read: ParseFn<'_>,
) -> Option<(Repair, String, Option<ParseFailure>)> {
    let lines: Vec<&str> = text.lines().collect();
    let number = line.min(lines.len().checked_sub(1)?);
    for repair in repairs::of(&lines, number).into_iter().take(TRIES) {
        *tries = tries.checked_sub(1)?;
        let mut new = lines.clone();
        for (at, text) in &repair.lines {
            new[*at] = text;
        }
        let repaired = new.join("\n") + "\n";
        let last = repair.lines.iter().map(|(at, _)| *at).max().unwrap_or(0).max(number);
        match read(&repaired) {
            None => return Some((repair, repaired, None)),
            Some(next) => {
                let (next_line, _) = position(&repaired, next.at);
                let left = |text: &str, at: usize| text.len().saturating_sub(at);
                let further = next_line == number && left(&repaired, next.at) < left(text, failure.at);
                if next_line > last || (further && repair.lines.len() == 1 && next_line == last) {
                    return Some((repair, repaired, Some(next)));
                }
            }
        }
    }
    None
}

/// Texts that are no suite by a long way, or hold what other programs were to take out.
fn other_format(text: &str) -> Option<Mistake> {
    let find = |test: &dyn Fn(&str) -> bool| text.lines().position(test);
    if let Some(line) = find(&|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
        let message = "this file holds a merge conflict".to_owned();
        let help = "keep one of the two sides, and take out the lines <<<<<<<, ======= and >>>>>>>".to_owned();
        return Some(Mistake { line, at: 0, message, help });
    }
    let line = find(&|line| line.trim_start().starts_with("{%"))?;
    let message = "`{% … %}` is of a template, and nothing fills it in here".to_owned();
    let help = "write variables as ${name}, and several cases with `matrix`".to_owned();
    Some(Mistake { line, at: 0, message, help })
}

/// What the reader of YAML found, where no line is known that mends it.
fn in_words(why: &str) -> (String, String) {
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let (message, help) = match why {
        _ if says(&["budget", "alias replay", "recursion limit", "nesting", "depth"]) => (
            "the aliases and the nesting of this file expand to more than is read",
            "name fewer anchors within anchors, or split the suite",
        ),
        _ if says(&["recursive references"]) => {
            ("an alias is within its own anchor", "name an anchor that ends before the alias")
        }
        _ if says(&["multiple YAML documents"]) => (
            "a suite is one YAML document, and a second one begins here",
            "take out the line `---`, or make it a file of its own",
        ),
        _ if says(&["unknown anchor"]) => {
            ("no anchor above is called like this alias", "define it before: `x-common: &NAME {…}`, then write *NAME")
        }
        _ if says(&["merge"]) => ("`<<` takes an alias of a map", "write `<<: *NAME`, where &NAME stands at a map"),
        _ if says(&["unclosed quote"]) => ("this quote is not closed", "close it on the same line"),
        _ if says(&["unclosed bracket", "misplaced bracket", "'}'", "']'"]) => {
            ("a bracket is not closed, or closes nothing", "check that every { has its } and every [ its ]")
        }
        _ if says(&["tab"]) => ("a tab is not allowed here", "indent with spaces, two for each level"),
        _ if says(&["document start"]) => {
            ("a line `---` is missing below the `%` lines", "take the `%` line out: a suite needs none")
        }
        _ if says(&["expected key", "'-' indicator", "not allowed in this context", "simple key"]) => (
            "the indentation of this line fits nothing above it, or a `:` is missing",
            "begin keys of one map in the same column, and elements of a list with `- `",
        ),
        _ if says(&["unexpected character", "invalid character"]) => {
            ("this character cannot begin a value", "put the value into quotes: \"…\"")
        }
        _ => ("this is not valid YAML", "check the indentation, and that every {, [ and quote above is closed"),
    };
    (message.to_owned(), help.to_owned())
}

/// Line and column of a byte, both from 0; the column in bytes.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count(), before.len() - start)
}

/// The byte a line begins at.
fn offset(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line).map(str::len).sum()
}

/// Longest text of a value that is shown in advice, characters.
const SHOWN: usize = 80;

/// A node as it may stand within `{ }`, for advice: quoted where it must be, and without secrets.
pub(super) fn flow(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "~".to_owned(),
        Kind::Scalar(text, plain) => scalar(node.shown().unwrap_or(text), *plain),
        Kind::List(items) => format!("[{}]", items.iter().take(9).map(flow).collect::<Vec<_>>().join(", ")),
        Kind::Map(entries) => {
            let parts: Vec<String> =
                entries.iter().take(9).map(|(key, node)| format!("{}: {}", key.name, flow(node))).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}

fn scalar(text: &str, plain: bool) -> String {
    let odd = text.is_empty()
        || text.trim() != text
        || text.contains([',', '{', '}', '[', ']', '\n'])
        || text.contains(": ")
        || text.contains(" #")
        || text.starts_with(['"', '\'', '*', '&', '!', '%', '@', '`', '|', '>', '#', '?', '-', ':'])
        || text.ends_with(':');
    let number = text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "null" | "~");
    let text: String = text.chars().take(SHOWN).collect();
    let in_quotes = if number { !plain } else { odd };
    if in_quotes { repairs::quoted(&text) } else { text }
}
