//! Whether a server of the zone has a key that the parent's DS names.

use std::collections::BTreeSet;

use hickory_proto::rr::Name;

use super::ParentDs;
use crate::checks::dns::dnssec;
use crate::proto::dns::message::Reply;
use crate::proto::dns::{rcode, types};
use crate::proto::dnssec::{Digest, Key, read};

/// The keys of one server beside the parent's DS.
#[derive(Debug, PartialEq)]
pub(in crate::checks::dns::survey) enum ZoneKeys {
    /// A DS names one of them.
    Named,
    /// None is named, and what is there instead.
    Unnamed(String),
    /// It gave no keys and did not say that there are none.
    Unknown(String),
}

/// The different sets of DS the parent's servers give, of what can be checked: a set without such is as none (RFC 4035 section
/// 5.2), and SHA-1 counts only where nothing better is there (RFC 4509 section 3).
pub(in crate::checks::dns::survey) fn usable(parents: &[(String, ParentDs)]) -> Vec<Vec<Digest>> {
    let sets: BTreeSet<&BTreeSet<Vec<u8>>> = parents
        .iter()
        .filter_map(|(_, ds)| match ds {
            ParentDs::Known(set) => Some(set),
            ParentDs::NotParent | ParentDs::Unknown(_) => None,
        })
        .collect();
    let usable = sets.into_iter().map(|set| {
        let mut all: Vec<Digest> = set.iter().filter_map(|data| Digest::read(data)).filter(Digest::supported).collect();
        if all.iter().any(|ds| !ds.weak()) {
            all.retain(|ds| !ds.weak());
        }
        all
    });
    usable.filter(|set| !set.is_empty()).collect()
}

/// Holds the answer of a server about DNSKEY against the DS of the parent.
pub(in crate::checks::dns::survey) fn ask(reply: Option<&Reply>, zone: &Name, ds: &[Vec<Digest>]) -> ZoneKeys {
    let Some(reply) = reply else { return ZoneKeys::Unknown("no answer about DNSKEY".to_owned()) };
    if reply.truncated() {
        return ZoneKeys::Unknown("its DNSKEY records came truncated".to_owned());
    }
    if reply.rcode != rcode::NOERROR || !reply.has("aa") {
        let aa = if reply.has("aa") { "" } else { " without AA" };
        return ZoneKeys::Unknown(format!("{}{aa} to DNSKEY", rcode::text(reply.rcode)));
    }
    let (Some(sections), Some(name)) = (read(&reply.bytes), dnssec::for_validator(zone)) else {
        return ZoneKeys::Unknown("its answer about DNSKEY cannot be read".to_owned());
    };
    let keys: Vec<Key> = sections
        .answer(&name, types::DNSKEY)
        .map(|set| set.data.iter().filter_map(|data| Key::read(data)).collect())
        .unwrap_or_default();
    if keys.is_empty() {
        return ZoneKeys::Unnamed("no DNSKEY, although the parent has DS for the zone".to_owned());
    }
    let named = |set: &Vec<Digest>| set.iter().any(|ds| keys.iter().any(|key| key.signs() && key.is(ds, &name)));
    if ds.iter().all(named) {
        return ZoneKeys::Named;
    }
    let tags = |tags: Vec<u16>| tags.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
    let (own, wanted) = (
        tags(keys.iter().map(|key| key.tag).collect()),
        tags(ds.iter().filter(|set| !named(set)).flatten().map(|ds| ds.tag).collect()),
    );
    ZoneKeys::Unnamed(format!("DNSKEY with tags {own}, and the parent's DS name {wanted}"))
}
