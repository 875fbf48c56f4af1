//! How an exchange becomes facts.

use std::net::IpAddr;

use hyper::header::{CONTENT_TYPE, HeaderMap, SET_COOKIE};
use hyper::{StatusCode, Version};
use url::Url as ParsedUrl;

use super::answer::WholeAnswer;
use super::facts::{
    ADDRESS, BODY, BODY_DECODED_SIZE, BODY_JSON, BODY_SHA256, BODY_SIZE, BODY_TRUNCATED, CERTIFICATE_EXPIRES_IN,
    CONNECT_TIME, CONTENT, FIRST_BYTE_TIME, HEADERS, REDIRECTS, REPEATED_HEADERS, RESOLVE_TIME, STATUS, TLS_TIME, URL,
    VERSION,
};
use super::json_path::{self, JsonPathQuery};
use super::trace::Trace;
use super::{cookies, policies, proxied, repeated};
use crate::model::Value;
use crate::model::count::counted;
use crate::net::Origin;
use crate::net::bytes::readable;
use crate::net::clock::MeasuredTime;
use crate::probe::Cx;
use crate::proto::http::cookie::masked;
use crate::proto::http::{Observer, Phase, charset};
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::now;

/// Bytes of a body shown as evidence, less a character that is cut.
const BEGINNING: usize = 200;
/// How the library begins to say that a document is nested too deeply for it.
const TOO_DEEP: &str = "recursion limit exceeded";

/// Records each phase of an exchange as it ends.
pub(super) struct Recorder<'r, 'c> {
    /// Absent where several are asked at once.
    pub(super) cx: Option<&'r mut Cx<'c>>,
    pub(super) trace: &'r mut Trace,
}

impl Observer for Recorder<'_, '_> {
    fn begins(&mut self, phase: Phase) {
        self.trace.begin(phase);
    }

    fn ended(&mut self, phase: Phase, took: MeasuredTime) {
        let Some(cx) = &mut self.cx else { return };
        match phase {
            Phase::Resolve => cx.record_measured(&RESOLVE_TIME, took),
            Phase::Connect => cx.record_measured(&CONNECT_TIME, took),
            Phase::Tls | Phase::Quic => cx.record_measured(&TLS_TIME, took),
            Phase::Head => cx.record_measured(&FIRST_BYTE_TIME, took),
            Phase::Proxy | Phase::Body => {}
        }
    }

    fn resolved(&mut self, addresses: &[IpAddr]) {
        self.trace.untried = addresses.iter().skip(1).copied().collect();
    }

    fn connects_to(&mut self, address: IpAddr) {
        self.trace.address = Some(address);
    }

    fn proxied(&mut self, word: &'static str, status: Option<u16>) {
        if let Some(cx) = &mut self.cx {
            proxied::record(cx, word, status);
        }
    }

    fn certificate(&mut self, leaf: &Certificate) {
        self.trace.fingerprint = Some(leaf.fingerprint.clone());
        if let Some(cx) = &mut self.cx {
            cx.set(&CERTIFICATE_EXPIRES_IN, leaf.expires_in(now()));
        }
    }

    fn trusted(&mut self, note: &str) {
        self.noted(format!("the certificate is {note}"));
    }

    fn noted(&mut self, note: String) {
        if let Some(cx) = &mut self.cx {
            cx.note(note);
        }
    }
}

/// The facts of a whole answer.
pub(super) fn record_answer(cx: &mut Cx<'_>, answer: &WholeAnswer, url: &ParsedUrl, queries: &[JsonPathQuery]) {
    cx.set(&STATUS, i64::from(answer.head.status.as_u16()));
    if let Some(version) = version_word(answer.head.version) {
        cx.set(&VERSION, version);
    }
    cx.set(&HEADERS, object(&answer.head.headers));
    cx.set(&REPEATED_HEADERS, repeats(&answer.head.headers));
    policies::record(cx, &answer.head.headers, url.scheme() == "https");
    cookies::record(cx, &answer.head.headers, url);
    if let Some(why) = answer.without {
        note_once(cx, format!("answered {}, without a body: {why}", answer.head.status));
        if answer.head.status == StatusCode::NOT_MODIFIED {
            cx.partial_all(CONTENT, why);
            if !queries.is_empty() {
                cx.partial(&json_path::FOUND, why);
            }
        }
        return;
    }
    let kind = answer.head.headers.get(CONTENT_TYPE).map(|kind| readable(kind.as_bytes()));
    let text = charset::text(kind.as_deref(), &answer.kept, answer.cut.is_none());
    body(cx, answer, &text);
    let why = match json(answer, kind.as_deref(), &text) {
        Ok(json) => {
            match json_path::find(queries, &json) {
                _ if queries.is_empty() => {}
                Ok(found) => cx.set(&json_path::FOUND, found),
                Err(why) => cx.partial(&json_path::FOUND, why),
            }
            cx.set(&BODY_JSON, json);
            note_repeated(cx, &text);
            (answer.head.status.as_u16() >= 400).then(|| format!("answered {}", answer.head.status))
        }
        Err(JsonError { why, unread }) => {
            if unread {
                cx.partial(&BODY_JSON, why.clone());
                if !queries.is_empty() {
                    cx.partial(&json_path::FOUND, why.clone());
                }
            }
            let colon = if why.is_empty() { "" } else { ": " };
            Some(format!("answered {}, no `body.json`{colon}{why}", answer.head.status))
        }
    };
    if let Some(why) = why {
        note_once(cx, format!("{why}; {}", beginning(answer, &text)));
    }
}

/// The word of a version.
pub(super) fn version_word(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("HTTP/1.0"),
        Version::HTTP_11 => Some("HTTP/1.1"),
        Version::HTTP_2 => Some("HTTP/2"),
        Version::HTTP_3 => Some("HTTP/3"),
        _ => None,
    }
}

/// Rounds that see the same must not crowd out what a later one sees.
pub(super) fn note_once(cx: &mut Cx<'_>, note: String) {
    if !cx.observation().notes().contains(&note) {
        cx.note(note);
    }
}

/// Says so when a document may be read in two ways.
fn note_repeated(cx: &mut Cx<'_>, text: &charset::Text<'_>) {
    let Some(name) = repeated::name(document(text)) else { return };
    note_once(
        cx,
        format!(
            "an object of `body.json` has the name `{name}` more than once: the last value counts here, others may take the first"
        ),
    );
}

/// The bytes that are read as JSON: what is no character in UTF-8 is no JSON, and is read as it is.
fn document<'t>(text: &'t charset::Text<'_>) -> &'t [u8] {
    text.utf8.unwrap_or(text.text.as_bytes())
}

/// Sizes and text of the body, and what of it was not seen.
fn body(cx: &mut Cx<'_>, answer: &WholeAnswer, text: &charset::Text<'_>) {
    let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    cx.set(&BODY_SIZE, bytes(answer.size));
    if answer.stopped {
        cx.partial(&BODY_SIZE, "reading stops after 64 MiB");
    }
    // Without it the coding is not known, and nothing is kept.
    if let Some(size) = answer.decoded {
        cx.set(&BODY, text.text.clone());
        cx.set(&BODY_DECODED_SIZE, bytes(size));
    }
    match &answer.sha256 {
        Some(digest) => cx.set(&BODY_SHA256, digest.clone()),
        None => cx.partial(&BODY_SHA256, answer.more.clone().unwrap_or_else(|| "not all of it was read".to_owned())),
    }
    if let Some(more) = &answer.more {
        cx.partial(&BODY_DECODED_SIZE, more.clone());
    }
    if let Some(why) = &answer.cut {
        cx.partial(&BODY, why.clone());
        cx.partial(&BODY_JSON, why.clone());
    } else if let Some(why) = &text.doubt {
        cx.partial(&BODY, why.clone());
    }
    cx.set(&BODY_TRUNCATED, answer.cut.is_some());
}

/// How the body begins, on one line.
fn beginning(answer: &WholeAnswer, text: &charset::Text<'_>) -> String {
    if answer.decoded.is_none() && answer.size > 0 {
        return format!("{} of body came, and cannot be read", counted(answer.size, "byte"));
    }
    let start = text.text.get(..text.text.floor_char_boundary(BEGINNING)).unwrap_or_default();
    let cut = answer.cut.is_some() || text.text.len() > start.len();
    // Only line ends change: hiding a secret looks for its lines as they are.
    let start = start.replace(['\r', '\n'], " ");
    match (start.as_str(), cut) {
        ("", _) => "the body is empty".to_owned(),
        (start, false) => format!("the body is: {start}"),
        (start, true) => format!("the body begins: {start}…"),
    }
}

/// Where the exchange led, whole or not.
pub(super) fn record_trace(cx: &mut Cx<'_>, trace: &Trace, origin: Origin, follows: bool) {
    // Without an answer there is no telling that nothing was redirected.
    if follows && (!trace.redirects.is_empty() || cx.observation().last(STATUS.info.name).is_some()) {
        cx.set(&REDIRECTS, trace.redirects.clone());
    }
    cx.set(&URL, trace.shown.clone());
    if let Some(address) = trace.address {
        cx.set(&ADDRESS, origin.label(address));
    }
}

/// Headers that stand there more than once; of one of them every client may take another value.
fn repeats(headers: &HeaderMap) -> Value {
    let values = |name| headers.get_all(name).iter().map(|value| field_text(value.as_bytes())).collect::<Vec<_>>();
    let several = headers.keys().map(|name| (name.as_str().to_owned(), values(name)));
    let several = several.filter(|(name, values)| values.len() > 1 && name != SET_COOKIE.as_str());
    Value::Object(several.map(|(name, values)| (name, Value::from(values))).collect())
}

fn object(headers: &HeaderMap) -> Value {
    let joined = headers.keys().map(|name| {
        let shown = |text: String| if name == SET_COOKIE { masked(&text) } else { text };
        let values = headers.get_all(name).iter().map(|value| shown(field_text(value.as_bytes())));
        let values: Vec<String> = values.collect();
        // The one header whose values must not be joined: a date in it holds a comma (RFC 6265, 3).
        let value = if name == SET_COOKIE { Value::from(values) } else { Value::from(values.join(", ")) };
        (name.as_str().to_owned(), value)
    });
    Value::Object(joined.collect())
}

/// A header's value: UTF-8, else ISO-8859-1, which is what HTTP had before (RFC 9110, 5.5).
fn field_text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}

/// Why a body is no document.
struct JsonError {
    why: String,
    /// It may be one that is not read here.
    unread: bool,
}

/// A document: whatever is JSON, under any content type; a health page that says `true` or `3` is one.
fn json(answer: &WholeAnswer, kind: Option<&str>, text: &charset::Text<'_>) -> Result<Value, JsonError> {
    if let Some(why) = &answer.cut {
        return Err(JsonError { why: why.clone(), unread: true });
    }
    if document(text).is_empty() {
        return Err(JsonError { why: String::new(), unread: false });
    }
    let parsed = serde_json::from_slice::<Value>(document(text));
    parsed.map_err(|error| {
        let kind = kind.unwrap_or("none").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let declared = kind == "application/json" || kind.ends_with("+json");
        if error.to_string().starts_with(TOO_DEEP) {
            let why = "it is nested deeper than the 127 levels that are read".to_owned();
            return JsonError { why, unread: true };
        }
        let why = if declared {
            format!("content-type {kind}, but {error}")
        } else {
            format!("not a JSON document, content-type {kind}")
        };
        JsonError { why, unread: false }
    })
}
