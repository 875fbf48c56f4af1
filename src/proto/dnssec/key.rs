//! DNSKEY and DS: what a delegation is made of (RFC 4034 sections 2 and 5, RFC 4509).

use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
use domain::crypto::common::{AlgorithmError, PublicKey};
use domain::dnssec::validator::base::DnskeyExt as _;
use domain::rdata::Dnskey;

use super::Name;
use crate::model::suggest::suggest;
use crate::model::typed::{DataForm, InvalidText, no_order};

/// A key of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// 257 of a key that is meant as entry point, 256 of others.
    pub flags: u16,
    /// Always 3.
    pub protocol: u8,
    /// Algorithm by IANA's number.
    pub algorithm: u8,
    /// Key tag (RFC 4034 appendix B); different keys can share one.
    pub tag: u16,
    /// The key as its algorithm writes it.
    pub public: Vec<u8>,
}

/// A digest of a key, as in DS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Tag of the key.
    pub tag: u16,
    /// Algorithm of the key.
    pub algorithm: u8,
    /// Digest type: 1 SHA-1, 2 SHA-256, 4 SHA-384.
    pub digest: u8,
    /// The digest.
    pub value: Vec<u8>,
}

/// Bit 7 of the flags.
const ZONE: u16 = 0x0100;
/// RFC 5011: the key must not be trusted any more.
const REVOKED: u16 = 0x0080;

impl Key {
    /// From the data of a DNSKEY or CDNSKEY record.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let [high, low, protocol, algorithm, public @ ..] = data else { return None };
        let flags = u16::from_be_bytes([*high, *low]);
        let mut key = Self { flags, protocol: *protocol, algorithm: *algorithm, tag: 0, public: public.to_vec() };
        key.tag = key.record()?.key_tag();
        Some(key)
    }

    /// May sign the zone's data: RFC 4034 section 2.1.1, and not revoked.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.flags & ZONE != 0 && !self.revoked() && self.protocol == 3
    }

    /// Taken out of use by its owner (RFC 5011 section 2.1).
    #[must_use]
    pub fn revoked(&self) -> bool {
        self.flags & REVOKED != 0
    }

    /// This key's digest is the one in `ds`, of a zone named `owner`.
    #[must_use]
    pub fn is(&self, ds: &Digest, owner: &Name) -> bool {
        if self.tag != ds.tag || self.algorithm != ds.algorithm {
            return false;
        }
        let digest = self.record().and_then(|key| key.digest(owner, DigestAlgorithm::from_int(ds.digest)).ok());
        digest.is_some_and(|digest| digest.as_ref() == ds.value)
    }

    /// Whether `signature` over `data` is by this key; `Err` when the algorithm or this key of it cannot be used.
    pub(super) fn signed(&self, data: &[u8], signature: &[u8]) -> Result<bool, &'static str> {
        let Some(record) = self.record() else { return Err("key too long") };
        match PublicKey::from_dnskey(&record) {
            Ok(key) => Ok(key.verify(data, signature).is_ok()),
            Err(AlgorithmError::Unsupported) => Err("algorithm or key size not supported"),
            Err(_) => Err("malformed key"),
        }
    }

    /// The key can be used at all.
    pub(super) fn usable(&self) -> bool {
        // Points on curves have one length (RFC 6605 section 4, RFC 8080 section 3), which the library does not check here.
        let length = match self.algorithm {
            13 => Some(64),
            14 => Some(96),
            15 => Some(32),
            _ => None,
        };
        length.is_none_or(|length| length == self.public.len())
            && self.record().is_some_and(|record| PublicKey::from_dnskey(&record).is_ok())
    }

    fn record(&self) -> Option<Dnskey<&[u8]>> {
        let algorithm = SecurityAlgorithm::from_int(self.algorithm);
        Dnskey::new(self.flags, self.protocol, algorithm, self.public.as_slice()).ok()
    }
}

impl Digest {
    /// From the data of a DS or CDS record.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let [high, low, algorithm, digest, value @ ..] = data else { return None };
        let tag = u16::from_be_bytes([*high, *low]);
        Some(Self { tag, algorithm: *algorithm, digest: *digest, value: value.to_vec() })
    }

    /// Both algorithms can be checked.
    #[must_use]
    pub fn supported(&self) -> bool {
        supported(self.algorithm) && self.length().is_some()
    }

    /// Length of a digest of this type.
    pub(super) fn length(&self) -> Option<usize> {
        match self.digest {
            1 => Some(20),
            2 => Some(32),
            4 => Some(48),
            _ => None,
        }
    }

    /// SHA-1, to be ignored beside any other (RFC 4509 section 3).
    #[must_use]
    pub fn weak(&self) -> bool {
        self.digest == 1
    }
}

/// Signatures of this algorithm can be verified.
#[must_use]
pub fn supported(algorithm: u8) -> bool {
    matches!(algorithm, 5 | 7 | 8 | 10 | 13 | 14 | 15)
}

/// IANA's mnemonic of a DNSSEC algorithm, or its number.
#[must_use]
pub fn algorithm(number: u8) -> String {
    let word = match number {
        1 => "RSAMD5",
        3 => "DSA",
        5 => "RSASHA1",
        6 => "DSA-NSEC3-SHA1",
        7 => "RSASHA1-NSEC3-SHA1",
        8 => "RSASHA256",
        10 => "RSASHA512",
        12 => "ECC-GOST",
        13 => "ECDSAP256SHA256",
        14 => "ECDSAP384SHA384",
        15 => "ED25519",
        16 => "ED448",
        17 => "SM2SM3",
        23 => "ECC-GOST12",
        253 => "PRIVATEDNS",
        254 => "PRIVATEOID",
        _ => return number.to_string(),
    };
    word.to_owned()
}

/// Algorithms by mnemonic, in any of its spellings, or by number.
pub(crate) static ALGORITHM_NAMES: DataForm = DataForm {
    kind: "",
    same: |_, one, other| algorithm_key(one) == algorithm_key(other),
    key: |_, text| algorithm_key(text),
    contains: |_, text, part| text.to_lowercase().contains(&part.to_lowercase()),
    impossible: |_, text| {
        algorithm_number(text).is_none().then(|| {
            let known: Vec<String> = (0..=u8::MAX).map(algorithm).filter(|name| name.parse::<u8>().is_err()).collect();
            let help = suggest(text, known.iter().map(String::as_str));
            InvalidText { why: format!("`{text}` is no algorithm of DNSSEC"), help }
        })
    },
    order: no_order,
};

fn algorithm_key(text: &str) -> String {
    algorithm_number(text).map_or_else(|| text.to_owned(), algorithm)
}

/// The number of an algorithm, by either registry name: `RSASHA1-NSEC3-SHA1` is `NSEC3RSASHA1`.
fn algorithm_number(text: &str) -> Option<u8> {
    let bare = |text: &str| text.to_uppercase().replace(['-', '_'], "");
    let wanted = match bare(text).as_str() {
        "NSEC3RSASHA1" => "RSASHA1NSEC3SHA1".to_owned(),
        "NSEC3DSA" => "DSANSEC3SHA1".to_owned(),
        other => other.to_owned(),
    };
    text.parse().ok().or_else(|| (0..=u8::MAX).find(|number| bare(&algorithm(*number)) == wanted))
}
