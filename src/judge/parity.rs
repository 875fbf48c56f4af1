//! Two IP versions of one check: each judged by the same expectations, then both side by side.

use serde_json::Map;

use super::{Judgement, judge_arm, kept, operands, unjudged};
use crate::model::document_path::is_of;
use crate::model::expectation::domain::holds_throughout;
use crate::model::fact::parity::{self, DIFFERENCES, RATIO, SAME};
use crate::model::observation::Side;
use crate::model::record::{FactValue, Outcome, Word};
use crate::model::{Expectation, Fault, Observation, Value, Verdict, shell};
use crate::plan::{Case, OVER_IPV4, OVER_IPV6, PlannedArm};
use crate::probe::diagnosis::{self, Usual};

/// Differences named in a reason; more are counted.
const LISTED: usize = 3;

/// What IPv4 and IPv6 show side by side. How facts are compared, the assessor knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parity {
    /// In what they differ.
    pub differences: Vec<Difference>,
    /// What could not be compared, and why.
    pub unknown: Option<String>,
    /// What is not compared as nobody asks for it, and why.
    pub left_out: Vec<String>,
    /// Whether there were enough answers of either to tell what differs anyway.
    pub confirmed: bool,
    /// Metrics that are compared by ratio.
    pub ratios: Vec<Ratio>,
}

/// A fact that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `status: 200 over IPv4, 503 over IPv6`.
    pub text: String,
    /// The thing it describes beside other facts.
    pub part_of: Option<Word>,
}

/// The median of a metric over IPv6, divided by that over IPv4.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// The metric.
    pub metric: Word,
    /// The estimate.
    pub value: f64,
    /// The ends of its 95 % confidence interval.
    pub interval: [f64; 2],
}

/// Judges an attempt over both IP versions.
pub(super) fn judge(
    (case, over_ipv4): (&Case, &PlannedArm),
    observation: &Observation,
    fault: Option<Fault>,
    usual: Usual<'_>,
    seen: &Parity,
) -> Judgement {
    let ipv4 = judge_arm((case, over_ipv4), &observation.of_side(Side::Base), fault.clone(), &diagnosis::unknown);
    let ipv6 = judge_arm((case, case.subject()), &observation.of_side(Side::Subject), fault, usual);
    let keep = |judgement: Judgement| Judgement { parity: Some(Box::new(seen.clone())), ..judgement };
    match (ipv4.verdict, ipv6.verdict) {
        // What is broken over one stays broken, whatever is not known of the other.
        (Verdict::Failed, _) | (_, Verdict::Failed) => keep(failed(case, ipv4, ipv6, seen)),
        (Verdict::Errored, _) => ipv4,
        (_, Verdict::Errored) => ipv6,
        _ => keep(beside(case, observation, ipv6, seen)),
    }
}

/// Whether an attempt failed on nothing but that the IP versions differ, seen too seldom: it is looked at again.
#[must_use]
pub fn is_unsure(judgement: &Judgement) -> bool {
    let of_parity = |outcome: &Outcome| outcome.fact.starts_with("parity.");
    let broken = || judgement.expectations.iter().filter(|outcome| !outcome.held);
    let confirmed = judgement.parity.as_ref().is_none_or(|parity| parity.confirmed);
    !confirmed && broken().next().is_some() && broken().all(of_parity)
}

/// One of them does not hold, or neither.
fn failed(case: &Case, ipv4: Judgement, ipv6: Judgement, seen: &Parity) -> Judgement {
    let mut expectations = merged(ipv4.expectations, ipv6.expectations);
    expectations.extend(parities(case, seen).filter_map(Result::ok));
    let is_failed = |verdict| verdict == Verdict::Failed;
    let cause = |reason: Option<String>| reason.unwrap_or_default();
    let (reason, next, group) = match (is_failed(ipv4.verdict), is_failed(ipv6.verdict)) {
        (true, true) => {
            let (ipv4_cause, ipv6_cause) = (cause(ipv4.reason), cause(ipv6.reason));
            let reason = if seen.differences.is_empty() {
                format!("over both IP versions: {ipv4_cause}")
            } else {
                format!("{OVER_IPV4}: {ipv4_cause}; {OVER_IPV6}: {ipv6_cause}")
            };
            (reason, ipv4.next, None)
        }
        (true, false) => (one_sided([OVER_IPV6, OVER_IPV4], ipv6.verdict, &cause(ipv4.reason)), ipv4.next, ipv4.group),
        _ => (one_sided([OVER_IPV4, OVER_IPV6], ipv4.verdict, &cause(ipv6.reason)), ipv6.next, ipv6.group),
    };
    Judgement { next, group, expectations, ..Judgement::of(Verdict::Failed, Some(reason)) }
}

fn one_sided([good, bad]: [&str; 2], other: Verdict, cause: &str) -> String {
    if other == Verdict::Passed { format!("holds {good}, not {bad}: {cause}") } else { format!("{bad}: {cause}") }
}

/// Both hold: how they compare decides.
fn beside(case: &Case, observation: &Observation, ipv6: Judgement, seen: &Parity) -> Judgement {
    let mut expectations = ipv6.expectations;
    let mut open = None;
    for judged in parities(case, seen) {
        match judged {
            Ok(outcome) => expectations.push(outcome),
            Err(doubt) => open = open.or(Some(*doubt)),
        }
    }
    let broken = || expectations.iter().filter(|outcome| !outcome.held);
    if let Some(fault) = open.filter(|_| broken().next().is_none()) {
        return unjudged(fault);
    }
    let Some(first) = broken().next() else {
        return Judgement { expectations, ..Judgement::of(Verdict::Passed, None) };
    };
    let addresses = [Side::Base, Side::Subject].map(|side| address(case, &observation.of_side(side)));
    let timed = is_of(&first.fact, RATIO.info.name);
    let (reason, next) = if timed {
        (slower(first), by_hand(case, &addresses))
    } else {
        (sentence_of(&seen.differences, first), compare(addresses))
    };
    Judgement { next: Some(next), expectations, ..Judgement::of(Verdict::Failed, Some(reason)) }
}

/// The address that was asked.
fn address(case: &Case, side: &Observation) -> Option<String> {
    let fact = case.family.facts.iter().find(|fact| fact.roles.address)?;
    side.text(fact.name).map(str::to_owned)
}

/// "`connect_time` over IPv6 is 2.100 (1.900 to 2.400) x that over IPv4, expected less than 1.5".
fn slower(broken: &Outcome) -> String {
    let (Some(metric), Some(got)) = (parity::metric(&broken.fact), &broken.got) else { return broken.sentence() };
    format!("{metric} over IPv6 is {got} x that over IPv4, expected {}", broken.in_words())
}

/// What to do about a difference.
fn compare(addresses: [Option<String>; 2]) -> String {
    let behind = match addresses {
        [Some(ipv4), Some(ipv6)] => format!("{ipv4} and behind {ipv6}"),
        _ => "either address".to_owned(),
    };
    format!(
        "look at what stands behind {behind}: another server, or one with an older release or configuration; what may differ is left out with `baseline: {{FACT: {{change: ignore}}}}`"
    )
}

/// What to do about a ratio.
fn by_hand(case: &Case, addresses: &[Option<String>; 2]) -> String {
    let target = case.subject().probe.target();
    let time = |address: Option<&str>| (case.family.timed_by_hand)(&target, address);
    let commands: Vec<String> =
        addresses.iter().map(Option::as_deref).filter_map(time).map(|line| shell::command(&line)).collect();
    let time = if commands.is_empty() { String::new() } else { format!("; by hand: {}", commands.join(" and ")) };
    format!("look at the two ways: is one of them a tunnel, a detour, or past another firewall?{time}")
}

/// The differences in one sentence, of each thing the first.
fn sentence_of(differences: &[Difference], broken: &Outcome) -> String {
    let mut things: Vec<&Difference> = Vec::new();
    for one in differences {
        if one.part_of.is_none() || !things.iter().any(|other| other.part_of == one.part_of) {
            things.push(one);
        }
    }
    if things.is_empty() {
        return broken.sentence();
    }
    let texts: Vec<&str> = things.iter().take(LISTED).map(|one| one.text.as_str()).collect();
    let more = things.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("IPv4 and IPv6 differ: {}{more}", texts.join("; "))
}

/// The outcomes of both; of what one of them breaks, that one's, and over which it was seen.
fn merged(ipv4: Vec<Outcome>, ipv6: Vec<Outcome>) -> Vec<Outcome> {
    let over = |outcome: &Outcome, word: &str| outcome.got.as_ref().map(|got| format!("{got} {word}"));
    let is_same = |one: &Outcome, other: &Outcome| {
        (&one.fact, &one.operator, &one.want) == (&other.fact, &other.operator, &other.want)
    };
    let mut out = ipv6;
    for mut mine in ipv4 {
        let Some(other) = out.iter_mut().find(|other| is_same(other, &mine)) else {
            if !mine.held {
                mine.got = over(&mine, OVER_IPV4);
            }
            out.push(mine);
            continue;
        };
        match (mine.held, other.held) {
            (false, false) => {
                let both = [over(&mine, OVER_IPV4), over(other, OVER_IPV6)];
                let both: Vec<String> = both.into_iter().flatten().collect();
                other.got = (!both.is_empty()).then(|| both.join(", "));
            }
            (false, true) => (other.got, other.held) = (over(&mine, OVER_IPV4), false),
            (true, false) => other.got = over(other, OVER_IPV6),
            (true, true) => {}
        }
    }
    out
}

/// What is expected of both side by side, judged; a fault where that cannot be decided.
fn parities(case: &Case, seen: &Parity) -> impl Iterator<Item = Result<Outcome, Box<Fault>>> {
    let expectations = case.subject().expectations.iter().filter(|one| parity::is_parity(&one.info));
    expectations.map(|expectation| {
        let judged =
            if expectation.info.name == RATIO.info.name { ratio(expectation, seen) } else { same(expectation, seen) };
        judged.map_err(|(detail, remedy)| {
            let Expectation { path, operator, want, .. } = expectation;
            let operation = format!("judge `{path}: {}`", operator.sentence(want));
            Box::new(Fault::local(operation, case.subject().probe.target(), detail, remedy))
        })
    })
}

/// Why something cannot be decided, and what to do about it.
type Doubt = (String, &'static str);

/// A ratio is judged where all of its interval agrees.
fn ratio(expectation: &Expectation, seen: &Parity) -> Result<Outcome, Doubt> {
    let (typing, metric) = (expectation.typing(None), parity::metric(&expectation.path));
    let Some(ratio) = seen.ratios.iter().find(|ratio| Some(&*ratio.metric) == metric) else {
        return Ok(kept(expectation, expectation.test.holds(None, typing), None));
    };
    let [low, high] = ratio.interval;
    let shown = format!("{:.3} ({low:.3} to {high:.3})", ratio.value);
    let Some(held) = holds_throughout(&expectation.test, typing, (low, high)) else {
        let detail = format!("`{}` is {shown} with 95 % confidence, too wide to judge", expectation.path);
        return Err((detail, "raise `rounds` until the interval is narrow enough, or expect a limit outside of it"));
    };
    Ok(kept(expectation, held, Some(shown)))
}

fn same(expectation: &Expectation, seen: &Parity) -> Result<Outcome, Doubt> {
    let value = value(expectation.info.name, seen);
    let typing = expectation.typing(None);
    let held = match &seen.unknown {
        // That something differs, nothing more can undo.
        Some(_) if expectation.info.name != SAME.info.name || value.is_none() => {
            expectation.test.holds_in_part(value.as_ref(), typing)
        }
        _ => Some(expectation.test.holds(value.as_ref(), typing)),
    };
    let got = || value.as_ref().map(|value| operands::human(value, expectation.sort));
    held.map(|held| kept(expectation, held, got())).ok_or_else(|| {
        let why = seen.unknown.as_deref().unwrap_or_default();
        (format!("whether IPv4 and IPv6 show the same is not known: {why}"), NOT_KNOWN)
    })
}

/// What to do about a fact that cannot be compared.
const NOT_KNOWN: &str = "let all of it be seen, and the same with each answer, or leave the fact out as shown";

/// The value of a fact; absent where it is not known.
fn value(name: &str, seen: &Parity) -> Option<Value> {
    let texts = || seen.differences.iter().map(|one| Value::from(one.text.as_str())).collect();
    match name {
        _ if name == SAME.info.name => {
            let differs = !seen.differences.is_empty();
            (differs || seen.unknown.is_none()).then_some(Value::Bool(!differs))
        }
        _ if name == DIFFERENCES.info.name => Some(Value::Array(texts())),
        _ if seen.ratios.is_empty() => None,
        _ => {
            let one = |ratio: &Ratio| (ratio.metric.to_string(), Value::from(ratio.value));
            Some(Value::Object(seen.ratios.iter().map(one).collect::<Map<_, _>>()))
        }
    }
}

/// The facts of a record.
pub(super) fn facts(seen: &Parity) -> impl Iterator<Item = (Word, FactValue)> {
    let all = parity::PARITY.iter().filter_map(|info| Some((info.name, value(info.name, seen)?)));
    all.map(|(name, value)| (Word::Borrowed(name), FactValue::Scalar(value)))
}
