//! Markdown that also reads well as plain text.

use std::fmt::Write as _;

/// A page under construction. Every block ends with one blank line.
pub struct Page {
    out: String,
    /// Headings of the second and third level, for the table of contents.
    headings: Vec<(usize, String)>,
    contents_at: Option<usize>,
}

impl Page {
    /// A page with its title; `source` is what it is generated from.
    #[must_use]
    pub fn new(title: &str, source: &str) -> Self {
        let out = format!(
            "<!-- Generated from {source}; do not edit. Renew with: UPDATE_REFERENCE=1 cargo test --test cli reference -->\n\n# {title}\n\n"
        );
        Self { out, headings: Vec::new(), contents_at: None }
    }

    /// A heading of level 2 or 3.
    pub fn heading(&mut self, level: usize, title: &str) {
        self.headings.push((level, title.to_owned()));
        let _ = write!(self.out, "{} {title}\n\n", "#".repeat(level));
    }

    /// Marks where the table of contents stands.
    pub fn contents(&mut self) {
        self.contents_at = Some(self.out.len());
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let _ = write!(self.out, "{}\n\n", text.trim());
    }

    /// Prose with lists in it, as texts of the program have it: a list gets the blank lines Markdown wants around it.
    pub fn prose(&mut self, text: &str) {
        self.out.push_str(&spaced(text));
        self.out.push('\n');
    }

    /// A fenced block.
    pub fn code(&mut self, language: &str, text: &str) {
        let _ = write!(self.out, "```{language}\n{}\n```\n\n", text.trim_end());
    }

    /// A table; none if it has no rows.
    pub fn table(&mut self, table: &MarkdownTable) {
        if !table.rows.is_empty() {
            table.render(&mut self.out);
            self.out.push('\n');
        }
    }

    /// The finished text.
    #[must_use]
    pub fn text(mut self) -> String {
        if let Some(at) = self.contents_at {
            let mut list = String::new();
            for (level, title) in &self.headings {
                let _ = writeln!(list, "{}- [{title}](#{})", "  ".repeat(level - 2), anchor(title));
            }
            list.push('\n');
            self.out.insert_str(at, &list);
        }
        self.out.trim_end().to_owned() + "\n"
    }
}

/// A table whose columns are padded but for the last, which is as long as its text.
pub struct MarkdownTable {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl MarkdownTable {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One more row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| escaped(&cell)).collect());
    }

    fn render(&self, out: &mut String) {
        // Longer cells than this would push everything to their right out of sight.
        const WIDEST: usize = 44;
        let all = || self.rows.iter().chain([&self.head]);
        let last = self.head.len().saturating_sub(1);
        let width = |column: usize| {
            let cells = all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.filter(|width| *width <= WIDEST).max().unwrap_or(3).max(3)
        };
        let widths: Vec<usize> = (0..last).map(width).collect();
        let line = |out: &mut String, row: &[String]| {
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(out, "| {cell:<width$} ");
            }
            let _ = writeln!(out, "| {} |", row.get(last).map_or("", String::as_str));
        };
        line(out, &self.head);
        let mut rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        rule.push("-".repeat(self.head.get(last).map_or(3, |name| name.chars().count().max(3))));
        line(out, &rule);
        self.rows.iter().for_each(|row| line(out, row));
    }
}

/// A text as a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").trim().to_owned()
}

/// A word as code; nothing stays nothing.
#[must_use]
pub fn code(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!("`{word}`") }
}

/// Words as code, with commas.
#[must_use]
pub fn codes<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

/// The anchor of a heading as GitHub and GitLab make it: in small letters, blanks as dashes, no punctuation.
#[must_use]
pub fn anchor(title: &str) -> String {
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}

/// The text with a blank line before and after each list, and one line of blanks at most.
fn spaced(text: &str) -> String {
    let mut out = String::new();
    let (mut in_list, mut fenced, mut blank) = (false, false, true);
    for line in text.trim().lines() {
        let is_item = line.trim_start().starts_with("- ");
        let empty = line.trim().is_empty();
        let continues = in_list && line.starts_with(' ');
        if !fenced && !empty && !blank && (is_item && !in_list || in_list && !is_item && !continues) {
            out.push('\n');
        }
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced && !empty {
            in_list = is_item || continues;
        }
        if !(empty && blank && !fenced) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        blank = empty;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{MarkdownTable, Page, anchor, spaced};

    #[test]
    fn columns_are_padded_and_the_last_one_is_free() {
        let mut table = MarkdownTable::new(&["Name", "Meaning"]);
        table.row(["`a`".to_owned(), "one | two".to_owned()]);
        table.row(["`longer`".to_owned(), "three".to_owned()]);
        let mut page = Page::new("T", "nothing");
        page.table(&table);
        let text = page.text();
        assert!(
            text.ends_with(
                "| Name     | Meaning |\n| -------- | ------- |\n| `a`      | one \\| two |\n| `longer` | three |\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn anchors_are_those_of_the_forges() {
        assert_eq!(anchor("With `scan: true`, profiles: […]"), "with-scan-true-profiles-");
        assert_eq!(anchor("not_in"), "not_in");
    }

    #[test]
    fn lists_stand_alone() {
        assert_eq!(spaced("a:\n- b\n  c\n- d\ne\n"), "a:\n\n- b\n  c\n- d\n\ne\n");
        assert_eq!(spaced("a\n\n- b\n\nc\n"), "a\n\n- b\n\nc\n");
    }
}
