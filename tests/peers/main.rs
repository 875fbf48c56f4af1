//! Real daemons as peers: what `shakedown` says about them is held against what the daemons and the field's own tools say.
//!
//! Every daemon is started here, on 127.0.0.1, on a port found when the test runs, with its files in a scratch folder.
//! A program that is not installed skips its tests, and every skip is counted and shown (see [`peer`]).

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../api/mod.rs"]
mod api;
mod certificates;
mod daemon;
mod dnssec;
#[path = "../lab/mod.rs"]
mod lab;
mod peer;
mod pki;
#[path = "../reports/mod.rs"]
mod reports;
mod sandbox;
#[path = "../skips/mod.rs"]
mod skips;

mod aioquic;
mod beyond_offer;
#[path = "../breakages/mod.rs"]
mod breakages;
mod chains;
mod dns_update;
mod dnsload;
mod encrypted;
mod failover_lab;
mod half_resolved;
mod haproxy;
mod history;
mod iperf3;
mod junit;
mod knot;
mod namespace;
mod nginx;
mod nsd;
mod profiles;
mod s_server;
mod scan;
mod schemas;
mod signed;
mod sshd;
mod starttls;
mod survey;
mod terms;

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nothing here takes this long unless something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// Polls `condition` until it gives something, for as long as `patience` lasts.
fn within<T>(patience: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        // Between two polls the processor belongs to the daemon that is waited for.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Tests that load the machine, or mind when others do, run one at a time.
fn quiet() -> MutexGuard<'static, ()> {
    static ROOM: Mutex<()> = Mutex::new(());
    ROOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The standard output of a program; it must succeed.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}
