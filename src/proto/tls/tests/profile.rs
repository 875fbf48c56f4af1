//! Profiles: what is compliant, what is a breach, and what nobody can tell.

use std::collections::BTreeMap;

use super::super::lint::KeyFacts;
use super::super::profile::{
    BUILT_IN, CertificateProperties, Preference, Profile, ServerProperties, Status, Verdict, built_in, evaluate,
};

fn profile(name: &str) -> Profile {
    Profile::parse(built_in(name).unwrap(), name).unwrap()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The properties of a server configured by the book: Mozilla's intermediate one.
fn by_the_book() -> ServerProperties {
    let ciphers = BTreeMap::from([
        (
            "TLS1.2".to_owned(),
            owned(&["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]),
        ),
        ("TLS1.3".to_owned(), owned(&["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])),
    ]);
    let ecdsa = CertificateProperties {
        name: "CN=a".to_owned(),
        key: KeyFacts {
            kind: "ecdsa".to_owned(),
            curve: Some("P-256".to_owned()),
            curve_bits: Some(256),
            exponent_fits: true,
            bits: None,
        },
        signature: "ecdsa-with-SHA384".to_owned(),
        lifetime_days: 90.0,
    };
    let rsa = CertificateProperties {
        name: "CN=b".to_owned(),
        key: KeyFacts { kind: "rsa".to_owned(), bits: Some(2048), exponent_fits: true, ..KeyFacts::default() },
        signature: "sha256WithRSAEncryption".to_owned(),
        lifetime_days: 90.0,
    };
    ServerProperties {
        versions: owned(&["TLS1.2", "TLS1.3"]),
        ciphers,
        groups: owned(&["X25519MLKEM768", "x25519", "secp256r1", "secp384r1"]),
        preference: Some(Preference::Client),
        compression: Some(false),
        secure_renegotiation: Some(true),
        dh_bits: None,
        ocsp_stapled: Some(false),
        certificates: vec![ecdsa, rsa],
        unknown: Vec::new(),
    }
}

fn modern() -> ServerProperties {
    let mut properties = by_the_book();
    properties.versions = owned(&["TLS1.3"]);
    properties.ciphers.remove("TLS1.2");
    properties.certificates.truncate(1);
    properties
}

fn verdict(name: &str, properties: &ServerProperties) -> Verdict {
    evaluate(&profile(name), properties)
}

#[test]
fn built_in_profiles_are_sound_and_hold_for_who_follows_them() {
    for name in BUILT_IN {
        let profile = profile(name);
        assert_eq!(profile.name, *name);
        let verdict = evaluate(&profile, &if *name == "mozilla-modern" { modern() } else { by_the_book() });
        assert_eq!(verdict.status, Status::Compliant, "{verdict:#?}");
    }
    assert_eq!(profile("mozilla-intermediate").title(), "mozilla-intermediate 6.0");
}

/// A profile, and what is taken away.
type Hidden = (&'static str, fn(&mut ServerProperties));
type Row = (&'static str, fn(&mut ServerProperties), &'static str);

const BREACHES: &[Row] = &[
    (
        "mozilla-intermediate",
        |properties| properties.versions.insert(0, "TLS1.1".to_owned()),
        "mozilla-intermediate 6.0: TLS1.1 is offered; versions allowed TLS1.2 TLS1.3 [https://ssl-config.mozilla.org/guidelines/6.0.json]",
    ),
    ("mozilla-modern", |_| {}, "TLS1.2 is offered; versions allowed TLS1.3"),
    (
        "mozilla-intermediate",
        |properties| offer(properties, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
        "TLS1.2: TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 is offered; ciphers allowed",
    ),
    (
        "mozilla-intermediate",
        |properties| {
            properties.groups.remove(0);
        },
        "X25519MLKEM768 is not offered; groups required X25519MLKEM768",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.groups.swap(0, 1),
        "x25519 is preferred; groups first X25519MLKEM768",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.groups.push("secp521r1".to_owned()),
        "secp521r1 is offered; groups allowed",
    ),
    ("mozilla-intermediate", |properties| properties.groups.clear(), "X25519MLKEM768 is not offered"),
    (
        "mozilla-intermediate",
        |properties| properties.certificates[1].key.bits = Some(1024),
        "the certificate CN=b: its RSA key has 1024 bits; at least 2048",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.certificates[0].lifetime_days = 367.0,
        "valid for 367.0 days; at most 366",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.certificates[0].key.curve = Some("P-521".to_owned()),
        "its curve is P-521; curves allowed P-256 P-384",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.certificates[1].signature = "sha1WithRSAEncryption".to_owned(),
        "signed with sha1WithRSAEncryption",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.compression = Some(true),
        "TLS compression is accepted; compression off",
    ),
    (
        "mozilla-intermediate",
        |properties| properties.secure_renegotiation = Some(false),
        "the renegotiation indication is not answered",
    ),
    (
        "mozilla-modern",
        |properties| *properties = ServerProperties { certificates: by_the_book().certificates, ..modern() },
        "its key is rsa; certificate keys allowed ecdsa",
    ),
    (
        "rfc9325",
        |properties| offer(properties, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        "TLS_RSA_WITH_AES_128_GCM_SHA256 is offered; RSA key transport, no forward secrecy (SHOULD NOT) [RFC 9325 4.1]",
    ),
    ("rfc9325", |properties| offer(properties, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"), "[RFC 9325 4.1, RFC 7465]"),
    (
        "rfc9325",
        |properties| properties.versions.insert(0, "SSLv3".to_owned()),
        "SSLv3 is offered; versions allowed TLS1.2 TLS1.3 [RFC 9325 3.1.1]",
    ),
    (
        "rfc9325",
        |properties| {
            offer(properties, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256");
            properties.dh_bits = Some(1024);
        },
        "a Diffie-Hellman group has 1024 bits; at least 2048 bits",
    ),
    (
        "pci-dss-4",
        |properties| offer(properties, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA is offered",
    ),
    (
        "pci-dss-4",
        |properties| properties.certificates[0].signature = "ecdsa-with-SHA1".to_owned(),
        "which is forbidden",
    ),
    ("pci-dss-4", |properties| properties.versions.insert(0, "TLS1.0".to_owned()), "TLS1.0 is offered"),
    // Whatever else is unknown, what was seen was seen.
    (
        "rfc9325",
        |properties| {
            properties.versions.insert(0, "TLS1.0".to_owned());
            properties.unknown = owned(&["versions.TLS1.1: reset"]);
        },
        "TLS1.0 is offered",
    ),
];

fn offer(properties: &mut ServerProperties, suite: &str) {
    properties.ciphers.get_mut("TLS1.2").unwrap().push(suite.to_owned());
}

#[test]
fn each_broken_rule_is_a_breach_that_names_it() {
    for (name, spoil, want) in BREACHES {
        let mut properties = by_the_book();
        spoil(&mut properties);
        let verdict = verdict(name, &properties);
        assert_eq!(verdict.status, Status::Breached, "{want}: {verdict:#?}");
        assert!(verdict.breaches.iter().any(|line| line.contains(want)), "{want}: {verdict:#?}");
        assert!(verdict.breaches.iter().all(|line| line.starts_with(&profile(name).title())), "{verdict:#?}");
    }
}

#[test]
fn what_was_not_seen_is_never_compliant() {
    let rows: &[Hidden] = &[
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["versions.TLS1.1: reset"])),
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["versions: rate limit"])),
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["ciphers.TLS1.2: timeout after 3 tries"])),
        ("rfc9325", |properties| properties.unknown = owned(&["ciphers.TLS1.2.TLS_RSA_WITH_NULL_SHA: reset"])),
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["groups.x448"])),
        ("mozilla-intermediate", |properties| {
            properties.groups.remove(0);
            properties.unknown = owned(&["groups.X25519MLKEM768"]);
        }),
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["certificates: the RSA one was reset"])),
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["something the judge has never heard of"])),
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["compression"])),
        ("mozilla-intermediate", |properties| properties.compression = None),
        ("mozilla-intermediate", |properties| properties.secure_renegotiation = None),
        ("mozilla-intermediate", |properties| properties.certificates.clear()),
        ("mozilla-intermediate", |properties| {
            properties.ciphers.remove("TLS1.2");
        }),
        ("rfc9325", |properties| offer(properties, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")),
        ("mozilla-modern", |properties| {
            *properties = ServerProperties { unknown: owned(&["versions.TLS1.2: reset"]), ..modern() }
        }),
        ("mozilla-modern", |properties| {
            *properties = ServerProperties { versions: Vec::new(), unknown: owned(&["versions.TLS1.3"]), ..modern() }
        }),
        ("rfc9325", |properties| *properties = ServerProperties::default()),
        ("pci-dss-4", |properties| {
            *properties = ServerProperties { certificates: by_the_book().certificates, ..ServerProperties::default() }
        }),
    ];
    for (at, (name, hide)) in rows.iter().enumerate() {
        let mut properties = by_the_book();
        hide(&mut properties);
        let verdict = verdict(name, &properties);
        // One row hides nothing: CBC with ECDHE is no matter of RFC 9325's list.
        let want = if at == 13 { Status::Compliant } else { Status::Undecided };
        assert_eq!(verdict.status, want, "row {at}: {verdict:#?}");
        assert!(verdict.breaches.is_empty(), "{verdict:#?}");
    }
}

#[test]
fn what_is_unknown_elsewhere_does_not_matter() {
    let rows: &[Hidden] = &[
        // No rule of the profile is about these.
        ("mozilla-intermediate", |properties| properties.unknown = owned(&["preference", "ocsp"])),
        ("rfc9325", |properties| properties.unknown = owned(&["groups.x448"])),
        // TLS 1.3 has no renegotiation to secure.
        ("mozilla-modern", |properties| *properties = ServerProperties { secure_renegotiation: None, ..modern() }),
        // Nobody offers finite-field Diffie-Hellman.
        ("rfc9325", |properties| properties.dh_bits = None),
    ];
    for (name, hide) in rows {
        let mut properties = by_the_book();
        hide(&mut properties);
        let verdict = verdict(name, &properties);
        assert_eq!(verdict.status, Status::Compliant, "{verdict:#?}");
    }
    let mut properties = by_the_book();
    offer(&mut properties, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256");
    let mut own = profile("pci-dss-4");
    own.certificates = None;
    let undecided = evaluate(&own, &properties).undecided;
    assert!(undecided.iter().any(|line| line.contains("dh_bits is unknown")), "{undecided:?}");
}

#[test]
fn a_profile_of_ones_own_is_read_or_its_fault_is_named() {
    let head = "name = \"ours\"\nversion = \"1\"\nsource = \"wiki\"\n";
    let own = Profile::parse(
        &format!("{head}[versions]\nrequired = [\"TLS1.3\"]\n[server]\npreference = \"server\"\nocsp_staple = true\n[ciphers.required]\n\"TLS1.3\" = [\"TLS_CHACHA20_*\"]\n"),
        "ours.toml",
    )
    .unwrap();
    let verdict = evaluate(&own, &by_the_book());
    assert_eq!(
        verdict.breaches,
        [
            "ours 1: TLS1.3 does not offer TLS_CHACHA20_*; ciphers required [wiki]",
            "ours 1: the order of the client counts; preference server [wiki]",
            "ours 1: no OCSP response is stapled; OCSP staple on [wiki]",
        ]
    );
    for (text, want) in [
        (String::new(), "ours.toml:1: missing field `name`"),
        (head.to_owned(), "it has no rule"),
        (format!("{head}[server]\nsource = \"x\"\n"), "it has no rule"),
        (format!("{head}[versions]\nallowed = [\"TLS1.2\", \"TLS9\"]\n"), "ours.toml:5: `TLS9` is no protocol version"),
        (format!("{head}\n\n[groups]\nforbidden = [\"sect1\"]\n"), "ours.toml:7: `sect1` is no key exchange group"),
        (
            format!("{head}[ciphers]\ndenied = [{{patterns = [\"RC4\"], why = \"old\"}}]\n"),
            "ours.toml:5: `RC4` is no cipher suite",
        ),
        (format!("{head}[versions]\nalowed = [\"TLS1.2\"]\n"), "ours.toml:5: unknown field `alowed`"),
        (head.replace("ours", "breaches"), "ours.toml:1: `breaches` is the name of a fact"),
        (head.replace("ours", "Ours 1"), "ours.toml:1: `Ours 1` is no name"),
        (head.replace("wiki", " "), "ours.toml:3: it is empty"),
        ("name = ".to_owned(), "ours.toml:1: "),
    ] {
        let why = Profile::parse(&text, "ours.toml").unwrap_err();
        assert!(why.contains(want), "{why}, not {want}");
    }
}
