//! The bottleneck of a load: a number measured by a client at its limit is a number about the client.

use crate::net::sys::cpu::CpuShare;

/// From this share on of what it could use, a process uses all.
const BUSY: f64 = 0.85;
/// With less of its processors idle, a host is at its limit, whoever uses them.
const IDLE: f64 = 0.05;
/// Requests of a rate that may be missed, as a share: the last ones may be due too close to the end.
const MISSED: f64 = 0.01;

/// The bottleneck of a load. The values of every fact `limited_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// This host: its processors, sockets or ports.
    Client,
    /// The server, or the path to it.
    Server,
    /// The rate asked for: it was reached.
    Rate,
    /// Something that cannot be told from here.
    Unknown,
}

impl Limit {
    /// All words.
    pub const WORDS: &'static [&'static str] = &["client", "server", "rate", "unknown"];

    /// Its word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Rate => "rate",
            Self::Unknown => "unknown",
        }
    }
}

/// Requests that a rate asked for.
#[derive(Clone, Copy, Debug)]
pub struct OfferedLoad {
    /// All of them.
    pub requests: u64,
    /// Those that could not begin.
    pub missed: u64,
}

impl OfferedLoad {
    const fn kept(self) -> bool {
        self.missed as f64 <= self.requests as f64 * MISSED
    }
}

/// The bottleneck of a load of `threads` threads that `used` the processors so; when it is this host, also the reason.
/// `offered` is absent without a rate.
#[must_use]
pub fn limited_by(used: &CpuShare, threads: usize, offered: Option<OfferedLoad>) -> (Limit, Option<String>) {
    if offered.is_some_and(OfferedLoad::kept) {
        return (Limit::Rate, None);
    }
    if let Some(process) = used.process.filter(|process| *process >= BUSY * threads as f64) {
        let why = format!("this process used {process:.2} of the {threads} cores it may use: the client was the limit");
        return (Limit::Client, Some(why));
    }
    match used.idle {
        Some(idle) if idle < IDLE => {
            let own =
                used.process.map_or_else(String::new, |process| format!(", and this process used {process:.2} cores"));
            let why = format!(
                "the processors of this host were idle for {:.0} % of the time{own}: the client had no more to use",
                idle * 100.0
            );
            (Limit::Client, Some(why))
        }
        _ => (Limit::Unknown, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{CpuShare, Limit, OfferedLoad, limited_by};

    #[test]
    fn a_client_at_its_limit_is_distinguished_from_a_slow_server() {
        let used = |process, idle| CpuShare { process: Some(process), idle: Some(idle) };
        let of = |used: CpuShare, missed: Option<u64>| {
            limited_by(&used, 2, missed.map(|missed| OfferedLoad { requests: 1000, missed })).0
        };
        assert_eq!(of(used(1.9, 0.0), None), Limit::Client);
        assert_eq!(of(used(0.9, 0.02), None), Limit::Client, "the server is on the same host");
        assert_eq!(of(used(0.2, 0.7), None), Limit::Unknown);
        assert_eq!(of(used(1.5, 0.7), None), Limit::Unknown, "three quarters of two cores leave some");
        assert_eq!(of(used(1.9, 0.0), Some(0)), Limit::Rate);
        assert_eq!(of(used(1.9, 0.0), Some(10)), Limit::Rate);
        assert_eq!(of(used(1.9, 0.0), Some(11)), Limit::Client);
        assert_eq!(of(used(0.2, 0.7), Some(100)), Limit::Unknown);
        assert_eq!(of(CpuShare { process: None, idle: None }, None), Limit::Unknown);
        let (limit, why) = limited_by(&CpuShare { process: None, idle: Some(0.0) }, 2, None);
        assert!(limit == Limit::Client && !why.unwrap().contains("0.00 cores"), "what is not known is not told");
    }

    #[test]
    fn every_limit_has_its_word() {
        let all = [Limit::Client, Limit::Server, Limit::Rate, Limit::Unknown].map(Limit::word);
        assert_eq!(all, Limit::WORDS);
    }
}
