use super::{Subject, comparison, corrected, name, test};
use crate::checks::family;
use crate::model::Unit;
use crate::model::expectation::Sort;
use crate::suite::Span;
use crate::suite::tree::{Key, Kind, Node};

const COUNT: Sort = Sort::Number(Unit::Count);
const TIME: Sort = Sort::Number(Unit::Seconds);

/// Of times, a latency.
fn subject(sort: Sort) -> Subject {
    let latency = Subject::at(family("tcp").unwrap().facts, "connect_time.p95").unwrap();
    latency.with(sort)
}

/// A number without a unit is in the unit of its fact, and in any that may be meant where none is sure.
#[test]
fn the_unit_is_that_of_the_fact() {
    for (of, path, text, want) in [
        ("tls", "expires_in", "> 21", vec!["{gt: 21d}"]),
        ("tls", "expires_in", "> 1814400", vec!["{gt: 1814400s}"]),
        ("tls", "ocsp.next_update_in", "> 2", vec!["{gt: 2d}"]),
        ("http", "certificate.expires_in", "> 21", vec!["{gt: 21d}"]),
        ("dns", "ttl.min", ">= 300", vec!["{ge: 300s}"]),
        ("dns", "soa.refresh", "3600-7200", vec!["{between: [3600s, 7200s]}"]),
        ("dns", "rtt.p95", "< 100", vec!["{lt: 100ms}"]),
        ("icmp", "jitter", "< 100", vec!["{lt: 100ms}"]),
        ("dns", "rtt.p95", "< 2", vec!["{lt: 2s}", "{lt: 2ms}"]),
        ("failover", "outage.hi", "< 3", vec!["{lt: 3s}", "{lt: 3ms}"]),
        ("failover", "outage.hi", "500|600", vec!["{in: [500ms, 600ms]}", "{in: [500s, 600s]}"]),
    ] {
        let subject = Subject::at(family(of).unwrap().facts, path).unwrap();
        assert_eq!(comparison(text, subject), want, "{path} {text}");
    }
}

/// What is never exact becomes a limit, and operators of other tools become ours in the same stroke.
#[test]
fn what_stands_behind_a_fact_is_written_as_a_suite_does() {
    let scalar = |text: &str| Node::new(Span::default(), Kind::Scalar(text.into(), true));
    let map = |entries: &[(&str, &str)]| {
        let key = |name: &str| Key { name: name.to_owned(), span: Span::default() };
        Node::new(Span::default(), Kind::Map(entries.iter().map(|(name, text)| (key(name), scalar(text))).collect()))
    };
    for (of, path, node, want) in [
        ("tls", "expires_in", scalar("21"), vec!["{gt: 21d}"]),
        ("tls", "handshake_time", map(&[("less_than", "3s")]), vec!["{lt: 3s}"]),
        ("tls", "handshake_time", map(&[("gte", "1ms"), ("lt", "5")]), vec!["{ge: 1ms, lt: 5s}", "{ge: 1ms, lt: 5ms}"]),
        ("http", "total_time.p95", scalar("300"), vec!["{lt: 300ms}"]),
        ("http", "status", map(&[("equals", "200")]), vec!["200"]),
        ("throughput", "bitrate.p50", scalar("9 Gbps"), vec!["{ge: 9 Gbit/s}"]),
        ("dns", "ttl.max", scalar("300"), vec!["300s"]),
        ("dns", "answers", scalar("192.0.2.1"), vec!["{contains: 192.0.2.1}"]),
    ] {
        let subject = Subject::at(family(of).unwrap().facts, path).unwrap();
        assert_eq!(corrected(&node, subject), want, "{path} {node:?}");
    }
}

#[test]
fn comparisons_written_as_text_become_operators() {
    for (text, sort, want) in [
        (">= 200", COUNT, Some("{ge: 200}")),
        (">=200", COUNT, Some("{ge: 200}")),
        ("< 100", TIME, Some("{lt: 100ms}")),
        ("<5ms", TIME, Some("{lt: 5ms}")),
        ("> 5ms and < 9ms", TIME, Some("{gt: 5ms, lt: 9ms}")),
        ("!= 500", COUNT, Some("{ne: 500}")),
        ("== 200", COUNT, Some("{eq: 200}")),
        ("200-299", COUNT, Some("{between: [200, 299]}")),
        ("200..299", COUNT, Some("{between: [200, 299]}")),
        ("10-20ms", TIME, Some("{between: [10ms, 20ms]}")),
        ("2xx", COUNT, Some("{between: [200, 299]}")),
        ("200|201", COUNT, Some("{in: [200, 201]}")),
        ("200, 201", COUNT, Some("{in: [200, 201]}")),
        ("200 or 204", COUNT, Some("{in: [200, 204]}")),
        ("not 500", COUNT, Some("{ne: 500}")),
        ("/ok+/", Sort::Text, Some("{matches: 'ok+'}")),
        ("~ ^ok", Sort::Text, Some("{matches: '^ok'}")),
        ("OK", COUNT, None),
        ("fine", Sort::Text, None),
        ("<html>", Sort::Any, None),
        ("> 5", Sort::Any, Some("{gt: 5}")),
        ("= a", Sort::Text, None),
        ("/a/b", Sort::Text, None),
    ] {
        assert_eq!(comparison(text, subject(sort)).first().map(String::as_str), want, "{text}");
    }
}

#[test]
fn operators_of_other_tools_become_ours() {
    let scalar = |text: &str| Node::new(Span::default(), Kind::Scalar(text.into(), true));
    for (word, operand, sort, want) in [
        ("equals", "200", COUNT, Some("{eq: 200}")),
        ("less-than", "100", TIME, Some("{lt: 100ms}")),
        ("lessThan", "5ms", TIME, Some("{lt: 5ms}")),
        ("<=", "5 sec", TIME, Some("{le: 5s}")),
        ("range", "200-299", COUNT, Some("{between: [200, 299]}")),
        ("one_of", "200", COUNT, Some("{in: [200]}")),
        ("regex", "^a", Sort::Text, Some("{matches: ^a}")),
        ("starts_with", "a.b", Sort::Text, Some("{matches: '^a\\.b'}")),
        ("regex", "^2..$", COUNT, Some("{between: [200, 299]}")),
        ("exists", "yes", Sort::Text, Some("{present: true}")),
        ("empty", "true", Sort::List, Some("{len: 0}")),
        ("have-len", "3", Sort::List, Some("{len: 3}")),
        ("count", "3", Sort::List, Some("{len: 3}")),
        ("contain-element", "a", Sort::List, Some("{contains: a}")),
        ("is", "a", Sort::List, Some("{contains: a}")),
        ("contains", "2", COUNT, None),
        ("wobbles", "2", COUNT, None),
    ] {
        assert_eq!(test(word, &scalar(operand), subject(sort)).first().map(String::as_str), want, "{word}");
    }
    assert_eq!(name("My check (1)"), "my-check-1");
    assert_eq!(name("—"), "NAME");
}
