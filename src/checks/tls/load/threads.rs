//! The threads of a load. Each has a runtime of its own, so that a handshake stays on its core from SYN to goodbye, and
//! counts of its own; they share the schedule.

use std::cell::RefCell;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::counts::HandshakeCounts;
use super::load_run::{LoadRun, timer_fault};
use crate::model::Fault;
use crate::net::open_loop::Threads;
use crate::net::sys::timer::Timer;

/// Makes the load and adds up the counts. Returns early, and ends the threads, when one cannot work.
pub(super) async fn run(load: &Arc<LoadRun>) -> Result<HandshakeCounts, Fault> {
    let (mut threads, mut workers) = (Threads::new(), FuturesUnordered::new());
    for index in 0..load.threads() {
        let connections = load.settings.connections;
        let share = connections / load.threads() + usize::from(index < connections % load.threads());
        let load = load.clone();
        let result = threads
            .spawn(format!("tls-load-{index}"), move |stop| thread(&load, share, stop))
            .map_err(|error| thread_fault(&error))?;
        workers.push(async move { result.await.unwrap_or_else(|_| Err(thread_fault(&"it ended without a word"))) });
    }
    let mut all = HandshakeCounts::default();
    while let Some(counts) = workers.try_next().await? {
        all.merge(&counts);
    }
    Ok(all)
}

fn thread(load: &LoadRun, connections: usize, stop: &CancellationToken) -> Result<HandshakeCounts, Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| thread_fault(&error))?;
    let counts = RefCell::default();
    runtime.block_on(async {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            outcome = all_connections(load, connections, &counts) => outcome,
        }
    })?;
    Ok(counts.into_inner())
}

/// All connections of a thread.
async fn all_connections(load: &LoadRun, number: usize, counts: &RefCell<HandshakeCounts>) -> Result<(), Fault> {
    let mut connections = Vec::with_capacity(number);
    // Sessions belong to one connection; without them one client does for all.
    let shared = Arc::new(load.clients.client());
    for _ in 0..number {
        let client = if load.settings.resume { Arc::new(load.clients.client()) } else { shared.clone() };
        let timer = load.settings.rate.map(|_| Timer::new()).transpose().map_err(|error| timer_fault(&error))?;
        connections.push(Connection { load, client, timer, counts });
    }
    if load.settings.resume {
        let first: FuturesUnordered<_> = connections.iter().map(Connection::first_session).collect();
        first.try_collect::<()>().await?;
    }
    load.ready.wait().await;
    let period = load.begin();
    let running: FuturesUnordered<_> = connections.iter().map(|connection| connection.run(period)).collect();
    running.try_collect().await
}

fn thread_fault(error: &dyn std::fmt::Display) -> Fault {
    Fault::local(
        "start a thread for load",
        "",
        error.to_string(),
        "check the limits of processes and memory (`ulimit -a`)",
    )
}
