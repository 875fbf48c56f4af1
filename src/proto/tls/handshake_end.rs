//! How a handshake ends, and how errors of its socket are sorted into that.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::counting_stream::TlsStream;
use super::error_words::{ClassifiedError, LARGER, sort};
use crate::model::{Fault, human_time};
use crate::net::Origin;
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

/// How far a handshake came before an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeProgress {
    /// Not to a `ServerHello`: it need not be TLS.
    Nothing,
    /// To the `ServerHello`.
    ServerHello,
    /// To the certificate, or beyond.
    Certificate,
}

/// The operation of a fault that ends a handshake.
pub const HANDSHAKE: &str = "complete the TLS handshake";

impl<S> HandshakeEnd<S> {
    /// How it ended early, as one sentence about `peer`; `None` when it was completed. `reached` is the last thing the server
    /// said, `about` whose certificate an alert is about, `timeout` how long silence was waited for.
    #[must_use]
    pub fn sentence(
        &self,
        peer: SocketAddr,
        reached: Option<&str>,
        about: Option<&str>,
        timeout: Duration,
    ) -> Option<String> {
        let last = reached.unwrap_or("the ClientHello");
        let about = about.map(|whose| format!(" ({whose})")).unwrap_or_default();
        Some(match self {
            Self::Completed(_) => return None,
            Self::Timeout if reached.is_none() => {
                format!("{peer} accepted the connection, but sent no ServerHello within {}", human_time(timeout))
            }
            Self::Timeout => {
                format!("{peer} did not finish the TLS handshake within {}: silence after {last}", human_time(timeout))
            }
            Self::Reset => format!("{peer} reset the connection in the TLS handshake, after {last}"),
            Self::Closed => format!("{peer} closed the connection in the TLS handshake, after {last}"),
            Self::Unreachable(why) => format!("{peer} cannot be reached since {last}: {why}"),
            Self::NotTls(why) => format!("{peer} does not speak TLS: it answered with {why}"),
            Self::Alert(alert) => match alert.strip_prefix("sent (").and_then(|why| why.strip_suffix(')')) {
                Some(why) => format!("the TLS handshake with {peer} was ended by this side: {why}"),
                None => format!("{peer} ended the TLS handshake with alert {alert}{about}"),
            },
        })
    }
}

impl HandshakeEnd {
    /// Sorts an error of the handshake, or of a read or write after it. `Err` is a fault of this side.
    pub fn classify(error: &io::Error, seen: HandshakeProgress, peer: SocketAddr) -> Result<Self, Fault> {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::classify_tls(tls, seen, peer);
        }
        if error.kind() == io::ErrorKind::UnexpectedEof || error.raw_os_error().is_none() {
            return Ok(Self::Closed);
        }
        ConnectError::classify(error, HANDSHAKE, peer, Origin::default()).map(|error| match error {
            ConnectError::Timeout => Self::Timeout,
            ConnectError::Unreachable(why) => Self::Unreachable(why),
            ConnectError::Refused | ConnectError::RefusedBy(_) | ConnectError::Reset => Self::Reset,
        })
    }

    fn classify_tls(error: &rustls::Error, seen: HandshakeProgress, peer: SocketAddr) -> Result<Self, Fault> {
        match sort(error) {
            ClassifiedError::Alert(name) => Ok(Self::Alert(name)),
            ClassifiedError::Garbled(why) if seen != HandshakeProgress::Certificate => Ok(Self::NotTls(why)),
            // What is no TLS may well read as a very long message.
            ClassifiedError::TooLarge(_) if seen == HandshakeProgress::Nothing => {
                Ok(Self::NotTls("a message of more than 64 KiB".to_owned()))
            }
            ClassifiedError::TooLarge(why) => Err(Fault::local(HANDSHAKE, peer.to_string(), why, LARGER)),
            ClassifiedError::Ours(why, remedy) => Err(Fault::local(HANDSHAKE, peer.to_string(), why, remedy)),
            // The server spoke TLS, but not as it must: this side ended it with an alert of its own.
            ClassifiedError::Garbled(why) | ClassifiedError::Broken(why) => Ok(Self::Alert(format!("sent ({why})"))),
        }
    }
}
