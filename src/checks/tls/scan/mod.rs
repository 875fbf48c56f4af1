//! Everything a server takes: versions, suites, groups, certificates, and how it behaves, by hellos that are not completed.

pub(super) mod facts;
mod finish;
mod groups;
mod plan;
mod profile_input;
mod properties;
mod question;
mod result;
mod runner;
mod suite_enumeration;

use std::time::Duration;

use plan::{MAX_CONNECTIONS, Plan};
use runner::Runner;

use super::certificates::STAPLED;
use super::fields::TIMEOUT;
use super::handshake_check::FirstHandshake;
use super::offer::sni;
use super::profile::{self, PROFILES, Profiles};
use crate::model::table::fields;
use crate::model::{Args, Fault, Field, FieldKind, Invalid, Switch, Value};
use crate::probe::{Cx, Mode};

/// A scan ended with something taken and nothing undecided; the certificate must verify as without it.
pub(super) const MODES: &[Mode] = &[
    Mode::of("scan: true", |args| args.get(&SCAN).is_on(), facts::FACTS)
        .adds("outcome: scanned\nscan.versions: {len: {ge: 1}}\nscan.unknown: {len: 0}"),
    Mode::of("scan: true, profiles: […]", |args| args.get(&SCAN).is_on() && args.given(&PROFILES), profile::FACTS)
        .adds("profile.breaches: {len: 0}\nprofile.undecided: {len: 0}"),
];

/// Connections a second towards an address that is not loopback, unless the suite says otherwise.
const REMOTE_RATE: f64 = 20.0;
/// The whole may take so many times the timeout,
const TIMEOUTS: u32 = 12;
/// at least so long,
const LEAST: Duration = Duration::from_secs(30);

fields! { SETTINGS;
    const PARALLEL: Field<usize> =
        Field::default("parallel", FieldKind::Integer(1, 64), "8", "Maximum number of simultaneous connections.");
    const RATE: Field<Option<f64>> = Field::optional(
        "rate",
        FieldKind::Rate,
        "Connections per second. Default: 20 /s towards an address that is not loopback, no limit on loopback.",
    );
}

fields! { pub(super) FIELDS;
    pub(super) const SCAN: Field<Switch> = Field::optional(
        "scan",
        FieldKind::Switch(SETTINGS),
        "Find every version, cipher suite, group and certificate that the server accepts, in addition to the one handshake.",
    );
}

/// A server to scan.
pub(super) struct Scanner {
    sni: Option<String>,
    timeout: Duration,
    parallel: usize,
    rate: Option<f64>,
    profiles: Profiles,
}

impl Scanner {
    /// `None` when the check does not ask for a scan.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Invalid> {
        let Switch::On(settings) = args.get(&SCAN) else { return Ok(None) };
        Ok(Some(Self {
            sni: sni(args)?,
            timeout: args.get(&TIMEOUT),
            parallel: settings.get(&PARALLEL),
            rate: settings.get(&RATE),
            profiles: Profiles::from_args(args)?,
        }))
    }

    /// The scan has its limit; the rate is that of an address that is not loopback.
    pub(super) fn longest(&self) -> Duration {
        self.limit(self.interval(false))
    }

    /// Scans the address of the handshake before. Where nobody there speaks TLS, its outcome stays.
    pub(super) async fn run(&self, cx: &mut Cx<'_>, first: FirstHandshake<'_>) -> Result<(), Fault> {
        let FirstHandshake { client, completed, fault: unable, .. } = first;
        let connector = client.connector;
        // A profile that cannot be read is told before the server is bothered.
        self.profiles.load().await?;
        let interval = self.interval(connector.peer.ip().to_canonical().is_loopback());
        let runner = Runner { connector, parallel: self.parallel, interval, limit: self.limit(interval) };
        let scan = runner.run(Plan::new(self.sni.clone()), self.sni.as_deref()).await?;
        facts::record(cx, &scan);
        if scan.suites.is_empty() {
            return unable.map_or(Ok(()), Err);
        }
        if let Some(fault) = unable {
            cx.note(format!("what needs the handshake is not judged: {fault}"));
            let all = super::facts::FACTS.iter().chain(super::certificates::FACTS);
            // Of a handshake that was completed only the verdict is missing.
            cx.unavailable(all.filter(|info| !completed || is_verdict(info.name)), &fault);
        }
        let stapled = cx.observation().latest().last(STAPLED.info.name).and_then(Value::as_bool);
        self.profiles.record(cx, &profile_input::profile_input(&scan, stapled)).await
    }

    fn interval(&self, loopback: bool) -> Duration {
        let rate = self.rate.or((!loopback).then_some(REMOTE_RATE));
        rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()).unwrap_or_default()
    }

    /// and as long as the most connections take at the rate.
    fn limit(&self, interval: Duration) -> Duration {
        (self.timeout * TIMEOUTS).max(LEAST) + interval.saturating_mul(MAX_CONNECTIONS)
    }
}

/// A fact that says whether a certificate, or which path, verifies.
fn is_verdict(fact: &str) -> bool {
    matches!(fact, "verified" | "verify_error" | "certificates.verified") || fact.starts_with("path.")
}

#[cfg(test)]
mod tests;
