//! Rules for the authorities between the leaf and the root.

use super::super::name_text;
use super::parsed::ParsedCertificate;
use super::{Context, Findings, any_certificate, chain, names, rules};
use crate::proto::tls::certificate::rfc3339;

pub(super) fn check(found: &mut Findings, certificates: &[Option<ParsedCertificate<'_>>], context: &Context<'_>) {
    let line: Vec<(usize, &ParsedCertificate<'_>)> = chain::line(certificates, context)
        .into_iter()
        .filter_map(|at| Some((at, certificates.get(at)?.as_ref()?)))
        .collect();
    let leaf_names = line.first().map(|(_, leaf)| names::of(leaf)).unwrap_or_default();
    let mut below = 0_u32;
    for (at, parsed) in line.iter().skip(1) {
        authority(found, *at, parsed);
        let most = parsed.basic_constraints().and_then(|(constraints, _)| constraints.path_len_constraint);
        found.when(most.is_some_and(|most| below > most), rules::PATH_LENGTH, *at, || {
            format!("{below} below {}, which allows {}", parsed.certificate.subject(), most.unwrap_or_default())
        });
        // Self-issued ones are no step of the path (RFC 5280, 4.2.1.9), whatever their keys.
        if parsed.subject() != parsed.issuer() {
            below = below.saturating_add(1);
        }
        if let Some((constraints, critical)) = parsed.name_constraints() {
            found.when(!critical, rules::CONSTRAINT_UNCRITICAL, *at, || name_text::text(parsed.certificate.subject()));
            for name in leaf_names.iter().filter(|name| !names::allowed(name, &constraints)) {
                found.add(rules::CONSTRAINED, 0, format!("{name}, not for {}", parsed.certificate.subject()));
            }
        }
    }
    identifiers(found, &line);
    root(found, context);
    flaws(found, context);
}

fn authority(found: &mut Findings, at: usize, parsed: &ParsedCertificate<'_>) {
    let shown = || name_text::text(parsed.certificate.subject());
    let constraints = parsed.basic_constraints();
    found.when(!parsed.is_ca(), rules::NOT_A_CA, at, shown);
    found.when(constraints.is_some_and(|(known, critical)| known.ca && !critical), rules::UNCRITICAL_CA, at, shown);
    found.when(parsed.subject_key_id().is_none(), rules::MISSING_SKI, at, shown);
    let signs = parsed.key_usage().is_none_or(|usage| usage.key_cert_sign());
    found.when(!signs, rules::NO_CERT_SIGN, at, shown);
}

/// Key identifiers of each certificate and the one above it. The line of a path is joined by signatures, so they may
/// contradict there.
fn identifiers(found: &mut Findings, line: &[(usize, &ParsedCertificate<'_>)]) {
    for pair in line.windows(2) {
        let [(at, below), (_, above)] = pair else { continue };
        let contradict = matches!(
            (below.authority_key_id(), above.subject_key_id()),
            (Some(wanted), Some(own)) if wanted != own
        );
        found.when(contradict, rules::AKI_MISMATCH, *at, || format!("the issuer is {}", above.certificate.subject()));
    }
}

fn root(found: &mut Findings, context: &Context<'_>) {
    let Some(path) = context.path else { return };
    let Some((_, last)) = path.root.dates else { return };
    found.when(last < context.now, rules::EXPIRED_ROOT, path.used.last().copied().unwrap_or_default(), || {
        let day = rfc3339(last).unwrap_or_else(|| "an impossible date".to_owned());
        format!("issued by {}, expired since {day}", path.root.subject)
    });
}

/// The root itself, when it is known as a certificate. One word for all of it: who serves a chain cannot change it, only
/// choose another authority.
fn flaws(found: &mut Findings, context: &Context<'_>) {
    let Some(path) = context.path else { return };
    let Some(root) = path.root.der.as_deref().and_then(ParsedCertificate::of) else { return };
    let mut inner = Findings::default();
    authority(&mut inner, 0, &root);
    any_certificate::key(&mut inner, 0, &root);
    any_certificate::extensions(&mut inner, 0, &root);
    let mut flaws: Vec<&str> = inner.0.iter().map(|finding| finding.rule.word).collect();
    if root.extended_key_usage().is_some() {
        flaws.push("extended key usage");
    }
    // An intermediate that is trusted as it is names its own issuer, as it should.
    if let Some(named) = root.authority_key().filter(|_| root.subject() == root.issuer()) {
        let of_another = named.key_identifier.as_ref().map(|id| id.0) != root.subject_key_id();
        let written_out = named.authority_cert_issuer.is_some() || named.authority_cert_serial.is_some();
        if of_another || written_out {
            flaws.push("authority key identifier");
        }
    }
    flaws.dedup();
    let at = path.used.last().copied().unwrap_or_default();
    found.when(!flaws.is_empty(), rules::FLAWED_ROOT, at, || {
        format!("issued by {}: {}", path.root.subject, flaws.join(", "))
    });
}
