//! The body of an answer, bounded in what is kept and in what is read, and what it was before it was coded.

use aws_lc_rs::digest::{Context, SHA256};
use hyper::header::{CONTENT_ENCODING, HeaderMap, TRANSFER_ENCODING};
use hyper::http::response::Parts;

use super::trace::Trace;
use crate::net::bytes::hex;
use crate::probe::EarlyEnd;
use crate::proto::http::coding::{self, MOST_DECODED};
use crate::proto::http::{NoResponse, Phase, Response};

/// Bytes of body after which reading stops, however many are still to come.
const MOST: u64 = 64 * 1024 * 1024;
/// Bytes kept of a coded body beyond `limit`: what does not compress grows a little.
const CODED: usize = 64 * 1024;

/// A whole answer.
pub(super) struct WholeAnswer {
    pub(super) head: Parts,
    /// Why it has no body, so that nothing is known of one.
    pub(super) without: Option<&'static str>,
    /// The first bytes of the body, decoded.
    pub(super) kept: Vec<u8>,
    /// Bytes of body that arrived, as they were sent.
    pub(super) size: u64,
    /// Reading stopped before the end of the body.
    pub(super) stopped: bool,
    /// Bytes of body decoded; absent for a body whose coding is not known.
    pub(super) decoded: Option<u64>,
    /// Why `kept` is not the whole body; `None` when it is.
    pub(super) cut: Option<String>,
    /// SHA-256 of the whole body, decoded; absent where not all of it was seen.
    pub(super) sha256: Option<String>,
    /// Why `decoded` is not the size of the whole body.
    pub(super) more: Option<String>,
}

/// Reads the body to its end, or to the most that is read; `without` is why there is none.
pub(super) async fn read(
    response: Response,
    without: Option<&'static str>,
    limit: usize,
    trace: &mut Trace,
) -> Result<WholeAnswer, EarlyEnd> {
    trace.phase = Phase::Body;
    let Response { head, mut body } = response;
    let mut kept = Vec::new();
    let url = trace.url.clone();
    let located = |none: NoResponse| none.of(url.as_str());
    let values = head.headers.get_all(CONTENT_ENCODING).iter();
    let codings = coding::named(values.map(|value| value.to_str().unwrap_or("that is no text")));
    let codings = codings.and_then(|codings| transferred_plainly(&head.headers).map(|()| codings));
    let coded = codings.as_ref().is_ok_and(|codings| !codings.is_empty());
    let room_for = if coded { limit.saturating_add(CODED) } else { limit };
    let mut digest = Context::new(&SHA256);
    while let Some(data) = body.next().await.map_err(located)? {
        trace.arrived(data.len() as u64);
        digest.update(&data);
        let room = room_for.saturating_sub(kept.len());
        kept.extend_from_slice(data.get(..room).unwrap_or(&data));
        if trace.bytes > MOST {
            break;
        }
    }
    let (size, stopped) = (trace.bytes, trace.bytes > MOST);
    let beyond = || format!("only {limit} bytes of the body are kept (`limit`)");
    let codings = match codings {
        Ok(codings) => codings,
        Err(why) => {
            let (kept, decoded, sha256) = (Vec::new(), None, None);
            let (cut, more) = (Some(why.clone()), Some(why));
            return Ok(WholeAnswer { head, without, kept, size, stopped, decoded, cut, sha256, more });
        }
    };
    if !coded || size == 0 {
        let cut = (size > kept.len() as u64).then(beyond);
        let more = stopped.then(|| format!("reading stops after {MOST} bytes"));
        let sha256 = (!stopped).then(|| hex(digest.finish().as_ref()));
        return Ok(WholeAnswer { head, without, kept, size, stopped, decoded: Some(size), cut, sha256, more });
    }
    let whole = size == kept.len() as u64;
    let decoded = coding::decode(&codings, &kept, whole, limit);
    let decoded = decoded.map_err(|why| EarlyEnd::outcome("malformed", format!("{url}: {why}")))?;
    let cut = (decoded.cut || decoded.size > decoded.kept.len() as u64).then(beyond);
    let more = decoded.cut.then(|| {
        let bomb = format!("decoding stops after {MOST_DECODED} bytes");
        if whole { bomb } else { format!("of a coded body {room_for} bytes are decoded, for a `limit` of {limit}") }
    });
    let sha256 = Some(decoded.sha256).filter(|digest| !digest.is_empty());
    Ok(WholeAnswer { head, without, kept: decoded.kept, size, stopped, decoded: Some(decoded.size), cut, sha256, more })
}

/// `Err` names a coding of the transfer that is not undone here; nobody may use one unasked (RFC 9112, 7.4).
fn transferred_plainly(headers: &HeaderMap) -> Result<(), String> {
    let values = headers.get_all(TRANSFER_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(',')).map(str::trim);
    let plain =
        |coding: &str| coding.is_empty() || ["chunked", "identity"].iter().any(|one| coding.eq_ignore_ascii_case(one));
    codings
        .find(|coding| !plain(coding))
        .map_or(Ok(()), |coding| Err(format!("transfer-encoding {coding} is not undone here")))
}
