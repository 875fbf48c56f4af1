//! The test while it runs: warm-up, samples, and early ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::client::{Client, SILENCE, failed};
use super::completed_test::CompletedTest;
use super::facts::CPU;
use super::one_way::OneWay;
use crate::model::human_time;
use crate::net::sys::cpu::CpuTime;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::iperf3::{Flow, Params, Transport, flow, frame};

/// The round-trip time that is waited for where it is not known.
const LONG_WAY: Duration = Duration::from_millis(300);
/// How often a path is looked at for movement, of the patience …
const LOOKS: u32 = 8;
/// … within these bounds.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// The course of one direction: whether anything moves, and its counters turned into samples.
struct Course {
    way: OneWay,
    patience: Duration,
    total: u64,
    moved_at: Instant,
    since: Instant,
    before: u64,
}

impl Course {
    fn new(way: OneWay, patience: Duration, flows: &[Flow]) -> Self {
        let (now, total) = (Instant::now(), total(way.flows(flows)));
        Self { way, patience, total, moved_at: now, since: now, before: total }
    }

    /// The warm-up is over.
    fn begin(&mut self, now: Instant, flows: &[Flow]) {
        (self.since, self.before) = (now, total(self.way.flows(flows)));
    }

    /// Looks; the end of the test when nothing moved for as long as the patience.
    fn look(&mut self, flows: &[Flow]) -> Result<(), EarlyEnd> {
        let total = total(self.way.flows(flows));
        if total != self.total {
            (self.total, self.moved_at) = (total, Instant::now());
        }
        if self.moved_at.elapsed() < self.patience {
            return Ok(());
        }
        let none = if total == 0 { ", and nothing before" } else { "" };
        let evidence = format!("nothing moved for {}{none}", human_time(self.patience));
        Err(EarlyEnd::outcome("stalled", self.way.evidence(&evidence)))
    }

    /// One sample, over the time that really passed: a late timer does not make a slow network.
    fn sample(&mut self, cx: &mut Cx<'_>, flows: &[Flow], interval: Duration) {
        let flows = self.way.flows(flows);
        let (now, bytes) = (Instant::now(), total(flows));
        let elapsed = now.duration_since(self.since);
        // A remainder of less than half an interval measures timers rather than the path.
        if elapsed * 2 >= interval {
            let moved = bytes.saturating_sub(self.before);
            cx.record(&self.way.facts.bitrate, moved as f64 * 8.0 / elapsed.as_secs_f64());
            for rtt in flows.iter().filter(|flow| flow.sends()).filter_map(Flow::info).filter_map(|info| info.rtt) {
                cx.record_time(&self.way.facts.rtt, rtt);
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

/// The tasks of a test; they end with it.
#[derive(Default)]
pub(super) struct StreamTasks {
    senders: JoinSet<io::Result<()>>,
    receivers: JoinSet<io::Result<()>>,
    stop_senders: CancellationToken,
    stop_receivers: CancellationToken,
}

impl StreamTasks {
    /// Starts one stream.
    fn start(&mut self, flow: &Flow, params: &Params, block: &Arc<[u8]>) {
        let (tasks, stop) = if flow.sends() {
            (&mut self.senders, &self.stop_senders)
        } else {
            (&mut self.receivers, &self.stop_receivers)
        };
        flow.start(tasks, params, block, None, stop);
    }

    /// Ends those that send, and returns when nothing more leaves.
    async fn stop_senders(&mut self) {
        self.stop_senders.cancel();
        while self.senders.join_next().await.is_some() {}
    }

    /// Ends those that receive, and returns when no count changes any more.
    pub(super) async fn stop_receivers(&mut self) {
        self.stop_receivers.cancel();
        while self.receivers.join_next().await.is_some() {}
    }

    /// The error of one that could not go on.
    async fn failed(&mut self) -> io::Error {
        loop {
            let ended = tokio::select! {
                Some(ended) = self.senders.join_next() => ended,
                Some(ended) = self.receivers.join_next() => ended,
                else => std::future::pending().await,
            };
            if let Ok(Err(error)) = ended {
                return error;
            }
        }
    }
}

impl Client<'_> {
    /// Lets data flow for warm-up and duration.
    pub(super) async fn measure(&mut self, cx: &mut Cx<'_>, flows: &mut [Flow]) -> Result<CompletedTest, EarlyEnd> {
        let settings = self.settings;
        let mut tasks = StreamTasks::default();
        let block: Arc<[u8]> = vec![0_u8; settings.params.block as usize].into();
        // What the cookie cost is not payload.
        flows.iter_mut().for_each(Flow::mark);
        for flow in flows.iter() {
            tasks.start(flow, &settings.params, &block);
        }
        let patience = settings.target.timeout.max(settings.longest_gap());
        let ways = OneWay::all(&settings.params);
        let mut courses: Vec<Course> = ways.into_iter().map(|way| Course::new(way, patience, flows)).collect();
        if !settings.params.omit.is_zero() {
            self.run_until(&mut tasks, flows, &mut courses, Instant::now() + settings.params.omit).await?;
            flows.iter_mut().for_each(Flow::mark);
        }
        let (begin, cpu) = (Instant::now(), CpuTime::of_process());
        for course in &mut courses {
            course.begin(begin, flows);
        }
        let end = begin + settings.duration;
        let mut next = begin;
        while next < end {
            next = (next + settings.interval).min(end);
            let ran = self.run_until(&mut tasks, flows, &mut courses, next).await;
            if ran.is_err() {
                // What the peer sent before its end is still to be counted.
                flow::quiet(flows, SILENCE, settings.interval).await;
            }
            for course in &mut courses {
                course.sample(cx, flows, settings.interval);
            }
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
        // Movement is seen when it is looked for; a late look must not hide that the end was empty.
        let still = |course: &Course| course.moved_at.elapsed() + settings.interval / 4 >= settings.stall();
        let empty = courses.iter().find(|course| still(course));
        let stalled = empty.map(|course| course.way.evidence(&stalled(course.moved_at.elapsed())));
        tasks.stop_senders().await;
        self.await_last_datagrams(flows).await;
        Ok(CompletedTest { elapsed, cpu, stalled, tasks })
    }

    /// Waits until then, or for the server or a stream to end before its time, or for nothing to move any more.
    async fn run_until(
        &mut self,
        tasks: &mut StreamTasks,
        flows: &[Flow],
        courses: &mut [Course],
        until: Instant,
    ) -> Result<(), EarlyEnd> {
        let look = (self.settings.target.timeout.max(self.settings.longest_gap()) / LOOKS).clamp(LOOK.0, LOOK.1);
        loop {
            let wake = (Instant::now() + look).min(until);
            tokio::select! {
                () = sleep_until(wake) => {}
                word = frame::read_state(&mut self.control) => return match word {
                    Ok(word) => Err(self.unexpected(word, "run the test").await),
                    Err(error) => Err(failed(&error, "run the test", self.peer)),
                },
                error = tasks.failed() => return Err(failed(&error, "move data", self.peer)),
            }
            for course in &mut *courses {
                course.look(flows)?;
            }
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }

    /// The last datagrams are in flight, and `TEST_END` on its own connection would overtake them.
    async fn await_last_datagrams(&self, flows: &[Flow]) {
        if self.settings.params.transport == Transport::Udp && flows.iter().any(Flow::sends) {
            let rtt = crate::net::sys::tcp_info::tcp_info(&self.control).ok().and_then(|info| info.rtt);
            // Where the kernel does not tell the round-trip time, that of a path around the earth.
            tokio::time::sleep(SILENCE + rtt.unwrap_or(LONG_WAY) * 2).await;
        }
    }
}
