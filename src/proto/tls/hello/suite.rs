//! Cipher suites: every number of the IANA registry, and what the name says about it.

use std::sync::LazyLock;

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// On the wire.
    pub number: u16,
    /// IANA name, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
    pub name: &'static str,
}

/// How the key is agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// TLS 1.3: the suite does not say.
    Any,
    /// Ephemeral elliptic curve, anonymous ones too.
    Ecdhe,
    /// Ephemeral finite field, anonymous ones too.
    Dhe,
    /// Encrypted to the key of the certificate: no forward secrecy.
    Rsa,
    /// Everything else: static Diffie-Hellman, PSK alone, SRP, Kerberos, GOST.
    Other,
}

/// The proof of who the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// TLS 1.3: the suite does not say.
    Any,
    /// An RSA certificate.
    Rsa,
    /// A certificate for signatures on a curve: ECDSA, Ed25519, Ed448.
    Ecdsa,
    /// Nothing.
    Anonymous,
    /// Everything else: DSS, PSK, SRP, Kerberos, GOST.
    Other,
}

impl Suite {
    /// A suite of TLS 1.3; these name no key exchange.
    #[must_use]
    pub fn is_tls13(&self) -> bool {
        matches!(self.number, 0x1301..=0x1307 | 0x00c6 | 0x00c7 | 0xc0b4 | 0xc0b5 | 0xc103..=0xc106)
    }

    /// Key exchange and authentication, as the name has them: `ECDHE_RSA`.
    fn keys(&self) -> &'static str {
        let name = self.name.strip_prefix("OLD_").unwrap_or(self.name);
        let name = name.strip_prefix("TLS_").or_else(|| name.strip_prefix("SSL_")).unwrap_or(name);
        name.split_once("_WITH_").map_or("", |(keys, _)| keys)
    }

    /// Cipher and hash, as the name has them: `AES_128_GCM_SHA256`.
    fn cipher(&self) -> &'static str {
        self.name.split_once("_WITH_").map_or(self.name, |(_, cipher)| cipher)
    }

    /// How the key is agreed on.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        let keys = self.keys();
        if self.is_tls13() {
            Exchange::Any
        } else if keys.starts_with("ECDHE_") || keys.starts_with("ECDH_anon") {
            Exchange::Ecdhe
        } else if keys.starts_with("DHE_") || keys.starts_with("DH_anon") || keys == "PSK_DHE" {
            Exchange::Dhe
        } else if matches!(keys, "RSA" | "RSA_EXPORT" | "RSA_EXPORT1024" | "RSA_PSK" | "RSA_FIPS") {
            Exchange::Rsa
        } else {
            Exchange::Other
        }
    }

    /// The proof of who the server is.
    #[must_use]
    pub fn auth(&self) -> Auth {
        let keys = self.keys();
        if self.is_tls13() {
            Auth::Any
        } else if keys.contains("anon") || self.number == 0 {
            Auth::Anonymous
        } else if keys.contains("PSK") && !keys.starts_with("RSA_PSK") {
            Auth::Other
        } else if keys.contains("ECDSA") {
            Auth::Ecdsa
        } else if keys.contains("RSA") && !keys.starts_with("DH_") && !keys.starts_with("ECDH_") {
            Auth::Rsa
        } else {
            Auth::Other
        }
    }

    /// The server signs with a key it was told before, so that the exchange begins with an identity hint.
    #[must_use]
    pub fn is_psk(&self) -> bool {
        self.keys().contains("PSK")
    }

    /// Secure Remote Password: a server answers only for a user it knows.
    #[must_use]
    pub fn is_srp(&self) -> bool {
        self.keys().starts_with("SRP")
    }

    /// Why nobody should use it, if so: `export`, `NULL`, `anonymous`, `RC4`, `RC2`, `DES`, `3DES`.
    #[must_use]
    pub fn weakness(&self) -> Option<&'static str> {
        let (keys, cipher) = (self.keys(), self.cipher());
        let by_cipher = [("NULL", "NULL"), ("RC4", "RC4"), ("RC2", "RC2"), ("3DES", "3DES"), ("DES", "DES")];
        if keys.contains("EXPORT") {
            return Some("export");
        }
        if cipher.starts_with("NULL") {
            return Some("NULL");
        }
        if self.auth() == Auth::Anonymous {
            return Some("anonymous");
        }
        by_cipher.into_iter().find(|(prefix, _)| cipher.starts_with(prefix)).map(|(_, word)| word)
    }
}

/// Every suite, the most used first.
#[must_use]
pub fn suites() -> &'static [Suite] {
    static SUITES: LazyLock<Vec<Suite>> = LazyLock::new(|| {
        let rows = include_str!("suites.txt").lines().filter(|line| !line.starts_with('#'));
        let row = |line: &'static str| {
            let (number, name) = line.split_once(' ')?;
            Some(Suite { number: u16::from_str_radix(number, 16).ok()?, name })
        };
        rows.filter_map(row).collect()
    });
    &SUITES
}

/// The suite with this number.
#[must_use]
pub fn suite(number: u16) -> Option<&'static Suite> {
    suites().iter().find(|suite| suite.number == number)
}

/// Its name, or the number of one without a name.
#[must_use]
pub fn suite_name(number: u16) -> String {
    suite(number).map_or_else(|| format!("0x{number:04x}"), |suite| suite.name.to_owned())
}
