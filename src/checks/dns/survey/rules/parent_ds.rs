//! DS records of a zone, at a server of its parent.

use std::collections::BTreeSet;

use hickory_proto::rr::Name;

use crate::checks::dns::dnssec;
use crate::checks::dns::survey::querier::Querier;
use crate::checks::dns::survey::records;
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};
use crate::proto::dnssec::read;

/// The DS records one server of the parent gives.
pub(in crate::checks::dns::survey) enum ParentDs {
    /// Their data; nothing for a zone that is delegated unsigned.
    Known(BTreeSet<Vec<u8>>),
    /// It has the zone and not the parent: it cannot say.
    NotParent,
    /// It gave no answer that says it, and why.
    Unknown(String),
}

/// Asks one server of the parent.
pub(in crate::checks::dns::survey) async fn ask(querier: &mut Querier<'_>, zone: &Name) -> Result<ParentDs, Fault> {
    let result = querier.ask(&Question::own(zone.clone(), types::DS)).await?;
    Ok(result
        .reply
        .map_or_else(|| ParentDs::Unknown(format!("{} to DS", result.outcome)), |reply| read_ds(&reply, zone)))
}

fn read_ds(reply: &Reply, zone: &Name) -> ParentDs {
    if reply.truncated() {
        return ParentDs::Unknown("its DS records came truncated".to_owned());
    }
    if reply.rcode != rcode::NOERROR {
        return ParentDs::Unknown(format!("{} to DS", rcode::text(reply.rcode)));
    }
    let name = dnssec::for_validator(zone);
    let set = read(&reply.bytes).zip(name).and_then(|(sections, name)| sections.answer(&name, types::DS).cloned());
    if let Some(set) = set {
        return ParentDs::Known(set.data.into_iter().collect());
    }
    let soa = reply.authority.iter().find(|record| record.code == types::SOA);
    let referred = !reply.has("aa") && !records::ns_names(&reply.authority, zone).is_empty();
    match soa {
        Some(soa) if reply.has("aa") && soa.owner.eq_ignore_root(zone) => ParentDs::NotParent,
        _ if reply.has("aa") || referred => ParentDs::Known(BTreeSet::new()),
        _ => ParentDs::Unknown("neither DS nor a denial of them".to_owned()),
    }
}
