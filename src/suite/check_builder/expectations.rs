//! The expectations of a check: those it writes, and the defaults of its family.

use std::path::Path;

use super::{Builder, Described, Written};
use crate::model::fact::FactKeys;
use crate::model::{Args, BaselineRules, Capture, Expectation, GridCell};
use crate::probe::Family;
use crate::suite::baseline_rules;
use crate::suite::check::Eventually;
use crate::suite::diagnostic::Span;
use crate::suite::expect::{ExpectationReader, FactTyping, derived, effective};
use crate::suite::tables;
use crate::suite::tree::Node;

/// What is expected of a case, and what follows from it.
pub(super) struct JudgedFields {
    pub(super) eventually: Option<Eventually>,
    pub(super) expectations: Vec<Expectation>,
    pub(super) silent: Vec<&'static str>,
    pub(super) captures: Vec<Capture>,
    pub(super) baseline: BaselineRules,
}

impl Builder<'_> {
    /// What stands in `expect`, `eventually`, `capture` and `baseline`.
    pub(super) fn judged(
        &mut self,
        written: &Written<'_>,
        args: &Args,
        cell: Option<&GridCell>,
        folder: &Path,
    ) -> JudgedFields {
        let Written { name, family, below, resolved, common, .. } = *written;
        let eventually = self.eventually(resolved.get("eventually"), folder);
        let keys = FactKeys { eventually: eventually.is_some(), parity: common.get(&tables::PARITY) };
        let read = (family, args, keys);
        // Of what is denied nothing else is to be seen.
        let denied = cell.is_some_and(|cell| !cell.allowed);
        let expect = resolved.get("expect");
        let rounds = self.rounds_of(common);
        let mut expectations = self.expectations(read, expect.filter(|_| !denied), rounds);
        self.must_expect(family, args, &expectations, expect.unwrap_or(below).span);
        let captures = self.captures(name, read, resolved.get("capture"), (folder, &mut expectations));
        let rules = (self.defaults.get("baseline"), resolved.get("baseline"));
        let baseline = baseline_rules::of_check((family, self.families), rules.0, rules.1, self.errors);
        let silent = effective::silent_outcomes(&expectations);
        JudgedFields { eventually, expectations, silent, captures, baseline }
    }

    /// The expectations in force.
    pub(super) fn expectations(&mut self, check: Described<'_>, node: Option<&Node>, rounds: u32) -> Vec<Expectation> {
        let (family, args, keys) = check;
        let mut defaults = self.defaults_of.of_check(family, args);
        defaults.extend_from_slice(self.defaults_of.of_keys(family, keys));
        let written = node.map_or_else(Vec::new, |node| self.written(check, node));
        self.ratios(family, &written, rounds);
        derived::check_limits(&(family.derives)(args), &written, self.errors);
        effective::combine(family.facts, &defaults, written, self.errors)
    }

    /// Those of a map of facts.
    pub(super) fn written(&mut self, (family, args, keys): Described<'_>, node: &Node) -> Vec<(Expectation, Span)> {
        let mut reader = ExpectationReader {
            family,
            missing: &|name| family.required_mode(args, name),
            facts: family.facts,
            keys,
            errors: self.errors,
            sources: self.sources,
            default: false,
            args,
            typing: FactTyping::default(),
        };
        reader.read(node)
    }

    /// Of some families a check says itself what is right: without it, it would hold for anything.
    pub(super) fn must_expect(&mut self, family: &Family, args: &Args, expectations: &[Expectation], span: Span) {
        let named = |expectation: &Expectation| family.must_expect.contains(&expectation.info.name);
        if self.shows || family.must_expect.is_empty() || expectations.iter().any(named) || self.errors.has(span) {
            return;
        }
        let seen: Vec<&str> = family.must_expect.iter().copied().filter(|name| family.produces(args, name)).collect();
        let Some((first, rest)) = seen.split_first() else { return };
        let others = rest.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("`{}` has no default: `expect` must say what is right", family.name);
        let help = format!("write `expect: {{{first}: {{exactly: […]}}}}`, or of one of these: {others}");
        self.errors.add(span, message, help);
    }
}
