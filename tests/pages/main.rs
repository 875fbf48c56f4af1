//! The pages of `docs/how-to`: every file they show is written, every command they show is run, in a network namespace with
//! the servers they speak of, once well and once for each way of being broken. What they claim is held against the exit code
//! and the report, and the output they show is what came out.
//!
//! `UPDATE_PAGES=1 cargo test --test pages` writes the output into the pages anew.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

mod authority;
mod claims;
mod office;
mod page;
mod play;
#[path = "../skips/mod.rs"]
mod skips;
mod web;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use page::{Page, Role};
use play::Stage;

/// Set inside of the namespace, for the test that enters it.
const INSIDE: &str = "PAGES_INSIDE";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to")
}

fn pages() -> Vec<Page> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .map(|path| Page::read(path))
        .collect()
}

/// Pages beside the how-tos that show output: what they show is made as there.
const OTHERS: [&str; 2] = ["comparing.md", "history.md"];

fn others() -> impl Iterator<Item = Page> {
    OTHERS.iter().map(|name| Page::in_part(&folder().join("..").join(name)))
}

/// `PAGES=closed-port cargo test --test pages` plays one page.
fn chosen(page: &Page) -> bool {
    std::env::var("PAGES").map_or(true, |name| name.is_empty() || page.name().contains(&name))
}

/// A page that shows something which is not run, or that is never seen to fail, is a promise nobody keeps.
#[test]
fn every_page_has_scenarios_that_hold_and_that_break() {
    let pages = pages();
    assert!(pages.len() >= 15, "only {} pages", pages.len());
    let mut problems = Vec::new();
    for page in others() {
        let run = page.blocks.iter().filter(|block| matches!(block.role, Role::Run(_))).count();
        problems.extend(page.problems.iter().map(|problem| format!("{}: {problem}", page.name())));
        if run == 0 {
            problems.push(format!("{}: nothing of it is run", page.name()));
        }
        // Output without a prompt is written by hand.
        problems.extend(
            page.text.contains("```text\n$ ").then(|| format!("{}: a `text` block with a prompt", page.name())),
        );
    }
    for page in &pages {
        problems.extend(page.problems.iter().map(|problem| format!("{}: {problem}", page.name())));
        for (wanted, what) in [(true, "that holds (exit: 0)"), (false, "that breaks (another exit code)")] {
            if !page.exits().any(|code| (code == 0) == wanted) {
                problems.push(format!("{}: no scenario {what}", page.name()));
            }
        }
        for heading in ["## A good run", "## A bad run", "## Pitfalls", "## See also"] {
            if !page.text.contains(&format!("\n{heading}")) {
                problems.push(format!("{}: no section `{heading}`", page.name()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Who opens a page at three in the morning finds a command on the first screen, and what to save the suite as.
#[test]
fn a_command_is_on_the_first_screen() {
    const SCREEN: usize = 14;
    let mut problems = Vec::new();
    for page in pages() {
        let first = page.first_commands();
        let by_hand = first.iter().filter(|(_, command)| command.starts_with("shakedown probe "));
        if !first.iter().any(|(line, _)| *line <= SCREEN) {
            problems.push(format!("{}: no command within the first {SCREEN} lines", page.name()));
        }
        if by_hand.count() == 0 && !first.iter().any(|(_, command)| page.run_commands().contains(command)) {
            problems.push(format!("{}: the command it begins with is not the one it runs", page.name()));
        }
        for block in &page.blocks {
            if let Role::File(name) = &block.role {
                // The comment that names it for the test is not seen by a reader.
                let before: String = page.text.lines().take(block.lines.start.saturating_sub(2)).collect();
                if !before.contains(&format!("`{name}`")) {
                    problems.push(format!("{}: nobody says to save the suite as `{name}`", page.name()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_page_is_in_the_index_and_every_link_leads_somewhere() {
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let mut problems = Vec::new();
    for page in pages() {
        let file = page.path.file_name().unwrap().to_string_lossy().into_owned();
        if !index.contains(&format!("({file})")) {
            problems.push(format!("README.md does not name {file}"));
        }
        problems.extend(dead_links(&page.path, &page.text));
    }
    problems.extend(dead_links(&folder().join("README.md"), &index));
    let glossary = folder().join("../glossary.md");
    problems.extend(dead_links(&glossary, &std::fs::read_to_string(&glossary).unwrap()));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Links to files that are not there, and to headings that no page has.
fn dead_links(path: &Path, text: &str) -> Vec<String> {
    let link = regex::Regex::new(r"\]\(([^)#: ]*)(#[^) ]*)?\)").unwrap();
    let mut dead = Vec::new();
    for found in link.captures_iter(text) {
        let (file, anchor) = (found[1].to_owned(), found.get(2).map(|anchor| &anchor.as_str()[1..]));
        let target = if file.is_empty() { path.to_owned() } else { path.parent().unwrap().join(&file) };
        let read = std::fs::read_to_string(&target)
            .or_else(|error| if target.is_dir() { Ok(String::new()) } else { Err(error) });
        let lost = match (read, anchor) {
            (Err(_), _) => true,
            (Ok(text), Some(anchor)) => {
                !text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor)
            }
            (Ok(_), None) => false,
        };
        if lost {
            dead.push(format!("{}: {} leads nowhere", path.display(), &found[0]));
        }
    }
    dead
}

/// The anchor of a heading, as GitHub makes it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn what_the_pages_show_is_what_happens() {
    if std::env::var_os(INSIDE).is_some() {
        play();
        return;
    }
    // As root of a user namespace, so that an ordinary user can run it too.
    let inside = ["-r", "-n", "-m"];
    let may = Command::new("unshare").args(inside).args(["ip", "link", "set", "lo", "up"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        skips::skip(
            "this user may make no network namespace",
            "allow user namespaces, or install iproute2 and util-linux",
        );
        return;
    }
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command
        .args(inside)
        .arg(me)
        .args(["--exact", "what_the_pages_show_is_what_happens", "--nocapture"])
        .env(INSIDE, "1");
    let output = command.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
}

fn play() {
    world::prepare();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let issued = web::Issued::new();
    let update = std::env::var_os("UPDATE_PAGES").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for mut page in pages().into_iter().chain(others()).filter(chosen) {
        let began = std::time::Instant::now();
        let stage = Stage::new(&runtime, &issued);
        wrong.extend(stage.play(&mut page, update).into_iter().map(|what| format!("{}: {what}", page.name())));
        println!("{}: {:.1} s", page.name(), began.elapsed().as_secs_f64());
    }
    let hint = "if only the form of the output changed: UPDATE_PAGES=1 cargo test --test pages, and read the diff";
    assert!(wrong.is_empty(), "{}\n\n{hint}", wrong.join("\n\n"));
}
