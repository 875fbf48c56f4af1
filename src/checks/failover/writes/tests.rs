//! What is written, and what an answer says of it.

use std::time::Duration;

use super::log::WriteLog;
use super::numbered::Numbered;
use super::reader::{AnswerPatterns, ReadBack, WriteReader};
use super::value::RunNumber;
use crate::model::{Arg, Args, Observation, Round, Text, Value};

fn args(fields: &[(&'static str, Arg)]) -> Args {
    Args(fields.iter().cloned().collect())
}

fn text(text: &str) -> Arg {
    Arg::Text(text.into())
}

fn numbered(family: &str, fields: &[(&'static str, Arg)]) -> Result<Numbered, String> {
    Numbered::new(crate::checks::family(family).unwrap(), args(fields)).map_err(|invalid| invalid.message)
}

/// The value stands in every text, in patterns too, and people are shown its mark.
#[test]
fn a_probe_is_built_for_each_value() {
    let url = "http://192.0.2.1/a/{number}?again={number}";
    let http = numbered("http", &[("url", text(url)), ("body", text("{\"id\": {number}}"))]).unwrap();
    assert_eq!(http.sample().target(), url);
    assert_eq!(http.probe("17").unwrap().target(), "http://192.0.2.1/a/17?again=17");
    let step = |name, words: &str| Arg::Group(args(&[(name, text(words))]));
    let dialogue = Arg::List(vec![step("send", "GET {number}\r\n"), step("matches", "^([$]-1|{number})")]);
    let place = [("host", text("192.0.2.1")), ("port", Arg::Integer(6379))];
    let fields = [&place[..], &[("dialogue", dialogue)]].concat();
    assert!(numbered("tcp", &fields).unwrap().probe("17").is_ok(), "a pattern without a value is none");
    let secret = |value: &str, shown: &str| {
        let url = Arg::Text(Text::new(value, Some(shown)));
        numbered("http", &[("url", url)]).map(|http| http.sample().target())
    };
    let shown = secret("http://192.0.2.1/s3cret/{number}", "http://192.0.2.1/***/{number}");
    assert_eq!(shown.as_deref(), Ok("http://192.0.2.1/***/{number}"));
    let wrong = secret("http://192.0.2.1/{number}/{number}", "http://192.0.2.1/***/{number}").unwrap_err();
    assert!(wrong.contains("a secret of it holds `{number}`"), "{wrong}");
}

const RUN: RunNumber = RunNumber::SAMPLE;

fn reader(family: &str, lists: bool) -> WriteReader {
    let fields = match family {
        "http" => vec![("url", text("http://192.0.2.1/{number}"))],
        _ => vec![("host", text("192.0.2.1")), ("port", Arg::Integer(1)), ("send", text("{number}"))],
    };
    let by_text = family != "http";
    WriteReader {
        numbered: numbered(family, &fields).unwrap().into(),
        lists,
        text: if by_text { "received" } else { "body" },
        by_text,
        eventually: Duration::ZERO,
        within: Duration::from_secs(1),
    }
}

/// An answer over HTTP, or by lines where there is no status.
fn answer(status: Option<i64>, text: &str) -> Observation {
    let mut seen = Observation::default();
    seen.begin_round(Round::default());
    match status {
        Some(status) => {
            seen.set("outcome", "answered".into());
            seen.set("status", Value::from(status));
            seen.set("body", text.into());
        }
        None => {
            seen.set("outcome", "connected".into());
            seen.set("received", text.into());
        }
    }
    seen
}

#[test]
fn an_answer_is_held_against_those_of_before() {
    let value = |number| RUN.value(number);
    let (one, two, never) = (value(1), value(2), value(9));
    let patterns = |reader: &WriteReader, there: &Observation, absent: &Observation| AnswerPatterns {
        there: reader.pattern(there, RUN, 1),
        absent: reader.pattern(absent, RUN, 9),
    };
    let (http, tcp) = (reader("http", false), reader("tcp", false));
    let by_value = patterns(&http, &answer(Some(200), &one), &answer(Some(200), "[]"));
    let by_status = patterns(&http, &answer(Some(204), ""), &answer(Some(404), ""));
    // Some pages name what they do not have.
    let echoed = patterns(&http, &answer(Some(200), &one), &answer(Some(404), &format!("no {never}")));
    let by_line = patterns(&tcp, &answer(None, &format!("$16\r\n{one}\r\n")), &answer(None, "$-1\r\n"));
    let there = Some(true);
    for (reader, patterns, seen, is_there) in [
        (&http, &by_value, answer(Some(200), &format!("[{two}]")), there),
        (&http, &by_value, answer(Some(200), "[]"), Some(false)),
        (&http, &by_value, answer(Some(200), &format!("[{one}]")), Some(false)),
        (&http, &by_value, answer(Some(404), ""), None),
        (&http, &by_status, answer(Some(204), ""), there),
        (&http, &by_status, answer(Some(404), ""), Some(false)),
        (&http, &by_status, answer(Some(403), ""), None),
        (&http, &by_status, answer(Some(200), ""), None),
        (&http, &echoed, answer(Some(200), &two), there),
        (&http, &echoed, answer(Some(404), &format!("no {two}")), Some(false)),
        (&http, &echoed, answer(Some(404), "no route"), None),
        (&tcp, &by_line, answer(None, &format!("$16\r\n{two}\r\n")), there),
        (&tcp, &by_line, answer(None, "$-1\r\n"), Some(false)),
        (&tcp, &by_line, answer(None, "-LOADING\r\n"), None),
    ] {
        let read_back = reader.read_back(&seen, (RUN, 2), patterns);
        let told = match read_back {
            ReadBack::There { twice: false } => there,
            ReadBack::Absent => Some(false),
            ReadBack::There { twice: true } | ReadBack::Unread(_) => None,
        };
        assert_eq!(told, is_there, "{patterns:?} {read_back:?}");
    }
    let mut cut = answer(Some(200), "[");
    cut.set_partial("body", "`limit` is reached");
    assert!(
        matches!(http.read_back(&cut, (RUN, 2), &by_value), ReadBack::Unread(unread) if unread.why.contains("partial"))
    );
}

/// What is missing in a part of a list may be in the rest.
#[test]
fn a_list_says_what_is_missing_where_it_is_whole() {
    let log = |listed: &[u64], cut: Option<&str>| {
        let mut log = WriteLog::new(0.0, 0.01);
        (0..4).for_each(|number| log.sent(number));
        (0..3).for_each(|number| log.acknowledged(number));
        log.listed(listed.iter().copied(), cut);
        let counts = log.counts();
        (counts.lost, counts.unacknowledged_present, counts.duplicated, counts.unread)
    };
    assert_eq!(log(&[0, 2, 2, 3, 9_999_990], None), (1, 1, 1, 0));
    assert_eq!(log(&[0, 2], Some("cut")), (0, 0, 0, 1));
    assert_eq!(log(&[], None), (3, 0, 0, 0));
}
