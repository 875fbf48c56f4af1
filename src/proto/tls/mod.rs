//! TLS as a client that looks before it trusts: the handshake goes on even when the certificate does not verify, so the
//! facts of the certificate, the chain and the session are there exactly when somebody needs them.
//!
//! The stack is named here and nowhere else: rustls with the aws-lc-rs provider, given explicitly, never the process
//! default, so that another library in the process cannot change what is offered.

mod authority;
pub mod certificate;
mod counted;
pub mod crl;
mod ending;
mod handshake;
pub mod hello;
mod kind;
pub mod lint;
pub mod ocsp;
mod path;
pub mod profile;
mod recorder;
mod returning;
pub mod served;
mod shown;
mod signed;
pub mod starttls;
mod strict;
#[cfg(test)]
pub(crate) mod tests;
mod trust;
mod unit_key;
pub(in crate::proto) mod words;

use std::sync::{Arc, LazyLock};

pub use ending::{End, end_of};
pub(in crate::proto) use handshake::config;
pub use handshake::{Handshake, Offer, Session, TlsStream, handshake, handshake_asking, server_name, versions};
pub use kind::{Asked, KeyKind};
pub use path::{Issuer, Path, Root};
pub(in crate::proto) use recorder::Notebook;
pub use returning::Returning;
use rustls::crypto::CryptoProvider;
pub use shown::Shown;
pub use signed::pin;
pub use strict::{Strict, Swift, SwiftStream, resumed, ticket};
pub use trust::{Loaded, Roots, Trust};

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
