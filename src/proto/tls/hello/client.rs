//! The client's hello.

use super::Version;

/// RFC 5746: this client knows of secure renegotiation. In every hello, since some servers refuse those without it.
const RENEGOTIATION_SCSV: u16 = 0x00ff;
/// RFC 7507: this client falls back from a higher version.
const FALLBACK_SCSV: u16 = 0x5600;
/// Bytes in one record of a hello (RFC 8446, 5.1).
const RECORD: usize = 1 << 14;

/// Signature schemes of certificates and handshakes, strongest first; weak and rare ones last, so that no server goes without.
pub const SCHEMES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
    0x081a, 0x081b, 0x081c, 0x0904, 0x0905, 0x0906, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0302, 0x0202, 0x0708,
    0x0709, 0x070a, 0x070b, 0x070c, 0x070d, 0x070e, 0x070f, 0x0101,
];

/// The generator of P-256, uncompressed: a valid public key whose private key is 1.
const P256: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
    0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
    0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// A client's hello. `Default` offers nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The only version offered; also the highest, as older servers read it.
    pub version: Version,
    /// Suites, most wanted first.
    pub suites: Vec<u16>,
    /// Groups, most wanted first; none leaves the extension out.
    pub groups: Vec<u16>,
    /// Signature schemes; sent from TLS 1.2 on.
    pub schemes: Vec<u16>,
    /// Name for SNI.
    pub sni: Option<String>,
    /// Application protocols; none leaves the extension out.
    pub alpn: Vec<String>,
    /// Offers DEFLATE before no compression.
    pub deflate: bool,
    /// Claims to fall back from a higher version.
    pub fallback: bool,
    /// Sends key shares for x25519 and P-256, of the groups offered, instead of none.
    pub shares: bool,
    /// Length of the message that padding (RFC 7685) fills up to; 0 for none.
    pub length: usize,
}

impl Hello {
    /// A hello of `version` that offers `suites`, with every group and scheme that fits.
    #[must_use]
    pub fn new(version: Version, suites: Vec<u16>) -> Self {
        Self {
            version,
            suites,
            groups: super::groups(version),
            schemes: SCHEMES.to_vec(),
            sni: None,
            alpn: Vec::new(),
            deflate: false,
            fallback: false,
            shares: false,
            length: 0,
        }
    }

    /// The records to send. `random` need not be secret, only different each time. Lists are cut where a length field
    /// ends; a caller's lists are far shorter.
    #[must_use]
    pub fn encode(&self, random: &[u8; 32]) -> Vec<u8> {
        let mut body = Vec::with_capacity(600);
        body.extend(self.version.min(Version::Tls12).number().to_be_bytes());
        body.extend(random);
        if self.version == Version::Tls13 {
            // A session id keeps boxes in between content that take TLS 1.3 for a resumed TLS 1.2 (RFC 8446, D.4).
            vector8(&mut body, |out| out.extend(random.iter().rev()));
        } else {
            body.push(0);
        }
        let signals = [RENEGOTIATION_SCSV].into_iter().chain(self.fallback.then_some(FALLBACK_SCSV));
        let suites: Vec<u16> = self.suites.iter().copied().chain(signals).collect();
        vector16(&mut body, |out| numbers(out, &suites));
        vector8(&mut body, |out| out.extend(if self.deflate { &[1_u8, 0][..] } else { &[0][..] }));
        if self.version != Version::Ssl3 {
            // The length of the extensions is part of what padding fills.
            let before = body.len() + 4 + 2;
            vector16(&mut body, |out| self.extensions(out, before, random));
        }
        records(self.version, &message(&body))
    }

    fn extensions(&self, out: &mut Vec<u8>, before: usize, random: &[u8; 32]) {
        if let Some(name) = &self.sni {
            extension(out, 0, |out| {
                vector16(out, |out| {
                    out.push(0);
                    vector16(out, |out| out.extend(name.as_bytes()));
                });
            });
        }
        extension(out, 23, |_| {});
        if !self.groups.is_empty() {
            extension(out, 10, |out| vector16(out, |out| numbers(out, &self.groups)));
            extension(out, 11, |out| vector8(out, |out| out.push(0)));
        }
        extension(out, 35, |_| {});
        if !self.alpn.is_empty() {
            extension(out, 16, |out| {
                vector16(out, |out| {
                    for protocol in &self.alpn {
                        vector8(out, |out| out.extend(protocol.as_bytes()));
                    }
                });
            });
        }
        if self.version >= Version::Tls12 {
            extension(out, 13, |out| vector16(out, |out| numbers(out, &self.schemes)));
        }
        if self.version == Version::Tls13 {
            extension(out, 43, |out| vector8(out, |out| out.extend(self.version.number().to_be_bytes())));
            extension(out, 45, |out| vector8(out, |out| out.push(1)));
            extension(out, 51, |out| vector16(out, |out| self.key_shares(out, random)));
        }
        let so_far = before + out.len() + 4;
        if self.length > so_far {
            extension(out, 21, |out| out.resize(out.len() + self.length - so_far, 0));
        }
    }

    fn key_shares(&self, out: &mut Vec<u8>, random: &[u8; 32]) {
        let shares: [(u16, &[u8]); 2] = [(0x001d, random), (0x0017, &P256)];
        for (group, key) in shares.into_iter().filter(|(group, _)| self.shares && self.groups.contains(group)) {
            out.extend(group.to_be_bytes());
            vector16(out, |out| out.extend(key));
        }
    }
}

fn numbers(out: &mut Vec<u8>, list: &[u16]) {
    out.extend(list.iter().take(0x7ff0).flat_map(|number| number.to_be_bytes()));
}

fn extension(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend(kind.to_be_bytes());
    vector16(out, body);
}

/// A vector with a length of one byte.
fn vector8(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    body(&mut inner);
    inner.truncate(0xff);
    out.push(u8::try_from(inner.len()).unwrap_or(u8::MAX));
    out.extend(inner);
}

/// A vector with a length of two bytes.
fn vector16(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    body(&mut inner);
    inner.truncate(0xffff);
    out.extend(u16::try_from(inner.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(inner);
}

/// The handshake message around a body.
fn message(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(body.len() + 4);
    // The type, client_hello, stands where the length has its highest byte: no body is that long.
    out.extend((0x0100_0000 | (length & 0x00ff_ffff)).to_be_bytes());
    out.extend(body);
    out
}

fn records(version: Version, message: &[u8]) -> Vec<u8> {
    // TLS 1.0 in the record, whatever is offered, is what every server takes (RFC 5246, E.1).
    let version = version.min(Version::Tls10).number().to_be_bytes();
    let mut out = Vec::with_capacity(message.len() + 5);
    for part in message.chunks(RECORD) {
        out.push(22);
        out.extend(version);
        out.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(part);
    }
    out
}
