//! One host: a stream of probes to it.

use std::time::Duration;

use super::facts::{ADDRESS, OUTCOME};
use super::fields::{COUNT, DONT_FRAGMENT, HOP_LIMIT, INTERVAL, SIZE, TIMEOUT};
use super::stream;
use crate::checks::shared::target::Target;
use crate::model::{Args, Fault, Invalid, Text};
use crate::probe::{Cx, EarlyEnd};
use crate::proto::icmp::{Options, Pinger};

/// Time beyond the schedule for the last wake-up and the evaluation.
const MARGIN: Duration = Duration::from_millis(500);

/// Probes of a check that does not say how many.
const PROBES: u32 = 5;

/// A host, and how to ask it.
pub(super) struct Single {
    pub(super) target: Target,
    pub(super) count: u32,
    pub(super) interval: Duration,
    pub(super) size: usize,
    options: Options,
}

impl Single {
    pub(super) fn from_args(args: &Args, host: Text) -> Result<Self, Invalid> {
        let target = Target::from_args(args, host, 0, args.get(&TIMEOUT))?;
        let (ttl, dont_fragment) = (args.get(&HOP_LIMIT), args.get(&DONT_FRAGMENT));
        Ok(Self {
            count: args.get(&COUNT).unwrap_or(PROBES),
            interval: args.get(&INTERVAL),
            size: args.get(&SIZE),
            options: Options { source: target.source, ttl, dont_fragment, flow: None },
            target,
        })
    }

    pub(super) fn longest(&self) -> Duration {
        // The patience twice: for the name, and for the last reply.
        self.interval * self.count + self.target.timeout * 2 + MARGIN
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.probe(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    async fn probe(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let address = self.target.address().await?;
        cx.set(&ADDRESS, address.to_string());
        let pinger = Pinger::open(address, self.size, cx.seed(), self.options)?;
        Ok(stream::run(self, pinger, address, cx).await?)
    }
}
