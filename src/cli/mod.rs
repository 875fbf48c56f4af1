//! The command line. Help, man page, completions and `docs/cli.md` derive from it.

pub mod baseline;
mod calibrate;
mod compare;
pub mod examples;
pub mod history;
mod probe;
mod restore;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::corrections;
use crate::model::field::PATIENCE;
use crate::model::parse::parse;
pub use calibrate::CalibrateArgs;
pub use compare::CompareArgs;
pub use probe::ProbeArgs;
pub use restore::{JournalArgs, RestoreArgs};
pub use words::words;

use crate::model::{Unit, quantity};

/// Tests whether new or changed infrastructure is ready.
#[derive(Debug, Parser)]
#[command(name = "shakedown", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Say more, with any command: -v shows every expectation, all evidence and what each attempt saw; -vv every round, on stderr.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, env = "SHAKEDOWN_COLOR", value_name = "WHEN")]
    pub color: ColorChoice,
}

/// The command line, with the examples and exit codes that its help ends with.
#[must_use]
pub fn command() -> clap::Command {
    examples::add(<Cli as clap::CommandFactory>::command())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run suites.
    Run(Box<RunArgs>),
    /// Validate and print what would run, in order; sends nothing.
    Plan(PlanArgs),
    /// Render a report again from its JSON, offline.
    Report(ReportArgs),
    /// Compare two reports: facts by their rules, metrics with statistics.
    Compare(CompareArgs),
    /// Measure how much runs of an unchanged target differ, and store it as the noise floor.
    Calibrate(Box<CalibrateArgs>),
    /// The store of accepted runs that later runs are compared with.
    #[command(subcommand)]
    Baseline(baseline::BaselineCommand),
    /// Trends over a folder of reports, to look at and to export; no gate.
    History(Box<history::HistoryArgs>),
    /// Put back what a run broke on purpose and could not restore, because the machine or the guard died.
    Restore(RestoreArgs),
    /// Run one check by hand, without a suite.
    Probe(ProbeArgs),
    /// Serve throughput tests, as iperf3 -s does, but to many clients at once.
    Serve(ServeArgs),
    /// See it work: a suite against servers on loopback, without network or root.
    Demo(DemoArgs),
    /// Explain a word: a family, a fact, an operator, a key of suites, a verdict, an exit code.
    Explain(ExplainArgs),
    /// JSON Schema of a file format.
    Schema(SchemaArgs),
    /// Shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Man pages: print one, or write them all.
    Man(ManArgs),
    /// Holds a restore command and runs it when the parent vanishes.
    #[command(name = "__guard", hide = true)]
    Guard,
    /// Controls the demo lab.
    #[command(name = "__lab", hide = true)]
    Lab {
        /// Control address.
        address: std::net::SocketAddr,
        /// Words of the command.
        words: Vec<String>,
    },
}

/// Which suites, with which variables, which of their checks.
#[derive(Args, Clone, Debug)]
pub struct SuiteArgs {
    /// Suite files or folders of them [default: ./suites].
    #[arg(value_name = "SUITE|DIR")]
    pub suites: Vec<PathBuf>,
    /// Only checks with this tag (repeatable: any of them).
    #[arg(long = "tag", value_name = "T", env = "SHAKEDOWN_TAG", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No checks with this tag. One that no check has is an error; from a variable or shakedown.toml it is a note.
    #[arg(long = "skip-tag", value_name = "T", env = "SHAKEDOWN_SKIP_TAG", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Only checks whose id or case id, alone or behind `suite/`, matches this pattern: `*` is any text, `?` one character (repeatable).
    #[arg(long, value_name = "GLOB", env = "SHAKEDOWN_ONLY")]
    pub only: Vec<crate::plan::Glob>,
    /// Run again what was not well in this report (failed, not measured, regressed, or left undone), and the checks those
    /// need. A check that the suites no longer have is an error.
    #[arg(long, value_name = "REPORT")]
    pub failed_from: Option<PathBuf>,
    /// Override a variable of the suites (repeatable).
    #[arg(long = "var", value_name = "K=V", value_parser = pair)]
    pub vars: Vec<(String, String)>,
    /// Override variables from a YAML file.
    #[arg(long = "vars", value_name = "FILE", env = "SHAKEDOWN_VARS")]
    pub var_files: Vec<PathBuf>,
    /// Rounds of every check: repetitions of its measurement.
    #[arg(long, value_name = "N", env = "SHAKEDOWN_ROUNDS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// How long to wait for an unresponsive peer, for checks that do not set it; replaces `defaults.timeout`.
    #[arg(long, value_name = "T", env = "SHAKEDOWN_TIMEOUT", value_parser = patience)]
    pub timeout: Option<String>,
    /// How many checks of the same host may run at once, for checks that do not set it; replaces `defaults.per_target`.
    #[arg(long, value_name = "N", env = "SHAKEDOWN_PER_TARGET", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub per_target: Option<u32>,
    /// Compare two targets in interleaved pairs: arm `base` is the suite as written, arm `head` has this variable changed.
    /// Every measured check that names the variable is paired; the verdict is about `head`.
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub against: Vec<(String, String)>,
    /// Pairs of rounds with --against; many short rounds show more than a few long ones.
    #[arg(long, value_name = "N", default_value_t = 10, env = "SHAKEDOWN_PAIRS", value_parser = clap::value_parser!(u32).range(6..=1000))]
    pub pairs: u32,
    /// Compare the metrics with the accepted runs in a folder of baselines, or in one file.
    #[arg(long, value_name = "DIR|FILE", env = "SHAKEDOWN_BASELINE")]
    pub baseline: Option<PathBuf>,
    /// Seed for everything random, such as the order of the arms [default: from the clock, and recorded in the report].
    #[arg(long, value_name = "N", env = "SHAKEDOWN_SEED", value_parser = clap::value_parser!(u64).range(..=1 << 53))]
    pub seed: Option<u64>,
    /// Allow suites to include files from anywhere. Without it, only from their own folder, the folder given, the repository, and the nearest folder above with a shakedown.toml.
    // No variable, hence no line of shakedown.toml: that file comes with the suites.
    #[arg(long)]
    pub include_outside: bool,
    /// Allow checks that break something on purpose.
    #[arg(long, env = "SHAKEDOWN_ALLOW_DISRUPTIVE", value_parser = yes_or_no())]
    pub allow_disruptive: bool,
    /// Allow checks that ask many hosts or ports beyond this machine and its links.
    #[arg(long, env = "SHAKEDOWN_ALLOW_SCAN", value_parser = yes_or_no())]
    pub allow_scan: bool,
}

impl Default for SuiteArgs {
    /// The defaults of an empty command line.
    fn default() -> Self {
        Self {
            suites: Vec::new(),
            tags: Vec::new(),
            skip_tags: Vec::new(),
            only: Vec::new(),
            failed_from: None,
            vars: Vec::new(),
            var_files: Vec::new(),
            rounds: None,
            timeout: None,
            per_target: None,
            against: Vec::new(),
            pairs: 10,
            baseline: None,
            seed: None,
            include_outside: false,
            allow_disruptive: false,
            allow_scan: false,
        }
    }
}

impl SuiteArgs {
    /// What changes what the suites say, and what they are allowed, as words of a command line.
    #[must_use]
    pub fn overrides(&self) -> Vec<String> {
        let pair = |(name, value): &(String, String)| format!("{name}={value}");
        let mut words: Vec<(&str, String)> = Vec::new();
        words.extend(self.var_files.iter().map(|file| ("--vars", file.display().to_string())));
        words.extend(self.vars.iter().map(|var| ("--var", pair(var))));
        words.extend(self.rounds.iter().map(|rounds| ("--rounds", rounds.to_string())));
        words.extend(self.timeout.iter().map(|timeout| ("--timeout", timeout.clone())));
        words.extend(self.against.iter().map(|against| ("--against", pair(against))));
        let mut out: Vec<String> = words.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        let flags = [
            (self.include_outside, "--include-outside"),
            (self.allow_disruptive, "--allow-disruptive"),
            (self.allow_scan, "--allow-scan"),
        ];
        out.extend(flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned()));
        out
    }
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// Suites.
    #[command(flatten)]
    pub suites: SuiteArgs,
    /// Write the plan as JSON (`shakedown schema plan`) in place of the text; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub json: Option<PathBuf>,
}

/// Where reports go.
#[derive(Args, Clone, Debug, Default)]
pub struct OutputArgs {
    /// Write the JSON report; `-` is stdout.
    #[arg(long, value_name = "F", env = "SHAKEDOWN_JSON")]
    pub json: Option<PathBuf>,
    /// Write the JUnit XML report; `-` is stdout.
    #[arg(long, value_name = "F", env = "SHAKEDOWN_JUNIT")]
    pub junit: Option<PathBuf>,
    /// Dialect of JUnit.
    #[arg(long, value_enum, default_value_t = Dialect::Strict, env = "SHAKEDOWN_JUNIT_DIALECT", value_name = "DIALECT")]
    pub junit_dialect: Dialect,
    /// Draw what the probes of failover checks saw over time, as an SVG picture; `-` is stdout.
    #[arg(long, value_name = "F", env = "SHAKEDOWN_TIMELINE")]
    pub timeline: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Suites.
    #[command(flatten)]
    pub suites: SuiteArgs,
    /// Reports.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Write events as they happen, as JSON Lines; `-` is stdout.
    #[arg(long, value_name = "F", env = "SHAKEDOWN_EVENTS")]
    pub events: Option<PathBuf>,
    /// Accept this run as baseline: `DIR/<suite>/<host-class>.json`. Nothing is written when a check failed, warned, was
    /// not run though it applies, or could not be measured.
    #[arg(long, value_name = "DIR", env = "SHAKEDOWN_SAVE_BASELINE")]
    pub save_baseline: Option<PathBuf>,
    /// Checks to run in parallel [default: four per processor].
    #[arg(long, value_name = "N", env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub jobs: Option<u16>,
    /// How long the whole run may take (`10m`). Then running checks are stopped, what they changed is put back, and every
    /// check that has not ended is errored.
    #[arg(long, value_name = "T", env = "SHAKEDOWN_DEADLINE", value_parser = length_of_time)]
    pub deadline: Option<std::time::Duration>,
    /// Where journals are.
    #[command(flatten)]
    pub journal: JournalArgs,
    /// Start no further check after the first failure.
    #[arg(long, env = "SHAKEDOWN_FAIL_FAST", value_parser = yes_or_no())]
    pub fail_fast: bool,
    /// Fail the run if a comparison is inconclusive: neither a change nor its absence could be shown.
    #[arg(long, env = "SHAKEDOWN_STRICT", value_parser = yes_or_no())]
    pub strict: bool,
    /// Label for every report, such as release, change or site (repeatable).
    #[arg(long = "label", value_name = "K=V", value_parser = pair)]
    pub labels: Vec<(String, String)>,
    /// How to show progress.
    #[arg(long, value_enum, default_value_t = ProgressArg::Auto, env = "SHAKEDOWN_PROGRESS", value_name = "HOW")]
    pub progress: ProgressArg,
    /// Print only what did not pass, and the summary.
    #[arg(short, long, env = "SHAKEDOWN_QUIET", value_parser = yes_or_no())]
    pub quiet: bool,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// A report made with `run --json`; `-` is stdin.
    pub report: PathBuf,
    /// Renderings.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Address and port of the throughput server.
    #[arg(long, value_name = "A:P", default_value = "127.0.0.1:5201", env = "SHAKEDOWN_LISTEN")]
    pub listen: std::net::SocketAddr,
    /// Also echo TCP and UDP on this address and port.
    #[arg(long, value_name = "A:P", env = "SHAKEDOWN_ECHO")]
    pub echo: Option<std::net::SocketAddr>,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder for the reports.
    #[arg(long, value_name = "DIR", default_value = "reports/runs")]
    pub out: PathBuf,
    /// How to show progress.
    #[arg(long, value_enum, default_value_t = ProgressArg::Auto, value_name = "HOW")]
    pub progress: ProgressArg,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A family (tcp), a fact (`http.total_time.p95`), an operator (between), a key of suites (retries), a verdict (errored),
    /// an exit code (3) or any other word of suites and reports. Without it, the topics are listed.
    #[arg(value_name = "TOPIC", allow_hyphen_values = true)]
    pub topic: Vec<String>,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The command the page is about, such as `run` or `baseline accept`. Without it, the page of the program.
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder: shakedown.1, shakedown-run.1 and so on.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// The file format.
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// File formats with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Suite files.
    Suite,
    /// The JSON of `plan`.
    Plan,
    /// The JSON report.
    Report,
    /// Baselines.
    Baseline,
    /// Live events.
    Events,
    /// The JSON of `compare`.
    Comparison,
    /// The JSON of `history`.
    History,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On terminals, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// A bar on a terminal, else lines in CI, else nothing.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// Lines.
    Plain,
    /// Nothing.
    None,
}

/// JUnit dialects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// Validates against both common schemas.
    #[default]
    Strict,
    /// With properties, places and flaky attempts.
    Rich,
}

/// Environment variables say 1, yes or on as well as true.
fn yes_or_no() -> clap::builder::BoolishValueParser {
    clap::builder::BoolishValueParser::new()
}

/// A length of time, as the field `timeout` has it.
fn patience(text: &str) -> Result<String, String> {
    match parse(text, &PATIENCE, Path::new("")) {
        Ok(_) => Ok(text.to_owned()),
        Err(why) => {
            let meant = corrections::value(text, &PATIENCE);
            let fits = |meant: &String| parse(meant, &PATIENCE, Path::new("")).is_ok();
            let meant: Vec<String> = meant.into_iter().filter(fits).collect();
            let help = if meant.is_empty() { PATIENCE.wants() } else { meant.join(" or ") };
            Err(format!("{why}; write {help}"))
        }
    }
}

/// Longest deadline of a run, seconds.
const LONGEST_DEADLINE: f64 = 30.0 * 86_400.0;

/// A length of time with its unit, of which there is some.
fn length_of_time(text: &str) -> Result<std::time::Duration, String> {
    let seconds =
        quantity::parse(text, Unit::Seconds).map_err(|why| format!("{why}; write a length of time such as 10m"))?;
    if seconds <= 0.0 {
        return Err("nothing could be measured in no time; write a length of time such as 10m".to_owned());
    }
    if seconds > LONGEST_DEADLINE {
        return Err("longer than 30d".to_owned());
    }
    std::time::Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => {
            let name: String = text.trim_matches('=').chars().take(40).collect();
            let name = if name.is_empty() { "KEY".to_owned() } else { name.replace(':', "=") };
            let whole = if name.contains('=') { name } else { format!("{name}=VALUE") };
            Err(format!("write {whole}, with `=` between"))
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
