//! What is asked: the fields of a check as a question, and a question as a datagram.

use std::net::IpAddr;
use std::str::FromStr as _;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RecordType};

use super::types;
use crate::model::{Args, Fault, Invalid};

/// NSID (RFC 5001).
pub(super) const NSID: u16 = 3;

/// Padding (RFC 7830).
pub(super) const PADDING: u16 = 12;
/// Queries are padded to a multiple of this (RFC 8467, 4.1).
const BLOCK: usize = 128;

/// A question and how to ask it.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) code: u16,
    pub(super) class: DNSClass,
    recursion: bool,
    /// CD: a resolver is to hand over what it would not vouch for.
    unchecked: bool,
    edns: Option<EdnsWish>,
}

/// What the OPT record of a query says.
#[derive(Clone)]
pub(super) struct EdnsWish {
    pub(super) size: u16,
    pub(super) dnssec: bool,
    pub(super) nsid: bool,
    pub(super) version: u8,
    /// Flags besides DO.
    pub(super) flags: u16,
    /// Code of an option without data.
    pub(super) option: Option<u16>,
}

impl Default for EdnsWish {
    fn default() -> Self {
        Self { size: 1232, dnssec: false, nsid: false, version: 0, flags: 0, option: None }
    }
}

impl Question {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let Some(name) = args.text("name") else {
            return Err(Invalid::at("", "`dns` needs `name`", "name: the domain name to ask for"));
        };
        Self::written(args, name, args.text("type").unwrap_or("A"))
    }

    /// Asks for this name and type, in the way the other fields say.
    pub(super) fn written(args: &Args, text: &str, kind_of: &str) -> Result<Self, Invalid> {
        let code = kind(kind_of)?;
        Ok(Self {
            name: name(text, code)?,
            code,
            class: args.text("class").and_then(|word| DNSClass::from_str(word).ok()).unwrap_or(DNSClass::IN),
            recursion: args.flag("recursion"),
            unchecked: args.flag("recursion") && args.text("dnssec") == Some("validate"),
            edns: edns(args)?,
        })
    }

    /// The question the fuzzer answers.
    #[cfg(fuzzing)]
    pub(super) fn of_fuzzer() -> Self {
        Self::own(Name::from_ascii("www.example.").unwrap_or_default(), 1).edns(None)
    }

    /// A question to a server that knows the answer itself: class IN, RD clear, plain EDNS.
    pub(super) fn own(name: Name, code: u16) -> Self {
        let edns = Some(EdnsWish::default());
        Self { name, code, class: DNSClass::IN, recursion: false, unchecked: false, edns }
    }

    /// Asked the same way, about something else.
    pub(super) fn about(&self, name: Name, code: u16) -> Self {
        Self { name, code, ..self.clone() }
    }

    pub(super) fn of_class(self, class: DNSClass) -> Self {
        Self { class, ..self }
    }

    pub(super) fn recursive(self, recursion: bool) -> Self {
        Self { recursion, ..self }
    }

    /// With another OPT record, or without one.
    pub(super) fn edns(self, edns: Option<EdnsWish>) -> Self {
        Self { edns, ..self }
    }

    pub(super) fn has_edns(&self) -> bool {
        self.edns.is_some()
    }

    /// `www.example. AAAA`, for people.
    pub(super) fn title(&self) -> String {
        format!("{} {}", super::rdata::name(&self.name), types::mnemonic(self.code))
    }

    /// The id and the bytes of one query. The id comes from the library's cryptographic generator, so that nobody off
    /// the path can guess it; the run's seed only stirs it, since a seed that alone decided it could be guessed.
    pub(super) fn encode(&self, seed: u64) -> Result<(u16, Vec<u8>), Fault> {
        let message = self.message(seed);
        Ok((message.metadata.id, self.bytes(&message)?))
    }

    /// The same for an encrypted transport: padded, so that the length tells little of the name, and with id 0 where there
    /// is one query to a stream. A query without EDNS has no place for padding.
    pub(super) fn encode_padded(&self, seed: u64, zero: bool) -> Result<(u16, Vec<u8>), Fault> {
        /// Code and length of an option.
        const OPTION: usize = 4;
        let mut message = self.message(seed);
        if zero {
            message.metadata.id = 0;
        }
        let bare = self.bytes(&message)?;
        let Some(edns) = &mut message.edns else { return Ok((message.metadata.id, bare)) };
        let missing = (bare.len() + OPTION).next_multiple_of(BLOCK) - (bare.len() + OPTION);
        edns.options_mut().insert(EdnsOption::Unknown(PADDING, vec![0; missing]));
        Ok((message.metadata.id, self.bytes(&message)?))
    }

    fn message(&self, seed: u64) -> Message {
        let mut message = Message::query();
        let [low, high, ..] = seed.to_le_bytes();
        message.metadata.id ^= u16::from_le_bytes([low, high]);
        message.metadata.recursion_desired = self.recursion;
        message.metadata.checking_disabled = self.unchecked;
        let mut query = Query::query(self.name.clone(), RecordType::from(self.code));
        query.set_query_class(self.class);
        message.add_query(query);
        if let Some(wish) = &self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(wish.size).set_dnssec_ok(wish.dnssec).set_version(wish.version);
            edns.flags_mut().z = wish.flags;
            if let Some(code) = wish.option {
                edns.options_mut().insert(EdnsOption::Unknown(code, Vec::new()));
            }
            if wish.nsid {
                edns.options_mut().insert(EdnsOption::Unknown(NSID, Vec::new()));
            }
            message.set_edns(edns);
        }
        message
    }

    fn bytes(&self, message: &Message) -> Result<Vec<u8>, Fault> {
        message.to_vec().map_err(|error| {
            Fault::local("encode DNS query", self.title(), error.to_string(), "check `name` and `type` of the check")
        })
    }
}

fn edns(args: &Args) -> Result<Option<EdnsWish>, Invalid> {
    let dnssec = matches!(args.text("dnssec"), Some("true" | "validate"));
    if !args.flag("edns") {
        let needs = [("dnssec", dnssec), ("nsid", args.flag("nsid"))].into_iter().find(|(_, on)| *on);
        let needs = needs.map(|(field, _)| field);
        return needs.map_or(Ok(None), |field| {
            let message = format!("`{field}` travels in EDNS, which `edns: false` leaves out");
            Err(Invalid::at(field, message, "drop one of the two"))
        });
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the table's range is 512..=65535")]
    let size = args.number("edns_size").unwrap_or(1232.0) as u16;
    Ok(Some(EdnsWish { size, dnssec, nsid: args.flag("nsid"), ..EdnsWish::default() }))
}

fn kind(word: &str) -> Result<u16, Invalid> {
    types::number(word).ok_or_else(|| {
        let help = types::closest(word).map_or_else(
            || "write a mnemonic such as A, AAAA or MX, or a number as in TYPE65280".to_owned(),
            |near| format!("did you mean {near}? any type can be written by number, as in TYPE65280"),
        );
        Invalid::at("type", format!("`{word}` is not a record type"), help)
    })
}

/// A name in presentation format; escapes are decimal, as in RFC 1035. Other alphabets become IDNA.
pub(super) fn name(text: &str, code: u16) -> Result<Name, Invalid> {
    if let (Ok(address), types::PTR) = (text.parse::<IpAddr>(), code) {
        let help = format!("write {}", Name::from(address));
        return Err(Invalid::at(
            "name",
            format!("`{text}` is an address; PTR records stand at its reverse name"),
            help,
        ));
    }
    let parsed = if text.is_ascii() {
        labels(text).and_then(|labels| Name::from_labels(labels.iter().map(Vec::as_slice)).map_err(|e| e.to_string()))
    } else {
        Name::from_utf8(text).map_err(|error| error.to_string())
    };
    match parsed {
        Ok(mut name) => {
            name.set_fqdn(true);
            Ok(name)
        }
        Err(why) => Err(Invalid::at(
            "name",
            format!("`{text}` is not a domain name: {why}"),
            "labels of 1 to 63 bytes between dots, 253 in all; `.` is the root",
        )),
    }
}

fn labels(text: &str) -> Result<Vec<Vec<u8>>, String> {
    if text == "." {
        return Ok(Vec::new());
    }
    let mut labels = vec![Vec::new()];
    let mut bytes = text.strip_suffix('.').filter(|rest| !rest.ends_with('\\')).unwrap_or(text).bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => escape(&mut bytes)?,
            b' ' | b'\t' => return Err("it holds a space; write it \\032 if it is meant".to_owned()),
            other => other,
        };
        if let Some(label) = labels.last_mut() {
            label.push(byte);
        }
    }
    if labels.iter().any(Vec::is_empty) {
        return Err("it has an empty label".to_owned());
    }
    Ok(labels)
}

/// What follows a backslash: three decimal digits, or the byte itself.
fn escape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, String> {
    let first = bytes.next().ok_or("it ends in a backslash")?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let digits: Vec<u8> = std::iter::once(first).chain(bytes.take(2)).collect();
    let text = String::from_utf8(digits).unwrap_or_default();
    let value = if text.len() == 3 { text.parse::<u8>().ok() } else { None };
    value.ok_or_else(|| format!("\\{text} is not an escape; write \\000 to \\255"))
}

#[cfg(test)]
mod tests {
    use super::{labels, name};
    use crate::checks::dns::{rdata, types};

    #[test]
    fn names_are_read_and_printed_alike() {
        for (text, want) in [
            ("www.example", "www.example."),
            ("WWW.example.", "WWW.example."),
            (".", "."),
            ("_443._tcp.example", "_443._tcp.example."),
            ("*.example", "*.example."),
            ("a\\.b.example", "a\\.b.example."),
            ("a\\032b.example", "a\\032b.example."),
            ("0/26.2.0.192.in-addr.arpa", "0/26.2.0.192.in-addr.arpa."),
            ("münchen.example", "xn--mnchen-3ya.example."),
        ] {
            assert_eq!(rdata::name(&name(text, 1).unwrap()), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for text in ["a..b", "", "a b", "a\\", "a\\25", "a\\999", long.as_str()] {
            assert!(name(text, 1).is_err(), "{text}");
        }
        assert_eq!(labels("a\\.").unwrap(), [b"a.".to_vec()]);
    }

    #[test]
    fn an_address_is_not_the_name_of_its_pointer() {
        let error = name("192.0.2.1", types::PTR).unwrap_err();
        assert!(error.help.contains("1.2.0.192.in-addr.arpa."), "{}", error.help);
    }
}
