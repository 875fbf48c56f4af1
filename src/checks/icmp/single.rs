//! One host: a stream of probes to it.

use std::time::Duration;

use super::facts::{ADDRESS, DSCP_QUOTED, LINK_ADDRESSES, OUTCOME};
use super::fields::{COUNT, DONT_FRAGMENT, DSCP, DUPLICATE_ADDRESS, HOP_LIMIT, INTERVAL, SIZE, TIMEOUT};
use super::stream;
use crate::checks::shared::target::Target;
use crate::model::{Args, Fault, Invalid, Text};
use crate::net::open_loop::Threads;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::icmp::{Options, Pinger, Quotes};
use crate::proto::neighbour;

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
    pub(super) options: Options,
    pub(super) duplicate_address: bool,
}

impl Single {
    pub(super) fn from_args(args: &Args, host: Text) -> Result<Self, Invalid> {
        let target = Target::from_args(args, host, 0, args.get(&TIMEOUT))?;
        let (ttl, dont_fragment) = (args.get(&HOP_LIMIT), args.get(&DONT_FRAGMENT));
        Ok(Self {
            count: args.get(&COUNT).unwrap_or(PROBES),
            interval: args.get(&INTERVAL),
            size: args.get(&SIZE),
            options: Options { origin: target.origin, ttl, dont_fragment, dscp: args.get(&DSCP), flow: None },
            duplicate_address: args.get(&DUPLICATE_ADDRESS),
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
        let origin = self.target.origin;
        cx.set(&ADDRESS, origin.label(address));
        let pinger = Pinger::open(address, self.size, cx.seed(), self.options)?;
        let mut threads = Threads::new();
        let (patience, label) = (self.target.timeout, self.target.label());
        let holders = self
            .duplicate_address
            .then(|| threads.spawn("neighbours", move |stop| neighbour::holders(address, origin, patience, stop)));
        let (echo, quotes) = (pinger.echo, self.options.dscp.and_then(|_| Quotes::open(address)));
        stream::run(self, pinger, address, cx).await?;
        if let Some(dscp) = quotes.and_then(|quotes| quotes.dscp(&echo, address)) {
            cx.set(&DSCP_QUOTED, i64::from(dscp));
        }
        if let Some(holders) = holders {
            let why =
                |error: String| Fault::local("ask who has the address", label, error, "report this: it is a defect");
            let found = match holders {
                Ok(found) => found.await.map_err(|_| why("the thread ended early".to_owned()))?,
                Err(error) => return Err(why(error.to_string()).into()),
            };
            cx.set(&LINK_ADDRESSES, found?);
        }
        Ok(())
    }
}
