//! Columns of the lines for people, and where lines break.

use unicode_width::UnicodeWidthStr as _;

use super::prose;
use super::style::visible;
use crate::model::CheckRecord;

/// Width of a line where nobody says how wide it may be.
pub(super) const WIDTH: usize = 140;
/// Columns of status, duration and the gaps beside them.
const BEFORE: usize = 5 + 1 + 9 + 2;
/// Widest name that the others are aligned with.
const NAME: usize = 48;
/// Widest target that the others are aligned with …
const TARGET: usize = 44;
/// … and the least of a target that stays readable when it is shortened.
const LEAST: usize = 16;

/// The columns of a run.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Names begin with their suite.
    suites: bool,
    name: usize,
    target: usize,
    width: usize,
}

/// A case as the columns see it.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'c> {
    /// The suite.
    pub suite: &'c str,
    /// Id of the case.
    pub id: &'c str,
    /// Kind of check.
    pub family: &'c str,
    /// The target.
    pub target: &'c str,
    /// The network namespace it is looked at from.
    pub netns: Option<&'c str>,
}

impl<'c> From<&'c CheckRecord> for Cell<'c> {
    fn from(check: &'c CheckRecord) -> Self {
        Self {
            suite: &check.suite,
            id: &check.id,
            family: &check.family,
            target: &check.target,
            netns: check.netns.as_deref(),
        }
    }
}

impl Layout {
    /// Columns for these cases, on lines of at most `width` columns.
    #[must_use]
    pub fn of<'c>(cells: impl Iterator<Item = Cell<'c>> + Clone, width: Option<usize>) -> Self {
        let width = width.unwrap_or(WIDTH);
        let mut suites = cells.clone().map(|cell| cell.suite);
        let first = suites.next();
        let several = suites.any(|suite| Some(suite) != first);
        let mut layout = Self { suites: several, name: 0, target: 0, width };
        layout.name = widest(cells.clone().map(|cell| layout.plain_name(cell)), NAME);
        // The number beside a target needs some room as well.
        let room = width.saturating_sub(BEFORE + layout.name + 2 + 2 + 26).max(LEAST);
        layout.target = widest(cells.map(plain_target), TARGET.min(room));
        layout
    }

    /// The name of a case: without its suite where there is one only.
    #[must_use]
    pub fn plain_name(&self, cell: Cell<'_>) -> String {
        if self.suites { visible(&format!("{}/{}", cell.suite, cell.id)) } else { visible(cell.id) }
    }

    /// The name, as wide as its column.
    #[must_use]
    pub fn name(&self, cell: Cell<'_>) -> String {
        padded(self.plain_name(cell), self.name)
    }

    /// Family and target, as wide as their column: what is longer is shortened in the middle, as its end tells targets apart.
    #[must_use]
    pub fn target(&self, cell: Cell<'_>) -> String {
        padded(shortened(&plain_target(cell), self.target), self.target)
    }

    /// What fits after a name of this case and its target, cut between words.
    #[must_use]
    pub fn rest(&self, cell: Cell<'_>, text: &str) -> String {
        let used = BEFORE + self.plain_name(cell).width().max(self.name) + 2 + self.target + 2;
        cut(text, self.width.saturating_sub(used).max(LEAST))
    }

    /// Advice as lines, as [`Self::wrapped`]; a command is broken nowhere.
    #[must_use]
    pub fn advice(&self, text: &str, indent: usize) -> Vec<String> {
        prose::lines(text, self.room(indent))
    }

    fn room(&self, indent: usize) -> usize {
        self.width.saturating_sub(indent).max(2 * LEAST)
    }

    /// `text` as lines of at most the width, all but the first `indent` columns in; no word is broken.
    #[must_use]
    pub fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        let room = self.room(indent);
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let line = lines.last_mut().filter(|line| line.is_empty() || line.width() + 1 + word.width() <= room);
            match line {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) => {
                    line.push(' ');
                    line.push_str(word);
                }
                None => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

fn plain_target(cell: Cell<'_>) -> String {
    let netns = cell.netns.map(|netns| format!(" in netns {netns}")).unwrap_or_default();
    visible(&format!("{} {}{netns}", cell.family, cell.target))
}

fn widest(texts: impl Iterator<Item = String>, most: usize) -> usize {
    texts.map(|text| text.width()).max().unwrap_or(0).min(most)
}

fn padded(text: String, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

/// The beginning and the end of what is too long.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let half = width.saturating_sub(1) / 2;
    let count = text.chars().count();
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - (width.saturating_sub(1) - half)).collect();
    format!("{head}…{tail}")
}

/// As many whole words as fit.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for word in text.split(' ') {
        if out.width() + word.width() + 2 > width {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out + "…"
}

#[cfg(test)]
mod tests {
    use super::{Cell, Layout, cut, shortened};

    fn cell<'c>(suite: &'c str, id: &'c str, target: &'c str) -> Cell<'c> {
        Cell { suite, id, family: "tcp", target, netns: None }
    }

    #[test]
    fn names_and_targets_stand_in_columns() {
        let cells = [cell("edge", "a", "192.0.2.1:80"), cell("edge", "longer-name", "h:1")];
        let layout = Layout::of(cells.iter().copied(), Some(80));
        assert_eq!(layout.name(cells[0]), "a          ");
        assert_eq!(layout.target(cells[1]), "tcp h:1         ");
        let several = [cells[0], cell("other", "a", "h:1")];
        assert_eq!(Layout::of(several.iter().copied(), Some(80)).name(several[0]), "edge/a ");
    }

    #[test]
    fn what_is_too_long_is_cut_between_words_and_targets_keep_their_end() {
        assert_eq!(cut("one two three", 9), "one two…");
        assert_eq!(cut("one two", 9), "one two");
        assert_eq!(shortened("http https://www.example.test:8443/health", 20), "http http…443/health");
        let cells = [cell("edge", "a", "h:1")];
        let layout = Layout::of(cells.iter().copied(), Some(42));
        assert_eq!(
            layout.wrapped("aaaa bbbb cccc dddd eeee ffff gggg hhhh", 10),
            ["aaaa bbbb cccc dddd eeee ffff", "gggg hhhh"]
        );
    }
}
