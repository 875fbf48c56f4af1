//! Commands that leave marks, so that a test can tell whether and how often they ran.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shakedown::guard::{self, CommandSpec, Custody};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::OpenOptions;
use tokio::time::timeout;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_shakedown");

/// A folder of marks that commands leave.
pub struct Marks {
    folder: TempDir,
    /// A pipe that every mark is announced by. Held open, so that no command has to wait for a reader.
    _bell: File,
}

/// The name of the pipe.
const BELL: &str = "bell";

impl Marks {
    /// An empty folder; from here on this process starts the real binary as its guard.
    pub fn new() -> Self {
        real_guards();
        let folder = TempDir::new().unwrap();
        let bell = File::options().read(true).write(true).open(pipe(folder.path().join(BELL))).unwrap();
        Self { folder, _bell: bell }
    }

    /// Where mark `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How often the command that leaves mark `name` ran.
    pub fn count(&self, name: &str) -> usize {
        std::fs::read_to_string(self.path(name)).map_or(0, |text| text.lines().count())
    }

    /// That of a fault with a journal among the marks.
    #[allow(dead_code, reason = "not every test arms a guard by itself")]
    pub fn custody(&self) -> Custody {
        Custody { check: "s/x".into(), journals: vec![self.path("journal")], ..Custody::default() }
    }

    /// Files in the folder of journals.
    #[allow(dead_code, reason = "not every test looks at journals")]
    pub fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path("journal")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Waits until the command that leaves mark `name` ran so often. One wait at a time: it takes in the announcements.
    pub async fn wait(&self, name: &str, times: usize) {
        let mut bell = OpenOptions::new().read_write(true).open_receiver(self.path(BELL)).unwrap();
        let marked = async {
            while self.count(name) < times {
                bell.read_u8().await.unwrap();
            }
        };
        timeout(Duration::from_mins(1), marked).await.unwrap_or_else(|_| panic!("no mark `{name}`"));
    }

    /// A command that leaves mark `name` and goes on with `rest`.
    pub fn leave(&self, name: &str, rest: &str) -> Vec<String> {
        let (mark, bell) = (self.path(name), self.path(BELL));
        shell(&format!("echo x >> '{}'; echo >'{}'; {rest}", mark.display(), bell.display()))
    }
}

/// From here on this process starts the real binary as its guard, and journals are none of this machine's own. No test of this
/// process may leave one behind: it would stand in the way of all the others.
pub fn real_guards() {
    guard::set_program(BINARY);
    guard::journal::set_folder(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal"));
}

/// Makes a named pipe: who opens one side of it waits for the other.
pub fn pipe(path: PathBuf) -> PathBuf {
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// A script as a command.
pub fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// A command with time enough.
#[allow(dead_code, reason = "not every test has commands of its own")]
pub fn command(run: Vec<String>) -> CommandSpec {
    CommandSpec { run: run.into_iter().map(Into::into).collect(), cwd: None, timeout: Duration::from_secs(30) }
}
