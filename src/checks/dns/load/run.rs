//! One load from its first query to the end of its last: workers on threads of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counts::QueryCounts;
use super::worker::{Job, QuerySocket, Worker};
use crate::model::Fault;
use crate::net::open_loop::Threads;

/// Threads get ready before the first query is due.
const LEAD: Duration = Duration::from_millis(3);

/// Runs the load; counts of all workers together.
pub(super) async fn run(job: &Arc<Job>) -> Result<QueryCounts, Fault> {
    let workers = job.workers.clamp(1, job.sockets.max(1));
    let mut shares: Vec<Vec<QuerySocket>> = Vec::new();
    shares.resize_with(workers, Vec::new);
    for index in 0..job.sockets.max(1) {
        if let Some(own) = shares.get_mut(index % workers) {
            own.push(QuerySocket::open(job, index)?);
        }
    }
    let start = Instant::now() + LEAD;
    let (mut threads, mut results) = (Threads::new(), Vec::new());
    for (number, sockets) in shares.into_iter().enumerate() {
        let worker = Worker::new(job, number, sockets, start);
        let result = threads.spawn(format!("dns-load-{number}"), move |stop| worker.run(stop)).map_err(|error| {
            Fault::local("start a thread", job.server.to_string(), error.to_string(), "lower `concurrency`")
        })?;
        results.push(result);
    }
    let mut sum = QueryCounts::default();
    for result in results {
        let counts = result.await.map_err(|_| {
            Fault::local("send DNS load", job.server.to_string(), "a worker ended early", "report this: it is a defect")
        })?;
        sum.merge(counts);
    }
    Ok(sum)
}
