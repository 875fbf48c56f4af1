//! What every family says of its failures.

use std::borrow::Cow;

use super::FAMILIES;
use crate::model::record::{OriginWord, Outcome};
use crate::model::{Args, FactInfo, FieldInfo, FieldRole, Kind, Observation, Round, Value};
use crate::probe::diagnosis::unknown;
use crate::probe::{Diagnosis, Failure, Family};

/// How a probe says that an outcome came about.
const ENDING: &str = "192.0.2.12:443 did what it should not within 3 s";

/// Commands that a next step may name; each is in a package of every distribution, or is ours.
const COMMANDS: &[&str] = &[
    "ss",
    "getent",
    "ping",
    "nft",
    "ip",
    "dig",
    "openssl",
    "curl",
    "tcpdump",
    "nc",
    "mtr",
    "traceroute",
    "tracepath",
    "ethtool",
    "tc",
    "iperf3",
    "shakedown",
    "nstat",
    "bridge",
    "conntrack",
    "iptables",
    "uptime",
    "date",
    "certbot",
    "timedatectl",
    "delv",
    "grep",
    "echo",
];

fn breached(fact: &str, want: &str, got: Option<&str>) -> Outcome {
    Outcome {
        fact: fact.into(),
        operator: Cow::Borrowed("eq"),
        want: want.into(),
        got: got.map(str::to_owned),
        held: false,
        origin: OriginWord::Default,
        at: None,
    }
}

fn outcome(family: &Family) -> Option<(&'static FactInfo, &'static [&'static str])> {
    let fact = family.facts.iter().find(|fact| fact.roles.outcome)?;
    let Kind::Choice(words) = fact.kind else { return None };
    Some((fact, words))
}

fn diagnosed(family: &'static Family, fact: &FactInfo, word: &str, want: &str) -> Diagnosis {
    let mut observation = Observation::default();
    observation.begin_round(Round::default());
    observation.set(fact.name, Value::from(word));
    if let Some(address) = family.facts.iter().find(|fact| fact.roles.address) {
        observation.set(address.name, Value::from("192.0.2.12"));
    }
    observation.set_ending(ENDING);
    let expectations = [breached(fact.name, want, Some(word))];
    let target = if family.name == "http" { "https://www.example/" } else { "www.example:443" };
    let args = Args::default();
    Failure::new((target, family, &args), &expectations, (&observation, &unknown), None).diagnose()
}

/// Names in backticks that a family has not.
/// Fields within those of a family: of its lists and groups.
fn within(fields: &'static [FieldInfo]) -> impl Iterator<Item = &'static FieldInfo> {
    fields.iter().filter_map(|field| field.kind.inner()).flatten()
}

fn strangers(family: &Family, text: &str) -> Vec<String> {
    let general = ["expect", "retries", "eventually", "rounds", "needs", "control", "samples"];
    let quoted = text.split('`').skip(1).step_by(2);
    let name = |quoted: &str| quoted.split([':', ' ']).next().unwrap_or(quoted).to_owned();
    let is_known = |name: &String| {
        general.contains(&name.as_str())
            || FAMILIES.iter().any(|family| family.name == name)
            || COMMANDS.contains(&name.split(' ').next().unwrap_or_default())
            || family
                .facts
                .iter()
                .any(|fact| matches!(fact.kind, Kind::Choice(words) if words.contains(&name.as_str())))
            || family.fields.iter().any(|field| field.name == name || name.starts_with(&format!("{}.", field.name)))
            || within(family.fields).any(|field| field.name == name)
            || family.facts.iter().any(|fact| {
                fact.name == name
                    || fact.name.starts_with(&format!("{name}."))
                    || name.starts_with(&format!("{}.", fact.name))
            })
    };
    quoted.map(name).filter(|name| !is_known(name)).collect()
}

#[test]
fn every_outcome_of_every_family_has_a_cause_and_a_next_step() {
    let mut wrong = Vec::new();
    for family in FAMILIES {
        let Some((fact, words)) = outcome(family) else { continue };
        let success = fact.expected.unwrap_or_default();
        for word in words.iter().filter(|word| **word != success) {
            let Diagnosis { cause, next, .. } = diagnosed(family, fact, word, success);
            let row = format!("{} {word}: {cause} | {next}", family.name);
            if cause.is_empty() || cause.ends_with('.') || next.len() < 20 {
                wrong.push(format!("says too little: {row}"));
            }
            if next.contains("resolv.conf") && *word != "unresolved" {
                wrong.push(format!("speaks of the resolver: {row}"));
            }
            if next.contains("evidence") {
                wrong.push(format!("sends the reader away: {row}"));
            }
            wrong.extend(strangers(family, &next).into_iter().map(|name| format!("no `{name}`: {row}")));
        }
        // What was to be shut answers.
        let other = words.iter().find(|word| **word != success).copied().unwrap_or_default();
        let Diagnosis { cause, next, .. } = diagnosed(family, fact, success, other);
        if next.len() < 20 || cause.is_empty() {
            wrong.push(format!("{} {success} in place of {other}: {cause} | {next}", family.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stands in a command comes from suites, and from name servers of others: a shell reads nothing into it.
#[test]
fn names_in_commands_are_words_of_a_shell() {
    const HOSTILE: &str = "$(touch${IFS}x)&*?'";
    let mut wrong = Vec::new();
    for family in FAMILIES.iter().filter(|family| matches!(family.name, "http" | "dns")) {
        let Some((fact, words)) = outcome(family) else { continue };
        let target = if family.name == "http" {
            format!("https://www.example/{HOSTILE}")
        } else {
            format!("{HOSTILE}.example. A @192.0.2.53:53")
        };
        let status = family.facts.iter().find(|fact| matches!(fact.name, "status" | "rcode")).unwrap();
        let numbers = [401, 418, 500].map(Value::from);
        let codes = ["SERVFAIL", "NXDOMAIN", "NOERROR", "NOTIMP"].map(Value::from);
        let values = words.iter().map(|word| (fact, Value::from(*word)));
        let values = values.chain(numbers.iter().chain(&codes).map(|value| (status, value.clone())));
        for (fact, value) in values {
            let mut observation = Observation::default();
            observation.begin_round(Round::default());
            observation.set(fact.name, value.clone());
            observation.set_ending(ENDING);
            let expectations = [breached(fact.name, "other", Some("this"))];
            let about = (&*target, family, &Args::default());
            let next = Failure::new(about, &expectations, (&observation, &unknown), None).diagnose().next;
            let commands = next.split(HOSTILE.split('\'').next().unwrap_or_default()).collect::<Vec<_>>();
            // Before each of them a quote is open.
            let open = |before: &str| before.rsplit(' ').next().is_some_and(|word| word.matches('\'').count() % 2 == 1);
            if commands.len() > 1 && !commands[..commands.len() - 1].iter().all(|before| open(before)) {
                wrong.push(format!("{} {value}: {next}", family.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The next step of a failure at `target` whose fact `name` has this value.
fn next_step(family: &str, target: &str, (name, value): (&'static str, Value)) -> String {
    let family = super::family(family).unwrap();
    let mut observation = Observation::default();
    observation.begin_round(Round::default());
    observation.set(name, value);
    let expectations = [breached(name, "other", Some("this"))];
    Failure::new((target, family, &Args::default()), &expectations, (&observation, &unknown), None).diagnose().next
}

#[test]
fn commands_ask_whom_the_check_asked() {
    for (family, target, name, value, want) in [
        (
            "http",
            "https://www.example:8443/x",
            "outcome",
            "unresolved",
            "`getent ahosts www.example`; `dig +short www.example A`; `dig",
        ),
        ("dns", "www.example. A @ns.example:53", "outcome", "unresolved", "`dig +short ns.example A`; `dig"),
        (
            "tls",
            "www.example:443",
            "outcome",
            "unresolved",
            "`getent ahosts www.example`; `dig +short www.example A`; `dig",
        ),
        ("http", "https://[2001:db8::1]/", "outcome", "tls_failed", "-connect '[2001:db8::1]:443' <"),
        ("dns", "a.example. A @[2001:db8::1]:853 (dot)", "outcome", "alert", "-connect '[2001:db8::1]:853' <"),
        ("dns", "a.example. MX @192.0.2.1:53", "rcode", "SERVFAIL", "dig +norecurse @192.0.2.1 a.example. MX +cd"),
        ("dns", "a.example. MX @192.0.2.1:853 (dot)", "rcode", "NXDOMAIN", "+tls @192.0.2.1 -p 853 a.example. MX"),
        ("dns", "a.example. MX @192.0.2.1:443 (doh)", "rcode", "NXDOMAIN", "+https @192.0.2.1 -p 443 a.example."),
        (
            "dns",
            "a.example. MX @192.0.2.1:853 (doq)",
            "rcode",
            "NXDOMAIN",
            "shakedown probe dns a.example. type=MX server=192.0.2.1:853 transport=doq",
        ),
    ] {
        let next = next_step(family, target, (name, Value::from(value)));
        assert!(next.contains(want), "{family} {target} {value}: `{want}` is not in: {next}");
    }
}

#[test]
fn advice_names_only_what_its_family_has() {
    let mut wrong = Vec::new();
    for family in FAMILIES {
        for fact in family.facts {
            let texts = fact.advice.values.iter().map(|(_, text)| *text).chain(fact.advice.breach);
            for text in texts {
                wrong.extend(
                    strangers(family, text).into_iter().map(|name| format!("{}: no `{name}`: {text}", family.name)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words before an option, as in `ss -ltn`, are commands: each is one that exists.
#[test]
fn commands_of_next_steps_exist() {
    let mut unknown = Vec::new();
    for family in FAMILIES {
        let Some((fact, words)) = outcome(family) else { continue };
        for word in words {
            let next = diagnosed(family, fact, word, "refused").next;
            let tokens: Vec<&str> = next.split([' ', ';', '|', '(', ')', '`']).collect();
            for pair in tokens.windows(2).filter(|pair| pair[1].starts_with('-') || pair[1].starts_with('+')) {
                let lowercase =
                    pair[0].chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) && !pair[0].is_empty();
                // A subcommand of ours.
                let is_ours = tokens.windows(2).any(|two| two[0] == "shakedown" && two[1] == pair[0]);
                let is_value =
                    is_ours || tokens.windows(3).any(|triple| triple[1] == pair[0] && triple[0].starts_with('-'));
                if lowercase && !is_value && !COMMANDS.contains(&pair[0]) {
                    unknown.push(format!("{} {word}: {} in {next}", family.name, pair[0]));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// A family is made over both IP versions, or says why not.
#[test]
fn every_family_says_whether_it_can_be_made_over_both_ip_versions() {
    let mut refusing = Vec::new();
    for family in FAMILIES {
        let has = |role| family.fields.iter().any(|field| field.has(role));
        let reasons = family.modes.iter().filter_map(|mode| mode.no_parity).chain(family.no_parity);
        for why in reasons {
            assert!(why.len() > 30 && !why.ends_with('.'), "{}: {why}", family.name);
        }
        match family.no_parity {
            Some(_) => refusing.push(family.name),
            None => assert!(has(FieldRole::IpVersion) && has(FieldRole::Host), "{} says nothing", family.name),
        }
    }
    refusing.sort_unstable();
    assert_eq!(refusing, ["failover", "reach", "throughput", "trace"]);
}
