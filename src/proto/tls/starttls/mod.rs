//! From plain text to TLS: the words of each protocol that come before the ClientHello.
//!
//! The words of a server before TLS may come from anybody on the way, so nothing of them is trusted beyond "go ahead", and
//! nothing of them outlives the upgrade. Every dialog is bounded in bytes and in time, reads exactly to the end of the go-ahead
//! and never beyond, sends no credentials, and says nothing between its request and the ClientHello. Bytes that are
//! there before the ClientHello was sent are an injection (Poddebniak et al., "Why TLS Is Better Without STARTTLS", 2021).

mod dialog;
mod ftp;
mod imap;
mod ldap;
mod mysql;
mod nntp;
mod pop3;
mod postgres;
mod reply;
mod sieve;
mod smtp;
#[cfg(test)]
mod tests;
mod xmpp;

use std::fmt;
use std::time::Duration;

use dialog::{Dialog, DialogError};
use futures_util::FutureExt as _;
use tokio::net::TcpStream;

use crate::model::Fault;
use crate::net::deadline;

macro_rules! protocols {
    ($($variant:ident $word:literal $port:literal $negotiate:path, $doc:literal;)+) => {
        /// A protocol that begins in plain text and can go on in TLS.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Protocol {
            $(#[doc = $doc] $variant,)+
        }

        impl Protocol {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their words in suites, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word in suites.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The port where it is usually upgraded.
            #[must_use]
            pub const fn port(self) -> u16 {
                match self { $(Self::$variant => $port),+ }
            }

            async fn negotiate(self, dialog: &mut Dialog<'_>, name: &str) -> Result<(), DialogError> {
                match self { $(Self::$variant => $negotiate(dialog, name).await),+ }
            }
        }
    };
}

// New ones last: seeds of the fuzz target choose a protocol by its place.
protocols! {
    Smtp "smtp" 25 smtp::smtp, "RFC 3207.";
    Lmtp "lmtp" 24 smtp::lmtp, "RFC 2033 with RFC 3207.";
    Imap "imap" 143 imap::negotiate, "RFC 9051, 6.2.1.";
    Pop3 "pop3" 110 pop3::negotiate, "RFC 2595.";
    Ftp "ftp" 21 ftp::negotiate, "RFC 4217.";
    Ldap "ldap" 389 ldap::negotiate, "RFC 4511, 4.14.";
    Xmpp "xmpp" 5222 xmpp::client, "RFC 6120, clients.";
    XmppServer "xmpp-server" 5269 xmpp::server, "RFC 6120, servers among themselves.";
    Postgres "postgres" 5432 postgres::negotiate, "PostgreSQL, `SSLRequest`.";
    Mysql "mysql" 3306 mysql::negotiate, "MySQL and MariaDB, `CLIENT_SSL`.";
    Nntp "nntp" 119 nntp::negotiate, "RFC 4642.";
    Sieve "sieve" 4190 sieve::negotiate, "RFC 5804.";
}

impl Protocol {
    /// The protocol of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|protocol| protocol.word() == word)
    }
}

/// Why there is no TLS. A fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Not among what the server can do.
    NotOffered,
    /// Asked, and refused.
    Refused,
    /// The service refuses this client, whatever it asks for.
    ServiceRefused,
    /// The server speaks something else.
    OtherProtocol,
    /// More bytes than any server has to say, or a line without end.
    Endless,
    /// Bytes came in plain text after the go-ahead, or before the request.
    Injected,
    /// Silence, or words that come too slowly.
    Timeout,
    /// FIN in the middle.
    Closed,
    /// RST in the middle.
    Reset,
    /// An ICMP error in the middle.
    Unreachable,
}

impl FailureKind {
    /// The words of fact `starttls`, success first.
    pub const WORDS: &'static [&'static str] = &[
        "upgraded",
        "not_offered",
        "refused",
        "service_refused",
        "other_protocol",
        "endless",
        "injected",
        "timeout",
        "closed",
        "reset",
        "unreachable",
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotOffered => "not_offered",
            Self::Refused => "refused",
            Self::ServiceRefused => "service_refused",
            Self::OtherProtocol => "other_protocol",
            Self::Endless => "endless",
            Self::Injected => "injected",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
        }
    }

    /// The word of fact `outcome`: what the network did keeps its word, and so does a service that serves nobody here; what
    /// the server said of TLS is `no_starttls`.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Timeout | Self::Closed | Self::Reset | Self::Unreachable | Self::ServiceRefused => self.word(),
            _ => "no_starttls",
        }
    }
}

/// A connection that stays in plain text: why, and what was seen. Printed, it is one line of evidence with whatever the
/// server said made harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeError {
    /// Why.
    pub kind: FailureKind,
    evidence: String,
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.evidence)
    }
}

/// Brings `stream` to where the ClientHello is next, within `patience`. `name` is whom XMPP asks for; no other protocol
/// names the server. The outer `Err` is a fault of this side.
pub async fn upgrade(
    stream: &mut TcpStream,
    protocol: Protocol,
    name: &str,
    patience: Duration,
) -> Result<Result<(), UpgradeError>, Fault> {
    let mut dialog = Dialog::over(stream);
    let outcome = deadline::within(patience, run(protocol, &mut dialog, name)).await;
    match outcome {
        Ok(Ok(())) => Ok(Ok(())),
        Ok(Err(DialogError::UpgradeError(why))) => Ok(Err(why)),
        Ok(Err(DialogError::Fault(fault))) => Err(fault),
        Err(_) => Ok(Err(dialog.silent(patience))),
    }
}

/// The same dialog without a network: `turns` are what the server says, first by itself, then after each request, and then it
/// hangs up. Returns how many bytes were read. For tests and fuzzing.
pub fn replay(protocol: Protocol, turns: &[&[u8]]) -> Result<usize, UpgradeError> {
    let mut dialog = Dialog::scripted(turns);
    match run(protocol, &mut dialog, "example.com").now_or_never() {
        Some(Ok(())) => Ok(dialog.received()),
        Some(Err(DialogError::UpgradeError(why))) => Err(why),
        // A script neither waits nor fails for reasons of this machine.
        Some(Err(DialogError::Fault(_))) | None => Err(dialog.silent(Duration::ZERO)),
    }
}

async fn run(protocol: Protocol, dialog: &mut Dialog<'_>, name: &str) -> Result<(), DialogError> {
    protocol.negotiate(dialog, name).await?;
    dialog.nothing_more("after its go-ahead, before TLS")
}
