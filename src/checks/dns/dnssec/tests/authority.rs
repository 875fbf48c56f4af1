//! A zone that is signed in the test, and a server that says exactly what the test wants.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use crate::lab::Tasks;
use crate::proto::dns::types;
use crate::proto::dnssec::Key;

/// A name of labels without escapes, on the wire.
pub(in crate::checks::dns) fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// Records of one owner and type, and their signatures.
#[derive(Clone)]
pub(in crate::checks::dns) struct Records {
    pub(in crate::checks::dns) owner: String,
    pub(in crate::checks::dns) kind: u16,
    pub(in crate::checks::dns) data: Vec<Vec<u8>>,
    pub(in crate::checks::dns) signatures: Vec<Vec<u8>>,
}

pub(in crate::checks::dns) fn records(owner: &str, kind: u16, data: &[Vec<u8>]) -> Records {
    Records { owner: owner.to_owned(), kind, data: data.to_vec(), signatures: Vec::new() }
}

/// A key of a zone, on ECDSA P-256.
pub(in crate::checks::dns) struct Signer {
    pub(in crate::checks::dns) zone: String,
    pair: KeyPair,
    flags: u16,
    /// Second from and until which it signs.
    pub(in crate::checks::dns) window: (u32, u32),
    /// Number of the algorithm it claims.
    pub(in crate::checks::dns) algorithm: u8,
}

pub(in crate::checks::dns) const DAY: u32 = 86_400;

/// The wall clock, as the validator reads it.
pub(in crate::checks::dns) fn now() -> u32 {
    super::super::anchors::now()
}

impl Signer {
    pub(in crate::checks::dns) fn new(zone: &str, flags: u16) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let window = (now() - DAY, now() + 7 * DAY);
        Self { zone: zone.to_owned(), pair, flags, window, algorithm: 13 }
    }

    pub(in crate::checks::dns) fn dnskey(&self) -> Vec<u8> {
        let mut data = self.flags.to_be_bytes().to_vec();
        data.extend([3, self.algorithm]);
        // The library writes the point with its form octet.
        data.extend(&self.pair.public_key_raw()[1..]);
        data
    }

    pub(in crate::checks::dns) fn tag(&self) -> u16 {
        Key::read(&self.dnskey()).unwrap().tag
    }

    /// DS data with SHA-256.
    pub(in crate::checks::dns) fn ds(&self) -> Vec<u8> {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest([name(&self.zone), self.dnskey()].concat());
        let mut data = self.tag().to_be_bytes().to_vec();
        data.extend([self.algorithm, 2]);
        data.extend(digest);
        data
    }

    /// `zone DS …` as a suite writes it.
    pub(in crate::checks::dns) fn anchor(&self) -> String {
        let ds = self.ds();
        format!("{} DS {} {} 2 {}", self.zone, self.tag(), self.algorithm, crate::net::bytes::hex(&ds[4..]))
    }

    pub(in crate::checks::dns) fn signed(&self, records: Records) -> Records {
        let owner = records.owner.clone();
        let labels = owner.split('.').filter(|label| !label.is_empty() && *label != "*").count();
        self.signed_as(records, &owner, labels)
    }

    /// Signs under another owner: the wildcard that `records` were made of.
    pub(in crate::checks::dns) fn signed_as(&self, mut records: Records, owner: &str, labels: usize) -> Records {
        let mut data = records.kind.to_be_bytes().to_vec();
        data.extend([self.algorithm, u8::try_from(labels).unwrap()]);
        data.extend(300_u32.to_be_bytes());
        data.extend(self.window.1.to_be_bytes());
        data.extend(self.window.0.to_be_bytes());
        data.extend(self.tag().to_be_bytes());
        data.extend(name(&self.zone));
        let mut signed = data.clone();
        let mut sorted = records.data.clone();
        sorted.sort();
        for one in sorted {
            signed.extend(record(owner, records.kind, &one));
        }
        data.extend(raw(&self.pair.sign(&signed).unwrap()));
        records.signatures.push(data);
        records
    }
}

/// A record on the wire.
fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut wire = name(owner);
    wire.extend(kind.to_be_bytes());
    wire.extend([0, 1]);
    wire.extend(300_u32.to_be_bytes());
    wire.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    wire.extend(data);
    wire
}

/// The two numbers of a DER signature, each in 32 bytes.
fn raw(der: &[u8]) -> Vec<u8> {
    let (mut rest, mut out) = (&der[2..], Vec::new());
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let count = &rest[2..2 + length];
        let digits = &count[count.len().saturating_sub(32)..];
        out.extend(vec![0; 32 - digits.len()]);
        out.extend(digits);
        rest = &rest[2 + length..];
    }
    out
}

/// Answer of the server to one question.
#[derive(Clone, Default)]
pub(in crate::checks::dns) struct Reply {
    pub(in crate::checks::dns) rcode: u8,
    /// Only over TCP; UDP says it was cut short.
    pub(in crate::checks::dns) large: bool,
    /// Nothing at all.
    pub(in crate::checks::dns) silent: bool,
    /// Nothing to a query with EDNS.
    pub(in crate::checks::dns) drops_edns: bool,
    /// Bytes after header and question, instead of records: one answer is announced.
    pub(in crate::checks::dns) raw: Option<Vec<u8>>,
    /// Without AA.
    pub(in crate::checks::dns) referred: bool,
    pub(in crate::checks::dns) answers: Vec<Records>,
    pub(in crate::checks::dns) authority: Vec<Records>,
}

/// Replies by name and type; what is not there is refused.
#[derive(Clone, Default)]
pub(in crate::checks::dns) struct World {
    replies: HashMap<(Vec<u8>, u16), Reply>,
    /// To everything else, in place of a refusal.
    pub(in crate::checks::dns) otherwise: Option<Reply>,
}

impl World {
    pub(in crate::checks::dns) fn put(&mut self, owner: &str, kind: u16, reply: Reply) {
        self.replies.insert((name(owner), kind), reply);
    }

    pub(in crate::checks::dns) fn answer(&mut self, set: Records) {
        let owner = set.owner.clone();
        let kind = set.kind;
        self.put(&owner, kind, Reply { answers: vec![set], ..Reply::default() });
    }

    pub(in crate::checks::dns) fn reply(&mut self, owner: &str, kind: u16) -> &mut Reply {
        self.replies.get_mut(&(name(owner), kind)).unwrap()
    }

    fn message(&self, query: &[u8], udp: bool) -> Option<Vec<u8>> {
        let end = query[12..].iter().position(|byte| *byte == 0)? + 17;
        let asked = query[12..end - 4].to_ascii_lowercase();
        let code = u16::from_be_bytes([query[end - 4], query[end - 3]]);
        let refused = Reply { rcode: 5, ..Reply::default() };
        let reply = self.replies.get(&(asked, code)).or(self.otherwise.as_ref()).unwrap_or(&refused);
        if reply.silent || (reply.drops_edns && query[11] > 0) {
            return None;
        }
        let cut = udp && reply.large;
        let aa = if reply.referred { 0 } else { 4 };
        let mut out = vec![query[0], query[1], 0x80 | aa | if cut { 2 } else { 0 }, reply.rcode, 0, 1];
        let body = |sets: &[Records]| {
            let mut all = Vec::new();
            for set in sets {
                all.extend(set.data.iter().map(|data| record(&set.owner, set.kind, data)));
                all.extend(set.signatures.iter().map(|data| record(&set.owner, types::RRSIG, data)));
            }
            all
        };
        let (answers, authority) =
            if cut { (Vec::new(), Vec::new()) } else { (body(&reply.answers), body(&reply.authority)) };
        let count = answers.len() + usize::from(reply.raw.is_some());
        out.extend(u16::try_from(count).unwrap().to_be_bytes());
        out.extend(u16::try_from(authority.len()).unwrap().to_be_bytes());
        out.extend([0, 0]);
        out.extend(&query[12..end]);
        out.extend(reply.raw.iter().flatten());
        out.extend(answers.concat());
        out.extend(authority.concat());
        Some(out)
    }

    /// Serves it until the tasks are dropped.
    pub(in crate::checks::dns) async fn serve(self) -> (SocketAddr, Tasks) {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let (address, world, mut tasks) = (udp.local_addr().unwrap(), Arc::new(self), Tasks::default());
        let other = world.clone();
        tasks.spawn(async move {
            let mut buffer = [0_u8; 4096];
            while let Ok((length, client)) = udp.recv_from(&mut buffer).await {
                if let Some(message) = world.message(&buffer[..length], true) {
                    udp.send_to(&message, client).await.unwrap();
                }
            }
        });
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut query = vec![0_u8; usize::from(length)];
                stream.read_exact(&mut query).await.unwrap();
                let message = other.message(&query, false).unwrap();
                stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
                stream.write_all(&message).await.unwrap();
            }
        });
        (address, tasks)
    }
}
