//! Throughput: how much goes through, and what it costs, against any iperf3 server.

mod client;
mod completed_test;
mod diagnosis;
mod facts;
mod fields;
mod measure;
mod one_way;
mod report;
mod settings;
mod synonyms;
#[cfg(test)]
mod tests;

use std::time::Duration;

use client::Client;
use facts::{ADDRESS, OUTCOME};
use fields::{DIRECTION, Direction, SERVER};
use settings::Settings;

use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation};
use crate::probe::{Cx, Diagnosis, EarlyEnd, Failure, Footprint, Mode, Probe, Synonyms, fact_is};

/// What opening a stream may take on a path around the earth, with one lost segment.
const OPENING: Duration = Duration::from_millis(500);

/// Each direction has its own facts, and nothing of both together.
const MODES: &[Mode] = &[Mode::of("direction: both", |args| args.get(&DIRECTION) == Direction::Both, facts::BOTH)
    .adds("upload.transferred: {gt: 0 B}\ndownload.transferred: {gt: 0 B}")
    .lacks(&["transferred"])];

/// The probe.
pub struct Throughput {
    settings: Settings,
}

impl Probe for Throughput {
    const SUMMARY: &'static str = "TCP and UDP throughput, loss and jitter against any iperf3 server";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const MODES: &'static [Mode] = MODES;
    const STREAMS: bool = false;
    const NO_PARITY: Option<&'static str> =
        Some("it fills the path, and one run would be in the way of the other: write a check for each `ip_version`");
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (SERVER.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self { settings: Settings::from_args(args)? })
    }

    fn target(&self) -> String {
        self.settings.target.label()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Noisy
    }

    fn longest(&self) -> Duration {
        let settings = &self.settings;
        // Each answer that is waited for has the patience: lookup, connect, four steps before the data and three after it;
        // and once more for a server that hangs up at first.
        // Streams are opened one after the other, each in a moment.
        let streams = settings.params.streams * if settings.params.bidirectional { 2 } else { 1 };
        let opening = settings.target.timeout.max(OPENING * streams);
        settings.target.timeout * 10 + opening + settings.params.omit + settings.duration + Duration::from_secs(3)
    }

    fn answered(observation: &Observation) -> bool {
        fact_is(observation, OUTCOME.info.name, "transferred")
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.test(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }
}

impl Throughput {
    async fn test(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let settings = &self.settings;
        let address = settings.target.address().await?;
        let peer = settings.target.socket(address);
        cx.set(&ADDRESS, settings.target.origin.label(address));
        let mut client = Client::meet(peer, settings).await?;
        let mut flows = client.negotiate().await?;
        let mut completed_test = match client.measure(cx, &mut flows).await {
            Ok(completed_test) => completed_test,
            Err(stop) => {
                report::partial(cx, &settings.params, &flows);
                return Err(stop);
            }
        };
        let results = match client.conclude(&flows, &mut completed_test).await {
            Ok(results) => results,
            Err(stop) => {
                report::partial(cx, &settings.params, &flows);
                return Err(match (stop, completed_test.stalled) {
                    // Data stopped first and the server is silent since: the path died, or the server with it.
                    (EarlyEnd::Outcome { word: "timeout", evidence }, Some(stalled)) => EarlyEnd::outcome(
                        "stalled",
                        match evidence {
                            Some(evidence) => format!("{stalled}; {evidence}"),
                            None => stalled,
                        },
                    ),
                    (stop, _) => stop,
                });
            }
        };
        report::complete(cx, peer, settings, &flows, &results, completed_test.stalled)
    }
}
