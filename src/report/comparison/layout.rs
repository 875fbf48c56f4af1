//! How lines of a comparison are set: a status word in a column of its own, long lines broken between words, names folded.

use std::collections::HashMap;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::model::count::counted;
use crate::model::{Change, Severity};
use crate::report::layout::WIDTH;
use crate::report::prose;
use crate::report::style::{Style, visible};

/// Columns of a status word.
const MARK: usize = 14;
/// Narrowest text column; a terminal narrower than this breaks lines itself.
const LEAST: usize = 20;
/// Names written out; of more, one fewer and the count of the rest.
const NAMES: usize = 4;
/// Cases of one check from which on they are counted.
const CASES: usize = 3;
/// Names written out where all are asked for.
const MOST: usize = 100;

/// The status words of a comparison, written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusWord {
    /// What a metric came to.
    Metric(Change, Severity),
    /// A check shows less than before.
    Worse,
    /// A check shows more than before.
    Better,
    /// A check is gone.
    Gone,
    /// A check has no result.
    NotMeasured,
    /// A fact changed that must not.
    Changed,
    /// A fact changed as its rule allows.
    Allowed,
    /// What is no fault by itself.
    Note,
    /// A check is new.
    New,
}

impl StatusWord {
    /// Colour and word.
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Metric(Change::Regressed, Severity::Warn) => ("33", "WARNING"),
            Self::Metric(Change::Regressed, _) => ("31;1", "REGRESSED"),
            Self::Metric(Change::Improved, _) => ("32", "IMPROVED"),
            Self::Metric(Change::Unchanged, _) => ("32", "UNCHANGED"),
            Self::Metric(Change::Inconclusive, _) => ("33", "INCONCLUSIVE"),
            Self::Metric(Change::NotCompared, _) => ("33", "NOT COMPARED"),
            Self::Worse => ("31;1", "WORSE"),
            Self::Better => ("32", "BETTER"),
            Self::Gone => ("31;1", "GONE"),
            Self::NotMeasured => ("35;1", "NOT MEASURED"),
            Self::Changed => ("31;1", "CHANGED"),
            Self::Allowed => ("36", "ALLOWED"),
            Self::Note => ("36", "NOTE"),
            Self::New => ("36", "NEW"),
        }
    }
}

/// A line that begins with its status word; what does not fit on the terminal goes on below the text. Elsewhere it is one line,
/// for whoever searches the output.
pub(super) fn line(style: Style, mark: StatusWord, text: &str) -> String {
    let (code, word) = mark.parts();
    let text = folded(style.width, &visible(text));
    let gap = " ".repeat(MARK.saturating_sub(word.len()));
    format!("{}{gap}{}\n", style.paint(code, word), text.trim_start())
}

/// Text below the line it belongs to.
pub(super) fn below(style: Style, text: &str) -> String {
    format!("{}\n", style.faint(&folded(Some(style.width.unwrap_or(WIDTH)), &visible(text))))
}

/// Advice below the line it belongs to; a command in it is broken nowhere.
pub(super) fn advice(style: Style, text: &str) -> String {
    let room = style.width.unwrap_or(WIDTH).saturating_sub(MARK).max(LEAST);
    let lines = prose::lines(&visible(text), room);
    let indent = " ".repeat(MARK);
    format!("{}\n", style.faint(&lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")))
}

/// A line of its own, from the first column on.
pub(super) fn plain(style: Style, text: &str) -> String {
    broken(&visible(text), style.width).join("\n") + "\n"
}

/// Text in the column of the text, broken between words where there is a width.
fn folded(width: Option<usize>, text: &str) -> String {
    let indent = " ".repeat(MARK);
    let Some(width) = width.map(|width| width.saturating_sub(MARK)).filter(|width| *width >= LEAST) else {
        return format!("{indent}{text}");
    };
    broken(text, Some(width)).iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

/// Lines of at most `width` columns; no word is broken.
fn broken(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let words = text.trim_start_matches(' ');
    let mut lines = vec![" ".repeat(text.len() - words.len())];
    for word in words.split(' ') {
        let Some(last) = lines.last_mut() else { break };
        let begun = !last.trim_start().is_empty();
        if begun && last.width() + 1 + word.width() > width {
            lines.push(word.to_owned());
        } else {
            if begun {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// `edge/a` for one; `3 checks (edge/a, edge/b, edge/c)` for several, of many the first and how many more; the cases of one check are
/// counted. All of them if `all`.
pub(super) fn checks(names: &[(&str, &str)], all: bool) -> String {
    if let [(suite, check)] = names {
        return format!("{suite}/{check}");
    }
    let mut texts: Vec<String> = Vec::new();
    let of_checks = by_check(names);
    for (check, cases) in &of_checks {
        if cases.len() < CASES || all {
            texts.extend(cases.iter().map(|(suite, case)| format!("{suite}/{case}")));
        } else if of_checks.len() == 1 {
            return format!("{} of {check}", counted(cases.len() as u64, "case"));
        } else {
            texts.push(format!("{} of {check}", counted(cases.len() as u64, "case")));
        }
    }
    let shown = some(&texts, all);
    format!("{} ({shown})", counted(names.len() as u64, "check"))
}

/// Cases by the check they are cells of, in order.
fn by_check<'n>(names: &[(&'n str, &'n str)]) -> Vec<(String, Vec<(&'n str, &'n str)>)> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
    for name in names {
        let check = format!("{}/{}", name.0, name.1.split('[').next().unwrap_or_default());
        let place = *places.entry(check.clone()).or_insert_with(|| {
            out.push((check, Vec::new()));
            out.len() - 1
        });
        if let Some((_, cases)) = out.get_mut(place) {
            cases.push(*name);
        }
    }
    out
}

/// The first of several texts, and how many more there are.
pub(super) fn some(texts: &[String], all: bool) -> String {
    let most = if all { MOST } else { NAMES };
    let shown = if texts.len() <= most { texts.len() } else { most - 1 };
    let more = texts.len() - shown;
    let mut out = texts.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(out, " and {more} more");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{StatusWord, checks, line, some};
    use crate::report::style::Style;

    #[test]
    fn long_lines_are_broken_between_words_and_stay_in_their_column() {
        let style = Style { width: Some(40), ..Style::default() };
        let shown =
            line(style, StatusWord::Changed, "certificate of edge/www: subject CN=old.example -> CN=new.example");
        assert!(shown.lines().all(|line| line.chars().count() <= 40), "{shown}");
        assert!(shown.starts_with("CHANGED       certificate"), "{shown}");
        assert!(shown.lines().skip(1).all(|line| line.starts_with(&" ".repeat(14))), "{shown}");
        let joined = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(joined, "CHANGED certificate of edge/www: subject CN=old.example -> CN=new.example");
        let endless = line(style, StatusWord::Note, &"x".repeat(100));
        assert!(endless.contains(&"x".repeat(100)), "no break inside of a word: {endless}");
        assert_eq!(line(Style::default(), StatusWord::Gone, &"word ".repeat(100)).lines().count(), 1);
    }

    #[test]
    fn names_are_folded_and_counted() {
        let names = ["a", "b", "c", "d", "e"].map(|check| ("s", check));
        assert_eq!(checks(&names[..1], false), "s/a");
        assert_eq!(checks(&names[..4], false), "4 checks (s/a, s/b, s/c, s/d)");
        assert_eq!(checks(&names, false), "5 checks (s/a, s/b, s/c and 2 more)");
        assert_eq!(checks(&names, true), "5 checks (s/a, s/b, s/c, s/d, s/e)");
        assert_eq!(some(&[], false), "");
        let cases = ["a[n=1]", "a[n=2]", "a[n=3]", "b"].map(|check| ("s", check));
        assert_eq!(checks(&cases[..3], false), "3 cases of s/a");
        assert_eq!(checks(&cases, false), "4 checks (3 cases of s/a, s/b)");
        assert_eq!(checks(&cases[..2], false), "2 checks (s/a[n=1], s/a[n=2])");
        assert_eq!(checks(&cases, true), "4 checks (s/a[n=1], s/a[n=2], s/a[n=3], s/b)");
    }
}
