//! Certificates field by field, right or wrong. Unless it is asked for, their signatures are none.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;

pub const DAY: i64 = 86_400;
/// 1 November 2026.
pub const NOW: i64 = 1_793_491_200;

pub const AKI: &str = "2.5.29.35";
pub const SKI: &str = "2.5.29.14";
pub const KEY_USAGE: &str = "2.5.29.15";
pub const SAN: &str = "2.5.29.17";
pub const BASIC: &str = "2.5.29.19";
pub const CONSTRAINTS: &str = "2.5.29.30";
pub const EKU: &str = "2.5.29.37";
pub const FEATURE: &str = "1.3.6.1.5.5.7.1.24";
pub const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub const SHA1_RSA: &str = "1.2.840.113549.1.1.5";
pub const MD5_RSA: &str = "1.2.840.113549.1.1.4";
pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";

pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = super::super::signed::sequence(&parts.concat());
    out[0] = tag;
    out
}

pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub fn oid(dotted: &str) -> Vec<u8> {
    let numbers: Vec<u64> = dotted.split('.').map(|part| part.parse().unwrap()).collect();
    let mut out = Vec::new();
    for number in std::iter::once(numbers[0] * 40 + numbers[1]).chain(numbers[2..].iter().copied()) {
        let mut septets = vec![(number & 0x7f) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            septets.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        out.extend(septets.into_iter().rev());
    }
    tlv(0x06, &[&out])
}

pub fn integer(bytes: &[u8]) -> Vec<u8> {
    tlv(0x02, &[bytes])
}

pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes])
}

pub fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, &[bytes])
}

pub fn time(seconds: i64) -> Vec<u8> {
    let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    tlv(0x18, &[digits.as_bytes(), b"Z"])
}

pub fn name(common: &str) -> Vec<u8> {
    if common.is_empty() {
        return seq(&[]);
    }
    let attribute = seq(&[&oid("2.5.4.3"), &tlv(0x0c, &[common.as_bytes()])]);
    seq(&[&tlv(0x31, &[&attribute])])
}

/// Algorithm identifier without parameters.
pub fn algorithm(dotted: &str) -> Vec<u8> {
    seq(&[&oid(dotted)])
}

pub fn ec_key(curve: &str) -> Vec<u8> {
    seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid(curve)]), &bit_string(&[&[4_u8][..], &[7; 64]].concat())])
}

/// An elliptic curve written out, as good as any sequence.
pub fn explicit_key() -> Vec<u8> {
    seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &seq(&[&integer(&[1])])]), &bit_string(&[4, 7, 7])])
}

pub fn rsa_key(bits: usize, exponent: &[u8]) -> Vec<u8> {
    let modulus = [&[0_u8][..], &vec![0xff; bits / 8]].concat();
    let key = seq(&[&integer(&modulus), &integer(exponent)]);
    seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]), &bit_string(&key)])
}

/// RSA of 2049 bits.
pub fn odd_rsa_key() -> Vec<u8> {
    let key = seq(&[&integer(&[&[1_u8][..], &[0xff; 256]].concat()), &integer(&[1, 0, 1])]);
    seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]), &bit_string(&key)])
}

pub fn dsa_key() -> Vec<u8> {
    seq(&[&algorithm("1.2.840.10040.4.1"), &bit_string(&integer(&[7; 20]))])
}

/// DNS names as alternative names.
pub fn dns(names: &[&str]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = names.iter().map(|name| tlv(0x82, &[name.as_bytes()])).collect();
    let parts: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    seq(&parts)
}

/// Key usage from its first byte: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign.
pub fn usage(first: u8) -> Vec<u8> {
    tlv(0x03, &[&[u8::try_from(first.trailing_zeros()).unwrap(), first]])
}

pub fn key_id(id: u8) -> Vec<u8> {
    seq(&[&tlv(0x80, &[&[id; 20]])])
}

/// Basic constraints of an authority.
pub fn ca(path_length: Option<u8>) -> Vec<u8> {
    let flag = [1, 1, 0xff];
    match path_length {
        Some(most) => seq(&[&flag, &integer(&[most])]),
        None => seq(&[&flag]),
    }
}

pub fn purposes(oids: &[&str]) -> Vec<u8> {
    let oids: Vec<Vec<u8>> = oids.iter().map(|dotted| oid(dotted)).collect();
    let parts: Vec<&[u8]> = oids.iter().map(Vec::as_slice).collect();
    seq(&parts)
}

/// One certificate, to be spoiled.
#[derive(Clone)]
pub struct Spec {
    pub version: u8,
    pub serial: Vec<u8>,
    pub inner: Vec<u8>,
    pub outer: Vec<u8>,
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub from: i64,
    pub until: i64,
    pub key: Vec<u8>,
    pub extensions: Vec<(&'static str, bool, Vec<u8>)>,
}

impl Spec {
    /// A server's certificate for `www.forge.test` nobody can find fault with, issued by `CN=intermediate`.
    pub fn leaf() -> Self {
        Self {
            version: 2,
            serial: vec![0x11; 16],
            inner: algorithm(ECDSA_SHA256),
            outer: algorithm(ECDSA_SHA256),
            issuer: name("intermediate"),
            subject: name("www.forge.test"),
            from: NOW - 30 * DAY,
            until: NOW + 60 * DAY - 1,
            key: ec_key("1.2.840.10045.3.1.7"),
            extensions: vec![
                (KEY_USAGE, true, usage(0x80)),
                (EKU, false, purposes(&[SERVER_AUTH])),
                (BASIC, true, seq(&[])),
                (SAN, false, dns(&["www.forge.test"])),
                (AKI, false, key_id(2)),
            ],
        }
    }

    /// An authority with key `id`, issued by the one with key `above`.
    pub fn authority(subject: &str, id: u8, issuer: &str, above: u8) -> Self {
        Self {
            serial: vec![0x20, id],
            issuer: name(issuer),
            subject: name(subject),
            from: NOW - 400 * DAY,
            until: NOW + 3000 * DAY,
            extensions: vec![
                (KEY_USAGE, true, usage(0x06)),
                (BASIC, true, ca(None)),
                (SKI, false, octets(&[id; 20])),
                (AKI, false, key_id(above)),
            ],
            ..Self::leaf()
        }
    }

    /// The one that issues leaves, itself issued by `CN=root`.
    pub fn intermediate() -> Self {
        Self::authority("intermediate", 2, "root", 1)
    }

    pub fn root() -> Self {
        Self::authority("root", 1, "root", 1)
    }

    pub fn without(&mut self, extension: &str) -> &mut Self {
        self.extensions.retain(|(known, ..)| *known != extension);
        self
    }

    pub fn with(&mut self, extension: &'static str, critical: bool, value: Vec<u8>) -> &mut Self {
        self.without(extension);
        self.extensions.push((extension, critical, value));
        self
    }

    /// The same with a true signature by `key`.
    pub fn signed_by(&self, key: &rcgen::KeyPair) -> CertificateDer<'static> {
        let body = self.body();
        let signature = rcgen::SigningKey::sign(key, &body).unwrap();
        CertificateDer::from(seq(&[&body, &self.outer, &bit_string(&signature)]))
    }

    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from(seq(&[&self.body(), &self.outer, &bit_string(&[1; 70])]))
    }

    fn body(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        for (id, critical, value) in &self.extensions {
            let flag: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
            extensions.extend(seq(&[&oid(id), flag, &octets(value)]));
        }
        let extensions = match (self.version, extensions.is_empty()) {
            (2, false) => tlv(0xa3, &[&seq(&[&extensions])]),
            _ => Vec::new(),
        };
        let version = if self.version == 0 { Vec::new() } else { tlv(0xa0, &[&integer(&[self.version])]) };
        seq(&[
            &version,
            &integer(&self.serial),
            &self.inner,
            &self.issuer,
            &seq(&[&time(self.from), &time(self.until)]),
            &self.subject,
            &self.key,
            &extensions,
        ])
    }
}

/// Hexadecimal, for messages of failed tests.
pub fn shown(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
