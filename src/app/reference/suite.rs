//! The page of the file format.

use super::fields;
use super::markdown::{MarkdownTable, Page, code, codes};
use crate::app::explain::operators::SORTS;
use crate::app::explain::suite::{EXPECT, INTRO, SECTIONS, TABLES, shallow};
use crate::checks::FAMILIES;
use crate::model::expectation::Operator;
use crate::model::fact::{FactKeys, STATISTICS};
use crate::model::{FieldInfo, Unit, quantity};

/// A suite that shows the form.
const EXAMPLE: &str = "\
version: 1
suite: edge
vars: {vip: 192.0.2.10}
defaults: {timeout: 3s}
checks:
  - id: vip
    matrix: {port: [80, 443]}
    tcp: {host: \"${vip}\", port: \"${matrix.port}\"}
    expect: {connect_time.p95: {lt: 20ms}}
";

pub(super) fn page() -> String {
    let mut page = Page::new("Suites", "the tables that validate suites");
    // The text of the terminal has the title of the page.
    page.prose(INTRO.trim_start().trim_start_matches("# suite"));
    page.code("yaml", EXAMPLE);
    page.contents();
    for (title, table) in TABLES {
        page.heading(2, title);
        let flat: Vec<FieldInfo> =
            table.iter().map(|field| FieldInfo { kind: shallow(field.kind), ..*field }).collect();
        fields::table(&mut page, &flat);
        if title.starts_with("A check") {
            let links = FAMILIES.iter().map(|family| format!("[{0}](families/{0}.md)", family.name));
            page.paragraph(&format!("And one family with its fields: {}.", links.collect::<Vec<_>>().join(", ")));
        }
    }
    section(&mut page, EXPECT);
    operators(&mut page);
    for text in SECTIONS {
        section(&mut page, text);
    }
    quantities(&mut page);
    page.text()
}

/// A text that begins with its own heading.
fn section(page: &mut Page, text: &str) {
    let (title, text) = text.trim().split_once('\n').unwrap_or(("", text));
    page.heading(2, title.trim_start_matches("## "));
    page.prose(text);
}

fn operators(page: &mut Page) {
    page.heading(2, "Operators by sort of fact");
    let mut table = MarkdownTable::new(&["Sort", "Operators"]);
    for (words, sort) in SORTS {
        table.row([(*words).to_owned(), codes(sort.operators().map(Operator::word))]);
    }
    page.table(&table);
    page.paragraph("What each means, with an example: [operators.md](operators.md).");
    page.heading(2, "Parts of a distribution");
    page.paragraph(&format!("{}, as in `rtt.p95`.", codes(STATISTICS.iter().copied())));
    page.heading(2, "Facts by key");
    page.paragraph("A check with `eventually`, or with `parity`, has these beside the facts of its family.");
    let mut table = MarkdownTable::new(&["Fact", "Default", "Meaning"]);
    for fact in FactKeys::ALL.facts() {
        table.row([code(fact.name), fact.expected.map(code).unwrap_or_default(), fact.help.to_owned()]);
    }
    page.table(&table);
}

fn quantities(page: &mut Page) {
    page.heading(2, "Quantities");
    let mut table = MarkdownTable::new(&["In reports", "In suites, such as", "Units"]);
    for unit in [Unit::Seconds, Unit::Bytes, Unit::BitsPerSecond, Unit::PerSecond, Unit::Ratio] {
        table.row([unit.word().to_owned(), code(unit.example()), quantity::names(unit)]);
    }
    page.table(&table);
}
