//! Which cases run beside each other, in which order, and what becomes of those that wait for others.

use super::{Entry, Ran, Verdict, bench};
use crate::probe::Footprint;
use crate::testing::scripted::{OK, REPLY, Script, bad, good, set, wait};

/// A check that takes so many seconds and holds.
fn taking(seconds: f64) -> Script {
    Script::always([wait(seconds), set(&OK, true)]).longest(seconds)
}

/// The most rounds under way at one time.
fn most_at_once(ran: &Ran) -> usize {
    let mut running = 0_usize;
    let mut most = 0;
    for (.., entry) in &ran.journal {
        match entry {
            Entry::Run => running += 1,
            Entry::End | Entry::Cut => running -= 1,
            _ => {}
        }
        most = most.max(running);
    }
    most
}

/// Whether a round of `one` and a round of `other` were under way at the same time.
fn beside(ran: &Ran, one: &str, other: &str) -> bool {
    let span = |name| (ran.times(name, Entry::Run)[0], ran.times(name, Entry::End)[0]);
    let (a, b) = (span(one), span(other));
    a.0 < b.1 && b.0 < a.1
}

#[tokio::test(start_paused = true)]
async fn quiet_cases_run_beside_each_other_up_to_jobs() {
    for (jobs, seconds) in [(1, 5.0), (2, 3.0), (3, 2.0), (5, 1.0), (9, 1.0)] {
        let mut suite = bench().jobs(jobs);
        for id in ["a", "b", "c", "d", "e"] {
            suite = suite.check(id, "", taking(1.0));
        }
        let ran = suite.run().await;
        assert_eq!(most_at_once(&ran), jobs.min(5));
        assert!((ran.took - seconds).abs() < 0.01, "{jobs} jobs: {}", ran.took);
        assert_eq!(ran.order(), ["a", "b", "c", "d", "e"], "{jobs} jobs: as written");
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_place_is_taken_at_once() {
    let ran = bench()
        .jobs(2)
        .check("long", "", taking(3.0))
        .check("short", "", taking(1.0))
        .check("next", "", taking(1.0))
        .check("last", "", taking(1.0))
        .run()
        .await;
    assert_eq!(ran.times("next", Entry::Run), [1.0]);
    assert_eq!(ran.times("last", Entry::Run), [2.0]);
    assert!((ran.took - 3.0).abs() < 0.01, "{}", ran.took);
}

#[tokio::test(start_paused = true)]
async fn noisy_and_disruptive_cases_run_alone_and_in_this_order() {
    let ran = bench()
        .check("breaks", "", taking(1.0).footprint(Footprint::Disruptive))
        .check("loud", "", taking(1.0).footprint(Footprint::Noisy))
        .check("soft", "", taking(1.0))
        .check("louder", "", taking(1.0).footprint(Footprint::Noisy))
        .check("softer", "", taking(2.0))
        .run()
        .await;
    assert_eq!(ran.order(), ["soft", "softer", "loud", "louder", "breaks"]);
    assert!(beside(&ran, "soft", "softer"));
    let starts = ["loud", "louder", "breaks"].map(|name| ran.times(name, Entry::Run)[0]);
    assert_eq!(starts.map(|start| start.to_string()), ["2", "3", "4"], "each waits for all before it");
}

/// A case freed by a noisy one runs before the next noisy one, and never beside it.
#[tokio::test(start_paused = true)]
async fn quiet_cases_freed_in_between_do_not_disturb_noisy_ones() {
    let ran = bench()
        .check("loud", "", taking(1.0).footprint(Footprint::Noisy))
        .check("louder", "", taking(1.0).footprint(Footprint::Noisy))
        .check("after", "needs: [loud]", taking(1.0))
        .check("soft", "", taking(1.0))
        .run()
        .await;
    assert_eq!(ran.order(), ["soft", "loud", "after", "louder"]);
    for other in ["loud", "louder"] {
        assert!(["soft", "after"].iter().all(|quiet| !beside(&ran, quiet, other)), "{:?}", ran.journal);
    }
}

#[tokio::test(start_paused = true)]
async fn a_case_begins_after_all_it_needs() {
    let ran = bench()
        .check("c", "needs: [a, b]", taking(1.0))
        .check("a", "", taking(1.0))
        .check("b", "", taking(4.0))
        .check("d", "needs: [c]", taking(1.0))
        .run()
        .await;
    assert_eq!((ran.times("c", Entry::Run), ran.times("d", Entry::Run)), (vec![4.0], vec![5.0]));
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_case_that_did_not_pass_is_not_run() {
    let fault = Script::always([crate::testing::scripted::Step::Fault("no socket")]);
    let ran = bench()
        .check("failed", "", Script::always(bad()))
        .check("errored", "", fault)
        .check("left_out", "when: {where: [elsewhere]}", Script::always(good()))
        .check("one", "needs: [failed]", taking(1.0))
        .check("two", "needs: [errored]", taking(1.0))
        .check("three", "needs: [left_out]", taking(1.0))
        .check("four", "needs: [one]", taking(1.0))
        .run()
        .await;
    assert_eq!(ran.verdict("one"), (Verdict::Skipped, "needs failed, which failed"));
    assert_eq!(ran.verdict("two"), (Verdict::Skipped, "needs errored, which could not be measured"));
    assert_eq!(ran.verdict("three"), (Verdict::Skipped, "needs left_out, which was skipped"));
    assert_eq!(ran.verdict("four"), (Verdict::Skipped, "needs one, which was skipped"));
    assert_eq!(ran.verdict("left_out"), (Verdict::Skipped, "when where is elsewhere; it is base"));
    // Its own `when` leaves no gap; a need that did not pass does.
    assert!(!ran.record("left_out").unmet);
    assert!(["one", "two", "three", "four"].iter().all(|id| ran.record(id).unmet));
    assert_eq!(ran.order(), ["failed", "errored"]);
}

/// Spans of time in which a round of `id` was under way.
fn spans(ran: &Ran, id: &str) -> Vec<(f64, f64)> {
    ran.times(id, Entry::Run).into_iter().zip(ran.times(id, Entry::End)).collect()
}

#[tokio::test(start_paused = true)]
async fn cases_of_one_serial_name_never_overlap_and_keep_no_place_of_others() {
    let ran = bench()
        .jobs(4)
        .check("a", "serial: lab", taking(2.0))
        .check("b", "serial: lab", taking(2.0))
        .check("c", "serial: lab", taking(2.0))
        .check("d", "", taking(1.0))
        .check("e", "serial: other", taking(1.0))
        .check("f", "", taking(1.0))
        .run()
        .await;
    assert_eq!(
        [ran.times("a", Entry::Run), ran.times("b", Entry::Run), ran.times("c", Entry::Run)],
        [[0.0], [2.0], [4.0]]
    );
    for id in ["d", "e", "f"] {
        assert_eq!(ran.times(id, Entry::Run), [0.0], "{id} has no part in it");
    }
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_about_one_host_at_once() {
    let about = |host: &'static str| taking(1.0).target(host);
    let mut suite = bench().jobs(9);
    for id in ["a", "b", "c", "d", "e"] {
        suite = suite.check(id, "per_target: 2", about("one"));
    }
    let ran = suite.check("other", "", about("two")).run().await;
    let starts: Vec<f64> = ["a", "b", "c", "d", "e", "other"].iter().flat_map(|id| ran.times(id, Entry::Run)).collect();
    assert_eq!(starts, [0.0, 0.0, 1.0, 1.0, 2.0, 0.0]);
}

/// A silent check waits for its control, which asks once more at the end: its name is free meanwhile, and kept by controls too.
#[tokio::test(start_paused = true)]
async fn controls_keep_to_limits_and_no_silence_holds_a_place() {
    let reply = |word: &'static str| Script::always([wait(1.0), set(&OK, true), set(&REPLY, word)]).longest(1.0);
    let ran = bench()
        .jobs(9)
        .check("shut1", "serial: lab, control: up1, expect: {reply: silent}", reply("silent"))
        .check("shut2", "serial: lab, control: up2, expect: {reply: silent}", reply("silent"))
        .check("up1", "serial: lab, expect: {reply: alive}", reply("alive"))
        .check("up2", "serial: lab, expect: {reply: alive}", reply("alive"))
        .run()
        .await;
    for id in ["shut1", "shut2", "up1", "up2"] {
        assert_eq!(ran.verdict(id).0, Verdict::Passed, "{id}");
    }
    let mut all: Vec<(f64, f64)> = ["shut1", "shut2", "up1", "up2"].iter().flat_map(|id| spans(&ran, id)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(all.len(), 6, "both controls ran twice");
    assert!(all.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{all:?}");
}
