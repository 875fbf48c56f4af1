//! Each word of lint once, by a chain that is spoiled in one way and clean before.

mod issued;
mod served;

use issued::{AUTHORITIES, LEAF};
use rustls::pki_types::CertificateDer;

use crate::proto::tls::lint::{Context, Finding, MOST, RULES, lint, words};
use crate::proto::tls::path::{Path, Root};
use served::{EACH, SERVED};

use super::forge::{AKI, DAY, NOW, SKI, Spec, key_id, name, octets, rsa_key};

/// A chain and what is known beside it.
struct Case {
    chain: Vec<Spec>,
    raw: Vec<(usize, Vec<u8>)>,
    trusted: Vec<u8>,
    path: Option<Path>,
    stapled: bool,
}

impl Case {
    /// Leaf and intermediate, of a root that is trusted and not sent.
    fn clean() -> Self {
        Self {
            chain: vec![Spec::leaf(), Spec::intermediate()],
            raw: Vec::new(),
            trusted: name("root"),
            path: None,
            stapled: false,
        }
    }

    fn leaf(&mut self) -> &mut Spec {
        &mut self.chain[0]
    }

    fn issuer(&mut self) -> &mut Spec {
        &mut self.chain[1]
    }

    fn found(&self) -> Vec<Finding> {
        let mut chain: Vec<CertificateDer<'static>> = self.chain.iter().map(Spec::der).collect();
        for (at, bytes) in &self.raw {
            chain[*at] = CertificateDer::from(bytes.clone());
        }
        let trusted = |name: &[u8]| name == self.trusted;
        lint(&chain, &Context { now: NOW, path: self.path.as_ref(), trusted: &trusted, stapled: Some(self.stapled) })
    }
}

fn path(used: &[usize], root_until: i64) -> Path {
    Path {
        pinned: false,
        used: used.to_vec(),
        subjects: Vec::new(),
        root: Root {
            subject: "CN=root".to_owned(),
            name: name("root"),
            spki: Vec::new(),
            dates: Some((NOW - 9000 * DAY, root_until)),
            der: None,
        },
        dates: vec![(NOW - DAY, NOW + DAY)],
    }
}

/// The path over `0, 1` to a root that is known as a certificate.
fn path_to(root: &Spec) -> Path {
    let mut path = path(&[0, 1], NOW + DAY);
    path.root.der = Some(root.der().to_vec());
    path
}

/// An elder sibling of the intermediate: same name, another key.
fn sibling() -> Spec {
    Spec::authority("intermediate", 9, "root", 1)
}

type Row = (&'static str, fn(&mut Case), &'static [&'static str]);

#[test]
fn a_chain_spoiled_in_one_way_breaks_one_rule() {
    let mut covered = Vec::new();
    for (what, spoil, want) in [SERVED, EACH, AUTHORITIES, LEAF].into_iter().flatten() {
        let mut case = Case::clean();
        spoil(&mut case);
        let found = case.found();
        assert_eq!(words(&found), *want, "{what}: {found:#?}");
        covered.extend(want.iter().copied());
    }
    let never: Vec<&str> = RULES.iter().map(|rule| rule.word).filter(|word| !covered.contains(word)).collect();
    assert_eq!(never, Vec::<&str>::new(), "rules without a chain that breaks them");
}

#[test]
fn findings_say_what_was_seen_and_where_it_is_written() {
    let mut case = Case::clean();
    case.issuer().key = rsa_key(1024, &[1, 0, 1]);
    let found = case.found();
    assert_eq!(
        found[0].evidence(),
        "lint weak_rsa_key: certificate 2 (RSA 1024): RSA with fewer than 2048 bits [BR 6.1.5, RFC 9325 4.5]"
    );
}

#[test]
fn a_chain_without_end_is_analyzed_to_a_limit() {
    let ring = |n: usize| {
        let id = u8::try_from(n % 200).unwrap();
        Spec::authority(&format!("ca {n}"), id, &format!("ca {}", n + 1), u8::try_from((n + 1) % 200).unwrap())
    };
    let mut chain = vec![Spec::leaf()];
    chain[0].issuer = name("ca 0");
    chain[0].with(AKI, false, key_id(0));
    chain.extend((0..300).map(ring));
    let case = Case { chain, ..Case::clean() };
    let found = case.found();
    assert_eq!(words(&found), ["missing_intermediate"]);
    assert!(found.iter().all(|finding| finding.at < MOST), "{found:?}");
    // A hundred of the same.
    let case = Case { chain: vec![Spec::intermediate(); 100], ..Case::clean() };
    assert_eq!(case.found().iter().filter(|finding| finding.rule.word == "duplicate_certificate").count(), 99);
}

#[test]
fn octets_of_an_identifier_are_read() {
    // The forge itself: what it writes is what the parser of the field reads.
    let der = Spec::root().der();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=root");
    let ski = certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == SKI).unwrap();
    assert_eq!(ski.value, octets(&[1; 20]));
}
