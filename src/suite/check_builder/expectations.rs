//! The expectations of a check: those it writes, and the defaults of its family.

use super::{Builder, Described};
use crate::model::{Args, Expectation};
use crate::probe::Family;
use crate::suite::diagnostic::Span;
use crate::suite::expect::{FactTyping, Reader, effective};
use crate::suite::tree::Node;

impl Builder<'_> {
    /// The expectations in force.
    pub(super) fn expectations(&mut self, check: Described<'_>, node: Option<&Node>) -> Vec<Expectation> {
        let (family, args, _) = check;
        let defaults = self.defaults_of.of_check(family, args);
        let written = node.map_or_else(Vec::new, |node| self.written(check, node));
        effective::combine(family.facts, &defaults, written, self.errors)
    }

    /// Those of a map of facts.
    pub(super) fn written(
        &mut self,
        (family, args, eventually): Described<'_>,
        node: &Node,
    ) -> Vec<(Expectation, Span)> {
        let mut reader = Reader {
            family,
            missing: &|name| family.required_mode(args, name),
            facts: family.facts,
            eventually,
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
