//! The worth of comparisons, by simulation: false alarms, power and coverage of what ships, beside the test benchstat
//! uses on the same rounds. `docs/statistics.md` discusses the figures.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a simulation that cannot go on should stop

mod cells;
mod confirm;
mod design;
mod noise;
mod peers;
mod print;
mod runs;
mod tally;

use std::process::ExitCode;

use clap::Parser;

/// Simulates comparisons and prints what became of them.
#[derive(Parser)]
struct Args {
    /// Comparisons per cell.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    comparisons: u32,
    /// Seed of everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End with an error when a bound is broken.
    #[arg(long)]
    check: bool,
    /// Only the part of this name.
    #[arg(long, value_parser = PARTS.map(|(name, _)| name))]
    part: Option<String>,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Comparisons per cell where only is asked whether it runs.
const TRIED: u32 = 2;

type Part = fn(tally::Effort, &mut print::Report);

const PARTS: [(&str, Part); 9] = [
    ("pairs", cells::pairs),
    ("budgets", cells::budgets),
    ("blocks", cells::blocks),
    ("tails", cells::tails),
    ("losses", cells::losses),
    ("gates", confirm::gates),
    ("sessions", runs::sessions),
    ("pinned", runs::pinned),
    ("history-gate", runs::gate),
];

fn main() -> ExitCode {
    let args = Args::parse();
    // `cargo test --benches` only asks whether it runs.
    let comparisons = if args.bench { args.comparisons } else { args.comparisons.min(TRIED) };
    let effort = tally::Effort { comparisons, seed: args.seed };
    println!("{comparisons} comparisons per cell, seed {}", args.seed);
    let mut report = print::Report::default();
    for (name, part) in PARTS {
        if args.part.as_ref().is_none_or(|wanted| wanted == name) {
            part(effort, &mut report);
        }
    }
    // Of a few comparisons no share can be held against its bound.
    if !args.bench || report.finish() || !args.check { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
