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
    ("src/checks/dns/load/max_rate.rs", "per socket: of {} in {:?}", "a length of time"),
    ("src/checks/tls/server_policy/resumption.rs", "start.elapsed()", "a length of time"),
    ("src/checks/tls/scan/runner.rs", "self.limit", "a length of time"),
    ("src/guard/command.rs", "self.limit", "a length of time"),
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

/// Counts that are never one, where a noun in the plural is right whatever they are.
const MANY: &[(&str, &str, &str)] = &[
    ("src/model/document_path/mod.rs", "{count} elements fit", "several do"),
    ("src/net/resolve.rs", "it has {} addresses, of which {MOST}", "more than are looked at"),
    ("src/net/dial.rs", "{more} times", "once is written out"),
    ("src/proto/dns/message.rs", "it carries {} questions, not one", "it is not one"),
    ("src/app/adhoc/facts.rs", " samples)", "one sample is one number"),
    ("src/app/adhoc/facts.rs", "({count} characters)", "a text that was cut"),
    ("src/checks/failover/diagnosis.rs", "{count} outages in all", "one has no such ending"),
    ("src/checks/dns/survey/delegation.rs", "the zone names {} servers", "more than are asked"),
    ("src/checks/dns/survey/delegation.rs", "the parent has {} servers", "more than are asked"),
    ("src/checks/dns/survey/zone.rs", "`ns` gives {total} servers", "more than are asked"),
    ("src/checks/dns/survey/settings.rs", "`server` names {} servers", "one needs no help"),
    ("src/checks/tls/scan/question.rs", "{} suites", "a version, no count"),
    ("src/checks/tls/scan/question.rs", "{} groups", "a version, no count"),
    ("src/checks/tls/scan/question.rs", "{} keys", "a kind of key, no count"),
    ("src/net/resolve.rs", "its {kind} records", "a type, no count"),
    ("src/checks/dns/survey/delegation.rs", "the {kind} records", "a type, no count"),
    ("src/checks/dns/survey/rules/primary.rs", "the {kind} records", "a type, no count"),
    ("src/proto/tls/validation/constraints.rs", "{} has {} names", "more than are compared"),
    ("src/report/console.rs", "{} suites", "one is named"),
    ("src/report/console.rs", "{} checks did not pass", "few are named"),
    ("src/report/failure.rs", "{} attempts{each}", "one is not told"),
    ("src/report/comparison/values.rs", "({count} characters)", "a text that was cut"),
    ("src/report/comparison/inconclusive.rs", "measure {pairs} pairs", "more than six"),
    ("src/report/comparison/mod.rs", "the {changed} changes of facts", "more than causes"),
    ("src/baseline/facts/values.rs", "({count} characters)", "a text that was cut"),
    ("src/baseline/metrics/scale.rs", "{needed} samples in every round", "hundreds"),
    ("src/baseline/metrics/interleaved.rs", "with {pairs} pairs", "six at least"),
    ("src/baseline/metrics/multiple_testing.rs", "among {metrics} metrics", "one is not adjusted"),
    ("src/suite/diagnostic.rs", "({} characters)", "a text that was cut"),
    ("src/judge/operands.rs", "all its {count} samples", "one is written out"),
    ("src/judge/operands.rs", "({} characters)", "a text that was cut"),
];

/// A count of one before a noun in the plural: a number and what it counts are written by `model::count::counted`, which knows the singular.
#[test]
fn a_count_and_what_it_counts_agree() {
    let nouns = "checks|cases|errors|runs|rounds|pairs|samples|attempts|records|replies|queries|requests|metrics|facts|files|\
                 suites|servers|addresses|certificates|names|keys|signatures|connections|datagrams|probes|expectations|changes|\
                 lines|notes|reports|elements|redirects|threads|sockets|outages|times|tries|retries|differences|characters|\
                 questions|groups|values|points|warnings|problems";
    // `3 of 5 checks` is a share of a whole, and `names` and `times` are verbs too.
    let counted =
        Regex::new(&format!(r"(?<of>of (?:the |its )?)?\{{[a-z_.]*\}} (?:more |other |earlier )?(?:{nouns})\b"))
            .unwrap();
    let verbs = Regex::new(r"\{[a-z_.]*\} (names|records|times) (no|none|issuer|of the|\{)").unwrap();
    let (mut problems, mut used, mut seen) = (Vec::new(), vec![false; MANY.len()], 0);
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        let (name, text) = (shown(&path), fs::read_to_string(&path).unwrap());
        let product = code(&text);
        seen += text.matches("counted(").count();
        for (at, line) in text.lines().enumerate() {
            let in_tests = product.get(at).is_none_or(String::is_empty);
            let bad = counted.captures_iter(line).any(|found| found.name("of").is_none());
            if !bad || in_tests || line.trim_start().starts_with("//") || verbs.is_match(line) {
                continue;
            }
            match MANY.iter().position(|(file, part, _)| *file == name && line.contains(part)) {
                Some(index) => used[index] = true,
                None => problems.push(format!("{name}:{}: {}", at + 1, line.trim())),
            }
        }
    }
    for ((file, part, _), _) in MANY.iter().zip(used).filter(|(_, used)| !used) {
        problems.push(format!("{file} has no `{part}` any more: take it off the list"));
    }
    assert!(seen > 60, "`counted` is called otherwise now: {seen} calls");
    must_be_empty(&problems, "write `counted(number, \"case\")`: one is \"1 case\"");
}

/// Folders whose texts are about one target or one file, which a command can name. Elsewhere texts explain, or correct what
/// somebody wrote.
const OF_A_TARGET: &[&str] =
    &["src/checks/", "src/net/", "src/proto/", "src/probe/", "src/engine/", "src/guard/", "src/judge/", "src/report/"];
/// Words in capitals in commands: types of records, an option's value, and a chain of a firewall.
const CAPITALS: &[&str] = &["A", "AAAA", "SOA", "NS", "OUTPUT"];

/// Whoever is to run a command at night does not have to find out first what to write in place of `IF`.
#[test]
fn no_command_of_a_text_has_a_blank_to_fill_in() {
    let command = Regex::new(
        "`(?:ethtool|ip|ss|nft|iptables|dig|curl|openssl|tcpdump|nc|mtr|traceroute|tracepath|ping|tc|iperf3|getent|sysctl|nstat|grep) [^`]*`",
    )
    .unwrap();
    let blank = Regex::new(r#"(?:^|[ @<'"])([A-Z]+(?:[:/._-][A-Z]+)*)(?:$|[ '">])"#).unwrap();
    let continued = Regex::new(r"\\\n\s*").unwrap();
    let (mut problems, mut commands) = (Vec::new(), 0);
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        let name = shown(&path);
        if !OF_A_TARGET.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for found in command.find_iter(&continued.replace_all(&lines, "")) {
            commands += 1;
            let inside = found.as_str().trim_matches('`');
            let mut blanks = blank.captures_iter(inside).map(|found| found[1].to_owned());
            if let Some(word) = blanks.find(|word| !CAPITALS.contains(&word.as_str())) {
                problems.push(format!("{name}: `{inside}`: {word}"));
            }
        }
    }
    assert!(commands > 40, "commands are written otherwise now: {commands}");
    must_be_empty(&problems, "name the target or the file itself, or say in words where the name is to be found");
}
