//! Servers of a zone on loopback that are sound, but for the defect a test gives them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

pub(super) use super::quirk::Quirk;
use super::referral::{addresses, delegate};
use crate::lab::Tasks;

/// A server's records and quirks; both may change while it runs.
#[derive(Clone, Default)]
pub(super) struct Script(Arc<Mutex<(Vec<Record>, BTreeSet<Quirk>)>>, Arc<Mutex<Vec<String>>>);

impl Script {
    pub(super) fn new(zone: &str, quirks: &[Quirk]) -> Self {
        let script = Self::default();
        script.load(zone);
        script.0.lock().unwrap().1 = quirks.iter().copied().collect();
        script
    }

    /// Replaces the records.
    pub(super) fn load(&self, zone: &str) {
        self.0.lock().unwrap().0 = zone.lines().filter(|line| !line.trim().is_empty()).map(record).collect();
    }

    /// Replaces the quirks.
    pub(super) fn behave(&self, quirks: &[Quirk]) {
        self.0.lock().unwrap().1 = quirks.iter().copied().collect();
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.0.lock().unwrap().1.contains(&quirk)
    }

    fn records(&self) -> Vec<Record> {
        self.0.lock().unwrap().0.clone()
    }

    /// Names it was asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

/// `name ttl type data`
fn record(line: &str) -> Record {
    let words: Vec<&str> = line.trim().splitn(4, ' ').collect();
    let [name, ttl, kind, data] = words.as_slice() else { panic!("{line}") };
    if let Some(code) = kind.strip_prefix("TYPE") {
        // Data in hexadecimal.
        let bytes = (0..data.len()).step_by(2).map(|at| u8::from_str_radix(&data[at..at + 2], 16).unwrap()).collect();
        let code = RecordType::from(code.parse::<u16>().unwrap());
        let data = RData::Unknown { code, rdata: NULL::with(bytes) };
        return Record::from_rdata(name.parse().unwrap(), ttl.parse().unwrap(), data);
    }
    let kind: RecordType = kind.parse().unwrap();
    Record::from_rdata(name.parse().unwrap(), ttl.parse().unwrap(), RData::try_from_str(kind, data).unwrap())
}

/// A server on `address`, with the port of the system's choice when it is 0.
pub(super) async fn serve(address: IpAddr, port: u16, script: &Script) -> Option<(SocketAddr, Tasks)> {
    let listener = TcpListener::bind((address, port)).await.ok()?;
    let bound = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(bound).await.ok()?;
    let other = UdpSocket::bind((address, 0)).await.unwrap();
    let mut tasks = Tasks::default();
    let own = script.clone();
    tasks.spawn(async move {
        let mut buffer = [0_u8; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let Some(reply) = own.reply(&buffer[..length], true) else { continue };
            let from = if own.has(Quirk::OtherSource) { &other } else { &socket };
            let _ = from.send_to(&reply, client).await;
        }
    });
    let own = script.clone();
    tasks.spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            if own.has(Quirk::Silent) || own.has(Quirk::MuteTcp) {
                kept.push(stream);
            } else {
                tokio::spawn(stream_of(stream, own.clone()));
            }
        }
    });
    Some((bound, tasks))
}

async fn stream_of(mut stream: TcpStream, script: Script) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0_u8; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let asked = Message::from_vec(&query).unwrap();
        if asked.queries[0].query_type() == RecordType::AXFR {
            transfer(&mut stream, &script, &asked).await;
            return;
        }
        let Some(reply) = script.reply(&query, false) else { continue };
        if stream.write_all(&framed(&reply)).await.is_err() {
            return;
        }
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(message);
    bytes
}

async fn transfer(stream: &mut TcpStream, script: &Script, query: &Message) {
    let records = script.records();
    let (soa, rest): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|record| record.record_type() == RecordType::SOA);
    let message = |records: Vec<Record>, question: bool| {
        let mut reply = response(query);
        if !question {
            reply.queries.clear();
        }
        reply.insert_answers(records);
        framed(&reply.to_vec().unwrap())
    };
    let all = || soa.iter().chain(&rest).chain(&soa).cloned().collect::<Vec<_>>();
    if script.has(Quirk::AxfrMute) {
        let _ = stream.read_u8().await;
    } else if script.has(Quirk::Axfr) {
        let _ = stream.write_all(&message(all(), true)).await;
    } else if script.has(Quirk::AxfrPieces) {
        for (number, record) in all().into_iter().enumerate() {
            let _ = stream.write_all(&message(vec![record], number == 0)).await;
        }
    } else if script.has(Quirk::AxfrEndless) {
        let _ = stream.write_all(&message(soa.clone(), true)).await;
        let many = message(rest.iter().cycle().take(500).cloned().collect(), false);
        while stream.write_all(&many).await.is_ok() {}
    } else if script.has(Quirk::AxfrDrips) {
        for byte in message(all(), true).into_iter().cycle() {
            // The drip itself.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if stream.write_u8(byte).await.is_err() {
                return;
            }
        }
    } else if script.has(Quirk::AxfrCut) {
        let begun: Vec<Record> = soa.iter().chain(&rest).cloned().collect();
        let _ = stream.write_all(&message(begun, true)).await;
    } else if !script.has(Quirk::AxfrCloses) {
        let mut reply = response(query);
        reply.metadata.response_code = ResponseCode::Refused;
        let _ = stream.write_all(&framed(&reply.to_vec().unwrap())).await;
    }
}

fn response(query: &Message) -> Message {
    let mut reply = Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.add_queries(query.queries.clone());
    reply
}

impl Script {
    fn reply(&self, bytes: &[u8], datagram: bool) -> Option<Vec<u8>> {
        let (opcode, flags) = (bytes[2] & 0x78, bytes[3]);
        let silent = flags & 0x10 != 0 && self.has(Quirk::DropsCd);
        if opcode != 0 && !self.has(Quirk::AnyOpcode) && !self.has(Quirk::Silent) {
            let mut refusal = bytes[..12].to_vec();
            refusal[2] |= 0x80;
            refusal[3] = 4;
            refusal[4..12].fill(0);
            return Some(refusal);
        }
        let mut plain = bytes.to_vec();
        plain[2] &= !0x78;
        let mut reply = if silent { None } else { self.reply_to_query(&plain, flags, datagram) }?;
        reply[2] |= opcode;
        if self.has(Quirk::EchoesZ) {
            reply[3] |= flags & 0x40;
        }
        Some(reply)
    }

    fn reply_to_query(&self, query: &[u8], flags: u8, datagram: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).unwrap();
        let asked = query.queries[0].clone();
        self.1.lock().unwrap().push(asked.name().to_string());
        let mut reply = response(&query);
        let options = query.edns.as_ref().is_some_and(|edns| edns.options().as_ref().iter().len() > 0);
        if self.has(Quirk::Silent) || (options && self.has(Quirk::DropsOption)) {
            return None;
        }
        if self.has(Quirk::LowerCase) {
            reply.queries[0].set_name(asked.name().to_lowercase());
        }
        if query.edns.is_some() && self.has(Quirk::DropsEdns) {
            return None;
        }
        if (query.edns.is_some() && self.has(Quirk::Formerr)) || (flags & 0x20 != 0 && self.has(Quirk::RefusesAd)) {
            reply.metadata.response_code = ResponseCode::FormErr;
            return Some(reply.to_vec().unwrap());
        }
        if query.edns.is_some() && self.has(Quirk::FormerrWithOpt) {
            reply.metadata.response_code = ResponseCode::FormErr;
            reply.set_edns(Edns::new());
            return Some(reply.to_vec().unwrap());
        }
        let declines = [
            (Quirk::RefusesPlain, query.edns.is_none(), ResponseCode::Refused),
            (Quirk::NotimpPlain, query.edns.is_none(), ResponseCode::NotImp),
            (Quirk::RefusesDnskey, asked.query_type() == RecordType::DNSKEY, ResponseCode::Refused),
            (Quirk::NotimpDnskey, asked.query_type() == RecordType::DNSKEY, ResponseCode::NotImp),
        ];
        if let Some((.., code)) = declines.into_iter().find(|(quirk, asked, _)| *asked && self.has(*quirk)) {
            reply.metadata.response_code = code;
            return Some(reply.to_vec().unwrap());
        }
        let fails = [
            (Quirk::FailsAaaa, RecordType::AAAA),
            (Quirk::FailsDs, RecordType::DS),
            (Quirk::FailsDnskey, RecordType::DNSKEY),
        ];
        let fails = fails.iter().any(|(quirk, kind)| self.has(*quirk) && asked.query_type() == *kind);
        let part = (query.edns.is_none() && self.has(Quirk::FailsPlain))
            || (asked.query_type() == RecordType::DNSKEY
                && self.has(if datagram { Quirk::FailsLargeUdp } else { Quirk::FailsLargeTcp }));
        if self.has(Quirk::Failing) || fails || part {
            reply.metadata.response_code = ResponseCode::ServFail;
            return Some(reply.to_vec().unwrap());
        }
        self.edns(&query, &mut reply);
        if reply.metadata.response_code == ResponseCode::NoError {
            self.answer(asked.name(), asked.query_type(), asked.query_class(), &mut reply);
        }
        let other = !datagram && self.has(Quirk::OtherOverTcp);
        if other || self.has(Quirk::Empty) {
            reply.answers.clear();
        }
        Some(self.cut(&query, reply, datagram))
    }

    fn edns(&self, query: &Message, reply: &mut Message) {
        let Some(wish) = query.edns.as_ref().filter(|_| !self.has(Quirk::NoOpt)) else { return };
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_version(0);
        if wish.version() > 0 && !self.has(Quirk::AnyVersion) {
            edns.set_rcode_high(1);
            reply.metadata.response_code = ResponseCode::BADVERS;
        }
        if self.has(Quirk::EchoesFlag) {
            edns.flags_mut().z = wish.flags().z;
        }
        for (code, option) in wish.options().as_ref() {
            if self.has(Quirk::EchoesOption) {
                edns.options_mut().insert(option.clone());
            }
            if u16::from(*code) == 3 && self.has(Quirk::Nsid) {
                edns.options_mut().insert(EdnsOption::Unknown(3, b"lab".to_vec()));
            }
        }
        reply.set_edns(edns);
    }

    fn cut(&self, query: &Message, mut reply: Message, datagram: bool) -> Vec<u8> {
        let whole = reply.to_vec().unwrap();
        let limit = usize::from(query.edns.as_ref().map_or(512, Edns::max_payload));
        let fits = whole.len() <= limit && !self.has(Quirk::AlwaysTc);
        if !datagram || fits || self.has(Quirk::Oversized) {
            return whole;
        }
        reply.metadata.truncation = !self.has(Quirk::CutsSilently);
        reply.answers.truncate(1);
        if reply.to_vec().unwrap().len() > limit {
            reply.answers.clear();
        }
        reply.to_vec().unwrap()
    }

    fn answer(&self, name: &Name, kind: RecordType, class: DNSClass, reply: &mut Message) {
        let records = self.records();
        if class == DNSClass::CH {
            if self.has(Quirk::Version) {
                let mut record = record("version.bind. 0 TXT \"Lab 1.0\"");
                record.dns_class = DNSClass::CH;
                reply.add_answer(record);
            } else {
                reply.metadata.response_code = ResponseCode::Refused;
            }
            return;
        }
        let soa = records.iter().find(|record| record.record_type() == RecordType::SOA).cloned();
        let inside = soa.as_ref().is_some_and(|soa| soa.name.zone_of(name));
        if self.has(Quirk::Parent) {
            return delegate(&records, name, kind, reply);
        }
        if self.has(Quirk::Refuses) || (!inside && !self.has(Quirk::Resolver)) {
            return self.outside(name, reply);
        }
        let www = name.iter().next() == Some(b"www") && self.has(Quirk::NoAuthorityOfWww);
        reply.metadata.authoritative = !www && !self.has(Quirk::NoAuthority) && !self.has(Quirk::Resolver);
        reply.metadata.recursion_available = self.has(Quirk::Resolver);
        let same = |record: &&Record, name: &Name| {
            if self.has(Quirk::CaseSensitive) { record.name.eq_case(name) } else { record.name == *name }
        };
        let mut at = name.clone();
        for _ in 0..8 {
            let own: Vec<&Record> = records.iter().filter(|record| same(record, &at)).collect();
            reply.add_answers(own.iter().filter(|record| record.record_type() == kind).map(|record| (*record).clone()));
            let alias = own.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if kind != RecordType::CNAME => Some(((*record).clone(), target.0.clone())),
                _ => None,
            });
            let Some((link, target)) = alias else { break };
            reply.add_answer(link);
            at = target;
        }
        if kind == RecordType::NS && !self.has(Quirk::Resolver) {
            reply.add_additionals(addresses(&records, &reply.answers.clone()));
        }
        let wild = records.iter().filter(|record| record.name.is_wildcard() && record.record_type() == kind);
        let exists = records.iter().any(|record| same(&record, &at));
        let below = records.iter().any(|record| at.zone_of(&record.name)) && !self.has(Quirk::NoEmptyNames);
        if !exists && !below {
            for wild in wild.filter(|record| record.name.base_name().zone_of(&at)) {
                reply.add_answer(Record::from_rdata(at.clone(), wild.ttl, wild.data.clone()));
            }
        }
        if !reply.answers.iter().any(|record| record.record_type() == kind) {
            let here = soa.as_ref().is_some_and(|soa| soa.name.zone_of(&at));
            let absent = !exists && !below && here;
            let private = u16::from(kind) >= 65_280;
            if (absent && self.has(Quirk::FailsAbsent)) || (private && self.has(Quirk::FailsPrivate)) {
                reply.metadata.response_code = ResponseCode::ServFail;
                return;
            }
            if absent {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            if let Some(soa) = soa.filter(|_| !self.has(Quirk::BareDenial) && here) {
                let RData::SOA(data) = &soa.data else { unreachable!() };
                let ttl = if self.has(Quirk::LongDenial) { soa.ttl } else { soa.ttl.min(data.minimum) };
                reply.add_authority(Record::from_rdata(soa.name, ttl, soa.data));
            }
        }
    }

    fn outside(&self, name: &Name, reply: &mut Message) {
        if self.has(Quirk::Open) {
            reply.metadata.recursion_available = true;
            reply.add_answer(record(&format!("{name} 60 A 192.0.2.77")));
        } else if self.has(Quirk::OpenFailing) {
            reply.metadata.recursion_available = true;
            reply.metadata.response_code = ResponseCode::ServFail;
        } else if self.has(Quirk::Upward) {
            reply.add_authority(record(". 518400 NS a.root-servers.net."));
        } else {
            reply.metadata.response_code = ResponseCode::Refused;
        }
    }
}
