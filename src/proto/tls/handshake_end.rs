//! How a handshake ends, and how errors of its socket are sorted into that.

use std::io;
use std::net::SocketAddr;

use super::counting_stream::TlsStream;
use super::iana_names;
use crate::model::Fault;
use crate::net::dial::ConnectError;

/// How a handshake ended; `S` is the connection it leaves behind, over TCP or QUIC.
#[derive(Debug)]
pub enum HandshakeEnd<S = TlsStream> {
    /// Completed. Whether the certificate verified is another question: see [`Handshake::verified`](super::Handshake::verified).
    Completed(Box<S>),
    /// Silence.
    Timeout,
    /// RST.
    Reset,
    /// FIN in the middle.
    Closed,
    /// An ICMP error in the middle.
    Unreachable(String),
    /// The answer is not TLS; what it was instead.
    NotTls(String),
    /// A fatal alert, from the server (its name) or from this side (`sent (why)`).
    Alert(String),
}

impl HandshakeEnd {
    /// Sorts an error of the handshake, or of a read or write after it. `Err` is a fault of this side.
    pub fn classify(error: &io::Error, before_certificate: bool, peer: SocketAddr) -> Result<Self, Fault> {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::classify_tls(tls, before_certificate, peer);
        }
        if error.kind() == io::ErrorKind::UnexpectedEof || error.raw_os_error().is_none() {
            return Ok(Self::Closed);
        }
        ConnectError::classify(error, "TLS handshake", peer).map(|error| match error {
            ConnectError::Timeout => Self::Timeout,
            ConnectError::Unreachable(why) => Self::Unreachable(why),
            ConnectError::Refused | ConnectError::Reset => Self::Reset,
        })
    }

    fn classify_tls(error: &rustls::Error, before_certificate: bool, peer: SocketAddr) -> Result<Self, Fault> {
        match error {
            rustls::Error::AlertReceived(alert) => Ok(Self::Alert(iana_names::alert(*alert))),
            rustls::Error::InvalidMessage(why) if before_certificate => Ok(Self::NotTls(format!("{why:?}"))),
            rustls::Error::FailedToGetCurrentTime | rustls::Error::FailedToGetRandomBytes => Err(Fault::local(
                "TLS handshake",
                peer.to_string(),
                error.to_string(),
                "check this machine's clock and its source of randomness",
            )),
            // The server spoke TLS, but not as it must, or nothing in common: this side ended it with an alert of its own.
            other => Ok(Self::Alert(format!("sent ({other})"))),
        }
    }
}
