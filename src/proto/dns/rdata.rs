//! Record data as the presentation format zone files and `dig` use.
//!
//! The `Display` of the DNS library prints other forms (TXT strings run together, octal escapes, base64 for unknown
//! types), and its parser refuses a whole message for one odd record; so the data is walked here, by the form of its
//! type, on the library's decoder.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, Restrict};

use super::svcb;
use super::types::{self, RdataField};

/// A decoder that ends where a piece of data ends, yet can follow pointers to what came before it.
pub(crate) struct Wire<'a>(BinDecoder<'a>);

impl<'a> Wire<'a> {
    /// The bytes `start..end` of `message`.
    pub(crate) fn window(message: &'a [u8], start: usize, end: usize) -> Option<Self> {
        let mut decoder = BinDecoder::new(message.get(..end)?);
        decoder.read_slice(start).ok()?;
        Some(Self(decoder))
    }

    /// Where in the message the next byte stands.
    pub(crate) fn at(&self) -> usize {
        self.0.index()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.0.read_u8().ok().map(Restrict::unverified)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.0.read_u16().ok().map(Restrict::unverified)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.0.read_u32().ok().map(Restrict::unverified)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        self.0.read_slice(count).ok().map(Restrict::unverified)
    }

    pub(crate) fn rest(&mut self) -> Option<&'a [u8]> {
        self.bytes(self.0.len())
    }

    /// A length octet and that many bytes.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let count = usize::from(self.u8()?);
        self.bytes(count)
    }

    /// A domain name; the decoder bounds its length and follows pointers only backwards.
    pub(crate) fn name(&mut self) -> Option<Name> {
        Name::read(&mut self.0).ok()
    }
}

/// The data of a record of type `code` at `start..end`; `None` when it has not the form of its type.
pub(crate) fn text(message: &[u8], start: usize, end: usize, code: u16) -> Option<String> {
    let form = types::of(code).map_or(&[][..], |row| row.form);
    if form.is_empty() {
        return Some(generic(message.get(start..end)?));
    }
    let mut wire = Wire::window(message, start, end)?;
    let mut words = Vec::with_capacity(form.len());
    for part in form {
        let word = print(*part, &mut wire)?;
        if !word.is_empty() {
            words.push(word);
        }
    }
    wire.is_empty().then(|| words.join(" "))
}

/// RFC 3597: `\# length hex`.
pub(crate) fn generic(data: &[u8]) -> String {
    if data.is_empty() { "\\# 0".to_owned() } else { format!("\\# {} {}", data.len(), hex(data)) }
}

fn print(part: RdataField, wire: &mut Wire<'_>) -> Option<String> {
    Some(match part {
        RdataField::U8 => wire.u8()?.to_string(),
        RdataField::U16 => wire.u16()?.to_string(),
        RdataField::U32 => wire.u32()?.to_string(),
        RdataField::Name => name(&wire.name()?),
        RdataField::Address4 => Ipv4Addr::from_bits(wire.u32()?).to_string(),
        RdataField::Address6 => Ipv6Addr::from(<[u8; 16]>::try_from(wire.bytes(16)?).ok()?).to_string(),
        RdataField::Text => escaped(wire.string()?, b""),
        RdataField::Quoted | RdataField::QuotedWord => quoted(wire.string()?),
        RdataField::Texts => texts(wire)?,
        RdataField::Rest => quoted(wire.rest()?),
        RdataField::Hex => hex(wire.rest()?),
        RdataField::Base64 => STANDARD.encode(wire.rest()?),
        RdataField::Salt => Some(hex(wire.string()?)).filter(|salt| !salt.is_empty()).unwrap_or_else(|| "-".to_owned()),
        RdataField::Hash => base32hex(wire.string()?),
        RdataField::Type => types::mnemonic(wire.u16()?),
        RdataField::Bits => bits(wire)?,
        RdataField::Time => time(wire.u32()?),
        RdataField::CertType => word(CERT_TYPES, wire.u16()?),
        RdataField::Algorithm => word(ALGORITHMS, u16::from(wire.u8()?)),
        RdataField::Eui => wire.rest()?.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join("-"),
        RdataField::Location => location(wire)?,
        RdataField::Params => svcb::params(wire)?,
    })
}

/// Upper case, as `dig` and the RFCs' examples print digests.
pub(crate) fn hex(bytes: &[u8]) -> String {
    crate::net::bytes::hex(bytes).to_ascii_uppercase()
}

/// A name with its final dot, special bytes escaped as RFC 1035 says (`\.`, `\032`).
pub(crate) fn name(name: &Name) -> String {
    let mut out = String::new();
    for label in name {
        out.push_str(&escaped(label, b".\"();@$\\"));
        out.push('.');
    }
    if out.is_empty() { ".".to_owned() } else { out }
}

/// Printable ASCII as it is, `special` behind a backslash, everything else as `\DDD`.
pub(crate) fn escaped(bytes: &[u8], special: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        let printable = byte.is_ascii_graphic() || (*byte == b' ' && special == QUOTED);
        if !printable {
            let _ = write!(out, "\\{byte:03}");
            continue;
        }
        if special.contains(byte) {
            out.push('\\');
        }
        out.push(char::from(*byte));
    }
    out
}

/// Bytes that a backslash protects between quotes.
const QUOTED: &[u8] = b"\"\\";

pub(crate) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes, QUOTED))
}

/// The strings of a TXT record, from presentation format, joined without a gap; bytes that are no text stay escaped.
pub(crate) fn joined(data: &str) -> String {
    let (mut bytes, mut escaped, mut quoted) = (Vec::new(), String::new(), false);
    let mut rest = data.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => {
                let digits: String = rest.clone().take(3).collect();
                if let Some(byte) = digits.parse::<u8>().ok().filter(|_| digits.len() == 3) {
                    rest.nth(2);
                    bytes.push(byte);
                    escaped.push('\\');
                    escaped.push_str(&digits);
                } else if let Some(plain) = rest.next() {
                    bytes.extend(plain.to_string().bytes());
                    escaped.push(plain);
                }
            }
            // What is between two strings belongs to none.
            other if quoted => {
                bytes.extend(other.to_string().bytes());
                escaped.push(other);
            }
            _ => {}
        }
    }
    String::from_utf8(bytes).unwrap_or(escaped)
}

fn texts(wire: &mut Wire<'_>) -> Option<String> {
    let mut strings = vec![quoted(wire.string()?)];
    while !wire.is_empty() {
        strings.push(quoted(wire.string()?));
    }
    Some(strings.join(" "))
}

/// RFC 4648 base32 with the extended hex alphabet, no padding.
fn base32hex(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let joined = chunk.iter().enumerate().fold(0_u64, |all, (at, byte)| all | u64::from(*byte) << (32 - 8 * at));
        for digit in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from(joined >> (35 - 5 * digit) & 31).unwrap_or_default();
            out.extend(ALPHABET.get(index).map(|byte| char::from(*byte)));
        }
    }
    out
}

/// RFC 4034 section 4.1.2: windows of up to 32 bytes.
fn bits(wire: &mut Wire<'_>) -> Option<String> {
    let mut found = Vec::new();
    while !wire.is_empty() {
        let window = u16::from(wire.u8()?);
        let map = wire.string()?;
        if map.is_empty() || map.len() > 32 {
            return None;
        }
        for (at, byte) in (0_u16..).zip(map) {
            let set = (0..8_u16).filter(|bit| byte & (0x80 >> bit) != 0);
            found.extend(set.map(|bit| types::mnemonic(window << 8 | (at * 8 + bit))));
        }
    }
    Some(found.join(" "))
}

/// Seconds since 1970 as YYYYMMDDHHMMSS.
pub(super) fn time(seconds: u32) -> String {
    jiff::Timestamp::from_second(i64::from(seconds))
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y%m%d%H%M%S").to_string())
}

/// RFC 4398 section 2.1.
pub(super) const CERT_TYPES: &[(u16, &str)] = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPKIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

/// IANA's DNS security algorithms.
pub(super) const ALGORITHMS: &[(u16, &str)] = &[
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "NSEC3DSA"),
    (7, "NSEC3RSASHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECCGOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// The word for a number, or the number.
fn word(words: &[(u16, &str)], number: u16) -> String {
    words.iter().find(|(n, _)| *n == number).map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned())
}

/// RFC 1876, version 0; another version has no text form.
fn location(wire: &mut Wire<'_>) -> Option<String> {
    if wire.u8()? != 0 {
        return None;
    }
    let sizes = [centimetres(wire.u8()?)?, centimetres(wire.u8()?)?, centimetres(wire.u8()?)?];
    let latitude = angle(wire.u32()?, 'N', 'S');
    let longitude = angle(wire.u32()?, 'E', 'W');
    let altitude = i64::from(wire.u32()?) - 10_000_000;
    let sign = if altitude < 0 { "-" } else { "" };
    let [size, horizontal, vertical] = sizes.map(metres);
    let height = altitude.unsigned_abs();
    Some(format!("{latitude} {longitude} {sign}{}.{:02}m {size} {horizontal} {vertical}", height / 100, height % 100))
}

/// Mantissa and exponent, each a decimal digit in half a byte.
fn centimetres(packed: u8) -> Option<u64> {
    let (mantissa, exponent) = (packed >> 4, packed & 15);
    (mantissa <= 9 && exponent <= 9).then(|| u64::from(mantissa) * 10_u64.pow(u32::from(exponent)))
}

fn metres(size: u64) -> String {
    if size >= 100 { format!("{}m", size / 100) } else { format!("0.{size:02}m") }
}

/// Thousandths of a second of arc around 2^31.
fn angle(raw: u32, above: char, below: char) -> String {
    let offset = i64::from(raw) - (1 << 31);
    let (side, arc) = (if offset < 0 { below } else { above }, offset.unsigned_abs());
    let (degrees, minutes, rest) = (arc / 3_600_000, arc / 60_000 % 60, arc % 60_000);
    format!("{degrees} {minutes} {}.{:03} {side}", rest / 1000, rest % 1000)
}

#[cfg(test)]
mod tests;
