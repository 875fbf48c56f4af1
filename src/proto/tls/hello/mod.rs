//! TLS hellos without cryptography: what a client may offer, written byte by byte, and what a server answers before
//! anything is encrypted, read with limits.
//!
//! TLS 1.3 with an empty `key_share` makes a server name version, suite and group in a `HelloRetryRequest` (RFC 8446, 4.1.4 and
//! 4.2.8). Up to TLS 1.2 the whole first flight is in clear: `ServerHello`, certificates, the group or the size of the
//! Diffie-Hellman parameters. So one short exchange shows what a server chooses of a list, for versions and suites that no
//! current library speaks any more.

mod ask;
mod client;
mod group;
mod parser;
mod server;
mod suite;
mod version;

pub use ask::{HelloAnswer, SendMode, ask};
pub use client::{Hello, SCHEMES};
pub use group::{GROUPS, Group, group_name, group_named, groups};
pub use parser::{Parser, ParserState};
pub use server::{Alert, Flight, KeyExchange, ServerHello};
pub use suite::{Auth, Exchange, Suite, suite, suite_name, suites};
pub use version::Version;

#[cfg(test)]
mod tests;
