//! The body of an answer, bounded in what is kept and in what is read.

use hyper::http::response::Parts;

use super::trace::Trace;
use crate::proto::http::{NoResponse, Phase, Response};

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
pub(super) async fn read(response: Response, limit: usize, trace: &mut Trace) -> Result<Answer, NoResponse> {
    trace.phase = Phase::Body;
    let Response { head, mut body } = response;
    let mut kept = Vec::new();
    let url = trace.url.clone();
    let located = |none: NoResponse| NoResponse { why: format!("{url}: {}", none.why), ..none };
    while let Some(data) = body.next().await.map_err(located)? {
        trace.bytes += data.len() as u64;
        let room = limit.saturating_sub(kept.len());
        kept.extend_from_slice(data.get(..room).unwrap_or(&data));
        if trace.bytes > MOST {
            break;
        }
    }
    let truncated = trace.bytes > kept.len() as u64;
    Ok(Answer { head, kept, size: trace.bytes, truncated })
}
