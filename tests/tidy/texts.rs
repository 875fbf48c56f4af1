//! Texts for people are written, not printed out of the program's types.

use std::fs;

use regex::Regex;

use super::must_be_empty;
use super::source::{code, is_test_file, shown, sources};

/// Lengths of time: `Debug` of a `Duration` is how people write one (`1.5s`).
const DURATIONS: &[&str] =
    &["patience", "timeout", "interval", "limit", "ARMING", "limits.duration", "request.patience", "self.timeout"];
/// Where a line of these files has `:?` all the same, and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    // Input of a digest, read by nobody.
    ("src/suite/digest.rs", "text:?", "input of a digest"),
    ("src/suite/digest.rs", "{:?}:\", key.name", "input of a digest"),
    ("src/history/export/otava.rs", "{key:?}", "input of a digest"),
    // The forms in which a secret could have got into a text.
    ("src/suite/secret.rs", "{secret:?}", "a form of a secret that is looked for"),
    // Quotes and escapes of a value that stands in the name of a case.
    ("src/suite/matrix.rs", "{text:?}", "a quoted text of the suite"),
    // Positional arguments that are lengths of time.
    ("src/serve/session.rs", "limits.duration", "a length of time"),
    ("src/checks/http/mod.rs", "self.timeout", "a length of time"),
    ("src/checks/dns/load/max_rate.rs", "per socket: of {} in {:?}", "a length of time"),
    ("src/checks/tls/server_policy/resumption.rs", "start.elapsed()", "a length of time"),
    ("src/checks/tls/scan/runner.rs", "self.limit", "a length of time"),
    ("src/guard/command.rs", "self.limit", "a length of time"),
    ("src/guard/process.rs", "{SILENCE:?}", "a length of time"),
    ("src/guard/process.rs", "{hold:?}", "a length of time"),
    ("src/model/text.rs", "self.shown()", "what is shown of a text, quoted"),
];

#[test]
fn no_text_prints_a_type_of_the_program_or_of_a_library() {
    let marker = Regex::new(r"\{(?<what>[a-zA-Z0-9_.]*):#?\?\}").unwrap();
    let (mut problems, mut used) = (Vec::new(), vec![false; ALLOWED.len()]);
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        let (name, text) = (shown(&path), fs::read_to_string(&path).unwrap());
        let product = code(&text);
        for (at, line) in text.lines().enumerate() {
            let found: Vec<&str> = marker.captures_iter(line).map(|one| one.name("what").unwrap().as_str()).collect();
            let comment = line.trim_start().starts_with("//");
            // What stands behind `#[cfg(test)]` has no code left; a line of nothing but a literal has its quotes.
            let in_tests = product.get(at).is_none_or(String::is_empty);
            if found.is_empty() || comment || in_tests || found.iter().all(|what| DURATIONS.contains(what)) {
                continue;
            }
            match ALLOWED.iter().position(|(file, part, _)| *file == name && line.contains(part)) {
                Some(index) => used[index] = true,
                None => problems.push(format!("{name}:{}: {}", at + 1, line.trim())),
            }
        }
    }
    for ((file, part, _), _) in ALLOWED.iter().zip(used).filter(|(_, used)| !used) {
        problems.push(format!("{file} has no `{part}` any more: take it off the list"));
    }
    must_be_empty(&problems, "write the words out: `{:?}` shows people the names of the source code");
}

/// That a host itself cannot ask is decided in one place, and so told alike in every family.
#[test]
fn this_hosts_own_inability_is_told_in_one_place() {
    let words = Regex::new(
        "route of this host|filter of this host|this host has no (route|address)|this host does not speak|this host itself drops it",
    )
    .unwrap();
    let (mut problems, mut told) = (Vec::new(), 0);
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        let (name, text) = (shown(&path), fs::read_to_string(&path).unwrap());
        let own = name == "src/net/this_host.rs" || name.starts_with("src/net/this_host/");
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (at, line) in lines.filter(|(_, line)| words.is_match(line)) {
            told += usize::from(own);
            if !own {
                problems.push(format!("{name}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    assert!(told >= 5, "the words have changed: {told} are left in src/net/this_host");
    must_be_empty(&problems, "ask `net::this_host` whether it is this host's own inability");
}
