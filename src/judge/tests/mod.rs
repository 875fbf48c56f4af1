//! The judge over observations made by hand, of the scripted family.

mod alike;
mod operators;
mod records;
mod rounds;
mod scans;
mod tables;
mod typed;
mod verdicts;

use std::time::Duration;

use serde_json::{Value, json};

use super::{Judgement, judge, tally};
use crate::model::{Arm, Fault, Observation, Round};
use crate::plan::{Case, Settings};
use crate::testing::scripted::{FAMILIES, LATENCY};
use crate::testing::{load, planned};

/// A case with these keys beside its id and its family.
#[track_caller]
fn case(keys: &str) -> Case {
    let loaded = load(FAMILIES, &format!("checks:\n  - {{id: a, scripted: {{}}, {keys}}}\n"), &[]);
    let plan = planned(loaded, None, &Settings::default()).unwrap_or_else(|errors| panic!("{errors}"));
    plan.cases.into_iter().next().unwrap()
}

/// A case that expects this, in the flow style of YAML.
#[track_caller]
fn expecting(expect: &str) -> Case {
    case(&format!("expect: {{{expect}}}"))
}

/// One round: facts by name; `latency` is a list of samples, `warm_up` and `arm` are the round's own.
fn add(observation: &mut Observation, facts: &Value) {
    let slot = u32::try_from(observation.rounds().len()).unwrap();
    let mut round = Round::new(slot, Duration::from_secs(slot.into()));
    round.discarded = (facts["warm_up"] == true).then_some("warm_up");
    round.arm = match facts["arm"].as_str() {
        Some("base") => Some(Arm::Base),
        Some("head") => Some(Arm::Head),
        _ => None,
    };
    observation.begin_round(round);
    for (name, value) in facts.as_object().unwrap() {
        let info = FAMILIES[0].facts.iter().find(|info| info.name == name);
        match (info, value) {
            (Some(info), Value::Array(samples)) if info.name == LATENCY.info.name => {
                for sample in samples {
                    observation.samples_mut(info).record(sample.as_f64().unwrap());
                }
            }
            (Some(info), value) => observation.set(info.name, value.clone()),
            (None, Value::Object(parts)) if ["partial", "at_most"].contains(&name.as_str()) => {
                for (fact, why) in parts {
                    let info = FAMILIES[0].facts.iter().find(|info| info.name == fact).unwrap();
                    let why = why.as_str().unwrap();
                    if name == "partial" {
                        observation.set_partial(info.name, why);
                    } else {
                        observation.set_at_most(info.name, why);
                    }
                }
            }
            (None, _) => assert!(["warm_up", "arm"].contains(&name.as_str()), "{name}"),
        }
    }
}

/// An observation of these rounds.
fn observed<const N: usize>(rounds: [Value; N]) -> Observation {
    let mut observation = Observation::default();
    for round in rounds {
        add(&mut observation, &round);
    }
    observation
}

/// The judgement of an attempt without a fault: the same whether its rounds are judged as they end, or all at the end.
fn judged<const N: usize>(case: &Case, rounds: [Value; N]) -> Judgement {
    let mut kept = Observation::default();
    for round in &rounds {
        add(&mut kept, round);
        tally(case, &mut kept);
    }
    let (all, one_by_one) = (judge(case, &observed(rounds), None), judge(case, &kept, None));
    assert_eq!(format!("{all:?}"), format!("{one_by_one:?}"));
    all
}

fn fault() -> Fault {
    Fault::local("open a socket", "192.0.2.1:443", "too many open files", "raise the limit")
}

/// The facts of a target that is well, with one more.
fn with(name: &str, value: &Value) -> Value {
    let mut facts = json!({"ok": true});
    if !value.is_null() {
        facts[name] = value.clone();
    }
    facts
}
