//! HTTP/1.1, HTTP/2 and HTTP/3 as a client: an exchange from the name to the body, step by step, and small files by plain GET.

pub mod charset;
mod client;
pub mod coding;
mod connection;
pub mod cookie;
mod dial;
mod error;
pub mod fetch;
mod http3;
pub mod http3_error;
mod kept;
mod outgoing;
mod over_quic;
pub mod proxy;
pub mod request_head;
mod stream_end;

pub use client::{Body, Response, ResponseLimits, Version, send};
pub use connection::{CertificateNames, HttpServer, Observer, Phase, UNSENT, UNVERIFIED, VersionChoice, exchange};
pub use error::{ExchangeError, FailureKind, NoResponse};
pub use kept::KeptConnections;
pub use outgoing::{ContinueSignal, ContinueState, Outgoing};
