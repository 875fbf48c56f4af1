//! Key exchange with the private key 1, for groups this program has no arithmetic for.
//!
//! With the private key 1 the public key is the generator, and the shared secret is the server's own public key: nothing has to
//! be computed. Everybody on the way can compute it too, so this serves only to see a certificate, which is no secret, and
//! never carries anything.

use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

/// A group, used with the private key 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitKey {
    group: NamedGroup,
    /// The generator, as it is encoded in a key share; for finite fields padded in front with zeros.
    generator: &'static [u8],
    /// Length of a key share.
    length: usize,
    /// Where the shared secret stands in the server's share.
    secret: (usize, usize),
}

/// X448 (RFC 7748), P-521, and the finite fields of RFC 7919.
pub(super) static GROUPS: [UnitKey; 7] = [
    UnitKey { group: NamedGroup::X448, generator: &X448, length: 56, secret: (0, 56) },
    // The secret is the x coordinate alone (RFC 8446, 7.4.2).
    UnitKey { group: NamedGroup::secp521r1, generator: &P521, length: 133, secret: (1, 67) },
    field(NamedGroup::FFDHE2048, 2048),
    field(NamedGroup::FFDHE3072, 3072),
    field(NamedGroup::FFDHE4096, 4096),
    field(NamedGroup::FFDHE6144, 6144),
    field(NamedGroup::FFDHE8192, 8192),
];

const fn field(group: NamedGroup, bits: usize) -> UnitKey {
    UnitKey { group, generator: &[2], length: bits / 8, secret: (0, bits / 8) }
}

const X448: [u8; 56] = {
    let mut point = [0; 56];
    point[0] = 5;
    point
};
const P521: [u8; 133] = [
    0x04, 0x00, 0xc6, 0x85, 0x8e, 0x06, 0xb7, 0x04, 0x04, 0xe9, 0xcd, 0x9e, 0x3e, 0xcb, 0x66, 0x23, 0x95, 0xb4, 0x42,
    0x9c, 0x64, 0x81, 0x39, 0x05, 0x3f, 0xb5, 0x21, 0xf8, 0x28, 0xaf, 0x60, 0x6b, 0x4d, 0x3d, 0xba, 0xa1, 0x4b, 0x5e,
    0x77, 0xef, 0xe7, 0x59, 0x28, 0xfe, 0x1d, 0xc1, 0x27, 0xa2, 0xff, 0xa8, 0xde, 0x33, 0x48, 0xb3, 0xc1, 0x85, 0x6a,
    0x42, 0x9b, 0xf9, 0x7e, 0x7e, 0x31, 0xc2, 0xe5, 0xbd, 0x66, 0x01, 0x18, 0x39, 0x29, 0x6a, 0x78, 0x9a, 0x3b, 0xc0,
    0x04, 0x5c, 0x8a, 0x5f, 0xb4, 0x2c, 0x7d, 0x1b, 0xd9, 0x98, 0xf5, 0x44, 0x49, 0x57, 0x9b, 0x44, 0x68, 0x17, 0xaf,
    0xbd, 0x17, 0x27, 0x3e, 0x66, 0x2c, 0x97, 0xee, 0x72, 0x99, 0x5e, 0xf4, 0x26, 0x40, 0xc5, 0x50, 0xb9, 0x01, 0x3f,
    0xad, 0x07, 0x61, 0x35, 0x3c, 0x70, 0x86, 0xa2, 0x72, 0xc2, 0x40, 0x88, 0xbe, 0x94, 0x76, 0x9f, 0xd1, 0x66, 0x50,
];

impl SupportedKxGroup for UnitKey {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut share = vec![0; self.length - self.generator.len()];
        share.extend(self.generator);
        Ok(Box::new(ActiveUnitKey { with: *self, share }))
    }

    fn name(&self) -> NamedGroup {
        self.group
    }
}

struct ActiveUnitKey {
    with: UnitKey,
    share: Vec<u8>,
}

impl ActiveKeyExchange for ActiveUnitKey {
    fn complete(self: Box<Self>, theirs: &[u8]) -> Result<SharedSecret, Error> {
        let (start, end) = self.with.secret;
        let secret = theirs.get(start..end).filter(|_| theirs.len() == self.with.length);
        secret.map(SharedSecret::from).ok_or_else(|| PeerMisbehaved::InvalidKeyShare.into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        self.with.group
    }
}
