//! One exchange: a request, and as much of its answer as is looked at. Redirects are not followed.

use std::net::IpAddr;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::{HttpRequestSpec, HttpRoots, HttpTerms};
use crate::model::text::TextPart;
use crate::model::visible::visible;
use crate::model::{Fault, Text, human_time};
use crate::net::clock::MeasuredTime;
use crate::net::{IpVersion, Origin, deadline};
use crate::proto::http::request_head::{RequestHead, parse_header, parse_method, parse_url, written_target};
use crate::proto::http::{
    ExchangeError, FailureKind, HttpServer, Observer, Outgoing, Phase, Response, Version, VersionChoice, exchange,
};
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::{Roots, Trust};

/// Bytes of a body that are read at most.
const LONGEST: usize = 1 << 20;
/// Characters of a body that are shown.
const SHOWN: usize = 200;
/// What is left of the time when a connection that does not come about is looked at.
const TO_LOOK: Duration = Duration::from_millis(2);

/// An answer, as far as it is looked at.
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    location: Option<String>,
    body: Vec<u8>,
    /// The body ended.
    pub(super) is_whole: bool,
}

/// Why there is none.
pub(super) enum Unanswered {
    /// The server, or the way to it, did not give one.
    None(FailureKind, String),
    /// This side could not ask.
    Local(String),
}

impl Unanswered {
    pub(super) fn why(&self) -> String {
        match self {
            Self::None(_, why) | Self::Local(why) => why.clone(),
        }
    }

    /// It tells nothing of the service that is asked for.
    pub(super) fn is_of_the_way(&self) -> bool {
        match self {
            Self::None(kind, _) => !matches!(
                kind,
                FailureKind::Refused
                    | FailureKind::Reset
                    | FailureKind::Closed
                    | FailureKind::Timeout
                    | FailureKind::Unreachable
            ),
            Self::Local(_) => true,
        }
    }
}

impl From<Fault> for Unanswered {
    fn from(fault: Fault) -> Self {
        Self::Local(format!("could not be asked: {}; {}", fault.detail, fault.remedy))
    }
}

impl HttpAnswer {
    pub(super) fn contains(&self, wanted: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(wanted)
    }

    /// Status and the beginning of the body, for people.
    pub(super) fn told(&self) -> String {
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let head =
            format!("was answered with {}{}", self.status, reason.map(|words| format!(" {words}")).unwrap_or_default());
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().take(SHOWN).collect();
        let line = words.join(" ");
        let kept: String = line.chars().take(SHOWN).collect();
        // The mark of a cut: what redacts secrets looks for pieces of them beside it.
        let cut = if kept.len() < line.len() || words.len() >= SHOWN || !self.is_whole { "…" } else { "" };
        if kept.is_empty() { head } else { format!("{head} (\"{}{cut}\")", visible(&kept)) }
    }

    /// Where a redirect leads.
    pub(super) fn leads_elsewhere(&self) -> String {
        let target = self.location.as_ref().filter(|_| (300..400).contains(&self.status));
        let told = |target: &String| format!("; it leads to {target}, and is not followed: write the URL that does it");
        target.map(told).unwrap_or_default()
    }

    /// Whether a later try may be accepted.
    pub(super) fn may_pass(&self) -> bool {
        self.status >= 500 || matches!(self.status, 408 | 409 | 423 | 425 | 429)
    }
}

/// What nobody may see of a part of a text.
pub(super) fn hidden(part: TextPart<'_>) -> Option<&str> {
    match part {
        TextPart::Plain(_) => None,
        TextPart::Hidden { value, .. } => Some(value),
    }
}

impl HttpTerms {
    fn trust(&self) -> Trust {
        let text = |path: &std::path::PathBuf| Text::from(&*path.to_string_lossy());
        let roots = match &self.roots {
            HttpRoots::Webpki => Roots::Webpki,
            HttpRoots::System => Roots::System,
            HttpRoots::File(file) => Roots::File(text(file)),
        };
        Trust::new(roots, self.client.as_ref().map(|(certificate, key)| (text(certificate), text(key))))
    }

    /// Whether its files can be read.
    pub(super) async fn load(&self) -> Result<(), String> {
        let told = |fault: Fault| format!("{fault}; {}", fault.remedy);
        self.trust().load().await.map(drop).map_err(told)
    }
}

/// A request, ready to be sent.
struct PreparedRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    authority: Option<Authority>,
    body: Bytes,
}

impl HttpRequestSpec {
    /// Why it cannot be sent as it is written: the mistake, and the remedy.
    #[must_use]
    pub fn unsendable(&self) -> Option<(String, String)> {
        self.prepared().err()
    }

    pub(super) fn is_sendable(&self) -> Result<(), String> {
        self.prepared().map(drop).map_err(|(why, _)| format!("cannot be sent: {why}"))
    }

    fn prepared(&self) -> Result<PreparedRequest, (String, String)> {
        let url = parse_url(&self.url, &self.url, "write a header `authorization` with a variable of `secrets`")?;
        let method = parse_method(&self.method, self.body.is_some())?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("shakedown/", env!("CARGO_PKG_VERSION"))));
        let mut written = HeaderMap::new();
        for (name, value) in &self.headers {
            let (name, value): (HeaderName, HeaderValue) = parse_header(name, value, "leave it out")?;
            written.append(name, value);
        }
        let host = written.remove(HOST).map(|host| Authority::try_from(host.as_bytes()));
        let authority = host.transpose().map_err(|_| {
            ("`host` is not a host".to_owned(), "write a name, and a port after a colon if any".to_owned())
        })?;
        // `extend` replaces a default by the suite's own and keeps the suite's repeats.
        headers.extend(written);
        let body = self.body.as_ref().map_or_else(Bytes::new, |body| Bytes::copy_from_slice(body.as_bytes()));
        // A body of nothing has a length too where a body is expected (RFC 9110, 8.6): some servers wait for it otherwise.
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(PreparedRequest { method, url, headers, authority, body })
    }

    /// The host of its URL, without brackets.
    pub(super) fn host(&self) -> String {
        let url = Url::parse(&self.url).ok();
        let host = url.as_ref().and_then(Url::host_str).map(|host| host.trim_matches(['[', ']']).to_owned());
        host.unwrap_or_else(|| self.url.shown().to_owned())
    }

    /// Host and port of its URL.
    pub(super) fn place(&self) -> String {
        let url = Url::parse(&self.url).ok();
        let place = url.as_ref().and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)));
        place.unwrap_or_else(|| self.url.shown().to_owned())
    }

    /// Sends it once, and reads the answer.
    pub(super) async fn ask(&self, terms: &HttpTerms) -> Result<HttpAnswer, Unanswered> {
        let end = Instant::now() + terms.timeout;
        let prepared = self.prepared().map_err(|(why, _)| Unanswered::Local(format!("cannot be sent: {why}")))?;
        let mut progress = ExchangeProgress { phase: Phase::Resolve };
        match deadline::until(end, self.exchange(&prepared, terms, &mut progress, end)).await {
            Ok(Ok(response)) => Ok(read(response, end).await),
            Ok(Err(none)) => Err(none),
            Err(_) => Err(progress.silence(&prepared, terms.timeout)),
        }
    }

    async fn exchange(
        &self,
        prepared: &PreparedRequest,
        terms: &HttpTerms,
        progress: &mut ExchangeProgress,
        end: Instant,
    ) -> Result<Response, Unanswered> {
        let (trust, host) = (terms.trust(), Text::from(prepared.url.host_str().unwrap_or_default()));
        let server = HttpServer {
            url: &prepared.url,
            host: &host,
            address: None,
            ip_version: IpVersion::Any,
            origin: Origin::default(),
            version: VersionChoice::Auto,
            names: None,
            proxy: None,
            trust: &trust,
            verify: true,
            kept: None,
            until: end.checked_sub(TO_LOOK).unwrap_or(end),
        };
        let target = written_target(&self.url);
        let build = |version: Version| {
            let (target, authority) = (target.as_ref(), prepared.authority.as_ref());
            let head = RequestHead {
                method: &prepared.method,
                url: &prepared.url,
                target,
                authority,
                headers: &prepared.headers,
            };
            head.with(version, Outgoing::now(prepared.body.clone()))
        };
        exchange(&server, build, progress).await.map_err(|error| match error {
            ExchangeError::NoResponse(none) => Unanswered::None(none.kind, format!("got no answer: {}", none.why)),
            ExchangeError::Fault(fault) => fault.into(),
        })
    }
}

/// Head and body; of one that breaks off, or takes too long, what came until `end`.
async fn read(response: Response, end: Instant) -> HttpAnswer {
    let Response { head, mut body } = response;
    let location = head.headers.get(LOCATION).map(|target| visible(&String::from_utf8_lossy(target.as_bytes())));
    let mut answer = HttpAnswer { status: head.status.as_u16(), location, body: Vec::new(), is_whole: false };
    loop {
        match deadline::until(end, body.next()).await {
            Ok(Ok(Some(data))) => {
                let room = LONGEST - answer.body.len();
                answer.body.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
                if data.len() > room {
                    return answer;
                }
            }
            Ok(Ok(None)) => {
                answer.is_whole = true;
                return answer;
            }
            Ok(Err(_)) | Err(_) => return answer,
        }
    }
}

/// How far it came.
struct ExchangeProgress {
    phase: Phase,
}

impl ExchangeProgress {
    /// How its time ran out.
    fn silence(&self, prepared: &PreparedRequest, timeout: Duration) -> Unanswered {
        let within = human_time(timeout);
        let host = prepared.url.host_str().unwrap_or_default();
        let why = match self.phase {
            Phase::Resolve => {
                let why = format!("got no answer: the name {host} was not resolved within {within}");
                return Unanswered::None(FailureKind::Unresolved, why);
            }
            Phase::Connect | Phase::Quic | Phase::Proxy => {
                format!("got no answer: {host} did not accept a connection within {within}")
            }
            Phase::Tls => format!("got no answer: {host} did not finish the TLS handshake within {within}"),
            Phase::Head | Phase::Body => {
                format!("was sent, but {host} did not answer within {within}: nobody knows whether it was done")
            }
        };
        Unanswered::None(FailureKind::Timeout, why)
    }
}

impl Observer for ExchangeProgress {
    fn begins(&mut self, phase: Phase) {
        self.phase = phase;
    }

    fn ended(&mut self, _: Phase, _: MeasuredTime) {}

    fn resolved(&mut self, _: &[IpAddr]) {}

    fn connects_to(&mut self, _: IpAddr) {}

    fn proxied(&mut self, _: &'static str, _: Option<u16>) {}

    fn certificate(&mut self, _: &Certificate) {}

    fn trusted(&mut self, _: &str) {}

    fn noted(&mut self, _: String) {}
}
