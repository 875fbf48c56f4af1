//! The served list: its members and their order.

use std::collections::HashMap;

use rustls::pki_types::CertificateDer;

use super::super::name_text;
use super::parsed::ParsedCertificate;
use super::{Context, Findings, rules};

/// Order, completeness and ballast of the served list.
pub(super) fn check(
    found: &mut Findings,
    chain: &[CertificateDer<'_>],
    parsed_chain: &[Option<ParsedCertificate<'_>>],
    context: &Context<'_>,
) {
    let twins = duplicates(found, chain);
    let line = line(parsed_chain, context);
    missing(found, parsed_chain, &line, context);
    order(found, parsed_chain, &line);
    for (at, parsed) in parsed_chain.iter().enumerate().skip(1) {
        let Some(parsed) = parsed else { continue };
        if parsed.issues_itself() {
            found.add(rules::ROOT_SENT, at, name_text::text(parsed.certificate.subject()));
        } else if !line.contains(&at) && !twins.contains_key(&at) {
            found.add(rules::UNUSED, at, name_text::text(parsed.certificate.subject()));
        }
    }
    if let Some(Some(leaf)) = parsed_chain.first() {
        found.when(leaf.must_staple() && context.stapled == Some(false), rules::STAPLE_MISSING, 0, String::new);
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
pub(super) fn line(parsed_chain: &[Option<ParsedCertificate<'_>>], context: &Context<'_>) -> Vec<usize> {
    if let Some(path) = context.path {
        return path.used.clone();
    }
    let mut line = Vec::new();
    let mut current = parsed_chain.first().and_then(Option::as_ref).map(|leaf| (0, leaf));
    while let Some((at, certificate)) = current {
        line.push(at);
        let issuer = |(at, parsed): (usize, &'_ Option<ParsedCertificate<'_>>)| {
            let parsed = parsed.as_ref()?;
            (!line.contains(&at) && !certificate.issues_itself() && certificate.issued_by(parsed)).then_some(at)
        };
        // The next one in the list comes first: of two that would do, it is the one that was meant.
        let after = parsed_chain.iter().enumerate().skip(at + 1).find_map(issuer);
        let next = after.or_else(|| parsed_chain.iter().enumerate().find_map(issuer));
        current = next.and_then(|at| Some((at, parsed_chain.get(at)?.as_ref()?)));
    }
    line
}

fn missing(
    found: &mut Findings,
    parsed_chain: &[Option<ParsedCertificate<'_>>],
    line: &[usize],
    context: &Context<'_>,
) {
    if context.path.is_some() {
        return;
    }
    let Some(top) = line.last() else { return };
    let Some(Some(parsed)) = parsed_chain.get(*top) else { return };
    let open = !parsed.issues_itself() && !(context.trusted)(parsed.issuer());
    found.when(open, rules::MISSING, *top, || format!("its issuer is {}", parsed.certificate.issuer()));
}

/// Each certificate of the line should come right after the one it certifies.
fn order(found: &mut Findings, parsed_chain: &[Option<ParsedCertificate<'_>>], line: &[usize]) {
    let subject = |at: usize| {
        parsed_chain.get(at).and_then(Option::as_ref).map(|parsed| name_text::text(parsed.certificate.subject()))
    };
    for pair in line.windows(2) {
        let [below, above] = pair else { continue };
        if *above < *below {
            let detail = format!("it certifies {}, which comes later", subject(*below).unwrap_or_default());
            found.add(rules::OUT_OF_ORDER, *above, detail);
        }
    }
    // A root in the middle of the line stands in the way as well.
    let last = line.iter().max().copied().unwrap_or_default();
    for (at, parsed) in parsed_chain.iter().enumerate().take(last).skip(1) {
        let root = parsed.as_ref().is_some_and(ParsedCertificate::issues_itself) && !line.contains(&at);
        found.when(root, rules::OUT_OF_ORDER, at, || "a root before the last certificate".to_owned());
    }
}
