//! The style document as a test. Each ban names its replacement.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use shakedown::model::args::default as default_of;
use shakedown::model::{FieldInfo, FieldKind};

/// Layers from left to right; a module imports only what stands before it in this list.
const LAYERS: &[&str] = &[
    "stats", "model", "net", "proto", "probe", "suite", "guard", "checks", "plan", "judge", "baseline", "engine",
    "exit", "assess", "report", "history", "serve", "lab", "cli", "app", "main",
];

/// Pairs that may not know each other although the order would allow it.
const STRANGERS: &[(&str, &str)] = &[
    ("report", "engine"),
    ("history", "engine"),
    ("engine", "suite"),
    ("engine", "judge"),
    ("judge", "suite"),
    ("assess", "suite"),
    ("engine", "report"),
    ("checks", "judge"),
    ("checks", "suite"),
    ("model", "net"),
    ("serve", "plan"),
    ("serve", "report"),
];

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;

fn sources(folder: &str) -> Vec<PathBuf> {
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

fn shown(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
}

/// The layer a file belongs to: the first part of its path below `src`.
fn layer(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tests.rs"))
        || path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "testing")
}

/// The code without comments, strings and tests: an item behind `#[cfg(test)]` leaves empty lines.
fn code(text: &str) -> Vec<String> {
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
fn stripped(text: &str) -> Vec<String> {
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

fn must_be_empty(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}\n  {}", problems.join("\n  "));
}

#[test]
fn imports_run_only_leftwards() {
    let rank: BTreeMap<&str, usize> = LAYERS.iter().enumerate().map(|(rank, name)| (*name, rank)).collect();
    let mut problems = Vec::new();
    for path in sources("src") {
        if is_test_file(&path) {
            // Tests may use the lab.
            continue;
        }
        let own = layer(&path);
        if own == "lib" {
            continue;
        }
        let own_rank =
            *rank.get(own.as_str()).unwrap_or_else(|| panic!("layer `{own}` is not listed in tests/tidy.rs"));
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text).iter().enumerate() {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let other: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(other_rank) = rank.get(other.as_str()) else { continue };
                let stranger = STRANGERS.contains(&(own.as_str(), other.as_str()));
                if *other_rank > own_rank || stranger {
                    problems.push(format!("{}:{}: {own} imports {other}", shown(&path), number + 1));
                }
            }
        }
    }
    must_be_empty(&problems, "imports run only leftwards: move the shared part left, or hand it in from `app`");
}

/// All that a protocol may take from `model`: it reports a fault of this side, and knows no suites and no observations.
const MODEL_IN_PROTOCOLS: &[&str] = &["Fault", "FaultKind", "suggest"];

#[test]
fn protocols_know_nothing_of_suites_and_observations() {
    let mut problems = Vec::new();
    for path in sources("src/proto") {
        let text = stripped(&fs::read_to_string(&path).unwrap()).join("\n");
        for (at, found) in text.match_indices("crate::model::") {
            let rest = &text[at + found.len()..];
            let items = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or_default(),
                None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
            };
            let line = text[..at].lines().count();
            for item in items.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                if !MODEL_IN_PROTOCOLS.iter().any(|allowed| item == *allowed) {
                    problems.push(format!("{}:{line}: model::{item}", shown(&path)));
                }
            }
        }
    }
    must_be_empty(
        &problems,
        "a protocol knows no arguments, fields or facts: hand it plain values, and read the arguments in `checks`",
    );
}

#[test]
fn families_do_not_know_each_other() {
    let mut problems = Vec::new();
    let names = shakedown::checks::FAMILIES.iter().map(|family| family.name).collect::<Vec<_>>();
    for path in sources("src/checks") {
        let below = shown(&path);
        let own = below.split('/').nth(2).unwrap_or_default().to_owned();
        for (number, line) in code(&fs::read_to_string(&path).unwrap()).iter().enumerate() {
            for name in names.iter().filter(|name| **name != own) {
                if own != "mod.rs" && line.contains(&format!("checks::{name}")) {
                    problems.push(format!("{below}:{}: {own} uses {name}", number + 1));
                }
            }
        }
    }
    must_be_empty(
        &problems,
        "a family knows no other family: share by way of `proto`, `checks/shared`, or the registry",
    );
}

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
            let said = lines[at.saturating_sub(2)..=at].iter().any(|line| line.contains("// "));
            if ours && !said {
                problems.push(format!("{}:{}: {}", shown(&path), at + 1, lines[at].trim()));
            }
        }
    }
    let instead = "wait for an event, pause the clock (`start_paused`), or skip silence (`testing::haste`)";
    must_be_empty(&problems, &format!("a sleep in a test says in a comment what it is for; else {instead}"));
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

#[test]
fn banned_calls_stay_out() {
    // What, where it is allowed, what to use instead.
    let bans: &[(&str, &[&str], &str)] = &[
        ("std::thread::sleep", &[], "tokio::time::sleep, or better a condition to wait for"),
        ("thread::sleep(", &[], "tokio::time::sleep, or better a condition to wait for"),
        ("process::exit", &["src/main.rs"], "return an exit code to main"),
        (".unwrap()", &[], "`?`, a default, or a Fault that names operation, peer and remedy"),
        (".expect(", &[], "`?`, a default, or a Fault that names operation, peer and remedy"),
        ("todo!", &[], "the thing itself"),
        ("unimplemented!", &[], "the thing itself"),
        ("DefaultHasher", &[], "stats::seed for what must be repeatable, sha2 for digests; std promises no values"),
        ("unsafe {", &["src/net/sys/"], "a safe wrapper of nix, socket2 or rustix; else src/net/sys"),
        ("unsafe fn", &["src/net/sys/"], "a safe wrapper of nix, socket2 or rustix; else src/net/sys"),
    ];
    let in_checks: &[(&str, &str)] = &[
        ("std::net::TcpStream", "tokio::net::TcpStream"),
        ("std::net::TcpListener", "tokio::net::TcpListener"),
        ("std::net::UdpSocket", "tokio::net::UdpSocket"),
        ("ToSocketAddrs", "net::resolve"),
        ("SystemTime", "tokio::time::Instant for lengths; the engine stamps wall time once"),
    ];
    let mut problems = Vec::new();
    for path in sources("src") {
        let name = shown(&path);
        if is_test_file(&path) {
            continue;
        }
        for (number, line) in code(&fs::read_to_string(&path).unwrap()).iter().enumerate() {
            for (what, allowed, instead) in bans {
                if line.contains(what) && !allowed.iter().any(|prefix| name.starts_with(prefix)) {
                    problems.push(format!("{name}:{}: `{what}`; use {instead}", number + 1));
                }
            }
            for (what, instead) in in_checks {
                if name.starts_with("src/checks/") && line.contains(what) {
                    problems.push(format!("{name}:{}: `{what}`; use {instead}", number + 1));
                }
            }
        }
    }
    must_be_empty(&problems, "banned calls");
}

#[test]
fn unsafe_blocks_say_why_they_are_sound() {
    let mut problems = Vec::new();
    for path in sources("src/net/sys") {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let code = stripped(&text);
        for (number, line) in code.iter().enumerate().filter(|(_, line)| line.contains("unsafe {")) {
            let above = lines[number.saturating_sub(6)..=number].iter().any(|line| line.contains("SAFETY:"));
            if !above {
                problems.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
            }
        }
    }
    must_be_empty(&problems, "each unsafe block has its `SAFETY:` line");
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut problems = Vec::new();
    let (mut inside, mut above) = (false, "");
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if inside
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains('#')
            && !above.starts_with('#')
        {
            problems.push(line.to_owned());
        }
        above = line;
    }
    must_be_empty(&problems, "one line above each dependency says why it is there");
}

#[test]
fn every_family_has_its_files_and_sound_tables() {
    for family in shakedown::checks::FAMILIES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks").join(family.name);
        for file in ["mod.rs", "README.md", "example.yaml"] {
            assert!(folder.join(file).exists(), "{} lacks {file}", family.name);
        }
        let mut names: Vec<&str> = family.facts.iter().map(|fact| fact.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{}: a fact is listed twice", family.name);
        assert!(family.facts.iter().any(|fact| fact.better.is_some()), "{}: no metric", family.name);
        for text in family.facts.iter().map(|fact| fact.help).chain(family.fields.iter().map(|field| field.help)) {
            assert!(text.ends_with('.') && text.len() > 12, "{}: `{text}` is no sentence", family.name);
        }
    }
}

/// A default that its own field would refuse, at any depth.
fn bad_defaults(owner: &str, fields: &[FieldInfo], out: &mut Vec<String>) {
    for field in fields {
        let name = format!("{owner}.{}", field.name);
        if field.default.is_some() && default_of(field).is_none() {
            out.push(format!("{name}: {:?}", field.default));
        }
        if let FieldKind::Group(inner) | FieldKind::Switch(inner) | FieldKind::Probe(_, inner) = field.kind {
            bad_defaults(&name, inner, out);
        }
    }
}

#[test]
fn every_default_is_one_its_field_accepts() {
    let mut problems = Vec::new();
    for family in shakedown::checks::FAMILIES {
        bad_defaults(family.name, family.fields, &mut problems);
        let mut names: Vec<&str> = family.fields.iter().map(|field| field.name).collect();
        names.sort_unstable();
        let repeated = names.windows(2).filter(|pair| pair[0] == pair[1]);
        problems.extend(repeated.map(|pair| format!("{}: field `{}` is listed twice", family.name, pair[0])));
    }
    must_be_empty(&problems, "fields are defined once, with a default they accept");
}

#[test]
fn arguments_are_read_by_typed_keys() {
    let getter = Regex::new(r#"(args|group|load)\.(get|raw|text|has|flag|number|0\.get)\(\s*""#).unwrap();
    let mut problems = Vec::new();
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        problems.extend(getter.find_iter(code).map(|found| format!("{}: {}", shown(&path), found.as_str())));
    }
    must_be_empty(&problems, "arguments are read by typed keys: define a `Field`, and use `args.get(&FIELD)`");
}
