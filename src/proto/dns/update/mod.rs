//! Dynamic updates of a zone (RFC 2136), signed with a shared key (RFC 8945): what is asked for, and what an answer means.
//!
//! Every update says what it expects to find (section 2.4). A set that somebody else has changed meanwhile is left alone by the server
//! itself, in the same step.

mod signed;
mod skew;
#[cfg(test)]
mod tests;

use domain::base::Ttl;
use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, MessageBuilder, PushError};
use domain::base::name::{Name, ParsedName};
use domain::base::rdata::{ComposeRecordData as _, ParseAnyRecordData as _, UnknownRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::{AllRecordData, ZoneRecordData};
use domain::zonefile::inplace::{Entry, Zonefile};

pub(crate) use signed::{SharedKey, SignedRequest, UpdateError};

use super::{name, rdata, types};
use crate::model::count::counted;

/// Records of a set at most: an update has all of them twice.
const RECORDS: usize = 500;

/// The records of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordSet {
    /// 0 of an empty one.
    pub(crate) ttl: u32,
    /// As on the wire, names not compressed.
    pub(crate) data: Vec<Vec<u8>>,
}

/// Where a set is.
#[derive(Clone, Debug)]
pub(crate) struct RecordSetPlace {
    zone: Name<Vec<u8>>,
    owner: Name<Vec<u8>>,
    kind: Rtype,
}

/// A name as the library has it.
fn wire(text: &str) -> Result<Name<Vec<u8>>, String> {
    let parsed = name::parse(text).map_err(|why| format!("`{text}`: {why}"))?;
    Name::vec_from_str(&parsed.to_ascii()).map_err(|error| format!("`{text}`: {error}"))
}

impl RecordSetPlace {
    pub(crate) fn new(zone: &str, owner: &str, kind: u16) -> Result<Self, String> {
        let (zone, owner) = (wire(zone)?, wire(owner)?);
        if !owner.ends_with(&zone) {
            return Err(format!("{owner} is not in the zone {zone}"));
        }
        Ok(Self { zone, owner, kind: Rtype::from_int(kind) })
    }

    /// `www.example. A`, for people.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.owner.fmt_with_dot(), types::mnemonic(self.kind.to_int()))
    }

    /// Data as a zone file has it; names in it are absolute.
    pub(crate) fn read(&self, texts: &[String]) -> Result<Vec<Vec<u8>>, String> {
        if texts.len() > RECORDS {
            return Err(format!("{}, and an update has {RECORDS} at most", counted(texts.len(), "record")));
        }
        let mut out: Vec<Vec<u8>> = Vec::new();
        for text in texts {
            let data = self.read_one(text).map_err(|why| format!("`{text}`: {why}"))?;
            if out.iter().any(|other| self.canonical(other) == self.canonical(&data)) {
                return Err(format!("`{text}` is there twice"));
            }
            out.push(data);
        }
        Ok(out)
    }

    fn read_one(&self, text: &str) -> Result<Vec<u8>, String> {
        let kind = types::mnemonic(self.kind.to_int());
        if text.contains(['\n', '\r']) {
            return Err("it is one line".to_owned());
        }
        let mut file = Zonefile::new();
        file.set_default_class(Class::IN);
        file.set_origin(Name::root_bytes());
        file.extend_from_slice(format!(". 0 IN {kind} {text}\n").as_bytes());
        let wrong = || format!("not a valid {kind} record");
        // Behind where in the text that was made for the parser.
        let reason = |error: String| error.rsplit_once(": ").map_or(error.clone(), |(_, reason)| reason.to_owned());
        let mut next = || file.next_entry().map_err(|error| format!("{}: {}", wrong(), reason(error.to_string())));
        match (next()?, next()?) {
            (Some(Entry::Record(record)), None) if record.rtype() == self.kind => {
                let mut data = Vec::new();
                let Ok(()) = ZoneRecordData::compose_rdata(record.data(), &mut data);
                Ok(data)
            }
            _ => Err(wrong()),
        }
    }

    /// One form of all data that is the same.
    fn canonical(&self, data: &[u8]) -> Vec<u8> {
        let mut parser = Parser::from_ref(data);
        let parsed = AllRecordData::<&[u8], ParsedName<&[u8]>>::parse_any_rdata(self.kind, &mut parser);
        let mut out = Vec::new();
        match parsed {
            Ok(parsed) => {
                let Ok(()) = parsed.compose_canonical_rdata(&mut out);
            }
            Err(_) => out.extend_from_slice(data),
        }
        out
    }

    /// Whether both hold the same records, whatever their order; not whether for as long.
    pub(crate) fn same_records(&self, one: &RecordSet, other: &RecordSet) -> bool {
        let sorted = |set: &RecordSet| {
            let mut all: Vec<Vec<u8>> = set.data.iter().map(|data| self.canonical(data)).collect();
            all.sort();
            all
        };
        sorted(one) == sorted(other)
    }

    /// Whether both are one.
    pub(crate) fn same(&self, one: &RecordSet, other: &RecordSet) -> bool {
        self.same_records(one, other) && (one.ttl == other.ttl || one.data.is_empty())
    }

    /// Its records in presentation format, in an order of their own: servers give them in any.
    pub(crate) fn texts(&self, set: &RecordSet) -> Vec<String> {
        let code = self.kind.to_int();
        let text = |data: &Vec<u8>| rdata::text(data, 0, data.len(), code).unwrap_or_else(|| rdata::generic(data));
        let mut all: Vec<String> = set.data.iter().map(text).collect();
        all.sort();
        all
    }

    /// Commands for `nsupdate` that make `set` of it, whatever is there.
    pub(crate) fn commands(&self, set: &RecordSet) -> Vec<String> {
        let mut out = vec![format!("zone {}", self.zone.fmt_with_dot()), format!("update delete {}", self.title())];
        let kind = types::mnemonic(self.kind.to_int());
        let add = |text: String| format!("update add {} {} {kind} {text}", self.owner.fmt_with_dot(), set.ttl);
        out.extend(self.texts(set).into_iter().map(add));
        out.push("send".to_owned());
        out
    }

    /// What there is, asked of a server that must know by itself.
    pub(crate) fn question(&self, key: Option<&SharedKey>) -> Result<SignedRequest, String> {
        let mut question = builder(Opcode::QUERY).question();
        question.push((&self.owner, self.kind, Class::IN)).map_err(too_large)?;
        SignedRequest::new(question.additional(), key)
    }

    /// Has the server make `after` of it, if it holds the records of `before`. Without `after` it only looks whether it does, and
    /// whether this key may ask.
    pub(crate) fn update(
        &self,
        before: &RecordSet,
        after: Option<&RecordSet>,
        key: Option<&SharedKey>,
    ) -> Result<SignedRequest, String> {
        self.updated(before, after).map_err(too_large).and_then(|message| SignedRequest::new(message, key))
    }

    fn updated(&self, before: &RecordSet, after: Option<&RecordSet>) -> Result<AdditionalBuilder<Vec<u8>>, PushError> {
        let mut zone = builder(Opcode::UPDATE).question();
        zone.push((&self.zone, Rtype::SOA, Class::IN))?;
        let mut expected = zone.answer();
        for data in &before.data {
            expected.push((&self.owner, Class::IN, Ttl::ZERO, self.record(data)?))?;
        }
        if before.data.is_empty() {
            expected.push((&self.owner, Class::NONE, Ttl::ZERO, self.record(&[])?))?;
        }
        let Some(after) = after else { return Ok(expected.additional()) };
        let mut changes = expected.authority();
        changes.push((&self.owner, Class::ANY, Ttl::ZERO, self.record(&[])?))?;
        for data in &after.data {
            changes.push((&self.owner, Class::IN, Ttl::from_secs(after.ttl), self.record(data)?))?;
        }
        Ok(changes.additional())
    }

    fn record<'a>(&self, data: &'a [u8]) -> Result<UnknownRecordData<&'a [u8]>, PushError> {
        UnknownRecordData::from_octets(self.kind, data).map_err(|_| PushError::ShortBuf)
    }
}

/// A message with nothing in it yet.
fn builder(opcode: Opcode) -> MessageBuilder<Vec<u8>> {
    let mut message = MessageBuilder::new_vec();
    // From the library's cryptographic generator, as that of every query.
    message.header_mut().set_id(hickory_proto::op::Message::query().metadata.id);
    message.header_mut().set_opcode(opcode);
    message
}

fn too_large(error: PushError) -> String {
    format!("the records do not fit into one message: {error}")
}

/// Reads `bytes` as an answer to a signed question; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_answer(bytes: &[u8]) {
    let Ok(place) = RecordSetPlace::new("example.", "www.example.", types::MX) else { return };
    let key = SharedKey::new("key.", "hmac-sha256", b"secret").ok();
    for key in [None, key.as_ref()] {
        if let Ok(request) = place.question(key) {
            let mut answer = bytes.to_vec();
            // As one that was asked for.
            if let (Some(id), Some(own)) = (answer.get_mut(..2), request.bytes().get(..2)) {
                id.copy_from_slice(own);
            }
            let _ = request.set(&place, answer).map(|set| place.texts(&set));
        }
    }
}
