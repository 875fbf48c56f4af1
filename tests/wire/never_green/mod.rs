//! The promise, over the whole registry: every fact of every family, with every operator that fits, of targets that are not
//! well. Whatever a check expects of one fact, it passes only if it named what it got.
//!
//! A family or a fact that is added joins by itself: variants that make a fact are looked for, and missed.

mod operands;
mod parity;
mod targets;
mod variants;

use std::collections::BTreeSet;

use shakedown::checks::FAMILIES;
use shakedown::judge::judge;
use shakedown::model::expectation::Expectation;
use shakedown::model::fact::FactKeys;
use shakedown::model::fact::parity::{PARITY, is_parity};
use shakedown::model::{Args, Better, FactInfo, Kind, Observation, Verdict};
use shakedown::plan::Case;
use shakedown::probe::{Family, Mode};
use shakedown::suite::defaults::Defaults;
use shakedown::suite::diagnostic::{Diagnostics, Sources};
use shakedown::suite::expect::{ExpectationReader, FactTyping, effective};
use shakedown::suite::tree;

use crate::observe::observe;
use parity::ParityWalk;
use targets::Target;
use variants::Variant;

/// Of expectations that hold of what is not well, the first of each fact are held against both IP versions, and one in so many of the
/// others; of those that do not even hold, one in so many.
const FIRST: usize = 12;
const SAMPLED_OF_HELD: usize = 8;
const SAMPLED: usize = 100;

/// What a check of one fact came to.
struct Walk<'a> {
    family: &'static Family,
    variant: &'a Variant,
    case: Case,
    observation: Observation,
    /// The same over both IP versions, of a check that may have `parity`.
    parity: Option<ParityWalk>,
    defaults: Vec<Expectation>,
    /// Facts whose default does not hold here, and the path of that default.
    broken: Vec<(&'static str, String)>,
    /// Expectations that a check may write.
    accepted: usize,
    /// Expectations of the present fact that hold of what is not well.
    held: usize,
    problems: Vec<String>,
}

impl<'a> Walk<'a> {
    fn new(family: &'static Family, variant: &'a Variant, case: Case, observation: Observation) -> Self {
        let mut errors = Diagnostics::default();
        let defaults = Defaults::of(FAMILIES, &mut errors).of_check(family, &variant.args);
        let judged = judge(&case, &observation, None);
        let broken = judged.expectations.iter().filter(|outcome| !outcome.held);
        let broken = broken.filter_map(|outcome| {
            let of = |fact: &&FactInfo| {
                outcome.fact.strip_prefix(fact.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let fact = family.facts.iter().filter(of).max_by_key(|fact| fact.name.len())?;
            Some((fact.name, outcome.fact.to_string()))
        });
        let broken = broken.collect();
        Self {
            family,
            variant,
            case,
            observation,
            parity: None,
            defaults,
            broken,
            accepted: 0,
            held: 0,
            problems: Vec::new(),
        }
    }

    /// Every path of a fact with every operator and operand.
    fn fact(&mut self, fact: &'static FactInfo) {
        self.held = 0;
        for (path, part) in operands::paths(fact, &self.observation) {
            let sort = operands::sort(fact, &part);
            let seen = operands::seen(fact, &part, &self.observation);
            for text in operands::all(sort, seen.as_ref()) {
                self.expect(fact, &path, &format!("\"{path}\": {text}"));
            }
        }
    }

    fn expect(&mut self, fact: &'static FactInfo, path: &str, text: &str) {
        let (mut errors, mut sources) = (Diagnostics::default(), Sources::default());
        let source = sources.add("walk", text.to_owned());
        let node = tree::parse(source, &sources, &mut errors);
        let node = node.unwrap_or_else(|| panic!("no YAML: {text}"));
        let mut reader = ExpectationReader {
            family: self.family,
            missing: &|_| None,
            facts: self.family.facts,
            keys: FactKeys { parity: is_parity(fact), ..FactKeys::default() },
            errors: &mut errors,
            sources: &sources,
            default: false,
            args: &Args::default(),
            typing: FactTyping::default(),
        };
        let written = reader.read(&node);
        let in_force = effective::combine(self.family.facts, &self.defaults_beside(fact), written, &mut errors);
        if !errors.is_empty() {
            return;
        }
        self.accepted += 1;
        self.case.base.expectations = in_force.into();
        let alone = judge(&self.case, &self.observation, None).verdict == Verdict::Passed;
        let mut green = Vec::from_iter((alone && !is_parity(fact)).then_some(("", false)));
        self.held += usize::from(alone);
        let sampled = if alone {
            self.held <= FIRST || self.held.is_multiple_of(SAMPLED_OF_HELD)
        } else {
            self.accepted.is_multiple_of(SAMPLED)
        };
        let matters = is_parity(fact) || sampled;
        if let Some(parity) = self.parity.as_mut().filter(|_| matters) {
            green.extend(parity.green(&self.case.base.expectations, fact));
        }
        for (label, refuted) in green {
            let says_nothing = operands::only_negates(text) || self.leaves_the_worst_open(fact, text);
            if says_nothing || refuted || !self.names_what_it_got(fact, path) {
                let facts: Vec<&str> = self.case.base.expectations.iter().map(|one| &*one.path).collect();
                let label = format!("{}{label}", self.variant.label);
                self.problems.push(format!("{label} passes with `{text}` (in force: {})", facts.join(", ")));
            }
        }
    }

    /// What is expected by default of a check that may expect something of this fact.
    fn defaults_beside(&self, fact: &FactInfo) -> Vec<Expectation> {
        let of_parity = self.parity.as_ref().filter(|_| is_parity(fact)).map(|parity| parity.defaults.as_slice());
        [self.defaults.as_slice(), of_parity.unwrap_or_default()].concat()
    }

    /// Whether a check speaks of what is broken by another number alone, and would take the worst of that as well.
    fn leaves_the_worst_open(&self, fact: &FactInfo, text: &str) -> bool {
        let number = matches!(fact.kind, Kind::Integer | Kind::Number) && !self.is_broken(fact.name);
        number && operands::is_open_to_the_worst(text, fact.better == Some(Better::Lower))
    }

    fn is_broken(&self, fact: &str) -> bool {
        self.broken.iter().any(|(broken, _)| *broken == fact)
    }

    /// Whether a check of this path says what it wants in place of a default that does not hold: of the same part of the same
    /// fact, or of one that says the same.
    fn names_what_it_got(&self, fact: &FactInfo, path: &str) -> bool {
        let outcome = self.family.facts.iter().find(|fact| fact.roles.outcome).map(|fact| fact.name);
        if outcome.is_some_and(|outcome| self.is_broken(outcome)) {
            return fact.roles.outcome;
        }
        let lifts = |broken: &str| {
            let row = self.family.facts.iter().find(|row| row.name == broken);
            row.is_some_and(|row| row.lifted_by.contains(&fact.name))
        };
        let within = |path: &str, other: &str| {
            path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let same = |broken: &str| within(path, broken) || within(broken, path);
        self.broken.iter().any(|(broken, default)| same(default) || lifts(broken))
    }
}

/// Walks every variant of every family against targets of one kind; which families were looked at over both IP versions, too.
async fn walk(target: impl AsyncFn(&str) -> Option<Target>) -> BTreeSet<&'static str> {
    let (mut accepted, mut walked, mut problems, mut over_both) = (0, 0, Vec::new(), BTreeSet::new());
    for family in FAMILIES {
        for template in &variants::of(family) {
            let Some(target) = target(family.name).await else { continue };
            let variant = Variant::new(family, template, target.port);
            let case = variant.case(family);
            let observation = match &target.by_hand {
                Some(facts) => variants::by_hand(family, facts),
                None => match observe(&*case.base.probe).await {
                    (observation, Ok(())) => observation,
                    // What could not be measured is errored: nothing can pass.
                    (_, Err(_)) => continue,
                },
            };
            let mut walk = Walk::new(family, &variant, case, observation);
            // A port that is open is all that a plain TCP check asks for.
            if walk.broken.is_empty() && variant.only_connects() {
                continue;
            }
            if walk.broken.is_empty() {
                problems.push(format!("{}: nothing that is expected by default is broken", variant.label));
            }
            walk.parity = ParityWalk::of(&walk);
            let of_parity = if walk.parity.is_some() { PARITY } else { &[] };
            over_both.extend(walk.parity.is_some().then_some(family.name));
            let of_family = family.facts.iter().filter(|fact| family.required_mode(&variant.args, fact.name).is_none());
            for fact in of_family.chain(of_parity) {
                walk.fact(fact);
            }
            accepted += walk.accepted;
            walked += 1;
            problems.extend(walk.problems);
        }
    }
    let shown = problems.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(problems.is_empty(), "{} of {accepted}:\n{shown}", problems.len());
    assert!(walked >= 5 && accepted > 100 * walked, "{accepted} expectations of {walked} variants: too few");
    over_both
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_dead_host() {
    assert_eq!(walk(targets::dead).await, parity::families());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_host_that_refuses() {
    walk(targets::refusing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_host_that_speaks_another_protocol() {
    walk(targets::of_another_protocol).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_wrong_answer() {
    walk(targets::wrong).await;
}

#[test]
fn every_fact_is_walked() {
    let mut missing = Vec::new();
    for family in FAMILIES {
        let variants: Vec<Variant> =
            variants::of(family).iter().map(|template| Variant::new(family, template, 1)).collect();
        let seen = |name: &str| variants.iter().any(|variant| family.required_mode(&variant.args, name).is_none());
        missing.extend(
            family.facts.iter().filter(|fact| !seen(fact.name)).map(|fact| format!("{} {}", family.name, fact.name)),
        );
    }
    assert!(missing.is_empty(), "no variant has these facts; add one to variants.rs:\n{}", missing.join("\n"));
}

/// What a dead host, a cut path or a drop leads to in one family or another.
const SILENCE: &[&str] = &["timeout", "silent", "unreachable"];

/// Expectations of silence: alone, in a list, and beside the word for success.
fn silences(family: &Family) -> Vec<String> {
    let outcome = family.facts.iter().find(|fact| fact.roles.outcome).unwrap();
    let Kind::Choice(words) = outcome.kind else { panic!("{}", family.name) };
    let silent = words.iter().filter(|word| SILENCE.contains(word));
    let forms = |word: &&str| {
        [(*word).to_owned(), format!("{{in: [{}, {word}]}}", words[0]), format!("{{in: [unresolved, {word}]}}")]
    };
    silent.flat_map(forms).collect()
}

#[test]
fn silence_without_a_control_is_refused() {
    let (mut refused, mut problems) = (0, Vec::new());
    for family in FAMILIES.iter().filter(|family| family.name != "failover") {
        for (template, expect) in variants::of(family)
            .iter()
            .flat_map(|template| silences(family).into_iter().map(move |expect| (template, expect)))
        {
            let variant = Variant::new(family, template, 1);
            match variant.planned(family, &format!(", expect: {{outcome: {expect}}}")) {
                Err(why) if why.contains("silence proves nothing") && why.contains("control") => refused += 1,
                other => problems.push(format!("{} {expect}: {:?}", variant.label, other.map(|cases| cases.len()))),
            }
        }
    }
    assert!(problems.is_empty(), "{} accepted:\n{}", problems.len(), problems.join("\n"));
    assert!(refused > 3 * FAMILIES.len(), "{refused} tried");
}

/// A mode that no check can switch on has defaults that nobody sees.
#[test]
fn every_mode_is_walked() {
    let mut missing = Vec::new();
    for family in FAMILIES {
        let variants: Vec<Variant> =
            variants::of(family).iter().map(|template| Variant::new(family, template, 1)).collect();
        // What no plan takes switches nothing on.
        for variant in &variants {
            let _ = variant.case(family);
        }
        let seen = |mode: &&Mode| variants.iter().any(|variant| (mode.applies)(&variant.args));
        missing.extend(
            family.modes.iter().filter(|mode| !seen(mode)).map(|mode| format!("{} {}", family.name, mode.with)),
        );
    }
    assert!(missing.is_empty(), "no variant switches these on; add one to variants.rs:\n{}", missing.join("\n"));
}

/// What everything else rests on: an outcome, a default for it, and words that silence leads to.
#[test]
fn every_family_expects_its_outcome() {
    for family in FAMILIES.iter().filter(|family| family.name != "failover") {
        let outcomes: Vec<&FactInfo> = family.facts.iter().filter(|fact| fact.roles.outcome).collect();
        assert_eq!(outcomes.len(), 1, "{}", family.name);
        assert!(outcomes[0].expected.is_some() && !outcomes[0].silent.is_empty(), "{}", family.name);
        let Kind::Choice(words) = outcomes[0].kind else { panic!("{}", family.name) };
        let by_a_resolver = words.iter().filter(|word| **word == "unresolved");
        assert!(by_a_resolver.clone().count() == 1, "{}", family.name);
        assert!(by_a_resolver.copied().all(|word| outcomes[0].elsewhere.contains(&word)), "{}", family.name);
    }
    for family in FAMILIES {
        for fact in family.facts {
            for name in fact.given.iter().chain(fact.lifted_by) {
                assert!(family.facts.iter().any(|other| other.name == *name), "{} {}: {name}", family.name, fact.name);
            }
        }
    }
}
