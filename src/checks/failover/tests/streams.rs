//! Streams of probes that do one thing.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::super::Failover;
use super::super::expected::Expected;
use super::super::outage::ProbeOutcome;
use super::super::stream::{ProbeStream, StreamConfig, StreamLog};
use crate::model::{FactInfo, Fault, Observation};
use crate::net::open_loop::Clock;
use crate::probe::{
    Connection, Cx, DynProbe, Footprint, Probe as _, ProbeFailure, ProbeFuture, Prober, RestoreOutcome, StreamSpec,
};
use crate::testing::observe_with;

/// Probes that do one thing.
#[derive(Clone)]
pub(in crate::checks::failover) enum StubProbe {
    Answers,
    /// Answers once so many are under way, each of which is counted here.
    Gathers(u32, watch::Sender<u32>),
    Stalls,
    Panics,
    Faults,
}

impl DynProbe for StubProbe {
    fn stream<'f>(&'f self, _: &'f StreamSpec) -> ProbeFuture<'f, Option<Box<dyn Prober>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn investigate<'f>(&'f self, _: &'f mut Cx<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>> {
        Box::pin(async {})
    }
    fn target(&self) -> String {
        "probe".into()
    }
    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }
    fn longest(&self) -> Duration {
        Duration::ZERO
    }
    fn facts(&self) -> &'static [FactInfo] {
        &[]
    }
    fn answered(&self, _: &Observation) -> bool {
        true
    }
    fn watches(&self) -> bool {
        false
    }
    fn is_cpu_bound(&self) -> bool {
        false
    }
    fn is_open_ended(&self) -> bool {
        false
    }
    fn touches(&self) -> Vec<crate::probe::Touched> {
        Vec::new()
    }
    fn scan(&self) -> Option<String> {
        None
    }
    fn breaks(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    fn schedule(&self) -> Vec<String> {
        Vec::new()
    }
    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
    fn run<'f>(&'f self, _: &'f mut Cx<'_>) -> ProbeFuture<'f> {
        Box::pin(async {
            match self {
                Self::Answers => Ok(()),
                Self::Gathers(least, under_way) => {
                    under_way.send_modify(|count| *count += 1);
                    under_way.subscribe().wait_for(|count| count >= least).await.unwrap();
                    Ok(())
                }
                Self::Stalls => std::future::pending().await,
                Self::Panics => panic!("a defect"),
                Self::Faults => Err(Fault::local("open socket", "probe", "no permission", "ask for it")),
            }
        })
    }
    fn restore<'f>(&'f self, _: &'f mut Cx<'_>) -> ProbeFuture<'f, RestoreOutcome> {
        Box::pin(std::future::ready(Ok(RestoreOutcome::Nothing)))
    }
}

pub(in crate::checks::failover) fn config(probe: StubProbe) -> StreamConfig {
    let (interval, timeout) = (Duration::from_millis(10), Duration::from_secs(1));
    StreamConfig {
        name: "probe".into(),
        probe: Arc::new(probe),
        interval,
        timeout,
        connection: Connection::New,
        echo: false,
        identity: None,
        expected: Expected::default(),
        writes: None,
    }
}

/// Streams until `count` probes have ended.
async fn streamed(config: StreamConfig, count: usize) -> StreamLog {
    let (clock, mut until) = (Clock::start(), 0.0);
    let stream = ProbeStream::start(config, clock, 1).await.unwrap();
    while stream.results(until).await.len() < count {
        // Probes leave on a thread of their own, by the clock of the system.
        tokio::time::sleep(Duration::from_millis(5)).await;
        until = clock.seconds();
    }
    stream.finish(until).await.unwrap().log
}

#[tokio::test]
async fn silence_does_not_delay_the_next_probe() {
    // None of them is answered before the sixth has left.
    let gathers = StubProbe::Gathers(6, watch::Sender::new(0));
    let log = streamed(StreamConfig { timeout: Duration::from_secs(20), ..config(gathers) }, 1).await;
    assert!(
        log.probes.len() >= 6 && log.probes.iter().all(|probe| probe.outcome == ProbeOutcome::Answered),
        "{:?}",
        log.probes
    );
}

#[tokio::test]
async fn silence_is_a_loss() {
    let log = streamed(StreamConfig { timeout: Duration::from_millis(50), ..config(StubProbe::Stalls) }, 1).await;
    assert!(
        log.probes.iter().all(|probe| probe.outcome == ProbeOutcome::Failed(ProbeFailure::Lost)),
        "{:?}",
        log.probes
    );
}

#[tokio::test]
async fn every_probe_of_the_stream_is_logged() {
    for (probe, outcome) in [
        (StubProbe::Answers, ProbeOutcome::Answered),
        (StubProbe::Panics, ProbeOutcome::NotSent),
        (StubProbe::Faults, ProbeOutcome::NotSent),
    ] {
        let faults = !matches!(probe, StubProbe::Answers);
        let log = streamed(config(probe), 3).await;
        assert!(log.probes.len() >= 3 && log.probes.iter().all(|probe| probe.outcome == outcome), "{:?}", log.probes);
        assert!(log.probes.iter().all(|probe| probe.sent >= probe.due));
        assert_eq!(log.fault.is_some(), faults);
    }
}

#[tokio::test]
async fn what_cannot_be_probed_at_all_is_found_before_anything_is_changed() {
    for (probe, want) in [(StubProbe::Answers, None), (StubProbe::Faults, Some("no permission"))] {
        let config = config(probe);
        let (_, rehearsed) =
            observe_with(Failover::FACTS, config.timeout, async |cx| config.rehearsed(cx).await.map(drop)).await;
        assert_eq!(rehearsed.err().map(|fault| fault.detail).as_deref(), want);
    }
}
