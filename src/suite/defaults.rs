//! The default expectations of families and their modes, parsed once.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostics, Sources};
use super::expect::{ExpectationReader, FactTyping};
use super::tree;
use crate::model::expectation::Origin;
use crate::model::fact::{FactKeys, parity::PARITY};
use crate::model::{Args, Expectation, FactInfo};
use crate::probe::Family;

/// Default expectations by family.
#[derive(Default)]
pub struct Defaults(BTreeMap<&'static str, FamilyDefaults>);

/// Those of one family.
struct FamilyDefaults {
    facts: Vec<Expectation>,
    /// One entry per mode.
    modes: Vec<Vec<Expectation>>,
    /// Of a check with `parity`.
    parity: Vec<Expectation>,
}

impl Defaults {
    /// Those of every family. A family whose own default does not parse is a defect a test finds.
    #[must_use]
    pub fn of(families: &'static [Family], errors: &mut Diagnostics) -> Self {
        let none = Args::default();
        let of_family = |family: &'static Family, errors: &mut Diagnostics| FamilyDefaults {
            facts: read(family, &expected(family.facts), &none, errors),
            modes: family.modes.iter().map(|mode| read(family, mode.adds.unwrap_or_default(), &none, errors)).collect(),
            parity: read(family, &expected(PARITY), &none, errors),
        };
        Self(families.iter().map(|family| (family.name, of_family(family, errors))).collect())
    }

    /// Those of a check with these fields: of the facts it has, and of its modes. What a mode says of a fact takes the
    /// place of what the fact says itself.
    #[must_use]
    pub fn of_check(&self, family: &'static Family, args: &Args) -> Vec<Expectation> {
        let Some(all) = self.0.get(family.name) else { return Vec::new() };
        let applying = family.modes.iter().zip(&all.modes).filter(|(mode, _)| (mode.applies)(args));
        let of_modes: Vec<Expectation> = applying.flat_map(|(_, adds)| adds.iter().cloned()).collect();
        let own = |fact: &&Expectation| {
            let name = fact.info.name;
            family.produces(args, name) && !of_modes.iter().any(|other| other.info.name == name)
        };
        let derived = derived(family, args);
        let all = all.facts.iter().filter(own).chain(&of_modes);
        let other = |fact: &&Expectation| !derived.iter().any(|derived| derived.path == fact.path);
        all.filter(other).cloned().chain(derived.iter().cloned()).collect()
    }

    /// Those of the facts that keys of a check give it.
    #[must_use]
    pub fn of_keys(&self, family: &Family, keys: FactKeys) -> &[Expectation] {
        let all = self.0.get(family.name).filter(|_| keys.parity);
        all.map(|all| all.parity.as_slice()).unwrap_or_default()
    }
}

/// Those that the fields of a check give. One that does not parse is a defect that a test of its family finds.
fn derived(family: &'static Family, args: &Args) -> Vec<Expectation> {
    let all = (family.derives)(args).into_iter();
    all.flat_map(|derived| {
        let origin = Origin::Derived(derived.why.into());
        let read = read(family, &derived.expect, args, &mut Diagnostics::default());
        read.into_iter().map(move |expectation| Expectation { origin: origin.clone(), ..expectation })
    })
    .collect()
}

/// What the facts of a table are expected to be by default, as a suite would write it.
fn expected(facts: &[FactInfo]) -> String {
    let all = facts.iter().filter_map(|fact| Some(format!("{}: {}", fact.name, fact.expected?)));
    all.collect::<Vec<_>>().join("\n")
}

fn read(family: &'static Family, text: &str, args: &Args, errors: &mut Diagnostics) -> Vec<Expectation> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut sources = Sources::default();
    let source = sources.add(family.name, text.to_owned());
    let Some(node) = tree::parse(source, &sources, errors) else { return Vec::new() };
    let mut reader = ExpectationReader {
        family,
        missing: &|_| None,
        facts: family.facts,
        keys: FactKeys::ALL,
        errors,
        sources: &sources,
        default: true,
        args,
        typing: FactTyping::default(),
    };
    reader.read(&node).into_iter().map(|(expectation, _)| expectation).collect()
}
