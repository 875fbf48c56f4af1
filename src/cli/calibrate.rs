//! `shakedown calibrate`.

use std::path::PathBuf;

use clap::Args;

use super::{ProgressArg, SuiteArgs};

/// Arguments of `calibrate`.
#[derive(Args, Debug)]
pub struct CalibrateArgs {
    /// Suites.
    #[command(flatten)]
    pub suites: SuiteArgs,
    /// How many runs of the unchanged target; more runs make the estimate of their spread better.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(3..=100))]
    pub runs: u32,
    /// Time between two runs. Differences from hour to hour show only if the runs are hours apart.
    #[arg(long, value_name = "T", default_value = "0s")]
    pub pause: String,
    /// The folder of baselines the noise floor is written to: `DIR/<suite>/<host-class>.noise.json`.
    #[arg(long, value_name = "DIR", default_value = "reports/baselines", env = "SHAKEDOWN_BASELINES")]
    pub dir: PathBuf,
    /// How to show progress.
    #[arg(long, value_enum, default_value_t = ProgressArg::Auto, env = "SHAKEDOWN_PROGRESS", value_name = "HOW")]
    pub progress: ProgressArg,
}
