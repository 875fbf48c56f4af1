//! The questions of a scan, and the hello that asks each.

use std::time::Duration;

use crate::proto::tls::certificate_probe::KeyClass;
use crate::proto::tls::hello::{Auth, Hello, SendMode, Version, groups, suite_name};

/// Bytes of a large hello: more than a segment on any path holds, and less than two of Ethernet's, as with a post-quantum share.
const LARGE_HELLO: usize = 1800;
/// Between the two halves of a hello: long enough that they do not arrive as one.
const SPLIT_PAUSE: Duration = Duration::from_millis(50);

/// One question; the answer may lead to the next one of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks::tls) enum ScanQuestion {
    /// Which of `left` does the server take? Again without the one it took, until it takes none.
    Suites { version: Version, left: Vec<u16> },
    /// Which group of `left`? `anchor`, the curve of an ECDSA certificate, stays on offer at the end of the list.
    Groups { version: Version, suites: Vec<u16>, left: Vec<u16>, certificate_curve: Option<u16> },
    /// The certificate of TLS 1.3 for one sort of key.
    CertificateProbe { keys: KeyClass, sni: bool },
    /// A property that one hello shows.
    Property { purpose: Purpose, version: Version, suites: Vec<u16> },
}

/// The property that one hello shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks::tls) enum Purpose {
    /// Whose order of suites counts.
    SuiteOrder { backwards: bool },
    /// Whose order of groups counts: these are offered.
    GroupOrder(Vec<u16>),
    /// Does it compress?
    Compression,
    /// Does it notice a fallback that is none?
    FallbackScsv,
    /// A hello in two TCP segments.
    SplitHello,
    /// A hello larger than a segment.
    LargeHello,
    /// The certificate without SNI.
    WithoutSni(Auth),
    /// Does it still answer, and find the suite it knows at the end of a long list?
    EndOfLongList,
    /// Does it still answer?
    StillAnswers,
}

/// The bytes that go over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks::tls) enum Request {
    /// A hello of our own.
    Hello { hello: Hello, sending: SendMode },
    /// The beginning of a real handshake.
    CertificateProbe { keys: KeyClass, sni: bool },
}

impl ScanQuestion {
    /// The exchange that answers it. `key_shares` sends key shares in TLS 1.3.
    pub(super) fn request(&self, sni: Option<&str>, key_shares: bool) -> Request {
        let mut sending = SendMode::Whole;
        let mut hello = match self {
            Self::CertificateProbe { keys, sni } => return Request::CertificateProbe { keys: *keys, sni: *sni },
            Self::Suites { version, left } => Hello::new(*version, left.clone()),
            Self::Groups { version, suites, left, certificate_curve } => {
                let groups = left.iter().copied().chain(*certificate_curve).collect();
                Hello { groups, ..Hello::new(*version, suites.clone()) }
            }
            Self::Property { version, suites, .. } => Hello::new(*version, suites.clone()),
        };
        hello.sni = sni.map(str::to_owned);
        hello.shares = key_shares;
        if let Self::Property { purpose, .. } = self {
            match purpose {
                Purpose::SuiteOrder { backwards: true } => hello.suites.reverse(),
                Purpose::GroupOrder(groups) => hello.groups.clone_from(groups),
                Purpose::Compression => hello.deflate = true,
                Purpose::FallbackScsv => hello.fallback = true,
                Purpose::SplitHello => sending = SendMode::Halves(SPLIT_PAUSE),
                Purpose::LargeHello => hello.length = LARGE_HELLO,
                Purpose::WithoutSni(_) => hello.sni = None,
                Purpose::SuiteOrder { backwards: false } | Purpose::EndOfLongList | Purpose::StillAnswers => {}
            }
        }
        Request::Hello { hello, sending }
    }

    /// It asks for something, and not only whether the server is there.
    pub(super) fn is_question(&self) -> bool {
        !matches!(self, Self::Property { purpose: Purpose::EndOfLongList | Purpose::StillAnswers, .. })
    }

    /// The gap in the result when it stays without an answer.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Suites { version, left } => format!("{} suites: {}", version.word(), summary(left)),
            Self::Groups { version, left, .. } if *left == groups(*version) => format!("{} groups", version.word()),
            Self::Groups { version, left, .. } => format!("{} groups: {} of them", version.word(), left.len()),
            Self::CertificateProbe { keys, sni } => {
                format!("TLS1.3 certificate for {} keys{}", keys.word(), if *sni { "" } else { " without SNI" })
            }
            Self::Property { purpose, version, .. } => {
                let version = version.word();
                match purpose {
                    Purpose::SuiteOrder { .. } => format!("{version} preference among suites"),
                    Purpose::GroupOrder(_) => format!("{version} preference among groups"),
                    Purpose::Compression => "compression".to_owned(),
                    Purpose::FallbackScsv => "fallback SCSV".to_owned(),
                    Purpose::SplitHello => "a hello in two segments".to_owned(),
                    Purpose::LargeHello => "a large hello".to_owned(),
                    Purpose::WithoutSni(_) => format!("{version} certificate without SNI"),
                    Purpose::EndOfLongList | Purpose::StillAnswers => "whether it still answers".to_owned(),
                }
            }
        }
    }
}

/// Suites for people: how many, and the first.
fn summary(suites: &[u16]) -> String {
    match suites {
        [] => "none".to_owned(),
        [only] => suite_name(*only),
        [first, rest @ ..] => format!("{} and {} more", suite_name(*first), rest.len()),
    }
}
