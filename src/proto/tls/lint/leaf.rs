//! Rules for the server's own certificate.

use super::super::name_text;
use super::parsed::ParsedCertificate;
use super::{Findings, names, rules};

const DAY: i64 = 86_400;

pub(super) fn check(found: &mut Findings, leaf: &ParsedCertificate<'_>) {
    validity(found, leaf);
    alternative_names(found, leaf);
    usage(found, leaf);
    let usage = leaf.key_usage();
    let signs = usage.as_ref().is_some_and(x509_parser::extensions::KeyUsage::key_cert_sign);
    found.when(leaf.is_ca() || signs, rules::CA_AS_LEAF, 0, || {
        if leaf.is_ca() { "CA:TRUE".to_owned() } else { "its key usage has keyCertSign".to_owned() }
    });
    found.when(leaf.issues_itself(), rules::SELF_SIGNED, 0, || name_text::text(leaf.certificate.subject()));
    found.when(usage.is_some_and(|usage| !usage.digital_signature()), rules::NO_SIGNING, 0, String::new);
}

/// From the first second to the last, both included (RFC 5280, 4.1.2.5); what begins a day counts as one (BR 6.3.2).
fn validity(found: &mut Findings, leaf: &ParsedCertificate<'_>) {
    let (first, last) = leaf.dates();
    let seconds = last.saturating_sub(first).saturating_add(1);
    let (days, most) = (seconds.saturating_add(DAY - 1) / DAY, rules::longest_validity(first));
    found.when(days > most, rules::LONG_VALIDITY, 0, || format!("{days} days, at most {most}"));
}

fn alternative_names(found: &mut Findings, leaf: &ParsedCertificate<'_>) {
    let known = names::of(leaf);
    found.when(known.is_empty(), rules::NO_SAN, 0, String::new);
    for name in &known {
        match name {
            names::Name::Dns(name) => {
                found.when(names::malformed(name), rules::BAD_SAN, 0, || format!("\"{name}\""));
                found.when(names::bad_wildcard(name), rules::BAD_WILDCARD, 0, || format!("\"{name}\""));
            }
            names::Name::Address(bytes) => {
                found.when(names::address(bytes).is_none(), rules::BAD_SAN, 0, || name.to_string());
            }
        }
    }
    let nameless = leaf.certificate.subject().iter().next().is_none();
    let critical = leaf.alternative_names().is_some_and(|(_, critical)| critical);
    found.when(nameless && !critical, rules::SAN_CRITICALITY, 0, String::new);
    found.when(!nameless && critical, rules::CRITICALITY, 0, || "alternative names beside a subject".to_owned());
    for common in leaf.certificate.subject().iter_common_name() {
        let text = common.as_str().unwrap_or("(not a text)");
        // BR 7.1.4.3: the very characters.
        let among = known.iter().any(|name| name.to_string() == text);
        found.when(!among && !known.is_empty(), rules::CN_NOT_IN_SAN, 0, || format!("\"{text}\""));
    }
}

fn usage(found: &mut Findings, leaf: &ParsedCertificate<'_>) {
    let of_authorities = leaf.name_constraints().is_some() && !leaf.is_ca();
    found.when(of_authorities, rules::CONSTRAINTS_IN_LEAF, 0, String::new);
    found.when(leaf.extended_key_usage_critical(), rules::CRITICALITY, 0, || "extended key usage".to_owned());
    match leaf.extended_key_usage() {
        None => found.add(rules::NO_SERVER_AUTH, 0, "there is no extended key usage"),
        Some(usage) => {
            found.when(!usage.server_auth, rules::NO_SERVER_AUTH, 0, String::new);
            found.when(usage.any, rules::ANY_EKU, 0, String::new);
        }
    }
}
