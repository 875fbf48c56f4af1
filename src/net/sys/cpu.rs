//! Processor time: of this process, of one of its threads, and what the whole host left idle.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use tokio::time::Instant;

/// Processor seconds used since a process or thread began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuTime {
    /// In user space.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
}

impl CpuTime {
    /// Of this process; `None` where the system cannot tell.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        Self::read(UsageWho::RUSAGE_SELF)
    }

    /// Of the thread that calls.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn of_thread() -> Option<Self> {
        Self::read(UsageWho::RUSAGE_THREAD)
    }

    fn read(who: UsageWho) -> Option<Self> {
        let usage = getrusage(who).ok()?;
        let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
        Some(Self { user: seconds(usage.user_time()), system: seconds(usage.system_time()) })
    }

    /// In user space and in the kernel.
    #[must_use]
    pub const fn total(self) -> f64 {
        self.user + self.system
    }
}

/// The processors at one moment; the beginning of a span.
#[derive(Clone, Copy, Debug)]
pub struct CpuReading {
    at: Instant,
    process: Option<f64>,
    /// Ticks of all processors: idle, all.
    host: Option<(f64, f64)>,
}

/// How the processors were used between two moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuShare {
    /// By this process, as a share of one core.
    pub process: Option<f64>,
    /// Idle, as a share of all cores.
    pub idle: Option<f64>,
}

impl CpuReading {
    /// The processors now.
    #[must_use]
    pub fn now() -> Self {
        // A file of the kernel's memory: reading it waits for nothing.
        let host = std::fs::read_to_string("/proc/stat").ok().and_then(|text| ticks(&text));
        Self { at: Instant::now(), process: CpuTime::of_process().map(CpuTime::total), host }
    }

    /// From this reading until now.
    #[must_use]
    pub fn until_now(&self) -> CpuShare {
        let now = Self::now();
        let elapsed = now.at.duration_since(self.at).as_secs_f64();
        let process = self.process.zip(now.process).map(|(before, after)| (after - before).max(0.0) / elapsed);
        let idle = self.host.zip(now.host).and_then(|((idle, all), (idle_now, all_now))| {
            (all_now > all).then(|| ((idle_now - idle) / (all_now - all)).clamp(0.0, 1.0))
        });
        CpuShare { process: process.filter(|share| share.is_finite()), idle }
    }
}

/// Idle ticks and all ticks of the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn ticks(text: &str) -> Option<(f64, f64)> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let counts: Vec<f64> = fields.take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    Some((counts.get(3)? + counts.get(4)?, counts.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::{CpuTime, ticks};

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(ticks("cpu  10 0 5 80 5 0 0 0 7 7\ncpu0 1 1\n"), Some((85.0, 100.0)));
        assert_eq!(ticks("cpu0 1 2 3 4 5"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn the_time_of_this_process_is_known_and_grows() {
        let before = CpuTime::of_process().unwrap();
        let burnt: u64 = (0..20_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
        std::hint::black_box(burnt);
        assert!(CpuTime::of_process().unwrap().total() > before.total());
    }
}
