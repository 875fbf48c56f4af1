//! The body of an answer, bounded in what is kept and in what is read.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::response::Parts;

use super::hop::{Connection, Phase, Stop, Trace};

/// Bytes of body after which reading stops, however many are still to come.
const MOST: u64 = 64 * 1024 * 1024;

/// A whole answer.
pub(super) struct Answer {
    pub(super) head: Parts,
    /// The first bytes of the body.
    pub(super) kept: Vec<u8>,
    /// Bytes of body that arrived.
    pub(super) size: u64,
    /// More arrived than was kept, or reading stopped.
    pub(super) truncated: bool,
}

/// Reads the body to its end, or to the most that is read.
pub(super) async fn read(
    head: Parts,
    mut body: Incoming,
    connection: &Connection,
    limit: usize,
    trace: &mut Trace,
) -> Result<Answer, Stop> {
    trace.phase = Phase::Body;
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let (outcome, why) = connection.watch.explain(&error);
            Stop::Seen(outcome, format!("{}: {why}", trace.url))
        })?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        trace.bytes += data.len() as u64;
        let room = limit.saturating_sub(kept.len());
        kept.extend_from_slice(data.get(..room).unwrap_or(data));
        if trace.bytes > MOST {
            break;
        }
    }
    let truncated = trace.bytes > kept.len() as u64;
    Ok(Answer { head, kept, size: trace.bytes, truncated })
}
