//! `shakedown compare`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// BASE HEAD: reports, or a baseline as BASE. HEAD alone: a report whose rounds carry both arms, or with --base.
    #[arg(value_name = "REPORT", required = true, num_args = 1..=2)]
    pub reports: Vec<PathBuf>,
    /// A further report of the base side; a verdict on a metric needs eight comparable ones.
    #[arg(long = "base", value_name = "REPORT")]
    pub bases: Vec<PathBuf>,
    /// Rule for a fact, as `CHECK:FACT=RULE` with globs: same, `may_grow`, `may_shrink` or ignore; overrides the suite's.
    #[arg(long = "rule", value_name = "RULE")]
    pub rules: Vec<String>,
    /// Fail if a metric is inconclusive or could not be compared.
    #[arg(long)]
    pub strict: bool,
    /// Write the comparison, schema `shakedown.comparison/1`; `-` is stdout.
    #[arg(long, value_name = "F")]
    pub json: Option<PathBuf>,
}
