//! A scratch folder, the program under test, and what its report says.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{PATIENCE, within};

/// A scratch folder.
pub struct CliSandbox(tempfile::TempDir);

/// A run that has ended.
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// The JSON report.
    pub report: Value,
    /// Output for people.
    pub shown: String,
}

impl CliSandbox {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A script that commands of a suite can call.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The program under test, in this folder, without settings from outside.
    pub fn shakedown(&self, args: &[&str]) -> Command {
        self.by(&[], args)
    }

    /// The same by way of another program, such as `ip netns exec`.
    pub fn by(&self, wrapper: &[&str], args: &[&str]) -> Command {
        let words = [wrapper, &[env!("CARGO_BIN_EXE_shakedown")], args].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.folder()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SHAKEDOWN_") {
                command.env_remove(name);
            }
        }
        command.env("SHAKEDOWN_JOURNAL", self.folder().join("journal"));
        command
    }

    /// Starts a run of a suite.
    pub fn begin(&self, checks: &str, more: &[&str]) -> Child {
        self.begin_by(&[], checks, more)
    }

    fn begin_by(&self, wrapper: &[&str], checks: &str, more: &[&str]) -> Child {
        self.write("suite.yaml", &format!("version: 1\nsuite: peers\ndefaults: {{timeout: 5s}}\nchecks:\n{checks}"));
        let shown = std::fs::File::create(self.path("shown.txt")).unwrap();
        let mut command = self.by(wrapper, &["run", "suite.yaml", "--json", "report.json", "--junit", "report.xml"]);
        command.args(more).stdout(shown.try_clone().unwrap()).stderr(shown).spawn().unwrap()
    }

    /// Runs a suite to its end.
    pub fn run(&self, checks: &str, more: &[&str]) -> Ran {
        self.ended(self.begin(checks, more), PATIENCE)
    }

    /// Runs a suite in a network namespace.
    pub fn run_in(&self, netns: &str, checks: &str, more: &[&str], patience: Duration) -> Ran {
        self.ended(self.begin_by(&["ip", "netns", "exec", netns], checks, more), patience)
    }

    fn ended(&self, mut child: Child, patience: Duration) -> Ran {
        let ended = within(patience, || child.try_wait().unwrap());
        let shown = std::fs::read_to_string(self.path("shown.txt")).unwrap();
        let Some(status) = ended else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("does not end: {shown}");
        };
        let report = std::fs::read(self.path("report.json")).unwrap_or_else(|_| panic!("no report: {shown}"));
        Ran { code: status.code().unwrap_or(-1), report: serde_json::from_slice(&report).unwrap(), shown }
    }
}

impl Ran {
    /// Every check held.
    #[track_caller]
    pub fn all_held(&self) -> &Self {
        assert_eq!(self.code, 0, "{}", self.shown);
        let total = &self.report["summary"]["total"];
        assert!(total.as_u64().unwrap() > 0 && self.report["summary"]["passed"] == *total, "{}", self.shown);
        self
    }

    /// Exactly these checks, and no others, did not hold.
    #[track_caller]
    pub fn failed(&self, ids: &[&str]) -> &Self {
        assert_eq!(self.code, 1, "{}", self.shown);
        let checks = self.report["checks"].as_array().unwrap();
        let failed: Vec<&str> = checks
            .iter()
            .filter(|check| check["verdict"] == "failed")
            .map(|check| check["id"].as_str().unwrap())
            .collect();
        assert_eq!(failed, ids, "{}", self.shown);
        assert_eq!(self.report["summary"]["errored"], 0, "{}", self.shown);
        self
    }

    #[track_caller]
    fn check(&self, id: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}: {}", self.shown))
    }

    /// The verdict of a check.
    #[track_caller]
    pub fn verdict(&self, id: &str) -> &Value {
        &self.check(id)["verdict"]
    }

    /// A fact of a check, null when absent.
    #[track_caller]
    pub fn fact(&self, id: &str, name: &str) -> &Value {
        &self.check(id)["facts"][name]
    }

    /// The facts of a check that are not as expected.
    #[track_caller]
    pub fn breached(&self, id: &str) -> Vec<String> {
        let all = self.check(id)["expectations"].as_array().unwrap();
        all.iter()
            .filter(|outcome| outcome["held"] == false)
            .map(|outcome| outcome["fact"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A list of texts.
    #[track_caller]
    pub fn texts(&self, id: &str, name: &str) -> Vec<String> {
        serde_json::from_value(self.fact(id, name).clone())
            .unwrap_or_else(|_| panic!("no list {name} of {id}: {}", self.shown))
    }

    /// A number.
    #[track_caller]
    pub fn number(&self, id: &str, name: &str) -> f64 {
        self.fact(id, name).as_f64().unwrap_or_else(|| panic!("no number {name} of {id}: {}", self.shown))
    }
}

/// A table of a report as an object of rows by key, each an object by column.
pub fn rows(table: &Value) -> Value {
    let columns = table["columns"].as_array().unwrap_or_else(|| panic!("no table: {table}"));
    let row = |row: &Value| {
        let cells = columns.iter().zip(row.as_array().unwrap()).skip(1);
        let cells: Value = cells.map(|(name, cell)| (name.as_str().unwrap().to_owned(), cell.clone())).collect();
        (row[0].as_str().unwrap().to_owned(), cells)
    };
    table["rows"].as_array().unwrap().iter().map(row).collect()
}
