//! Revocation lists.

use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, KeyIdMethod,
    RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use super::super::crl::{points, read};
use super::super::path::Issuer;
use super::chains::{Ca, root};
use super::forge::{ECDSA_SHA256, algorithm, bit_string, integer, octets, oid, seq, tlv};

const URL: &str = "http://crl.real.test/a.crl";

fn list(ca: &Ca, revoked: &[&CertificateDer<'_>], part: Option<CrlIssuingDistributionPoint>) -> Vec<u8> {
    let revoked = revoked.iter().map(|der| {
        let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
        RevokedCertParams {
            serial_number: SerialNumber::from_slice(parsed.raw_serial()),
            revocation_time: date_time_ymd(2026, 6, 20),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        }
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 6, 30),
        next_update: date_time_ymd(2026, 7, 7),
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: part,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&ca.issuer).unwrap().der().to_vec()
}

fn part(url: &str, scope: Option<CrlScope>) -> CrlIssuingDistributionPoint {
    let distribution_point = CrlDistributionPoint { uris: vec![url.to_owned()] };
    CrlIssuingDistributionPoint { distribution_point, scope }
}

fn named(ca: &Ca) -> CertificateDer<'static> {
    ca.leaf(|params| params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![URL.to_owned()] }])
}

#[test]
fn a_certificate_is_on_the_list_or_not() {
    let ca = root("top", (2020, 2040));
    let issuer = Issuer::of(&ca.der()).unwrap();
    let (leaf, other, third) = (named(&ca), named(&ca), named(&ca));
    assert_eq!(points(&leaf).unwrap().urls, [URL]);
    assert_eq!(points(&ca.leaf(|_| {})), Ok(super::super::crl::Points::default()));
    let points = points(&leaf).unwrap().urls;
    let entry = read(&list(&ca, &[&other, &third], None), &leaf, &issuer, &points).unwrap();
    assert_eq!((entry.revoked, entry.next_update), (None, Some(1_783_382_400)));
    let entry = read(&list(&ca, &[&other, &leaf], None), &leaf, &issuer, &points).unwrap();
    assert_eq!(entry.revoked.unwrap(), "since 2026-06-20T00:00:00Z, key compromise");
    let entry = read(&list(&ca, &[], None), &leaf, &issuer, &points).unwrap();
    assert_eq!(entry.revoked, None);
}

#[test]
fn a_list_that_does_not_speak_for_it_proves_nothing() {
    let ca = root("top", (2020, 2040));
    let issuer = Issuer::of(&ca.der()).unwrap();
    let leaf = named(&ca);
    let points = points(&leaf).unwrap().urls;
    let fine = read(&list(&ca, &[], Some(part(URL, Some(CrlScope::UserCertsOnly)))), &leaf, &issuer, &points);
    assert_eq!(fine.unwrap().revoked, None);
    let mut spoiled = list(&ca, &[&leaf], None);
    let last = spoiled.len() - 1;
    spoiled[last] ^= 1;
    let twin = root("top", (2020, 2040));
    let silent = Issuer { signs_lists: false, ..issuer.clone() };
    let why = read(&list(&ca, &[], None), &leaf, &silent, &points).unwrap_err();
    assert!(why.contains("does not allow to sign lists"), "{why}");
    for (want, list) in [
        ("partial", list(&ca, &[], Some(part(URL, Some(CrlScope::CaCertsOnly))))),
        (
            "the part of the list for http://crl.real.test/b.crl",
            list(&ca, &[], Some(part("http://crl.real.test/b.crl", None))),
        ),
        ("does not match", spoiled),
        ("does not match", list(&twin, &[], None)),
        ("another issuer", list(&root("else", (2020, 2040)), &[], None)),
        ("no certificate revocation list", b"<html>".to_vec()),
        ("no certificate revocation list", Vec::new()),
        ("no certificate revocation list", leaf.to_vec()),
    ] {
        let why = read(&list, &leaf, &issuer, &points).unwrap_err();
        assert!(why.contains(want), "{why}, not {want}");
    }
}

#[test]
fn what_is_left_out_or_unread_is_said() {
    let ca = root("top", (2020, 2040));
    let many = ca.leaf(|params| {
        params.crl_distribution_points =
            (0..6).map(|at| CrlDistributionPoint { uris: vec![format!("http://crl.real.test/{at}.crl")] }).collect();
    });
    let found = points(&many).unwrap();
    assert_eq!((found.urls.len(), found.left_out), (4, 2));
    let broken = ca.leaf(|params| {
        params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 31], vec![0x30, 9, 1]));
    });
    assert_eq!(points(&broken), Err("its CRL distribution points cannot be read"));
    assert_eq!(points(b"junk"), Err("the certificate cannot be read"));
}

#[test]
fn a_critical_extension_behind_many_others_is_not_passed_over() {
    let ca = root("top", (2020, 2040));
    let issuer = Issuer::of(&ca.der()).unwrap();
    let leaf = named(&ca);
    let urls = points(&leaf).unwrap().urls;
    let whole = list(&ca, &[], None);
    let read_with = |count: usize, last: &[u8]| {
        let mut extensions = Vec::new();
        for _ in 0..count {
            extensions.extend(seq(&[&oid("1.2.3.4"), &octets(&[5, 0])]));
        }
        extensions.extend(last);
        let body = super::super::signed::below(&whole, 1).unwrap()[0];
        let mut parts: Vec<Vec<u8>> =
            super::super::signed::below(body.whole, 9).unwrap().iter().map(|part| part.whole.to_vec()).collect();
        *parts.last_mut().unwrap() = tlv(0xa0, &[&seq(&[&extensions])]);
        let body = seq(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let signature = rcgen::SigningKey::sign(ca.issuer.key(), &body).unwrap();
        let list = seq(&[&body, &algorithm(ECDSA_SHA256), &bit_string(&signature)]);
        read(&list, &leaf, &issuer, &urls).map(|entry| entry.revoked)
    };
    let delta = seq(&[&oid("2.5.29.27"), &[1, 1, 0xff], &octets(&integer(&[1]))]);
    assert_eq!(read_with(3, &[]), Ok(None));
    assert!(read_with(3, &delta).unwrap_err().contains("critical extension 2.5.29.27"));
    assert!(read_with(40, &delta).unwrap_err().contains("too many"));
    assert!(read_with(3, &[0x30, 9, 1]).unwrap_err().contains("cannot be read"));
}
