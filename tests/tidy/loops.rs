//! Loops that read until a deadline: a timer alone does not end one whose stream is always ready.

use std::fs;

use super::must_be_empty;
use super::source::{code, is_test_file, shown, sources};

/// Where each turn of the loop has an end of its own.
const OWN_END: &[&str] = &["src/guard/process.rs", "src/net/deadline.rs"];

#[test]
fn loops_that_read_meet_their_deadline() {
    let mut problems = Vec::new();
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        if OWN_END.contains(&shown(&path).as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        problems.extend(timers_in_loops(&code(&text)).map(|line| format!("{}:{line}", shown(&path))));
    }
    must_be_empty(
        &problems,
        "a timer inside of `loop` is looked at only while nothing is ready: use `net::Deadline`, made before the loop",
    );
}

/// Where a timer is not the patience with a peer: budgets of the guard and of commands, goodbyes, loads on threads of their own,
/// streams that keep a schedule.
const OTHER_TIMERS: &[&str] = &[
    "src/net/deadline.rs",
    "src/checks/tls/load/connection.rs",
    "src/checks/failover/stream.rs",
    "src/checks/udp/exchange.rs",
    "src/proto/tls/handshake.rs",
    "src/checks/throughput/client.rs",
    "src/checks/dns/transport/quic.rs",
];

#[test]
fn patience_is_kept_in_one_place() {
    let mut problems = Vec::new();
    for path in sources("src").into_iter().filter(|path| !is_test_file(path)) {
        let shown = shown(&path);
        let looks = ["src/net/", "src/proto/", "src/checks/"].iter().any(|room| shown.starts_with(room));
        if !looks || OTHER_TIMERS.contains(&shown.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let timers = code(&text).into_iter().take_while(|line| !line.contains("mod tests")).enumerate();
        let timers = timers.filter(|(_, line)| {
            [" timeout(", "time::timeout(", "timeout_at("].iter().any(|timer| line.contains(timer))
        });
        problems.extend(timers.map(|(number, _)| format!("{shown}:{}", number + 1)));
    }
    must_be_empty(
        &problems,
        "a bare timer says `timeout` for what arrived while this process was away, and runs on while this side waits for its turn to dial: use `net::deadline`",
    );
}

/// Lines, from 1, with a timer of the whole loop inside of it.
fn timers_in_loops(lines: &[String]) -> impl Iterator<Item = usize> {
    let mut blocks: Vec<bool> = Vec::new();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if line.contains("timeout_at(") && blocks.contains(&true) {
            found.push(number + 1);
        }
        let mut before = String::new();
        for c in line.chars() {
            match c {
                '{' => blocks.push(before.trim_end().ends_with("loop")),
                '}' => drop(blocks.pop()),
                _ => {}
            }
            before.push(c);
        }
    }
    found.into_iter()
}

#[test]
fn the_old_shape_is_found() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let old = "fn f() {\n    let x = loop {\n        match timeout_at(end, read()).await {\n            _ => {}\n        }\n    };\n}";
    assert_eq!(timers_in_loops(&lines(old)).collect::<Vec<_>>(), [3]);
    let new =
        "fn f() {\n    loop {\n        deadline.wait(read()).await;\n    }\n    timeout_at(end, write()).await\n}";
    assert_eq!(timers_in_loops(&lines(new)).count(), 0);
}
