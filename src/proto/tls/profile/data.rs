//! The file of a profile: TOML, every word of it checked. A rule with a word nobody offers would hold for ever.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

/// Names a profile cannot have, because they are facts beside it.
const RESERVED: &[&str] = &["breaches", "undecided", "versions"];

/// Groups of key exchange as IANA names them.
const GROUPS: &[&str] = &[
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
    "MLKEM512",
    "MLKEM768",
    "MLKEM1024",
    "x25519",
    "x448",
    "secp160r1",
    "secp192r1",
    "secp224r1",
    "secp256k1",
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "sect163k1",
    "sect233k1",
    "sect233r1",
    "sect283k1",
    "sect283r1",
    "sect409k1",
    "sect409r1",
    "sect571k1",
    "sect571r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
    "curveSM2",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
];

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name in suites: lower-case letters, digits and hyphens.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Version of the document it follows.
    #[serde(deserialize_with = "filled")]
    pub version: String,
    /// The document: a URL, or where else to find it.
    #[serde(deserialize_with = "filled")]
    pub source: String,
    /// Protocol versions.
    pub versions: Option<Versions>,
    /// Cipher suites.
    pub ciphers: Option<Ciphers>,
    /// Key exchange groups.
    pub groups: Option<Groups>,
    /// Certificates the server shows as its own.
    pub certificates: Option<Certificates>,
    /// Everything else.
    pub server: Option<Server>,
}

/// Rules about protocol versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Versions {
    /// No others may be offered.
    pub allowed: Vec<Version>,
    /// Must be offered.
    pub required: Vec<Version>,
    /// Must not be offered.
    pub forbidden: Vec<Version>,
    /// Where in the document it says so.
    pub source: Option<String>,
}

/// Rules about cipher suites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ciphers {
    /// By version: no others may be offered in it.
    pub allowed: BTreeMap<Version, Vec<Suite>>,
    /// By version: must be offered in it, if the version is.
    pub required: BTreeMap<Version, Vec<Suite>>,
    /// Must not be offered in any version.
    pub denied: Vec<Denied>,
    /// Where in the document it says so.
    pub source: Option<String>,
}

/// Cipher suites that must not be offered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// Names, `*` for any text.
    pub patterns: Vec<Suite>,
    /// Why.
    #[serde(deserialize_with = "filled")]
    pub why: String,
    /// Where in the document it says so.
    pub source: Option<String>,
}

/// Rules about key exchange groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Groups {
    /// No others may be offered.
    pub allowed: Vec<Group>,
    /// Must be offered.
    pub required: Vec<Group>,
    /// Must not be offered.
    pub forbidden: Vec<Group>,
    /// Must be the one chosen when all are offered.
    pub first: Option<Group>,
    /// Where in the document it says so.
    pub source: Option<String>,
}

/// Rules about the certificates a server shows as its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// Kinds of key: `rsa`, `ecdsa`, `ed25519`, `ed448`.
    pub keys: Vec<Key>,
    /// Fewest bits of an RSA key.
    pub rsa_bits: Option<u32>,
    /// Fewest bits of the field of an elliptic curve.
    pub ec_bits: Option<u32>,
    /// Curves of ECDSA keys: `P-256`, `P-384`, `P-521`.
    pub curves: Vec<Curve>,
    /// Signature algorithms, such as `ecdsa-with-SHA256`; `*` for any text. No others may be used.
    pub signatures: Vec<String>,
    /// Signature algorithms that must not be used.
    pub denied_signatures: Vec<String>,
    /// Most days from the first second to the last.
    pub lifetime_days: Option<u32>,
    /// Where in the document it says so.
    pub source: Option<String>,
}

/// Rules about everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Whose order of cipher suites must count.
    pub preference: Option<Preference>,
    /// Whether TLS compression may be accepted.
    pub compression: Option<bool>,
    /// Whether the renegotiation indication must be answered, in TLS 1.2 and before.
    pub secure_renegotiation: Option<bool>,
    /// Fewest bits of finite-field Diffie-Hellman.
    pub dh_bits: Option<u32>,
    /// Whether an OCSP response must be stapled.
    pub ocsp_staple: Option<bool>,
    /// Where in the document it says so.
    pub source: Option<String>,
}

/// Whose order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    /// The server's.
    Server,
    /// The client's.
    Client,
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let check: fn(&str) -> Result<(), String> = $check;
                check(&text).map_err(D::Error::custom)?;
                Ok(Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// A protocol version: `TLS1.2`.
    Version,
    |text| one_of(text, &["SSLv2", "SSLv3", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"], "protocol version")
);
word!(
    /// A key exchange group, IANA name.
    Group,
    |text| one_of(text, GROUPS, "key exchange group")
);
word!(
    /// Kind of a key.
    Key,
    |text| one_of(text, &["rsa", "ecdsa", "ed25519", "ed448"], "kind of key")
);
word!(
    /// Curve of an ECDSA key.
    Curve,
    |text| one_of(text, &["P-224", "P-256", "P-384", "P-521"], "curve")
);
word!(
    /// Name of a cipher suite, or a pattern of names.
    Suite,
    |text| {
        let letters = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_*".contains(&byte));
        let begins = ["TLS_", "SSL_", "*"].iter().any(|start| text.starts_with(start));
        if letters && begins {
            Ok(())
        } else {
            Err(format!("`{text}` is no cipher suite: write IANA names such as TLS_AES_128_GCM_SHA256, or *_CBC_*"))
        }
    }
);

fn one_of(text: &str, known: &[&str], what: &str) -> Result<(), String> {
    if known.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    Err(format!("`{text}` is no {what}: {}", known.join(", ")))
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return Err(D::Error::custom(format!("`{text}` is no name: lower-case letters, digits and hyphens")));
    }
    if RESERVED.contains(&text.as_str()) {
        return Err(D::Error::custom(format!("`{text}` is the name of a fact: choose another one")));
    }
    Ok(text)
}

fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() { Err(D::Error::custom("it is empty")) } else { Ok(text) }
}

impl Profile {
    /// Reads a profile; `Err` is `PLACE:LINE: what is wrong`.
    pub fn parse(text: &str, place: &str) -> Result<Self, String> {
        let profile: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("{place}:{}: {}", before.matches('\n').count() + 1, error.message())
        })?;
        if profile.is_empty() {
            return Err(format!("{place}:1: it has no rule, and would find every server compliant"));
        }
        Ok(profile)
    }

    /// Name and version, for people.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn is_empty(&self) -> bool {
        let versions = self
            .versions
            .as_ref()
            .is_none_or(|rules| rules.allowed.is_empty() && rules.required.is_empty() && rules.forbidden.is_empty());
        let ciphers = self
            .ciphers
            .as_ref()
            .is_none_or(|rules| rules.allowed.is_empty() && rules.required.is_empty() && rules.denied.is_empty());
        let groups =
            self.groups.as_ref().is_none_or(|rules| Groups { source: None, ..rules.clone() } == Groups::default());
        let certificates = self
            .certificates
            .as_ref()
            .is_none_or(|rules| Certificates { source: None, ..rules.clone() } == Certificates::default());
        let server =
            self.server.as_ref().is_none_or(|rules| Server { source: None, ..rules.clone() } == Server::default());
        versions && ciphers && groups && certificates && server
    }
}
