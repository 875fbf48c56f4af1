//! What IPv4 and IPv6 show of one check side by side: which facts differ, by the rules that two reports are compared by,
//! and the ratios of what is timed.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::baseline::facts;
use crate::baseline::metrics::{self, Against, PAIRS};
use crate::judge::{self, Difference, Parity, Ratio};
use crate::model::document_path::is_of;
use crate::model::named::Named;
use crate::model::observation::{KEPT_OF_EACH, Side};
use crate::model::record::{Facts, Word};
use crate::model::reduced::{Check, Metric};
use crate::model::typed::Form;
use crate::model::{Changes, FactChange, FactInfo, Observation, Rule, Value, Verdict};
use crate::plan::Case;

/// Characters of a value shown, and of a digest.
const SHOWN: usize = 60;
const DIGITS: usize = 12;

/// The IP versions of a check with `parity`, compared; nothing of any other.
pub(super) fn compared(case: &Case, observation: &Observation) -> Option<Parity> {
    case.over_ipv4.as_ref()?;
    let sides = [Side::Base, Side::Subject].map(|side| observation.of_side(side));
    let [ipv4, ipv6] = [&sides[0], &sides[1]].map(|side| answers(case, side));
    let (Some(one), Some(other)) = (ipv4.first(), ipv6.first()) else {
        // Of one that was not asked nobody knows whether it is the same.
        return Some(Parity { unknown: Some("one of them was not asked".to_owned()), ..Parity::default() });
    };
    let check = check(case);
    let between =
        |before: &AnswerFacts, after: &AnswerFacts| facts::sides(&check, [&before.0, &after.0], [&before.1, &after.1]);
    let changes = between(one, other);
    // What is another with each answer over one IP version tells nothing of the other.
    let itself = |all: &[AnswerFacts]| -> Vec<String> {
        let pairs = all.iter().zip(all.iter().skip(1));
        pairs.flat_map(|(newer, older)| between(older, newer).facts).map(|change| change.fact).collect()
    };
    let unstable = [itself(&ipv4), itself(&ipv6)].concat();
    let wavers =
        |change: &&FactChange| unstable.iter().any(|path| is_of(path, &change.fact) || is_of(&change.fact, path));
    let (wavering, firm): (Vec<_>, Vec<_>) = changes.facts.iter().partition(wavers);
    let (unknown, left_out) = unknown(case, &changes, &wavering);
    Some(Parity {
        differences: firm.into_iter().map(|change| difference(case, change)).collect(),
        unknown,
        left_out,
        confirmed: ipv4.len().min(ipv6.len()) >= KEPT_OF_EACH,
        ratios: ratios(case, observation),
    })
}

/// The facts of an answer, and which of them were seen in part.
type AnswerFacts = (Facts, Named<String>);

/// The last answers of a side, newest first.
fn answers(case: &Case, side: &Observation) -> Vec<AnswerFacts> {
    let of = |round: Observation| (judge::facts(case, &round), judge::partial(case, &round));
    side.whole_rounds().map(of).collect()
}

/// Why it is not known whether they are the same; and the content, where it is another with each answer or was seen in part: it is
/// left out, unless the suite has it compared.
fn unknown(case: &Case, changes: &Changes, wavering: &[&FactChange]) -> (Option<String>, Vec<String>) {
    let seen_in_part = changes.partial.iter().map(|fact| (&fact.fact, format!("was seen in part: {}", fact.why)));
    let wavering = wavering.iter().map(|change| (&change.fact, "is another with each answer".to_owned()));
    let content = |fact: &str| {
        let left_out = |info: &FactInfo| info.roles.content && !case.baseline.rules.contains_key(info.name);
        case.family.facts.iter().any(|info| info.name == fact && left_out(info))
    };
    let (left_out, unknown): (Vec<_>, Vec<_>) = seen_in_part.chain(wavering).partition(|(fact, _)| content(fact));
    let left_out = left_out.iter().map(|(fact, why)| format!("`{fact}` {why}: IPv4 and IPv6 were not compared by it"));
    let unknown: Vec<String> = unknown
        .iter()
        .map(|(path, why)| {
            // A rule is written for a fact, not for a part of one.
            let facts = case.family.facts.iter().map(|info| info.name).filter(|name| is_of(path, name));
            let fact = facts.max_by_key(|name| name.len()).unwrap_or(path);
            format!("`{path}` {why}; leave it out with `baseline: {{{fact}: {{change: ignore}}}}`")
        })
        .collect();
    ((!unknown.is_empty()).then(|| unknown.join("; ")), left_out.collect())
}

/// The check, with the rules its facts are compared by. At one time the content is the same, whatever it is next week; and
/// addresses of the target are of one IP version.
fn check(case: &Case) -> Check {
    let own = |name: &str| case.baseline.rules.contains_key(name);
    let by_nature = case.family.facts.iter().filter(|info| !own(info.name)).filter_map(|info| {
        let rule = match info.form {
            _ if info.roles.content => Rule::Same,
            Form::Address => Rule::Ignore,
            _ => return None,
        };
        Some((Cow::Borrowed(info.name), Cow::Borrowed(rule.word())))
    });
    let written = case.baseline.rules.iter();
    let written = written.map(|(name, rule)| (Cow::Owned(name.clone()), Cow::Borrowed(rule.word())));
    Check {
        suite: case.suite.clone(),
        id: case.id.clone(),
        check: case.check.clone(),
        family: Cow::Borrowed(case.family.name),
        target: String::new(),
        verdict: Verdict::Passed,
        unmet: false,
        reason: None,
        severity: case.severity,
        digest: None,
        facts: Named::default(),
        partial: Named::default(),
        metrics: Named::default(),
        base: None,
        rules: by_nature.chain(written).collect(),
        gated: Vec::new(),
    }
}

fn difference(case: &Case, change: &FactChange) -> Difference {
    let form = case.family.facts.iter().find(|info| info.name == change.fact).map(|info| info.form);
    let shown = |value: &Value| match form {
        Some(Form::Digest) => shortened(&plain(value), DIGITS),
        _ => shortened(&plain(value), SHOWN),
    };
    let FactChange { fact, before, after, added, removed, part_of, .. } = change;
    let of = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), &shown);
    let only = |elements: &[Value], over: &str| {
        let all: Vec<String> = elements.iter().map(&shown).collect();
        (!all.is_empty()).then(|| format!("{} {over} only", shortened(&all.join(", "), SHOWN)))
    };
    let lists: Vec<String> = [only(removed, "over IPv4"), only(added, "over IPv6")].into_iter().flatten().collect();
    // A set of ports is no list of ranges.
    let text = if lists.is_empty() || matches!(form, Some(Form::Ports)) {
        format!("{fact}: {} over IPv4, {} over IPv6", of(before.as_ref()), of(after.as_ref()))
    } else {
        format!("{fact}: {}", lists.join(", "))
    };
    Difference { text, part_of: part_of.clone() }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    let kept: String = text.chars().take(most).collect();
    if kept.len() < text.len() { kept + "…" } else { kept }
}

/// The ratios of the metrics that are compared by one, where there are pairs enough to say how sure they are.
fn ratios(case: &Case, observation: &Observation) -> Vec<Ratio> {
    let all = judge::metrics_in_turn(case, observation);
    let ratio = |(name, metric): (Word, _)| {
        let (_, compared) = metrics::compare(&Metric::from(&metric), Against::OtherArm).into_iter().next()?;
        let enough = compared.counts.iter().all(|count| *count >= PAIRS);
        let (value, interval) = (compared.ratio?, compared.ci.filter(|_| enough)?);
        Some(Ratio { metric: name, value, interval })
    };
    all.0.into_iter().filter_map(ratio).collect()
}
