//! A question, and the datagram that asks it.

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RecordType};

use super::types;
use crate::model::Fault;

/// NSID (RFC 5001).
pub(crate) const NSID: u16 = 3;

/// Padding (RFC 7830).
pub(crate) const PADDING: u16 = 12;
/// Queries are padded to a multiple of this (RFC 8467, 4.1).
const BLOCK: usize = 128;

/// A question and how to ask it.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) name: Name,
    pub(crate) code: u16,
    pub(crate) class: DNSClass,
    /// RD.
    pub(crate) recursion: bool,
    /// CD: a resolver is to hand over what it would not vouch for.
    pub(crate) unchecked: bool,
    /// Bits set in the flags of the header beside these: opcode, Z, AD.
    pub(crate) header: u16,
    pub(crate) edns: Option<EdnsRequest>,
}

/// The OPT record of a query.
#[derive(Clone)]
pub(crate) struct EdnsRequest {
    pub(crate) size: u16,
    pub(crate) dnssec: bool,
    pub(crate) nsid: bool,
    pub(crate) version: u8,
    /// Flags besides DO.
    pub(crate) flags: u16,
    /// Code of an option without data.
    pub(crate) option: Option<u16>,
}

impl Default for EdnsRequest {
    fn default() -> Self {
        Self { size: 1232, dnssec: false, nsid: false, version: 0, flags: 0, option: None }
    }
}

impl Question {
    /// The question the fuzzer answers.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn of_fuzzer() -> Self {
        Self::own(Name::from_ascii("www.example.").unwrap_or_default(), 1).edns(None)
    }

    /// A question to a server that knows the answer itself: class IN, RD clear, plain EDNS.
    pub(crate) fn own(name: Name, code: u16) -> Self {
        let edns = Some(EdnsRequest::default());
        Self { name, code, class: DNSClass::IN, recursion: false, unchecked: false, header: 0, edns }
    }

    /// Asked the same way, about something else.
    pub(crate) fn about(&self, name: Name, code: u16) -> Self {
        Self { name, code, ..self.clone() }
    }

    pub(crate) fn of_class(self, class: DNSClass) -> Self {
        Self { class, ..self }
    }

    pub(crate) fn recursive(self, recursion: bool) -> Self {
        Self { recursion, ..self }
    }

    /// With these bits of the header set as well.
    pub(crate) fn header(self, header: u16) -> Self {
        Self { header, ..self }
    }

    /// The opcode of its header.
    pub(crate) fn opcode(&self) -> u16 {
        self.header >> 11 & 15
    }

    /// With another OPT record, or without one.
    pub(crate) fn edns(self, edns: Option<EdnsRequest>) -> Self {
        Self { edns, ..self }
    }

    pub(crate) fn has_edns(&self) -> bool {
        self.edns.is_some()
    }

    /// `www.example. AAAA`, for people.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", super::rdata::name(&self.name), types::mnemonic(self.code))
    }

    /// The id and the bytes of one query. The id comes from the library's cryptographic generator, so that nobody off
    /// the path can guess it; the run's seed only stirs it, since a seed that alone decided it could be guessed.
    pub(crate) fn encode(&self, seed: u64) -> Result<(u16, Vec<u8>), Fault> {
        let message = self.message(seed);
        Ok((message.metadata.id, self.bytes(&message)?))
    }

    /// The same for an encrypted transport: padded, so that the length tells little of the name, and with id 0 where there
    /// is one query to a stream. A query without EDNS has no place for padding.
    pub(crate) fn encode_padded(&self, seed: u64, zero: bool) -> Result<(u16, Vec<u8>), Fault> {
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
        let mut bytes = message.to_vec().map_err(|error| {
            Fault::local("encode DNS query", self.title(), error.to_string(), "check `name` and `type` of the check")
        })?;
        // The library has no way to write some of them.
        for (byte, more) in bytes.iter_mut().skip(2).zip(self.header.to_be_bytes()) {
            *byte |= more;
        }
        Ok(bytes)
    }
}
