//! The TLS session of a QUIC connection, which keeps the first message of the server.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use quinn::ConnectError;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::crypto::{ClientConfig, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, Session};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError};

use super::server_hello::{self, Choice};

/// The first message of the server, kept until it can be read.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerHelloLog(Arc<Mutex<Received>>);

#[derive(Debug, Default)]
struct Received {
    stream: Vec<u8>,
    choice: Option<Choice>,
}

impl ServerHelloLog {
    /// The choice of the server, once it made one.
    pub(super) fn choice(&self) -> Option<Choice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).choice
    }

    fn append(&self, part: &[u8]) {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if received.choice.is_some() || received.stream.len() + part.len() > server_hello::MOST {
            return;
        }
        received.stream.extend_from_slice(part);
        received.choice = server_hello::read(&received.stream);
        if received.choice.is_some() {
            received.stream = Vec::new();
        }
    }
}

/// Makes sessions of rustls, each with the log.
pub(super) struct LoggingConfig {
    pub(super) config: Arc<QuicClientConfig>,
    pub(super) hello_log: ServerHelloLog,
}

impl ClientConfig for LoggingConfig {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let session = self.config.clone().start_session(version, server_name, params)?;
        Ok(Box::new(LoggingSession { session, hello_log: self.hello_log.clone() }))
    }
}

struct LoggingSession {
    session: Box<dyn Session>,
    hello_log: ServerHelloLog,
}

impl Session for LoggingSession {
    fn read_handshake(&mut self, part: &[u8]) -> Result<bool, TransportError> {
        self.hello_log.append(part);
        self.session.read_handshake(part)
    }

    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.session.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.session.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.session.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.session.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.session.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.session.transport_parameters()
    }

    fn write_handshake(&mut self, buffer: &mut Vec<u8>) -> Option<Keys> {
        self.session.write_handshake(buffer)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.session.next_1rtt_keys()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.session.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.session.export_keying_material(output, label, context)
    }
}
