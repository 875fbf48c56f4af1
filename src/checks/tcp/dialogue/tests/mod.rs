//! Against servers of this process that do what a test says.

mod half_close;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Dialogue;
use crate::checks::tcp::Tcp;
use crate::model::{Arg, Args, Observation, Text, Value};
use crate::probe::Probe;
use crate::suite::Redactor;
use crate::testing::{self, Written, text};

/// Long enough never to be waited out by a test that gets its answer.
const PATIENT: f64 = 60.0;
/// For the tests that are about silence.
const BRIEF: f64 = 0.15;

async fn server<F, Fut>(script: F) -> u16
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(script(stream));
        }
    });
    port
}

/// Says these words, each after it has read something but for the first, and stays until the client leaves.
async fn says(words: &'static [&'static str]) -> u16 {
    server(move |mut stream| async move {
        for word in words {
            stream.write_all(word.as_bytes()).await.unwrap();
            if stream.read(&mut [0; 1024]).await.is_ok_and(|count| count == 0) {
                return;
            }
        }
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await
}

fn step(entries: &[(&'static str, &str)]) -> Arg {
    Arg::Group(Args(entries.iter().map(|(name, value)| (*name, text(value))).collect()))
}

fn args(port: u16, patience: f64, steps: Vec<Arg>, more: Written<'_>) -> Args {
    let common = [
        ("host", text("127.0.0.1")),
        ("port", Arg::Integer(port.into())),
        ("timeout", Arg::Number(patience)),
        ("dialogue", Arg::List(steps)),
    ];
    testing::args(common, more)
}

async fn observe(args: &Args) -> Observation {
    let (observation, ended) = testing::observe(&Tcp::from_args(args).unwrap()).await;
    ended.unwrap();
    observation
}

async fn play(port: u16, patience: f64, steps: &[&[(&'static str, &str)]]) -> Observation {
    observe(&args(port, patience, steps.iter().map(|entries| step(entries)).collect(), &[])).await
}

/// A cell of the row of a step.
fn cell(observation: &Observation, number: usize, column: &str) -> Option<Value> {
    let rows = observation.last_rows("dialogue.steps").unwrap();
    let at = rows.column(column).unwrap();
    rows.rows.iter().find(|(key, _)| **key == *number.to_string()).and_then(|(_, cells)| cells.get(at)?.to_value())
}

fn count(observation: &Observation, fact: &str) -> Option<i64> {
    observation.last(fact).and_then(Value::as_i64)
}

fn ending(observation: &Observation) -> &str {
    observation.counted().last().unwrap().ending().unwrap()
}

const EHLO: &[(&str, &str)] = &[("send", "EHLO x\r\n")];
const MAIL: &[&str] =
    &["220 mail.test ESMTP\r\n", "250-mail.test\r\n250-SIZE 100\r\n250 HELP\r\n", "550 no such user\r\n"];

#[tokio::test]
async fn steps_are_taken_one_after_the_other() {
    let port = says(&["220 mail.test ESMTP\r\n", "250-mail.test\r\n250 HELP\r\n", "221 bye\r\n"]).await;
    let quit = [("send_hex", "51 55 49 54 0d 0a")];
    let steps: &[&[_]] = &[&[("expect", "220 ")], EHLO, &[("matches", "^250 ")], &quit, &[("expect_hex", "32323120")]];
    let observation = play(port, PATIENT, steps).await;
    assert_eq!(observation.text("outcome"), Some("connected"), "{:?}", observation.notes());
    assert_eq!((count(&observation, "dialogue.completed"), count(&observation, "dialogue.early")), (Some(5), Some(0)));
    assert_eq!(observation.text("banner"), Some("220 mail.test ESMTP"));
    assert_eq!(observation.merged("dialogue.time").unwrap().count(), 1);
    assert_eq!(cell(&observation, 1, "received"), Some("220 mail.test ESMTP".into()), "the whole line");
    assert_eq!(cell(&observation, 2, "received"), None);
    assert_eq!(cell(&observation, 3, "received"), Some("250-mail.test\r\n250 HELP".into()));
    assert!(observation.text("received").unwrap().contains("250 HELP"));
    assert!(observation.last("half_close.ended").is_none());
}

#[tokio::test]
async fn the_step_that_fails_says_what_it_wanted_and_what_came() {
    let port = says(MAIL).await;
    let rcpt: &[_] = &[("send", "RCPT TO:<x@mail.test>\r\n")];
    let start: [&[_]; 4] = [&[("expect", "220 ")], EHLO, &[("matches", "^250 ")], rcpt];
    for (last, patience, how) in [
        (&[("matches", "^250 ")][..], BRIEF, ", then silence for 150 ms"),
        (&[("matches", "^250 "), ("unless", "^[45]")][..], PATIENT, ", which `unless` refuses"),
        (&[("expect", "250")][..], BRIEF, ", then silence for 150 ms"),
    ] {
        let observation = play(port, patience, &[&start[..], &[last]].concat()).await;
        assert_eq!(observation.text("outcome"), Some("mismatch"), "{how}");
        let wanted = if last[0].0 == "matches" { "a line that matches `^250 `" } else { "\"250\"" };
        let sentence = format!("step 5: expected {wanted}, received \"550 no such user\" from 127.0.0.1:{port}{how}");
        assert_eq!(ending(&observation), sentence);
        assert_eq!(count(&observation, "dialogue.completed"), Some(4));
        assert_eq!(cell(&observation, 5, "received"), Some("550 no such user".into()));
        assert!(observation.merged("dialogue.time").is_none(), "absent, not the time of a failure");
    }
}

#[tokio::test]
async fn silence_a_close_and_a_reset_are_told_apart() {
    let steps: &[&[_]] = &[&[("expect", "220 ")], EHLO, &[("matches", "^250 ")]];
    let port = says(&["220 mail.test\r\n"]).await;
    let observation = play(port, BRIEF, steps).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{}", ending(&observation));
    assert!(ending(&observation).ends_with("kept silent for 150 ms"), "{}", ending(&observation));
    // The rest of a line that was read is no answer.
    let observation = play(port, BRIEF, &[&[("expect", "220 ")], &[("expect", "250")]]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"), "{}", ending(&observation));
    let port = server(|mut stream| async move {
        stream.write_all(b"220 mail.test\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    let observation = play(port, PATIENT, steps).await;
    assert_eq!(observation.text("outcome"), Some("closed"), "{}", ending(&observation));
    assert!(ending(&observation).ends_with("closed the connection"), "{}", ending(&observation));
    // Words before the close are an answer, and a wrong one.
    let port = server(|mut stream| async move {
        stream.write_all(b"220 mail.test\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
        stream.write_all(b"421 too many\r\n").await.unwrap();
    })
    .await;
    let observation = play(port, PATIENT, steps).await;
    assert_eq!(observation.text("outcome"), Some("mismatch"));
    assert!(ending(&observation).contains("\"421 too many\" from 127.0.0.1"), "{}", ending(&observation));
    assert!(ending(&observation).ends_with("which then closed the connection"), "{}", ending(&observation));
    let port = server(|mut stream| async move {
        stream.write_all(b"220 mail.test\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let observation = play(port, PATIENT, steps).await;
    assert_eq!(observation.text("outcome"), Some("reset"));
    assert!(ending(&observation).starts_with("step 3: expected a line"), "{}", ending(&observation));
    assert!(ending(&observation).ends_with("reset the connection"), "{}", ending(&observation));
}

#[tokio::test]
async fn what_came_too_early_is_left_to_the_next_step_and_segments_are_no_lines() {
    let port = says(&["one\r\ntwo\r\nthree\r\n"]).await;
    let steps: &[&[_]] = &[&[("expect", "one")], &[("matches", "^two$")], &[("expect", "three")]];
    let observation = play(port, PATIENT, steps).await;
    assert_eq!(observation.text("outcome"), Some("connected"));
    assert_eq!(count(&observation, "dialogue.early"), Some(0), "nothing was sent in between");
    assert_eq!(cell(&observation, 2, "received"), Some("two".into()));
    let pieces = server(|mut stream| async move {
        for piece in ["22", "0 rea", "dy\r", "\n25", "0 fine\r\n"] {
            stream.write_all(piece.as_bytes()).await.unwrap();
            // A segment of its own: what is tested is that it goes on in the next one.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    let observation = play(pieces, PATIENT, &[&[("expect", "220 ready")], &[("matches", "^250 fine$")]]).await;
    assert_eq!(observation.text("outcome"), Some("connected"));
}

/// `250` is also in the rest of the answer before.
#[tokio::test]
async fn an_answer_that_came_before_its_question_is_counted() {
    let port = says(MAIL).await;
    let first: [&[_]; 3] = [&[("expect", "220")], EHLO, &[("expect", "250")]];
    let rcpt: [&[_]; 2] = [&[("send", "RCPT TO:<x@mail.test>\r\n")], &[("expect", "250")]];
    let observation = play(port, PATIENT, &[&first[..], &rcpt[..]].concat()).await;
    assert_eq!((observation.text("outcome"), count(&observation, "dialogue.early")), (Some("connected"), Some(1)));
    let note = &observation.notes()[0];
    assert!(note.starts_with("step 5: \"250-SIZE 100\" had come before the last `send`"), "{note}");
    // A greeting that is there before anything is sent is no answer of anything.
    let port = says(&["220 mail.test\r\n", "250 fine\r\n"]).await;
    let steps = vec![step(EHLO), step(&[("expect", "220")]), step(&[("expect", "250")])];
    let dialogue = Dialogue::from_args(&args(port, PATIENT, steps, &[])).unwrap().unwrap();
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect(peer).await.unwrap();
    stream.readable().await.unwrap();
    let exchange = dialogue.play(&mut stream, peer, Duration::from_mins(1)).await;
    assert_eq!((exchange.outcome, exchange.progress.unwrap().early.len()), ("connected", 0));
}

#[tokio::test]
async fn a_flood_and_a_drip_end() {
    let flood = server(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} }).await;
    for last in [("expect", "never"), ("matches", "never"), ("close", "peer")] {
        let limit = [("limit", Arg::Number(10_000.0))];
        let observation = observe(&args(flood, PATIENT, vec![step(&[last])], &limit)).await;
        assert_eq!(observation.text("outcome"), Some("mismatch"), "{last:?}");
        assert!(observation.partial("outcome").unwrap().contains("`limit`"), "{last:?}: the right one may come yet");
        assert_eq!(observation.text("received").unwrap().len(), 10_000);
    }
    let drip = server(|mut stream| async move {
        while stream.write_all(b"x").await.is_ok() {
            // Slow enough for each to be a read of its own.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let observation = play(drip, BRIEF, &[&[("expect", "never")]]).await;
    assert_eq!((observation.text("outcome"), observation.partial("outcome")), (Some("mismatch"), None));
}

#[tokio::test]
async fn a_line_without_an_end_counts_only_when_nothing_can_follow() {
    let prompt = says(&["login: "]).await;
    let observation = play(prompt, BRIEF, &[&[("matches", "^login:")]]).await;
    assert!(ending(&observation).ends_with("a prompt is waited for with `expect`)"), "{}", ending(&observation));
    let closing = server(|mut stream| async move { stream.write_all(b"last words").await.unwrap() }).await;
    let observation = play(closing, PATIENT, &[&[("matches", "^last words$")]]).await;
    assert_eq!(observation.text("outcome"), Some("connected"));
    let observation = play(prompt, BRIEF, &[&[("expect", "^login")]]).await;
    assert!(ending(&observation).ends_with("`matches` takes a regular expression)"), "{}", ending(&observation));
}

#[tokio::test]
async fn who_takes_nothing_is_told_from_who_says_nothing() {
    let port = server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let much = "x".repeat(24 << 20);
    let observation = play(port, 0.5, &[&[("send", &much)], &[("expect", "x")]]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
    assert!(ending(&observation).contains("took no more of what is sent within 500 ms"), "{}", ending(&observation));
}

/// Steps and limits cut what a peer says, and a piece of a secret is no secret to who looks for it.
#[tokio::test]
async fn an_echo_of_a_secret_is_never_cut() {
    const SECRET: &str = "hunter22-and-more";
    let echo = server(|mut stream| async move {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            stream.write_all(&buffer[..count]).await.unwrap();
        }
    })
    .await;
    let mut redactor = Redactor::default();
    redactor.add_secret(SECRET);
    let auth = Arg::Group(Args(
        [("send", Arg::Text(Text::new(format!("AUTH {SECRET} end\r\n"), Some("AUTH *** end\r\n"))))].into(),
    ));
    for (steps, limit) in [
        (vec![step(&[("expect", "hunter")]), step(&[("expect", "22-and")]), step(&[("expect", "more")])], 1000.0),
        (vec![step(&[("expect", "never")])], 16.0),
        (vec![step(&[("matches", "never")])], 16.0),
    ] {
        let steps = [vec![auth.clone()], steps].concat();
        let observation = observe(&args(echo, BRIEF, steps.clone(), &[("limit", Arg::Number(limit))])).await;
        let rows = (2..=steps.len()).filter_map(|number| cell(&observation, number, "received"));
        let mut texts: Vec<String> = rows.map(|value| value.as_str().unwrap().to_owned()).collect();
        assert_eq!(texts.len(), steps.len() - 1);
        texts.extend(["received", "banner"].map(|fact| observation.text(fact).unwrap().to_owned()));
        texts.extend(observation.notes().iter().cloned());
        for text in texts {
            let clean = redactor.clean(&text);
            assert!(!clean.contains("hunt") && !clean.contains("22-a") && !clean.contains("more"), "{text} -> {clean}");
            assert!(clean.contains("AUTH ***"), "{text} -> {clean}");
        }
    }
}

fn hidden(field: &'static str, value: &str, shown: &str) -> Arg {
    Arg::Group(Args([(field, Arg::Text(Text::new(value, Some(shown))))].into()))
}

#[tokio::test]
async fn signs_of_a_secret_stand_for_themselves_in_a_pattern() {
    let port = says(&["session a+b(c)\r\n"]).await;
    for shown in ["^session ***$", "^session ${checks.a.b}$"] {
        let steps = vec![hidden("matches", "^session a+b(c)$", shown)];
        let observation = observe(&args(port, PATIENT, steps, &[])).await;
        assert_eq!(observation.text("outcome"), Some("connected"), "{:?}", observation.notes());
    }
}

/// What stands in the place of a secret has no digits, and a check is still called by its target.
#[test]
fn a_secret_in_hexadecimal_leaves_the_target_as_it_is() {
    let steps = vec![hidden("send_hex", "616263", "***"), hidden("expect_hex", "64 65", "64 ***")];
    let probe = crate::checks::family("tcp").unwrap().probe(&args(25, PATIENT, steps, &[])).unwrap();
    assert_eq!(probe.target(), "127.0.0.1:25");
}

#[test]
fn the_rules_between_steps_hold() {
    let refused = |steps: &[&[(&'static str, &str)]], more: Written<'_>| {
        let all = args(1, 1.0, steps.iter().map(|entries| step(entries)).collect(), more);
        let invalid = Tcp::from_args(&all).err().unwrap();
        assert_eq!(invalid.field, "dialogue");
        format!("{} | {}", invalid.message, invalid.help)
    };
    let good: &[(&str, &str)] = &[("expect", "x")];
    for (steps, says) in [
        (&[][..], "1 to 32 steps"),
        (&[&[][..]], "step 1: it does nothing"),
        (&[good, &[("expect", "x"), ("send", "y")]], "step 2: it has expect and send at once"),
        (&[&[("expect", "")]], "step 1: it is empty"),
        (&[good, &[("send_hex", "0")]], "step 2: `0` is not hexadecimal"),
        (&[&[("matches", "(")]], "`(` is not a regular expression"),
        (&[&[("matches", ".*")]], "`.*` matches anything"),
        (&[&[("expect", "x"), ("unless", "y")]], "beside `matches`"),
        (&[&[("close", "peer")], good], "nothing can follow `close: peer`"),
        (&[&[("close", "write")], &[("send", "x")]], "nothing can be sent after `close: write`"),
        (&[&[("send", "x")]], "it waits for nothing"),
        (&[good; 33], "1 to 32 steps, and this one 33"),
    ] {
        let told = refused(steps, &[]);
        assert!(told.contains(says), "{told}");
    }
    for more in
        [("send", text("x")), ("expect_hex", text("00")), ("banner", Arg::Bool(true)), ("half_close", Arg::Bool(true))]
    {
        assert!(refused(&[good], &[more]).contains("exclude each other | make"));
    }
    assert!(refused(&[good], &[("addresses", text("all"))]).contains("with one address"));
    let secret = Arg::Group(Args([("matches", Arg::Text(Text::new("***", Some("***"))))].into()));
    assert!(Tcp::from_args(&args(1, 1.0, vec![secret], &[])).is_ok(), "what stands for a secret is no pattern");
}
