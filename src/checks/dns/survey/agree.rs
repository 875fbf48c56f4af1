//! One fact out of what many servers said.
//!
//! A fact is recorded only when every server was seen and none contradicts it, so that a silent server never hides behind the
//! others; what is seen of one suffices where it decides (one open resolver, one server that differs).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::facts;
use super::look::Look;
use super::said::Said;
use super::{Survey, serial};
use crate::checks::dns::facts as ordinary_facts;
use crate::model::Fact;
use crate::probe::Cx;

/// Whether all of it holds: one that does not decides, one that is unknown leaves the rest open.
pub(super) fn all(values: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for value in values {
        match value {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// What everyone says, if everyone says the same; nothing of nobody.
pub(super) fn same<T: PartialEq>(values: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// Those of whom it is true, if it is known of everyone.
pub(super) fn those(looks: &[Look], test: impl Fn(&Look) -> Option<bool>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for look in looks {
        if test(look)? {
            out.push(look.label().to_owned());
        }
    }
    Some(out)
}

/// Sets a fact that was seen.
pub(super) fn set<T: crate::model::fact::Scalar>(cx: &mut Cx<'_>, fact: &Fact<T>, value: Option<impl Into<T::In>>) {
    if let Some(value) = value {
        cx.set(fact, value);
    }
}

/// The facts of every survey.
pub(super) fn report(cx: &mut Cx<'_>, survey: &Survey, looks: &[Look]) {
    cx.set(&facts::COUNT, i64::try_from(looks.len()).unwrap_or(i64::MAX));
    let failed = those(looks, |look| Some(!look.answered())).unwrap_or_default();
    for look in looks.iter().filter(|look| !look.answered()) {
        let said: Vec<&str> = look.said().map(|said| said.outcome).collect();
        let said = if said.is_empty() { look.outcome().to_owned() } else { said.join(", ") };
        cx.note(format!("{}: without an answer ({said})", look.label()));
    }
    cx.set(&facts::FAILED, failed);
    let outcome = looks.iter().map(Look::outcome).find(|outcome| *outcome != "answered");
    // What a limit kept from being asked is not answered; the note says so.
    let outcome = outcome.map_or("answered", |outcome| if outcome == "unasked" { "timeout" } else { outcome });
    cx.set(&ordinary_facts::OUTCOME, outcome);
    camps(cx, looks);
    serials(cx, looks);
    ordinary(cx, looks);
    let aa = |look: &Look| look.answered().then(|| look.said().all(|said| said.has("aa")));
    set(cx, &facts::AUTHORITATIVE, all(looks.iter().map(aa)));
    if !survey.way.stream {
        let reached = |look: &Look| look.said().any(|said| said.rcode.is_some());
        cx.set(&facts::REACHABLE_UDP, looks.iter().all(reached));
        set(cx, &facts::UNREACHABLE_UDP, those(looks, |look| Some(!reached(look))));
        let mismatch = |look: &Look| {
            let known = look.answered() || !look.tally.impostors.is_empty();
            known.then_some(!look.tally.impostors.is_empty())
        };
        set(cx, &facts::MISMATCH, those(looks, mismatch));
        for look in looks.iter().filter(|look| !look.tally.impostors.is_empty()) {
            let from: Vec<String> = look.tally.impostors.iter().map(ToString::to_string).collect();
            cx.note(format!("{}: answered from {}", look.label(), from.join(", ")));
        }
    }
    if survey.nsid && looks.iter().all(Look::answered) {
        let nsids: BTreeSet<String> =
            looks.iter().filter_map(|look| look.said().find_map(|said| said.nsid.clone())).collect();
        cx.set(&facts::NSIDS, Vec::from_iter(nsids));
    }
}

/// Who answers like whom. The reference is what most say; of equal camps, that of the newest serial.
fn camps(cx: &mut Cx<'_>, looks: &[Look]) {
    let mut camps: BTreeMap<Vec<&str>, Vec<&Look>> = BTreeMap::new();
    for look in looks.iter().filter(|look| look.answered()) {
        camps.entry(look.said().map(|said| said.same.as_str()).collect()).or_default().push(look);
    }
    let newest = |camp: &[&Look]| camp.first().and_then(|look| look.soa()).map(|soa| soa.serial);
    let reference = camps.iter().reduce(|best, next| {
        let newer = match (newest(next.1), newest(best.1)) {
            (Some(one), Some(other)) => one != other && serial::reached(one, other),
            _ => false,
        };
        let larger = next.1.len().cmp(&best.1.len());
        if larger.is_gt() || (larger.is_eq() && newer) { next } else { best }
    });
    let Some((usual, _)) = reference else { return };
    for (unlike, camp) in camps.iter().filter(|(said, _)| *said != usual) {
        for (one, other) in unlike.iter().zip(usual).filter(|(one, other)| one != other) {
            let who: Vec<&str> = camp.iter().map(|look| look.label()).collect();
            cx.note(format!("{} differs: {one}; most: {other}", who.join(", ")));
        }
    }
    let complete = looks.iter().all(Look::answered);
    if complete || camps.len() > 1 {
        cx.set(&facts::CONSISTENT, camps.len() == 1);
    }
    let differs =
        |look: &Look| look.answered().then(|| !look.said().map(|said| said.same.as_str()).eq(usual.iter().copied()));
    set(cx, &facts::DIFFERING, those(looks, differs));
}

fn serials(cx: &mut Cx<'_>, looks: &[Look]) {
    let serials: Option<Vec<u32>> = looks.iter().map(|look| look.soa().map(|soa| soa.serial)).collect();
    let Some(serials) = serials.filter(|serials| !serials.is_empty()) else { return };
    let Some((first, spread)) = serial::ahead(&serials) else {
        cx.note(format!("the serials have no order (RFC 1982): {serials:?}"));
        return;
    };
    cx.set(&facts::SERIAL, i64::from(first));
    cx.set(&facts::SPREAD, i64::from(spread));
    set(cx, &facts::BEHIND, those(looks, |look| look.soa().map(|soa| soa.serial != first)));
}

/// The facts of a single question, from agreement.
fn ordinary(cx: &mut Cx<'_>, looks: &[Look]) {
    let of =
        |look: &Look, what: &dyn Fn(&Said) -> Option<Value>| look.asked.as_ref().or(look.apex.as_ref()).and_then(what);
    let code = same(looks.iter().map(|look| look.asked.as_ref().or(look.apex.as_ref()).and_then(|said| said.rcode)));
    if let Some(code) = code {
        ordinary_facts::record_rcode(cx, code);
    }
    let sorted = |said: &Said| {
        said.answers
            .as_ref()
            .map(|answers| Value::from(BTreeSet::from_iter(answers.clone()).into_iter().collect::<Vec<_>>()))
    };
    if same(looks.iter().map(|look| of(look, &sorted))).is_some() {
        let first = looks.first().and_then(|look| look.asked.as_ref().or(look.apex.as_ref()));
        set(cx, &ordinary_facts::ANSWERS, first.and_then(|said| said.answers.clone()));
    }
    let flags = |look: &Look| {
        let said = look.asked.as_ref().or(look.apex.as_ref())?;
        said.answered().then(|| said.flags.clone())
    };
    set(cx, &ordinary_facts::FLAGS, same(looks.iter().map(flags)));
    let cut = looks.iter().flat_map(Look::said).any(|said| said.has("tc"));
    if cut || looks.iter().all(Look::answered) {
        cx.set(&ordinary_facts::TRUNCATED, cut);
    }
    aliases(cx, looks);
    for look in looks {
        for time in &look.tally.connect_times {
            cx.record_time(&ordinary_facts::CONNECT_TIME, *time);
        }
        let Some(said) = look.asked.as_ref().or(look.apex.as_ref()) else { continue };
        for ttl in &said.ttls {
            cx.record(&ordinary_facts::TTL, f64::from(*ttl));
        }
        if let Some(rtt) = said.rtt {
            cx.record_time(&ordinary_facts::RTT, rtt);
        }
    }
    let size = looks.iter().flat_map(Look::said).map(|said| said.size).max().filter(|size| *size > 0);
    set(cx, &ordinary_facts::SIZE, size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)));
    cx.set(&ordinary_facts::ATTEMPTS, looks.iter().map(|look| look.tally.sent).sum::<i64>());
    cx.set(&ordinary_facts::DISCARDED, looks.iter().map(|look| look.tally.discarded).sum::<i64>());
    cx.set(&facts::REPEATED, looks.iter().map(|look| look.tally.repeated).sum::<i64>());
}

fn aliases(cx: &mut Cx<'_>, looks: &[Look]) {
    let links = |look: &Look| {
        let answered = look.asked.as_ref().is_some_and(Said::answered);
        look.chain.as_ref().filter(|_| answered).map(|chain| chain.links.clone())
    };
    if let Some(links) = same(looks.iter().map(links)) {
        cx.set(&facts::LINKS, i64::try_from(links.len()).unwrap_or(i64::MAX));
        cx.set(&ordinary_facts::CNAMES, links);
    }
    // One server with a loop, or with an alias to nothing, decides.
    let looped = looks.iter().map(|look| links(look).and(look.chain.as_ref()).map(|chain| !chain.looped));
    set(cx, &facts::LOOP, all(looped).map(|sound| !sound));
    let dangling = looks.iter().map(|look| look.dangling.map(|dangling| !dangling));
    set(cx, &facts::DANGLING, all(dangling).map(|sound| !sound));
}

#[cfg(test)]
mod tests {
    use super::{all, same};

    #[test]
    fn what_is_unknown_of_one_is_not_said_of_all() {
        assert_eq!(all([Some(true), Some(true)]), Some(true));
        assert_eq!(all([Some(true), None]), None);
        assert_eq!(all([None, Some(false)]), Some(false));
        assert_eq!(same([Some(1), Some(1)]), Some(1));
        assert_eq!(same([Some(1), None]), None);
        assert_eq!(same([None, Some(1)]), None);
        assert_eq!(same([Some(1), Some(2)]), None);
        assert_eq!(same::<u8>([]), None);
    }
}
