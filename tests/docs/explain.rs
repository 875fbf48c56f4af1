//! `explain` knows the words that people look up.

use shakedown::app::explain::topics::CHAPTERS;
use shakedown::checks::FAMILIES;
use shakedown::model::Kind;
use shakedown::model::expectation::Operator;
use shakedown::model::fact::STATISTICS;
use shakedown::suite::tables;

use super::shakedown;

/// The text of a topic; it must be one.
fn explained(words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let args: Vec<&str> = ["explain"].into_iter().chain(words.iter().copied()).collect();
    let (code, out, err) = shakedown(folder.path(), &args);
    assert_eq!((code, &*err), (0, ""), "{words:?}");
    out
}

fn unknown(word: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = shakedown(folder.path(), &["explain", word]);
    assert_eq!((code, &*out), (2, ""), "{word}");
    err
}

/// What people type, and words of the answer.
const LOOKED_UP: &[(&str, &str)] = &[
    ("between", "It lies between these two, both included."),
    ("not_in", "It is none of these."),
    ("eventually", "until it holds"),
    ("retries", "reported as flaky"),
    ("MDE", "80 of 100 such comparisons"),
    ("mde", "80 of 100 such comparisons"),
    ("total_time.p95", "http.total_time.p95"),
    ("http.total_time.p95", "95 of 100 samples do not exceed"),
    ("rtt.stddev", "standard deviation"),
    ("p99", "99 of 100 samples do not exceed"),
    ("control", "shows that the host is alive"),
    ("needs", "must pass first"),
    ("matrix", "One case for every combination"),
    ("severity", "does not fail the run"),
    ("baseline", "An accepted run"),
    ("errored", "this side could not look"),
    ("inconclusive", "Neither a change nor its absence"),
    ("warm-up", "made first and discarded"),
    ("round", "└─ suite  edge"),
    ("3", "something was not measured or not run"),
    ("exit code 4", "a measured value regressed"),
    ("exit", "Terminated (SIGTERM)"),
    ("body.json.status", "http.body.json.status  a path into `body.json`"),
    ("headers.server", "a path into `headers`"),
    ("tls.port", "a field of tls"),
    ("scan.rate", "a field of tls"),
    ("refused", "tcp.outcome: refused"),
    ("timeout", "silence: where it is expected, it needs a `control`"),
    ("nxdomain", "dns.rcode: NXDOMAIN"),
    ("TLS1.2", "tls.version: TLS1.2"),
    ("not_restored", "could not be put back"),
    ("quic", "tls.transport: quic"),
    ("compare", "shakedown compare before.json after.json"),
    ("jobs", "variable SHAKEDOWN_JOBS"),
    ("SHAKEDOWN_JOBS", "flag --jobs"),
    ("settled_in", "Seconds from the start of the first attempt"),
    ("may_grow", "a list may gain elements"),
    ("`lt`:", "It is less than this."),
    ("suite", "## expect"),
    ("suite", "x-edge: &edge"),
    ("refused", "the other side rejected the connection at once"),
    ("refused", "tcp.outcome: refused"),
    ("timeout", "a dead host, a firewall"),
    ("unresolved", "it is no closed port"),
    ("untrusted", "a private authority needs `ca_file`"),
    ("p95", "the value that 95 of 100 samples do not exceed"),
    ("flaky", "more than one attempt"),
    ("skipped", "`when` leaves out"),
    ("warn", "does not fail the run"),
    ("JUnit", "validates against the two common schemas"),
    ("exit 3", "something was not measured or not run"),
    ("5s", "a length of time, as suites write it"),
    ("5m", "In reports: 300, in s."),
    ("10 MiB", "In reports: 10485760, in B."),
    ("50%", "In reports: 0.5, as a share of one."),
    ("503", "a status of HTTP"),
    ("cause", "in one sentence: who, what, after how long"),
    ("unmet", "an expectation that did not hold"),
    ("REGR", "not by chance"),
    ("ERROR", "this side could not look"),
    ("gate", "whether a change goes on"),
    ("ping", "`shakedown explain icmp`"),
    ("depends_on", "a key of a check: needs"),
    ("status code", "a fact of http: status"),
    (">=", "an operator: ge"),
    ("average", "a part of a distribution: mean"),
    ("--json", "flag --json"),
    ("TLS", "One full TLS handshake"),
    ("x-", "a place for YAML anchors"),
    ("glob", "`*` stands for any characters"),
    ("regular expression", "look-around"),
    ("NO_COLOR", "switches colour off"),
];

#[test]
fn the_words_people_look_up_are_explained() {
    for (topic, words) in LOOKED_UP {
        let text = explained(&topic.split(' ').collect::<Vec<_>>());
        // Lines break anywhere, and sentences begin with a capital.
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        assert!(plain(&text).contains(&plain(words)), "{topic}: `{words}` is not in\n{text}");
    }
}

/// Every outcome has a meaning, and not only the facts that may have it: it is what people look up first.
#[test]
fn every_outcome_is_told_in_words() {
    let topics: Vec<&str> =
        CHAPTERS.iter().flat_map(|chapter| chapter.topics).flat_map(|topic| topic.names).copied().collect();
    let mut count = 0;
    for family in FAMILIES {
        for fact in family.facts.iter().filter(|fact| fact.name == "outcome") {
            let Kind::Choice(words) = fact.kind else { continue };
            count += words.len();
            let lost: Vec<&&str> = words.iter().filter(|word| !topics.contains(*word)).collect();
            assert!(lost.is_empty(), "{}: no topic says what these mean: {lost:?}", family.name);
        }
    }
    assert!(count > 50, "{count}");
}

/// What the glossary names, a terminal explains.
#[test]
fn every_term_of_the_glossary_is_explained() {
    let glossary = std::fs::read_to_string(super::root().join("docs/glossary.md")).unwrap();
    let term = regex::Regex::new(r"(?m)^\| \*([^*]+)\* \|").unwrap();
    let terms: Vec<&str> = term.captures_iter(&glossary).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(terms.len() > 50, "{}", terms.len());
    let lost: Vec<&&str> = terms.iter().filter(|term| shakedown::app::explain::texts(term).is_empty()).collect();
    assert!(lost.is_empty(), "`shakedown explain` does not know {lost:?}");
}

/// Of a kind all are known, not those somebody thought of.
#[test]
fn every_word_of_the_tables_is_explained() {
    let mut words: Vec<String> = Operator::all().map(|operator| operator.word().to_owned()).collect();
    words.extend(STATISTICS.iter().map(|&word| word.to_owned()));
    for table in [tables::SUITE, tables::CHECK, tables::DEFAULTS, tables::EVENTUALLY, tables::BASELINE] {
        words.extend(tables::names(table).map(str::to_owned));
    }
    words.extend(
        CHAPTERS.iter().flat_map(|chapter| chapter.topics).flat_map(|topic| topic.names).map(|&name| name.to_owned()),
    );
    words.extend(shakedown::exit::OF_RUNS.iter().map(|(code, _)| code.to_string()));
    words.extend(shakedown::app::config::keys().into_iter().map(|key| key.name));
    for family in FAMILIES {
        words.extend(family.fields.iter().map(|field| format!("{}.{}", family.name, field.name)));
        for fact in family.facts {
            words.push(format!("{}.{}", family.name, fact.name));
            if fact.kind == Kind::Distribution {
                words.push(format!("{}.p95", fact.name));
            }
            if let Kind::Choice(choice) = fact.kind {
                words.extend(choice.iter().map(|&word| word.to_owned()));
            }
        }
    }
    words.sort();
    words.dedup();
    assert!(words.len() > 500, "{}", words.len());
    // By the library: a process for each would take a minute.
    let lost: Vec<&String> = words.iter().filter(|word| shakedown::app::explain::texts(word).is_empty()).collect();
    assert!(lost.is_empty(), "not explained: {lost:?}");
}

#[test]
fn a_word_that_is_none_gets_the_nearest_one() {
    for (word, nearest) in [
        ("retrys", "did you mean `retry`?"),
        ("eventualy", "did you mean `eventually`?"),
        ("betwen", "did you mean `between`?"),
        ("inconclusiv", "did you mean `inconclusive`?"),
        ("http.total_tme.p95", "did you mean `http.total_time.p95`?"),
        ("tcp.prot", "did you mean `tcp.port`?"),
        ("tpc", "did you mean `tcp`?"),
        ("basline", "did you mean `baseline`?"),
        ("qqqqqqqqqq", "`shakedown explain` lists the topics"),
        ("exit code 7", "the exit codes are 0, 1, 2, 3, 4, 130, 143"),
        ("42", "the exit codes are 0, 1, 2, 3, 4, 130, 143"),
        ("qqqqqqqqqq", "`qqqqqqqqqq` is no word of suites, reports or commands"),
    ] {
        let err = unknown(word);
        assert!(err.contains(nearest), "{word}: {err}");
    }
}

#[test]
fn alone_it_lists_what_there_is() {
    let list = explained(&[]);
    for word in ["tcp", "failover", "between", "eventually", "p95", "inconclusive", "errored", "130", "explain suite"] {
        assert!(list.contains(word), "{word}: {list}");
    }
    let widest = list.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 130, "{widest} columns");
}

/// On a narrow terminal no sentence runs over its edge, and examples stay as they are to be copied.
#[test]
fn sentences_are_set_for_the_width_of_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text, _) = super::shakedown_with(folder.path(), &["explain", "eventually"], &[("COLUMNS", "60")]);
    let example = "\n      expect: {answers: {exactly: [192.0.2.20]}, settled_in: {lt: 3m}}\n";
    assert!(example.len() > 60 && text.contains(example), "{text}");
    for (columns, widest) in [("60", 60), ("80", 80), ("300", 120)] {
        let (_, text, _) = super::shakedown_with(folder.path(), &["explain", "control"], &[("COLUMNS", columns)]);
        let prose = text.lines().filter(|line| !line.starts_with("    -") && !line.starts_with("      "));
        let found = prose.clone().map(|line| line.chars().count()).max().unwrap();
        assert!(found <= widest && found > widest - 20, "{columns}: {found}\n{text}");
        assert!(text.contains("\n      expect: {outcome: {in: [refused, timeout]}}\n"), "{text}");
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            joined.contains("So a check that expects silence (`timeout`, `silent`, `unreachable`) must name a control")
        );
    }
}

/// Whatever is explained fits the terminal: only what cannot be parted, or is there to be copied, runs over its edge.
#[test]
fn every_explanation_fits_the_width() {
    let mut words: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    words.push("suite");
    words.extend(CHAPTERS.iter().flat_map(|chapter| chapter.topics).map(|topic| topic.names[0]));
    words.extend(Operator::all().map(Operator::word));
    words.extend([
        "time",
        "cert",
        "run",
        "jobs",
        "exit",
        "http.total_time.p95",
        "body.json.status",
        "refused",
        "tls.port",
    ]);
    let span = regex::Regex::new("`[^`]*`").unwrap();
    for width in [60, 80, 140] {
        let mut seen = 0;
        for word in &words {
            let text = shakedown::app::explain::shown(word, width);
            let (mut fenced, mut example) = (false, false);
            for line in text.lines() {
                let rest = line.trim_start();
                let indent = line.len() - rest.len();
                fenced ^= rest.starts_with("```");
                if line.starts_with("## ") {
                    example = line == "## Example";
                }
                let copied = fenced || example || rest.starts_with(['|', '#']) || (4..16).contains(&indent);
                if copied || line.chars().count() <= width {
                    seen += usize::from(!copied);
                    continue;
                }
                let whole = span.replace_all(rest, "x");
                let pieces = whole.trim_start_matches("- ").split_whitespace().count();
                assert!(pieces <= 1, "{word} at {width}: {} columns: {line}", line.chars().count());
            }
        }
        assert!(seen > 1000, "{seen}");
    }
    // A bullet goes on below its text.
    let http = shakedown::app::explain::shown("http", 80);
    let bullets = http.split("## Fields").next().unwrap();
    assert!(
        bullets.lines().all(|line| line.starts_with("- ") || line.starts_with("  ") || !line.contains("- ")),
        "{bullets}"
    );
    assert!(bullets.lines().filter(|line| line.starts_with("  ")).count() > 20, "{bullets}");
    let short = bullets.lines().zip(bullets.lines().skip(1)).find(|(line, next)| {
        let first = next.trim_start().split(' ').next().unwrap_or_default().replace('`', "");
        next.starts_with("  ") && !next.contains('`') && line.chars().count() + 1 + first.len() + 30 < 80
    });
    assert_eq!(short, None, "a line is broken long before the edge");
}
