//! For the fuzzer: a client that has sent its first packet, and a server that may send anything. Initial packets are sealed by keys that
//! everybody can compute (RFC 9001, 5.2), so what stands in them comes through.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use hyper::body::Bytes;
use quinn::EndpointConfig;
use quinn_proto::{Connection, ConnectionHandle, DatagramEvent, Endpoint};
use rustls::Side;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};

use super::config;
use crate::proto::quic::logging_session::ServerHelloLog;
use crate::proto::tls::{HandshakeLog, Offer, Roots, Trust, server_name, versions};

/// The server.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 443);
/// Connection id of the server.
const ID: [u8; 4] = [1, 2, 3, 4];
/// Flags of a long header: an Initial packet with four bytes of packet number.
const INITIAL: u8 = 0xc3;

/// Packets of a server: each with a byte of form and its length in two bytes before it. An odd form is sealed as an Initial packet, an
/// even one is sent as it is, behind the client's own connection id where it has room for one.
pub fn packets(bytes: &[u8]) {
    let now = Instant::now();
    let Some(mut client) = Client::new(now) else { return };
    let mut rest = bytes;
    let mut number = 0;
    while let [form, high, low, after @ ..] = rest {
        let length = (usize::from(*high) << 8 | usize::from(*low)).min(after.len());
        let (data, more) = after.split_at(length);
        rest = more;
        let datagram = if form & 1 == 1 { client.sealed(number, data) } else { client.addressed(data) };
        number += 1;
        let Some(datagram) = datagram else { return };
        client.receive(now, datagram);
    }
    let _ = client.log.choice();
}

struct Client {
    endpoint: Endpoint,
    handle: ConnectionHandle,
    connection: Connection,
    log: ServerHelloLog,
    keys: Keys,
    /// The connection id that the client chose.
    id: Vec<u8>,
}

impl Client {
    fn new(now: Instant) -> Option<Self> {
        static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust::new(Roots::Webpki, None));
        let credentials = TRUST.load().now_or_never()?.ok()?;
        let name = server_name("x.test")?;
        let (sni, alpn) = (Some(name.clone()), vec!["h3".to_owned()]);
        let offer = Offer { sni, verify_name: name, alpn, versions: versions(None, None) };
        let (handshake, log) = (HandshakeLog::default(), ServerHelloLog::default());
        let config = config(credentials, &offer, &handshake, &log, PEER, Duration::from_secs(1)).ok()?;
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None, false, Some([7; 32]));
        let (handle, mut connection) = endpoint.connect(now, config, PEER, "x.test").ok()?;
        let mut first = Vec::new();
        let _ = connection.poll_transmit(now, 1, &mut first)?;
        // Flags, version, then both connection ids with their lengths (RFC 9000, 17.2).
        let (to, after) = id(first.get(5..)?)?;
        let (own, _) = id(after)?;
        let suite = TLS13_AES_128_GCM_SHA256.tls13()?.quic_suite()?;
        let keys = suite.keys(to, Side::Server, Version::V1);
        Some(Self { endpoint, handle, connection, log, keys, id: own.to_vec() })
    }

    /// An Initial packet with `frames`.
    fn sealed(&self, number: u32, frames: &[u8]) -> Option<Vec<u8>> {
        let mut packet = vec![INITIAL, 0, 0, 0, 1, u8::try_from(self.id.len()).ok()?];
        packet.extend(&self.id);
        packet.extend([&[ID.len() as u8][..], &ID, &[0]].concat());
        let length = 4 + frames.len() + self.keys.local.packet.tag_len();
        packet.extend((u16::try_from(length).ok()? | 0x4000).to_be_bytes());
        packet.extend(number.to_be_bytes());
        let mut payload = frames.to_vec();
        let tag = self.keys.local.packet.encrypt_in_place(number.into(), &packet, &mut payload).ok()?;
        payload.extend(tag.as_ref());
        let (head, protected) = packet.split_last_chunk_mut::<4>()?;
        let sample = payload.get(..self.keys.local.header.sample_len())?;
        self.keys.local.header.encrypt_in_place(sample, head.first_mut()?, protected).ok()?;
        packet.extend(payload);
        Some(packet)
    }

    fn addressed(&self, data: &[u8]) -> Option<Vec<u8>> {
        let mut packet = data.to_vec();
        if let Some(place) = packet.get_mut(6..6 + self.id.len()) {
            place.copy_from_slice(&self.id);
        }
        Some(packet)
    }

    fn receive(&mut self, now: Instant, datagram: Vec<u8>) {
        let event = self.endpoint.handle(now, PEER, None, None, Bytes::from(datagram).into(), &mut Vec::new());
        if let Some(DatagramEvent::ConnectionEvent(_, event)) = event {
            self.connection.handle_event(event);
        }
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        while self.connection.poll().is_some() {}
        let _ = self.connection.poll_transmit(now, 1, &mut Vec::new());
    }
}

/// A connection id with its length before it, and what follows.
fn id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}
