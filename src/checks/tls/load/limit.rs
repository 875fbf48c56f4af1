//! Whether this host was what held the load back: a number measured by a client at its limit is a number about the client.

use crate::net::sys::cpu::CpuShare;

/// From this share on of what it could use, a process uses all.
const BUSY: f64 = 0.85;
/// With less of its processors idle, a host is at its limit, whoever uses them.
const IDLE: f64 = 0.05;
/// Handshakes of a rate that may be missed, as a share: the last ones may be due too close to the end.
const SLACK: f64 = 0.01;

/// What held the load back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// This host: its processors, or its ports.
    Client,
    /// Nothing: the rate was reached.
    Rate,
    /// The server, the path, or too few connections.
    Unknown,
}

impl Limit {
    pub(super) const WORDS: &'static [&'static str] = &["client", "rate", "unknown"];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Rate => "rate",
            Self::Unknown => "unknown",
        }
    }
}

/// `missed` is what a rate asked for and did not get; absent without a rate.
pub(super) fn judge(
    used: &CpuShare,
    threads: usize,
    missed: Option<(u64, u64)>,
    no_port: u64,
) -> (Limit, Option<String>) {
    if no_port > 0 {
        let why = format!(
            "{no_port} times this host had no port left: close with `reset: true`, lower `connections`, or widen the range of ports"
        );
        return (Limit::Client, Some(why));
    }
    if let Some((missed, offered)) = missed
        && missed as f64 <= offered as f64 * SLACK
    {
        return (Limit::Rate, None);
    }
    let process = used.process.unwrap_or_default();
    if process >= BUSY * threads as f64 {
        let why = format!("this process used {process:.2} of the {threads} cores it may use: the client was the limit");
        return (Limit::Client, Some(why));
    }
    match used.idle {
        Some(idle) if idle < IDLE => {
            let why = format!(
                "the processors of this host were idle for {:.0} % of the time, and this process used {process:.2} \
                 cores: the client had no more to use",
                idle * 100.0
            );
            (Limit::Client, Some(why))
        }
        _ => (Limit::Unknown, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{CpuShare, Limit, judge};

    #[test]
    fn a_client_at_its_limit_is_told_from_a_slow_server() {
        let used = |process, idle| CpuShare { process: Some(process), idle: Some(idle) };
        assert_eq!(judge(&used(1.9, 0.0), 2, None, 0).0, Limit::Client);
        assert_eq!(judge(&used(0.9, 0.02), 2, None, 0).0, Limit::Client, "the server is on the same host");
        assert_eq!(judge(&used(0.2, 0.7), 2, None, 0).0, Limit::Unknown);
        assert_eq!(judge(&used(0.2, 0.7), 2, None, 1).0, Limit::Client, "out of ports");
        assert_eq!(judge(&used(1.9, 0.0), 2, Some((0, 1000)), 0).0, Limit::Rate);
        assert_eq!(judge(&used(1.9, 0.0), 2, Some((100, 1000)), 0).0, Limit::Client);
        assert_eq!(judge(&used(0.2, 0.7), 2, Some((100, 1000)), 0).0, Limit::Unknown);
        assert_eq!(judge(&CpuShare { process: None, idle: None }, 2, None, 0).0, Limit::Unknown);
    }
}
