//! What a run keeps does not grow with what it saw.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use super::{CliSandbox, Running};

const SAMPLES: usize = 300;
/// By then everything that is made once is made.
const EARLY: usize = 20;
/// Bytes of the document in each answer, at least.
const DOCUMENT: usize = 200_000;

/// The most memory a process has held so far, KiB.
fn peak(id: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A document that no other answer repeats.
fn document(number: usize) -> String {
    let numbers: Vec<String> = (number..).take(DOCUMENT / 7).map(|n| format!("{n:06}")).collect();
    format!("{{\"n\":{number},\"numbers\":[\"{}\"]}}", numbers.join("\",\""))
}

fn answer(stream: TcpStream, body: &str) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.get_mut().write_all((head + body).as_bytes()).unwrap();
}

/// Each sample's document is judged and dropped: 300 of them would keep a gigabyte.
#[test]
fn the_documents_of_many_samples_are_not_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    http: {{url: \"http://127.0.0.1:{}/\", timeout: 60s}}\n\
         \x20   samples: {SAMPLES}\n    budget: 1h\n    expect: {{body: {{contains: numbers}}, body.json.numbers: {{len: {{ge: 10}}}}}}\n",
        listener.local_addr().unwrap().port()
    ));
    let (tell, told) = mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut id, mut early, mut last) = (None, 0, 0);
        for number in 0..SAMPLES {
            let stream = listener.accept().unwrap().0;
            let id: i32 = *id.get_or_insert_with(|| told.recv().unwrap());
            last = peak(id);
            early = if number == EARLY { last } else { early };
            answer(stream, &document(number));
        }
        (early, last)
    });
    let run = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--json", "r.json"]));
    tell.send(run.id.as_raw()).unwrap();
    let ended = run.end();
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let (early, last) = server.join().unwrap();
    assert!(last < early * 2, "{early} KiB after {EARLY} samples, {last} KiB after {SAMPLES}");
    let facts = &sandbox.json("r.json")["checks"][0]["facts"];
    assert_eq!(
        facts["body.json"]["value"]["n"].as_u64().or_else(|| facts["body.json"]["n"].as_u64()),
        Some(SAMPLES as u64 - 1)
    );
}
