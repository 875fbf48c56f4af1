//! One load from its first query to the end of its last: workers on threads of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::tally::Tally;
use super::worker::{Job, Lane, Worker};
use crate::model::Fault;

/// Threads get ready before the first query is due.
const LEAD: Duration = Duration::from_millis(3);

/// Ends the workers when it goes, however that comes: with the round, its deadline or the run.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the load; counts of all workers together.
pub(super) async fn run(job: &Arc<Job>) -> Result<Tally, Fault> {
    let stop = Stop(Arc::default());
    let workers = job.workers.clamp(1, job.sockets.max(1));
    let mut lanes: Vec<Vec<Lane>> = Vec::new();
    lanes.resize_with(workers, Vec::new);
    for index in 0..job.sockets.max(1) {
        if let Some(own) = lanes.get_mut(index % workers) {
            own.push(Lane::open(job, index)?);
        }
    }
    let start = Instant::now() + LEAD;
    let mut results = Vec::new();
    for (number, own) in lanes.into_iter().enumerate() {
        let worker = Worker::new(job, number, own, start, &stop.0);
        let (send, receive) = oneshot::channel();
        let work = move || {
            // Nobody listens any more only when the round has ended.
            let _ = send.send(worker.run());
        };
        let thread = std::thread::Builder::new().name(format!("dns-load-{number}")).spawn(work);
        thread.map_err(|error| {
            Fault::local("start a thread", job.server.to_string(), error.to_string(), "lower `concurrency`")
        })?;
        results.push(receive);
    }
    let mut sum = Tally::default();
    for receive in results {
        let tally = receive.await.map_err(|_| {
            Fault::local("send DNS load", job.server.to_string(), "a worker ended early", "report this: it is a defect")
        })?;
        sum.merge(tally);
    }
    Ok(sum)
}
