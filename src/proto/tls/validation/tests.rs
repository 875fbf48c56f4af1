//! Chains with true signatures and one thing wrong, or unusual, with each.

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;

use super::ValidationError;
use crate::proto::tls::authority::Authorities;
use crate::proto::tls::tests::forge::{
    AKI, BASIC, CONSTRAINTS, DAY, EKU, KEY_USAGE, NOW, SAN, Spec, ca, integer, name, oid, purposes, rsa_key, seq, tlv,
    usage,
};

const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// The certificates of a case before they are signed: leaf, those between (the nearest to the leaf first), root.
struct Draft {
    leaf: Spec,
    between: Vec<Spec>,
    root: Spec,
    /// The leaf, not the root, is what is trusted.
    pin_leaf: bool,
}

/// A name of certificate content: `directoryName` or another, in its tag.
fn general(tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(tag, &[value])
}

/// Name constraints: permitted and excluded subtrees.
fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let part = |tag: u8, bases: &[Vec<u8>]| {
        let subtrees: Vec<Vec<u8>> = bases.iter().map(|base| seq(&[base])).collect();
        let parts: Vec<&[u8]> = subtrees.iter().map(Vec::as_slice).collect();
        if bases.is_empty() { Vec::new() } else { tlv(tag, &parts) }
    };
    seq(&[&part(0xa0, permitted), &part(0xa1, excluded)])
}

impl Draft {
    fn new() -> Self {
        Self { leaf: Spec::leaf(), between: vec![Spec::intermediate()], root: Spec::root(), pin_leaf: false }
    }

    /// What comes of it today.
    fn problems(mut self) -> Vec<ValidationError> {
        let keys: Vec<KeyPair> = (0..self.between.len() + 2).map(|_| KeyPair::generate().unwrap()).collect();
        let root_key = keys.last().unwrap();
        let custom = |spec: &Spec| spec.key != Spec::leaf().key;
        if !custom(&self.leaf) {
            self.leaf.key = keys[0].subject_public_key_info();
        }
        self.root.key = root_key.subject_public_key_info();
        for (at, spec) in self.between.iter_mut().enumerate() {
            spec.key = keys[at + 1].subject_public_key_info();
        }
        let mut chain = vec![self.leaf.signed_by(&keys[1])];
        chain.extend(self.between.iter().enumerate().map(|(at, spec)| spec.signed_by(&keys[at + 2])));
        let root = self.root.signed_by(root_key);
        let mut roots = Authorities::from("ca_file");
        roots.add(if self.pin_leaf { chain[0].clone() } else { root }).unwrap();
        roots.validate(&chain, NOW).problems
    }
}

/// Judges a chain that `change` was made to.
fn judged(change: impl FnOnce(&mut Draft)) -> Option<ValidationError> {
    let mut draft = Draft::new();
    change(&mut draft);
    ValidationError::joined(&draft.problems())
}

#[track_caller]
fn fine(change: impl FnOnce(&mut Draft)) {
    assert_eq!(judged(change), None);
}

#[track_caller]
fn wrong(part: &str, change: impl FnOnce(&mut Draft)) {
    match judged(change) {
        Some(ValidationError::Wrong(why)) => assert!(why.contains(part), "{why}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[track_caller]
fn open(part: &str, change: impl FnOnce(&mut Draft)) {
    match judged(change) {
        Some(ValidationError::CannotJudge(why)) => assert!(why.contains(part), "{why}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[test]
fn an_issuer_needs_the_right_to_sign_certificates() {
    fine(|_| {});
    for first in [0x02, 0x80] {
        wrong(
            "certificate 2 of the chain (CN=intermediate) issued another one, but its key usage lacks keyCertSign",
            |draft| {
                draft.between[0].with(KEY_USAGE, true, usage(first));
            },
        );
        wrong("the authority CN=root in ca_file issued another one, but its key usage lacks keyCertSign", |draft| {
            draft.root.with(KEY_USAGE, true, usage(first));
        });
    }
    fine(|draft| {
        draft.between[0].without(KEY_USAGE);
        draft.root.without(KEY_USAGE);
    });
    let contradiction = "contradicts itself";
    wrong(contradiction, |draft| {
        draft.between[0].with(BASIC, true, seq(&[]));
    });
    wrong(contradiction, |draft| {
        draft.root.with(BASIC, true, seq(&[]));
    });
    wrong("is none of an authority: it has no basic constraints", |draft| {
        draft.between[0].without(BASIC);
    });
    wrong("has neither basic constraints nor a key usage", |draft| {
        draft.root.without(BASIC).without(KEY_USAGE);
    });
    fine(|draft| {
        draft.root.without(BASIC);
    });
    wrong("is none of an authority (CA:FALSE)", |draft| {
        draft.between[0].with(BASIC, true, seq(&[])).without(KEY_USAGE);
    });
}

/// Two intermediates, of which the upper one has `most` as its path length, and the lower one is issued to itself or not.
fn two(draft: &mut Draft, most: u8, lower: &str) {
    draft.leaf.issuer = name(lower);
    let mut below = Spec::authority(lower, 3, "upper", 2);
    below.issuer = name("upper");
    let mut above = Spec::authority("upper", 2, "root", 1);
    above.with(BASIC, true, ca(Some(most)));
    draft.between = vec![below, above];
}

#[test]
fn what_an_authority_issued_to_itself_does_not_count() {
    wrong("allows 0 authorities below it (path length), and there are 1", |draft| two(draft, 0, "lower"));
    fine(|draft| two(draft, 1, "lower"));
    // The same name under a new key.
    fine(|draft| two(draft, 0, "upper"));
    wrong("the authority CN=root in ca_file allows 0 authorities", |draft| {
        draft.root.with(BASIC, true, ca(Some(0)));
    });
    // Its own constraints do not bind what it issued to itself, but do bind the leaf.
    let only =
        |suffix: &str| constraints(&[general(0xa4, &name("upper of no one")), general(0x82, suffix.as_bytes())], &[]);
    let with = |draft: &mut Draft, suffix: &str| {
        two(draft, 0, "upper");
        draft.leaf.subject = name("");
        draft.between[1].with(CONSTRAINTS, true, only(suffix));
    };
    fine(|draft| with(draft, "forge.test"));
    wrong("do not permit www.forge.test", |draft| with(draft, "other.test"));
}

#[test]
fn constraints_of_every_usual_kind_are_evaluated() {
    let constrained = |draft: &mut Draft, names: &[Vec<u8>], permitted: &[Vec<u8>], excluded: &[Vec<u8>]| {
        let dns = general(0x82, b"www.forge.test");
        let parts: Vec<&[u8]> = std::iter::once(dns.as_slice()).chain(names.iter().map(Vec::as_slice)).collect();
        draft.leaf.with(SAN, false, seq(&parts));
        draft.between[0].with(CONSTRAINTS, true, constraints(permitted, excluded));
    };
    let mail = |text: &str| general(0x81, text.as_bytes());
    let uri = |text: &str| general(0x86, text.as_bytes());
    let directory = |common: &str| general(0xa4, &name(common));
    let network = |bytes: [u8; 8]| general(0x87, &bytes);
    let address = general(0x87, &[10, 1, 2, 3]);
    let in_ten = network([10, 0, 0, 0, 255, 0, 0, 0]);
    for (names, base, held, outside) in [
        (vec![mail("a@forge.test")], mail("forge.test"), mail("other.test"), "do not permit a@forge.test"),
        (
            vec![uri("https://x.forge.test/p")],
            uri(".forge.test"),
            uri("forge.test"),
            "do not permit https://x.forge.test/p",
        ),
        (vec![], directory("www.forge.test"), directory("another"), "do not permit CN=www.forge.test"),
        (vec![address], in_ten, network([11, 0, 0, 0, 255, 0, 0, 0]), "do not permit 10.1.2.3"),
        (vec![], general(0x82, b"forge.test"), general(0x82, b"other.test"), "do not permit www.forge.test"),
    ] {
        fine(|draft| constrained(draft, &names, std::slice::from_ref(&base), &[]));
        fine(|draft| constrained(draft, &names, &[], std::slice::from_ref(&held)));
        wrong(outside, |draft| constrained(draft, &names, std::slice::from_ref(&held), &[]));
        wrong(&outside.replace("do not permit", "exclude"), |draft| {
            constrained(draft, &names, &[], std::slice::from_ref(&base));
        });
    }
    // Of a kind the certificate does not have, constraints say nothing.
    fine(|draft| constrained(draft, &[], &[mail("other.test"), uri("other.test")], &[]));
    // In case and blanks two directory names may differ.
    let loose = seq(&[&tlv(0x31, &[&seq(&[&oid("2.5.4.3"), &tlv(0x13, &[b"WWW.Forge.Test "])])])]);
    fine(|draft| constrained(draft, &[], &[general(0xa4, &loose)], &[]));
    let registered = || general(0x88, &oid("1.2.3.4")[2..]);
    open("name constraints on the kind registeredID", |draft| {
        constrained(draft, &[registered()], &[registered()], &[]);
    });
    fine(|draft| constrained(draft, &[], &[registered()], &[]));
    wrong("malformed iPAddress", |draft| {
        constrained(draft, &[general(0x87, &[10, 1, 2, 3])], &[network([10, 0, 0, 0, 255, 0, 255, 0])], &[]);
    });
    // The authority's own constraints bind the whole path.
    wrong(
        "the authority CN=root in ca_file may not issue for: its name constraints exclude CN=intermediate",
        |draft| {
            draft.root.with(CONSTRAINTS, true, constraints(&[], &[general(0xa4, &name("intermediate"))]));
        },
    );
}

#[test]
fn each_flaw_is_told_with_its_certificate() {
    wrong("the extended key usage of the server's certificate lacks serverAuth", |draft| {
        draft.leaf.with(EKU, false, purposes(&[CLIENT_AUTH]));
    });
    wrong("certificate 2 of the chain (CN=intermediate) may not issue for servers", |draft| {
        draft.between[0].with(EKU, false, purposes(&[CLIENT_AUTH]));
    });
    wrong("the authority CN=root in ca_file may not issue for servers", |draft| {
        draft.root.with(EKU, false, purposes(&[CLIENT_AUTH]));
    });
    wrong("none of digitalSignature, keyEncipherment and keyAgreement", |draft| {
        draft.leaf.with(KEY_USAGE, true, usage(0x04));
    });
    wrong("the server's certificate is X.509 version 1", |draft| draft.leaf.version = 0);
    wrong("certificate 2 of the chain (CN=intermediate) is X.509 version 1", |draft| draft.between[0].version = 0);
    fine(|draft| draft.root.version = 0);
    wrong("the server's certificate has a critical extension 1.3.6.1.4.1.99999.1", |draft| {
        draft.leaf.with("1.3.6.1.4.1.99999.1", true, seq(&[]));
    });
    fine(|draft| {
        draft.leaf.with("1.3.6.1.4.1.99999.1", false, seq(&[]));
    });
    wrong("the authority CN=root in ca_file has a critical extension", |draft| {
        draft.root.with("1.3.6.1.4.1.99999.1", true, seq(&[]));
    });
    wrong("the subject alternative name of the server's certificate is not correctly encoded", |draft| {
        draft.leaf.with(SAN, false, vec![0x30, 9, 1]);
    });
    wrong("has an extension twice", |draft| {
        let twice = draft.leaf.extensions[0].clone();
        draft.leaf.extensions.push(twice);
    });
    wrong("the key of the server's certificate is RSA 1024", |draft| draft.leaf.key = rsa_key(1024, &[1, 0, 1]));
    open("RSA 16384: this program verifies RSA keys of 2048 to 8192 bits", |draft| {
        draft.leaf.key = rsa_key(16_384, &[1, 0, 1]);
    });
    wrong("certificate 2 of the chain (CN=intermediate) expired since", |draft| draft.between[0].until = NOW - DAY);
    wrong("expired since", |draft| draft.leaf.until = NOW - 1);
    fine(|draft| draft.leaf.until = NOW);
    wrong("shows an authority's certificate (CA:TRUE)", |draft| {
        draft.leaf.with(BASIC, true, ca(None));
    });
}

#[test]
fn policies_count_only_where_they_are_demanded() {
    let policies = seq(&[&seq(&[&oid("2.5.29.32.0")])]);
    fine(|draft| {
        draft.leaf.with("2.5.29.32", true, policies.clone());
        draft.between[0].with("2.5.29.36", true, seq(&[&tlv(0x81, &[&[0]])])).with("2.5.29.54", true, integer(&[0]));
    });
    open("demands explicit policies", |draft| {
        draft.between[0].with("2.5.29.36", true, seq(&[&tlv(0x80, &[&[0]])]));
    });
}

#[test]
fn a_leaf_may_be_trusted_itself() {
    fine(|draft| draft.pin_leaf = true);
    // As `openssl req -x509` makes them: an authority and a server in one.
    fine(|draft| {
        draft.pin_leaf = true;
        draft.leaf.with(BASIC, true, ca(None));
    });
    wrong("expired since", |draft| {
        draft.pin_leaf = true;
        draft.leaf.until = NOW - 1;
    });
    wrong("lacks serverAuth", |draft| {
        draft.pin_leaf = true;
        draft.leaf.with(EKU, false, purposes(&[CLIENT_AUTH]));
    });
}

#[test]
fn signatures_and_names_lead_to_an_authority() {
    wrong("unknown issuer: no trusted root for the served chain, which ends at \"CN=nobody\"", |draft| {
        draft.between[0].issuer = name("nobody");
    });
    // The same name in another string is the same name (RFC 5280, 7.1).
    let printable = |text: &[u8]| seq(&[&tlv(0x31, &[&seq(&[&oid("2.5.4.3"), &tlv(0x13, &[text])])])]);
    fine(|draft| draft.leaf.issuer = printable(b"Intermediate"));
    fine(|draft| draft.between[0].issuer = printable(b"root "));
    wrong("signed with sha1WithRSAEncryption, which is not trusted any more", |draft| {
        let sha1 = seq(&[&oid("1.2.840.113549.1.1.5"), &[5, 0]]);
        (draft.leaf.inner, draft.leaf.outer) = (sha1.clone(), sha1);
    });
    open("which this program cannot verify", |draft| {
        let ed448 = seq(&[&oid("1.3.101.113")]);
        (draft.leaf.inner, draft.leaf.outer) = (ed448.clone(), ed448);
    });
    wrong("two different signature algorithms", |draft| draft.leaf.inner = seq(&[&oid("1.2.840.10045.4.3.3")]));
    let stranger = KeyPair::generate().unwrap();
    let mut roots = Authorities::from("ca_file");
    let mut root = Spec::root();
    root.key = KeyPair::generate().unwrap().subject_public_key_info();
    roots.add(root.der()).unwrap();
    let mut leaf = Spec::leaf();
    leaf.issuer = name("root");
    let found = roots.validate(&[leaf.signed_by(&stranger)], NOW);
    let Some(ValidationError::Wrong(why)) = ValidationError::joined(&found.problems) else { panic!("{found:?}") };
    assert!(why.contains("a signature in the chain is not by the key of its issuer"), "{why}");
}

#[test]
fn a_chain_that_allows_endless_paths_is_given_up() {
    let key = KeyPair::generate().unwrap();
    let mut roots = Authorities::from("ca_file");
    roots.add(Spec::root().der()).unwrap();
    let mut leaf = Spec::leaf();
    leaf.issuer = name("same");
    let mut chain: Vec<CertificateDer<'static>> = vec![leaf.signed_by(&key)];
    for id in 0..60_u8 {
        let mut one = Spec::authority("same", id, "same", 1);
        one.without(AKI);
        // Every key but one bit is the same, so that signatures lead on.
        one.key = key.subject_public_key_info();
        chain.push(one.signed_by(&key));
    }
    let found = roots.validate(&chain, NOW);
    assert!(found.places.is_none());
    assert!(!found.problems.is_empty());
}

mod mutations {
    use proptest::prelude::*;
    use rcgen::{KeyPair, PublicKeyData};
    use rustls::pki_types::{CertificateDer, ServerName};

    use super::super::fits_name;
    use crate::proto::tls::authority::Authorities;
    use crate::proto::tls::tests::forge::{NOW, Spec};

    fn good() -> (Vec<CertificateDer<'static>>, Authorities) {
        let keys: Vec<KeyPair> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
        let (mut leaf, mut middle, mut root) = (Spec::leaf(), Spec::intermediate(), Spec::root());
        for (spec, key) in [&mut leaf, &mut middle, &mut root].into_iter().zip(&keys) {
            spec.key = key.subject_public_key_info();
        }
        let mut roots = Authorities::from("ca_file");
        roots.add(root.signed_by(&keys[2])).unwrap();
        (vec![leaf.signed_by(&keys[1]), middle.signed_by(&keys[2])], roots)
    }

    proptest! {
        #[test]
        fn no_changed_byte_of_a_chain_verifies(which in 0_usize..2, at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
            let (mut chain, roots) = good();
            prop_assert!(roots.validate(&chain, NOW).problems.is_empty());
            let mut bytes = chain[which].to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            chain[which] = CertificateDer::from(bytes);
            prop_assert!(!roots.validate(&chain, NOW).problems.is_empty(), "byte {at} of certificate {which}");
        }

        #[test]
        fn arbitrary_bytes_neither_verify_nor_panic(leaf in prop::collection::vec(any::<u8>(), 0..300)) {
            let (mut chain, roots) = good();
            prop_assert!(fits_name(&leaf, &ServerName::try_from("www.forge.test").unwrap()).is_err());
            chain[0] = CertificateDer::from(leaf.clone());
            prop_assert!(!roots.validate(&chain, NOW).problems.is_empty());
            chain.swap(0, 1);
            prop_assert!(!roots.validate(&chain, NOW).problems.is_empty());
        }
    }
}
