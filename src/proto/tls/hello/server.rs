//! The clear text of a server: its hello, its certificates, the parameters of the key exchange, an alert.

use super::{Version, suite};

/// The random of a `ServerHello` that is a `HelloRetryRequest` (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// An alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(pub u8);

impl Alert {
    /// As RFC 8446 and its predecessors spell it: `handshake_failure`.
    #[must_use]
    pub fn word(self) -> String {
        crate::proto::tls::iana_names::alert(rustls::AlertDescription::from(self.0))
    }
}

/// A `ServerHello` or a `HelloRetryRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version chosen.
    pub version: Version,
    /// The suite chosen.
    pub suite: u16,
    /// The compression chosen; 0 is none.
    pub compression: u8,
    /// It asks for another hello, with a share for `group`.
    pub retry: bool,
    /// Group of TLS 1.3.
    pub group: Option<u16>,
    /// Application protocol, unchecked text.
    pub alpn: Option<String>,
    /// Extensions answered, by number.
    pub extensions: Vec<u16>,
}

/// The key exchange of TLS 1.2 and before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// A named curve.
    Group(u16),
    /// A finite field with a prime of so many bits.
    Field(u32),
    /// Something else: explicit curves, a key for export, SRP.
    Other,
}

/// The messages of a server's first flight, as far as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// The server's hello.
    pub hello: Option<ServerHello>,
    /// Certificates, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// Parameters of the key exchange.
    pub exchange: Option<KeyExchange>,
    /// It asks for a client certificate.
    pub asks_certificate: bool,
    /// Everything that comes in clear was there.
    pub complete: bool,
    /// It chose, and then gave up.
    pub alert: Option<Alert>,
}

impl Flight {
    /// The group agreed on, in whatever version.
    #[must_use]
    pub fn group(&self) -> Option<u16> {
        match (self.hello.as_ref().and_then(|hello| hello.group), self.exchange) {
            (Some(group), _) | (None, Some(KeyExchange::Group(group))) => Some(group),
            _ => None,
        }
    }

    /// Neither a group, nor the end of the flight, nor an alert came.
    #[must_use]
    pub fn cut_short(&self) -> bool {
        self.group().is_none() && !self.complete && self.alert.is_none()
    }

    /// Takes one handshake message. `Err` says why it is none.
    pub(super) fn take(&mut self, kind: u8, body: &[u8]) -> Result<(), &'static str> {
        match (kind, &self.hello) {
            (0 | 4 | 22, _) => {}
            (2, None) => {
                let hello = server_hello(body).ok_or("a malformed ServerHello")?;
                self.complete = hello.version == Version::Tls13;
                self.hello = Some(hello);
            }
            (_, None) => return Err("a handshake that does not begin with ServerHello"),
            (11, Some(_)) => self.chain = certificates(body).ok_or("a malformed certificate message")?,
            (12, Some(hello)) => self.exchange = Some(key_exchange(hello.suite, body)),
            (13, Some(_)) => self.asks_certificate = true,
            (14, Some(_)) => self.complete = true,
            _ => return Err("a handshake message out of order"),
        }
        Ok(())
    }
}

/// Bytes that are read from the front, never beyond the end.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn vector8(&mut self) -> Option<&'b [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    fn vector16(&mut self) -> Option<&'b [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn vector24(&mut self) -> Option<&'b [u8]> {
        let [a, b, c] = <[u8; 3]>::try_from(self.take(3)?).ok()?;
        self.take(usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c))
    }
}

fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut bytes = Bytes(body);
    let mut version = Version::of(bytes.u16()?)?;
    let random = bytes.take(32)?;
    let session = bytes.vector8()?;
    let (suite, compression) = (bytes.u16()?, bytes.u8()?);
    if session.len() > 32 {
        return None;
    }
    let mut hello = ServerHello {
        version,
        suite,
        compression,
        retry: random == RETRY,
        group: None,
        alpn: None,
        extensions: Vec::new(),
    };
    let mut extensions = if bytes.0.is_empty() { Bytes(&[]) } else { Bytes(bytes.vector16()?) };
    while !extensions.0.is_empty() {
        let (kind, body) = (extensions.u16()?, extensions.vector16()?);
        // Two of a kind are forbidden, so there are no more than a few dozen.
        if hello.extensions.contains(&kind) || hello.extensions.len() >= 64 {
            return None;
        }
        hello.extensions.push(kind);
        match kind {
            43 => version = Version::of(Bytes(body).u16()?)?,
            51 => hello.group = Some(Bytes(body).u16()?),
            16 => {
                let mut list = Bytes(Bytes(body).vector16()?);
                hello.alpn = Some(crate::net::bytes::readable(list.vector8()?));
            }
            _ => {}
        }
    }
    hello.version = version;
    // A group belongs to TLS 1.3 only, and a request to try again does too.
    (version == Version::Tls13 || !(hello.retry || hello.group.is_some())).then_some(hello)
}

fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut list = Bytes(Bytes(body).vector24()?);
    let mut chain = Vec::new();
    while !list.0.is_empty() {
        let certificate = list.vector24()?;
        chain.push(certificate.to_vec());
    }
    Some(chain)
}

fn key_exchange(number: u16, body: &[u8]) -> KeyExchange {
    use super::Exchange;
    let mut bytes = Bytes(body);
    let Some(suite) = suite(number) else { return KeyExchange::Other };
    if suite.is_psk() && bytes.vector16().is_none() {
        return KeyExchange::Other;
    }
    let exchange = match suite.exchange() {
        Exchange::Ecdhe => match bytes.u8() {
            // named_curve (RFC 8422, 5.4).
            Some(3) => bytes.u16().map(KeyExchange::Group),
            _ => None,
        },
        Exchange::Dhe => bytes.vector16().map(|prime| KeyExchange::Field(bits(prime))),
        _ => None,
    };
    exchange.unwrap_or(KeyExchange::Other)
}

/// Significant bits of a big-endian number.
fn bits(number: &[u8]) -> u32 {
    let mut rest = number;
    while let [0, more @ ..] = rest {
        rest = more;
    }
    let whole = u32::try_from(rest.len()).unwrap_or(u32::MAX).saturating_mul(8);
    whole - rest.first().map_or(0, |byte| byte.leading_zeros())
}
