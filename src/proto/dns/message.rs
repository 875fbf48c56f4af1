//! Replies: whether a message is an answer to the question at all, and its content.
//!
//! A message is at most 65535 bytes, which bounds its records; [`TEXT`] bounds what compressed names can unpack to.

use hickory_proto::rr::{DNSClass, Name};

use super::question::{NSID, PADDING, Question};
use super::rdata::{self, Wire};
use super::types;

/// Most text one reply may unpack to.
const TEXT: usize = 2 << 20;
/// Length of the header.
const HEADER: usize = 12;
/// Extended errors (RFC 8914).
const EXTENDED_ERROR: u16 = 15;

/// A message from the server's address, sorted.
pub(crate) enum Received {
    /// An answer to the question.
    Reply(Box<Reply>),
    /// An answer to the question that does not hold together.
    Malformed(String),
    /// Not an answer to the question, and why; waiting goes on.
    Stray(String),
}

/// An answer.
#[derive(Default)]
pub(crate) struct Reply {
    flags: u16,
    /// With the upper bits of EDNS.
    pub(crate) rcode: u16,
    pub(crate) answers: Vec<ResourceRecord>,
    pub(crate) authority: Vec<ResourceRecord>,
    pub(crate) additional: Vec<ResourceRecord>,
    pub(crate) edns: Option<Edns>,
    /// The name in the question section, in the case it came back in.
    pub(crate) question: Option<Name>,
    /// Defects that leave the message readable, each worth a note.
    pub(crate) anomalies: Vec<String>,
    /// The message itself.
    pub(crate) bytes: Vec<u8>,
}

/// A record of a section, other than OPT.
pub(crate) struct ResourceRecord {
    pub(crate) owner: Name,
    pub(crate) code: u16,
    pub(crate) class: u16,
    /// Its data has the form of its type.
    pub(crate) sound: bool,
    pub(crate) ttl: u32,
    /// Data in presentation format.
    pub(crate) data: String,
    /// `owner ttl class type data`.
    pub(crate) text: String,
    /// Where an alias points.
    pub(crate) target: Option<Name>,
}

/// The server's OPT record.
#[derive(Default)]
pub(crate) struct Edns {
    pub(crate) version: u8,
    pub(crate) size: u16,
    /// DO and the flags without a meaning.
    pub(crate) flags: u16,
    /// Codes of the options.
    pub(crate) options: Vec<u16>,
    pub(crate) nsid: Option<String>,
    /// It carries padding (RFC 7830).
    pub(crate) padded: bool,
    pub(crate) errors: Vec<String>,
    rcode_high: u8,
}

/// The words of the header's flags, in its order.
pub(crate) const FLAGS: &[&str] = &["qr", "aa", "tc", "rd", "ra", "ad", "cd"];

impl Reply {
    /// Flags that are set, in the order of the header.
    pub(crate) fn flags(&self) -> Vec<String> {
        const BITS: [u16; 7] = [0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010];
        let set = BITS.iter().zip(FLAGS).filter(|(bit, _)| self.flags & **bit != 0);
        set.map(|(_, word)| (*word).to_owned()).collect()
    }

    /// A flag by its word.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags().iter().any(|word| word == flag)
    }

    /// The reserved bit of the header (RFC 1035: Z), which is always clear.
    pub(crate) fn reserved(&self) -> bool {
        self.flags & 0x0040 != 0
    }

    /// TC.
    pub(crate) fn truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }
}

/// Sorts a message into reply, malformed reply and stray.
pub(crate) fn read(message: &[u8], id: u16, question: &Question) -> Received {
    let Some(mut wire) = Wire::window(message, 0, message.len()) else {
        return Received::Stray("it cannot be read".to_owned());
    };
    let Some(header) = header(&mut wire) else {
        return Received::Stray(format!("{} bytes are too short for a DNS header", message.len()));
    };
    if let Some(why) = stray(&mut wire, &header, id, question) {
        return Received::Stray(why);
    }
    match body(message, wire, &header) {
        Ok(mut reply) => {
            let question = (header.questions == 1).then(|| Wire::window(message, HEADER, message.len()));
            reply.question = question.flatten().and_then(|mut wire| wire.name());
            Received::Reply(Box::new(reply))
        }
        Err(why) => Received::Malformed(why),
    }
}

/// A message of a zone transfer: those after the first may leave the question out (RFC 5936, 2.2.2).
pub(crate) fn part(message: &[u8], id: u16) -> Result<Reply, String> {
    let mut wire = Wire::window(message, 0, message.len()).ok_or("it cannot be read")?;
    let header = header(&mut wire).ok_or_else(|| format!("{} bytes are too short for a header", message.len()))?;
    if header.id != id || header.flags & 0xf800 != 0x8000 || header.questions > 1 {
        return Err("its header is not that of an answer to the query".to_owned());
    }
    if header.questions == 1 && (wire.name().is_none() || wire.u32().is_none()) {
        return Err("its question cannot be read".to_owned());
    }
    body(message, wire, &header)
}

struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    records: [u16; 3],
}

fn header(wire: &mut Wire<'_>) -> Option<Header> {
    Some(Header {
        id: wire.u16()?,
        flags: wire.u16()?,
        questions: wire.u16()?,
        records: [wire.u16()?, wire.u16()?, wire.u16()?],
    })
}

/// Why a message is not an answer to the question, if it is not.
fn stray(wire: &mut Wire<'_>, header: &Header, id: u16, question: &Question) -> Option<String> {
    if header.id != id {
        return Some(format!("its id is {}, not {id}", header.id));
    }
    if header.flags & 0x8000 == 0 {
        return Some("it is a query, not a response".to_owned());
    }
    let opcode = header.flags >> 11 & 15;
    let asked = question.opcode();
    if opcode != asked {
        let asked = if asked == 0 { "QUERY".to_owned() } else { asked.to_string() };
        return Some(format!("its opcode is {opcode}, not {asked}"));
    }
    // A server that could not read the query may send back a bare header; an answer or NXDOMAIN needs the question.
    let rcode = header.flags & 15;
    if header.questions == 0 && header.records[0] == 0 && !matches!(rcode, 0 | 3) {
        return None;
    }
    if header.questions != 1 {
        return Some(format!("it carries {} questions, not one", header.questions));
    }
    let (Some(name), Some(code), Some(class)) = (wire.name(), wire.u16(), wire.u16()) else {
        return Some("its question cannot be read".to_owned());
    };
    let same = name.eq_ignore_root(&question.name) && code == question.code && class == u16::from(question.class);
    (!same).then(|| {
        let asked = question.title();
        format!("its question is {} {} {}, not {asked}", rdata::name(&name), class_word(class), types::mnemonic(code))
    })
}

fn body(message: &[u8], wire: Wire<'_>, header: &Header) -> Result<Reply, String> {
    let mut reply = Reply { flags: header.flags, rcode: header.flags & 15, ..Reply::default() };
    let mut records = Records { message, wire, text: 0, anomalies: Vec::new() };
    let mut opts = Vec::new();
    let [answers, authority, additional] = header.records;
    for (title, count, section) in [
        ("answer", answers, &mut reply.answers),
        ("authority", authority, &mut reply.authority),
        ("additional", additional, &mut reply.additional),
    ] {
        for number in 1..=count {
            match records.next().map_err(|why| format!("record {number} of {count} of the {title} section {why}"))? {
                ParsedRecord::Record(record) => section.push(record),
                ParsedRecord::Opt(edns) => opts.push(edns),
            }
        }
    }
    if !records.wire.is_empty() {
        records
            .anomalies
            .push(format!("{} bytes follow the last record", message.len().saturating_sub(records.wire.at())));
    }
    if opts.len() > 1 {
        records.anomalies.push(format!("{} OPT records, where one is allowed", opts.len()));
    }
    reply.anomalies = records.anomalies;
    reply.bytes = message.to_vec();
    reply.edns = opts.into_iter().next();
    reply.rcode |= reply.edns.as_ref().map_or(0, |edns| u16::from(edns.rcode_high) << 4);
    Ok(reply)
}

enum ParsedRecord {
    Record(ResourceRecord),
    Opt(Edns),
}

struct Records<'a> {
    message: &'a [u8],
    wire: Wire<'a>,
    /// Text printed so far.
    text: usize,
    anomalies: Vec<String>,
}

impl Records<'_> {
    fn next(&mut self) -> Result<ParsedRecord, String> {
        const SHORT: &str = "is cut short";
        let wire = &mut self.wire;
        let owner = wire.name().ok_or("has an owner name that cannot be read")?;
        let (code, class) = (wire.u16().ok_or(SHORT)?, wire.u16().ok_or(SHORT)?);
        let (ttl, length) = (wire.u32().ok_or(SHORT)?, usize::from(wire.u16().ok_or(SHORT)?));
        let start = wire.at();
        let data = wire.bytes(length).ok_or(SHORT)?;
        if code == types::OPT {
            let edns = opt(data, class, ttl).ok_or("is an OPT record with broken options")?;
            return Ok(ParsedRecord::Opt(edns));
        }
        let printed = rdata::text(self.message, start, start + length, code);
        let sound = printed.is_some();
        let data = printed.unwrap_or_else(|| {
            let kind = types::mnemonic(code);
            self.anomalies.push(format!("a {kind} record of {length} bytes has not the form of its type"));
            rdata::generic(data)
        });
        let target = (code == types::CNAME)
            .then(|| Wire::window(self.message, start, start + length).and_then(|mut wire| wire.name()))
            .flatten();
        let text = format!("{} {ttl} {} {} {data}", rdata::name(&owner), class_word(class), types::mnemonic(code));
        self.text += text.len() + data.len();
        if self.text > TEXT {
            return Err(format!("unpacks the reply to more than {TEXT} bytes of text"));
        }
        Ok(ParsedRecord::Record(ResourceRecord { owner, code, class, sound, ttl, data, text, target }))
    }
}

fn class_word(class: u16) -> String {
    match DNSClass::from(class) {
        DNSClass::IN => "IN".to_owned(),
        DNSClass::CH => "CH".to_owned(),
        DNSClass::HS => "HS".to_owned(),
        _ => format!("CLASS{class}"),
    }
}

/// RFC 6891: class is the size, TTL holds upper rcode bits, version and flags.
fn opt(data: &[u8], class: u16, ttl: u32) -> Option<Edns> {
    let [rcode_high, version, high, low] = ttl.to_be_bytes();
    let flags = u16::from_be_bytes([high, low]);
    let mut edns = Edns { version, size: class, flags, rcode_high, ..Edns::default() };
    let mut wire = Wire::window(data, 0, data.len())?;
    while !wire.is_empty() {
        let code = wire.u16()?;
        let length = usize::from(wire.u16()?);
        let value = wire.bytes(length)?;
        edns.options.push(code);
        match (code, value) {
            (PADDING, _) => edns.padded = true,
            (NSID, _) => edns.nsid = Some(server_id(value)),
            (EXTENDED_ERROR, [high, low, extra @ ..]) => {
                let number = u16::from_be_bytes([*high, *low]);
                let extra = crate::net::bytes::readable(extra);
                edns.errors.push(format!("{number} {extra}").trim_end().to_owned());
            }
            _ => {}
        }
    }
    Some(edns)
}

/// Most servers send text; what is not text is shown in hexadecimal.
fn server_id(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => rdata::hex(value),
    }
}
