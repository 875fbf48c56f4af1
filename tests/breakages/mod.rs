//! Twenty breakages of a small edge, each met by one suite that holds while nothing is broken: what fails, and what people read
//! about it. Texts are kept in `snapshots`.
//!
//! `UPDATE_BREAKAGES=1 cargo test --test peers breakages` accepts the texts of today, `BREAKAGES_TEXT=FILE` writes them into one
//! file as they are shown, `BREAKAGES_ONLY=wrong-a,nft-drop` breaks only these.

mod lab;
mod rows;
mod text;
mod wording;

use std::fmt::Write as _;

use serde_json::Value;

use crate::quiet;
use crate::sandbox::Ran;
use lab::Lab;
use rows::{Breakage, SIDE_BY_SIDE};
use wording::{Wording, has_block, missing};

/// Texts of failures begin with the cause: `FAIL name target`, then `cause`, `next` and `unmet`.
const CAUSE_FIRST: bool = true;

#[test]
fn each_is_seen_explained_and_mended() {
    let Some(mut lab) = Lab::up() else { return };
    let _room = quiet();
    let only = std::env::var("BREAKAGES_ONLY").unwrap_or_default();
    let chosen = |row: &&Breakage| only.is_empty() || only.split(',').any(|name| name == row.name);
    let all: Vec<&Breakage> = rows::all().filter(chosen).collect();
    assert!(!all.is_empty(), "there is no {only}");
    let (mut problems, mut texts) = (Vec::new(), String::new());
    assert_green(&lab, "before anything was broken", &[]);
    assert_green(&lab, "before anything was broken", SIDE_BY_SIDE);
    for row in all {
        (row.inject)(&mut lab);
        let ran = lab.run(row.args);
        (row.restore)(&mut lab);
        problems.extend(row.problems(&ran).into_iter().map(|problem| format!("{}: {problem}", row.name)));
        writeln!(texts, "## {}: {}\n\n{}", row.name, row.description, ran.shown).unwrap();
        assert_green(&lab, row.name, row.args);
    }
    if let Some(path) = std::env::var_os("BREAKAGES_TEXT") {
        std::fs::write(path, texts).unwrap();
    }
    assert!(problems.is_empty(), "{} problems\n\n{}", problems.len(), problems.join("\n\n"));
}

/// Everything that these arguments choose holds: all of the suite, or that the two backends do not differ.
fn assert_green(lab: &Lab, when: &str, args: &[&str]) {
    let ran = lab.run(args);
    let total = ran.report["summary"]["total"].as_u64().unwrap();
    let expected = if args.is_empty() { 25 } else { 1 };
    assert!(ran.code == 0 && total == expected && not_held(&ran.report).is_empty(), "{when}: {}", ran.shown);
}

/// Every case that does not hold, and how.
fn not_held(report: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        let compared = check["comparison"].as_object();
        let regressed = compared.is_some_and(|all| all.values().any(|one| one["verdict"] == "regressed"));
        let how = match check["verdict"].as_str().unwrap() {
            "passed" if regressed => "regressed",
            "passed" => continue,
            "failed" => check["facts"]["outcome"].as_str().unwrap(),
            other => other,
        };
        all.push((check["id"].as_str().unwrap().to_owned(), how.to_owned()));
    }
    all
}

impl Breakage {
    fn problems(&self, ran: &Ran) -> Vec<String> {
        let mut problems = Vec::new();
        let seen = not_held(&ran.report);
        let expected: Vec<(String, String)> =
            self.results.iter().map(|(id, how)| ((*id).to_owned(), (*how).to_owned())).collect();
        if seen != expected {
            problems.push(format!("comes to {seen:?}\ninstead of {expected:?}\n{}", ran.shown));
        }
        let code = if self.results.iter().all(|(_, how)| *how == "regressed") { 4 } else { 1 };
        if ran.code != code {
            problems.push(format!("exit code {} instead of {code}\n{}", ran.code, ran.shown));
        }
        for (id, _) in self.results {
            if !has_block(&ran.shown, id) {
                problems.push(format!("nothing is said of {id} but its verdict\n{}", ran.shown));
            }
            if CAUSE_FIRST {
                problems.extend(missing(&ran.shown, id, self.wording_of(id)));
            }
        }
        problems.extend(text::differs(self.name, &ran.shown));
        problems
    }

    fn wording_of(&self, id: &str) -> &Wording {
        let speaks = |wording: &&Wording| regex::Regex::new(wording.cases).unwrap().is_match(id);
        self.wording
            .iter()
            .find(speaks)
            .unwrap_or_else(|| panic!("{}: nothing is expected of the text of {id}", self.name))
    }
}

/// The twenty that were promised, and variants of them; each says what its texts must say of every case, and has a snapshot.
#[test]
fn every_breakage_has_expectations_and_a_snapshot() {
    let names: Vec<&str> = rows::all().map(|row| row.name).collect();
    assert!(names.len() >= 20, "{names:?}");
    assert!(names.iter().all(|name| names.iter().filter(|other| other == &name).count() == 1), "{names:?}");
    for row in rows::all() {
        for (id, _) in row.results {
            let wording = row.wording_of(id);
            assert!(!wording.cause.is_empty() && !wording.next.is_empty(), "{}: {id}", row.name);
            // What is no regular expression shows here, not only when a text is read.
            assert_ne!(missing("", id, wording), Vec::<String>::new());
        }
        let useless = row
            .wording
            .iter()
            .find(|wording| !row.results.iter().any(|(id, _)| std::ptr::eq(row.wording_of(id), *wording)));
        assert!(useless.is_none(), "{}: no case is `{}`", row.name, useless.unwrap().cases);
    }
    let over = text::left_over(&names);
    assert!(over.is_empty(), "no breakage has these snapshots: {over:?}");
}
