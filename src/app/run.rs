//! `shakedown run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::assess::Judge;
use super::loading::{self, Ready};
use super::outputs::{self, Events};
use super::redact;
use super::signals::{Ladder, Leave};
use super::terminal::Terminal;
use crate::baseline::{host, store};
use crate::cli::{ProgressArg, RunArgs};
use crate::engine;
use crate::exit::{self, Ending};
use crate::model::record::{Design, Run};
use crate::model::{Event, Record, Verdict, event};
use crate::plan::{Case, Plan};
use crate::report::fold::Fold;
use crate::report::progress::{Mode, Progress};
use crate::report::{atomic, console};

/// Events on their way to the one owner of what the user sees.
const CHANNEL: usize = 256;

/// Runs suites.
pub(super) async fn run(args: &RunArgs, terminal: &Terminal, leave: Leave) -> u8 {
    match loading::ready(&args.suites, terminal) {
        Some(ready) => execute(ready, args, terminal, leave).await.0,
        None => exit::USAGE,
    }
}

/// Runs a plan; returns the exit code and the record.
pub(super) async fn execute(ready: Ready, args: &RunArgs, terminal: &Terminal, leave: Leave) -> (u8, Option<Record>) {
    let told = terminal.clone();
    let ready_to_go = outputs::stdout_taken(&args.output, args.events.as_ref()).and_then(|taken| {
        let ladder = Ladder::listen(leave, move |line| told.err(line));
        Ok((taken, ladder.map_err(|error| format!("cannot listen for signals: {error}"))?))
    });
    match ready_to_go {
        Ok((stdout_taken, ladder)) => follow(ready, args, terminal, &ladder, stdout_taken).await,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            (exit::USAGE, None)
        }
    }
}

async fn follow(
    ready: Ready,
    args: &RunArgs,
    terminal: &Terminal,
    ladder: &Ladder,
    stdout_taken: bool,
) -> (u8, Option<Record>) {
    let Ready { plan, seed, redactor, sources } = ready;
    let plan = Arc::new(plan);
    let style = if stdout_taken { terminal.style_err() } else { terminal.style() };
    let say = |text: &str| if stdout_taken { terminal.err(text) } else { terminal.out(text) };
    let settings = settings(args, seed);
    let (sender, mut receiver) = mpsc::channel(CHANNEL);
    let start = settings.start;
    let mut opening = started(&plan, args, settings.wall, seed);
    let stop = ladder.stop.clone();
    let work = tokio::spawn(engine::run(Arc::clone(&plan), Arc::new(judge(&plan)), settings, stop, sender));
    let mut fold = Fold::default();
    let mut events = Events::open(args.events.as_ref());
    let mut progress = Progress::new(mode(args.progress));
    say(&redactor.clean(&plan.notice()));
    redact::event(&mut opening, &redactor);
    for_all(&opening, &mut events, &mut progress);
    fold.push(opening);
    while let Some(mut event) = receiver.recv().await {
        redact::event(&mut event, &redactor);
        for_all(&event, &mut events, &mut progress);
        if let Event::CheckFinished { record, .. } = &event
            && !(args.quiet && matches!(record.verdict, Verdict::Passed | Verdict::Skipped))
        {
            let line = format!("{}\n", console::line(record, style));
            progress.around(|| say(&line));
        }
        fold.push(event);
    }
    let engine_lost = work.await.is_err();
    let ending = Event::RunFinished {
        duration_s: start.elapsed().as_secs_f64(),
        signal: ladder.signal().map(|signal| signal.word().to_owned()),
    };
    for_all(&ending, &mut events, &mut progress);
    fold.push(ending);
    let Some(record) = fold.finish() else { return (exit::INCOMPLETE, None) };
    let missing = plan.cases.len() - record.checks.len();
    let lines = |file: &str, line: usize| sources.line_text(file, line).map(|text| redactor.clean(text));
    say(&console::ending(&record, &lines, style));
    let mut lost = outputs::write(&record, &args.output, terminal);
    lost.extend(events.lost);
    if engine_lost || missing > 0 {
        lost.push(format!("the engine ended early, {missing} cases have no record; this is a defect of shakedown"));
    }
    lost.extend(baseline(&record, args.save_baseline.as_deref(), &say));
    for line in &lost {
        terminal.err(&format!("error: {line}\n"));
    }
    (exit::code(Ending::of(&record, !lost.is_empty())), Some(record))
}

fn for_all(event: &Event, events: &mut Events, progress: &mut Progress) {
    events.event(event);
    progress.event(event);
}

fn judge(plan: &Plan) -> Judge {
    let metrics = |case: &Case| case.check.family.facts.iter().filter(|fact| fact.better.is_some()).count();
    Judge { metrics: plan.cases.iter().filter(|case| case.head.is_some()).map(metrics).sum() }
}

fn settings(args: &RunArgs, seed: u64) -> engine::Settings {
    let wall = Timestamp::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    engine::Settings {
        jobs: args.jobs.map_or(cores * 4, usize::from),
        fail_fast: args.fail_fast,
        seed,
        wall,
        start: Instant::now(),
    }
}

fn started(plan: &Plan, args: &RunArgs, wall: Timestamp, seed: u64) -> Event {
    let (rounds, warm_up) = plan.rounds();
    let run = Run {
        id: format!("{:x}-{:x}", wall.as_microsecond(), std::process::id()),
        started: format!("{wall:.3}"),
        labels: args.labels.iter().cloned().collect(),
        strict: args.strict,
        ..Run::default()
    };
    Event::RunStarted {
        schema: event::SCHEMA,
        run,
        host: Box::new(host::look()),
        design: Box::new(Design {
            kind: if plan.paired() > 0 { "interleaved" } else { "single" }.into(),
            seed,
            rounds,
            warm_up,
            against: args.suites.against.iter().cloned().collect(),
            baseline: None,
        }),
        suites: plan.suites.clone(),
        total: plan.cases.len(),
    }
}

fn mode(progress: ProgressArg) -> Mode {
    match progress {
        ProgressArg::Bar => Mode::Bar,
        ProgressArg::Plain => Mode::Plain,
        ProgressArg::None => Mode::None,
        ProgressArg::Auto if Terminal::interactive() => Mode::Bar,
        ProgressArg::Auto if std::env::var_os("CI").is_some() => Mode::Plain,
        ProgressArg::Auto => Mode::None,
    }
}

/// Accepts the run as baseline when all of it held. What was not written is told.
fn baseline(record: &Record, folder: Option<&Path>, say: &impl Fn(&str)) -> Vec<String> {
    let Some(folder) = folder else { return Vec::new() };
    let counts = record.summary;
    if counts.failed + counts.errored + counts.unmet + counts.warned > 0
        || record.run.interrupted
        || exit::nothing_measured(counts)
    {
        return vec!["no baseline saved: only a run in which everything was measured and held can be one".into()];
    }
    let written: Result<Vec<PathBuf>, String> = store::accept(record, folder).and_then(|files| {
        let write = |(path, text): (PathBuf, String)| match atomic::write(&path, |out| out.write_all(text.as_bytes())) {
            Ok(()) => Ok(path),
            Err(error) => Err(format!("cannot write baseline {}: {error}", path.display())),
        };
        files.into_iter().map(write).collect()
    });
    match written {
        Ok(files) if files.is_empty() => vec!["no baseline saved: no check measured anything comparable".into()],
        Ok(files) => {
            for file in &files {
                say(&format!("baseline: {}\n", file.display()));
            }
            Vec::new()
        }
        Err(why) => vec![why],
    }
}
