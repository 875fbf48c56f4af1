//! A message as sets of records with the signatures over them, the data in canonical form (RFC 4034 section 6.2).

use std::collections::HashMap;

use domain::base::name::ParsedName;
use domain::base::rdata::ComposeRecordData as _;
use domain::base::record::ParsedRecord;
use domain::base::{Message, ToName};
use domain::rdata::AllRecordData;

use super::Name;
use crate::proto::dns::types;

/// The parts of a message that DNSSEC is about.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// Response code, with the upper bits of EDNS.
    pub rcode: u16,
    /// The server says it is authoritative.
    pub authoritative: bool,
    /// Sets of the answer section, in the order of their first records.
    pub answers: Vec<RrSet>,
    /// Sets of the authority section.
    pub authority: Vec<RrSet>,
    /// Records that have not the form of their type; a set that lacks them will not verify.
    pub unreadable: usize,
}

/// Records of one owner and type.
#[derive(Clone, Debug)]
pub struct RrSet {
    /// Owner, in lower case.
    pub owner: Name,
    /// Type.
    pub kind: u16,
    /// TTL of the first record.
    pub ttl: u32,
    /// Data in canonical form and order, each once; empty when only signatures came.
    pub data: Vec<Vec<u8>>,
    /// Signatures that say they cover it.
    pub signatures: Vec<Signature>,
}

/// An RRSIG record (RFC 4034 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Algorithm by IANA's number.
    pub algorithm: u8,
    /// Labels of the owner it was made for, without root and wildcard.
    pub labels: u8,
    /// TTL it was made for.
    pub original_ttl: u32,
    /// Last second it holds, seconds since 1970 modulo 2^32.
    pub expiration: u32,
    /// First second it holds.
    pub inception: u32,
    /// Tag of the key.
    pub tag: u16,
    /// Zone of the key.
    pub signer: Name,
    /// All of its data: what is before `split` is signed.
    pub data: Vec<u8>,
    /// Where the signature itself begins in `data`.
    pub split: usize,
}

/// Sorts a message into sets; `None` when it has no DNS header or a record breaks off. Never more than the message holds.
#[must_use]
pub fn read(message: &[u8]) -> Option<Sections> {
    let message = Message::from_octets(message).ok()?;
    let mut sections =
        Sections { rcode: message.opt_rcode().to_int(), authoritative: message.header().aa(), ..Sections::default() };
    let mut unreadable = 0;
    for (records, sets) in
        [(message.answer().ok()?, &mut sections.answers), (message.authority().ok()?, &mut sections.authority)]
    {
        let mut places = HashMap::new();
        for record in records {
            let record = record.ok()?;
            if add(sets, &mut places, &record).is_none() {
                unreadable += 1;
            }
        }
        for set in sets {
            set.data.sort_unstable();
            set.data.dedup();
        }
    }
    sections.unreadable = unreadable;
    Some(sections)
}

fn add(
    sets: &mut Vec<RrSet>,
    places: &mut HashMap<(Name, u16), usize>,
    record: &ParsedRecord<'_, &[u8]>,
) -> Option<()> {
    if record.class().to_int() != types::CLASS_IN {
        return None;
    }
    let owner: Name = record.owner().to_canonical_name();
    let data = canonical(record)?;
    let own = record.rtype().to_int();
    let signature = if own == types::RRSIG { Some(signature(&data)?) } else { None };
    let covered = signature.as_ref().map_or(own, |(covered, _)| *covered);
    let at = *places.entry((owner.clone(), covered)).or_insert(sets.len());
    if at == sets.len() {
        sets.push(RrSet {
            owner,
            kind: covered,
            ttl: record.ttl().as_secs(),
            data: Vec::new(),
            signatures: Vec::new(),
        });
    }
    let set = sets.get_mut(at)?;
    match signature {
        Some((_, signature)) if !set.signatures.contains(&signature) => set.signatures.push(signature),
        Some(_) => {}
        None => set.data.push(data),
    }
    Some(())
}

fn canonical(record: &ParsedRecord<'_, &[u8]>) -> Option<Vec<u8>> {
    let typed = record.to_record::<AllRecordData<_, ParsedName<_>>>().ok()??;
    let mut data = Vec::new();
    typed.data().compose_canonical_rdata(&mut data).ok()?;
    // Types with a name the library does not know, and how many octets stand before it (RFC 4034 section 6.2).
    if let (18 | 21 | 26 | 36, Some(names)) = (record.rtype().to_int(), data.get_mut(2..)) {
        names.make_ascii_lowercase();
    }
    Some(data)
}

/// The type covered, and the rest.
fn signature(data: &[u8]) -> Option<(u16, Signature)> {
    let (fixed, rest) = data.split_at_checked(18)?;
    let (signer, proper) = name(rest)?;
    let word = |at: usize| Some(u32::from_be_bytes(fixed.get(at..at + 4)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_be_bytes(fixed.get(at..at + 2)?.try_into().ok()?));
    Some((
        half(0)?,
        Signature {
            algorithm: *fixed.get(2)?,
            labels: *fixed.get(3)?,
            original_ttl: word(4)?,
            expiration: word(8)?,
            inception: word(12)?,
            tag: half(16)?,
            signer,
            split: data.len() - proper.len(),
            data: data.to_vec(),
        },
    ))
}

/// An uncompressed name at the beginning, in lower case, and what follows it.
pub(super) fn name(data: &[u8]) -> Option<(Name, &[u8])> {
    let mut end = 0;
    loop {
        let length = usize::from(*data.get(end)?);
        end += 1 + length;
        if length == 0 {
            break;
        }
    }
    let (wire, rest) = data.split_at_checked(end)?;
    let name = domain::base::Name::from_octets(wire).ok()?;
    Some((ToName::to_canonical_name(&name), rest))
}

impl RrSet {
    /// Whether it holds records, not only signatures.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.data.is_empty()
    }

    /// The zone it claims to belong to: the deepest signer at or above its owner.
    #[must_use]
    pub fn signer(&self) -> Option<&Name> {
        let signers = self.signatures.iter().map(|signature| &signature.signer);
        signers.filter(|signer| self.owner.ends_with(*signer)).max_by_key(|signer| signer.label_count())
    }

    /// Where an alias points.
    #[must_use]
    pub fn target(&self) -> Option<Name> {
        match (self.kind, self.data.as_slice()) {
            (types::CNAME | types::DNAME, [data]) => name(data).map(|(name, _)| name),
            _ => None,
        }
    }
}

impl Sections {
    /// The set of a name and type in the answer section.
    #[must_use]
    pub fn answer(&self, owner: &Name, kind: u16) -> Option<&RrSet> {
        self.answers.iter().find(|set| set.exists() && set.kind == kind && set.owner == *owner)
    }
}
