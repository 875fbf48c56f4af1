//! What there is to ask, and the hello that asks it.

use std::time::Duration;

use crate::proto::tls::certificate_probe::KeyClass;
use crate::proto::tls::hello::{Auth, Hello, Sending, Version, groups, suite_name};

/// More than a segment on any path holds, and less than two of Ethernet's: what a hello with a post-quantum share comes to.
const LARGE: usize = 1800;
/// Between the two halves of a hello: long enough that they do not arrive as one.
const HALVES: Duration = Duration::from_millis(50);

/// One question; the answer may lead to the next one of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks::tls) enum Job {
    /// Which of `left` does the server take? Again without the one it took, until it takes none.
    Suites { version: Version, left: Vec<u16> },
    /// Which group of `left`? `anchor`, the curve of an ECDSA certificate, stays on offer at the end of the list.
    Groups { version: Version, suites: Vec<u16>, left: Vec<u16>, anchor: Option<u16> },
    /// The certificate of TLS 1.3 for one sort of key.
    Served { keys: KeyClass, sni: bool },
    /// Everything that takes one hello.
    Once { purpose: Purpose, version: Version, suites: Vec<u16> },
}

/// What one hello is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks::tls) enum Purpose {
    /// Whose order of suites counts.
    Order { backwards: bool },
    /// Whose order of groups counts: these are offered.
    GroupOrder(Vec<u16>),
    /// Does it compress?
    Deflate,
    /// Does it notice a fallback that is none?
    Fallback,
    /// A hello in two TCP segments.
    Halves,
    /// A hello larger than a segment.
    Large,
    /// The certificate without SNI.
    Bare(Auth),
    /// Does it still answer, and find the suite it knows at the end of a long list?
    Needle,
    /// Does it still answer?
    Control,
}

/// What goes over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks::tls) enum What {
    /// A hello of our own.
    Hello { hello: Hello, sending: Sending },
    /// The beginning of a real handshake.
    Serve { keys: KeyClass, sni: bool },
}

impl Job {
    /// The exchange that answers it. `shares` sends key shares in TLS 1.3.
    pub(super) fn what(&self, sni: Option<&str>, shares: bool) -> What {
        let mut sending = Sending::Whole;
        let mut hello = match self {
            Self::Served { keys, sni } => return What::Serve { keys: *keys, sni: *sni },
            Self::Suites { version, left } => Hello::new(*version, left.clone()),
            Self::Groups { version, suites, left, anchor } => {
                let groups = left.iter().copied().chain(*anchor).collect();
                Hello { groups, ..Hello::new(*version, suites.clone()) }
            }
            Self::Once { version, suites, .. } => Hello::new(*version, suites.clone()),
        };
        hello.sni = sni.map(str::to_owned);
        hello.shares = shares;
        if let Self::Once { purpose, .. } = self {
            match purpose {
                Purpose::Order { backwards: true } => hello.suites.reverse(),
                Purpose::GroupOrder(groups) => hello.groups.clone_from(groups),
                Purpose::Deflate => hello.deflate = true,
                Purpose::Fallback => hello.fallback = true,
                Purpose::Halves => sending = Sending::Halves(HALVES),
                Purpose::Large => hello.length = LARGE,
                Purpose::Bare(_) => hello.sni = None,
                Purpose::Order { backwards: false } | Purpose::Needle | Purpose::Control => {}
            }
        }
        What::Hello { hello, sending }
    }

    /// It asks for something, and not only whether the server is there.
    pub(super) fn is_question(&self) -> bool {
        !matches!(self, Self::Once { purpose: Purpose::Needle | Purpose::Control, .. })
    }

    /// What is not known when it stays without an answer.
    pub(super) fn says(&self) -> String {
        match self {
            Self::Suites { version, left } => format!("{} suites: {}", version.word(), listed(left)),
            Self::Groups { version, left, .. } if *left == groups(*version) => format!("{} groups", version.word()),
            Self::Groups { version, left, .. } => format!("{} groups: {} of them", version.word(), left.len()),
            Self::Served { keys, sni } => {
                format!("TLS1.3 certificate for {} keys{}", keys.word(), if *sni { "" } else { " without SNI" })
            }
            Self::Once { purpose, version, .. } => {
                let version = version.word();
                match purpose {
                    Purpose::Order { .. } => format!("{version} preference among suites"),
                    Purpose::GroupOrder(_) => format!("{version} preference among groups"),
                    Purpose::Deflate => "compression".to_owned(),
                    Purpose::Fallback => "fallback SCSV".to_owned(),
                    Purpose::Halves => "a hello in two segments".to_owned(),
                    Purpose::Large => "a large hello".to_owned(),
                    Purpose::Bare(_) => format!("{version} certificate without SNI"),
                    Purpose::Needle | Purpose::Control => "whether it still answers".to_owned(),
                }
            }
        }
    }
}

/// Suites for people: how many, and the first.
fn listed(suites: &[u16]) -> String {
    match suites {
        [] => "none".to_owned(),
        [only] => suite_name(*only),
        [first, rest @ ..] => format!("{} and {} more", suite_name(*first), rest.len()),
    }
}
