//! `shakedown calibrate`: the same target again and again, to learn how much runs differ that should not.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::identity::Files;
use super::loading::{self, LoadedPlan};
use super::run;
use super::signals::{ExitSender, SignalHandler};
use super::terminal::Terminal;
use crate::baseline::host;
use crate::baseline::noise::Noise;
use crate::cli::{CalibrateArgs, RunArgs};
use crate::exit::{self, RunOutcome};
use crate::model::Unit;
use crate::model::quantity;
use crate::model::reduced::Report;
use crate::report::atomic;

/// Runs, and writes the noise floor; nothing is written unless every run held.
pub(super) async fn calibrate(args: &CalibrateArgs, terminal: &Terminal, exit: ExitSender) -> u8 {
    let pause = match pause(&args.pause) {
        Ok(pause) => pause,
        Err(why) => {
            terminal.err(&format!("error: --pause {}: {why}\n", args.pause));
            return exit::USAGE;
        }
    };
    if !args.suites.against.is_empty() || args.suites.baseline.is_some() {
        terminal.err("error: a calibration compares a target with itself: leave out --against and --baseline\n");
        return exit::USAGE;
    }
    let mut runs: Vec<Report> = Vec::new();
    for number in 1..=args.runs {
        if number > 1
            && let Some(code) = waited(pause, &exit, terminal).await
        {
            return code;
        }
        // Each run is planned anew, as it would be on another day; only the seed's order of targets could differ.
        let Some(ready) = loading::load_plan(&args.suites, terminal) else { return exit::USAGE };
        if let Err(why) = check_clashes(&ready, &args.dir) {
            terminal.err(&format!("error: {why}\n"));
            return exit::USAGE;
        }
        terminal.err(&format!("run {number} of {}\n", args.runs));
        let run_args =
            RunArgs { suites: args.suites.clone(), progress: args.progress, quiet: true, ..RunArgs::default() };
        match run::execute(ready, &run_args, terminal, exit.clone()).await {
            (exit::OK, Some(record)) => runs.push(Report::from(&record)),
            (code, _) => {
                terminal.err("error: nothing was calibrated: a run did not hold\n");
                return code.max(exit::FAILED);
            }
        }
    }
    write(&runs, args, terminal)
}

/// Whether the noise floor replaces nothing that is read.
fn check_clashes(ready: &LoadedPlan, dir: &Path) -> Result<(), String> {
    let mut files = Files::new();
    ready.read_by(&mut files);
    let class = host::describe().class;
    for suite in &ready.plan.suites {
        files.writes("--dir", &crate::baseline::noise_file(dir, &suite.name, &class)?);
    }
    files.check()
}

/// Waits; the exit code when that is the end of the calibration.
async fn waited(pause: Duration, exit: &ExitSender, terminal: &Terminal) -> Option<u8> {
    let shown = terminal.clone();
    let signals = match SignalHandler::listen(exit.clone(), move |line| shown.err(line)) {
        Ok(signals) => signals,
        Err(error) => {
            terminal.err(&format!("error: cannot listen for signals: {error}\n"));
            return Some(exit::INCOMPLETE);
        }
    };
    tokio::select! {
        () = tokio::time::sleep(pause) => None,
        () = signals.stop.soft.cancelled() => Some(exit::code(RunOutcome { signal: signals.signal(), ..RunOutcome::default() })),
    }
}

fn pause(text: &str) -> Result<Duration, String> {
    let seconds = quantity::parse(text, Unit::Seconds)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "write a length of time, such as 30s".to_owned())
}

fn write(runs: &[Report], args: &CalibrateArgs, terminal: &Terminal) -> u8 {
    let noises = Noise::of(runs);
    if noises.is_empty() {
        terminal.err("error: nothing was calibrated: no check measured anything in three runs or more\n");
        return exit::INCOMPLETE;
    }
    let mut code = exit::OK;
    for noise in &noises {
        terminal.out(&table(noise));
        match written(noise, &args.dir) {
            Ok(path) => terminal.out(&format!("noise floor: {}\n", path.display())),
            Err(why) => {
                terminal.err(&format!("error: {why}\n"));
                code = exit::INCOMPLETE;
            }
        }
    }
    code
}

fn written(noise: &Noise, dir: &Path) -> Result<PathBuf, String> {
    let path = noise.file(dir)?;
    let folder = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    match atomic::write(&path, |out| out.write_all(noise.text().as_bytes())) {
        Ok(()) => Ok(path),
        Err(error) => Err(format!("cannot write {}: {error}", path.display())),
    }
}

fn table(noise: &Noise) -> String {
    let mut out = format!("\n{}: the smallest change that a comparison would show (MDE)\n", noise.suite);
    let wide = noise.metrics.keys().map(String::len).max().unwrap_or(0);
    let _ = writeln!(out, "{:wide$}  {:>19}  {:>10}", "metric", "--against, 10 pairs", "--baseline");
    for (name, metric) in &noise.metrics {
        let share = |least: Option<f64>| least.map_or_else(|| "-".to_owned(), |least| format!("{:.1}%", least * 100.0));
        let (pairs, between) = (share(metric.detectable(Some(10))), share(metric.detectable(None)));
        let _ = writeln!(out, "{name:wide$}  {pairs:>19}  {between:>10}");
    }
    out
}
