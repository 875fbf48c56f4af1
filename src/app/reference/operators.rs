//! The page of the operators.

use super::markdown::{MarkdownTable, Page, anchor, code};
use crate::app::explain::operators::{SORTS, example_of, of_absent};
use crate::model::expectation::Operator;

const INTRO: &str = "\
An entry of `expect` names a fact and what must hold of it. A bare value means `eq`. A map names one or more operators, each with its
operand, and all of them must hold:
";

const FORMS: &str = "  - id: forms
    http: {url: \"https://www.example.test/\"}
    expect:
      status: 200                                    # the same as {eq: 200}
      total_time.p95: {gt: 1ms, lt: 500ms}           # both must hold
      headers.server: {not_matches: \"[0-9]\"}         # a path into a document
";

const ABSENT: &str = "\
A fact that was not seen is absent. An absent fact satisfies `present: false` and nothing else: no limit holds of it, and no
negation either. `body: {excludes: error}` does not hold of a server that never answered. The same goes for what cannot be
compared, such as a text with a number: it satisfies neither a test nor its negation.
";

const LISTS: &str = "\
- `contains` and `excludes` take values: each must be among the elements, or none of them may be.
- `exactly` takes the whole list, in any order; `eq` in this order.
- `any`, `all` and `none` take a condition, which may use every operator, on a single element. `all` does not hold of an empty
  list, because nothing was there to meet the condition.
- `len` takes a condition on the number of elements: `answers: {len: {ge: 2}}`, or `{len: 2}`.
- Of a text, `contains` and `excludes` take parts of it, and `len` counts characters.
- Of a map, such as `body.json` of `http`, `contains` and `excludes` take its keys, and a path names a value: `body.json.status`.
- Of a table, such as `servers` of `dns`: `servers` is the list of its keys (`{len: 4}`, `{contains: ns1.example./192.0.2.53}`), `servers.row.KEY.serial` one cell, `servers.serial` all values of a
  column, with `any`, `all`, `none` or `len` (`servers.serial: {all: {ge: 7}}`), and `servers.rtt.max` a statistic of a column of numbers. Of more rows than are kept, those with something wrong
  stay; lengths and statistics count all of them, and what a row that was not kept could change is errored.
";

const DISTRIBUTIONS: &str = "\
A distribution, such as `rtt` or `total_time`, has one sample per measurement. An expectation names a part of it:
`rtt.p95: {lt: 20ms}`. A measured value is never twice the same, so an exact one is refused: instead of `rtt.max: 10ms`, write
`rtt.max: {le: 10ms}`.
";

pub(super) fn page() -> String {
    let mut page = Page::new("Operators", "the table of operators");
    page.prose(INTRO);
    page.code("yaml", FORMS);
    page.contents();
    page.heading(2, "All operators");
    let mut table = MarkdownTable::new(&["Operator", "Operand", "Meaning"]);
    for operator in Operator::all() {
        let word = operator.word();
        table.row([
            format!("[`{word}`](#{})", anchor(word)),
            operator.operand().wants().to_owned(),
            operator.meaning().to_owned(),
        ]);
    }
    page.table(&table);
    page.heading(2, "Which operator fits which fact");
    sorts(&mut page);
    page.heading(2, "An absent fact");
    page.prose(ABSENT);
    page.heading(2, "Lists, texts and maps");
    page.prose(LISTS);
    page.heading(2, "Distributions");
    page.prose(DISTRIBUTIONS);
    page.heading(2, "One by one");
    page.paragraph("Values seen are written as reports have them: times in seconds, sizes in bytes, shares as a share of one (`0.04` is 4%).");
    for operator in Operator::all() {
        one(&mut page, operator);
    }
    page.text()
}

fn sorts(page: &mut Page) {
    let head: Vec<&str> = ["Operator"].into_iter().chain(SORTS.iter().map(|(word, _)| *word)).collect();
    let mut table = MarkdownTable::new(&head);
    for operator in Operator::all() {
        let fits = SORTS.iter().map(|(_, sort)| if operator.fits(*sort) { "yes" } else { "–" }.to_owned());
        table.row([code(operator.word())].into_iter().chain(fits));
    }
    page.table(&table);
    page.paragraph("The table of each family shows the sort of its facts. Ordered words are those of a choice, in the order listed there.");
}

fn one(page: &mut Page, operator: Operator) {
    page.heading(3, operator.word());
    page.paragraph(operator.meaning());
    let example = example_of(operator);
    page.code("yaml", &example.yaml());
    let mut table = MarkdownTable::new(&["Value seen", "Verdict"]);
    for value in example.holds {
        table.row([seen(value), "holds".to_owned()]);
    }
    for value in example.fails.iter().filter(|value| **value != "null") {
        table.row([seen(value), "does not hold".to_owned()]);
    }
    table.row(["absent".to_owned(), of_absent(operator).to_owned()]);
    page.table(&table);
}

fn seen(value: &str) -> String {
    code(value)
}
