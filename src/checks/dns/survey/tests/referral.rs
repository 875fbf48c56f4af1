//! Referrals of the servers of the lab.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Addresses of the servers that NS records name.
pub(super) fn addresses(records: &[Record], ns: &[Record]) -> Vec<Record> {
    let named = |record: &&Record| ns.iter().any(|ns| matches!(&ns.data, RData::NS(target) if target.0 == record.name));
    records.iter().filter(named).cloned().collect()
}

/// The delegation of the closest name that has NS records, with the addresses of its servers.
pub(super) fn delegate(records: &[Record], name: &Name, kind: RecordType, reply: &mut Message) {
    let cut = records.iter().any(|record| record.record_type() == RecordType::NS && record.name == *name);
    if cut && kind == RecordType::DS {
        let own = records.iter().filter(|record| record.record_type() == kind && record.name == *name);
        reply.metadata.authoritative = true;
        reply.add_answers(own.cloned());
        let soa = records.iter().filter(|record| record.record_type() == RecordType::SOA && reply.answers.is_empty());
        reply.add_authorities(soa.cloned().collect::<Vec<_>>());
        return;
    }
    let ns: Vec<&Record> =
        records.iter().filter(|record| record.record_type() == RecordType::NS && record.name.zone_of(name)).collect();
    let ns: Vec<Record> = ns.into_iter().cloned().collect();
    reply.add_additionals(addresses(records, &ns));
    reply.add_authorities(ns.iter().cloned());
    if ns.is_empty() {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
}
