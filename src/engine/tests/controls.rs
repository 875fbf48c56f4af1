//! Silence that was expected, and the controls that show whose it is.

use std::sync::Arc;

use super::{Bench, Entry, Ran, Verdict, bench};
use crate::model::FaultKind;
use crate::testing::scripted::{ADDRESS, OK, REPLY, Script, Step, answered_in, good, set, wait};

/// A round that ends with this reply of this address.
fn reply(word: &'static str, address: &str) -> Vec<Step> {
    vec![set(&OK, true), set(&REPLY, word), set(&ADDRESS, address.to_owned())]
}

/// A check of silence at 192.0.2.1, and its control; then `more`.
fn suite(silent: Script, control: Script) -> Bench {
    bench().check("shut", "control: alive, expect: {reply: {in: [refused, silent]}}", silent).check(
        "alive",
        "expect: {reply: {in: [alive, refused]}}",
        control,
    )
}

fn silent() -> Script {
    Script::always(reply("silent", "192.0.2.1"))
}

fn alive() -> Script {
    Script::always(reply("alive", "192.0.2.1"))
}

#[track_caller]
fn doubted(ran: &Ran, why: &str) {
    let (kind, detail) = ran.fault("shut");
    assert_eq!(kind, FaultKind::Local);
    assert!(detail.contains(why), "{why}: {detail}");
    assert!(ran.record("shut").expectations.is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_counts_when_the_control_passes_again_afterwards() {
    let ran = suite(silent(), alive()).run().await;
    assert_eq!(ran.verdict("shut").0, Verdict::Passed);
    let control = ran.record("shut").control.clone().unwrap();
    assert_eq!((&*control.check, control.verdict), ("t/alive", Verdict::Passed));
    assert_eq!(control.address.as_deref(), Some("192.0.2.1"));
    assert_eq!(ran.times("alive", Entry::Run).len(), 2, "once as a check, once as a control");
    assert!(ran.record("alive").control.is_none());
}

#[tokio::test(start_paused = true)]
async fn silence_says_nothing_when_the_control_fails_afterwards() {
    let dies = Script::rounds([reply("alive", "192.0.2.1"), reply("silent", "192.0.2.1")]);
    let ran = suite(silent(), dies).run().await;
    assert_eq!(ran.verdict("alive").0, Verdict::Passed, "it answered when it ran as a check");
    doubted(&ran, "its control t/alive failed when it ran again: reply: expected one of [alive, refused], saw silent");
    let breaks = Script::rounds([reply("alive", "192.0.2.1"), vec![Step::Fault("no descriptors")]]);
    doubted(&suite(silent(), breaks).run().await, "no descriptors");
}

#[tokio::test(start_paused = true)]
async fn a_control_has_its_retries() {
    let flaky = || Script::rounds(["alive", "silent", "alive"].map(|word| reply(word, "192.0.2.1")));
    let with = |keys: &str| {
        bench().check("shut", "control: alive, expect: {reply: silent}", silent()).check(
            "alive",
            &format!("expect: {{reply: alive}}{keys}"),
            flaky(),
        )
    };
    assert_eq!(with(", retries: 1").run().await.verdict("shut").0, Verdict::Passed);
    doubted(&with("").run().await, "saw silent");
}

#[tokio::test(start_paused = true)]
async fn an_answer_needs_no_control() {
    let ran = suite(Script::always(reply("refused", "192.0.2.1")), alive()).run().await;
    assert_eq!((ran.verdict("shut").0, ran.times("alive", Entry::Run).len()), (Verdict::Passed, 1));
    assert!(ran.record("shut").control.is_none());
    // Neither does what does not hold.
    let ran = suite(Script::always(reply("alive", "192.0.2.1")), alive()).run().await;
    assert_eq!((ran.verdict("shut").0, ran.times("alive", Entry::Run).len()), (Verdict::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn the_control_must_have_reached_the_silent_address() {
    let elsewhere = Script::always(reply("alive", "192.0.2.2"));
    doubted(
        &suite(silent(), elsewhere.clone()).run().await,
        "192.0.2.1 was silent, and its control t/alive reached 192.0.2.2",
    );
    // Of two controls, one that reached it is enough.
    let two = bench()
        .check("shut", "needs: [other, alive], expect: {reply: silent}", silent())
        .check("other", "expect: {reply: alive}", elsewhere)
        .check("alive", "expect: {reply: alive}", alive());
    let ran = two.run().await;
    assert_eq!(ran.verdict("shut").0, Verdict::Passed);
    assert_eq!(ran.record("shut").control.as_ref().unwrap().check, "t/alive");
}

#[tokio::test(start_paused = true)]
async fn a_control_runs_once_for_all_silent_cases_of_a_stage_and_what_waits_for_them_waits() {
    let slow = Script::always([vec![wait(1.0)], reply("silent", "192.0.2.1")].concat());
    let ran = bench()
        .jobs(4)
        .check("one", "control: alive, expect: {reply: silent}", silent())
        .check("two", "control: alive, expect: {reply: silent}", slow)
        .check("after", "needs: [one]", Script::always(good()))
        .check("alive", "expect: {reply: alive}", alive())
        .run()
        .await;
    assert_eq!(ran.times("alive", Entry::Run), [0.0, 1.0], "again once, after both");
    assert_eq!(ran.times("after", Entry::Run), [1.0]);
    assert!(["one", "two", "after"].iter().all(|id| ran.verdict(id).0 == Verdict::Passed));
    // Where it does not hold, what needs the silent case does not run.
    let dies = Script::rounds([reply("alive", "192.0.2.1"), reply("silent", "192.0.2.1")]);
    let ran = suite(silent(), dies).check("after", "needs: [shut]", Script::always(good())).run().await;
    assert_eq!(ran.verdict("after"), (Verdict::Skipped, "needs shut, which could not be measured"));
}

#[tokio::test(start_paused = true)]
async fn a_control_that_cannot_run_proves_nothing() {
    // Interrupted between the check and its control.
    let slow = Script::always([vec![wait(5.0)], reply("silent", "192.0.2.1")].concat()).longest(9.0);
    let late = Script::rounds([reply("alive", "192.0.2.1"), [vec![wait(5.0)], reply("alive", "192.0.2.1")].concat()])
        .longest(9.0);
    let ran = suite(slow, late).signals(7.0, None).run().await;
    doubted(&ran, "its control t/alive errored when it ran again");
}

#[tokio::test(start_paused = true)]
async fn the_silence_of_the_new_target_is_controlled_by_the_new_target() {
    // Compared cases run one by one: the control is asked before it runs as a check.
    let rounds = ["silent", "alive"].map(|word| reply(word, "192.0.2.1"));
    let base_only = bench()
        .pair("shut", "control: alive, expect: {reply: {in: [silent]}}", silent(), silent())
        .pair("alive", "expect: {reply: alive}", alive(), Script::rounds(rounds))
        .against(3, false);
    let ran = base_only.run().await;
    assert_eq!(ran.verdict("alive").0, Verdict::Passed);
    doubted(&ran, "saw silent");
}

#[tokio::test(start_paused = true)]
async fn a_control_that_was_skipped_proves_nothing() {
    let ran = bench()
        .check("shut", "control: alive, expect: {reply: silent}", silent())
        .check("alive", "when: {where: [nowhere]}, expect: {reply: alive}", alive())
        .run()
        .await;
    doubted(&ran, "its control t/alive was skipped: when where is nowhere");
}

/// IPv4 may be cut off where IPv6 is not.
#[tokio::test(start_paused = true)]
async fn another_host_vouches_by_the_same_ip_version_only() {
    let gate = |address: &'static str| Script::always(reply("alive", address)).target("gate");
    let ran = suite(silent(), gate("192.0.2.254")).run().await;
    assert_eq!(ran.verdict("shut").0, Verdict::Passed);
    let ran = suite(silent(), gate("2001:db8::1")).run().await;
    doubted(&ran, "192.0.2.1 was silent, and its control t/alive reached 2001:db8::1");
}

/// A name with two addresses, of which one is dead and the other shut.
#[tokio::test(start_paused = true)]
async fn every_address_that_was_silent_needs_its_control() {
    let two = Script::rounds(["192.0.2.1", "192.0.2.1", "192.0.2.2"].map(|address| reply("silent", address)));
    let ran = bench()
        .check("shut", "control: alive, expect: {reply: silent}, rounds: 2", two)
        .check("alive", "expect: {reply: alive}", alive())
        .run()
        .await;
    doubted(&ran, "192.0.2.2 was silent, and its control t/alive reached 192.0.2.1");
}

/// A redirect that leads to a dead host: the host before it answered, and says nothing of that one.
#[tokio::test(start_paused = true)]
async fn what_was_reached_before_is_no_sign_of_life() {
    let reached =
        |steps: Vec<Step>| Script::always([vec![answered_in(0.1)], steps, reply("silent", "192.0.2.1")].concat());
    let ran = suite(reached(Vec::new()), alive()).run().await;
    assert_eq!((ran.verdict("shut").0, ran.times("alive", Entry::Run).len()), (Verdict::Passed, 1), "it was reached");
    let unreached = || {
        reached(vec![Step::Record(Arc::new(|cx| {
            cx.unreached();
        }))])
    };
    let ran = suite(unreached(), alive()).run().await;
    assert_eq!((ran.verdict("shut").0, ran.times("alive", Entry::Run).len()), (Verdict::Passed, 2));
    let dies = Script::rounds([reply("alive", "192.0.2.1"), reply("silent", "192.0.2.1")]);
    doubted(&suite(unreached(), dies).run().await, "saw silent");
}

/// Whoever hangs up before the host can answer hears nothing of any host.
#[tokio::test(start_paused = true)]
async fn silence_must_last_longer_than_the_host_takes_to_answer() {
    let hasty = |patience: f64| {
        Script::always([vec![wait(patience)], reply("silent", "192.0.2.1")].concat()).patience(patience)
    };
    let takes = |seconds: f64| Script::always([vec![answered_in(seconds)], reply("alive", "192.0.2.1")].concat());
    let ran = suite(hasty(0.1), takes(0.3)).run().await;
    doubted(&ran, "it waited 100 ms, and the same host took 300 ms to answer its control t/alive");
    assert_eq!(suite(hasty(0.5), takes(0.3)).run().await.verdict("shut").0, Verdict::Passed);
    let far = suite(hasty(0.1), takes(0.3).target("gate")).run().await;
    assert_eq!(far.verdict("shut").0, Verdict::Passed, "how far another host is says nothing");
    let told = Script::always(reply("silent", "192.0.2.1")).patience(0.1);
    let ran = suite(told, takes(0.3)).run().await;
    assert_eq!(ran.verdict("shut").0, Verdict::Passed, "it was told (unreachable) before it had waited");
}
