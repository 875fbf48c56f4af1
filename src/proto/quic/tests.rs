//! No name out of the libraries' source code reaches a person.

use hyper::body::Bytes;
use quinn::{ApplicationClose, ConnectionClose, ConnectionError, TransportErrorCode, VarInt};
use quinn_proto::TransportError;
use rustls::{Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use super::classify_end;
use crate::proto::tls::{HandshakeEnd, offered};
use crate::testing::is_plain;

/// What is said of a connection that ended so.
fn reason_for(error: &ConnectionError) -> String {
    let (end, why) = classify_end(error);
    let end = match end {
        HandshakeEnd::Alert(text) | HandshakeEnd::NotTls(text) | HandshakeEnd::Unreachable(text) => text,
        HandshakeEnd::Completed(_) => panic!("it ended"),
        HandshakeEnd::Timeout | HandshakeEnd::Reset | HandshakeEnd::Closed => "ended".to_owned(),
    };
    format!("{end} {}", why.unwrap_or_default())
}

/// Every code that has a name, alerts of TLS, and one that nobody knows.
fn codes() -> Vec<TransportErrorCode> {
    use TransportErrorCode as C;
    let mut codes = vec![
        C::NO_ERROR,
        C::INTERNAL_ERROR,
        C::CONNECTION_REFUSED,
        C::FLOW_CONTROL_ERROR,
        C::STREAM_LIMIT_ERROR,
        C::STREAM_STATE_ERROR,
        C::FINAL_SIZE_ERROR,
        C::FRAME_ENCODING_ERROR,
        C::TRANSPORT_PARAMETER_ERROR,
        C::CONNECTION_ID_LIMIT_ERROR,
        C::PROTOCOL_VIOLATION,
        C::INVALID_TOKEN,
        C::APPLICATION_ERROR,
        C::CRYPTO_BUFFER_EXCEEDED,
        C::KEY_UPDATE_ERROR,
        C::AEAD_LIMIT_REACHED,
        C::NO_VIABLE_PATH,
    ];
    codes.extend((0..=255).map(C::crypto));
    codes
}

#[test]
fn no_end_of_a_connection_is_told_in_the_librarys_own_names() {
    let of_tls = [
        Error::PeerMisbehaved(PeerMisbehaved::MissingQuicTransportParameters),
        Error::InvalidMessage(InvalidMessage::UnexpectedMessage("ClientHello")),
        Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic),
        Error::InappropriateMessage { expect_types: Vec::new(), got_type: rustls::ContentType::Handshake },
    ];
    let mut reasons: Vec<String> = of_tls.iter().map(ToString::to_string).collect();
    reasons.extend(of_tls.iter().map(|error| format!("TLS error: {error}")));
    reasons.extend([String::new(), "illegal packet in this state".to_owned()]);
    let mut ends = vec![
        ConnectionError::VersionMismatch,
        ConnectionError::Reset,
        ConnectionError::TimedOut,
        ConnectionError::LocallyClosed,
        ConnectionError::CidsExhausted,
    ];
    for code in codes() {
        for reason in &reasons {
            ends.push(ConnectionError::TransportError(TransportError { code, frame: None, reason: reason.clone() }));
        }
        for reason in [Bytes::new(), Bytes::from_static(b"in words")] {
            ends.push(ConnectionError::ConnectionClosed(ConnectionClose {
                error_code: code,
                frame_type: None,
                reason,
            }));
        }
    }
    for reason in [Bytes::new(), Bytes::from_static(b"in words")] {
        let error_code = VarInt::from_u32(0x10c);
        ends.push(ConnectionError::ApplicationClosed(ApplicationClose { error_code, reason }));
    }
    for end in &ends {
        let text = reason_for(end);
        // The names of frames and fields are those of RFC 9000; the peer's own words stand between quotes.
        let own = text.replace(&offered(), "").replace("IDs", "ids").replace("\"in words\"", "");
        assert!(is_plain(&own) && !text.contains("()"), "{end:?}: {text}");
    }
}
