//! The line `try next` of a failure: the advice of its facts.

use crate::checks;
use crate::model::document_path::is_of;
use crate::model::fact::{NO_FAILURE, SETTLED_IN};
use crate::model::record::{FactValue, Outcome};
use crate::model::{CheckRecord, FactInfo, Value};

/// Advice for a case that failed: after an outcome that tells of a fault by itself, else after the first expectation that
/// did not hold.
#[must_use]
pub fn advice(check: &CheckRecord) -> Option<&'static str> {
    let facts = checks::family(&check.family)?.facts;
    let special = hung(check, facts).or_else(|| rejected(check, facts)).or_else(|| gone(check, facts));
    if let Some(advice) = special.or_else(|| open(check, facts)).or_else(|| unreached(check, facts)) {
        return Some(advice);
    }
    // A name server may refuse by rcode while the exchange itself went well: the more specific fact stands further down the
    // table and speaks first. What is as expected (a port that must be closed is refused) needs no advice.
    let values = facts.iter().rev().filter(|fact| !is_expected(check, fact.name));
    let by_value = values.clone().find_map(|fact| of_value(check, fact).filter(|advice| *advice != NO_FAILURE));
    let by_breach = of_breach(check, facts);
    let fine = values.clone().any(|fact| fact.roles.decisive && of_value(check, fact) == Some(NO_FAILURE));
    if fine { by_breach.or(by_value) } else { by_value.or(by_breach) }
}

/// The expectations that did not hold, with something seen; then the facts of those that saw nothing. Those are absent for
/// the reason that the others tell, so that they need no account of their own.
#[must_use]
pub fn breaches(check: &CheckRecord) -> (Vec<&Outcome>, Vec<&str>) {
    let breached = || check.expectations.iter().filter(|outcome| !outcome.held);
    let told: Vec<&Outcome> = breached().filter(|outcome| outcome.got.is_some()).collect();
    if told.is_empty() {
        return (breached().collect(), Vec::new());
    }
    (told, breached().filter(|outcome| outcome.got.is_none()).map(|outcome| &*outcome.fact).collect())
}

fn is_expected(check: &CheckRecord, fact: &str) -> bool {
    check.expectations.iter().any(|outcome| outcome.held && &*outcome.fact == fact)
}

/// The advice for the value a fact has.
fn of_value(check: &CheckRecord, fact: &FactInfo) -> Option<&'static str> {
    fact.advice.values.iter().find(|(value, _)| is(check, fact.name, value)).map(|(_, advice)| *advice)
}

/// The advice for the first expectation that did not hold: of its fact, or of the one it is a part of.
fn of_breach(check: &CheckRecord, facts: &[FactInfo]) -> Option<&'static str> {
    let breached = || check.expectations.iter().filter(|outcome| !outcome.held);
    // What saw something is told first.
    let path = &*breached().find(|outcome| outcome.got.is_some()).or_else(|| breached().next())?.fact;
    let within = |fact: &&FactInfo| is_of(path, fact.name);
    let named = facts.iter().chain([&SETTLED_IN]).filter(within).filter(|fact| fact.advice.breach.is_some());
    named.max_by_key(|fact| fact.name.len())?.advice.breach
}

/// Silence after a connection is no matter of the network.
fn hung(check: &CheckRecord, facts: &[FactInfo]) -> Option<&'static str> {
    let reached = facts.iter().any(|fact| fact.roles.reached && check.facts.get(fact.name).is_some());
    let advice =
        "it accepts connections but does not answer: the process hangs or is overloaded, or speaks another protocol";
    (reached && came_to(check, facts, "timeout")).then_some(advice)
}

/// An ICMP error that names a filter.
fn rejected(check: &CheckRecord, facts: &[FactInfo]) -> Option<&'static str> {
    let filtered = check.notes.iter().any(|note| note.contains("prohibited") || note.contains("a firewall"));
    let advice = "a firewall or an access list on the way rejects it: see who, in the evidence, and allow it there";
    (filtered && came_to(check, facts, "unreachable")).then_some(advice)
}

/// An ICMP error about a host of a network where nobody has its address.
fn gone(check: &CheckRecord, facts: &[FactInfo]) -> Option<&'static str> {
    let words = ["host_unreachable from", "address_unreachable from"];
    let told = check.notes.iter().any(|note| words.iter().any(|word| note.contains(word)));
    let advice = "nobody answers for this address in its own network (ARP, neighbour discovery): is the host up, and is it the \
                  right address?";
    (told && came_to(check, facts, "unreachable")).then_some(advice)
}

/// What was to be shut answers.
fn open(check: &CheckRecord, facts: &[FactInfo]) -> Option<&'static str> {
    let fact = facts.iter().find(|fact| fact.roles.outcome)?;
    let breach = check.expectations.iter().find(|outcome| !outcome.held && &*outcome.fact == fact.name)?;
    if fact.expected.is_some_and(|success| is(check, fact.name, success)) {
        return Some(
            "something answers there, where nothing should: is the filter in place, and the service stopped (ss -ltnup on the \
             host)?",
        );
    }
    let silence = fact.silent.iter().any(|word| breach.want.contains(word));
    (silence && is(check, fact.name, "refused"))
        .then_some("packets get there, and the host refuses them itself: is the filter that should drop them in place?")
}

/// Nobody answered: whatever else was to be seen is unknown for that reason alone.
fn unreached(check: &CheckRecord, facts: &[FactInfo]) -> Option<&'static str> {
    let fact = facts.iter().find(|fact| fact.roles.outcome)?;
    let silent = fact.silent.iter().any(|word| is(check, fact.name, word));
    if silent && !is_expected(check, fact.name) { of_value(check, fact) } else { None }
}

/// Whether the first decisive fact has this value.
fn came_to(check: &CheckRecord, facts: &[FactInfo], word: &str) -> bool {
    facts.iter().find(|fact| fact.roles.decisive).is_some_and(|fact| is(check, fact.name, word))
}

fn is(check: &CheckRecord, fact: &str, want: &str) -> bool {
    match check.facts.get(fact) {
        Some(FactValue::Scalar(Value::String(text))) => text == want,
        Some(FactValue::Scalar(Value::Number(number))) => number.to_string() == want,
        Some(FactValue::Scalar(Value::Bool(flag))) => want == if *flag { "true" } else { "false" },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::FAMILIES;
    use crate::model::Kind;

    /// Outcomes after which nothing needs to be tried.
    const SUCCESS: &[&str] = &["connected", "replied", "answered", "completed", "transferred"];

    #[test]
    fn every_outcome_of_every_family_has_advice() {
        let mut missing = Vec::new();
        for family in FAMILIES {
            let decisive = family.facts.iter().find(|fact| fact.roles.decisive);
            if let Some(fact) = decisive
                && let Kind::Choice(words) = fact.kind
            {
                let has_advice = |word: &&&str| fact.advice.values.iter().any(|(value, _)| *value == **word);
                let without = words.iter().filter(|word| !SUCCESS.contains(word) && !has_advice(word));
                missing.extend(without.map(|word| format!("{}: outcome {word}", family.name)));
            }
        }
        assert!(missing.is_empty(), "no advice for\n  {}", missing.join("\n  "));
    }
}
