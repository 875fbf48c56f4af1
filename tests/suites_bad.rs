//! One bad suite per rule: each must be refused, with the words its first line promises, and send nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use shakedown::checks::FAMILIES;
use shakedown::model::expectation::Operator;
use shakedown::plan::{Settings, plan};
use shakedown::suite::diagnostic::{Diagnostics, Sources};
use shakedown::suite::file::{Input, Loaded, Options, load};
use shakedown::suite::tree::parse;

fn errors_of(input: Input) -> (usize, String) {
    let env = |_: &str| None;
    let options = Options::none(&env);
    let mut loaded = load(&[input], FAMILIES, &options);
    let settings = Settings { allow_disruptive: true, ..Settings::default() };
    let _ = plan(&mut loaded, None, &settings);
    (loaded.errors.0.len(), loaded.errors.render(&loaded.sources, false))
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites_bad");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect();
    files.sort();
    files
}

/// Bounds are never exactly a value, whatever it is; every limit may stand, as bounds that do not decide it are errored.
#[test]
fn bounds_take_limits_and_no_single_value() {
    let suite = |fact: &str, test: &str| {
        let text = format!(
            "version: 1\nsuite: s\nchecks:\n  - id: a\n    failover:\n      streams: {{web: {{tcp: {{host: 192.0.2.1, port: 80}}}}}}\n      \
             inject: {{run: [\"true\"]}}\n      restore: {{run: [\"true\"]}}\n    expect: {{{fact}: {test}}}\n"
        );
        errors_of(Input::Text("bounds.yaml".into(), text))
    };
    for fact in ["outage", "downtime", "failback", "streams.web.outage", "streams.row.web.outage"] {
        for test in ["0s", "{eq: 1s}", "{in: [0s, 1s]}"] {
            let (count, shown) = suite(fact, test);
            assert!(count > 0 && shown.contains("never exactly"), "{fact} {test}: {shown}");
        }
        for test in ["{lt: 1s}", "{between: [0s, 1s]}", "{gt: 0s, lt: 1s}", "{not: {gt: 1s}}", "{present: true}"] {
            assert_eq!(suite(fact, test), (0, String::new()), "{fact} {test}");
        }
    }
    let (_, shown) = suite("streams.wbe.outage", "{lt: 1s}");
    assert!(shown.contains("there is no `wbe` in `streams`") && shown.contains("did you mean `web`"), "{shown}");
}

#[test]
fn every_bad_suite_is_refused_with_its_reason() {
    let files = files();
    assert!(files.len() >= 50, "only {} bad suites", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let promise =
            text.lines().next().unwrap().strip_prefix("# expect: ").expect("the first line promises the error");
        let (count, shown) = errors_of(Input::File(path.clone()));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if count == 0 {
            wrong.push(format!("{name}: accepted"));
        }
        let told = format!("{shown}\n{count} errors");
        for part in promise.split("; ").filter(|part| !told.contains(*part)) {
            wrong.push(format!("{name}: `{part}` is not in\n{shown}"));
        }
        if !shown.contains(&format!("{name}:")) && !name.starts_with("defined_twice") {
            wrong.push(format!("{name}: no place in\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words of advice that stand for something of the reader's.
const PLACEHOLDERS: &[&str] =
    &["NAME", "VALUE", "HOST", "PORT", "LOW", "HIGH", "FACT", "KEY", "WORD", "PATTERN", "TEXT", "FILE", "…", "${"];

/// The entries that a piece of advice offers to write: all between backticks that is a key and a value.
fn entries_offered(help: &str) -> Vec<&str> {
    let parts = help.split('`').skip(1).step_by(2);
    parts.filter(|part| part.split_once(": ").is_some() && !part.starts_with("- ")).collect()
}

/// Where the entry that `offered` takes the place of begins and ends in a line, of which something at `at` is wrong: the one of
/// the same key, or else the one whose key or value stands there.
fn entry_at(line: &str, at: usize, offered: &str) -> Option<std::ops::Range<usize>> {
    let is_key =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    let before = |at: usize| at == 0 || line[..at].ends_with([' ', '{', ',']);
    let key = offered.split_once(':').map_or("", |(key, _)| key);
    let with_colon = format!("{key}:");
    let places = line.match_indices(&with_colon).map(|(start, _)| start);
    let same = places.filter(|start| *start <= at && before(*start));
    let here = line[at..].split_once(':').filter(|(word, _)| is_key(word)).map(|_| at);
    let last = || {
        let keys = line[..at].match_indices(':').map(|(colon, _)| colon);
        let mut starts = keys.filter_map(|colon| line[..colon].rfind([' ', '{']).map(|space| space + 1));
        starts.rfind(|start| before(*start))
    };
    let start = same.last().or(here).or_else(last)?;
    let (mut depth, mut quoted) = (0, false);
    let end = line[start..].char_indices().find(|(_, c)| {
        match c {
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            ',' | '}' | ']' if !quoted && depth == 0 => return true,
            '}' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        false
    });
    Some(start..end.map_or(line.len(), |(at, _)| start + at))
}

fn loaded(path: &Path, text: String) -> Loaded {
    let env = |_: &str| None;
    let mut loaded = load(&[Input::Text(path.display().to_string(), text)], FAMILIES, &Options::none(&env));
    let _ = plan(&mut loaded, None, &Settings { allow_disruptive: true, ..Settings::default() });
    loaded
}

/// Errors told of a line.
fn errors_in(loaded: &Loaded, line: usize) -> usize {
    loaded.errors.0.iter().filter(|error| loaded.sources.position(error.span).0 == line).count()
}

fn is_yaml(text: &str) -> bool {
    let (mut sources, mut errors) = (Sources::default(), Diagnostics::default());
    let source = sources.add("entry", text.to_owned());
    parse(source, &sources, &mut errors).is_some() && errors.is_empty()
}

/// Whether what advice offers is to be written where the error is, and nowhere else.
fn is_in_place(help: &str) -> bool {
    let elsewhere = ["beside", "below", "define it", "another suite", "such as", "goes"];
    let begins = ["write `", "write a limit", "say which"].iter().any(|begin| help.starts_with(begin));
    begins && !elsewhere.iter().any(|word| help.contains(word))
}

/// Whoever does as told must not be told something else: each entry that is offered in place of one is written there, and the
/// line then has one error less.
#[test]
fn every_entry_that_is_offered_loads_in_its_place() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let before = loaded(&path, text.clone());
        for error in &before.errors.0 {
            let (number, column) = before.sources.position(error.span);
            // A matrix means nothing before it is used, which is told of the field.
            let concrete =
                |entry: &&str| !entry.starts_with("matrix:") && !PLACEHOLDERS.iter().any(|word| entry.contains(word));
            for entry in entries_offered(&error.help).into_iter().filter(concrete) {
                if !is_yaml(entry) {
                    wrong.push(format!("{name}: `{entry}` is no YAML"));
                }
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                let Some(line) = lines.get_mut(number - 1).filter(|_| is_in_place(&error.help)) else { continue };
                let at = line.char_indices().nth(column - 1).map_or(line.len(), |(at, _)| at);
                let Some(range) = entry_at(line, at, entry) else { continue };
                line.replace_range(range, entry);
                let mended = line.clone();
                tried += 1;
                let after = loaded(&path, lines.join("\n"));
                if errors_in(&after, number) >= errors_in(&before, number) {
                    let told = after.errors.render(&after.sources, false);
                    wrong.push(format!("{name}: `{entry}` in line {number}, {mended:?}:\n{told}"));
                }
            }
        }
    }
    assert!(tried >= 40, "only {tried} entries");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn errors_are_reported_together() {
    let text = "version: 1\nsuite: many\nchecks:\n  - id: a\n    tcp: {host: x, port: 70000}\n    expect: {}\n  - id: b\n    \
                tcp: {host: x}\n  - id: c\n    needs: [zzzz]\n    tcp: {host: x, port: 1, tiemout: 1s}\n";
    let (count, shown) = errors_of(Input::Text("many.yaml".into(), text.into()));
    assert_eq!(count, 5, "{shown}");
}

#[test]
fn one_mistake_is_one_error() {
    for (name, text) in [
        ("unresolved", "version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {host: \"${nope}\", port: 1}\n"),
        (
            "needed",
            "version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {host: x, port: 0}\n  - id: b\n    needs: [a]\n    tcp: {host: x, port: 1}\n",
        ),
        (
            "matrix",
            "version: 1\nsuite: s\nchecks:\n  - id: a\n    matrix: {f: [ipv4, ipv6]}\n    tcp: {host: x, port: 0, ip_version: \"${matrix.f}\"}\n",
        ),
    ] {
        let (count, shown) = errors_of(Input::Text(format!("{name}.yaml"), text.into()));
        assert_eq!(count, 1, "{name}: {shown}");
    }
}

#[test]
fn examples_of_every_family_and_the_shipped_suites_plan() {
    for family in FAMILIES {
        let (count, shown) = errors_of(Input::Text(format!("{}.yaml", family.name), family.example.into()));
        assert_eq!(count, 0, "{}: {shown}", family.name);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    let shipped: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    assert!(shipped.len() >= 5, "{shipped:?}");
    for path in shipped {
        let (count, shown) = errors_of(Input::File(path.clone()));
        assert_eq!(count, 0, "{}: {shown}", path.display());
    }
}

/// A server that answers with any rcode is alive; one of which nothing was seen may be dead.
#[test]
fn any_rcode_that_is_expected_is_a_sign_of_life() {
    for (expect, control) in [
        ("rcode: NXDOMAIN", false),
        ("rcode: SERVFAIL", false),
        ("rcode: {in: [REFUSED, SERVFAIL]}", false),
        ("rcode: {in: [NOERROR, NXDOMAIN]}, answers: {len: 0}", false),
        ("rcode: SERVFAIL, answers: {present: false}", false),
        ("outcome: timeout", true),
        ("outcome: {in: [answered, timeout]}, rcode: {present: false}", true),
    ] {
        let text = format!(
            "version: 1\nsuite: s\nchecks:\n  - id: a\n    dns: {{server: 192.0.2.1, name: a.example}}\n    expect: {{{expect}}}\n"
        );
        let (count, shown) = errors_of(Input::Text("rcodes.yaml".into(), text));
        assert_eq!((count > 0, shown.contains("silence proves nothing")), (control, control), "{expect}: {shown}");
    }
}

/// A TTL was set by somebody; how often something was measured is a count.
#[test]
fn what_is_set_or_counted_may_be_exact() {
    let text = "version: 1\nsuite: s\nchecks:\n  - id: a\n    dns: {server: 192.0.2.1, name: a.example}\n    samples: 3\n    \
                expect: {ttl.max: 300s, ttl.min: {eq: 300s}, rtt.count: 3}\n";
    assert_eq!(errors_of(Input::Text("exact.yaml".into(), text.into())), (0, String::new()));
}

/// An outage of which only the estimate is limited, or nothing but the recovery, may have been of any length.
#[test]
fn every_failover_that_is_shown_limits_the_outage_from_above() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs: Vec<Input> =
        FAMILIES.iter().map(|family| Input::Text(format!("{}.yaml", family.name), family.example.into())).collect();
    let shipped = std::fs::read_dir(root.join("suites")).unwrap().map(|entry| entry.unwrap().path());
    inputs.extend(shipped.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).map(Input::File));
    let (mut without, mut seen) = (Vec::new(), 0);
    for input in inputs {
        let name = match &input {
            Input::File(path) => path.display().to_string(),
            Input::Text(name, _) => name.clone(),
        };
        let env = |_: &str| None;
        let mut loaded = load(&[input], FAMILIES, &Options::none(&env));
        let plan = plan(&mut loaded, None, &Settings { allow_disruptive: true, ..Settings::default() });
        for case in plan.cases.iter().filter(|case| case.family.name == "failover") {
            seen += 1;
            let limits = |path: &str| {
                let upper = |operator: Operator| matches!(operator, Operator::Lt | Operator::Le | Operator::Between);
                case.base.expectations.iter().any(|one| &*one.path == path && upper(one.operator))
            };
            if !["outage", "outage.hi"].iter().any(|path| limits(path)) {
                without.push(format!("{name}: {}", case.id));
            }
        }
    }
    assert!(seen >= 4, "only {seen} failover checks are shown");
    assert!(without.is_empty(), "no limit of `outage`:\n{}", without.join("\n"));
}

const GOOD: &str = "version: 1\nsuite: s\nvars: {h: x, p: 443}\ndefaults: {timeout: 3s, rounds: 2}\nchecks:\n  - id: a\n    tags: [t]\n    \
                    matrix: {f: [ipv4, ipv6]}\n    tcp: {host: \"${h}\", port: \"${p}\", ip_version: \"${matrix.f}\"}\n    expect: {outcome: {in: [refused, \
                    timeout]}, connect_time.p95: {lt: 20ms}}\n    baseline: {connect_time: {tolerance: 5%}}\n  - id: b\n    needs: [a]\n    tcp: {host: y, \
                    port: 1}\n    eventually: {within: 5s, every: 1s}\n    expect: {settled_in: {lt: 3s}, outcome: connected}\n";

#[test]
fn the_suite_the_mutations_start_from_is_good() {
    assert_eq!(errors_of(Input::Text("good.yaml".into(), GOOD.into())), (0, String::new()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _ = errors_of(Input::Text("any.yaml".into(), text));
    }

    #[test]
    fn a_mutated_suite_never_panics_and_errors_have_places(
        at in 0_usize..GOOD.len(), cut in 0_usize..12, insert in "[-:{}\\[\\]\"'#&*!|>%@`$ \\na-z0-9]{0,4}"
    ) {
        let start = (0..=at).rev().find(|i| GOOD.is_char_boundary(*i)).unwrap();
        let end = (start + cut).min(GOOD.len());
        let text = format!("{}{}{}", &GOOD[..start], insert, &GOOD[end..]);
        let (count, shown) = errors_of(Input::Text("mutated.yaml".into(), text));
        prop_assert_eq!(count == 0, shown.is_empty());
    }
}
