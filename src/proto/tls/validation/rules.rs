//! The rules for each certificate of a path (RFC 5280, 4.2 and 6.1.4), leaf first and the authority last.

use x509_parser::prelude::{ParsedExtension, X509Extension};

use super::path_certificate::{CertificateSource, PathCertificate};
use super::{ValidationError, constraints};
use crate::proto::tls::certificate::rfc3339;

/// Extensions whose content is looked at.
const EVALUATED: &[(&str, &str)] = &[
    ("2.5.29.15", "key usage"),
    ("2.5.29.17", "subject alternative name"),
    ("2.5.29.19", "basic constraints"),
    ("2.5.29.30", "name constraints"),
    ("2.5.29.37", "extended key usage"),
];
/// Extensions that change nothing for a client that takes any policy and fetches no list, so that they may be critical:
/// certificate policies and their mapping, inhibited wildcards of policies, distribution points of lists.
const WITHOUT_EFFECT: &[&str] = &["2.5.29.32", "2.5.29.33", "2.5.29.54", "2.5.29.31"];

/// A path and the authority it ends at, if that came with a certificate.
pub(super) struct Candidate<'p, 'a> {
    /// Leaf first, without the authority.
    pub(super) members: &'p [&'p PathCertificate<'a>],
    pub(super) anchor: Option<&'p PathCertificate<'a>>,
    /// Constraints of an authority that came without a certificate.
    pub(super) bare_constraints: Option<&'p x509_parser::extensions::NameConstraints<'p>>,
    /// Name of the authority, for people.
    pub(super) anchor_name: &'p str,
    pub(super) now: i64,
}

impl Candidate<'_, '_> {
    /// Everything that is wrong, the dates of the authority aside.
    pub(super) fn problems(&self) -> Vec<ValidationError> {
        let mut out = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            well_formed(member, &mut out);
            dates(member, self.now, &mut out);
            if at == 0 {
                leaf(member, &mut out);
            } else {
                issuer(member, &mut out);
                self.path_length(member, at, &mut out);
            }
            out.extend(member.key_problem());
        }
        if let Some(anchor) = self.anchor {
            critical(anchor, &mut out);
            authority(anchor, &mut out);
            self.path_length(anchor, self.members.len(), &mut out);
        }
        self.constraints(&mut out);
        out
    }

    /// A certificate that issued `at` others of the path may have only so many authorities below it that it did not
    /// issue to itself.
    fn path_length(&self, issuer: &PathCertificate<'_>, at: usize, out: &mut Vec<ValidationError>) {
        let Some(most) = issuer.path_length() else { return };
        let below = self.members.iter().take(at).skip(1).filter(|member| !member.self_issued()).count();
        if below > most as usize {
            out.push(ValidationError::Wrong(format!(
                "{} allows {most} authorities below it (path length), and there are {below}",
                issuer.who()
            )));
        }
    }

    fn constraints(&self, out: &mut Vec<ValidationError>) {
        for (at, issuer) in self.members.iter().copied().chain(self.anchor).enumerate().skip(1) {
            if let Some(constraints) = issuer.name_constraints() {
                self.constrain(constraints, &issuer.who(), at, out);
            }
        }
        if let Some(constraints) = self.bare_constraints {
            self.constrain(constraints, self.anchor_name, self.members.len(), out);
        }
    }

    /// What an authority issued to itself is free of its own constraints, the leaf is not (RFC 5280, 6.1.4 b and 6.1.3 b).
    fn constrain(
        &self,
        constraints: &x509_parser::extensions::NameConstraints<'_>,
        who: &str,
        at: usize,
        out: &mut Vec<ValidationError>,
    ) {
        for (below, member) in self.members.iter().take(at).enumerate() {
            if (below == 0 || !member.self_issued())
                && let Err(problem) = constraints::allow(constraints, who, member)
            {
                out.push(problem);
            }
        }
    }
}

/// Rules for a certificate that is trusted by itself.
pub(super) fn pinned(member: &PathCertificate<'_>, now: i64) -> Vec<ValidationError> {
    let mut out = Vec::new();
    well_formed(member, &mut out);
    dates(member, now, &mut out);
    for_servers(member, &mut out);
    out.extend(member.key_problem());
    out
}

/// The dates of an authority.
pub(super) fn anchor_dates(
    subject: &str,
    origin: &str,
    (first, last): (i64, i64),
    now: i64,
) -> Option<ValidationError> {
    let (rule, date) = match () {
        () if last < now => ("expired on", last),
        () if first > now => ("is not valid before", first),
        () => return None,
    };
    Some(ValidationError::Wrong(format!("the authority {subject} in {origin} {rule} {}", day(date))))
}

fn well_formed(member: &PathCertificate<'_>, out: &mut Vec<ValidationError>) {
    if !member.is_v3() {
        let version = member.x509.version().0 + 1;
        let rule = "without extensions it says neither what it is for nor which names it has; issue it as version 3";
        out.push(ValidationError::Wrong(format!("{} is X.509 version {version}: {rule}", member.who())));
    }
    critical(member, out);
}

/// Extensions that cannot be read, that nobody knows, or that this program does not evaluate.
fn critical(member: &PathCertificate<'_>, out: &mut Vec<ValidationError>) {
    if member.x509.extensions_map().is_err() {
        out.push(ValidationError::Wrong(format!("{} has an extension twice", member.who())));
    }
    for extension in member.x509.extensions() {
        let id = extension.oid.to_id_string();
        let evaluated = EVALUATED.iter().find(|(known, _)| *known == id).map(|(_, name)| *name);
        let unread = matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. });
        if let (Some(name), true) = (evaluated, unread) {
            out.push(ValidationError::Wrong(format!("the {name} of {} is not correctly encoded", member.who())));
        } else if evaluated.is_none() && extension.critical {
            out.extend(unknown(member, extension, &id));
        }
    }
}

fn unknown(member: &PathCertificate<'_>, extension: &X509Extension<'_>, id: &str) -> Option<ValidationError> {
    if WITHOUT_EFFECT.contains(&id) {
        return None;
    }
    match extension.parsed_extension() {
        ParsedExtension::PolicyConstraints(policy) if policy.require_explicit_policy.is_none() => None,
        ParsedExtension::PolicyConstraints(_) => Some(ValidationError::CannotJudge(format!(
            "{} demands explicit policies (policy constraints), which this program does not evaluate",
            member.who()
        ))),
        _ => Some(ValidationError::Wrong(format!(
            "{} has a critical extension {id} that clients do not know, so they must refuse it",
            member.who()
        ))),
    }
}

fn dates(member: &PathCertificate<'_>, now: i64, out: &mut Vec<ValidationError>) {
    let validity = member.x509.validity();
    let (first, last) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let whose = if member.place == CertificateSource::Leaf { String::new() } else { format!("{} ", member.who()) };
    if last < now {
        out.push(ValidationError::Wrong(format!("{whose}expired since {}", day(last))));
    } else if first > now {
        out.push(ValidationError::Wrong(format!("{whose}not valid before {}", day(first))));
    }
}

fn leaf(member: &PathCertificate<'_>, out: &mut Vec<ValidationError>) {
    if member.ca() == Some(true) {
        out.push(ValidationError::Wrong(
            "the server shows an authority's certificate (CA:TRUE) as its own; it needs one issued for a server"
                .to_owned(),
        ));
    }
    for_servers(member, out);
}

fn for_servers(member: &PathCertificate<'_>, out: &mut Vec<ValidationError>) {
    if !member.for_servers() {
        out.push(ValidationError::Wrong(
            "not for servers: the extended key usage of the server's certificate lacks serverAuth".to_owned(),
        ));
    }
    let signs = member.usage(|usage| usage.digital_signature() || usage.key_encipherment() || usage.key_agreement());
    if signs == Some(false) {
        out.push(ValidationError::Wrong(
            "not for TLS: the key usage of the server's certificate has none of digitalSignature, keyEncipherment and keyAgreement"
                .to_owned(),
        ));
    }
}

fn issuer(member: &PathCertificate<'_>, out: &mut Vec<ValidationError>) {
    if member.ca().is_none() && member.is_v3() {
        out.push(ValidationError::Wrong(format!(
            "{} issued another one, but is none of an authority: it has no basic constraints",
            member.who()
        )));
    }
    authority(member, out);
}

/// Extensions that an authority must not have, wherever it comes from.
fn authority(member: &PathCertificate<'_>, out: &mut Vec<ValidationError>) {
    let signs = member.usage(x509_parser::extensions::KeyUsage::key_cert_sign);
    let (trusted, ca) = (matches!(member.place, CertificateSource::Trusted(_)), member.ca());
    let mut wrong = |why: &str| out.push(ValidationError::Wrong(format!("{} {why}", member.who())));
    if ca == Some(false) && signs == Some(true) {
        wrong(
            "contradicts itself: its key usage lets it sign certificates (keyCertSign), its basic constraints say CA:FALSE",
        );
    } else if ca == Some(false) {
        wrong("issued another one, but is none of an authority (CA:FALSE)");
    } else if signs == Some(false) {
        wrong("issued another one, but its key usage lacks keyCertSign");
    } else if trusted && member.is_v3() && ca.is_none() && signs.is_none() {
        wrong("is none of an authority: it has neither basic constraints nor a key usage");
    }
    if !member.for_servers() {
        wrong("may not issue for servers: its extended key usage lacks serverAuth");
    }
}

fn day(seconds: i64) -> String {
    rfc3339(seconds).unwrap_or_else(|| "an impossible date".to_owned())
}
