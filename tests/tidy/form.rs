//! The form of files: how long they may be, where tests stand, and what a sleep must say.

use std::fs;
use std::path::Path;

use super::must_be_empty;
use super::source::{code, is_test_file, shown, sources, stripped};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;

#[test]
fn files_and_functions_stay_short() {
    let mut problems = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in sources(folder) {
            let text = fs::read_to_string(&path).unwrap();
            let lines = code(&text).iter().filter(|line| !line.trim().is_empty()).count();
            if lines > FILE_LINES {
                problems.push(format!(
                    "{}: {lines} lines of code, at most {FILE_LINES}: split it by element",
                    shown(&path)
                ));
            }
            problems.extend(long_functions(&path, &text));
        }
    }
    must_be_empty(&problems, "files and functions stay short");
}

/// Unit tests are `mod tests`, last in the file they test while that stays short; else `tests.rs` in the module's folder, or
/// `tests/mod.rs` when there are several files. What they share stands in `src/testing`.
#[test]
fn unit_tests_have_one_layout() {
    let mut problems = Vec::new();
    for path in sources("src") {
        let (name, text) = (shown(&path), fs::read_to_string(&path).unwrap());
        let mut problem = |what: &str| problems.push(format!("{name}: {what}"));
        if name.ends_with("_tests.rs") {
            problem("call it tests.rs, in the folder of the module it tests");
        }
        if name.ends_with("/tests.rs") && path.with_extension("").is_dir() {
            problem("make it tests/mod.rs, beside its other files");
        }
        if text.contains("#[path") {
            problem("put the file where its module is looked for, without #[path]");
        }
        if is_test_file(&path) || name == "src/lib.rs" {
            continue;
        }
        if code(&text).iter().any(|line| line.contains("#[test]") || line.contains("#[tokio::test")) {
            problem("put tests into `mod tests`");
        }
        let lines: Vec<&str> = text.lines().collect();
        let marks = lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[cfg(test)]"));
        for below in marks.filter_map(|(at, _)| lines.get(at + 1)).filter(|below| below.contains("mod ")) {
            if !below.ends_with("mod tests;") && !below.ends_with("mod tests {") {
                problem(&format!("`{below}`: call it `tests`"));
            }
            let length = stripped(&text).iter().filter(|line| !line.trim().is_empty()).count();
            if below.ends_with('{') && length > FILE_LINES {
                problem(&format!("{length} lines with its tests, at most {FILE_LINES}: move them to tests.rs"));
            }
        }
    }
    must_be_empty(&problems, "unit tests have one layout");
}

/// Waiting for a length of time makes tests slow and flaky; where it is the thing itself, a comment above says so.
#[test]
fn sleeps_in_tests_say_what_they_are_for() {
    let mut problems = Vec::new();
    for path in sources("src").into_iter().chain(sources("tests")) {
        let text = fs::read_to_string(&path).unwrap();
        let (lines, all, product) = (text.lines().collect::<Vec<_>>(), stripped(&text), code(&text));
        let test = is_test_file(&path) || shown(&path).starts_with("tests/");
        for (at, _) in all.iter().enumerate().filter(|(_, line)| line.contains("sleep(")) {
            let ours = test || product.get(at).is_none_or(String::is_empty);
            let explained = lines[at.saturating_sub(2)..=at].iter().any(|line| line.contains("// "));
            if ours && !explained {
                problems.push(format!("{}:{}: {}", shown(&path), at + 1, lines[at].trim()));
            }
        }
    }
    let instead = "wait for an event, pause the clock (`start_paused`), or skip silence (`testing::fast_forward`)";
    must_be_empty(&problems, &format!("a sleep in a test says in a comment what it is for; else {instead}"));
}

/// Examples in documentation are not run: one that looks as if it were would be trusted.
#[test]
fn code_in_documentation_is_text() {
    let mut problems = Vec::new();
    for path in sources("src") {
        let text = fs::read_to_string(&path).unwrap();
        let mut inside = false;
        for (line, number) in text.lines().zip(1..) {
            let trimmed = line.trim_start();
            let Some(doc) = trimmed.strip_prefix("///").or(trimmed.strip_prefix("//!")) else { continue };
            let Some(language) = doc.trim().strip_prefix("```") else { continue };
            if !inside && language != "text" {
                problems.push(format!("{}:{number}: {}", shown(&path), line.trim()));
            }
            inside = !inside;
        }
    }
    must_be_empty(&problems, "a block of code in documentation is `text`: write a test instead");
}

fn long_functions(path: &Path, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let lines = stripped(text);
    let mut index = 0;
    while index < lines.len() {
        let trimmed = lines[index].trim_start();
        let begins = trimmed.starts_with("fn ") || trimmed.contains(" fn ");
        if !begins || trimmed.ends_with(';') {
            index += 1;
            continue;
        }
        let (mut depth, mut end, mut opened) = (0_i32, index, false);
        for (number, line) in lines.iter().enumerate().skip(index) {
            for c in line.chars() {
                match c {
                    '{' => {
                        depth += 1;
                        opened = true;
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
            end = number;
            if (opened && depth <= 0) || (!opened && line.trim_end().ends_with(';')) {
                break;
            }
        }
        let length = end - index + 1;
        if opened && length > FUNCTION_LINES {
            out.push(format!("{}:{}: a function of {length} lines, at most {FUNCTION_LINES}", shown(path), index + 1));
        }
        index += 1;
    }
    out
}
