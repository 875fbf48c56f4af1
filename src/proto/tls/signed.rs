//! Whether something is signed by a key: certificates, revocation lists and OCSP responses have one and the same frame
//! (RFC 5280, 4.1.1), and what is signed is the bytes as they came, never an encoding of our own.

use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{FromDer, Oid};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// One element of DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Its first byte.
    pub(super) tag: u8,
    /// Its content.
    pub(super) content: &'a [u8],
    /// Head and content.
    pub(super) whole: &'a [u8],
}

/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The first element of `bytes` and what follows it. Lengths are definite and shorter than 2^32 (X.690, 10.1), and never
/// believed beyond the bytes that are there.
pub(super) fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let count = usize::from(first - 0x80);
            let length = rest.get(..count)?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
            (length, rest.get(count..)?)
        }
        _ => return None,
    };
    let content = rest.get(..length)?;
    let head = bytes.len() - rest.len();
    let whole = bytes.get(..head + length)?;
    Some((Element { tag: *tag, content, whole }, rest.get(length..)?))
}

/// The elements directly below a SEQUENCE, at most `most`.
pub(super) fn below(sequence: &[u8], most: usize) -> Option<Vec<Element<'_>>> {
    let (outer, _) = element(sequence)?;
    if outer.tag != SEQUENCE {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = outer.content;
    while !rest.is_empty() && out.len() < most {
        let (found, after) = element(rest)?;
        out.push(found);
        rest = after;
    }
    Some(out)
}

/// `content` as a SEQUENCE: trust anchors come without their frame.
pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![SEQUENCE];
    match content.len() {
        short @ 0..0x80 => out.push(u8::try_from(short).unwrap_or_default()),
        _ => {
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            out.extend(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A signed thing, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    body: &'a [u8],
    /// Content of the algorithm identifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes a certificate, a CRL or a basic OCSP response apart.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let parts = below(der, 3)?;
        let [body, algorithm, signature] = parts.as_slice() else { return None };
        if algorithm.tag != SEQUENCE {
            return None;
        }
        Some(Self { body: body.whole, algorithm: algorithm.content, signature: bits(*signature)? })
    }

    /// Whether the key `spki` (DER of `SubjectPublicKeyInfo`) made the signature; `Err` says why not.
    pub(super) fn is_by(&self, spki: &[u8]) -> Result<(), String> {
        self.verify(spki).map_err(|problem| match problem {
            SignatureProblem::Unreadable => "the issuer's key cannot be read".to_owned(),
            SignatureProblem::Weak(name) => format!("it is signed with {name}, which is not trusted any more"),
            SignatureProblem::Unknown(name) => format!("it is signed with {name}, which this program cannot verify"),
            SignatureProblem::UnknownKey(name) => {
                format!("its issuer's key is {name}, which this program cannot verify with")
            }
            SignatureProblem::OtherKind => "it is signed by a key of another kind than its issuer's".to_owned(),
            SignatureProblem::SmallKey(bits) => {
                format!("its issuer's key is RSA {bits}, and below 2048 bits is not trusted")
            }
            SignatureProblem::LargeKey(bits) => {
                format!("its issuer's key is RSA {bits}, and this program verifies RSA of 2048 to 8192 bits")
            }
            SignatureProblem::Mismatch => "its signature does not match the key of its issuer".to_owned(),
        })
    }

    /// The same; `Err` is the reason as such.
    pub(super) fn verify(&self, spki: &[u8]) -> Result<(), SignatureProblem> {
        let parts = below(spki, 2).unwrap_or_default();
        let [algorithm, key] = parts.as_slice() else { return Err(SignatureProblem::Unreadable) };
        let key = bits(*key).ok_or(SignatureProblem::Unreadable)?;
        let fits = |known: &&&dyn rustls::pki_types::SignatureVerificationAlgorithm| {
            known.signature_alg_id().as_ref() == self.algorithm
        };
        let mut known = webpki::ALL_VERIFICATION_ALGS.iter().filter(fits).peekable();
        if known.peek().is_none() {
            return Err(self.unverifiable());
        }
        let mut of_key = known.filter(|known| known.public_key_alg_id().as_ref() == algorithm.content).peekable();
        if of_key.peek().is_none() {
            let known = webpki::ALL_VERIFICATION_ALGS
                .iter()
                .any(|known| known.public_key_alg_id().as_ref() == algorithm.content);
            return Err(if known {
                SignatureProblem::OtherKind
            } else {
                SignatureProblem::UnknownKey(super::certificate::key_words(spki))
            });
        }
        match rsa_bits(spki) {
            Some(bits) if bits < 2048 => return Err(SignatureProblem::SmallKey(bits)),
            Some(bits) if bits > 8192 => return Err(SignatureProblem::LargeKey(bits)),
            _ => {}
        }
        let proven = of_key.any(|known| known.verify_signature(key, self.body, self.signature).is_ok());
        if proven { Ok(()) } else { Err(SignatureProblem::Mismatch) }
    }

    /// Why there is no algorithm to verify it with.
    fn unverifiable(&self) -> SignatureProblem {
        let oid = element(self.algorithm).and_then(|(oid, _)| Oid::from_der(oid.whole).ok());
        let Some((_, oid)) = oid else { return SignatureProblem::Unreadable };
        let name = super::certificate::name_of(&oid);
        if WEAK.contains(&oid.to_id_string().as_str()) {
            SignatureProblem::Weak(name)
        } else {
            SignatureProblem::Unknown(name)
        }
    }
}

/// Signatures over MD2, MD4, MD5 and SHA-1, and those by DSA keys.
const WEAK: &[&str] = &[
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.3",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.2.840.10045.4.1",
    "1.2.840.10040.4.3",
    "2.16.840.1.101.3.4.3.1",
    "2.16.840.1.101.3.4.3.2",
];

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignatureProblem {
    /// It, or the key, cannot be read.
    Unreadable,
    /// By an algorithm nobody trusts any more.
    Weak(String),
    /// By an algorithm this program does not have.
    Unknown(String),
    /// By a key of a kind this program does not have.
    UnknownKey(String),
    /// By an algorithm that does not go with the key.
    OtherKind,
    /// The RSA key has so few bits.
    SmallKey(usize),
    /// The RSA key has more bits than this program computes with.
    LargeKey(usize),
    /// The key did not make it.
    Mismatch,
}

/// Bits of an RSA key; `None` for another.
fn rsa_bits(spki: &[u8]) -> Option<usize> {
    match SubjectPublicKeyInfo::from_der(spki).ok()?.1.parsed().ok()? {
        PublicKey::RSA(rsa) => Some(super::certificate::bits(rsa.modulus)),
        _ => None,
    }
}

/// The bytes of a BIT STRING without unused bits.
fn bits(element: Element<'_>) -> Option<&[u8]> {
    match (element.tag, element.content) {
        (BIT_STRING, [0, bits @ ..]) => Some(bits),
        _ => None,
    }
}

/// The public key itself, without its algorithm: what OCSP hashes (RFC 6960, 4.1.1).
pub(super) fn key_bits(spki: &[u8]) -> Option<&[u8]> {
    below(spki, 2)?.get(1).copied().and_then(bits)
}

/// The pin of a public key as RFC 7469, 2.4 writes it: base64 of the SHA-256 of its `SubjectPublicKeyInfo`.
#[must_use]
pub fn pin(spki: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(spki))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Signed, below, element, sequence};

    #[test]
    fn frames_round_trip() {
        for length in [0_usize, 1, 127, 128, 255, 256, 65_535, 70_000] {
            let content = vec![7; length];
            let framed = sequence(&content);
            let (found, rest) = element(&framed).unwrap();
            assert_eq!((found.content, found.whole, rest.len()), (&content[..], &framed[..], 0), "{length}");
        }
        assert_eq!(element(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]), None, "a length is not believed");
        assert_eq!(element(&[0x30, 0x80, 0, 0]), None, "no indefinite lengths in DER");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = below(&bytes, 8);
            let framed = sequence(&bytes);
            if let Some(signed) = Signed::read(&framed) {
                prop_assert!(signed.is_by(&bytes).is_err());
            }
        }
    }
}
