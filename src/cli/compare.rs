//! `shakedown compare`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `compare`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing worse was found · 1 a fact changed that must not, or a check shows less than before · 2 a file \
                        cannot be read, or a run was given twice · 3 the head was interrupted or a check of it has no result, \
                        nothing could be compared (with --strict: something), or a report could not be written · 4 a metric regressed."
)]
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
