//! The promise for checks with `parity`: of a target that is dead, silent or useless over IPv4, over IPv6 or over both, nothing
//! that a check expects of one fact makes it green.
//!
//! The other IP version shows the same, with only that mended which is expected by default: as little as can differ.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use shakedown::assess::Assessor;
use shakedown::checks::FAMILIES;
use shakedown::engine::Assess as _;
use shakedown::judge::judge;
use shakedown::model::expectation::Expectation;
use shakedown::model::fact::FactKeys;
use shakedown::model::fact::parity::is_parity;
use shakedown::model::observation::KEPT_OF_EACH;
use shakedown::model::record::Outcome;
use shakedown::model::{Arm, FactInfo, Kind, Observation, Round, Value, Verdict};
use shakedown::plan::Case;
use shakedown::suite::defaults::Defaults;
use shakedown::suite::diagnostic::Diagnostics;

use super::variants::{self, Variant};
use super::{Walk, silences};

/// Facts mended, one after the other, after which a side is beyond mending.
const MOST_MENDED: usize = 20;

/// A check over both IP versions, of which one or both are not well.
pub struct ParityWalk {
    case: Case,
    sides: Vec<Sides>,
    /// What such a check expects beside the defaults of its family.
    pub defaults: Vec<Expectation>,
}

/// What it sees.
struct Sides {
    label: &'static str,
    observation: Observation,
    /// The outcomes differ: whatever a check names, it would have to name that as well.
    differ: bool,
}

impl ParityWalk {
    /// The same check with `parity`, where it may have that. By default it must hold of two sides that are well, and of no others.
    pub fn of(walk: &Walk<'_>) -> Option<Self> {
        let Walk { family, variant, case: alone, observation: bad, .. } = walk;
        let case = variant.over_both(family, "").ok()?.into_iter().next()?;
        let well = mended(alone, bad);
        let passes = |observation: &Observation| verdict(&case, observation) == Verdict::Passed;
        assert!(passes(&over(&case, [Some(&well), Some(&well)])), "{}: both are well", variant.label);
        for half in [[Some(&well), None], [None, Some(&well)]] {
            assert!(!passes(&over(&case, half)), "{}: one was not asked", variant.label);
        }
        let outcome = family.facts.iter().find(|fact| fact.roles.outcome).map(|fact| fact.name);
        let differ = outcome.is_some_and(|outcome| walk.is_broken(outcome));
        let sides = [
            (", not well over IPv4,", [bad, &well], differ),
            (", not well over IPv6,", [&well, bad], differ),
            (", not well over both,", [bad, bad], false),
        ];
        let sides = sides.map(|(label, both, differ)| {
            let observation = over(&case, both.map(Some));
            assert!(!passes(&observation), "{}{label} passes by default", variant.label);
            Sides { label, observation, differ }
        });
        let keys = FactKeys { parity: true, ..FactKeys::default() };
        let defaults = Defaults::of(FAMILIES, &mut Diagnostics::default()).of_keys(family, keys).to_vec();
        assert!(!defaults.is_empty(), "nothing is expected of both");
        Some(Self { sides: sides.into(), defaults, case })
    }

    /// Where such a check is green, and whether it should not be, whatever it names.
    pub fn green(&mut self, expectations: &[Expectation], fact: &FactInfo) -> Vec<(&'static str, bool)> {
        // Beside what a check expects of both, their defaults are in force already, or replaced.
        let beside = if is_parity(fact) { &[] } else { self.defaults.as_slice() };
        let all: Arc<[Expectation]> = [expectations, beside].concat().into();
        self.case.base.expectations = Arc::clone(&all);
        if let Some(over_ipv4) = &mut self.case.over_ipv4 {
            over_ipv4.expectations = all;
        }
        let green = self.sides.iter().filter(|sides| verdict(&self.case, &sides.observation) == Verdict::Passed);
        green.map(|sides| (sides.label, sides.differ)).collect()
    }
}

fn verdict(case: &Case, observation: &Observation) -> Verdict {
    Assessor::default().assess(case, observation, None).0
}

/// As many pairs of answers as tell what differs; of a side that is not there, none.
fn over(case: &Case, [ipv4, ipv6]: [Option<&Observation>; 2]) -> Observation {
    let mut out = Observation::default();
    for (slot, (arm, side)) in (0..).zip([(Arm::Base, ipv4), (Arm::Head, ipv6)].repeat(KEPT_OF_EACH)) {
        let Some(side) = side else { continue };
        let mut round = side.rounds().last().unwrap().clone();
        (round.slot, round.arm, round.label) = (slot, case.mark(Some(arm)), case.label(Some(arm)));
        out.begin_round(round);
    }
    out
}

/// What a side that is well shows: as the other one, but for what breaks a default.
fn mended(case: &Case, bad: &Observation) -> Observation {
    let mut well = Observation::default();
    well.begin_round(Round::new(0, Duration::ZERO));
    for (name, value) in bad.rounds().last().unwrap().facts() {
        well.set(name, value.clone());
    }
    for _ in 0..MOST_MENDED {
        let judged = judge(case, &well, None);
        let Some(broken) = judged.expectations.iter().find(|outcome| !outcome.held) else {
            assert_eq!(judged.verdict, Verdict::Passed, "{}: {:?}", case.family.name, judged.reason);
            return well;
        };
        let info = case.family.facts.iter().find(|info| info.name == &*broken.fact);
        let info = info.unwrap_or_else(|| panic!("{}: a default of {}", case.family.name, broken.fact));
        let holds = |value: &Value| {
            let mut tried = well.clone();
            tried.set(info.name, value.clone());
            let is_it = |other: &&Outcome| (&other.fact, &other.operator) == (&broken.fact, &broken.operator);
            judge(case, &tried, None).expectations.iter().find(is_it).is_some_and(|outcome| outcome.held)
        };
        let good = candidates(info).into_iter().find(holds);
        well.set(
            info.name,
            good.unwrap_or_else(|| panic!("{}: {} is never well", case.family.name, broken.sentence())),
        );
    }
    panic!("{}: too much of it breaks a default", case.family.name)
}

/// Values that a default may expect.
fn candidates(info: &FactInfo) -> Vec<Value> {
    match info.kind {
        Kind::Bool => vec![json!(true), json!(false)],
        Kind::Choice(words) => words.iter().map(|word| json!(word)).collect(),
        Kind::Integer | Kind::Number => [0, 1, 200].map(Value::from).into(),
        Kind::List => vec![json!([]), json!(["x"])],
        _ => vec![json!("x")],
    }
}

/// The families a check of which may have `parity`.
pub fn families() -> BTreeSet<&'static str> {
    FAMILIES.iter().filter(|family| family.no_parity.is_none()).map(|family| family.name).collect()
}

/// A dead host is silent over both, and no control changes that.
#[test]
fn silence_over_both_is_refused() {
    let (mut refused, mut problems) = (BTreeSet::new(), Vec::new());
    for family in FAMILIES {
        let all = variants::of(family);
        let all: Vec<Variant> = all.iter().map(|template| Variant::new(family, template, 1)).collect();
        for variant in all.iter().filter(|variant| variant.over_both(family, "").is_ok()) {
            for expect in silences(family) {
                let more = format!(", expect: {{outcome: {expect}}}, control: a");
                match variant.over_both(family, &more) {
                    Err(why) if why.contains("`parity` of silence") => _ = refused.insert(family.name),
                    other => problems.push(format!("{} {expect}: {:?}", variant.label, other.map(|cases| cases.len()))),
                }
            }
        }
    }
    assert!(problems.is_empty(), "{} accepted:\n{}", problems.len(), problems.join("\n"));
    assert_eq!(refused, families());
}
