//! The style document as a test. Each ban names its replacement.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

mod form;
mod fuzz;
mod loops;
mod source;
mod texts;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;
use shakedown::model::args::default as default_of;
use shakedown::model::{FieldInfo, FieldKind};
use source::{code, is_test_file, layer, shown, sources, stripped};

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
        let own_rank = *rank.get(own.as_str()).unwrap_or_else(|| panic!("layer `{own}` is not listed in tests/tidy"));
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

/// All that a protocol may take from `model`: it reports a fault of this side with a command that mends it, shows texts without
/// their secrets, tells when two texts are one value or match, and knows no suites and no observations.
const MODEL_IN_PROTOCOLS: &[&str] =
    &["count", "Fault", "FaultKind", "Glob", "Text", "human_time", "shell", "suggest", "typed"];

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
                if !MODEL_IN_PROTOCOLS.contains(&item) {
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
        (
            "serde_json::from_str",
            &[],
            "serde_json::from_slice: with both, the readers of every document are compiled twice",
        ),
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

/// Without it the first handshake of a process collects entropy for tens of milliseconds, in somebody's time to connect.
#[test]
fn the_build_takes_no_entropy_from_the_processor() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cargo/config.toml");
    let config: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    let set = config.get("env").and_then(|env| env.get("AWS_LC_SYS_NO_JITTER_ENTROPY"));
    assert_eq!(set.and_then(toml::Value::as_str), Some("1"), "{}: it belongs below [env]", path.display());
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
