//! Everything a server takes: versions, suites, groups, certificates, and how it behaves, by hellos that are not completed.

mod course;
mod end;
mod extra;
pub(super) mod facts;
mod job;
mod plan;
mod runner;
mod seen;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plan::{MOST, Plan};
use runner::Runner;
pub(super) use seen::Scan;

use super::facts::{ADDRESS, CONNECT_TIME, OUTCOME};
use super::look::sni;
use crate::model::{Args, Fault, Field, FieldKind, Invalid};
use crate::net::{IpFamily, resolve};
use crate::probe::{Cx, Mode};

/// A scan that expects nothing else ended, with something taken and nothing undecided.
pub(super) const MODES: &[Mode] = &[Mode {
    with: "scan: true",
    applies: |args| args.on("scan"),
    expect: Some("outcome: scanned\nscan.versions: {len: {ge: 1}}\nscan.unknown: {len: 0}"),
    facts: facts::TABLE,
}];

/// Connections at a time, unless the suite says otherwise.
const PARALLEL: usize = 8;
/// Connections a second towards an address that is not loopback, unless the suite says otherwise.
const RATE: f64 = 20.0;
/// The whole may take so many times the patience,
const PATIENCES: u32 = 12;
/// at least so long,
const LEAST: Duration = Duration::from_secs(30);

const SCAN: &[Field] = &[
    Field::default("parallel", FieldKind::Integer(1, 64), "8", "Connections at a time."),
    Field::optional(
        "rate",
        FieldKind::Rate,
        "Connections a second; default 20 /s towards an address that is not loopback, no limit on loopback.",
    ),
];

pub(super) const FIELDS: &[Field] = &[Field::optional(
    "scan",
    FieldKind::Switch(SCAN),
    "Finds every version, suite, group and certificate the server takes, beside one handshake.",
)];

/// A server to scan.
pub(super) struct Scanner {
    host: String,
    port: u16,
    family: IpFamily,
    source: Option<IpAddr>,
    sni: Option<String>,
    patience: Duration,
    parallel: usize,
    rate: Option<f64>,
}

impl Scanner {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (family, source) = IpFamily::with_source(args)?;
        let scan = args.group("scan");
        Ok(Self {
            host: args.string("host"),
            port: args.port("port").unwrap_or(443),
            family,
            source,
            sni: sni(args)?,
            patience: args.wait("timeout"),
            parallel: scan.and_then(|scan| scan.unsigned("parallel")).unwrap_or(PARALLEL),
            rate: scan.and_then(|scan| scan.number("rate")),
        })
    }

    /// Name lookup has the patience, the scan its limit; the rate is that of an address that is not loopback.
    pub(super) fn longest(&self) -> Duration {
        self.patience + self.limit(self.interval(false))
    }

    /// Scans after a handshake was tried, unless that found nobody to talk to; its outcome then stays.
    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let connected = cx.seen().merged(CONNECT_TIME.info.name).is_some();
        if connected && let Some(scan) = self.scan(cx).await? {
            facts::record(cx, &scan);
        }
        Ok(())
    }

    /// Scans the first address of the name; `None` when it has none, which is then recorded.
    async fn scan(&self, cx: &mut Cx<'_>) -> Result<Option<Scan>, Fault> {
        let addresses = match resolve(&self.host, self.family, self.patience).await? {
            Ok(addresses) => addresses,
            Err(why) => {
                cx.set(&OUTCOME, "unresolved");
                cx.note(why);
                return Ok(None);
            }
        };
        let Some(address) = addresses.first().copied() else {
            return Ok(None);
        };
        cx.set(&ADDRESS, address.to_string());
        let interval = self.interval(address.to_canonical().is_loopback());
        let runner = Runner {
            peer: SocketAddr::new(address, self.port),
            source: self.source,
            patience: self.patience,
            parallel: self.parallel,
            interval,
            limit: self.limit(interval),
        };
        runner.run(Plan::new(self.sni.clone()), self.sni.as_deref()).await.map(Some)
    }

    fn interval(&self, loopback: bool) -> Duration {
        let rate = self.rate.or((!loopback).then_some(RATE));
        rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()).unwrap_or_default()
    }

    /// and as long as the most connections take at the rate.
    fn limit(&self, interval: Duration) -> Duration {
        (self.patience * PATIENCES).max(LEAST) + interval.saturating_mul(MOST)
    }
}

#[cfg(test)]
mod tests;
