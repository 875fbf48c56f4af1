//! `shakedown run`.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::baseline;
use super::identity::Files;
use super::loading::{self, LoadedPlan};
use super::outputs::{self, Events};
use super::signals::{ExitSender, SignalHandler};
use super::terminal::Terminal;
use crate::assess::{Assessor, References, acceptance};
use crate::baseline::host;
use crate::cli::{ProgressArg, RunArgs};
use crate::engine;
use crate::exit::{self, RunOutcome};
use crate::model::count::counted;
use crate::model::record::{Design, DesignKind, Host, Run};
use crate::model::{Event, Place, Record, Verdict, event};
use crate::plan::{Case, Plan};
use crate::probe::OpenEnds;
use crate::probe::open_ends::in_hours;
use crate::report::console;
use crate::report::fold::Fold;
use crate::report::layout::{Cell, Layout};
use crate::report::progress::{Mode, Progress};
use crate::report::redact::Redacted;

/// Events on their way to the one owner of what the user sees.
const CHANNEL: usize = 256;
/// Folders between that of a store and its files, and the files.
pub(super) const STORE_DEPTH: usize = 3;

/// Runs suites.
pub(super) async fn run(args: &RunArgs, terminal: &Terminal, exit: ExitSender) -> u8 {
    match loading::load_plan(&args.suites, terminal) {
        Some(ready) => {
            let (code, record) = execute(ready, args, terminal, exit).await;
            // The process ends: to free tables of a million rows one by one would only take time.
            std::mem::forget(record);
            code
        }
        None => exit::USAGE,
    }
}

/// Runs a plan; returns the exit code and the record.
pub(super) async fn execute(
    ready: LoadedPlan,
    args: &RunArgs,
    terminal: &Terminal,
    exit: ExitSender,
) -> (u8, Option<Record>) {
    let shown = terminal.clone();
    let host = host::describe();
    let taken = outputs::stdout_taken(&args.output, args.events.as_ref());
    let ready_to_go = taken.and_then(|taken| {
        check_clashes(&ready, args, &host.class)?;
        let assessor = assessor(&ready.plan, args, &host.class)?;
        let signals = SignalHandler::listen(exit, move |line| shown.err(line));
        let runtimes =
            engine::Runtimes::start().map_err(|error| format!("cannot start threads to measure on: {error}"))?;
        Ok((taken, assessor, signals.map_err(|error| format!("cannot listen for signals: {error}"))?, runtimes))
    });
    match ready_to_go {
        Ok((stdout_taken, assessor, signals, runtimes)) => {
            let run = PreparedRun { ready, host, assessor, stdout_taken, runtimes };
            follow(run, args, terminal, &signals).await
        }
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            (exit::USAGE, None)
        }
    }
}

/// Whether every output is a file of its own, and none of those that are read.
fn check_clashes(ready: &LoadedPlan, args: &RunArgs, host_class: &str) -> Result<(), String> {
    let mut files = Files::new();
    ready.read_by(&mut files);
    if let Some(report) = &args.suites.failed_from {
        files.reads("--failed-from", report);
    }
    if let Some(from) = &args.suites.baseline {
        files.reads_below("--baseline", from, STORE_DEPTH);
    }
    outputs::named(&mut files, &args.output, args.events.as_ref());
    if let Some(dir) = &args.save_baseline {
        for suite in &ready.plan.suites {
            files.updates("--save-baseline", &crate::baseline::baseline_file(dir, &suite.name, host_class)?);
        }
    }
    files.check()
}

/// Everything settled before the first packet.
struct PreparedRun {
    ready: LoadedPlan,
    host: Host,
    assessor: Assessor,
    stdout_taken: bool,
    runtimes: engine::Runtimes,
}

async fn follow(
    run: PreparedRun,
    args: &RunArgs,
    terminal: &Terminal,
    signals: &SignalHandler,
) -> (u8, Option<Record>) {
    let PreparedRun { ready, host, assessor, stdout_taken, runtimes } = run;
    let LoadedPlan { plan, seed, mut redactor, sources, found: files, files: _, rerun_of } = ready;
    let plan = Arc::new(plan);
    let style = if stdout_taken { terminal.style_err() } else { terminal.style() };
    let say = |text: &str| if stdout_taken { terminal.err(text) } else { terminal.out(text) };
    let targets: Vec<String> = plan.cases.iter().map(|case| case.subject().probe.target()).collect();
    let cells = plan.cases.iter().zip(&targets);
    let layout = Layout::of(cells.map(|(case, target)| cell(case, target)), style.width);
    let settings = engine::Settings { runtimes, ..settings(args, seed) };
    let (sender, mut receiver) = mpsc::channel(CHANNEL);
    let (start, captured, found) = (settings.start, Arc::clone(&settings.captured), Arc::clone(&settings.found));
    let opening = started(&plan, args, host, (settings.wall, seed), (assessor.vanished(&plan), rerun_of));
    let notices = both_references(&plan, args) + &assessor.notices(&plan);
    let stop = signals.stop.clone();
    let work = tokio::spawn(engine::run(Arc::clone(&plan), Arc::new(assessor), settings, stop, sender));
    let mut fold = Fold::default();
    let mut events = Events::open(args.events.as_ref());
    let mut progress = Progress::new(mode(args.progress));
    say(&redactor.clean(&(files + &plan.notice() + &open_ended(&plan, &signals.stop.open_ends) + &notices)));
    let opening = Redacted::new(opening, &redactor);
    for_all(&opening, &mut events, &mut progress);
    fold.push(opening);
    while let Some(event) = receiver.recv().await {
        captured.take_fresh().iter().for_each(|secret| redactor.add_secret(secret));
        let event = Redacted::new(event, &redactor);
        for_all(&event, &mut events, &mut progress);
        if let Some(line) = attempt_line(event.event(), (&plan, &found), &layout).filter(|_| style.verbose) {
            progress.suspend(|| say(&redactor.clean(&line)));
        }
        if let Event::CheckFinished { record, .. } = event.event()
            && !(args.quiet && matches!(record.verdict, Verdict::Passed | Verdict::Skipped))
        {
            let line = format!("{}\n", console::line(record, &layout, style));
            progress.suspend(|| say(&line));
        }
        fold.push(event);
    }
    let engine_lost = work.await.is_err();
    let ending = Event::RunFinished { duration_s: start.elapsed().as_secs_f64(), signal: signals.signal() };
    let ending = Redacted::new(ending, &redactor);
    for_all(&ending, &mut events, &mut progress);
    fold.push(ending);
    let missing = fold.missing();
    let Some(record) = fold.finish() else { return (exit::INCOMPLETE, None) };
    let lines = |place: &Place| sources.line_text(place).map(|text| redactor.clean(text));
    // The summary has the exit code, which is another one where a report could not be written.
    let mut lost = outputs::write(&record, &args.output, terminal);
    lost.extend(events.lost);
    if engine_lost || missing > 0 {
        let cases = counted(missing, "case");
        lost.push(format!("the engine ended early, and {cases} got no record; this is a defect of shakedown"));
    }
    let kept = keep(&record, args);
    let (kept, unkept) = kept.map_or_else(|why| (Vec::new(), Some(why)), |lines| (lines, None));
    lost.extend(unkept);
    say(&(console::ending(&record, &layout, &lines, !lost.is_empty(), style) + &kept.concat()));
    for line in &lost {
        terminal.err(&redactor.clean(&format!("error: {line}\n")));
    }
    (exit::code(RunOutcome::of(&record, !lost.is_empty())), Some(record))
}

/// Accepts the run as baseline, if it is to be; returns what to say of it, or why it could not be written.
fn keep(record: &Record, args: &RunArgs) -> Result<Vec<String>, String> {
    let Some(dir) = args.save_baseline.as_deref() else { return Ok(Vec::new()) };
    if acceptance::regressed(record) {
        let why = "no baseline saved: a metric regressed; if that is the new normal, use `shakedown baseline accept`\n";
        return Ok(vec![why.to_owned()]);
    }
    baseline::save(record, dir, false).map_err(|problem| problem.to_string())
}

/// What must be told to whoever is to end a check.
fn open_ended(plan: &Plan, open_ends: &OpenEnds) -> String {
    let open = plan.cases.iter().filter(|case| case.is_listed() && case.subject().probe.is_open_ended());
    let names: Vec<String> = open.map(|case| format!("{}/{}", case.suite, case.id)).collect();
    if names.is_empty() {
        return String::new();
    }
    let longest = in_hours(open_ends.longest());
    format!("watching until Ctrl-C (SIGINT or SIGTERM), at most {longest}: {}\n", names.join(", "))
}

/// A check is held against one thing: who gave two must know which.
fn both_references(plan: &Plan, args: &RunArgs) -> String {
    let paired = plan.paired();
    if paired == 0 || args.suites.baseline.is_none() {
        return String::new();
    }
    let checks = counted(paired, "check");
    format!("{checks} paired by --against: compared between the arms only, not with --baseline\n")
}

/// The line of an attempt that was not the last one of its case.
fn attempt_line(event: &Event, (plan, found): (&Plan, &engine::FoundCases), layout: &Layout) -> Option<String> {
    let Event::AttemptEnded { index, attempt, verdict, reason } = event else { return None };
    let found = found.get(*index);
    let case = found.as_deref().or_else(|| plan.cases.get(*index))?;
    let target = case.subject().probe.target();
    let line = console::attempt(cell(case, &target), (*attempt, *verdict), reason.as_deref(), layout);
    Some(format!("{line}\n"))
}

/// A case of the plan as the columns of its line see it.
fn cell<'c>(case: &'c Case, target: &'c str) -> Cell<'c> {
    Cell { suite: &case.suite, id: &case.id, family: case.family.name, target, netns: case.netns.as_deref() }
}

fn for_all(event: &Redacted, events: &mut Events, progress: &mut Progress) {
    events.event(event);
    progress.event(event);
}

/// The assessor and the baselines it compares with. A store that cannot be read is an error before anything is sent.
fn assessor(plan: &Plan, args: &RunArgs, host_class: &str) -> Result<Assessor, String> {
    // The first run of all has nothing to read where it is going to write.
    let first = |from: &PathBuf| args.save_baseline.as_ref() == Some(from) && !from.exists();
    let references = match &args.suites.baseline {
        Some(from) if !first(from) => Some(References::read(from, plan, host_class)?),
        _ => None,
    };
    Ok(Assessor::new(plan, references))
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
        deadline: args.deadline,
        runtimes: engine::Runtimes::default(),
        captured: Arc::default(),
        found: Arc::default(),
    }
}

fn started(
    plan: &Plan,
    args: &RunArgs,
    host: Host,
    (wall, seed): (Timestamp, u64),
    (vanished, rerun_of): (Vec<String>, Option<String>),
) -> Event {
    let (rounds, warm_up) = plan.rounds();
    let run = Run {
        id: format!("{:x}-{:x}", wall.as_microsecond(), std::process::id()),
        started: format!("{wall:.3}"),
        labels: args.labels.iter().cloned().collect(),
        deadline_s: args.deadline.map(|deadline| deadline.as_secs_f64()),
        overrides: [args.suites.overrides(), args.journal.words()].concat(),
        strict: args.strict,
        vanished,
        deselected: plan.left_out_by_selection(),
        rerun_of,
        ..Run::default()
    };
    Event::RunStarted {
        schema: event::SCHEMA,
        run: Box::new(run),
        host: Box::new(host),
        design: Box::new(Design {
            kind: if plan.paired() > 0 { DesignKind::Interleaved } else { DesignKind::Single },
            seed,
            rounds,
            warm_up,
            against: args.suites.against.iter().cloned().collect(),
            baseline: args.suites.baseline.as_ref().map(|from| from.display().to_string()),
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
