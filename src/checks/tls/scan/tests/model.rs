//! A server that is only its answers: what it takes is known, so what a scan says of it can be held against that.

use std::collections::BTreeMap;

use crate::proto::tls::hello::{Auth, Exchange, Version, suite};

/// A peculiarity of a model server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Refuses lists of more than this with `handshake_failure`.
    ShortLists(usize),
    /// Reads only so many suites.
    ReadsFirst(usize),
    /// Chooses this when it takes nothing on offer.
    Unlisted(u16),
    /// Resets every nth connection.
    ResetsEvery(u32),
    /// Stops answering after so many connections, in this way.
    Stops(u32, End),
    /// Closes on these connections.
    Pauses(u32, u32),
    /// Says nothing instead of refusing.
    SilentRefusals,
    /// Closes instead of refusing.
    ClosesOnRefusal,
    /// Does not know how to ask for a key share.
    NeedsShares,
    /// Resets when this suite is on offer.
    StumblesOver(u16),
    /// Takes no hello in two segments, or above this size.
    SmallHellos(usize),
    /// Speaks something else.
    Garbage,
}

/// How a connection may end without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Reset,
    Close,
    Silence,
    Alert(u8),
}

/// Reaction of the server to a hello.
#[derive(Clone, Debug)]
pub enum Back {
    Bytes(Vec<u8>),
    End(End),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Model {
    pub takes: BTreeMap<Version, Vec<u16>>,
    pub groups: Vec<u16>,
    pub prefers: bool,
    /// Leaves shown by sort of key.
    pub rsa: Vec<u8>,
    pub ecdsa: Vec<u8>,
    /// The ECDSA key's curve must be among the groups of the client.
    pub bound: Option<u16>,
    pub prime: usize,
    pub deflates: bool,
    pub renegotiation: bool,
    pub minds_fallback: bool,
    pub quirk: Option<Quirk>,
    pub connections: u32,
}

/// Parts of a hello that a server reads.
struct Read {
    version: Version,
    suites: Vec<u16>,
    groups: Vec<u16>,
    key_shares: bool,
    deflate: bool,
}

impl Model {
    pub fn new(takes: &[(Version, &[u16])]) -> Self {
        Self {
            takes: takes.iter().map(|(version, suites)| (*version, suites.to_vec())).collect(),
            groups: vec![0x001d, 0x0017],
            prefers: true,
            rsa: b"rsa leaf".to_vec(),
            ecdsa: b"ecdsa leaf".to_vec(),
            bound: None,
            prime: 2048,
            deflates: false,
            renegotiation: true,
            minds_fallback: true,
            quirk: None,
            connections: 0,
        }
    }

    pub fn with(quirk: Quirk, takes: &[(Version, &[u16])]) -> Self {
        Self { quirk: Some(quirk), ..Self::new(takes) }
    }

    /// Answers the hello in these records.
    pub fn answer(&mut self, hello: &[u8], halves: bool) -> Back {
        self.connections += 1;
        match self.quirk {
            Some(Quirk::ResetsEvery(n)) if self.connections.is_multiple_of(n) => return Back::End(End::Reset),
            Some(Quirk::Stops(n, end)) if self.connections > n => return Self::end(end),
            Some(Quirk::Pauses(from, to)) if (from..to).contains(&self.connections) => return Back::End(End::Close),
            Some(Quirk::SmallHellos(most)) if halves || hello.len() > most => return Back::End(End::Silence),
            Some(Quirk::Garbage) => return Back::Bytes(b"220 mail.example ESMTP\r\n".to_vec()),
            _ => {}
        }
        let mut read = read(hello).expect("a hello of our own");
        match self.quirk {
            Some(Quirk::ShortLists(most)) if read.suites.len() > most => return Self::end(End::Alert(40)),
            Some(Quirk::ReadsFirst(most)) => read.suites.truncate(most),
            Some(Quirk::StumblesOver(suite)) if read.suites.contains(&suite) => return Back::End(End::Reset),
            Some(Quirk::NeedsShares) if read.version == Version::Tls13 && !read.key_shares => {
                return Self::end(End::Alert(40));
            }
            _ => {}
        }
        self.choose(&read)
    }

    fn end(end: End) -> Back {
        match end {
            End::Alert(alert) => Back::Bytes(record(21, &[2, alert])),
            other => Back::End(other),
        }
    }

    fn refuse(&self, alert: u8) -> Back {
        match self.quirk {
            Some(Quirk::SilentRefusals) => Back::End(End::Silence),
            Some(Quirk::ClosesOnRefusal) => Back::End(End::Close),
            _ => Self::end(End::Alert(alert)),
        }
    }

    fn choose(&self, read: &Read) -> Back {
        let Some(takes) = self.takes.get(&read.version) else { return self.refuse(70) };
        let newest = self.takes.keys().next_back();
        if self.minds_fallback && read.suites.contains(&0x5600) && newest > Some(&read.version) {
            return Self::end(End::Alert(86));
        }
        let first = |wanted: &[u16], on_offer: &[u16], fits: &dyn Fn(u16) -> bool| {
            wanted.iter().copied().find(|number| on_offer.contains(number) && fits(*number))
        };
        let free = read.version == Version::Ssl3;
        let shared = |number: u16| self.groups.contains(&number);
        let any_group = free || read.groups.iter().any(|number| shared(*number));
        let fits = |number: u16| {
            let suite = suite(number).unwrap();
            let curve = matches!(suite.exchange(), Exchange::Ecdhe | Exchange::Any);
            let bound = suite.auth() == Auth::Ecdsa && self.bound.is_some_and(|group| !read.groups.contains(&group));
            (!curve || any_group) && !bound
        };
        let chosen = if self.prefers { first(takes, &read.suites, &fits) } else { first(&read.suites, takes, &fits) };
        let chosen = chosen.or(match self.quirk {
            Some(Quirk::Unlisted(suite)) => Some(suite),
            _ => None,
        });
        let Some(chosen) = chosen else { return self.refuse(40) };
        let group = if self.prefers {
            first(&self.groups, &read.groups, &|_| true)
        } else {
            first(&read.groups, &self.groups, &|_| true)
        };
        Back::Bytes(self.flight(read, chosen, group.unwrap_or(0x0017)))
    }

    fn flight(&self, read: &Read, chosen: u16, group: u16) -> Vec<u8> {
        let mut extensions = Vec::new();
        let mut random = [9; 32];
        if read.version == Version::Tls13 {
            extensions.extend([0, 43, 0, 2, 3, 4, 0, 51, 0, 2]);
            extensions.extend(group.to_be_bytes());
            random = RETRY;
        } else if self.renegotiation {
            extensions.extend([0xff, 1, 0, 1, 0]);
        }
        let compression = u8::from(self.deflates && read.deflate);
        let legacy = read.version.min(Version::Tls12).number();
        let hello =
            [&legacy.to_be_bytes()[..], &random, &[0], &chosen.to_be_bytes(), &[compression], &vector(&extensions)]
                .concat();
        let mut out = message(2, &hello);
        if read.version == Version::Tls13 {
            return record(22, &out);
        }
        let suite = suite(chosen).unwrap();
        let leaf = if suite.auth() == Auth::Ecdsa { &self.ecdsa } else { &self.rsa };
        if suite.auth() != Auth::Anonymous {
            let certificate = [&[0][..], &vector(leaf)].concat();
            out.extend(message(11, &[&[0][..], &vector(&certificate)].concat()));
        }
        match suite.exchange() {
            Exchange::Ecdhe => out.extend(message(12, &[&[3][..], &group.to_be_bytes(), &[1, 4]].concat())),
            Exchange::Dhe => {
                out.extend(message(12, &[vector(&vec![0xff; self.prime / 8]), vector(&[2]), vector(&[3])].concat()));
            }
            _ => {}
        }
        out.extend(message(14, &[]));
        out.chunks(1000).flat_map(|part| record(22, part)).collect()
    }
}

const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

fn vector(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &vector(body)].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &vector(content)].concat()
}

/// Length of the hello in these bytes, once its header is there.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(3..5)?;
    Some(5 + usize::from(u16::from_be_bytes(header.try_into().unwrap())))
}

fn read(bytes: &[u8]) -> Option<Read> {
    let mut rest = bytes.get(9..)?;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count)?;
        rest = tail;
        Some(head)
    };
    let number = |bytes: &[u8]| usize::from(u16::from_be_bytes(bytes.try_into().unwrap()));
    let numbers = |bytes: &[u8]| bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect::<Vec<_>>();
    let mut version = Version::of(u16::from_be_bytes(take(2)?.try_into().unwrap()))?;
    take(32)?;
    let session = take(1)?[0];
    take(session.into())?;
    let length = number(take(2)?);
    let suites = numbers(take(length)?);
    let length = take(1)?[0];
    let deflate = take(length.into())?.contains(&1);
    let mut out = Read { version, suites, groups: Vec::new(), key_shares: false, deflate };
    let Some(length) = take(2).map(number) else { return Some(out) };
    let mut rest = take(length)?;
    while let [a, b, c, d, more @ ..] = rest {
        let (body, after) = more.split_at_checked(number(&[*c, *d]))?;
        rest = after;
        match number(&[*a, *b]) {
            43 => version = Version::of(u16::from_be_bytes(body[1..3].try_into().unwrap()))?,
            10 => out.groups = numbers(&body[2..]),
            51 => out.key_shares = body.len() > 2,
            _ => {}
        }
    }
    out.version = version;
    Some(out)
}
