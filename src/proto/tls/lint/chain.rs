//! What is served, and in which order.

use std::collections::HashMap;

use rustls::pki_types::CertificateDer;

use super::reading::Reading;
use super::{Findings, View, rules};

/// Order, completeness and ballast of the served list.
pub(super) fn look(
    found: &mut Findings,
    chain: &[CertificateDer<'_>],
    readings: &[Option<Reading<'_>>],
    view: &View<'_>,
) {
    let twins = duplicates(found, chain);
    let line = line(readings, view);
    missing(found, readings, &line, view);
    order(found, readings, &line);
    for (at, reading) in readings.iter().enumerate().skip(1) {
        let Some(reading) = reading else { continue };
        if reading.issues_itself() {
            found.add(rules::ROOT_SENT, at, reading.certificate.subject().to_string());
        } else if !line.contains(&at) && !twins.contains_key(&at) {
            found.add(rules::UNUSED, at, reading.certificate.subject().to_string());
        }
    }
    if let Some(Some(leaf)) = readings.first() {
        found.when(leaf.must_staple() && view.stapled == Some(false), rules::STAPLE_MISSING, 0, String::new);
    }
}

/// Certificates that were served before, each with the place of the first.
fn duplicates(found: &mut Findings, chain: &[CertificateDer<'_>]) -> HashMap<usize, usize> {
    let mut first: HashMap<&[u8], usize> = HashMap::new();
    let mut twins = HashMap::new();
    for (at, der) in chain.iter().enumerate() {
        match first.get(der.as_ref()) {
            Some(before) => {
                found.add(rules::DUPLICATE, at, format!("the same as certificate {}", before + 1));
                twins.insert(at, *before);
            }
            None => {
                first.insert(der, at);
            }
        }
    }
    twins
}

/// Places of the certificates from the leaf upwards: those of the verified path, or else those that names and key
/// identifiers join.
pub(super) fn line(readings: &[Option<Reading<'_>>], view: &View<'_>) -> Vec<usize> {
    if let Some(path) = view.path {
        return path.used.clone();
    }
    let mut line = Vec::new();
    let mut current = readings.first().and_then(Option::as_ref).map(|leaf| (0, leaf));
    while let Some((at, certificate)) = current {
        line.push(at);
        let issuer = |(at, reading): (usize, &'_ Option<Reading<'_>>)| {
            let reading = reading.as_ref()?;
            (!line.contains(&at) && !certificate.issues_itself() && certificate.issued_by(reading)).then_some(at)
        };
        // The next one in the list comes first: of two that would do, it is the one that was meant.
        let after = readings.iter().enumerate().skip(at + 1).find_map(issuer);
        let next = after.or_else(|| readings.iter().enumerate().find_map(issuer));
        current = next.and_then(|at| Some((at, readings.get(at)?.as_ref()?)));
    }
    line
}

fn missing(found: &mut Findings, readings: &[Option<Reading<'_>>], line: &[usize], view: &View<'_>) {
    if view.path.is_some() {
        return;
    }
    let Some(top) = line.last() else { return };
    let Some(Some(reading)) = readings.get(*top) else { return };
    let open = !reading.issues_itself() && !(view.trusted)(reading.issuer());
    found.when(open, rules::MISSING, *top, || format!("its issuer is {}", reading.certificate.issuer()));
}

/// Each certificate of the line should come right after the one it certifies.
fn order(found: &mut Findings, readings: &[Option<Reading<'_>>], line: &[usize]) {
    let subject =
        |at: usize| readings.get(at).and_then(Option::as_ref).map(|reading| reading.certificate.subject().to_string());
    for pair in line.windows(2) {
        let [below, above] = pair else { continue };
        if *above < *below {
            let detail = format!("it certifies {}, which comes later", subject(*below).unwrap_or_default());
            found.add(rules::OUT_OF_ORDER, *above, detail);
        }
    }
    // A root in the middle of the line stands in the way as well.
    let last = line.iter().max().copied().unwrap_or_default();
    for (at, reading) in readings.iter().enumerate().take(last).skip(1) {
        let root = reading.as_ref().is_some_and(Reading::issues_itself) && !line.contains(&at);
        found.when(root, rules::OUT_OF_ORDER, at, || "a root before the last certificate".to_owned());
    }
}
