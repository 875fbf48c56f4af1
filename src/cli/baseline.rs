//! The command line of `baseline`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::model::Glob;

/// The commands of the store.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Accept runs as baselines: `DIR/<suite>/<host-class>.json`, the last 30 of each. Only this and `run --save-baseline`
    /// add runs.
    Accept(AcceptArgs),
    /// The baselines of a store; `*` marks those for hosts like this one.
    List(ListArgs),
    /// The metrics of a suite: typical value, spread from run to run, newest and pinned value.
    Show(ShowArgs),
    /// Remove a run, or all of them.
    Rm(RmArgs),
    /// Pin a run: later runs are also compared with it, and it is never dropped for being old.
    Pin(PinArgs),
}

/// Where the store is.
#[derive(Args, Clone, Debug)]
pub struct StoreArgs {
    /// The folder of baselines.
    #[arg(long, value_name = "DIR", default_value = "reports/baselines", env = "SHAKEDOWN_BASELINES")]
    pub dir: PathBuf,
}

/// A baseline: a suite on a class of hosts.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// The suite's name.
    pub suite: String,
    /// The class of hosts [default: that of this host].
    #[arg(long, value_name = "CLASS")]
    pub host_class: Option<String>,
    /// Store.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Arguments of `baseline accept`.
#[derive(Args, Debug)]
pub struct AcceptArgs {
    /// Reports made with `run --json`, accepted in order of their start. Runs that are in the store already, or older than
    /// all it keeps, are skipped and counted. Interrupted runs, and those in which a check failed, warned, or could not be
    /// measured, are refused (exit code 2); files that cannot be read or written are named (3). The others are accepted.
    #[arg(required = true, value_name = "REPORT")]
    pub reports: Vec<PathBuf>,
    /// Store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Pin the newest of them.
    #[arg(long)]
    pub pin: bool,
}

/// Arguments of `baseline list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Write it as JSON; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub json: Option<PathBuf>,
}

/// Arguments of `baseline show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Baseline.
    #[command(flatten)]
    pub one: BaselineArgs,
    /// Only checks whose case id matches.
    #[arg(long, value_name = "GLOB")]
    pub check: Option<Glob>,
    /// Write it as JSON; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub json: Option<PathBuf>,
}

/// Arguments of `baseline rm`.
#[derive(Args, Debug)]
pub struct RmArgs {
    /// Baseline.
    #[command(flatten)]
    pub one: BaselineArgs,
    /// The run to remove.
    #[arg(long, value_name = "ID", required_unless_present = "all")]
    pub run: Option<String>,
    /// Remove the file with all of its runs, including the pinned one.
    #[arg(long, conflicts_with = "run")]
    pub all: bool,
}

/// Arguments of `baseline pin`.
#[derive(Args, Debug)]
pub struct PinArgs {
    /// Baseline.
    #[command(flatten)]
    pub one: BaselineArgs,
    /// The run to pin, as `baseline show` names it.
    #[arg(value_name = "RUN_ID", required_unless_present = "none")]
    pub run: Option<String>,
    /// Pin no run.
    #[arg(long, conflicts_with = "run")]
    pub none: bool,
}
