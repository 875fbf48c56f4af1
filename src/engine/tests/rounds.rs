//! Rounds, samples, warm-up, arms and confirmation, as the plan lays them out.

use super::{Arm, Bench, Entry, FaultKind, Ran, Value, Verdict, bench};
use crate::probe::Footprint;
use crate::testing::scripted::{OK, Script, Step, good, sample, set};

/// Slot, what became of it, arm and mark of confirmation of every round of a metric.
fn rounds(ran: &Ran, id: &str) -> Vec<(u32, Option<String>, Option<Arm>, bool)> {
    let (_, metric) = ran.record(id).metrics.0.iter().find(|(name, _)| name == "latency").unwrap();
    let of = |round: &crate::model::record::RoundRecord| {
        (round.slot, round.discarded.as_deref().map(str::to_owned), round.arm, round.confirm)
    };
    metric.rounds.iter().map(of).collect()
}

fn measuring(seconds: f64) -> Script {
    Script::always([set(&OK, true), sample(seconds)])
}

#[tokio::test(start_paused = true)]
async fn a_round_to_warm_up_is_made_and_discarded() {
    let cold = Script::rounds([vec![set(&OK, false), sample(9.0)], vec![set(&OK, true), sample(1.0)]]);
    let ran = bench().check("a", "rounds: 3", cold).run().await;
    assert_eq!(ran.verdict("a").0, Verdict::Passed, "what the cold round saw does not count");
    let kinds: Vec<_> = rounds(&ran, "a").into_iter().map(|(slot, discarded, ..)| (slot, discarded)).collect();
    assert_eq!(kinds, [(0, Some("warm_up".to_owned())), (1, None), (2, None), (3, None)]);
    let facts = ran.fact("a", "latency").unwrap();
    assert_eq!((&facts["count"], &facts["max"]), (&Value::from(3), &Value::from(1.0)));
}

#[tokio::test(start_paused = true)]
async fn every_round_is_put_back_before_the_next() {
    let ran = bench().check("a", "rounds: 2", Script::always(good())).run().await;
    let one = [Entry::Run, Entry::End, Entry::Restore, Entry::Restored];
    assert_eq!(ran.entries("a"), [one, one, one].concat());
}

#[tokio::test(start_paused = true)]
async fn a_round_has_its_samples_unless_nobody_answers() {
    let ran = bench()
        .check("a", "rounds: 2, samples: 4", measuring(0.1))
        .check("silent", "rounds: 2, samples: 4", Script::always(good()).unanswered())
        .check("single", "", Script::always(good()).unanswered())
        .run()
        .await;
    let runs = |id| ran.times(id, Entry::Run).len();
    assert_eq!(runs("a"), 12, "three rounds, one of them to warm up");
    assert_eq!(rounds(&ran, "a").len(), 3, "the samples of a round are one round of a metric");
    assert_eq!((runs("silent"), runs("single")), (3, 1), "silence says no more the second time");
}

#[tokio::test(start_paused = true)]
async fn a_fault_ends_the_attempt_and_keeps_the_rounds_before() {
    let script = Script::rounds([good(), vec![set(&OK, true), sample(0.1)], vec![Step::Fault("no descriptor")]]);
    let ran = bench().check("a", "rounds: 5, samples: 2", script).run().await;
    assert_eq!(ran.times("a", Entry::Run).len(), 3);
    assert_eq!(ran.fault("a"), (FaultKind::Local, "no descriptor"));
    assert_eq!(ran.times("a", Entry::Restored).len(), 3, "also after the fault");
}

fn paired(seed: u64) -> Bench {
    let mut bench = bench().against(3, false).pair("a", "", measuring(1.0), measuring(2.0));
    bench.settings.seed = seed;
    bench.plan.seed = seed;
    bench
}

/// Golden: the seed decides the order of each pair in every release, the pair to warm up included.
#[tokio::test(start_paused = true)]
async fn two_arms_alternate_in_the_order_of_the_seed() {
    for (seed, pairs) in [(1, "hb hb bh bh"), (2, "bh bh bh hb"), (3, "bh hb hb hb")] {
        let ran = paired(seed).run().await;
        let arms: Vec<char> = ran.order().iter().map(|name| name.chars().nth(2).unwrap()).collect();
        let order: Vec<String> = arms.chunks(2).map(String::from_iter).collect();
        assert_eq!(order.join(" "), pairs, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn rounds_carry_their_arm_and_the_facts_are_those_of_the_new_target() {
    let ran = paired(1).run().await;
    let arms: Vec<_> =
        rounds(&ran, "a").into_iter().map(|(slot, discarded, arm, _)| (slot, discarded.is_some(), arm)).collect();
    let [head, base] = [Some(Arm::Head), Some(Arm::Base)];
    assert_eq!(
        arms,
        [
            (0, true, head),
            (1, true, base),
            (2, false, head),
            (3, false, base),
            (4, false, base),
            (5, false, head),
            (6, false, base),
            (7, false, head),
        ]
    );
    let latency = ran.fact("a", "latency").unwrap();
    assert_eq!(
        (&latency["count"], &latency["min"], &latency["max"]),
        (&Value::from(3), &Value::from(2.0), &Value::from(2.0))
    );
}

#[tokio::test(start_paused = true)]
async fn each_arm_is_put_back_by_its_own_probe() {
    let ran = paired(1).run().await;
    for arm in ["a.base", "a.head"] {
        let one = [Entry::Run, Entry::End, Entry::Restore, Entry::Restored];
        assert_eq!(ran.entries(arm), [one, one, one, one].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_measured_once_again() {
    let run = async |alarm: bool, confirm: bool, footprint: Footprint| {
        let mut suite = bench().check("a", "rounds: 2", measuring(1.0).footprint(footprint));
        suite.plan.confirm = confirm;
        suite.judge.alarm = alarm;
        let ran = suite.run().await;
        rounds(&ran, "a").into_iter().map(|(slot, _, _, confirm)| (slot, confirm)).collect::<Vec<_>>()
    };
    let without = vec![(0, false), (1, false), (2, false)];
    let quiet = Footprint::Quiet;
    assert_eq!(run(true, true, quiet).await, [without.clone(), vec![(3, true), (4, true)]].concat());
    assert_eq!(run(false, true, quiet).await, without, "nothing to confirm");
    assert_eq!(run(true, false, quiet).await, without, "nobody asked for it");
    let broken = run(true, true, Footprint::Disruptive).await;
    assert_eq!(broken, [(0, false), (1, false)], "nothing is broken to warm up, nor once more to confirm");
}

#[tokio::test(start_paused = true)]
async fn a_pair_is_confirmed_by_as_many_pairs() {
    let mut suite = bench().against(2, true).pair("a", "", measuring(1.0), measuring(2.0));
    suite.judge.alarm = true;
    let ran = suite.run().await;
    let fresh: Vec<_> = rounds(&ran, "a").into_iter().filter(|(.., confirm)| *confirm).collect();
    assert_eq!(fresh.iter().map(|(slot, ..)| *slot).collect::<Vec<_>>(), [6, 7, 8, 9]);
    assert_eq!(fresh.iter().filter(|(_, _, arm, _)| *arm == Some(Arm::Head)).count(), 2);
}
