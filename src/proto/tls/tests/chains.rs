//! Paths over chains with real signatures.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use super::super::authority::Authorities;
use super::super::lint::{Context, lint, words};

/// Noon of 1 July 2026.
pub const NOW: i64 = 1_782_907_200;

/// An authority that can issue.
pub struct Ca {
    pub certificate: Certificate,
    pub issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

fn ca_params(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = params(name, years);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn root(name: &str, years: (i32, i32)) -> Ca {
    root_of(name, years, KeyPair::generate().unwrap())
}

fn root_of(name: &str, years: (i32, i32), key: KeyPair) -> Ca {
    let params = ca_params(name, years);
    let certificate = params.self_signed(&key).unwrap();
    Ca { certificate, issuer: Issuer::new(params, key) }
}

impl Ca {
    pub fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = ca_params(name, (2026, 2030));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// The intermediate `other` once more, with its name and key, certified by this authority.
    fn cross(&self, other: &Self, name: &str) -> CertificateDer<'static> {
        ca_params(name, (2026, 2030)).signed_by(other.issuer.key(), &self.issuer).unwrap().der().clone()
    }

    pub fn leaf(&self, more: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        self.leaf_with_key(more).0
    }

    pub fn leaf_with_key(&self, more: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["www.real.test".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "www.real.test");
        params.not_before = date_time_ymd(2026, 6, 1);
        params.not_after = date_time_ymd(2026, 8, 30);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        more(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }
}

fn trusting(roots: &[&Ca]) -> Authorities {
    let mut store = Authorities::from("the test");
    for root in roots {
        store.add(root.der()).unwrap();
    }
    store
}

#[test]
fn the_path_is_what_verifies_not_what_is_sent() {
    let top = root("top", (2020, 2040));
    let middle = top.intermediate("middle");
    let stranger = root("stranger", (2020, 2040));
    let leaf = middle.leaf(|_| {});
    let store = trusting(&[&top]);
    let chain = [leaf.clone(), stranger.der(), middle.der(), top.der()];
    let path = store.path(&chain, NOW).unwrap();
    assert_eq!(path.used, [0, 2]);
    assert_eq!(path.subjects, ["CN=www.real.test", "CN=middle", "CN=top"]);
    assert_eq!(path.root.dates.unwrap().1, 2_208_988_800, "1 January 2040");
    let until_leaf = 1_788_048_000 - NOW;
    assert!((path.expires_in(NOW as f64) - until_leaf as f64).abs() < 1.0);
    assert_eq!(path.issuer(&chain, 0).unwrap().name, path.issuer(&chain, 0).unwrap().name);
    let (_, parsed) = x509_parser::parse_x509_certificate(&chain[2]).unwrap();
    assert_eq!(path.issuer(&chain, 0).unwrap().spki, parsed.public_key().raw);
    let (_, parsed) = x509_parser::parse_x509_certificate(&chain[3]).unwrap();
    assert_eq!(path.issuer(&chain, 1).unwrap().spki, parsed.public_key().raw);
    assert_eq!(path.issuer(&chain, 2), None);

    assert_eq!(store.path(std::slice::from_ref(&leaf), NOW), None, "the intermediate is missing");
    assert_eq!(trusting(&[&stranger]).path(&chain, NOW), None);
    assert_eq!(store.path(&[], NOW), None);
    let after = NOW + 365 * 86_400;
    assert_eq!(store.path(&chain, after), None, "the leaf has expired by then");
}

#[test]
fn of_two_roots_with_one_key_the_valid_one_is_the_end() {
    let key = KeyPair::generate().unwrap();
    let twin = KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let old = root_of("top", (2010, 2025), key);
    let renewed = root_of("top", (2010, 2040), twin);
    let leaf = old.leaf(|_| {});
    let chain = [leaf];
    let path = trusting(&[&old]).path(&chain, NOW).unwrap();
    assert!(path.expires_in(NOW as f64) < 0.0, "the only root is past its day");
    let path = trusting(&[&old, &renewed]).path(&chain, NOW).unwrap();
    assert!(path.expires_in(NOW as f64) > 0.0);
}

#[test]
fn a_chain_of_real_certificates_is_clean() {
    let top = root("top", (2020, 2040));
    let middle = top.intermediate("middle");
    let chain = [middle.leaf(|_| {}), middle.der()];
    let store = trusting(&[&top]);
    let path = store.path(&chain, NOW);
    for path in [path.as_ref(), None] {
        let trusted = |name: &[u8]| store.named(name);
        let found = lint(&chain, &Context { now: NOW, path, trusted: &trusted, stapled: Some(false) });
        assert_eq!(words(&found), Vec::<String>::new(), "{found:#?}");
    }
    assert!(path.is_some());
}

#[test]
fn of_two_ways_up_the_one_to_a_valid_root_is_the_path() {
    let (old, new) = (root("old", (2010, 2025)), root("new", (2020, 2040)));
    let middle = old.intermediate("middle");
    let crossed = new.cross(&middle, "middle");
    let leaf = middle.leaf(|_| {});
    for chain in [[leaf.clone(), middle.der(), crossed.clone()], [leaf.clone(), crossed, middle.der()]] {
        for roots in [[&old, &new], [&new, &old]] {
            let path = trusting(&roots).path(&chain, NOW).unwrap();
            assert_eq!(path.root.subject, "CN=new");
            assert!(path.expires_in(NOW as f64) > 0.0);
        }
        assert_eq!(trusting(&[&old]).path(&chain, NOW).unwrap().root.subject, "CN=old");
    }
}
