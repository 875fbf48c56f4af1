//! Expectations that cannot fail, cannot hold, or say of an outcome only what it is not.

use crate::model::expectation::{Expectation, FactPart, Operator, Sort, Test, domain};
use crate::model::{Better, Kind, Value};

/// What is wrong with it, and what to write instead.
pub(super) fn flaw(expectation: &Expectation) -> Option<(String, String)> {
    let Expectation { path, info, part, sort, test, operator, want, .. } = expectation;
    let written = || format!("`{path}: {{{}: {want}}}`", operator.word());
    if info.roles.outcome && !test.names_words() {
        let message = format!("{} does not name the outcomes that may be", written());
        return Some((message, format!("name each: {path}: {{in: [{}]}}", others(expectation))));
    }
    if *part != FactPart::Whole && *sort == Sort::Any {
        return None;
    }
    if let Some(flaw) = exactness(expectation) {
        return Some(flaw);
    }
    // How many there are is no share, whatever they are.
    let range = if *part == FactPart::Statistic("count") { (Some(0.0), None) } else { info.range() };
    if !matches!(test, Test::Present(_)) && domain::always_holds(test, *sort, range) {
        let message = format!("{} holds whatever the value is", written());
        let help = format!("write what must hold; {{present: true}} where any value of `{path}` will do");
        let outcome = format!("name fewer outcomes: {path}: {{in: [{}]}}", others(expectation));
        return Some((message, if info.roles.outcome { outcome } else { help }));
    }
    domain::contradict(&[test], *sort, range).then(|| {
        let message = format!("{} can never hold", written());
        (message, format!("`shakedown explain {path}` lists what it can be"))
    })
}

/// That something is exactly a value which it never is exactly, or that it is not.
fn exactness(expectation: &Expectation) -> Option<(String, String)> {
    let Expectation { path, info, part, test, want, .. } = expectation;
    if *part == FactPart::Statistic("count") {
        return None;
    }
    let is_never = |value: &Value| value.as_f64().is_some_and(|number| info.is_never(number));
    let why = if info.time.runs_on() { "is another one at each moment" } else { "is measured" };
    let limits = |value: &str| {
        let [first, second] = match (info.time.runs_on(), info.better) {
            (true, _) => ["gt", "lt"],
            (_, Some(Better::Higher)) => ["ge", "le"],
            _ => ["le", "ge"],
        };
        format!("write a limit: `{path}: {{{first}: {value}}}`, or `{path}: {{{second}: {value}}}`")
    };
    if names_only(test, &is_never) {
        let one = if matches!(test, Test::Eq(_)) { want.to_string() } else { "such a value".to_owned() };
        let help = if matches!(test, Test::Eq(_)) { limits(want) } else { limits("VALUE") };
        return Some((format!("`{path}` {why}, and is never exactly {one}"), help));
    }
    match test {
        Test::Not(inner) if names_only(inner, &is_never) => {
            Some((format!("`{path}` {why}, and is always another than {want}"), limits("VALUE")))
        }
        _ => None,
    }
}

/// Whether a test holds for nothing but values that never are.
fn names_only(test: &Test, is_never: &impl Fn(&Value) -> bool) -> bool {
    match test {
        Test::Eq(value) => is_never(value),
        Test::In(values) => values.iter().all(is_never),
        Test::AllOf(parts) => parts.iter().any(|part| names_only(part, is_never)),
        Test::AnyOf(parts) => parts.iter().all(|part| names_only(part, is_never)),
        _ => false,
    }
}

/// The words of an outcome beside the one expected by default and those that say nothing of the peer, as far as the test
/// accepts them.
fn others(expectation: &Expectation) -> String {
    let Kind::Choice(words) = expectation.info.kind else { return String::new() };
    let usual = expectation.info.expected;
    let accepted = |word: &str| expectation.test.holds(Some(&Value::from(word)), expectation.sort);
    let meant: Vec<&str> = words.iter().copied().filter(|word| accepted(word)).collect();
    let of_the_peer = |word: &&str| Some(*word) != usual && !expectation.info.elsewhere.contains(word);
    // Where everything is accepted but one, that is what was meant.
    let rest: Vec<&str> = meant.iter().copied().filter(of_the_peer).take(4).collect();
    let but_one = matches!(expectation.operator, Operator::Ne | Operator::NotIn | Operator::Not);
    let usual = usual.filter(|usual| but_one && meant.contains(usual));
    let all: Vec<&str> = usual.into_iter().chain(rest).collect();
    if all.is_empty() {
        let others = words.iter().copied().filter(of_the_peer).filter(|word| Some(*word) != expectation.info.expected);
        return others.take(4).collect::<Vec<_>>().join(", ");
    }
    all.join(", ")
}
