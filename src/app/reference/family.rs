//! The page of a family.

use super::fields;
use super::markdown::{MarkdownTable, Page, code, codes};
use crate::app::adhoc::listing;
use crate::app::explain::{fact_sort, margin};
use crate::model::{FactInfo, Kind, Rule};
use crate::probe::{Family, Mode};

/// Everything about a family, from its tables, its README and its example.
pub(super) fn page(family: &Family) -> String {
    let source = format!("src/checks/{} (tables, README.md, example.yaml)", family.name);
    let mut page = Page::new(family.name, &source);
    let readme = Readme::of(family.readme);
    page.prose(readme.intro);
    page.paragraph(
        "[All families](README.md) · [suites](../suite.md) · [operators](../operators.md) · [concepts](../concepts.md)",
    );
    page.code("sh", &listing::first_commands(family));
    page.contents();
    page.heading(2, "Example");
    page.code("yaml", family.example);
    page.heading(2, "Fields");
    fields::table(&mut page, family.fields);
    page.heading(2, "Facts");
    let of_mode = |name: &str| family.modes.iter().any(|mode| mode.facts.iter().any(|fact| fact.name == name));
    facts(&mut page, family.facts.iter().filter(|fact| !of_mode(fact.name)));
    page.heading(2, "Expected by default");
    expected(&mut page, family, of_mode);
    if !family.modes.is_empty() {
        modes(&mut page, family);
    }
    page.heading(2, "Comparison");
    comparison(&mut page, family);
    if !readme.notes.trim().is_empty() {
        page.heading(2, "Notes");
        page.prose(readme.notes);
    }
    for (title, text) in readme.sections {
        page.heading(2, title);
        page.prose(text);
    }
    page.text()
}

/// A README in its parts.
struct Readme<'r> {
    intro: &'r str,
    notes: &'r str,
    sections: Vec<(&'r str, &'r str)>,
}

impl<'r> Readme<'r> {
    fn of(text: &'r str) -> Self {
        let text = text.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        let (head, rest) = text.split_once("\n## ").unwrap_or((text, ""));
        let (intro, notes) = head.split_once("\n\n").unwrap_or((head, ""));
        let sections = rest.split("\n## ").filter_map(|section| section.split_once('\n')).collect();
        Self { intro, notes, sections }
    }
}

fn facts<'f>(page: &mut Page, facts: impl IntoIterator<Item = &'f FactInfo>) {
    let mut table = MarkdownTable::new(&["Fact", "Sort and unit", "Meaning"]);
    for fact in facts {
        let words = match fact.kind {
            Kind::Choice(words) => format!(" One of {}.", codes(words.iter().copied())),
            _ => String::new(),
        };
        table.row([code(fact.name), fact_sort(fact), format!("{}{words}", fact.help)]);
    }
    page.table(&table);
}

/// An expectation as suites write it (`outcome: connected`), and the facts that replace it as well.
type Default<'f> = (&'f str, &'f str, &'f [&'f str]);

fn parts(line: &str) -> Default<'_> {
    let (fact, want) = line.split_once(':').unwrap_or((line, ""));
    (fact, want.trim(), &[])
}

/// A table of defaults, below `lead`; where a fact replaces one as well, with a column that says so.
fn defaults(page: &mut Page, lead: &str, rows: &[Default<'_>]) {
    if rows.is_empty() {
        return;
    }
    let replaced = rows.iter().any(|(_, _, lifted)| !lifted.is_empty());
    let also = if replaced {
        " A fact in the last column replaces the default as well: it says the same in another form."
    } else {
        ""
    };
    page.paragraph(&format!("{lead}{also}"));
    let mut table =
        MarkdownTable::new(if replaced { &["Fact", "Expected", "Also replaced by"] } else { &["Fact", "Expected"] });
    for (fact, want, lifted) in rows {
        let cells = [code(fact), code(want), codes(lifted.iter().copied())];
        table.row(cells.into_iter().take(if replaced { 3 } else { 2 }));
    }
    page.table(&table);
}

fn expected(page: &mut Page, family: &Family, of_mode: impl Fn(&str) -> bool) {
    let own = family.facts.iter().filter(|fact| !of_mode(fact.name));
    let rows: Vec<Default<'_>> = own.filter_map(|fact| Some((fact.name, fact.expected?, fact.lifted_by))).collect();
    let lead = "These are expected in addition to what a check writes. A default no longer applies once the check expects something else of \
                that fact (see [suite.md](../suite.md#expect)).";
    defaults(page, lead, &rows);
}

/// The ways of looking that fields switch on, each with the facts only it has. Several that are switched on alike are one.
fn modes(page: &mut Page, family: &Family) {
    page.heading(2, "Modes");
    page.paragraph("Fields that switch on another kind of measurement, with the facts and expectations it adds.");
    let mut done: Vec<&str> = Vec::new();
    for with in family.modes.iter().map(|mode| mode.with) {
        if done.contains(&with) {
            continue;
        }
        done.push(with);
        let alike: Vec<&Mode> = family.modes.iter().filter(|mode| mode.with == with).collect();
        page.heading(3, &format!("With `{with}`"));
        mode(page, &alike);
    }
}

fn mode(page: &mut Page, alike: &[&Mode]) {
    facts(page, alike.iter().flat_map(|mode| mode.facts));
    let own = alike.iter().flat_map(|mode| mode.facts);
    let mut rows: Vec<Default<'_>> = own.filter_map(|fact| Some((fact.name, fact.expected?, fact.lifted_by))).collect();
    rows.extend(alike.iter().filter_map(|mode| mode.adds).flat_map(str::lines).map(parts));
    defaults(page, "Expected in addition to the defaults of the family.", &rows);
    let lacks: Vec<&str> = alike.iter().flat_map(|mode| mode.lacks).copied().collect();
    if !lacks.is_empty() {
        page.paragraph(&format!("Nothing is expected of {}: this measurement cannot see it.", codes(lacks)));
    }
}

/// How facts are compared, unless a check says otherwise under `baseline`.
fn comparison(page: &mut Page, family: &Family) {
    page.paragraph(
        "How each fact is compared with that of an earlier run or of another target, unless a check says otherwise under `baseline` (see \
         [comparing.md](../comparing.md)). Metrics are compared by their numbers, other facts by a [rule](../concepts.md#rule).",
    );
    let mut table = MarkdownTable::new(&["Metric", "Compared"]);
    for fact in family.facts.iter().filter(|fact| fact.better.is_some()) {
        table.row([code(fact.name), margin(fact)]);
    }
    page.table(&table);
    let mut table = MarkdownTable::new(&["Rule", "Facts"]);
    for rule in Rule::ALL {
        let facts = family.facts.iter().filter(|fact| fact.better.is_none() && fact.rule == rule);
        let names: Vec<&str> = facts.map(|fact| fact.name).collect();
        if !names.is_empty() {
            table.row([code(rule.word()), codes(names)]);
        }
    }
    for fact in family.facts.iter().filter(|fact| !fact.except.is_empty()) {
        table.row([
            code(Rule::Ignore.word()),
            format!("below {}: {}", code(fact.name), codes(fact.except.iter().copied())),
        ]);
    }
    page.table(&table);
}
