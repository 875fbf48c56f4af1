//! Finds the MTU of the path by what passes (RFC 8899), not by what routers say, which tells a link that is too small from one behind which
//! nobody says so.

mod diagnosis;
mod facts;
mod fields;
mod prober;

use std::net::SocketAddr;
use std::time::Duration;

pub(super) use diagnosis::diagnose;
use facts::{BLACK_HOLE, INTERFACE, PATH_MTU, REPORTED, ROUTER};
pub(super) use facts::{FACTS, OWN};
pub(super) use fields::{FIELDS, MTU};
use prober::{LengthOutcome, Prober};

use super::facts::{ADDRESS, BLOCKED, ERRORS, OUTCOME, SENT};
use super::fields::{COUNT, DSCP, HOP_LIMIT, INTERVAL, SIZE, TIMEOUT};
use crate::checks::shared::mtu_search::Search;
use crate::checks::shared::target::Target;
use crate::model::{Args, Fault, Invalid, Text};
use crate::net::dial::local_fault;
use crate::net::this_host;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::icmp::{Options, Pinger};

/// Least payload: the number of the probe must be in it.
const LEAST_SIZE: usize = 16;
/// Longest IP packet there can be.
const LONGEST: usize = 65_535;
/// Tries of each length, unless the check says otherwise.
const TRIES: u32 = 3;
/// Most lengths that are tried.
const LENGTHS: u32 = 18;
/// Time beside the schedule for the evaluation.
const MARGIN: Duration = Duration::from_millis(500);

/// Whether the fields of a check ask for a search.
pub(super) fn applies(args: &Args) -> bool {
    args.given(&MTU)
}

/// A host, and how to search the path to it.
pub(super) struct PathMtu {
    pub(super) target: Target,
    tries: u32,
    interval: Duration,
    size: usize,
    options: Options,
}

impl PathMtu {
    pub(super) fn from_args(args: &Args, host: Text) -> Result<Self, Invalid> {
        let target = Target::from_args(args, host, 0, args.get(&TIMEOUT))?;
        let size = args.get(&SIZE);
        if size < LEAST_SIZE {
            let message = format!(
                "with {size} bytes of payload the replies to packets of different lengths cannot be told apart"
            );
            return Err(SIZE.invalid(message, format!("write {LEAST_SIZE} B or more, or leave `size` out")));
        }
        Ok(Self {
            tries: args.get(&COUNT).unwrap_or(TRIES),
            interval: args.get(&INTERVAL),
            size,
            options: Options {
                origin: target.origin,
                ttl: args.get(&HOP_LIMIT),
                dont_fragment: true,
                dscp: args.get(&DSCP),
                flow: None,
            },
            target,
        })
    }

    pub(super) fn longest(&self) -> Duration {
        // The border is tried in pairs once more.
        self.interval.max(self.target.timeout) * (self.tries * (LENGTHS + 2)) + self.target.timeout * 2 + MARGIN
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.search(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    async fn search(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let address = self.target.address().await?;
        cx.set(&ADDRESS, self.target.origin.label(address));
        let peer = SocketAddr::new(address, 0);
        if let Some(error) = this_host::route_error(peer, self.target.origin) {
            return Err(this_host::route_fault(&error, "send ICMP echo request", peer, self.target.origin).into());
        }
        let mtu = this_host::interface_mtu(address, self.target.origin)
            .map_err(|error| local_fault(&error, "look up the MTU of the interface", peer))?;
        let top = mtu.map_or(LONGEST, |mtu| (mtu as usize).min(LONGEST));
        let pinger = Pinger::open(address, top, cx.seed(), self.options)?;
        let mut prober = Prober::new(pinger, address, self.interval, self.target.timeout);
        let base = self.size + prober.overhead();
        let mut search = Search::new(base, top);
        let found = self.find(&mut prober, &mut search, base).await;
        cx.set(&SENT, i64::try_from(prober.sent()).unwrap_or(i64::MAX));
        cx.set(&BLOCKED, i64::from(prober.blocked));
        cx.set(&ERRORS, prober.errors.iter().map(|(text, count)| format!("{text} x{count}")).collect::<Vec<_>>());
        found?;
        report(cx, &prober, &search);
        Ok(())
    }

    /// Tries lengths until the border is known, and holds on the way.
    async fn find(&self, prober: &mut Prober, search: &mut Search, base: usize) -> Result<(), EarlyEnd> {
        match self.tries(prober, search, base).await? {
            LengthOutcome::Passed => {}
            LengthOutcome::OwnLimit => return Err(too_long(prober, base).into()),
            LengthOutcome::TooBig => {
                return Err(EarlyEnd::outcome("too_big", format!("a packet of {base} bytes does not fit the path")));
            }
            LengthOutcome::Unreachable => return Err(EarlyEnd::outcome("unreachable", self.said(prober))),
            LengthOutcome::Silent => {
                let why = format!("no answer from {} to {} packets of {base} bytes", self.target.label(), self.tries);
                return Err(EarlyEnd::outcome("silent", why));
            }
        }
        loop {
            if let Some(length) = search.next() {
                match self.tries(prober, search, length).await? {
                    LengthOutcome::Passed => {}
                    LengthOutcome::OwnLimit => search.own_limit(length),
                    LengthOutcome::TooBig | LengthOutcome::Unreachable | LengthOutcome::Silent => search.failed(length),
                }
            } else if self.holds(prober, search).await? {
                return Ok(());
            }
        }
    }

    /// One length: the first thing that is said of it.
    async fn tries(&self, prober: &mut Prober, search: &mut Search, length: usize) -> Result<LengthOutcome, Fault> {
        for _ in 0..self.tries {
            match prober.probe(length, search).await? {
                LengthOutcome::Silent if search.low() < length => {}
                // Answered, only late.
                LengthOutcome::Silent => return Ok(LengthOutcome::Passed),
                tried => return Ok(tried),
            }
        }
        Ok(LengthOutcome::Silent)
    }

    /// Whether the border is one of length and not of luck: where nobody reports it, packets of both sides of it in turn.
    async fn holds(&self, prober: &mut Prober, search: &mut Search) -> Result<bool, EarlyEnd> {
        let low = search.low();
        if low >= search.top() || told(prober, low) {
            return Ok(true);
        }
        let mut answered = 0;
        for _ in 0..self.tries {
            if prober.probe(low + 1, search).await? == LengthOutcome::Passed || search.low() > low {
                return Ok(false);
            }
            answered += u32::from(prober.probe(low, search).await? == LengthOutcome::Passed);
        }
        if answered == 0 {
            let why = format!("{} stopped answering while packets of different lengths were sent", self.target.label());
            return Err(EarlyEnd::outcome("silent", why));
        }
        Ok(true)
    }

    fn said(&self, prober: &Prober) -> String {
        let said: Vec<&str> = prober.errors.keys().map(String::as_str).collect();
        format!("{} cannot be reached: {}", self.target.label(), said.join(", "))
    }
}

/// The first packet does not even leave.
fn too_long(prober: &Prober, base: usize) -> Fault {
    let remedy = "lower `size`, or raise the MTU of the interface; nothing is known of the path";
    let why = format!("a packet of {base} bytes is longer than the MTU of this host's own interface");
    Fault::local("send ICMP echo request", prober.target.to_string(), why, remedy)
}

/// Whether a router said that the path carries no more than this.
fn told(prober: &Prober, length: usize) -> bool {
    // Routers older than RFC 1191 name no MTU.
    prober.report.is_some_and(|report| report.mtu.is_none_or(|mtu| mtu as usize <= length))
}

/// Records what was found.
fn report(cx: &mut Cx<'_>, prober: &Prober, search: &Search) {
    let (low, top) = (search.low(), search.top());
    let bytes = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    cx.set(&OUTCOME, "replied");
    cx.set(&PATH_MTU, bytes(low));
    cx.set(&INTERFACE, bytes(top));
    cx.set(&BLACK_HOLE, low < top && !told(prober, low));
    if let Some(report) = prober.report {
        cx.set(&ROUTER, report.router.to_string());
        if let Some(mtu) = report.mtu {
            cx.set(&REPORTED, i64::from(mtu));
        }
    }
}
