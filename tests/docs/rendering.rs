//! Every page is rendered once, and what it means to be is what it becomes.

use std::collections::BTreeSet;

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use super::{Page, pages};

/// The lines of a page that look like rows of a table, outside of blocks of code; with how many cells.
fn written_rows(page: &Page) -> Vec<(usize, usize)> {
    let (mut out, mut fenced) = (Vec::new(), false);
    for (at, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && line.starts_with('|') {
            let cells = line.replace("\\|", "").matches('|').count() - 1;
            out.push((at + 1, cells));
        }
    }
    out
}

/// The cells of every row of every table, as a parser sees them.
fn rendered_rows(page: &Page) -> Vec<usize> {
    let mut out = Vec::new();
    for event in page.events() {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => out.push(0),
            Event::Start(Tag::TableCell) => *out.last_mut().unwrap() += 1,
            // The line of dashes is no row.
            Event::End(TagEnd::TableHead) => out.push(*out.last().unwrap()),
            _ => {}
        }
    }
    out
}

#[test]
fn tables_are_tables_and_no_cell_is_lost() {
    let mut tables = 0;
    for page in pages() {
        let (written, rendered) = (written_rows(&page), rendered_rows(&page));
        // A parser drops cells beyond those of the head, and adds those that are missing, without a word.
        assert_eq!(written.len(), rendered.len(), "{}: a line that begins with | is no row of a table", page.path);
        for ((line, cells), seen) in written.iter().zip(&rendered) {
            assert_eq!(cells, seen, "{}:{line}: cells of the row, and columns of its table", page.path);
        }
        tables += usize::from(!written.is_empty());
    }
    assert!(tables > 12, "{tables} pages have tables");
}

#[test]
fn every_page_has_one_title_and_headings_of_its_own() {
    for page in pages() {
        let headings = page.headings();
        assert_eq!(headings.iter().filter(|(level, _)| *level == 1).count(), 1, "{}: one title", page.path);
        assert_eq!(headings[0].0, 1, "{} begins with its title", page.path);
        let mut seen = BTreeSet::new();
        for (_, title) in &headings {
            assert!(!title.contains('`'), "{}: the backticks of `{title}` do not match", page.path);
            assert!(
                seen.insert(title),
                "{}: two headings are called `{title}`, and their anchors differ by chance",
                page.path
            );
        }
    }
}

#[test]
fn nothing_is_taken_for_html_and_every_block_names_its_language() {
    for page in pages() {
        for event in page.events() {
            match event {
                Event::Html(text) | Event::InlineHtml(text) => {
                    assert!(
                        text.trim_start().starts_with("<!--"),
                        "{}: `{text}` is taken for HTML: write it as code",
                        page.path
                    );
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    assert!(!language.is_empty(), "{}: a block of code without a language", page.path);
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                    panic!("{}: an indented block of code: fence it", page.path);
                }
                _ => {}
            }
        }
    }
}

/// A reference of this length is searched, not read.
#[test]
fn long_pages_have_a_table_of_contents() {
    const LONG: usize = 12_000;
    let mut long = 0;
    for page in pages().iter().filter(|page| page.path.starts_with("docs/") && page.text.len() > LONG) {
        long += 1;
        let sections = page.headings().iter().filter(|(level, _)| *level == 2).count();
        let links = page.text.lines().filter(|line| line.starts_with("- [") && line.contains("](#")).count();
        assert!(links >= sections, "{}: {sections} sections and {links} links to them at its begin", page.path);
    }
    assert!(long >= 5, "{long} long pages");
}

/// In a terminal the columns of a generated table stand below each other, but for cells that are too long to wait for.
#[test]
fn generated_tables_read_as_plain_text() {
    for page in pages().iter().filter(|page| page.text.starts_with("<!-- Generated")) {
        let rows: Vec<&str> = page.text.lines().filter(|line| line.starts_with("| ")).collect();
        let begins =
            |line: &&str| line.replace("\\|", "xx").match_indices('|').nth(1).map(|(at, _)| line[..at].chars().count());
        for pair in rows.windows(2).filter(|pair| pair[0].starts_with("| -")) {
            assert_eq!(begins(&pair[0]), begins(&pair[1]), "{}: {}", page.path, pair[1]);
        }
    }
}
