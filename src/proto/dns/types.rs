//! Record types: constant, number, mnemonic and the form of the data. Adding a type is adding a row of the table.

use RdataField::{
    Address4, Address6, Algorithm, Base64, Bits, CertType, Eui, Hash, Hex, Location, Name, Params, Quoted, QuotedWord,
    Rest, Salt, Text, Texts, Time, Type, U8, U16, U32,
};

/// One element of a record's data, in the order of the wire; decides how it is read and how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdataField {
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
    /// One character-string whose case says nothing, quoted.
    QuotedWord,
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
pub struct TypeInfo {
    /// Its number.
    pub code: u16,
    /// Its mnemonic.
    pub name: &'static str,
    /// Empty for types that only appear in questions and for those printed in the generic form of RFC 3597.
    pub form: &'static [RdataField],
}

macro_rules! types {
    ($($name:ident $code:literal [$($part:expr),*] $doc:literal;)+) => {
        $(#[doc = concat!(stringify!($name), ": ", $doc, ".")] pub const $name: u16 = $code;)+

        /// Every type with a mnemonic, by number.
        pub static TYPES: &[TypeInfo] = &[$(TypeInfo { code: $code, name: stringify!($name), form: &[$($part),*] }),+];
    };
}

types! {
    A 1 [Address4] "IPv4 address";
    NS 2 [Name] "name server, at the apex of a zone and at a delegation";
    CNAME 5 [Name] "alias of a name";
    SOA 6 [Name, Name, U32, U32, U32, U32, U32] "start of authority";
    NULL 10 [] "anything (RFC 1035)";
    PTR 12 [Name] "pointer from an address to its name";
    HINFO 13 [Quoted, Quoted] "host information";
    MX 15 [U16, Name] "mail exchange";
    TXT 16 [Texts] "text";
    RP 17 [Name, Name] "responsible person";
    AFSDB 18 [U16, Name] "AFS database";
    SIG 24 [Type, U8, U8, U32, Time, Time, U16, Name, Base64] "signature of a message (RFC 2931), or of a set before RRSIG";
    KEY 25 [U16, U8, U8, Base64] "key of SIG";
    AAAA 28 [Address6] "IPv6 address";
    LOC 29 [Location] "location";
    SRV 33 [U16, U16, U16, Name] "service";
    NAPTR 35 [U16, U16, QuotedWord, Quoted, Quoted, Name] "rewriting rule (RFC 3403)";
    KX 36 [U16, Name] "key exchanger";
    CERT 37 [CertType, U16, Algorithm, Base64] "certificate";
    DNAME 39 [Name] "alias of a tree (RFC 6672)";
    DS 43 [U16, U8, U8, Hex] "delegation signer";
    SSHFP 44 [U8, U8, Hex] "fingerprint of an SSH key";
    RRSIG 46 [Type, U8, U8, U32, Time, Time, U16, Name, Base64] "signature of a set";
    NSEC 47 [Name, Bits] "denial by names";
    DNSKEY 48 [U16, U8, U8, Base64] "key of a zone";
    DHCID 49 [Base64] "identity of a DHCP client";
    NSEC3 50 [U8, U8, U16, Salt, Hash, Bits] "denial by hashes of names";
    NSEC3PARAM 51 [U8, U8, U16, Salt] "parameters of NSEC3";
    TLSA 52 [U8, U8, U8, Hex] "certificate of a TLS server (DANE)";
    SMIMEA 53 [U8, U8, U8, Hex] "certificate of a mailbox";
    CDS 59 [U16, U8, U8, Hex] "DS the zone asks its parent for";
    CDNSKEY 60 [U16, U8, U8, Base64] "DNSKEY the zone asks its parent to refer to";
    OPENPGPKEY 61 [Base64] "OpenPGP key";
    CSYNC 62 [U32, U16, Bits] "records the zone asks its parent to copy";
    ZONEMD 63 [U32, U8, U8, Hex] "digest of a zone";
    SVCB 64 [U16, Name, Params] "service binding";
    HTTPS 65 [U16, Name, Params] "service binding of HTTPS";
    SPF 99 [Texts] "mail policy, historic";
    EUI48 108 [Eui] "hardware address";
    EUI64 109 [Eui] "hardware address";
    TSIG 250 [] "shared-key signature of a message";
    AXFR 252 [] "a whole zone, in a question";
    ANY 255 [] "every type, in a question";
    URI 256 [U16, U16, Rest] "URI";
    CAA 257 [U8, Text, Rest] "authorities allowed to issue certificates";
    ANAME 65305 [] "alias at an apex, never standardised";
}

/// OPT: pseudo-record of EDNS. It is no type of a question or of data, and so is in no table.
pub const OPT: u16 = 41;

/// Class IN.
pub const CLASS_IN: u16 = 1;

/// The row of a number.
#[must_use]
pub fn of(code: u16) -> Option<&'static TypeInfo> {
    TYPES.iter().find(|row| row.code == code)
}

/// Mnemonic of a number; `TYPE1234` when it has none (RFC 3597).
#[must_use]
pub fn mnemonic(code: u16) -> String {
    of(code).map_or_else(|| format!("TYPE{code}"), |row| row.name.to_owned())
}

/// Number of a mnemonic or of `TYPE1234`, in any case.
#[must_use]
pub fn number(word: &str) -> Option<u16> {
    let upper = word.to_ascii_uppercase();
    if let Some(row) = TYPES.iter().find(|row| row.name == upper) {
        return Some(row.code);
    }
    upper.strip_prefix("TYPE").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// The mnemonic closest to a misspelt one, if any is close.
#[must_use]
pub fn closest(word: &str) -> Option<&'static str> {
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
