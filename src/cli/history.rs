//! Arguments of `history`.

use std::path::PathBuf;

use clap::Args;

use crate::plan::Glob;

/// Arguments of `history`.
#[derive(Args, Clone, Debug, Default)]
pub struct HistoryArgs {
    /// Folders of reports (every `*.json` below them) or reports [default: reports/runs].
    #[arg(value_name = "DIR|REPORT.json")]
    pub paths: Vec<PathBuf>,
    /// Only this suite (repeatable).
    #[arg(long = "suite", value_name = "S")]
    pub suites: Vec<String>,
    /// Only cases whose id matches (repeatable).
    #[arg(long = "check", value_name = "GLOB")]
    pub checks: Vec<Glob>,
    /// Only metrics whose name matches (repeatable).
    #[arg(long = "metric", value_name = "GLOB")]
    pub metrics: Vec<Glob>,
    /// Only the newest runs of each series; never more than 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub last: Option<u16>,
    /// Runs of this class of hosts, or `all` [default: this host's if a run has it, else the newest run's].
    #[arg(long, value_name = "CLASS|all")]
    pub host_class: Option<String>,
    /// Draw with ASCII only [default: when the locale is not UTF-8].
    #[arg(long)]
    pub ascii: bool,
    /// Build or update an index, so that unchanged reports are not read again. It may be removed at any time.
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,
    /// Write all of it as JSON (`shakedown schema history`); `-` is stdout.
    #[arg(long, value_name = "F")]
    pub json: Option<PathBuf>,
    /// Write CSV files and otava.yaml for Apache Otava into this folder.
    #[arg(long, value_name = "DIR")]
    pub otava: Option<PathBuf>,
    /// Write Go benchmark text, for benchstat; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub gobench: Option<PathBuf>,
    /// Write the newest run in Bencher Metric Format; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub bencher: Option<PathBuf>,
    /// Write the newest run as OpenMetrics text; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub openmetrics: Option<PathBuf>,
}
