//! Groups for the key exchange: curves, finite fields, ML-KEM and the hybrids of both.

use super::Version;

/// A group of the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// On the wire.
    pub number: u16,
    /// IANA name.
    pub name: &'static str,
}

const fn group(number: u16, name: &'static str) -> Group {
    Group { number, name }
}

/// Every group, the most used first; the rest by strength.
pub const GROUPS: &[Group] = &[
    group(0x001d, "x25519"),
    group(0x0017, "secp256r1"),
    group(0x11ec, "X25519MLKEM768"),
    group(0x0018, "secp384r1"),
    group(0x11eb, "SecP256r1MLKEM768"),
    group(0x11ed, "SecP384r1MLKEM1024"),
    group(0x0019, "secp521r1"),
    group(0x001e, "x448"),
    group(0x0201, "MLKEM768"),
    group(0x0202, "MLKEM1024"),
    group(0x0200, "MLKEM512"),
    group(0x0100, "ffdhe2048"),
    group(0x0101, "ffdhe3072"),
    group(0x0102, "ffdhe4096"),
    group(0x0103, "ffdhe6144"),
    group(0x0104, "ffdhe8192"),
    group(0x001f, "brainpoolP256r1tls13"),
    group(0x0020, "brainpoolP384r1tls13"),
    group(0x0021, "brainpoolP512r1tls13"),
    group(0x0029, "curveSM2"),
    group(0x11ee, "curveSM2MLKEM768"),
    group(0x6399, "X25519Kyber768Draft00"),
    group(0x639a, "SecP256r1Kyber768Draft00"),
    group(0x0022, "GC256A"),
    group(0x0023, "GC256B"),
    group(0x0024, "GC256C"),
    group(0x0025, "GC256D"),
    group(0x0026, "GC512A"),
    group(0x0027, "GC512B"),
    group(0x0028, "GC512C"),
    group(0x001a, "brainpoolP256r1"),
    group(0x001b, "brainpoolP384r1"),
    group(0x001c, "brainpoolP512r1"),
    group(0x0016, "secp256k1"),
    group(0x0015, "secp224r1"),
    group(0x0014, "secp224k1"),
    group(0x0013, "secp192r1"),
    group(0x0012, "secp192k1"),
    group(0x0010, "secp160r1"),
    group(0x0011, "secp160r2"),
    group(0x000f, "secp160k1"),
    group(0x000d, "sect571k1"),
    group(0x000e, "sect571r1"),
    group(0x000b, "sect409k1"),
    group(0x000c, "sect409r1"),
    group(0x0009, "sect283k1"),
    group(0x000a, "sect283r1"),
    group(0x0008, "sect239k1"),
    group(0x0006, "sect233k1"),
    group(0x0007, "sect233r1"),
    group(0x0004, "sect193r1"),
    group(0x0005, "sect193r2"),
    group(0x0001, "sect163k1"),
    group(0x0002, "sect163r1"),
    group(0x0003, "sect163r2"),
];

/// The groups a client of this version may offer. Up to TLS 1.2 the finite fields stay out: a server that knows RFC 7919 would
/// take their absence of a match for a reason to hide parameters of its own.
#[must_use]
pub fn groups(version: Version) -> Vec<u16> {
    let fits = |number: u16| match version {
        Version::Tls13 => number >= 0x0017 && !(0x001a..=0x001c).contains(&number),
        _ => number < 0x0100 && !(0x001f..=0x0021).contains(&number),
    };
    GROUPS.iter().map(|group| group.number).filter(|number| fits(*number)).collect()
}

/// Its name, or the number of one without a name.
#[must_use]
pub fn group_name(number: u16) -> String {
    let known = GROUPS.iter().find(|group| group.number == number);
    known.map_or_else(|| format!("0x{number:04x}"), |group| group.name.to_owned())
}

/// The number of a name.
#[must_use]
pub fn group_named(name: &str) -> Option<u16> {
    GROUPS.iter().find(|group| group.name == name).map(|group| group.number)
}
