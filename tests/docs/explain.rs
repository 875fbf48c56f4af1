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

#[test]
fn the_words_people_look_up_are_explained() {
    for (topic, words) in [
        ("between", "It lies between these two, both included."),
        ("not_in", "It is none of these."),
        ("eventually", "until it holds"),
        ("retries", "reported as flaky"),
        ("MDE", "80 of 100 such comparisons"),
        ("mde", "80 of 100 such comparisons"),
        ("total_time.p95", "http.total_time.p95"),
        ("http.total_time.p95", "95 of 100 samples do not exceed it"),
        ("rtt.stddev", "standard deviation"),
        ("p99", "99 of 100 samples do not exceed it"),
        ("control", "shows that the host is there at all"),
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
        ("settled_in", "Seconds from the first attempt"),
        ("may_grow", "a list gain"),
        ("`lt`:", "It is less than this."),
        ("suite", "## expect"),
    ] {
        let text = explained(&topic.split(' ').collect::<Vec<_>>());
        assert!(text.contains(words), "{topic}: `{words}` is not in\n{text}");
    }
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
        ("retrys", "did you mean `retries`?"),
        ("eventualy", "did you mean `eventually`?"),
        ("betwen", "did you mean `between`?"),
        ("inconclusiv", "did you mean `inconclusive`?"),
        ("http.total_tme.p95", "did you mean `http.total_time.p95`?"),
        ("tcp.prot", "did you mean `tcp.port`?"),
        ("tpc", "did you mean `tcp`?"),
        ("basline", "did you mean `baseline`?"),
        ("qqqqqqqqqq", "`shakedown explain` lists the topics"),
        ("exit code 7", "`shakedown explain` lists the topics"),
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
