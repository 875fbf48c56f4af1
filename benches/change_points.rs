//! How often `history` shows a change point where there is none, and finds the one there is.
//! `cargo bench --bench change_points` prints the table of `docs/history.md`; `-- --series DIR` writes the series for others.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

use std::fmt::Write as _;
use std::path::Path;

use shakedown::stats::edivisive::{self, Options};
use shakedown::stats::splitmix::SplitMix;

/// Series per cell.
const SERIES: u64 = 500;
/// The same where only is asked whether it runs.
const TRIED: u64 = 2;
/// Runs before the change, or in all where there is none.
const RUNS: usize = 40;
/// Standard deviation between runs, on the logarithmic scale.
const SPREAD: f64 = 0.04;
/// Smallest change shown.
const TOLERANCE: f64 = 0.05;

/// How runs differ although nothing changed.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Gaussian,
    /// One run in twenty is 30 % slower.
    Outliers,
    /// Autoregressive of order 1, coefficient 0.6.
    ReportCache,
}

/// A cell of the table.
struct Cell {
    name: &'static str,
    noise: Noise,
    /// Change, on the logarithmic scale; runs after it; runs after it has gone again.
    change: Option<(f64, usize, usize)>,
}

fn series(cell: &Cell, seed: u64) -> Vec<f64> {
    let mut random = SplitMix::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5bd1_e995);
    let (shift, after, gone) = cell.change.unwrap_or((0.0, 0, 0));
    let mut last = random.normal();
    (0..RUNS + after + gone)
        .map(|at| {
            let noise = match cell.noise {
                Noise::Gaussian => random.normal(),
                Noise::Outliers => random.normal() + if random.unit() <= 0.05 { 1.3_f64.ln() / SPREAD } else { 0.0 },
                Noise::ReportCache => {
                    last = 0.6 * last + 0.8 * random.normal();
                    last
                }
            };
            SPREAD * noise + if (RUNS..RUNS + after).contains(&at) { shift } else { 0.0 }
        })
        .collect()
}

/// Series per cell: `cargo bench` says `--bench`, and `cargo test --benches` does not.
fn count() -> u64 {
    if std::env::args().any(|arg| arg == "--bench") { SERIES } else { TRIED }
}

/// Share of the series with a change point (near the change, where there is one), in percent.
fn share(cell: &Cell, options: Options, tolerance: f64) -> f64 {
    let hit = |seed: &u64| {
        let values = series(cell, *seed);
        let splits = edivisive::splits(&values, &Options { seed: *seed, ..options });
        let steps = edivisive::steps(&values, &splits, |a, b| (b - a).abs(), tolerance.ln_1p());
        let near = |at: usize| cell.change.is_none() || at.abs_diff(RUNS) <= 2;
        steps.iter().any(|(split, _, _)| near(split.at))
    };
    let series_of_cell = count();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let hits: usize = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                scope.spawn(move || (0..series_of_cell).filter(|seed| seed % threads == part).filter(&hit).count())
            })
            .collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum()
    });
    hits as f64 * 100.0 / series_of_cell as f64
}

fn cells() -> Vec<Cell> {
    let none = |name, noise| Cell { name, noise, change: None };
    let after =
        |name, noise, percent: f64, runs, gone| Cell { name, noise, change: Some((percent.ln_1p(), runs, gone)) };
    vec![
        none("none, Gaussian", Noise::Gaussian),
        none("none, 5 % outliers", Noise::Outliers),
        none("none, AR(.6)", Noise::ReportCache),
        after("+10 %, 3 runs after it", Noise::Gaussian, 0.1, 3, 0),
        after("+10 %, 5 runs after it", Noise::Gaussian, 0.1, 5, 0),
        after("+10 %, 10 runs after it", Noise::Gaussian, 0.1, 10, 0),
        after("+10 % for 10 runs, then 20 without", Noise::Gaussian, 0.1, 10, 20),
        after("+10 %, 10 runs after it, 5 % outliers", Noise::Outliers, 0.1, 10, 0),
        after("+10 %, 10 runs after it, AR(.6)", Noise::ReportCache, 0.1, 10, 0),
        after("+20 %, 3 runs after it", Noise::Gaussian, 0.2, 3, 0),
        after("+5 %, 10 runs after it", Noise::Gaussian, 0.05, 10, 0),
    ]
}

/// One file per cell, one series per line, comma-separated, on the scale of the values.
fn write(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (index, cell) in cells().iter().enumerate() {
        let mut text = format!("{}\n", cell.name);
        for seed in 0..SERIES {
            let values: Vec<String> = series(cell, seed).iter().map(|value| value.exp().to_string()).collect();
            let _ = writeln!(text, "{}", values.join(","));
        }
        std::fs::write(folder.join(format!("{index:02}.csv")), text).unwrap();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--series") {
        write(Path::new(&args[at + 1]));
        return;
    }
    let with = |alpha, memory| Options { alpha, memory, ..Options::default() };
    let columns = [
        ("alpha .05, no memory", with(0.05, false)),
        ("alpha .01, no memory", with(0.01, false)),
        ("alpha .05", with(0.05, true)),
        ("alpha .01 (the default)", with(0.01, true)),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    println!("| change, noise | {} | the default, of any size |\n|---{}|---|", names.join(" | "), "|---".repeat(4));
    for cell in cells() {
        let shares = columns.iter().map(|(_, options)| share(&cell, *options, TOLERANCE));
        let all: Vec<String> =
            shares.chain([share(&cell, Options::default(), 0.0)]).map(|share| format!("{share:.1}")).collect();
        println!("| {} | {} |", cell.name, all.join(" | "));
    }
}
