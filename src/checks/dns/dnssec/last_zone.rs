//! Facts of the last zone that no verdict depends on: how long its secondaries can live off their signatures, and what it
//! asks its parent for (RFC 7344, RFC 8078). A question without answer leaves its facts
//! absent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::names::{some, title};
use super::verdict::WalkEnd;
use super::walk::{Walk, Zone};
use crate::model::Fault;
use crate::proto::dns::types;
use crate::proto::dnssec::{Digest, Key, Reason, RrSet, check_rrset, dotted};

/// Keys as DS names them: tag and algorithm.
type NamedKeys = BTreeSet<(u16, u8)>;

impl Walk<'_> {
    /// Asks for SOA, CDS and CDNSKEY of the zone the answer came from.
    pub(super) async fn last_zone(&mut self) -> Result<(), Fault> {
        let Some(zone) = self.last.clone() else { return Ok(()) };
        self.expire(&zone).await?;
        self.requests(&zone).await
    }

    async fn expire(&mut self, zone: &Arc<Zone>) -> Result<(), Fault> {
        let Some(soa) = self.apex(zone, types::SOA).await? else { return Ok(()) };
        let Some(expire) = soa.data.first().and_then(|data| expire(data)) else { return Ok(()) };
        let checked = check_rrset(&soa, &zone.name, &zone.keys, self.at, &mut self.work);
        self.evidence.expires(expire, (&soa, &checked), &title(&zone.name, types::DNSKEY));
        Ok(())
    }

    async fn requests(&mut self, zone: &Arc<Zone>) -> Result<(), Fault> {
        let cds = self.apex(zone, types::CDS).await?;
        let cdnskey = self.apex(zone, types::CDNSKEY).await?;
        if cds.is_none() && cdnskey.is_none() {
            return Ok(());
        }
        let mut matched = true;
        for set in cds.iter().chain(&cdnskey) {
            let checked = check_rrset(set, &zone.name, &zone.keys, self.at, &mut self.work);
            let Some((reason, why)) = checked.problem else { continue };
            let why = format!("{}: {why}", title(&set.owner, set.kind));
            self.evidence.note(why.clone());
            if matches!(reason, Reason::TooMuchWork | Reason::UnsupportedAlgorithm) {
                self.evidence.cds_in_part(why);
            } else {
                matched = false;
            }
        }
        let digests: Vec<Digest> = read(cds.as_ref(), Digest::read);
        let keys: Vec<Key> = read(cdnskey.as_ref(), Key::read);
        // Algorithm 0 asks for no DS at all (RFC 8078 section 4).
        let removal = digests.iter().any(|ds| ds.algorithm == 0) || keys.iter().any(|key| key.algorithm == 0);
        if removal {
            self.evidence.note(format!("{} asks its parent to remove its DS", dotted(&zone.name)));
            self.evidence.cds_match = Some(matched && digests.len() <= 1 && keys.len() <= 1);
            self.evidence.cds_pending = Some(!zone.ds.is_empty());
            return Ok(());
        }
        let by_digest = named(digests.iter().map(|ds| (ds.tag, ds.algorithm)));
        let by_key = named(keys.iter().map(|key| (key.tag, key.algorithm)));
        matched &= digests.iter().all(|ds| zone.keys.iter().any(|key| key.is(ds, &zone.name)));
        matched &= keys.iter().all(|key| zone.keys.contains(key));
        if cds.is_some() && cdnskey.is_some() {
            matched &= by_digest == by_key;
        }
        if !matched {
            let shown = [tags(&by_digest), tags(&by_key)].join(" and CDNSKEY ");
            self.evidence.note(format!("{}: CDS {shown} do not name its DNSKEY", dotted(&zone.name)));
        }
        self.evidence.cds_match = Some(matched);
        if !zone.ds.is_empty() {
            let asked = if cds.is_some() { by_digest } else { by_key };
            self.evidence.cds_pending = Some(asked != named(zone.ds.iter().map(|ds| (ds.tag, ds.algorithm))));
        }
        Ok(())
    }

    async fn apex(&mut self, zone: &Arc<Zone>, code: u16) -> Result<Option<RrSet>, Fault> {
        match self.fetch.get(&zone.name, code).await {
            Ok(message) => Ok(message.sections.answer(&zone.name, code).cloned()),
            Err(WalkEnd::Validation(validation)) => {
                self.evidence.note(validation.why);
                Ok(None)
            }
            Err(WalkEnd::Fault(fault)) => Err(fault),
        }
    }
}

fn read<T>(set: Option<&RrSet>, one: fn(&[u8]) -> Option<T>) -> Vec<T> {
    set.iter().flat_map(|set| set.data.iter().filter_map(|data| one(data))).collect()
}

fn named(all: impl Iterator<Item = (u16, u8)>) -> NamedKeys {
    all.collect()
}

fn tags(all: &NamedKeys) -> String {
    some(&all.iter().map(|(tag, _)| tag.to_string()).collect::<Vec<_>>(), 8)
}

/// The fourth of the five numbers that end SOA data.
fn expire(data: &[u8]) -> Option<u32> {
    let at = data.len().checked_sub(8)?;
    Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?))
}
