//! Chains of certificates, written field by field, with true signatures.

use rcgen::{KeyPair, PublicKeyData, SigningKey};

pub const KEY_USAGE: &str = "2.5.29.15";
pub const SAN: &str = "2.5.29.17";
pub const BASIC: &str = "2.5.29.19";
pub const CONSTRAINTS: &str = "2.5.29.30";
pub const EKU: &str = "2.5.29.37";
pub const SERVER: &str = "1.3.6.1.5.5.7.3.1";
pub const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
pub const ANY: &str = "2.5.29.37.0";
/// The name of the leaf, unless a case says otherwise.
pub const NAME: &str = "www.chain.test";
const DAY: i64 = 86_400;

pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(u8::try_from(short).unwrap()),
        long => {
            let bytes: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap());
            out.extend(bytes);
        }
    }
    out.extend(content);
    out
}

pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    seq(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub fn oid(dotted: &str) -> Vec<u8> {
    let numbers: Vec<u64> = dotted.split('.').map(|part| part.parse().unwrap()).collect();
    let mut out = Vec::new();
    for number in std::iter::once(numbers[0] * 40 + numbers[1]).chain(numbers[2..].iter().copied()) {
        let mut septets = vec![(number & 0x7f) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            septets.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        out.extend(septets.into_iter().rev());
    }
    tlv(0x06, &[&out])
}

pub fn integer(bytes: &[u8]) -> Vec<u8> {
    tlv(0x02, &[bytes])
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes])
}

/// A distinguished name of a common name in UTF-8; empty for none.
pub fn name(common: &str) -> Vec<u8> {
    name_in(0x0c, common)
}

/// The same in a string of another type.
pub fn name_in(tag: u8, common: &str) -> Vec<u8> {
    if common.is_empty() {
        return seq(&[]);
    }
    seq(&[&tlv(0x31, &[&seq(&[&oid("2.5.4.3"), &tlv(tag, &[common.as_bytes()])])])])
}

/// General names: DNS, mail, URI, address, directory, registered identifier.
pub fn dns(text: &str) -> Vec<u8> {
    tlv(0x82, &[text.as_bytes()])
}

pub fn mail(text: &str) -> Vec<u8> {
    tlv(0x81, &[text.as_bytes()])
}

pub fn uri(text: &str) -> Vec<u8> {
    tlv(0x86, &[text.as_bytes()])
}

pub fn ip(bytes: &[u8]) -> Vec<u8> {
    tlv(0x87, &[bytes])
}

pub fn directory(common: &str) -> Vec<u8> {
    tlv(0xa4, &[&name(common)])
}

pub fn registered(dotted: &str) -> Vec<u8> {
    tlv(0x88, &[&oid(dotted)[2..]])
}

/// Key usage from its first byte: 0x80 digitalSignature, 0x20 keyEncipherment, 0x08 keyAgreement, 0x04 keyCertSign, 0x02 cRLSign.
pub fn usage(first: u8) -> Vec<u8> {
    tlv(0x03, &[&[u8::try_from(first.trailing_zeros()).unwrap(), first]])
}

/// Basic constraints of an authority.
pub fn ca(path_length: Option<u8>) -> Vec<u8> {
    let flag = [1, 1, 0xff];
    path_length.map_or_else(|| seq(&[&flag]), |most| seq(&[&flag, &integer(&[most])]))
}

pub fn purposes(oids: &[&str]) -> Vec<u8> {
    all(&oids.iter().map(|dotted| oid(dotted)).collect::<Vec<_>>())
}

/// Name constraints: permitted and excluded subtrees.
pub fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let part = |tag: u8, bases: &[Vec<u8>]| {
        let subtrees: Vec<u8> = bases.iter().flat_map(|base| seq(&[base])).collect();
        if bases.is_empty() { Vec::new() } else { tlv(tag, &[&subtrees]) }
    };
    seq(&[&part(0xa0, permitted), &part(0xa1, excluded)])
}

/// One certificate.
#[derive(Clone)]
pub struct Spec {
    pub version: u8,
    pub serial: Vec<u8>,
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    /// First and last second, counted from now.
    pub dates: (i64, i64),
    pub extensions: Vec<(String, bool, Vec<u8>)>,
    /// The algorithm named within what is signed; that of the signature when absent.
    pub inner: Option<Vec<u8>>,
    /// The signature is spoiled.
    pub tampered: bool,
    key: Option<Vec<u8>>,
}

impl Spec {
    fn leaf() -> Self {
        let mut leaf = Self::bare("leaf", "intermediate");
        leaf.dates = (-DAY, 60 * DAY);
        leaf.with(KEY_USAGE, true, usage(0x80)).with(EKU, false, purposes(&[SERVER])).san(&[dns(NAME)]);
        leaf
    }

    /// An authority.
    pub fn authority(subject: &str, issuer: &str) -> Self {
        let mut authority = Self::bare(subject, issuer);
        authority.with(KEY_USAGE, true, usage(0x06)).with(BASIC, true, ca(None));
        authority
    }

    fn bare(subject: &str, issuer: &str) -> Self {
        let serial = subject.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let serial = [&[0x10][..], &serial.to_be_bytes()].concat();
        let dates = (-400 * DAY, 4000 * DAY);
        Self {
            version: 2,
            serial,
            issuer: name(issuer),
            subject: name(subject),
            dates,
            extensions: Vec::new(),
            inner: None,
            tampered: false,
            key: None,
        }
    }

    pub fn without(&mut self, extension: &str) -> &mut Self {
        self.extensions.retain(|(known, ..)| known != extension);
        self
    }

    pub fn with(&mut self, extension: &str, critical: bool, value: Vec<u8>) -> &mut Self {
        self.without(extension);
        self.extensions.push((extension.to_owned(), critical, value));
        self
    }

    /// An extension, unless the case has one of its kind.
    fn default(&mut self, extension: &str, value: Vec<u8>) {
        if !self.extensions.iter().any(|(known, ..)| known == extension) {
            self.extensions.push((extension.to_owned(), false, value));
        }
    }

    pub fn san(&mut self, names: &[Vec<u8>]) -> &mut Self {
        self.with(SAN, false, all(names))
    }

    /// Valid between two days counted from today.
    pub fn days(&mut self, from: i64, until: i64) {
        self.dates = (from * DAY, until * DAY);
    }

    fn der(&self, signer: &KeyPair, now: i64) -> Vec<u8> {
        let algorithm = algorithm(signer);
        let mut extensions = Vec::new();
        for (id, critical, value) in &self.extensions {
            let flag: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
            extensions.extend(seq(&[&oid(id), flag, &tlv(0x04, &[value])]));
        }
        let extensions =
            if self.version == 2 && !extensions.is_empty() { tlv(0xa3, &[&seq(&[&extensions])]) } else { Vec::new() };
        let version = if self.version == 0 { Vec::new() } else { tlv(0xa0, &[&integer(&[self.version])]) };
        let body = seq(&[
            &version,
            &integer(&self.serial),
            self.inner.as_ref().unwrap_or(&algorithm),
            &self.issuer,
            &seq(&[&time(now + self.dates.0), &time(now + self.dates.1)]),
            &self.subject,
            self.key.as_ref().unwrap(),
            &extensions,
        ]);
        let mut signature = signer.sign(&body).unwrap();
        if self.tampered {
            let last = signature.len() - 1;
            signature[last] ^= 1;
        }
        seq(&[&body, &algorithm, &bits(&signature)])
    }
}

fn algorithm(key: &KeyPair) -> Vec<u8> {
    let dotted = match key.subject_public_key_info().len() {
        91 => "1.2.840.10045.4.3.2",
        120 => "1.2.840.10045.4.3.3",
        _ => "1.3.101.112",
    };
    seq(&[&oid(dotted)])
}

fn time(seconds: i64) -> Vec<u8> {
    let text = jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y%m%d%H%M%SZ").to_string();
    if text.as_str() < "2050" { tlv(0x17, &[&text.as_bytes()[2..]]) } else { tlv(0x18, &[text.as_bytes()]) }
}

/// A chain before it is signed.
#[derive(Clone)]
pub struct Draft {
    pub leaf: Spec,
    /// From the leaf upwards; each is signed by the next, the last by the root.
    pub between: Vec<Spec>,
    pub root: Spec,
    /// Order in which those between are sent; all, in their order, when absent.
    pub sent: Option<Vec<usize>>,
    /// The root is sent as well.
    pub root_sent: bool,
    /// Trusted instead of the root.
    pub trusted: Trusted,
    /// Whom the client wants.
    pub wanted: String,
    /// Kind of all keys.
    pub keys: &'static rcgen::SignatureAlgorithm,
}

/// See [`Draft::trusted`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    Root,
    Leaf,
    Intermediate,
    Stranger,
}

/// A chain, signed.
pub struct Chain {
    /// As sent, leaf first.
    pub sent: Vec<Vec<u8>>,
    pub trusted: Vec<u8>,
    pub key: KeyPair,
}

impl Draft {
    pub fn new() -> Self {
        Self {
            leaf: Spec::leaf(),
            between: vec![Spec::authority("intermediate", "root")],
            root: Spec::authority("root", "root"),
            sent: None,
            root_sent: false,
            trusted: Trusted::Root,
            wanted: NAME.to_owned(),
            keys: &rcgen::PKCS_ECDSA_P256_SHA256,
        }
    }

    /// The only one between.
    pub fn intermediate(&mut self) -> &mut Spec {
        &mut self.between[0]
    }

    /// So many between, `c1` next to the leaf.
    pub fn depth(&mut self, count: usize) {
        let called = |at: usize| if at > count { "root".to_owned() } else { format!("c{at}") };
        self.between = (1..=count).map(|at| Spec::authority(&called(at), &called(at + 1))).collect();
        self.leaf.issuer = name(&called(1));
    }

    pub fn signed(&self) -> Chain {
        let now = jiff::Timestamp::now().as_second();
        let generate = || KeyPair::generate_for(self.keys).unwrap();
        let mut specs = vec![self.leaf.clone()];
        specs.extend(self.between.iter().cloned());
        specs.push(self.root.clone());
        let mut keys: Vec<KeyPair> = specs.iter().map(|_| generate()).collect();
        for (spec, key) in specs.iter_mut().zip(&keys) {
            spec.key = Some(key.subject_public_key_info());
        }
        let last = specs.len() - 1;
        // Without identifiers of keys OpenSSL takes the first issuer that has the name.
        let ids: Vec<Vec<u8>> = keys.iter().map(|key| key.subject_public_key_info()[24..44].to_vec()).collect();
        for (at, spec) in specs.iter_mut().enumerate() {
            spec.default("2.5.29.14", tlv(0x04, &[&ids[at]]));
            spec.default("2.5.29.35", seq(&[&tlv(0x80, &[&ids[(at + 1).min(last)]])]));
        }
        let ders: Vec<Vec<u8>> =
            specs.iter().enumerate().map(|(at, spec)| spec.der(&keys[(at + 1).min(last)], now)).collect();
        let order = self.sent.clone().unwrap_or_else(|| (0..self.between.len()).collect());
        let mut sent = vec![ders[0].clone()];
        sent.extend(order.iter().map(|at| ders[at + 1].clone()));
        if self.root_sent {
            sent.push(ders[last].clone());
        }
        let trusted = match self.trusted {
            Trusted::Root => ders[last].clone(),
            Trusted::Leaf => ders[0].clone(),
            Trusted::Intermediate => ders[1].clone(),
            Trusted::Stranger => {
                let (mut stranger, key) = (Spec::authority("stranger", "stranger"), generate());
                stranger.key = Some(key.subject_public_key_info());
                stranger.der(&key, now)
            }
        };
        Chain { sent, trusted, key: keys.swap_remove(0) }
    }
}
