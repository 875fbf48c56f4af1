//! Replies that are not the answer: none of them is ever counted as one.

use super::observed;
use super::server::{Server, Turn, good, question, records, reply};
use crate::model::{Arg, Observation};
use crate::testing::{count, noted, texts};

/// A server that answers rightly `before` the load, and every query of the load with what `answer` makes of it. No query is
/// answered, and this is what was seen. Some wait for all of the timeout, so they are best run in parallel.
async fn bad<T: Into<Turn> + 'static>(answer: fn(&[u8]) -> T) -> Observation {
    let server =
        Server::start(move |number, query| if number == 0 { good(query).into() } else { answer(query).into() });
    let observation = observed(server.addr, &[], &[("timeout", Arg::Number(1.0))]).await;
    assert_eq!(count(&observation, "load.answered"), 0, "{:?}", observation.notes());
    assert_eq!(count(&observation, "load.sent"), 100);
    assert!(observation.merged("load.latency").is_none());
    assert_eq!(observation.text("outcome"), Some("answered"), "wrong answers are answers");
    observation
}

#[tokio::test]
async fn other_records() {
    let (observation, none, more) = tokio::join!(
        bad(|query| reply(query, 0, &[[192, 0, 2, 11]])),
        bad(|query| reply(query, 0, &[])),
        bad(|query| reply(query, 0, &[[192, 0, 2, 10], [192, 0, 2, 11]])),
    );
    assert_eq!((count(&observation, "load.wrong"), count(&observation, "load.lost")), (100, 0));
    noted(
        &observation,
        "100 wrong (records), for example www.load.test. A: www.load.test. A 192.0.2.11; in the first answer",
    );
    assert_eq!(count(&none, "load.wrong"), 100);
    noted(&none, "no record of the type asked for");
    assert_eq!(count(&more, "load.wrong"), 100);
}

#[tokio::test]
async fn another_response_code() {
    let (observation, nxdomain) = tokio::join!(bad(|query| reply(query, 2, &[])), bad(|query| reply(query, 3, &[])));
    assert_eq!((count(&observation, "load.wrong"), count(&observation, "load.lost")), (100, 0));
    noted(&observation, "100 wrong (response code), for example www.load.test. A: SERVFAIL, not NOERROR");
    assert_eq!(observation.last("load.rcodes"), Some(&serde_json::json!({"SERVFAIL": 100})));
    noted(&nxdomain, "NXDOMAIN, not NOERROR");
}

#[tokio::test]
async fn another_question() {
    let another = bad(|query| {
        let mut reply = good(query);
        reply[13] ^= 1;
        reply
    });
    let query = bad(|query| {
        let mut reply = good(query);
        reply[2] &= 0x7f;
        reply
    });
    let (observation, query) = tokio::join!(another, query);
    // Somebody spoke, but not of the question: wrong, and the query is not called lost as well.
    assert_eq!((count(&observation, "load.wrong"), count(&observation, "load.lost")), (100, 0));
    noted(&observation, "(another question)");
    noted(&query, "it is a query, not a response");
}

#[tokio::test]
async fn another_id() {
    let observation = bad(|query| {
        let mut reply = good(query);
        reply[0] ^= 0x40;
        reply
    })
    .await;
    assert_eq!((count(&observation, "load.wrong"), count(&observation, "load.lost")), (100, 100));
    noted(&observation, "(unasked)");
}

#[tokio::test]
async fn garbage() {
    // An answer cut in the middle of its record, bytes behind the last one, data of the wrong form, and no DNS at all.
    let cut = |query: &[u8]| {
        let mut reply = good(query);
        reply.truncate(reply.len() - 3);
        reply
    };
    let more = |query: &[u8]| [good(query), vec![0]].concat();
    let form = |query: &[u8]| records(query, 0, &[(1, 300, vec![192, 0, 2])]);
    let none = |_: &[u8]| b"hello".to_vec();
    let loops = |query: &[u8]| {
        let mut reply = good(query);
        let owner = 12 + question(query).len();
        reply[owner + 1] = u8::try_from(owner).unwrap();
        reply
    };
    let (cut, more, form, none, loops) = tokio::join!(bad(cut), bad(more), bad(form), bad(none), bad(loops));
    for (name, observation) in [("cut", cut), ("more", more), ("form", form), ("none", none), ("loops", loops)] {
        assert_eq!(count(&observation, "load.wrong"), 100, "{name}: {:?}", observation.notes());
        noted(&observation, "100 wrong (malformed)");
    }
}

#[tokio::test]
async fn a_record_that_does_not_answer() {
    // dnsperf's example: an A record for a question of another type.
    let server = Server::start(|_, query| good(query));
    let observation = observed(server.addr, &[("names", texts(&["www.load.test MX"]))], &[]).await;
    assert_eq!((count(&observation, "load.answered"), count(&observation, "load.wrong")), (0, 100));
    noted(&observation, "not an answer to it: www.load.test. 300 IN A 192.0.2.10");
}

#[tokio::test]
async fn cut_and_oversized() {
    let cut = bad(|query| {
        let mut reply = good(query);
        reply[2] |= 2;
        reply
    });
    let long = bad(|query| records(query, 0, &vec![(1, 300, vec![192, 0, 2, 10]); 400]));
    let (cut, observation) = tokio::join!(cut, long);
    assert_eq!(count(&cut, "load.wrong"), 100);
    noted(&cut, "(truncated)");
    assert_eq!((count(&observation, "load.wrong"), count(&observation, "load.lost")), (100, 0));
    noted(&observation, "(too long)");
}

#[tokio::test]
async fn flags_of_an_authority() {
    let unset = |number: u64, query: &[u8]| {
        let mut reply = good(query);
        if number > 0 {
            reply[2] &= !4;
        }
        reply
    };
    let server = Server::start(unset);
    let observation = observed(server.addr, &[], &[("recursion", Arg::Bool(false))]).await;
    assert_eq!((count(&observation, "load.answered"), count(&observation, "load.wrong")), (0, 100));
    noted(&observation, "(flags)");
    // A cache passes on AA with the first answer only.
    let server = Server::start(unset);
    assert_eq!(count(&observed(server.addr, &[], &[]).await, "load.answered"), 100);
}

#[tokio::test]
async fn duplicates_count_once_and_as_what_they_are() {
    let server = Server::start(|_, query| vec![good(query), good(query), reply(query, 2, &[])]);
    let observation = observed(server.addr, &[], &[]).await;
    assert_eq!(count(&observation, "load.answered"), 100);
    // What follows the last answer of each of the two workers may come after its end.
    assert!(
        count(&observation, "load.duplicates") >= 98 && count(&observation, "load.wrong") >= 98,
        "{:?}",
        observation.notes()
    );
}

#[tokio::test]
async fn a_wrong_answer_now_and_then_is_counted_exactly() {
    let server = Server::start(|number, query| match number % 10 {
        7 => reply(query, 0, &[[203, 0, 113, 1]]),
        8 => reply(query, 5, &[]),
        _ => good(query),
    });
    let observation = observed(server.addr, &[], &[]).await;
    assert_eq!(
        (count(&observation, "load.answered"), count(&observation, "load.wrong"), count(&observation, "load.lost")),
        (80, 20, 0)
    );
    assert_eq!(observation.merged("load.latency").unwrap().count(), 80);
    assert_eq!(observation.text("outcome"), Some("answered"));
}

#[tokio::test]
async fn expected_data_is_held_against_the_first_answer_too() {
    let server = Server::start(|_, query| good(query));
    let names = ["www.load.test A 192.0.2.11"];
    let observation = observed(server.addr, &[("names", texts(&names))], &[]).await;
    assert_eq!((count(&observation, "load.answered"), count(&observation, "load.wrong")), (0, 100));
    noted(&observation, "192.0.2.10, not 192.0.2.11");
}

/// A name in the data is the same in any case, with and without its final dot; a text is not.
#[tokio::test]
async fn data_is_compared_as_what_it_is() {
    fn mx(query: &[u8]) -> Vec<u8> {
        records(query, 0, &[(15, 300, b"\0\x0a\x04Mail\x04load\x04test\0".to_vec())])
    }
    fn turning(number: u64, query: &[u8]) -> Vec<u8> {
        let upper = b"\0\x0a\x04MAIL\x04load\x04TEST\0".to_vec();
        if number.is_multiple_of(2) { mx(query) } else { records(query, 0, &[(15, 300, upper)]) }
    }
    fn all(_: u64, query: &[u8]) -> Vec<u8> {
        let kind = &question(query)[question(query).len() - 4..][..2];
        let data: &[u8] = match u16::from_be_bytes([kind[0], kind[1]]) {
            28 => &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            16 => b"\x0bv=spf1 -all",
            257 => b"\0\x05issueca.test",
            52 => &[3, 1, 1, 0xab, 0xcd, 0xef],
            other => panic!("type {other}"),
        };
        records(query, 0, &[(u16::from_be_bytes([kind[0], kind[1]]), 300, data.to_vec())])
    }
    let server = Server::start(turning);
    for (data, wrong) in [("10 mail.LOAD.test", false), ("10 mail.load.test.", false), ("20 mail.load.test", true)] {
        assert_eq!(wrong_answers(&server, &format!("MX NOERROR {data}")).await, if wrong { 100 } else { 0 }, "{data}");
    }
    let server = Server::start(all);
    for (line, wrong) in [
        ("AAAA 2001:DB8:0:0::0001", false),
        ("AAAA 2001:db8::2", true),
        ("TXT \"v=spf1 -all\"", false),
        ("TXT v=spf1 -all", false),
        ("TXT V=spf1 -all", true),
        ("CAA 0 issue \"ca.test\"", false),
        ("CAA 0 ISSUE ca.test", false),
        ("CAA 0 issue CA.test", true),
        ("TLSA 3 1 1 abcdef", false),
        ("TLSA 3 1 1 AB cd EF", false),
        ("TLSA 3 1 1 abcde0", true),
    ] {
        assert_eq!(wrong_answers(&server, line).await, if wrong { 100 } else { 0 }, "{line}");
    }
}

/// How many of 100 answers are called wrong for a line about www.load.test.
async fn wrong_answers(server: &Server, line: &str) -> i64 {
    let names = texts(&[&format!("www.load.test {line}")]);
    let observation = observed(server.addr, &[("names", names)], &[]).await;
    assert_eq!(count(&observation, "load.sent"), 100, "{line}: {:?}", observation.notes());
    count(&observation, "load.wrong")
}
