//! TLS as a client that looks before it trusts: the handshake goes on even when the certificate does not verify, so the
//! facts of the certificate, the chain and the session are there exactly when somebody needs them.
//!
//! The stack is named here and nowhere else: rustls with the aws-lc-rs provider, given explicitly, never the process
//! default, so that another library in the process cannot change what is offered.

mod authority;
mod beyond_offer;
pub mod certificate;
pub mod certificate_probe;
mod chain_summary;
pub(in crate::proto) mod client_config;
mod counting_stream;
pub mod crl;
pub(in crate::proto) mod error_words;
mod handshake;
mod handshake_end;
mod handshake_log;
pub mod hello;
pub(in crate::proto) mod iana_names;
mod key_kind;
pub mod lint;
mod load_client;
pub mod name_text;
pub mod ocsp;
pub mod openssl_names;
mod path;
pub mod profile;
mod resuming_client;
mod session_store;
mod signed;
pub(crate) mod spelling;
pub mod starttls;
#[cfg(test)]
pub(crate) mod tests;
mod trust;
mod unit_key;
mod validation;
mod verification;
mod verifier;

use std::sync::{Arc, LazyLock};

pub use beyond_offer::{Open, beyond_offer};
pub use chain_summary::ChainSummary;
pub use client_config::{Offer, server_name, versions};
pub use counting_stream::TlsStream;
pub use error_words::offered;
pub use handshake::{Handshake, Session, handshake, handshake_requesting};
pub use handshake_end::{HANDSHAKE, HandshakeEnd, HandshakeProgress};
pub(in crate::proto) use handshake_log::HandshakeLog;
pub use key_kind::{KeyKind, RequestedKey};
pub use load_client::{LoadClient, LoadClients, LoadStream, await_ticket, resumed};
pub use path::{Issuer, Path, Paths, Root};
pub use resuming_client::ResumingClient;
use rustls::crypto::CryptoProvider;
pub use signed::pin;
pub use trust::{Credentials, Roots, Trust, draw_randomness};
#[cfg(feature = "fuzzing")]
pub use validation::fuzz_path;

/// The cryptography every handshake of this program uses.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

/// The wall clock in seconds since 1970. Expiry is a date, so lengths of time cannot answer for it; this is the one
/// place a check may ask what day it is, and it is never used to measure how long something took.
#[must_use]
pub fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
