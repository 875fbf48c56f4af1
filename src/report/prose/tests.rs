//! How advice is set, and that of every family.

use std::borrow::Cow;

use super::{lines, words};
use crate::checks::FAMILIES;
use crate::model::record::{OriginWord, Outcome};
use crate::model::shell::command;
use crate::model::{Args, FactInfo, Kind, Observation, Round, Value};
use crate::net::dial::NO_HANDSHAKE;
use crate::probe::diagnosis::unknown;
use crate::probe::{Failure, Family};

#[test]
fn a_command_after_a_colon_has_a_line_of_its_own_and_is_never_broken() {
    let text = "is it up (`nft list ruleset`, `date -u`)? on h: `ss -ltnp 'sport = :80'`, `nft list ruleset`; else set `a: b` here";
    assert_eq!(
        lines(text, 24),
        [
            "is it up",
            "(`nft list ruleset`,",
            "`date -u`)? on h:",
            "  ss -ltnp 'sport = :80'",
            "  nft list ruleset",
            "else set `a: b` here"
        ]
    );
    assert_eq!(lines("here: `dig x`", 80), ["here:", "  dig x"]);
    assert_eq!(lines("first: `dig x`. then more", 80), ["first:", "  dig x", "then more"]);
    assert_eq!(lines("up (there: `ip addr`)? if not", 80), ["up (there: `ip addr`)? if not"], "it is not alone");
    assert_eq!(lines("use `shakedown serve` there", 80), ["use `shakedown serve` there"]);
}

/// What follows from what a command prints is found without reading the whole.
#[test]
fn each_case_of_several_begins_a_line() {
    let text = "is it up? here: `ping h`; if it says none, start it; if it says one, a filter drops it; else see: `dig x`; if so, wait if you can";
    let want = [
        "is it up? here:",
        "  ping h",
        "if it says none, start it;",
        "if it says one, a filter drops it;",
        "else see:",
        "  dig x",
        "if so, wait if you can",
    ];
    assert_eq!(lines(text, 80), want);
    assert_eq!(lines("is it up; if not, start it", 80), ["is it up; if not, start it"], "there is no command");
}

#[test]
fn what_is_no_pair_of_backticks_breaks_like_other_words() {
    assert_eq!(lines("it's a ` only, and no pair", 12), ["it's a `", "only, and no", "pair"]);
    assert_eq!(lines("a  b", 12), ["a  b"]);
    assert_eq!(lines("", 12), [""]);
    let hostile = format!("again: {}", command("curl 'http://h/?`x` y'"));
    assert_eq!(lines(&hostile, 12), ["again:", "  curl 'http://h/?`x` y'"]);
}

/// Programs that advice names, and the words that make a command of a name which is a noun as well.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("ss", &["-"]),
    ("ping", &["-", "1"]),
    ("nft", &["list"]),
    ("ip", &["-", "route", "neigh", "addr", "link"]),
    ("dig", &["+", "-", "@"]),
    ("openssl", &["s_client", "x509"]),
    ("curl", &["-"]),
    ("tcpdump", &["-"]),
    ("nc", &["1", "w"]),
    ("mtr", &["-"]),
    ("traceroute", &["-"]),
    ("tracepath", &["-"]),
    ("ethtool", &["-"]),
    ("tc", &["-"]),
    ("iperf3", &["-"]),
    ("iptables", &["-"]),
    ("shakedown", &["serve", "probe", "plan"]),
    ("nstat", &["-"]),
    ("conntrack", &["-"]),
    ("ulimit", &["-"]),
    ("date", &["-"]),
];

/// How probes end, and what is noted beside it: what next steps depend on.
const ENDINGS: &[&str] = &[
    "192.0.2.12:443 did what it should not within 3 s",
    "connection refused by 192.0.2.12:443 (prohibited)",
    "host_unreachable from 192.0.2.1",
    "accepted the request, and does not answer",
    "does not verify: expired since 2020-01-01",
    "does not verify: not valid for this name",
    "does not verify: not valid before 2040-01-01",
];
const NOTES: &[&str] = &["answers ping", "(an ACK outside any connection gets RST)", "a filter drops them", ""];

fn values(info: &FactInfo) -> Vec<Value> {
    let texts = |words: &[&str]| words.iter().map(|word| Value::from(*word)).collect();
    match info.kind {
        Kind::Choice(words) => texts(words),
        Kind::Bool => vec![true.into(), false.into()],
        Kind::Integer => [200, 302, 401, 404, 429, 500, 502, 503].map(Value::from).to_vec(),
        Kind::List => vec![
            Value::Array(texts(&["ns1.example./192.0.2.53", "ns2.example./2001:db8::53"])),
            Value::Array(texts(&["NULL TLS_RSA_WITH_NULL_SHA"])),
            Value::Array(Vec::new()),
        ],
        Kind::Object => vec![serde_json::json!({"location": "/there", "db`: `x y": "down"})],
        Kind::Table(_) => Vec::new(),
        Kind::Number | Kind::Distribution => vec![0.95.into()],
        Kind::Interval => vec![serde_json::json!({"lo": 0.5, "hi": 0.95})],
        Kind::Text | Kind::Time => texts(&["SERVFAIL", "NXDOMAIN", "NOTIMP", "protocol_version", "expired since 2020"]),
    }
}

fn breach(fact: &str) -> Outcome {
    Outcome {
        fact: fact.into(),
        operator: Cow::Borrowed("le"),
        want: "another".into(),
        got: Some("this".into()),
        held: false,
        origin: OriginWord::Default,
        at: None,
    }
}

/// An observation of `value`, with something seen of each fact in `beside`.
fn observed(info: &FactInfo, value: &Value, beside: &[FactInfo], (ending, note): (&str, &str)) -> Observation {
    let mut observation = Observation::default();
    observation.begin_round(Round::default());
    for other in beside.iter().filter(|other| !other.roles.outcome) {
        match (other.kind, values(other).into_iter().next()) {
            (Kind::Distribution, _) => observation.samples_mut(other).record(0.25),
            (_, Some(value)) => observation.set(other.name, value),
            (_, None) => {}
        }
    }
    if let Some(address) = beside.iter().find(|fact| fact.roles.address) {
        observation.set(address.name, Value::from("192.0.2.12"));
    }
    if info.kind != Kind::Distribution {
        observation.set(info.name, value.clone());
    }
    observation.set_ending(ending);
    observation.note(note);
    observation
}

/// What a family says next of one fact after the other, in every value that matters.
fn next_steps(family: &'static Family) -> Vec<String> {
    let silent = format!("192.0.2.12:443 does not answer: {NO_HANDSHAKE}");
    let endings = ENDINGS.iter().copied().chain([&*silent]);
    let circumstances: Vec<(&str, &str)> =
        endings.flat_map(|ending| NOTES.iter().map(move |note| (ending, *note))).collect();
    let targets: &[&str] = match family.name {
        "http" => &["https://www.example/?`a b`"],
        "dns" => &["www.example:443", "www.example. A @192.0.2.53:53", "www.example. A @every server of example."],
        _ => &["www.example:443"],
    };
    let args = Args::default();
    let mut out = Vec::new();
    for (target, info) in targets.iter().flat_map(|target| family.facts.iter().map(move |info| (*target, info))) {
        for (value, beside) in values(info).iter().flat_map(|value| [(value, family.facts), (value, &[][..])]) {
            let many = if info.roles.outcome { circumstances.len() } else { 1 };
            for about in circumstances.iter().take(many) {
                let observation = observed(info, value, beside, *about);
                let failure = |expectations: &[Outcome]| {
                    Failure::new((target, family, &args), expectations, (&observation, &unknown), None).diagnose().next
                };
                out.push(failure(&[breach(info.name)]));
            }
        }
        out.extend(info.advice.values.iter().map(|(_, advice)| (*advice).to_owned()));
        out.extend(info.advice.breach.map(str::to_owned));
    }
    out.extend(family.phases.iter().map(|phase| phase.slow.to_owned()));
    out.sort_unstable();
    out.dedup();
    out
}

/// A program with what is given to it, outside of backticks.
fn bare_command(text: &str) -> Option<String> {
    let prose: Vec<&str> = words(text).filter(|word| !word.contains('`')).collect();
    let begins = |word: &str, start: &&str| word.trim_matches(['(', ',', ';']).starts_with(start);
    prose.windows(2).find_map(|pair| {
        let (_, starts) = PROGRAMS.iter().find(|(program, _)| *program == pair[0].trim_start_matches('('))?;
        starts.iter().any(|start| begins(pair[1], start)).then(|| pair.join(" "))
    })
}

#[test]
fn every_command_of_every_family_stands_on_one_line() {
    let mut wrong = Vec::new();
    let mut commands = 0;
    for family in FAMILIES {
        for next in next_steps(family) {
            let shown = lines(&next, 80 - 9);
            wrong.extend(bare_command(&next).map(|bare| format!("{}: `{bare}` stands bare: {next}", family.name)));
            for word in words(&next).filter(|word| word.contains('`')) {
                commands += 1;
                let command = word.trim_matches(['`', ';', ',', '.', '(', ')', '?', ':', ' ']);
                if !shown.iter().any(|line| line.contains(command)) {
                    wrong.push(format!("{}: {command} is broken: {shown:?}", family.name));
                }
            }
            let lone = |line: &&String| !line.is_empty() && line.chars().all(|c| !c.is_alphanumeric());
            wrong.extend(shown.iter().find(lone).map(|_| format!("{}: a line of nothing: {shown:?}", family.name)));
            let marks = shown.iter().filter(|line| line.matches('`').count() % 2 == 1 && !line.starts_with("  "));
            wrong.extend(marks.map(|line| format!("{}: half of a pair: {line}", family.name)));
        }
    }
    assert!(commands > 200, "{commands} commands are few");
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

/// Words in capitals that are no place for something else: types of records, a chain of a firewall, and texts of this walk.
const CAPITALS: &[&str] = &["A", "AAAA", "SOA", "NS", "OUTPUT", "NULL", "SERVFAIL"];

/// What keeps a command from being run as it is written, or from saying what happened.
fn flaw(command: &str) -> Option<String> {
    let given: Vec<&str> = command.split(' ').skip(1).collect();
    // `HOST`, `@SERVER`, `HOST:PORT`, `"FILE"`.
    let is_blank = |word: &&&str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let capitals = bare.chars().all(|c| c.is_ascii_uppercase() || "_-:./".contains(c));
        !bare.is_empty() && capitals && !CAPITALS.contains(&bare)
    };
    if let Some(word) = given.iter().filter(|word| !word.starts_with('-')).find(is_blank) {
        return Some(format!("`{word}` is to be filled in"));
    }
    if !command.starts_with("curl ") {
        return None;
    }
    let mut short = given.iter().filter(|word| word.starts_with('-') && !word.starts_with("--"));
    if short.any(|word| word.contains('s') && !word.contains('S')) {
        return Some("-s without -S hides why it failed".to_owned());
    }
    let is_named = |(at, _): &(usize, &str)| command[..*at].trim_end().ends_with(|c: char| c.is_ascii_alphabetic());
    let named = command.match_indices("%{time_").filter(is_named);
    let times = command.matches("%{time_").count();
    (times > 1 && named.count() < times).then(|| "a time without its name".to_owned())
}

#[test]
fn every_command_of_every_family_runs_as_it_is_written() {
    let mut wrong = Vec::new();
    for family in FAMILIES {
        for next in next_steps(family) {
            let commands = words(&next)
                .filter(|word| word.contains('`'))
                .map(|word| word.trim_matches(['`', ';', ',', '.', '(', ')', '?', ':', ' ']));
            let known = commands.filter(|word| {
                word.split_once(' ').is_some_and(|(program, _)| PROGRAMS.iter().any(|(known, _)| *known == program))
            });
            wrong.extend(known.filter_map(|command| Some(format!("{}: {}: {command}", family.name, flaw(command)?))));
        }
    }
    wrong.sort_unstable();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_wrong_with_a_command_is_seen() {
    for (command, is_wrong) in [
        ("ethtool -S IF", true),
        ("dig @SERVER www.example. A", true),
        ("dig @192.0.2.53 www.example. A", false),
        ("openssl s_client -connect HOST:PORT", true),
        ("openssl s_client -cipher ALL:@SECLEVEL=0", false),
        ("openssl x509 -in FILE", true),
        ("curl -so /dev/null http://h/", true),
        ("curl -sSo /dev/null http://h/", false),
        ("curl -sS -w '%{time_connect} %{time_total}' http://h/", true),
        ("curl -sS -w 'connect %{time_connect} s, total %{time_total} s' http://h/", false),
        ("iptables -S OUTPUT", false),
    ] {
        assert_eq!(flaw(command).is_some(), is_wrong, "{command}: {:?}", flaw(command));
    }
}
