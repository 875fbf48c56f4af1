//! Commands that leave marks, so that a test can tell whether and how often they ran.

use std::path::PathBuf;
use std::time::Duration;

use shakedown::guard::{self, CommandSpec};
use tempfile::TempDir;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_shakedown");

/// A folder of marks that commands leave.
pub struct Marks(TempDir);

impl Marks {
    /// An empty folder; from here on this process starts the real binary as its guard.
    pub fn new() -> Self {
        guard::set_program(BINARY);
        Self(TempDir::new().unwrap())
    }

    /// Where mark `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// How often the command that leaves mark `name` ran.
    pub fn count(&self, name: &str) -> usize {
        std::fs::read_to_string(self.path(name)).map_or(0, |text| text.lines().count())
    }

    /// Waits until the command that leaves mark `name` ran so often.
    pub async fn wait(&self, name: &str, times: usize) {
        let patience = std::time::Instant::now() + Duration::from_mins(1);
        while self.count(name) < times {
            assert!(std::time::Instant::now() < patience, "no mark `{name}`");
            // Another process leaves it: there is nothing to wait for but the file.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A command that leaves mark `name` and goes on with `rest`.
    pub fn leave(&self, name: &str, rest: &str) -> Vec<String> {
        shell(&format!("echo x >> '{}'; {rest}", self.path(name).display()))
    }
}

/// A script as a command.
pub fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// A command with time enough.
pub fn command(run: Vec<String>) -> CommandSpec {
    CommandSpec { run, cwd: None, timeout: Duration::from_secs(30) }
}
