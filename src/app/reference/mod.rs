//! The generated pages of `docs/`, from the tables that validate, judge and parse.
//!
//! A test writes them (`UPDATE_REFERENCE=1 cargo test --test cli reference`) and holds the repository against them.

mod commands;
mod concepts;
mod configuration;
mod family;
mod fields;
pub mod markdown;
mod operators;
mod suite;

use crate::checks::FAMILIES;
use markdown::{MarkdownTable, Page};

/// Every generated page: its path in the repository and its text.
#[must_use]
pub fn pages() -> Vec<(String, String)> {
    let mut out = vec![
        ("docs/suite.md".to_owned(), suite::page()),
        ("docs/operators.md".to_owned(), operators::page()),
        ("docs/concepts.md".to_owned(), concepts::page()),
        ("docs/configuration.md".to_owned(), configuration::page()),
        ("docs/cli.md".to_owned(), commands::page()),
        ("docs/families/README.md".to_owned(), index()),
    ];
    out.extend(FAMILIES.iter().map(|family| (format!("docs/families/{}.md", family.name), family::page(family))));
    out
}

/// The index of the families.
fn index() -> String {
    let mut page = Page::new("Families", "the registry of families");
    page.paragraph(
        "A family is a kind of check. Each has fields that a suite may write, facts that it can see, and expectations that \
         hold until a check says otherwise. `shakedown explain FAMILY` prints the same in a terminal.",
    );
    let mut table = MarkdownTable::new(&["Family", "What it looks at", "Facts"]);
    for family in FAMILIES {
        let link = format!("[{0}]({0}.md)", family.name);
        table.row([link, family.summary.to_owned(), family.facts.len().to_string()]);
    }
    page.table(&table);
    page.paragraph(
        "How a suite is written: [suite.md](../suite.md). What may be expected of a fact: [operators.md](../operators.md). \
         All pages: [docs](../README.md).",
    );
    page.text()
}
