//! The rules between fields, and facts from streams that did not go well.

mod proxies;
mod streams;

use std::time::Duration;

pub(super) use streams::{StubProbe, config};

use super::measure::{Measured, PhaseTimes};
use super::outage::{ProbeOutcome, ProbeResult};
use super::report;
use super::settings::Phases;
use super::stream::{Finished, OwnerChange, StreamLog};
use super::{Failover, RESTORED};
use crate::guard::{CommandResult, RestoreResult};
use crate::model::{Arg, Args, Fault, Interval, Invalid, Observation, Value};
use crate::probe::{DynProbe, Footprint, Probe as _, ProbeFailure, RestoreOutcome};
use crate::testing::{observe_with, recorded};

fn group(pairs: Vec<(&'static str, Arg)>) -> Args {
    Args(pairs.into_iter().collect())
}

fn command(run: &[&str]) -> Arg {
    let run = run.iter().map(|word| Arg::Text((*word).into())).collect();
    Arg::Group(group(vec![("run", Arg::List(run)), ("timeout", Arg::Number(30.0))]))
}

fn probe(family: &'static str, interval: f64, timeout: f64) -> Arg {
    Arg::Probe {
        family,
        args: group(vec![("host", Arg::Text("192.0.2.1".into())), ("port", Arg::Integer(80))]),
        group: group(vec![
            ("interval", Arg::Number(interval)),
            ("timeout", Arg::Number(timeout)),
            ("connection", Arg::Text("new".into())),
        ]),
        expected: crate::model::args::Expected::default(),
    }
}

fn args() -> Args {
    group(vec![
        ("probe", probe("tcp", 0.01, 0.5)),
        ("inject", command(&["true"])),
        ("restore", command(&["true"])),
        ("observe", Arg::Number(30.0)),
        ("steady", Arg::Number(1.0)),
        ("settle", Arg::Number(1.0)),
        ("isolated", Arg::Integer(1)),
        ("background_loss", Arg::Number(0.0)),
    ])
}

fn refused(field: &'static str, value: Arg) -> Invalid {
    let mut args = args();
    args.0.insert(field, value);
    Failover::from_args(&args).err().unwrap()
}

#[test]
fn rules_between_fields() {
    assert_eq!(refused("settle", Arg::Number(31.0)).field, "settle");
    assert_eq!(refused("steady", Arg::Number(0.015)).field, "steady");
    assert!(refused("isolated", Arg::Integer(101)).message.contains("room"));
    assert_eq!(refused("inject", command(&[])).field, "inject");
    assert_eq!(refused("restore", command(&[""])).field, "restore");
    assert_eq!(refused("verify", command(&[])).field, "verify");
    let strange = refused("probe", probe("telepathy", 0.01, 0.5));
    assert!(strange.message.contains("telepathy"), "{strange:?}");
    assert!(refused("probe", probe("tcp", 0.0001, 0.5)).message.contains("too short"));
    let streams =
        |names: &[&str]| Arg::Map(names.iter().map(|name| ((*name).to_owned(), probe("tcp", 0.01, 0.5))).collect());
    for (names, why) in [
        (&["web", "web"][..], "two streams"),
        (&["probe"], "two streams"),
        (&["outage"], "a fact of all streams"),
        (&["row"], "a fact of all streams"),
        (&["a.b"], "stands in the names of facts"),
    ] {
        let invalid = refused("streams", streams(names));
        assert!(invalid.field == "streams" && invalid.message.contains(why), "{invalid:?}");
    }
    for (key, value) in [("restore", command(&["true"])), ("verify", command(&["true"]))] {
        let mut args = args();
        args.0.retain(|name, _| !matches!(*name, "inject" | "restore" | "verify"));
        assert_eq!(
            Failover::from_args(&args).map(|watching| DynProbe::footprint(&watching)).ok(),
            Some(Footprint::Quiet)
        );
        args.0.insert(key, value);
        assert_eq!(Failover::from_args(&args).err().unwrap().field, key);
    }
}

/// A list of steps; the one restore command is for those that only the suite can undo.
#[test]
fn several_things_may_be_broken() {
    let link = Arg::Group(group(vec![("link", Arg::Group(group(vec![("down", Arg::Text("e0".into()))])))]));
    let refused_beside = refused("inject", link.clone());
    assert_eq!((refused_beside.field, refused_beside.message.contains("known without it")), ("restore", true));
    let mut args = args();
    args.0.insert("inject", Arg::List(vec![link.clone(), command(&["true"]), command(&["false"])]));
    let words: Vec<&str> =
        DynProbe::breaks(&Failover::from_args(&args).unwrap()).into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["inject", "inject", "inject", "restore", "restore"]);
    args.0.remove("restore");
    assert_eq!(Failover::from_args(&args).err().unwrap().field, "inject", "nothing undoes its commands");
    args.0.insert("inject", Arg::List(vec![link]));
    assert_eq!(DynProbe::breaks(&Failover::from_args(&args).unwrap()).len(), 2);
}

#[test]
fn it_says_what_it_is() {
    let failover = Failover::from_args(&args()).unwrap();
    assert_eq!(DynProbe::target(&failover), "192.0.2.1:80");
    assert_eq!(DynProbe::footprint(&failover), Footprint::Disruptive);
    // Phases, the inject command, and twice what restoring may take.
    assert!(DynProbe::longest(&failover) > Duration::from_secs(33 + 30 + 120));
    assert!(!<Failover as crate::probe::Probe>::answered(&Observation::default()));
}

/// One letter a probe, 10 ms apart: `.` answered, `a` and `b` by that owner, `l` half a second late, `x` lost, `?` not sent. Steady for 5,
/// restored at `restoring`.
fn facts(picture: &str, restoring: f64) -> (Observation, Result<(), Fault>) {
    facts_of(picture, restoring, 1)
}

fn facts_of(picture: &str, restoring: f64, isolated: u32) -> (Observation, Result<(), Fault>) {
    let probe = |(n, letter): (usize, char)| {
        let sent = n as f64 * 0.01;
        let (outcome, latency) = match letter {
            'x' => (ProbeOutcome::Failed(ProbeFailure::Lost), 0.3),
            '?' => (ProbeOutcome::NotSent, 0.0),
            'l' => (ProbeOutcome::Answered, 0.5),
            _ => (ProbeOutcome::Answered, 0.001),
        };
        let owner = ".ab".find(letter).and_then(|at| u8::try_from(at).ok()).unwrap_or_default();
        ProbeResult { owner, ..ProbeResult::new(sent, sent, sent + latency, outcome) }
    };
    let mut log = StreamLog::default();
    log.probes = picture.chars().enumerate().map(probe).collect();
    log.behind = 2;
    log.name_owners(&["a", "b"]);
    let owned = log.probes.iter().filter(|probe| probe.owner != 0).map(|probe| (probe.sent, probe.owner));
    let mut changes: Vec<OwnerChange> = owned.map(|(at, owner)| OwnerChange { at, owner }).collect();
    changes.dedup_by_key(|change| change.owner);
    log.changes = changes;
    let streams = [(config(StubProbe::Stalls), Finished { log, ..Finished::default() })];
    let phases = Phases {
        steady: Duration::from_millis(50),
        observe: Duration::from_millis(100),
        settle: Duration::from_millis(30),
        isolated: Some(isolated),
        background: 0.0,
        until_signal: false,
    };
    let times = PhaseTimes { steady: 0.05, injected: 0.06, restoring, after: restoring + 0.05, end: restoring + 0.1 };
    recorded(Failover::FACTS, |cx| report::facts(cx, &streams, &times, (&phases, jiff::Timestamp::now(), true)))
}

fn milliseconds(observation: &Observation, fact: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "test data of some milliseconds")]
    observation.last(fact).and_then(Value::as_f64).map(|s| (s * 1e3).round() as i64)
}

fn bounds(observation: &Observation, fact: &str) -> Option<Interval> {
    observation.last(fact).and_then(Interval::of)
}

#[test]
fn facts_of_a_clean_failover() {
    let (observation, result) = facts(".......xxx..........................", 0.2);
    result.unwrap();
    let ms = |fact| milliseconds(&observation, fact);
    assert_eq!((ms("outage.lo"), ms("outage.hi"), ms("failback.hi")), (Some(19), Some(40), Some(10)));
    assert_eq!((ms("detected_after"), ms("recovered_after")), (Some(10), Some(41)));
    assert_eq!(bounds(&observation, "failback").map(|bounds| bounds.lo), Some(0.0));
    assert_eq!(observation.last("lost"), Some(&Value::from(3)));
    assert_eq!(observation.last("behind_schedule"), Some(&Value::from(2)));
    assert_eq!(observation.last("recovered"), Some(&Value::Bool(true)));
    assert_eq!(observation.last("steady.after"), Some(&Value::Bool(true)));
}

#[test]
fn the_failback_is_judged_apart() {
    let (observation, _) = facts(".......xx............xxxx....xx.....", 0.2);
    assert_eq!(observation.last("outages"), Some(&Value::from(1)));
    let middle = |fact| bounds(&observation, fact).and_then(Interval::middle).unwrap();
    assert!((middle("outage") - 0.0195).abs() < 1e-9, "between 9 ms and 30 ms");
    assert_eq!(milliseconds(&observation, "outage.hi"), Some(30));
    assert!((middle("failback") - 0.0395).abs() < 1e-9, "between 29 ms and 50 ms");
    assert_eq!(milliseconds(&observation, "failback.hi"), Some(50));
    assert_eq!(observation.last("after.outages"), Some(&Value::from(1)));
    assert_eq!(observation.last("steady.after"), Some(&Value::Bool(false)));
}

#[test]
fn an_answer_just_before_restore_is_no_recovery() {
    for (picture, recovered) in [
        (".......xxxxxxxxxxx..................", false),
        (".......xxxxxxxxxx...................", true),
        (".......xxxxxxxxxxxxxxxx.............", false),
        ("....................................", true),
    ] {
        let (observation, _) = facts(picture, 0.201);
        assert_eq!(observation.last("recovered"), Some(&Value::Bool(recovered)), "{picture}");
        assert_eq!(observation.last("recovered_after").is_some(), recovered && picture.contains('x'), "{picture}");
    }
}

/// Those of the last `settle` before `restore` have it for good; who answered earlier does not count.
#[test]
fn owners_are_those_of_their_phase() {
    let of = |picture: &str| {
        let (observation, result) = facts(picture, 0.2);
        result.unwrap();
        let names = |phase: &str| {
            let names = observation.last(&format!("owners.{phase}")).and_then(Value::as_array).cloned().unwrap();
            names.iter().filter_map(Value::as_str).collect::<String>()
        };
        let changes = observation.last("owners.changes").and_then(Value::as_i64);
        (["before", "during", "after"].map(names), changes, milliseconds(&observation, "switched_after"))
    };
    let texts = |texts: [&str; 3]| texts.map(str::to_owned);
    assert_eq!(of("aaaaaaaxxxaaaabbbbbbbbbbaaaaaaaaaaa"), (texts(["a", "b", "a"]), Some(1), Some(81)));
    assert_eq!(of("aaaaaaaxxxxxxxxxabbbbbbbbbbbbbbbbbb"), (texts(["a", "b", "b"]), Some(1), Some(111)));
    assert_eq!(of("aaaaaaabababababbbbabbbbbbbbbbbbbbb"), (texts(["a", "ab", "b"]), Some(10), Some(11)));
    assert_eq!(of("aaaaaaaxxxaaaaaaaaaaaaaaaaaaaaaaaaa"), (texts(["a", "a", "a"]), Some(0), None));
}

#[test]
fn a_service_that_never_came_back_has_no_upper_bound() {
    let (observation, result) = facts(".......xxxxxxxxxxxxxxxxxxxxxxxx", 0.2);
    result.unwrap();
    for fact in ["outage.hi", "recovered_after"] {
        assert_eq!(observation.last(fact), None, "{fact}");
    }
    for fact in ["outage", "downtime"] {
        assert_eq!(bounds(&observation, fact).map(|bounds| bounds.hi), Some(None), "{fact}");
    }
    assert_eq!(milliseconds(&observation, "outage.lo"), Some(229));
    assert_eq!(observation.last("recovered"), Some(&Value::Bool(false)));
}

/// What users live with: an outage that goes on to the end, or that comes back, is seen; isolated losses are not.
#[test]
fn the_last_steady_phase_is_judged() {
    // Restored at 200 ms; the last phase begins at 250 ms.
    for (picture, isolated, outages, steady) in [
        ("....................................", 1, 0, true),
        (".......xxx..............x...........", 1, 0, true),
        (".......xxx................x.........", 1, 1, false),
        (".......xxx................x.........", 2, 0, false),
        (".......xxx................x..xx.....", 2, 1, false),
        // The service never came back, whatever began it.
        (".......xxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 3, 1, false),
        ("....................xxxxxxxxxxxxxxxx", 3, 1, false),
        (".......................xxx..........", 3, 1, false),
    ] {
        let (observation, result) = facts_of(picture, 0.2, isolated);
        result.unwrap();
        assert_eq!(observation.last("after.outages"), Some(&Value::from(outages)), "{picture} {isolated}");
        assert_eq!(observation.last("steady.after"), Some(&Value::Bool(steady)), "{picture} {isolated}");
    }
}

#[test]
fn a_total_of_nothing_is_zero() {
    let (observation, _) = facts("....................................", 0.2);
    assert_eq!(observation.last("downtime").unwrap().to_string(), r#"{"hi":0.0,"lo":0.0}"#, "and not -0");
}

/// A freeze: every probe is answered, 500 ms late.
#[test]
fn a_freeze_shows_in_the_upper_bound_alone() {
    let (observation, result) = facts(".....llll...........................", 0.2);
    result.unwrap();
    assert_eq!((milliseconds(&observation, "outage.lo"), milliseconds(&observation, "outages")), (Some(0), Some(0)));
    assert_eq!(milliseconds(&observation, "outage.hi"), Some(50));
}

#[test]
fn bounds_that_contradict_each_other_are_a_fault() {
    let of = |outage| {
        let measured = Measured { outage, ..Measured::default() };
        report::consistent(&measured, &config(StubProbe::Stalls))
    };
    assert!(of(Interval::new(0.1, 0.1)).is_ok());
    assert!(of(Interval::at_least(0.1)).is_ok(), "one without an end has no upper bound");
    let fault = of(Interval::new(0.3, 0.2)).unwrap_err();
    assert!(fault.detail.contains("at least 0.3000s and at most 0.2000s"), "{fault}");
}

#[test]
fn a_stream_with_holes_is_a_fault() {
    for picture in [".........???........................", "", "????????"] {
        assert!(facts(picture, 0.2).1.is_err(), "{picture}");
    }
}

#[test]
fn few_and_scattered_unsent_probes_only_widen_the_bounds() {
    let picture = format!("{}.xx?.{}", ".".repeat(7), ".".repeat(300));
    let (observation, result) = facts(&picture, 0.2);
    result.unwrap();
    assert_eq!((milliseconds(&observation, "outage.lo"), milliseconds(&observation, "outage.hi")), (Some(9), Some(40)));
}

#[test]
fn a_skipped_probe_voids_the_measurement() {
    let mut log = StreamLog::default();
    log.probes = vec![ProbeResult::new(0.0, 0.0, 0.001, ProbeOutcome::Answered); 1000];
    assert!(report::complete(&log, &config(StubProbe::Stalls)).is_ok());
    log.skipped = 1;
    let fault = report::complete(&log, &config(StubProbe::Stalls)).unwrap_err();
    assert!(fault.detail.contains("skipped 1") && !fault.remedy.is_empty(), "{fault}");
    (log.skipped, log.missed) = (0, 130);
    let fault = report::complete(&log, &config(StubProbe::Stalls)).unwrap_err();
    assert!(fault.detail.contains("did not watch for 1.3s"), "{fault}");
}

#[test]
fn a_restore_that_cannot_be_run_twice_is_told() {
    let noted = |repeated: &str| {
        let restore = CommandResult { exit: Some(0), ..CommandResult::default() };
        let restored =
            RestoreResult { restore: Some(restore), repeated: repeated.to_owned(), ..RestoreResult::default() };
        recorded(Failover::FACTS, |cx| Failover::record(cx, &restored)).0
    };
    let observation = noted("exit status 7");
    assert_eq!(observation.last("restored"), Some(&Value::Bool(true)), "the first time it ended well");
    let [note] = observation.notes() else { panic!("{observation:?}") };
    assert!(note.contains("it failed (exit status 7)") && note.contains("safe to run twice"), "{note}");
    assert_eq!(noted("").notes(), [""; 0]);
}

/// A round that is stopped after its own restore must not read as one that changed nothing.
#[tokio::test]
async fn a_round_that_was_restored_says_so_when_it_is_stopped() {
    let failover = Failover::from_args(&args()).unwrap();
    for (restored, want) in
        [(None, RestoreOutcome::Nothing), (Some(false), RestoreOutcome::Nothing), (Some(true), RestoreOutcome::Done)]
    {
        let mut put_back = None;
        observe_with(Failover::FACTS, Duration::from_secs(9), async |cx| {
            if let Some(restored) = restored {
                cx.set(&RESTORED, restored);
            }
            put_back = Some(DynProbe::restore(&failover, cx).await?);
            Ok::<(), Fault>(())
        })
        .await
        .1
        .unwrap();
        assert_eq!(put_back, Some(want), "{restored:?}");
    }
}
