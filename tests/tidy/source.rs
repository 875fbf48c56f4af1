//! The sources of the project, and their text without comments, literals and tests.

use std::fs;
use std::path::{Path, PathBuf};

pub fn sources(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut out);
    out.sort();
    assert!(!out.is_empty(), "{folder} holds no source");
    out
}

pub fn shown(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
}

/// The layer a file belongs to: the first part of its path below `src`.
pub fn layer(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

pub fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tests.rs"))
        || path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "testing")
}

/// The code without comments, strings and tests: an item behind `#[cfg(test)]` leaves empty lines.
pub fn code(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut lines = stripped(text).into_iter();
    while let Some(line) = lines.next() {
        if !line.trim_start().starts_with("#[cfg(test)]") {
            out.push(line);
            continue;
        }
        out.push(String::new());
        let mut open = 0_usize;
        for line in lines.by_ref() {
            out.push(String::new());
            open = open + line.matches('{').count() - line.matches('}').count();
            if open == 0 && (line.ends_with(';') || line.ends_with('}')) {
                break;
            }
        }
    }
    out
}

/// The text without comments and with empty literals, line by line.
pub fn stripped(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let skip = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['r', '"' | '#', ..] => raw_string(rest),
            ['"', ..] => string(rest),
            // A character literal; a lifetime has no closing quote.
            ['\'', '\\', _, '\'', ..] => 4,
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if skip == 0 {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(rest[..skip].iter().filter(|c| **c == '\n'));
            at += skip;
        }
    }
    out.lines().map(str::to_owned).collect()
}

/// Length of the string literal that begins here.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Length of the raw string literal that begins here; 0 when it is an identifier such as `r#type`.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = &rest[2 + hashes..];
    body.windows(close.len()).position(|w| w == close).map_or(rest.len(), |end| 2 + hashes + end + close.len())
}

#[test]
fn literals_and_comments_are_not_code() {
    let text = "a(\"{ // x\n}\"); // {\nb(r#\"\"{\"#, '{', '\\'', 'x);\n";
    assert_eq!(stripped(text), ["a(", "); ", "b(, , , 'x);"]);
    let text = "mod a;\n#[cfg(test)]\nmod tests;\nmod b;\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\nmod d;\n";
    assert_eq!(code(text), ["mod a;", "", "", "mod b;", "", "", "", "", "mod d;"]);
}
