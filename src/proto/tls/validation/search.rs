//! The search for a path: from the leaf upwards, by names and signatures, within limits.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::NameConstraints;
use x509_parser::prelude::FromDer;

use super::path_certificate::{CertificateSource, PathCertificate};
use super::rules::{self, Candidate};
use super::{Anchor, PathIndexes, Validation, ValidationError, same_name};
use crate::proto::tls::authority::Authorities;
use crate::proto::tls::name_text;
use crate::proto::tls::signed::{SignatureProblem, Signed, sequence};

/// Signatures verified for one chain.
const SIGNATURES: usize = 100;
/// Certificates of a path.
const DEPTH: usize = 32;

/// A search over one served chain.
pub(super) struct Search<'a> {
    authorities: &'a Authorities,
    /// Of each served certificate; none for those that cannot be read.
    members: Vec<Option<PathCertificate<'a>>>,
    now: i64,
    signatures: usize,
    best: Option<Validation>,
    /// A signature that does not lead on although names do.
    broken: Option<ValidationError>,
    /// The search was given up.
    exhausted: bool,
}

impl<'a> Search<'a> {
    /// `Err` when the leaf cannot be read.
    pub(super) fn new(
        authorities: &'a Authorities,
        chain: &'a [CertificateDer<'_>],
        now: i64,
    ) -> Result<Self, ValidationError> {
        let place = |at: usize| if at == 0 { CertificateSource::Leaf } else { CertificateSource::Served(at) };
        let members: Vec<Option<PathCertificate<'a>>> =
            chain.iter().enumerate().map(|(at, der)| PathCertificate::read(der, place(at))).collect();
        if !matches!(members.first(), Some(Some(_))) {
            return Err(ValidationError::Wrong("the certificate is not correctly encoded".to_owned()));
        }
        Ok(Self { authorities, members, now, signatures: SIGNATURES, best: None, broken: None, exhausted: false })
    }

    /// The best path.
    pub(super) fn run(mut self) -> Validation {
        let mut path = vec![0];
        let found = self.extend(&mut path);
        if !found {
            self.pinned();
        }
        let usable = self.best.as_ref().is_some_and(|best| best.problems.is_empty() || best.only_anchor_dates);
        if self.exhausted && !usable {
            let why = format!(
                "the chain allows more paths than this program tries ({SIGNATURES} signatures, {DEPTH} certificates): send only the certificates of one"
            );
            return Validation { problems: vec![ValidationError::CannotJudge(why)], ..Validation::default() };
        }
        self.best.take().unwrap_or_else(|| self.nothing())
    }

    /// Goes on from the last certificate of `path`; true when a path without fault was found.
    fn extend(&mut self, path: &mut Vec<usize>) -> bool {
        let Some(head) = path.last().copied() else { return false };
        let Some(issuer) = self.member(head).map(|member| member.x509.issuer().as_raw().to_vec()) else { return false };
        for anchor in self.authorities.anchors_named(&issuer) {
            let Some(known) = self.authorities.anchor(anchor) else { continue };
            let spki = sequence(&known.trust.subject_public_key_info);
            if self.signed_by(head, &spki, &|| anchor_name(known)) && self.complete(path, anchor) {
                return true;
            }
        }
        if path.len() >= DEPTH {
            self.exhausted = true;
            return false;
        }
        for next in 1..self.members.len() {
            if !self.leads_to(path, next, &issuer) {
                continue;
            }
            let Some((spki, who)) =
                self.member(next).map(|member| (member.x509.public_key().raw.to_vec(), member.who()))
            else {
                continue;
            };
            if !self.signed_by(head, &spki, &|| who.clone()) {
                continue;
            }
            path.push(next);
            let found = self.extend(path);
            path.pop();
            if found {
                return true;
            }
        }
        false
    }

    fn member(&self, at: usize) -> Option<&PathCertificate<'a>> {
        self.members.get(at).and_then(Option::as_ref)
    }

    /// Whether a served certificate has the wanted name, and its name and key are not in the path already (RFC 4158, 5.2).
    fn leads_to(&self, path: &[usize], next: usize, issuer: &[u8]) -> bool {
        let Some(candidate) = self.member(next) else { return false };
        let identity = |member: &PathCertificate<'a>| {
            (member.x509.subject().as_raw().to_vec(), member.x509.public_key().raw.to_vec())
        };
        same_name(candidate.x509.subject().as_raw(), issuer)
            && path.iter().filter_map(|at| self.member(*at)).all(|before| identity(before) != identity(candidate))
    }

    /// Whether the key `spki` signed the certificate; if not, it is noted why.
    fn signed_by(&mut self, at: usize, spki: &[u8], who: &dyn Fn() -> String) -> bool {
        let Some(left) = self.signatures.checked_sub(1) else {
            self.exhausted = true;
            return false;
        };
        self.signatures = left;
        let Some(member) = self.member(at) else { return false };
        let result = match Signed::read(member.der) {
            Some(signed) => signed.verify(spki),
            None => Err(SignatureProblem::Unreadable),
        };
        match result {
            Ok(()) => true,
            Err(problem) => {
                let problem = broken(&problem, member, &who());
                // What is known to be too weak tells more than that it does not fit.
                self.broken.get_or_insert(problem);
                false
            }
        }
    }

    /// The path leads to the authority: true when nothing is wrong with it.
    fn complete(&mut self, path: &[usize], anchor: usize) -> bool {
        let Some(found) = self.judge(path, anchor) else { return false };
        let clean = found.problems.is_empty();
        let rank = |one: &Validation| if one.only_anchor_dates { 1 } else { 2 * one.problems.len() };
        if self.best.as_ref().is_none_or(|best| rank(&found) < rank(best)) {
            self.best = Some(found);
        }
        clean
    }

    fn judge(&self, path: &[usize], index: usize) -> Option<Validation> {
        let anchor = self.authorities.anchor(index)?;
        let certificate =
            anchor.der.and_then(|der| PathCertificate::read(der, CertificateSource::Trusted(anchor.origin)));
        let constraints =
            anchor.trust.name_constraints.as_ref().filter(|_| certificate.is_none()).map(|der| sequence(der));
        let constraints =
            constraints.as_deref().and_then(|der| NameConstraints::from_der(der).ok()).map(|(_, found)| found);
        let members: Vec<&PathCertificate<'a>> = path.iter().filter_map(|at| self.member(*at)).collect();
        let candidate = Candidate {
            members: &members,
            anchor: certificate.as_ref(),
            bare_constraints: constraints.as_ref(),
            anchor_name: &anchor_name(anchor),
            now: self.now,
        };
        let mut problems = candidate.problems();
        let dates = self
            .authorities
            .anchor_dates(index)
            .and_then(|(subject, dates)| rules::anchor_dates(subject, anchor.origin, dates, self.now));
        let only_anchor_dates = problems.is_empty() && dates.is_some();
        problems.extend(dates);
        let places = PathIndexes { served: path.to_vec(), anchor: index, pinned: false };
        Some(Validation { places: Some(places), problems, only_anchor_dates })
    }

    /// A leaf that is trusted itself needs nobody to vouch for it.
    fn pinned(&mut self) {
        let Some(leaf) = self.member(0) else { return };
        let Some(anchor) = self.authorities.position(leaf.der) else { return };
        let problems = rules::pinned(leaf, self.now);
        let places = PathIndexes { served: vec![0], anchor, pinned: true };
        self.best = Some(Validation { places: Some(places), problems, only_anchor_dates: false });
    }

    /// No authority was reached.
    fn nothing(&self) -> Validation {
        let mut problems = Vec::new();
        if let Some(leaf) = self.member(0) {
            let alone =
                Candidate { members: &[leaf], anchor: None, bare_constraints: None, anchor_name: "", now: self.now };
            problems = alone.problems();
        }
        let unknown = || {
            let last = self.members.last().and_then(Option::as_ref);
            let issuer = last.map(|last| name_text::text(last.x509.issuer())).unwrap_or_default();
            ValidationError::Wrong(format!(
                "unknown issuer: no trusted root for the served chain, which ends at \"{issuer}\""
            ))
        };
        problems.push(self.broken.clone().unwrap_or_else(unknown));
        Validation { places: None, problems, only_anchor_dates: false }
    }
}

fn anchor_name(anchor: Anchor<'_>) -> String {
    let name = name_text::of_der(&sequence(&anchor.trust.subject));
    if anchor.origin.is_empty() {
        format!("the authority {name}")
    } else {
        format!("the authority {name} in {}", anchor.origin)
    }
}

fn broken(problem: &SignatureProblem, member: &PathCertificate<'_>, issuer: &str) -> ValidationError {
    let who = member.who();
    match problem {
        SignatureProblem::Unreadable => ValidationError::Wrong(format!("{who} is not correctly encoded")),
        SignatureProblem::Weak(name) => {
            ValidationError::Wrong(format!("{who} is signed with {name}, which is not trusted any more"))
        }
        SignatureProblem::Unknown(name) => {
            ValidationError::CannotJudge(format!("{who} is signed with {name}, which this program cannot verify"))
        }
        SignatureProblem::UnknownKey(name) => ValidationError::CannotJudge(format!(
            "the key of {issuer} is {name}, which this program cannot verify with"
        )),
        SignatureProblem::SmallKey(bits) => {
            ValidationError::Wrong(format!("the key of {issuer} is RSA {bits}: keys below 2048 bits are not trusted"))
        }
        SignatureProblem::LargeKey(bits) => ValidationError::CannotJudge(format!(
            "the key of {issuer} is RSA {bits}: this program verifies RSA keys of 2048 to 8192 bits"
        )),
        SignatureProblem::OtherKind => {
            ValidationError::Wrong(format!("{who} is signed by a key of another kind than that of {issuer}"))
        }
        SignatureProblem::Mismatch => ValidationError::Wrong(format!(
            "a signature in the chain is not by the key of its issuer: {who} names {issuer}, whose key did not sign it"
        )),
    }
}
