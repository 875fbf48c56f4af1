//! For the fuzzer: what a server says, from its first byte to the facts, without a network.

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::trace::Trace;
use super::{Http, answer, record, request};
use crate::model::Observation;
use crate::net::Origin;
use crate::probe::{Cx, Probe};
use crate::proto::http::{ResponseLimits, Version, send};

/// Bytes of a body that are kept.
const LIMIT: usize = 4096;
const LIMITS: ResponseLimits = ResponseLimits { head: 64 * 1024, window: None };

/// Reads `bytes` as what a server sends over a connection before it closes it; the first says which version was asked for.
pub async fn answer(bytes: &[u8]) -> Observation {
    let mut observation = Observation::default();
    let Some((version, said)) = bytes.split_first() else { return observation };
    let version = if version & 1 == 0 { Version::Http1 } else { Version::Http2 };
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let said = said.to_vec();
    // The server talks once it was asked.
    let server = tokio::spawn(async move {
        let _ = far.read(&mut [0; 1024]).await;
        let _ = far.write_all(&said).await;
        let _ = far.shutdown().await;
        // What the client says later is taken, so that it hears the end and no reset.
        let _ = tokio::io::copy(&mut far, &mut tokio::io::sink()).await;
    });
    let (Ok(url), Ok(request)) =
        (Url::parse("http://x.test/a?b"), Request::get("http://x.test/a?b").body(Full::new(Bytes::new())))
    else {
        return observation;
    };
    let Ok(response) = send(near, version, LIMITS, request).await else { return observation };
    let _ = request::redirect(&url, response.head.status, &response.head.headers);
    let mut trace = Trace::new(url.clone(), url.to_string());
    let mut cx = Cx::new(&mut observation, <Http as Probe>::FACTS, Instant::now(), 0, CancellationToken::new());
    if let Ok(answer) = answer::read(response, None, LIMIT, &mut trace).await {
        record::record_answer(&mut cx, &answer, &url, &[]);
    }
    record::record_trace(&mut cx, &trace, Origin::default(), true);
    server.abort();
    observation
}
