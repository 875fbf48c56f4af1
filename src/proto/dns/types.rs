//! Record types: number, mnemonic and the form of the data. Adding a type is adding a row.

use Part::{
    Address4, Address6, Algorithm, Base64, Bits, CertType, Eui, Hash, Hex, Location, Name, Params, Quoted, Rest, Salt,
    Text, Texts, Time, Type, U8, U16, U32,
};

/// One element of a record's data, in the order of the wire; decides how it is read and how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Decimal number.
    U8,
    /// Decimal number.
    U16,
    /// Decimal number.
    U32,
    /// Domain name, possibly compressed.
    Name,
    /// Dotted quad.
    Address4,
    /// IPv6 address.
    Address6,
    /// One character-string, printed bare (a CAA tag).
    Text,
    /// One character-string, quoted.
    Quoted,
    /// Character-strings to the end, each quoted.
    Texts,
    /// All that is left as one quoted string.
    Rest,
    /// All that is left in hexadecimal.
    Hex,
    /// All that is left in base64.
    Base64,
    /// NSEC3 salt: length, then hexadecimal or `-`.
    Salt,
    /// NSEC3 hash: length, then base32hex.
    Hash,
    /// Record type by its mnemonic.
    Type,
    /// Type bit map to the end.
    Bits,
    /// Instant as YYYYMMDDHHMMSS.
    Time,
    /// Certificate type by its mnemonic.
    CertType,
    /// DNSSEC algorithm by its mnemonic; other types than CERT print the number.
    Algorithm,
    /// Hardware address to the end.
    Eui,
    /// LOC.
    Location,
    /// SVCB parameters to the end.
    Params,
}

/// One record type.
pub(crate) struct Row {
    pub(crate) code: u16,
    pub(crate) name: &'static str,
    /// Empty for types that only appear in questions and for those printed in the generic form of RFC 3597.
    pub(crate) form: &'static [Part],
}

const fn row(code: u16, name: &'static str, form: &'static [Part]) -> Row {
    Row { code, name, form }
}

/// Every type, in a question.
pub(crate) const ANY: u16 = 255;
/// A whole zone.
pub(crate) const AXFR: u16 = 252;
/// Alias to another name.
pub(crate) const CNAME: u16 = 5;
/// Pointer from an address to its name.
pub(crate) const PTR: u16 = 12;
/// Signature of a message (RFC 2931), or of a set before RRSIG.
pub(crate) const SIG0: u16 = 24;
/// Signature of a set.
pub(crate) const RRSIG: u16 = 46;
/// Pseudo-record of EDNS.
pub(crate) const OPT: u16 = 41;

const DS: &[Part] = &[U16, U8, U8, Hex];
const KEY: &[Part] = &[U16, U8, U8, Base64];
const SIG: &[Part] = &[Type, U8, U8, U32, Time, Time, U16, Name, Base64];
const TLSA: &[Part] = &[U8, U8, U8, Hex];
const SVCB: &[Part] = &[U16, Name, Params];

/// Every type with a mnemonic, by number.
pub(crate) static TYPES: &[Row] = &[
    row(1, "A", &[Address4]),
    row(2, "NS", &[Name]),
    row(CNAME, "CNAME", &[Name]),
    row(6, "SOA", &[Name, Name, U32, U32, U32, U32, U32]),
    row(10, "NULL", &[]),
    row(PTR, "PTR", &[Name]),
    row(13, "HINFO", &[Quoted, Quoted]),
    row(15, "MX", &[U16, Name]),
    row(16, "TXT", &[Texts]),
    row(17, "RP", &[Name, Name]),
    row(18, "AFSDB", &[U16, Name]),
    row(24, "SIG", SIG),
    row(25, "KEY", KEY),
    row(28, "AAAA", &[Address6]),
    row(29, "LOC", &[Location]),
    row(33, "SRV", &[U16, U16, U16, Name]),
    row(35, "NAPTR", &[U16, U16, Quoted, Quoted, Quoted, Name]),
    row(36, "KX", &[U16, Name]),
    row(37, "CERT", &[CertType, U16, Algorithm, Base64]),
    row(39, "DNAME", &[Name]),
    row(43, "DS", DS),
    row(44, "SSHFP", &[U8, U8, Hex]),
    row(46, "RRSIG", SIG),
    row(47, "NSEC", &[Name, Bits]),
    row(48, "DNSKEY", KEY),
    row(49, "DHCID", &[Base64]),
    row(50, "NSEC3", &[U8, U8, U16, Salt, Hash, Bits]),
    row(51, "NSEC3PARAM", &[U8, U8, U16, Salt]),
    row(52, "TLSA", TLSA),
    row(53, "SMIMEA", TLSA),
    row(59, "CDS", DS),
    row(60, "CDNSKEY", KEY),
    row(61, "OPENPGPKEY", &[Base64]),
    row(62, "CSYNC", &[U32, U16, Bits]),
    row(63, "ZONEMD", &[U32, U8, U8, Hex]),
    row(64, "SVCB", SVCB),
    row(65, "HTTPS", SVCB),
    row(99, "SPF", &[Texts]),
    row(108, "EUI48", &[Eui]),
    row(109, "EUI64", &[Eui]),
    row(250, "TSIG", &[]),
    row(AXFR, "AXFR", &[]),
    row(ANY, "ANY", &[]),
    row(256, "URI", &[U16, U16, Rest]),
    row(257, "CAA", &[U8, Text, Rest]),
    row(65305, "ANAME", &[]),
];

/// The row of a number.
pub(crate) fn of(code: u16) -> Option<&'static Row> {
    TYPES.iter().find(|row| row.code == code)
}

/// Mnemonic of a number; `TYPE1234` when it has none (RFC 3597).
pub(crate) fn mnemonic(code: u16) -> String {
    of(code).map_or_else(|| format!("TYPE{code}"), |row| row.name.to_owned())
}

/// Number of a mnemonic or of `TYPE1234`, in any case.
pub(crate) fn number(word: &str) -> Option<u16> {
    let upper = word.to_ascii_uppercase();
    if let Some(row) = TYPES.iter().find(|row| row.name == upper) {
        return Some(row.code);
    }
    upper.strip_prefix("TYPE").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// The mnemonic closest to a misspelt one, if any is close.
pub(crate) fn closest(word: &str) -> Option<&'static str> {
    let upper = word.to_ascii_uppercase();
    let near = TYPES
        .iter()
        .map(|row| (crate::model::suggest::distance(&upper, row.name), row.name))
        .min_by_key(|(steps, _)| *steps)?;
    (near.0 <= 2 && near.0 < upper.chars().count()).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::{closest, mnemonic, number};

    #[test]
    fn types_are_known_by_mnemonic_and_by_number() {
        assert_eq!(number("aaaa"), Some(28));
        assert_eq!(number("TYPE65280"), Some(65280));
        assert_eq!(number("TYPE28"), Some(28));
        for wrong in ["TYPE", "TYPE65536", "TYPE+1", "", "AAAAA"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
        assert_eq!(mnemonic(257), "CAA");
        assert_eq!(mnemonic(65280), "TYPE65280");
    }

    #[test]
    fn a_misspelt_type_finds_its_neighbour() {
        assert_eq!(closest("AAA"), Some("AAAA"));
        assert_eq!(closest("cnam"), Some("CNAME"));
        assert_eq!(closest("HTPS"), Some("HTTPS"));
        assert_eq!(closest("NONSENSE"), None);
    }
}
