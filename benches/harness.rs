//! The cost of the harness itself: per check, per sample, per judgement, per report.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use shakedown::assess::Assessor;
use shakedown::engine::{self, Settings, StopSignals};
use shakedown::model::fact::Distribution;
use shakedown::model::record::Design;
use shakedown::model::{
    Args, Better, Choice, Event, Fact, FactInfo, Fault, FieldInfo, FieldKind, Invalid, Observation, Unit,
};
use shakedown::plan::{self, Plan};
use shakedown::probe::{Cx, Family, Footprint, Probe};
use shakedown::report::fold::Fold;
use shakedown::report::redact::Redacted;
use shakedown::report::{json, junit};
use shakedown::stats::Samples;
use shakedown::suite::Redactor;
use shakedown::suite::file::{Input, Options};

const OUTCOME: Fact<Choice> = Fact::choice("outcome", &["done", "missed"], "Always the first.").expected("done");
const TIME: Fact<Distribution> = Fact::distribution("time", Unit::Seconds, Better::Lower, "Always the same.");

/// A probe that looks at nothing: what remains is the harness.
struct Idle;

impl Probe for Idle {
    const SUMMARY: &'static str = "nothing";
    const FIELDS: &'static [FieldInfo] = &[FieldInfo::required("host", FieldKind::Host, "Not looked at.")];
    const FACTS: &'static [FactInfo] = &[OUTCOME.info, TIME.info];
    const TARGET_FIELD: (&'static str, Option<&'static str>) = ("host", None);

    fn from_args(_: &Args) -> Result<Self, Invalid> {
        Ok(Self)
    }
    fn target(&self) -> String {
        "idle".to_owned()
    }
    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }
    fn longest(&self) -> Duration {
        Duration::from_secs(1)
    }
    fn answered(_: &Observation) -> bool {
        true
    }
    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        cx.set(&OUTCOME, "done");
        cx.record(&TIME, 0.001);
        Ok(())
    }
}

static FAMILIES: &[Family] = &[Family::of::<Idle>("idle", "", "")];

fn suite(count: usize) -> String {
    let mut text = String::from("version: 1\nsuite: s\nchecks:\n");
    for n in 0..count {
        let _ = writeln!(
            text,
            "  - id: c{n}\n    idle: {{host: h{n}}}\n    expect: {{outcome: done, time.p95: {{lt: 5ms}}}}"
        );
    }
    text
}

fn planned(count: usize) -> Plan {
    let env = |_: &str| None;
    let options = Options::none(&env);
    let mut loaded = shakedown::suite::load(&[Input::Text("s.yaml".into(), suite(count))], FAMILIES, &options);
    let plan = plan::plan(&mut loaded, None, &plan::Settings::default());
    assert!(loaded.errors.is_empty(), "{}", loaded.errors.render(&loaded.sources, false));
    plan
}

async fn run(plan: Arc<Plan>) -> shakedown::model::Record {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(256);
    let settings = Settings {
        jobs: 8,
        fail_fast: false,
        seed: 1,
        wall: jiff::Timestamp::now(),
        start: tokio::time::Instant::now(),
        deadline: None,
        runtimes: shakedown::engine::Runtimes::default(),
        captured: Arc::default(),
        found: Arc::default(),
    };
    let mut fold = Fold::default();
    let opening = Event::RunStarted {
        schema: "",
        run: Box::default(),
        host: Box::default(),
        design: Box::new(Design { seed: 1, rounds: 1, ..Design::default() }),
        suites: Vec::new(),
        total: plan.cases.len(),
    };
    let nothing = Redactor::default();
    fold.push(Redacted::new(opening, &nothing));
    let work = tokio::spawn(engine::run(plan, Arc::new(Assessor::default()), settings, StopSignals::default(), sender));
    while let Some(event) = receiver.recv().await {
        fold.push(Redacted::new(event, &nothing));
    }
    work.await.expect("the engine ends");
    fold.finish().expect("the run was started")
}

fn bench(criterion: &mut Criterion) {
    const COUNT: usize = 1000;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let plan = Arc::new(planned(COUNT));
    let mut group = criterion.benchmark_group("harness");
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("engine, judge and record per check", |b| {
        b.iter(|| black_box(runtime.block_on(run(Arc::clone(&plan)))));
    });
    group.bench_function("load and plan per check", |b| b.iter(|| black_box(planned(COUNT))));
    let record = runtime.block_on(run(Arc::clone(&plan)));
    group.bench_function("json per check", |b| b.iter(|| json(&record, &mut std::io::sink())));
    group.bench_function("junit per check", |b| b.iter(|| junit::strict(&record, &mut std::io::sink())));
    group.finish();

    let mut group = criterion.benchmark_group("samples");
    group.throughput(Throughput::Elements(100_000));
    group.bench_function("record", |b| {
        b.iter_batched(
            Samples::default,
            |mut samples| {
                for n in 0..100_000_u32 {
                    samples.record(f64::from(n) * 1e-7);
                }
                samples
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
