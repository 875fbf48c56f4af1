//! Every suite and every check that a page shows is planned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shakedown::checks::FAMILIES;
use shakedown::plan::{Plan, Settings, plan};
use shakedown::suite::file::{Input, Options, load};

use super::{pages, shakedown};

/// A suite, checks or a check, as pages show them, as a suite.
pub fn whole(block: &str) -> Option<String> {
    // What a check of a page takes from its suite.
    let vars = if block.contains("${env}") { "vars: {env: test}\n" } else { "" };
    match block {
        _ if block.starts_with("version:") => Some(block.to_owned()),
        _ if block.starts_with("checks:") => Some(format!("version: 1\nsuite: page\n{vars}{block}\n")),
        _ if block.starts_with("  - id:") => Some(format!("version: 1\nsuite: page\n{vars}checks:\n{block}\n")),
        _ => None,
    }
}

/// Its plan, or every error.
pub fn planned(text: &str) -> Result<Plan, String> {
    planned_in(Path::new(""), text)
}

/// The same of a suite in a folder, whose files it may name.
fn planned_in(folder: &Path, text: &str) -> Result<Plan, String> {
    // A page may name secrets of whoever runs it.
    let env = |name: &str| Some(format!("the value of {name}"));
    let file = folder.join("page.yaml").display().to_string();
    let mut loaded = load(&[Input::Text(file, text.into())], FAMILIES, &Options::none(&env));
    let plan = plan(&mut loaded, None, &Settings { allow_disruptive: true, ..Settings::default() });
    if loaded.errors.is_empty() { Ok(plan) } else { Err(loaded.errors.render(&loaded.sources, false)) }
}

#[test]
fn every_yaml_block_is_a_suite_that_plans() {
    let (mut count, mut shown_by) = (0, BTreeSet::new());
    for page in pages() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in page.files() {
            write(&folder, name, text);
        }
        // A pipeline of GitHub or GitLab is `yml`, and no suite.
        for block in page.blocks().iter().filter(|block| block.language == "yaml") {
            let text = whole(&block.text)
                .unwrap_or_else(|| panic!("{}: neither a suite nor checks:\n{}", page.path, block.text));
            let plan = planned_in(folder.path(), &text).unwrap_or_else(|errors| panic!("{}:\n{errors}", page.path));
            assert!(!plan.cases.is_empty(), "{}: {text}", page.path);
            count += 1;
            shown_by.insert(page.path.clone());
        }
    }
    assert!(count >= 40 && shown_by.contains("README.md"), "{count} blocks in {shown_by:?}");
}

/// `docs/configuration.md` shows files that a run would read.
#[test]
fn every_example_of_the_configuration_plans() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == "docs/configuration.md").unwrap();
    let blocks: Vec<_> = page.blocks().into_iter().filter(|block| block.language == "toml").collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "shakedown.toml", &block.text);
        let checks = "[{id: a, tags: [smoke], tcp: {host: 192.0.2.1, port: 1}}, {id: b, tags: [slow, perf], tcp: {host: 192.0.2.1, port: 2}}, {id: c, tags: [manual], \
                      tcp: {host: 192.0.2.1, port: 3}}, {id: d, tags: [perf], tcp: {host: 192.0.2.1, port: 4}}]";
        write(&folder, "edge.yaml", &format!("version: 1\nsuite: s\nchecks: {checks}\n"));
        let (code, out, err) = shakedown(folder.path(), &["plan", "edge.yaml"]);
        assert_eq!(code, 0, "{}\n{out}{err}", block.text);
        // And what it says has an effect.
        let want = if block.text.contains("skip_tag") { "2 cases" } else { "4 cases" };
        assert!(out.starts_with(want), "{}\n{out}", block.text);
    }
}

#[test]
fn every_key_of_the_configuration_is_on_its_page() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == "docs/configuration.md").unwrap();
    let keys = shakedown::app::config::keys();
    assert!(keys.len() >= 20, "{}", keys.len());
    for key in keys {
        let row = page.text.lines().find(|line| line.starts_with(&format!("| `{}` ", key.name))).unwrap();
        assert!(row.contains(&key.variable) && key.variable.starts_with("SHAKEDOWN_"), "{row}");
    }
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}
