//! Whether this host was what held the load back: a number measured by a client at its limit is a number about the client.

use crate::proto::iperf3::socket::cpu_seconds;
use tokio::time::Instant;

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

/// Processor time used up to a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    at: Instant,
    process: Option<f64>,
    /// Ticks of all processors: idle, all.
    host: Option<(f64, f64)>,
}

/// Processor time used between two moments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    /// By this process, as a share of one core.
    pub(super) process: Option<f64>,
    /// Idle, as a share of all cores.
    idle: Option<f64>,
}

impl Usage {
    pub(super) fn now() -> Self {
        let process = cpu_seconds().map(|(user, system)| user + system);
        // A file of the kernel's memory: reading it waits for nothing.
        let host = std::fs::read_to_string("/proc/stat").ok().and_then(|text| ticks(&text));
        Self { at: Instant::now(), process, host }
    }

    pub(super) fn until_now(&self) -> Used {
        let now = Self::now();
        let elapsed = now.at.duration_since(self.at).as_secs_f64();
        let process = self.process.zip(now.process).map(|(before, after)| (after - before).max(0.0) / elapsed);
        let idle = self.host.zip(now.host).and_then(|((idle, all), (idle_now, all_now))| {
            (all_now > all).then(|| ((idle_now - idle) / (all_now - all)).clamp(0.0, 1.0))
        });
        Used { process: process.filter(|share| share.is_finite()), idle }
    }
}

/// Idle ticks and all ticks of the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn ticks(text: &str) -> Option<(f64, f64)> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let counts: Vec<f64> = fields.take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    Some((counts.get(3)? + counts.get(4)?, counts.iter().sum()))
}

/// `missed` is what a rate asked for and did not get; absent without a rate.
pub(super) fn judge(used: &Used, threads: usize, missed: Option<(u64, u64)>, no_port: u64) -> (Limit, Option<String>) {
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
    use super::{Limit, Used, judge, ticks};

    #[test]
    fn a_client_at_its_limit_is_told_from_a_slow_server() {
        let used = |process, idle| Used { process: Some(process), idle: Some(idle) };
        assert_eq!(judge(&used(1.9, 0.0), 2, None, 0).0, Limit::Client);
        assert_eq!(judge(&used(0.9, 0.02), 2, None, 0).0, Limit::Client, "the server is on the same host");
        assert_eq!(judge(&used(0.2, 0.7), 2, None, 0).0, Limit::Unknown);
        assert_eq!(judge(&used(0.2, 0.7), 2, None, 1).0, Limit::Client, "out of ports");
        assert_eq!(judge(&used(1.9, 0.0), 2, Some((0, 1000)), 0).0, Limit::Rate);
        assert_eq!(judge(&used(1.9, 0.0), 2, Some((100, 1000)), 0).0, Limit::Client);
        assert_eq!(judge(&used(0.2, 0.7), 2, Some((100, 1000)), 0).0, Limit::Unknown);
        assert_eq!(judge(&Used { process: None, idle: None }, 2, None, 0).0, Limit::Unknown);
    }

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(ticks("cpu  10 0 5 80 5 0 0 0 7 7\ncpu0 1 1\n"), Some((85.0, 100.0)));
        assert_eq!(ticks("cpu0 1 2 3 4 5"), None);
        assert_eq!(ticks(""), None);
    }
}
