//! Acknowledged writes that a failover lost: a stream writes numbered values, and when all is over they are read back.
//!
//! A write counts as acknowledged once its answer came, late or not. What was acknowledged and is not there is lost; what was not
//! acknowledged may be there or not. Nothing is concluded from silence: before anything is changed one value is written and found, and
//! one that was never written is not, so what either looks like is known; an answer of neither sort is no answer.

mod diagnosis;
mod log;
mod numbered;
mod reader;
mod report;
mod settings;
#[cfg(test)]
mod tests;
mod unread;
mod value;

use std::sync::Arc;
use std::time::Duration;

pub(super) use diagnosis::diagnose;
pub(super) use log::WriteLog;
pub(super) use numbered::Numbered;
use reader::{AnswerPatterns, WriteReader};
pub(super) use report::facts;
pub(super) use settings::{check_room, writes};
pub(super) use value::RunNumber;

use super::outage::ProbeOutcome;
use super::stream::{Finished, RoundQuestion, StreamConfig};
use crate::model::{Fault, human_time};
use crate::probe::{Cx, DynProbe};

/// Numbers of the writes ahead of everything: one of them must be acknowledged.
const AHEAD: [u64; 3] = [9_999_990, 9_999_991, 9_999_992];

/// What a stream writes, and how it is read back.
#[derive(Clone)]
pub(super) struct Writes {
    write: Arc<Numbered>,
    reader: Arc<WriteReader>,
    run: RunNumber,
    /// Known once the service has shown them.
    patterns: Option<Arc<AnswerPatterns>>,
}

impl Writes {
    /// Not begun.
    fn new(write: Numbered, reader: WriteReader) -> Self {
        Self { write: Arc::new(write), reader: Arc::new(reader), run: RunNumber::SAMPLE, patterns: None }
    }

    /// What answers for all writes.
    pub(super) fn sample(&self) -> Arc<dyn DynProbe> {
        Arc::clone(self.write.sample())
    }

    /// What answers for all reads.
    pub(super) fn read_sample(&self) -> &Arc<dyn DynProbe> {
        self.reader.numbered.sample()
    }

    /// What a probe of the stream asks.
    pub(super) fn question(&self) -> RoundQuestion {
        RoundQuestion::Numbered(Arc::clone(&self.write), self.run)
    }

    /// The longest that the writes ahead of everything may take, and all reads.
    pub(super) fn longest(&self, write: Duration) -> Duration {
        self.reader.longest() + write * 3
    }

    /// The stream with values that no other run has, once the service has shown what a write looks like that is there, and one that
    /// is not.
    pub(super) async fn rehearsed(&self, stream: &StreamConfig, cx: &mut Cx<'_>) -> Result<StreamConfig, Fault> {
        let run = RunNumber::random();
        let absent = self.reader.absence(run, cx.cancelled()).await?;
        let begun = StreamConfig { writes: Some(Self { run, ..self.clone() }), ..stream.clone() };
        let number = written(&begun, cx).await?;
        let patterns = self.reader.presence((run, number), absent, cx.cancelled()).await?;
        Ok(StreamConfig { writes: Some(Self { run, patterns: Some(Arc::new(patterns)), ..self.clone() }), ..begun })
    }
}

/// Looks for all that the streams wrote, one after the other.
pub(super) async fn read_back(finished: &mut [(StreamConfig, Finished)], cx: &Cx<'_>) {
    for (config, Finished { log, .. }) in finished {
        // Without patterns it was not begun, and nothing was written.
        if let (Some(Writes { reader, run, patterns: Some(patterns), .. }), Some(log)) =
            (&config.writes, &mut log.writes)
        {
            reader.read(*run, patterns, log, cx.cancelled()).await;
        }
    }
}

/// Writes ahead of everything, until one is acknowledged.
async fn written(stream: &StreamConfig, cx: &Cx<'_>) -> Result<u64, Fault> {
    let rounds = stream.rounds();
    let mut why = String::new();
    for number in AHEAD {
        let Some(observation) = rounds.ask(number, cx.cancelled()).await? else {
            why = format!("no answer within {}", human_time(rounds.limit));
            continue;
        };
        match stream.judge(&observation) {
            (ProbeOutcome::Answered, ..) => return Ok(number),
            (_, _, told) => why = told.unwrap_or_default(),
        }
    }
    Err(Fault::local(
        "write a value before anything is changed",
        stream.probe.target(),
        format!("was not acknowledged: {why}; nothing was changed"),
        "make the service healthy first; a write is acknowledged by what a check of its family expects by default, such as a status of 2xx",
    ))
}
