//! A process that did not run did not look; one that ran late timed itself.

use std::time::Duration;

use serde_json::json;

use super::{Bench, FaultKind, Verdict, bench};
use crate::engine::Runtimes;
use crate::probe::{Footprint, Watch};
use crate::testing::scripted::{Entry, OK, Script, Step, bad, good, set, timed};

/// A suite whose process is always this late, or away where that is long.
fn late(seconds: f64) -> Bench {
    let mut bench = bench();
    bench.settings.runtimes = Runtimes::watched(Watch::Always(Duration::from_secs_f64(seconds)));
    bench
}

#[tokio::test(start_paused = true)]
async fn what_was_not_watched_is_errored_with_the_seconds_missing() {
    let hangs = Script::always([set(&OK, true), Step::Hang]);
    let ran = late(2.0)
        .check("wrong", "", Script::always(bad()))
        .check("silent", "", Script::always(good()).unanswered())
        .check("rounds", "rounds: 3", Script::always(good()))
        .check("samples", "samples: 2", Script::always(good()))
        .check("load", "", Script::always(good()).footprint(Footprint::Noisy))
        .check("faulty", "", Script::always([Step::Fault("no socket")]))
        .check("overdue", "budget: 3s", hangs)
        .check("answered", "", Script::always(good()))
        .run()
        .await;
    for id in ["silent", "samples", "load", "wrong"] {
        let want = "this process did not run for 2.0s, so nobody looked meanwhile";
        assert_eq!(ran.fault(id), (FaultKind::Local, want), "{id}");
    }
    assert!(ran.fault("rounds").1.contains("did not run for 2.0s"), "the first that counts ends it");
    for (id, came_of_it) in [("faulty", "no socket"), ("overdue", "the budget of 3.0s was used up")] {
        let (kind, detail) = ran.fault(id);
        assert!(kind == FaultKind::Local && detail.contains("2.0s") && detail.contains(came_of_it), "{id}: {detail}");
    }
    assert_eq!(ran.verdict("answered"), (Verdict::Passed, ""), "the answer is one, whenever it was read");
}

#[tokio::test(start_paused = true)]
async fn what_settled_while_nobody_looked_is_not_too_late() {
    let script = Script::rounds([bad(), vec![Step::Wait(Duration::from_secs(2)), set(&OK, true)]]).longest(2.0);
    let keys = "eventually: {within: 5s, every: 4s}";
    assert_eq!(bench().check("a", keys, script.clone()).run().await.verdict("a").0, Verdict::Failed);
    let ran = late(2.0).check("a", keys, script).run().await;
    assert_eq!(ran.fault("a").1, "this process did not run for 2.0s, so nobody looked meanwhile");
}

#[tokio::test(start_paused = true)]
async fn what_was_timed_late_is_marked_and_never_held_against_the_target() {
    let fast = || Script::always([set(&OK, true), timed(0.2)]);
    let ran = late(0.1)
        .check("limit_kept", "expect: {latency.p95: {lt: 1s}}", fast())
        .check("limit_missed", "expect: {latency.p95: {lt: 0.1s}}", fast())
        .check("lower_limit", "expect: {latency.p95: {gt: 0.1s}}", fast())
        .check("other_breach", "expect: {latency.p95: {lt: 0.1s}, hops: 3}", fast())
        .check("slow", "expect: {latency.p95: {lt: 1s}}", Script::always([set(&OK, true), timed(3.0)]))
        .check("short", "expect: {latency.p95: {lt: 1ms}}", Script::always([set(&OK, true), timed(0.004)]))
        .check("mixed", "expect: {latency.max: {lt: 0.1s}}", Script::always([set(&OK, true), timed(0.2), timed(0.002)]))
        .run()
        .await;
    let marked = |id: &str| serde_json::to_value(&ran.record(id).late_here).unwrap();
    assert_eq!(ran.verdict("limit_kept"), (Verdict::Passed, ""), "in truth it took even less");
    assert_eq!(marked("limit_kept"), json!({"latency": 1}));
    assert!(ran.record("limit_kept").metrics.0.is_empty(), "it enters no comparison");
    assert!(ran.fact("limit_kept", "latency").is_some(), "but is shown");
    for id in ["limit_missed", "lower_limit"] {
        let (kind, detail) = ran.fault(id);
        assert!(kind == FaultKind::Local && detail.contains("late_here"), "{id}: {detail}");
    }
    assert_eq!(ran.verdict("other_breach"), (Verdict::Failed, "hops: expected 3, saw nothing"));
    assert_eq!(ran.verdict("slow").0, Verdict::Failed, "a tenth of a second is no excuse for three");
    assert_eq!((ran.verdict("short").0, marked("short")), (Verdict::Failed, json!({})), "no delay fits into it");
    assert_eq!(ran.verdict("mixed"), (Verdict::Passed, ""), "what was in time is judged alone");
    assert_eq!(marked("mixed"), json!({"latency": 1}));
}

/// Trust stores and randomness would else be in the time of whoever comes first, and of those beside it.
#[tokio::test]
async fn what_computes_is_prepared_before_the_first_check_begins() {
    let mut bench = bench().jobs(1);
    bench.settings.runtimes = Runtimes::start().unwrap();
    let ran = bench
        .check("plain", "", Script::always(good()))
        .check("late", "", Script::always(good()).computing())
        .check("later", "rounds: 2", Script::always(good()).computing())
        .run()
        .await;
    let order: Vec<(&str, Entry)> = ran.journal.iter().map(|(_, name, entry)| (name.as_str(), *entry)).collect();
    let prepared = [("late", Entry::Prepared), ("later", Entry::Prepared)];
    assert_eq!(order[..2], prepared, "{order:?}");
    assert!(order[2..].iter().all(|(_, entry)| *entry != Entry::Prepared), "once: {order:?}");
    assert_eq!(ran.verdict("later").0, Verdict::Passed);
}
