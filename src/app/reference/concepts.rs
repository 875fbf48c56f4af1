//! The page of concepts, from the topics of `explain`.

use super::markdown::{MarkdownTable, Page, code, codes};
use crate::app::explain::topics::CHAPTERS;
use crate::exit;

pub(super) fn page() -> String {
    let mut page = Page::new("Concepts", "the topics of `shakedown explain`");
    page.paragraph(
        "The words of suites, runs and reports, and how they belong together. `shakedown explain WORD` prints each.",
    );
    page.contents();
    for chapter in CHAPTERS {
        page.heading(2, chapter.title);
        page.paragraph(chapter.intro);
        if let Some(picture) = chapter.picture {
            page.code("text", picture);
        }
        for topic in chapter.topics {
            page.heading(3, topic.title());
            let others = &topic.names[1..];
            page.paragraph(topic.text);
            if let Some(example) = topic.example {
                page.code("yaml", example);
            }
            if !others.is_empty() {
                page.paragraph(&format!("Also found as {}.", codes(others.iter().copied())));
            }
        }
    }
    page.heading(2, "Exit codes");
    for (title, table) in [
        ("run, probe, demo, calibrate, report", exit::OF_RUNS),
        ("compare", exit::OF_COMPARISONS),
        ("Other commands", exit::OF_TOOLS),
    ] {
        page.heading(3, title);
        let mut rows = MarkdownTable::new(&["Code", "Meaning"]);
        for (number, meaning) in table {
            rows.row([code(&number.to_string()), (*meaning).to_owned()]);
        }
        page.table(&rows);
    }
    page.text()
}
