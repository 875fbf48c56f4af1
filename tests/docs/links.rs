//! Links lead somewhere: files, anchors, and paths that are named as code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Tag};
use shakedown::app::reference::markdown::anchor;

use super::{Page, pages, root};

fn links(page: &Page) -> Vec<String> {
    let targets = page.events().filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    });
    targets.collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// The file a link leads to and its anchor, from the root; nothing of another site.
fn target(page: &Page, link: &str) -> Option<(String, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor.to_owned())));
    if file.is_empty() {
        return Some((page.path.clone(), anchor));
    }
    let folder = Path::new(&page.path).parent().unwrap();
    Some((plain(&folder.join(file)).to_str().unwrap().to_owned(), anchor))
}

#[test]
fn every_link_leads_to_a_file_and_an_anchor() {
    let pages = pages();
    let anchors: BTreeMap<&str, BTreeSet<String>> = pages
        .iter()
        .map(|page| (&*page.path, page.headings().iter().map(|(_, title)| anchor(title)).collect()))
        .collect();
    let mut count = 0;
    for page in &pages {
        for link in links(page) {
            let Some((file, anchor)) = target(page, &link) else { continue };
            count += 1;
            assert!(root().join(&file).exists(), "{}: [{link}] leads nowhere", page.path);
            if let Some(anchor) = anchor {
                let known = anchors.get(&*file).unwrap_or_else(|| panic!("{}: [{link}] is no page", page.path));
                assert!(known.contains(&anchor), "{}: {file} has no heading for #{anchor}", page.path);
            }
        }
    }
    assert!(count > 150, "{count} links");
}

/// Who begins at the index finds everything.
#[test]
fn every_page_of_docs_is_reached_from_the_index() {
    let pages = pages();
    let (mut reached, mut next) = (BTreeSet::new(), vec!["docs/README.md".to_owned()]);
    while let Some(path) = next.pop() {
        let Some(page) = pages.iter().find(|page| page.path == path) else { continue };
        if reached.insert(path) {
            next.extend(links(page).iter().filter_map(|link| target(page, link)).map(|(file, _)| file));
        }
    }
    for page in pages.iter().filter(|page| page.path.starts_with("docs/")) {
        assert!(reached.contains(&page.path), "no link leads from docs/README.md to {}", page.path);
    }
}

/// `src/…` and the like in a text are files of this repository; those with a blank, a placeholder or a pattern are none.
#[test]
fn paths_that_are_named_exist() {
    const FOLDERS: [&str; 9] =
        ["docs/", "src/", "tests/", "suites/", "benches/", "fuzz/", ".ci/", "reports/schema/", ".cargo/"];
    let mut count = 0;
    for page in pages() {
        for event in page.events() {
            let Event::Code(text) = event else { continue };
            let path = text.trim_end_matches('/');
            let named = FOLDERS.iter().any(|folder| text.starts_with(folder));
            if !named || path.contains([' ', '<', '*', '…', '$', '{']) {
                continue;
            }
            count += 1;
            // What CONTRIBUTING tells to add: a family, a page, or tests in the folder of a module.
            if path.contains("/ntp") || path.contains("/QUESTION") || path == "tests/mod.rs" {
                continue;
            }
            assert!(root().join(path).exists(), "{}: there is no `{path}`", page.path);
        }
    }
    assert!(count > 40, "{count} paths");
}
