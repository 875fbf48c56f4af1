//! HTTP/1.1 and HTTP/2 as a client: an exchange from the name to the body, step by step, and small files by plain GET.

pub mod charset;
mod client;
pub mod coding;
mod connection;
mod error;
pub mod fetch;
mod outgoing;
mod stream_end;

pub use client::{Body, Limits, Response, Version, send};
pub use connection::{CertificateNames, HttpServer, Observer, Phase, UNSENT, UNVERIFIED, VersionChoice, exchange};
pub use error::{ExchangeError, FailureKind, NoResponse};
pub use outgoing::{ContinueSignal, Go, Outgoing};
