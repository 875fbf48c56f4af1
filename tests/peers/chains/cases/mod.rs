//! The cases: one thing unusual, or wrong, with each chain, and what this program says of it.

mod names;
mod odd;

use super::draft::{
    ANY, BASIC, CLIENT, Draft, EKU, KEY_USAGE, NAME, SAN, SERVER, Spec, Trusted, all, ca, dns, integer, name, name_in,
    oid, purposes, seq, tlv, usage,
};

/// The verdict of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Accepts,
    Refuses,
    /// It cannot judge.
    Open,
}

use Says::{Accepts, Open, Refuses};

/// A case.
pub struct Case {
    pub id: &'static str,
    pub says: Says,
    pub draft: Draft,
}

fn case(id: &'static str, says: Says, change: impl FnOnce(&mut Draft)) -> Case {
    let mut draft = Draft::new();
    change(&mut draft);
    Case { id, says, draft }
}

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        paths(),
        authorities(),
        path_lengths(),
        purposes_of(),
        extensions(),
        names::names(),
        names::address_names(),
        names::subtrees(),
        names::more_subtrees(),
        odd::anchors(),
        odd::leaves(),
        odd::names(),
        odd::subtrees(),
        dates(),
        signatures(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn paths() -> Vec<Case> {
    vec![
        case("plain", Accepts, |_| {}),
        case("no_intermediate", Accepts, |d| {
            d.between.clear();
            d.leaf.issuer = name("root");
        }),
        case("two_between", Accepts, |d| d.depth(2)),
        case("six_between", Accepts, |d| d.depth(6)),
        case("seven_between", Accepts, |d| d.depth(7)),
        case("ten_between", Accepts, |d| d.depth(10)),
        case("out_of_order", Accepts, |d| {
            d.depth(3);
            d.sent = Some(vec![2, 0, 1]);
        }),
        case("root_sent", Accepts, |d| d.root_sent = true),
        case("sent_twice", Accepts, |d| d.sent = Some(vec![0, 0])),
        case("missing_intermediate", Refuses, |d| d.sent = Some(vec![])),
        case("missing_upper", Refuses, |d| {
            d.depth(2);
            d.sent = Some(vec![0]);
        }),
        case("stranger_trusted", Refuses, |d| d.trusted = Trusted::Stranger),
        case("stranger_trusted_root_sent", Refuses, |d| {
            d.trusted = Trusted::Stranger;
            d.root_sent = true;
        }),
        case("leaf_trusted", Accepts, |d| d.trusted = Trusted::Leaf),
        case("leaf_trusted_alone", Accepts, |d| {
            d.trusted = Trusted::Leaf;
            d.sent = Some(vec![]);
        }),
        case("leaf_trusted_as_authority", Accepts, |d| {
            d.trusted = Trusted::Leaf;
            d.leaf.with(BASIC, true, ca(None));
        }),
        case("leaf_trusted_expired", Refuses, |d| {
            d.trusted = Trusted::Leaf;
            d.leaf.days(-30, -1);
        }),
        case("leaf_trusted_wrong_name", Refuses, |d| {
            d.trusted = Trusted::Leaf;
            "other.chain.test".clone_into(&mut d.wanted);
        }),
        case("leaf_trusted_client_only", Refuses, |d| {
            d.trusted = Trusted::Leaf;
            d.leaf.with(EKU, false, purposes(&[CLIENT]));
        }),
        case("issuer_by_another_name", Refuses, |d| d.leaf.issuer = name("nobody")),
        case("issuer_in_another_string", Accepts, |d| d.leaf.issuer = name_in(0x13, "Intermediate")),
        case("root_in_another_string", Accepts, |d| d.intermediate().issuer = name_in(0x13, "root")),
        case("issuer_as_teletex", Refuses, |d| d.leaf.issuer = name_in(0x14, "x")),
        case("leaf_without_subject", Accepts, |d| {
            d.leaf.subject = name("");
            d.leaf.with(SAN, true, all(&[dns(NAME)]));
        }),
    ]
}

fn authorities() -> Vec<Case> {
    vec![
        case("intermediate_without_certsign", Refuses, |d| {
            d.intermediate().with(KEY_USAGE, true, usage(0x02));
        }),
        case("intermediate_signs_data_only", Refuses, |d| {
            d.intermediate().with(KEY_USAGE, true, usage(0x80));
        }),
        case("upper_without_certsign", Refuses, |d| {
            d.depth(2);
            d.between[1].with(KEY_USAGE, true, usage(0x02));
        }),
        case("intermediate_without_usage", Accepts, |d| {
            d.intermediate().without(KEY_USAGE);
        }),
        case("usage_not_critical", Accepts, |d| {
            d.intermediate().with(KEY_USAGE, false, usage(0x06));
        }),
        case("usage_not_critical_without_certsign", Refuses, |d| {
            d.intermediate().with(KEY_USAGE, false, usage(0x02));
        }),
        case("intermediate_no_ca", Refuses, |d| {
            d.intermediate().with(BASIC, true, seq(&[])).without(KEY_USAGE);
        }),
        case("intermediate_contradicts_itself", Refuses, |d| {
            d.intermediate().with(BASIC, true, seq(&[]));
        }),
        case("intermediate_without_basic", Refuses, |d| {
            d.intermediate().without(BASIC);
        }),
        case("intermediate_without_anything", Refuses, |d| {
            d.intermediate().without(BASIC).without(KEY_USAGE);
        }),
        case("basic_not_critical", Accepts, |d| {
            d.intermediate().with(BASIC, false, ca(None));
        }),
        case("root_without_certsign", Refuses, |d| {
            d.root.with(KEY_USAGE, true, usage(0x02));
        }),
        case("root_no_ca", Refuses, |d| {
            d.root.with(BASIC, true, seq(&[])).without(KEY_USAGE);
        }),
        case("root_contradicts_itself", Refuses, |d| {
            d.root.with(BASIC, true, seq(&[]));
        }),
        case("root_without_usage", Accepts, |d| {
            d.root.without(KEY_USAGE);
        }),
        case("root_without_basic", Accepts, |d| {
            d.root.without(BASIC);
        }),
        case("root_without_anything", Refuses, |d| {
            d.root.without(BASIC).without(KEY_USAGE);
        }),
        case("root_version_1", Accepts, |d| d.root.version = 0),
        case("intermediate_version_1", Refuses, |d| d.intermediate().version = 0),
        case("leaf_version_1", Refuses, |d| d.leaf.version = 0),
        case("leaf_is_authority", Refuses, |d| {
            d.leaf.with(BASIC, true, ca(None));
        }),
        case("leaf_says_no_authority", Accepts, |d| {
            d.leaf.with(BASIC, true, seq(&[]));
        }),
    ]
}

/// Two between, the lower one by the name given, the upper one with a path length.
fn lengths(d: &mut Draft, most: u8, lower: &str) {
    d.leaf.issuer = name(lower);
    let mut upper = Spec::authority("upper", "root");
    upper.with(BASIC, true, ca(Some(most)));
    d.between = vec![Spec::authority(lower, "upper"), upper];
}

fn path_lengths() -> Vec<Case> {
    vec![
        case("length_0_and_leaf", Accepts, |d| {
            d.intermediate().with(BASIC, true, ca(Some(0)));
        }),
        case("length_0_and_authority", Refuses, |d| lengths(d, 0, "lower")),
        case("length_1_and_authority", Accepts, |d| lengths(d, 1, "lower")),
        case("length_0_and_self_issued", Accepts, |d| lengths(d, 0, "upper")),
        case("length_127", Accepts, |d| lengths(d, 127, "lower")),
        case("root_length_0", Refuses, |d| {
            d.root.with(BASIC, true, ca(Some(0)));
        }),
        case("root_length_1", Accepts, |d| {
            d.root.with(BASIC, true, ca(Some(1)));
        }),
        case("root_length_1_two_between", Refuses, |d| {
            d.depth(2);
            d.root.with(BASIC, true, ca(Some(1)));
        }),
        case("root_length_0_self_issued_between", Accepts, |d| {
            d.between = vec![Spec::authority("root", "root")];
            d.leaf.issuer = name("root");
            d.root.with(BASIC, true, ca(Some(0)));
        }),
        case("lower_longer_than_upper", Refuses, |d| {
            d.depth(3);
            d.between[2].with(BASIC, true, ca(Some(1)));
            d.between[1].with(BASIC, true, ca(Some(9)));
        }),
    ]
}

fn purposes_of() -> Vec<Case> {
    let leaf = |id, says, eku: &'static [&'static str]| {
        case(id, says, move |d: &mut Draft| {
            d.leaf.with(EKU, false, purposes(eku));
        })
    };
    let intermediate = |id, says, eku: &'static [&'static str]| {
        case(id, says, move |d: &mut Draft| {
            d.intermediate().with(EKU, false, purposes(eku));
        })
    };
    let used = |id, says, first: u8| {
        case(id, says, move |d: &mut Draft| {
            d.leaf.with(KEY_USAGE, true, usage(first));
        })
    };
    vec![
        leaf("leaf_client_only", Refuses, &[CLIENT]),
        leaf("leaf_server_and_client", Accepts, &[SERVER, CLIENT]),
        leaf("leaf_any_only", Refuses, &[ANY]),
        leaf("leaf_any_and_server", Accepts, &[ANY, SERVER]),
        leaf("leaf_code_signing", Refuses, &["1.3.6.1.5.5.7.3.3"]),
        case("leaf_without_purposes", Accepts, |d| {
            d.leaf.without(EKU);
        }),
        case("leaf_purposes_critical", Accepts, |d| {
            d.leaf.with(EKU, true, purposes(&[SERVER]));
        }),
        intermediate("intermediate_for_servers", Accepts, &[SERVER]),
        intermediate("intermediate_client_only", Refuses, &[CLIENT]),
        intermediate("intermediate_any_only", Refuses, &[ANY]),
        case("root_client_only", Refuses, |d| {
            d.root.with(EKU, false, purposes(&[CLIENT]));
        }),
        case("root_for_servers", Accepts, |d| {
            d.root.with(EKU, false, purposes(&[SERVER]));
        }),
        used("leaf_usage_encipherment", Accepts, 0x20),
        used("leaf_usage_agreement", Accepts, 0x08),
        used("leaf_usage_certsign_only", Refuses, 0x04),
        used("leaf_usage_signature_and_certsign", Accepts, 0x84),
        case("leaf_without_usage", Accepts, |d| {
            d.leaf.without(KEY_USAGE);
        }),
    ]
}

fn extensions() -> Vec<Case> {
    const PRIVATE: &str = "1.3.6.1.4.1.99999.1";
    let policies = || seq(&[&seq(&[&oid("2.5.29.32.0")])]);
    vec![
        case("leaf_unknown_critical", Refuses, |d| {
            d.leaf.with(PRIVATE, true, seq(&[]));
        }),
        case("leaf_unknown", Accepts, |d| {
            d.leaf.with(PRIVATE, false, seq(&[]));
        }),
        case("intermediate_unknown_critical", Refuses, |d| {
            d.intermediate().with(PRIVATE, true, seq(&[]));
        }),
        case("root_unknown_critical", Refuses, |d| {
            d.root.with(PRIVATE, true, seq(&[]));
        }),
        case("leaf_policies_critical", Accepts, move |d| {
            d.leaf.with("2.5.29.32", true, policies());
        }),
        case("policies_demanded", Open, |d| {
            d.intermediate().with("2.5.29.36", true, seq(&[&tlv(0x80, &[&[0]])]));
        }),
        case("mapping_inhibited", Accepts, |d| {
            d.intermediate().with("2.5.29.36", true, seq(&[&tlv(0x81, &[&[0]])]));
        }),
        case("any_policy_inhibited", Accepts, |d| {
            d.intermediate().with("2.5.29.54", true, integer(&[0]));
        }),
        case("leaf_key_id_critical", Refuses, |d| {
            d.leaf.with("2.5.29.35", true, seq(&[&tlv(0x80, &[&[1; 20]])]));
        }),
        case("extension_twice", Refuses, |d| {
            let twice = d.leaf.extensions[0].clone();
            d.leaf.extensions.push(twice);
        }),
        case("san_not_encoded", Refuses, |d| {
            d.leaf.with(SAN, false, vec![0x30, 9, 1]);
        }),
        case("serial_zero", Accepts, |d| d.leaf.serial = vec![0]),
        case("serial_long", Accepts, |d| d.leaf.serial = vec![0x11; 24]),
    ]
}

fn dates() -> Vec<Case> {
    vec![
        case("leaf_expired", Refuses, |d| d.leaf.days(-30, -1)),
        case("leaf_not_yet", Refuses, |d| d.leaf.days(1, 30)),
        case("leaf_ends_before_it_begins", Refuses, |d| d.leaf.days(30, -30)),
        case("intermediate_expired", Refuses, |d| d.intermediate().days(-30, -1)),
        case("intermediate_not_yet", Refuses, |d| d.intermediate().days(1, 30)),
        case("root_expired", Refuses, |d| d.root.days(-30, -1)),
        case("root_not_yet", Refuses, |d| d.root.days(1, 30)),
        case("leaf_for_centuries", Accepts, |d| d.leaf.days(-30, 100_000)),
    ]
}

fn signatures() -> Vec<Case> {
    vec![
        case("keys_p384", Accepts, |d| d.keys = &rcgen::PKCS_ECDSA_P384_SHA384),
        case("keys_ed25519", Accepts, |d| d.keys = &rcgen::PKCS_ED25519),
        case("leaf_tampered", Refuses, |d| d.leaf.tampered = true),
        case("intermediate_tampered", Refuses, |d| d.intermediate().tampered = true),
        case("root_tampered", Accepts, |d| d.root.tampered = true),
        case("two_algorithms", Refuses, |d| d.leaf.inner = Some(seq(&[&oid("1.2.840.10045.4.3.3")]))),
        case("signed_by_another_between", Refuses, |d| {
            // The leaf names the upper one, and is signed by the lower one.
            d.depth(2);
            d.leaf.issuer = name("c2");
        }),
    ]
}
