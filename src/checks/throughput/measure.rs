//! The test while it runs: warm-up, samples, and early ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::client::{Client, SILENCE, failed};
use super::completed_test::CompletedTest;
use super::facts::{BITRATE, CPU, RTT};
use crate::net::sys::cpu::CpuTime;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::iperf3::{Flow, Transport, flow, frame};

/// The round-trip time that is waited for where it is not known.
const LONG_WAY: Duration = Duration::from_millis(300);
/// How often a path is looked at for movement, of the patience …
const LOOKS: u32 = 8;
/// … within these bounds.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// Sees whether anything moves.
struct Watch {
    total: u64,
    moved_at: Instant,
    patience: Duration,
}

impl Watch {
    fn new(patience: Duration, flows: &[Flow]) -> Self {
        Self { total: total(flows), moved_at: Instant::now(), patience }
    }

    /// When to look again, at the latest.
    fn next(&self) -> Instant {
        Instant::now() + (self.patience / LOOKS).clamp(LOOK.0, LOOK.1)
    }

    /// Looks; the end of the test when nothing moved for as long as the patience.
    fn sample(&mut self, flows: &[Flow]) -> Result<(), EarlyEnd> {
        let total = total(flows);
        if total != self.total {
            (self.total, self.moved_at) = (total, Instant::now());
        }
        if self.moved_at.elapsed() < self.patience {
            return Ok(());
        }
        let none = if total == 0 { ", and nothing before" } else { "" };
        let patience = self.patience;
        Err(EarlyEnd::outcome("stalled", format!("nothing moved for {patience:?}{none}")))
    }
}

/// Turns counters into samples.
struct Sampler {
    since: Instant,
    before: u64,
}

impl Sampler {
    fn new(now: Instant, flows: &[Flow]) -> Self {
        Self { since: now, before: total(flows) }
    }

    /// One sample, over the time that really passed: a late timer does not make a slow network.
    fn sample(&mut self, cx: &mut Cx<'_>, flows: &[Flow], interval: Duration) {
        let (now, bytes) = (Instant::now(), total(flows));
        let elapsed = now.duration_since(self.since);
        // A remainder of less than half an interval measures timers rather than the path.
        if elapsed * 2 >= interval {
            let moved = bytes.saturating_sub(self.before);
            cx.record(&BITRATE, moved as f64 * 8.0 / elapsed.as_secs_f64());
            for rtt in flows.iter().filter(|flow| flow.sends()).filter_map(Flow::info).filter_map(|info| info.rtt) {
                cx.record_time(&RTT, rtt);
            }
        }
        (self.since, self.before) = (now, bytes);
    }
}

/// Evidence for a test that moved nothing at its end.
pub(super) fn stalled(still: Duration) -> String {
    format!("nothing moved in the last {:.1} s of the test", still.as_secs_f64())
}

fn total(flows: &[Flow]) -> u64 {
    flows.iter().map(Flow::arrived).sum()
}

impl Client<'_> {
    /// Lets data flow for warm-up and duration.
    pub(super) async fn measure(&mut self, cx: &mut Cx<'_>, flows: &mut [Flow]) -> Result<CompletedTest, EarlyEnd> {
        let settings = self.settings;
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let block: Arc<[u8]> = vec![0_u8; settings.params.block as usize].into();
        // What the cookie cost is not payload.
        flows.iter_mut().for_each(Flow::mark);
        for flow in flows.iter() {
            flow.start(&mut tasks, &settings.params, &block, None, &stop);
        }
        let mut watch = Watch::new(settings.target.timeout.max(settings.longest_gap()), flows);
        if !settings.params.omit.is_zero() {
            self.run_until(&mut tasks, flows, &mut watch, Instant::now() + settings.params.omit).await?;
            flows.iter_mut().for_each(Flow::mark);
        }
        let (begin, cpu) = (Instant::now(), CpuTime::of_process());
        let end = begin + settings.duration;
        let mut sampler = Sampler::new(begin, flows);
        let mut next = begin;
        while next < end {
            next = (next + settings.interval).min(end);
            let ran = self.run_until(&mut tasks, flows, &mut watch, next).await;
            if ran.is_err() {
                // What the peer sent before its end is still to be counted.
                flow::quiet(flows, SILENCE, settings.interval).await;
            }
            sampler.sample(cx, flows, settings.interval);
            ran?;
        }
        let elapsed = begin.elapsed();
        let share = |before: f64, after: f64| (after - before).max(0.0) / elapsed.as_secs_f64();
        let cpu = cpu.zip(CpuTime::of_process()).map(|(before, after)| CpuTime {
            user: share(before.user, after.user),
            system: share(before.system, after.system),
        });
        if let Some(cpu) = cpu {
            cx.set(&CPU, cpu.total());
        }
        let still = watch.moved_at.elapsed();
        // Movement is seen when it is looked for; a late look must not hide that the end was empty.
        let stalled = (still + settings.interval / 4 >= settings.stall()).then(|| stalled(still));
        if !settings.params.reverse {
            stop.cancel();
            self.await_last_datagrams(&mut tasks).await;
        }
        Ok(CompletedTest { elapsed, cpu, stalled, stop, _tasks: tasks })
    }

    /// Waits until then, or for the server or a stream to end before its time, or for nothing to move any more.
    async fn run_until(
        &mut self,
        tasks: &mut JoinSet<std::io::Result<()>>,
        flows: &[Flow],
        watch: &mut Watch,
        until: Instant,
    ) -> Result<(), EarlyEnd> {
        loop {
            let wake = watch.next().min(until);
            tokio::select! {
                () = sleep_until(wake) => {}
                word = frame::read_state(&mut self.control) => return match word {
                    Ok(word) => Err(self.unexpected(word, "run the test").await),
                    Err(error) => Err(failed(&error, "run the test", self.peer)),
                },
                Some(Ok(Err(error))) = tasks.join_next() => return Err(failed(&error, "move data", self.peer)),
            }
            watch.sample(flows)?;
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }

    /// The last datagrams are in flight, and `TEST_END` on its own connection would overtake them.
    async fn await_last_datagrams(&self, tasks: &mut JoinSet<std::io::Result<()>>) {
        while tasks.join_next().await.is_some() {}
        if self.settings.params.transport == Transport::Udp {
            let rtt = crate::net::sys::tcp_info::tcp_info(&self.control).ok().and_then(|info| info.rtt);
            // Where the kernel does not tell the round-trip time, that of a path around the earth.
            tokio::time::sleep(SILENCE + rtt.unwrap_or(LONG_WAY) * 2).await;
        }
    }
}
