//! A page is played: its files are written, its commands run, its claims and the output it shows held against what happened.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use regex::Regex;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::claims::Claims;
use super::page::{Block, Page, Role};
use super::web::Issued;
use super::world::World;

/// A folder for a page, and the servers around it.
pub struct Stage<'a> {
    runtime: &'a Runtime,
    issued: &'a Issued,
    folder: tempfile::TempDir,
}

/// What a command came to.
struct Ran {
    code: i32,
    output: String,
}

impl<'a> Stage<'a> {
    pub fn new(runtime: &'a Runtime, issued: &'a Issued) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_shakedown"), bin.join("shakedown")).unwrap();
        let stage = Self { runtime, issued, folder };
        stage.script("bin/ssh", super::world::SSH);
        for (name, text) in issued.files() {
            std::fs::create_dir_all(stage.work()).unwrap();
            std::fs::write(stage.work().join(name), text).unwrap();
        }
        stage
    }

    /// Where the commands run.
    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn script(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Everything that is not as the page says. With `update` its output is written anew.
    pub fn play(&self, page: &mut Page, update: bool) -> Vec<String> {
        let (mut wrong, mut anew) = (Vec::new(), Vec::new());
        for block in page.blocks.clone() {
            let lines = page.lines(&block);
            match &block.role {
                Role::File(name) => {
                    let path = self.work().join(name);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, lines.join("\n") + "\n").unwrap();
                }
                Role::Run(claims) => {
                    let (shown, problems) = self.console(claims, &lines);
                    wrong.extend(problems.into_iter().map(|what| format!("line {}: {what}", block.lines.start)));
                    if plain(&shown) != plain(&lines) {
                        if update {
                            anew.push((block, shown));
                        } else if !claims.varies {
                            let (shown, lines) = (shown.join("\n"), lines.join("\n"));
                            wrong.push(format!("line {}: shows\n{lines}\n--- but it is\n{shown}", block.lines.start));
                        }
                    }
                }
                Role::Pipeline(claims) => {
                    let commands: Vec<String> = lines.iter().filter_map(|line| called(line)).collect();
                    assert!(!commands.is_empty(), "line {}: no call of shakedown", block.lines.start);
                    wrong.extend(self.commands(claims, &commands, block.lines.start));
                }
                Role::Probes(claims) => {
                    for (at, line) in lines.iter().enumerate() {
                        wrong.extend(self.commands(claims, &in_last_column(line), block.lines.start + at));
                    }
                }
                Role::Checks(claims) => {
                    for (at, line) in lines.iter().enumerate() {
                        let check = in_last_column(line).join("\n    ");
                        let suite = format!("version: 1\nsuite: row\nchecks:\n  - id: row\n    {check}\n");
                        std::fs::write(self.work().join("row.yaml"), suite).unwrap();
                        let run = ["shakedown run row.yaml".to_owned()];
                        wrong.extend(self.commands(claims, &run, block.lines.start + at));
                    }
                }
            }
        }
        if !page.in_part {
            wrong.extend(self.first(page));
        }
        if !anew.is_empty() {
            rewrite(page, &anew);
        }
        wrong
    }

    /// The commands of the first sentences that no block runs: probes by hand. With all well, they hold.
    fn first(&self, page: &Page) -> Vec<String> {
        let run = page.run_commands();
        let claims = Claims::parse("well; exit: 0").unwrap();
        let left = page.first_commands().into_iter().filter(|(_, command)| !run.contains(command));
        left.flat_map(|(at, command)| {
            let pipeline = page.text.lines().any(|line| called(line).as_ref() == Some(&command));
            if pipeline { Vec::new() } else { self.commands(&claims, &[command], at - 1) }
        })
        .collect()
    }

    fn commands(&self, claims: &Claims, commands: &[String], at: usize) -> Vec<String> {
        let lines: Vec<String> = commands.iter().map(|command| format!("$ {command}")).collect();
        let (shown, problems) = self.console(claims, &lines);
        let shown = shown.join("\n");
        problems.into_iter().map(|what| format!("line {}: {what}\n{shown}", at + 1)).collect()
    }

    /// Runs a console block; the lines it should show, and what is not as claimed.
    fn console(&self, claims: &Claims, lines: &[String]) -> (Vec<String>, Vec<String>) {
        let commands: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
        let changes = commands.iter().any(|command| command.starts_with('#'));
        let mut world = self.world(if changes { "well" } else { &claims.state });
        let (mut shown, mut codes, mut output, mut report) = (Vec::new(), Vec::new(), String::new(), None);
        for command in commands {
            shown.push(format!("$ {command}"));
            if command.starts_with('#') {
                drop(world);
                world = self.world(&claims.state);
                continue;
            }
            let ran = self.run(&world, command, codes.last().copied().unwrap_or_default());
            shown.extend(ran.output.lines().map(|line| line.trim_end().to_owned()));
            if !command.starts_with("echo ") {
                codes.push(ran.code);
                report = self.report(command).or(report);
                output = ran.output;
            }
        }
        let wrong = claims.wrong(&codes, &output, report.as_ref());
        (shown, wrong)
    }

    fn world(&self, state: &str) -> World<'_> {
        World::start(self.runtime, self.issued, state, self.folder.path())
    }

    fn run(&self, world: &World<'_>, command: &str, before: i32) -> Ran {
        let path =
            format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let out = std::fs::File::create(self.folder.path().join("output")).unwrap();
        let script = format!("(exit {before})\n{command}\n");
        let mut shell = Command::new(&world.wrapper[0]);
        shell.args(&world.wrapper[1..]).args(["sh", "-c", &script]).current_dir(self.work()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHAKEDOWN_")) {
            shell.env_remove(name);
        }
        shell.env_remove("CI").env_remove("COLUMNS").env("PATH", path).env("PAGES_FOLDER", self.folder.path());
        shell.env("SHAKEDOWN_JOURNAL", self.folder.path().join("journal"));
        shell.env("SHAKEDOWN_JSON", self.folder.path().join("report.json")).envs(world.environment.iter().copied());
        let status = shell.stdout(out.try_clone().unwrap()).stderr(out).status().unwrap();
        let output = std::fs::read_to_string(self.folder.path().join("output")).unwrap();
        Ran { code: status.code().unwrap_or(-1), output }
    }

    /// The report of a run: where the command says, or else where it was told to.
    fn report(&self, command: &str) -> Option<Value> {
        let named = command.split(" --json ").nth(1).and_then(|rest| rest.split(' ').next());
        let path = named.map_or_else(|| self.folder.path().join("report.json"), |name| self.work().join(name));
        let text = std::fs::read(path).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// What stands between backticks in the last column of a table's row.
fn in_last_column(row: &str) -> Vec<String> {
    let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
    last.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The call of `shakedown` in a line of a job, without what a CI system puts around it.
fn called(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches("- ").trim_start_matches("run: ");
    let line = line.strip_prefix("sh '").map_or(line, |rest| rest.trim_end_matches('\''));
    line.starts_with("shakedown ").then(|| line.to_owned())
}

/// Without what differs from run to run: measured numbers, identifiers, dates, and the order of lines that run in parallel.
fn plain(lines: &[String]) -> Vec<String> {
    let rules = [
        (r"\d{4}-\d{2}-\d{2}(T[\d:.]+Z?)?", "DATE"),
        (r"\b[0-9a-f]{12,}\b|[A-Za-z0-9+/]{43}=", "ID"),
        (r"\bn=\d+", "COUNT"),
        (r"(?:[+-]?\d+(\.\d+)?) ?(ns|us|µs|ms|s|m|min|h|d|%|B|kB|MB|KiB|MiB|bit/s|/s|percentage points)\b", "N"),
        (r"[+-]?\d+(\.\d+)?%", "N"),
        (r"\b\d+\.\d+\b", "N"),
        // Which timing a passing check shows depends on which samples this host was late for.
        (r"\b[a-z_.]*(time|rtt|latency) (p\d+ )?N.*$", ""),
        (r"[▁▂▃▄▅▆▇█]+", "TREND"),
        (r"\s+", " "),
    ];
    let rules = rules.map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead));
    // An address stays what it is.
    let address = Regex::new(r"\d+\.\d+\.\d+\.\d+").unwrap();
    let mut out: Vec<String> = Vec::new();
    for line in lines {
        let kept: Vec<&str> = address.find_iter(line).map(|found| found.as_str()).collect();
        let mut text = address.replace_all(line, "ADDRESS").into_owned();
        for (pattern, instead) in &rules {
            text = pattern.replace_all(&text, *instead).into_owned();
        }
        out.push(format!("{} {}", text.trim(), kept.join(" ")));
    }
    out.sort();
    out
}

fn rewrite(page: &mut Page, anew: &[(Block, Vec<String>)]) {
    let mut lines: Vec<String> = page.text.lines().map(str::to_owned).collect();
    for (block, shown) in anew.iter().rev() {
        lines.splice(block.lines.clone(), shown.iter().cloned());
    }
    std::fs::write(&page.path, lines.join("\n") + "\n").unwrap();
}
