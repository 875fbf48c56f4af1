//! Bytes nobody should send. Nothing panics, and nothing is proven by them.

use proptest::prelude::*;

use super::super::lint::{lint_bytes, must_staple, scts};
use super::super::path::Issuer;
use super::super::profile::{CertificateProperties, Profile};
use super::super::{crl, ocsp};
use super::chains::root;
use super::forge::{NOW, Spec, seq, shown};

/// A certificate with some bytes overwritten, as the list `lint_bytes` reads.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6).prop_map(|changes| {
        let mut out = Vec::new();
        for spec in [Spec::leaf(), Spec::intermediate(), Spec::root()] {
            let mut der = spec.der().to_vec();
            for (at, byte) in &changes {
                let at = at.index(der.len());
                der[at] = *byte;
            }
            out.extend(u16::try_from(der.len()).unwrap().to_be_bytes());
            out.extend(der);
        }
        out
    })
}

proptest! {
    #[test]
    fn lint_reads_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let found = lint_bytes(&bytes);
        // Two bytes announce a certificate, so there cannot be more findings of this kind than pairs.
        prop_assert!(found.len() <= bytes.len() * 4 + 4, "{}", shown(&bytes));
    }

    #[test]
    fn lint_reads_spoiled_certificates(bytes in spoiled()) {
        for finding in lint_bytes(&bytes) {
            prop_assert!(finding.evidence().starts_with("lint "));
        }
    }

    #[test]
    fn parts_of_certificates_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for der in [bytes.clone(), seq(&[&bytes])] {
            let _ = (must_staple(&der), scts(&der), CertificateProperties::of(&der), crl::points(&der));
            prop_assert!(Issuer::of(&der).is_none());
        }
    }

    #[test]
    fn profiles_of_arbitrary_text_are_refused(text in "\\PC{0,200}") {
        let why = Profile::parse(&text, "x.toml").unwrap_err();
        prop_assert!(why.starts_with("x.toml:"), "{why}");
    }
}

#[test]
fn spoiled_responses_and_lists_prove_nothing() {
    let ca = root("top", (2020, 2040));
    let (leaf, issuer) = (ca.leaf(|_| {}), Issuer::of(&ca.der()).unwrap());
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..300), |bytes| {
            for der in [bytes.clone(), seq(&[&bytes]), seq(&[&seq(&[&bytes]), &seq(&[]), &[3, 1, 0]])] {
                prop_assert!(ocsp::read(&der, &leaf, &issuer, NOW).is_err());
                prop_assert!(crl::read(&der, &leaf, &issuer, &[]).is_err());
            }
            Ok(())
        })
        .unwrap();
}
