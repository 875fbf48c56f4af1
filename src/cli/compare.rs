//! `shakedown compare`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// The older report (or a baseline) and the newer one. One report alone: one of `run --against`, which has both sides, or with --base.
    #[arg(value_name = "REPORT", required = true, num_args = 1..=2)]
    pub reports: Vec<PathBuf>,
    /// A further report of the older side (repeatable); a verdict on a metric needs eight comparable ones.
    #[arg(long = "base", value_name = "REPORT")]
    pub bases: Vec<PathBuf>,
    /// How a fact may change, as `CHECK:FACT=RULE` with patterns (`*`, `?`): `same`, `may_grow`, `may_shrink` or `ignore`; overrides the suite's (repeatable).
    #[arg(long = "rule", value_name = "RULE")]
    pub rules: Vec<String>,
    /// Fail if a metric is inconclusive or could not be compared.
    #[arg(long)]
    pub strict: bool,
    /// Write the comparison as JSON (`shakedown schema comparison`); `-` is stdout.
    #[arg(long, value_name = "F")]
    pub json: Option<PathBuf>,
}
