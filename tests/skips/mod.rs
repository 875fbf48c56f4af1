//! Tests that cannot run here: never in silence.

use std::io::Write as _;
use std::path::Path;

/// Ends a test that cannot run here: shown and recorded, or failed where peers are required. Always false.
pub fn skip(why: &str, remedy: &str) -> bool {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // Past the capture of the test's output: a skip is always seen.
    let _ = writeln!(std::io::stderr(), "SKIPPED {why} ({test}); {remedy}");
    record(&format!("skipped {test}: {why}"));
    let required = std::env::var_os("SHAKEDOWN_REQUIRE_PEERS").is_some_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "{why}, and SHAKEDOWN_REQUIRE_PEERS is set: {remedy}");
    false
}

/// Adds to the log of the run: one line, in one write, so that tests in parallel do not mix theirs.
pub fn record(line: &str) {
    let Some(log) = std::env::var_os("SHAKEDOWN_PEER_LOG") else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(Path::new(&log)).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
