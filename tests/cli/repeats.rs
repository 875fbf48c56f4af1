//! Samples, retries and windows beside what a check expects.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::CliSandbox;

/// A balancer without a backend; its port, and how often it was asked.
fn overloaded() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    // It waits for clients until the tests end.
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            count.fetch_add(1, Ordering::AcqRel);
            let _ = stream.read(&mut [0; 1024]);
            let _ =
                stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (port, asked)
}

/// What users would call an outage is an answer all the same, and silence alone ends the samples of a round.
#[test]
fn samples_go_on_with_an_answer_that_means_an_outage() {
    let (port, asked) = overloaded();
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    samples: 3\n    http: {{url: \"http://127.0.0.1:{port}/\"}}\n    \
         expect: {{status: 503}}\n"
    ));
    let output = sandbox.command(&["run", "suite.yaml"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(asked.load(Ordering::Acquire), 3);
}

#[test]
fn eventually_takes_the_place_of_retries_in_defaults() {
    let suite = "version: 1\nsuite: s\ndefaults: {retries: 2}\nchecks:\n  - id: a\n    eventually: {within: 5s}\n    \
                 tcp: {host: 127.0.0.1, port: 1}\n";
    let output = CliSandbox::new(suite).command(&["plan", "suite.yaml"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("eventually: within 5 s") && !text.contains("retries"), "{text}");
}

#[test]
fn every_attempt_says_what_it_saw() {
    let (_held, port) = super::closed_port();
    let suite = format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    retries: 1\n    tcp: {{host: 127.0.0.1, port: {port}}}\n"
    );
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "-v"]);
    let line = format!("  try  a  attempt 1 failed: connection refused by 127.0.0.1:{port} (RST)");
    assert!(ended.out.contains(&line), "{}", ended.out);
    assert!(!sandbox.run(&["run", "suite.yaml"]).out.contains("  try  "));
}

/// Several checks with one cause are one block, and the command names each.
#[test]
fn one_cause_is_told_once() {
    let (_held, port) = super::closed_port();
    let check = |id: &str| format!("  - id: {id}\n    tcp: {{host: 127.0.0.1, port: {port}}}\n");
    let suite = format!("version: 1\nsuite: s\nchecks:\n{}{}", check("a"), check("b"));
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml"]);
    assert_eq!(ended.out.matches("  cause  ").count(), 1, "{}", ended.out);
    assert!(ended.out.contains("  also   ") && ended.out.contains("s  0 passed  2 FAILED"), "{}", ended.out);
    assert!(ended.out.contains("again: shakedown run suite.yaml --only a --only b"), "{}", ended.out);
}
