//! How an exchange becomes facts.

use std::net::IpAddr;

use hyper::Version;
use hyper::header::{CONTENT_TYPE, HeaderMap, SET_COOKIE};

use super::answer::Answer;
use super::facts::{
    ADDRESS, BODY, BODY_DECODED_SIZE, BODY_JSON, BODY_SIZE, BODY_TRUNCATED, CERTIFICATE_EXPIRES_IN, CONNECT_TIME,
    FIRST_BYTE_TIME, HEADERS, REDIRECTS, RESOLVE_TIME, STATUS, TLS_TIME, URL, VERSION,
};
use super::trace::Trace;
use crate::model::Value;
use crate::net::bytes::readable;
use crate::net::clock::Measured;
use crate::probe::Cx;
use crate::proto::http::{Observer, Phase};
use crate::proto::tls::certificate::Certificate;
use crate::proto::tls::now;

/// Bytes of a body shown as evidence.
const BEGINNING: usize = 200;

/// Records each phase of an exchange as it ends.
pub(super) struct Recorder<'r, 'c> {
    pub(super) cx: &'r mut Cx<'c>,
    pub(super) trace: &'r mut Trace,
}

impl Observer for Recorder<'_, '_> {
    fn begins(&mut self, phase: Phase) {
        self.trace.phase = phase;
    }

    fn ended(&mut self, phase: Phase, took: Measured) {
        match phase {
            Phase::Resolve => self.cx.record_measured(&RESOLVE_TIME, took),
            Phase::Connect => self.cx.record_measured(&CONNECT_TIME, took),
            Phase::Tls => self.cx.record_measured(&TLS_TIME, took),
            Phase::Head => self.cx.record_measured(&FIRST_BYTE_TIME, took),
            Phase::Body => {}
        }
    }

    fn connects_to(&mut self, address: IpAddr) {
        self.trace.address = Some(address);
    }

    fn certificate(&mut self, leaf: &Certificate) {
        self.cx.set(&CERTIFICATE_EXPIRES_IN, leaf.expires_in(now()));
    }

    fn trusted(&mut self, note: &str) {
        self.cx.note(format!("the certificate is {note}"));
    }

    fn noted(&mut self, note: String) {
        self.cx.note(note);
    }
}

/// The facts of a whole answer.
pub(super) fn record_answer(cx: &mut Cx<'_>, answer: &Answer) {
    cx.set(&STATUS, i64::from(answer.head.status.as_u16()));
    match answer.head.version {
        Version::HTTP_10 => cx.set(&VERSION, "HTTP/1.0"),
        Version::HTTP_11 => cx.set(&VERSION, "HTTP/1.1"),
        Version::HTTP_2 => cx.set(&VERSION, "HTTP/2"),
        _ => {}
    }
    cx.set(&HEADERS, object(&answer.head.headers));
    body(cx, answer);
    let why = match json(answer) {
        Ok(json) => {
            cx.set(&BODY_JSON, json);
            (answer.head.status.as_u16() >= 400).then(|| format!("answered {}", answer.head.status))
        }
        Err(why) => Some(why),
    };
    if let Some(why) = why {
        let note = format!("{why}; {}", beginning(answer));
        // Rounds that see the same must not crowd out what a later one sees.
        if !cx.observation().notes().contains(&note) {
            cx.note(note);
        }
    }
}

/// Sizes and text of the body, and what of it was not seen.
fn body(cx: &mut Cx<'_>, answer: &Answer) {
    let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    cx.set(&BODY_SIZE, bytes(answer.size));
    if answer.stopped {
        cx.partial(&BODY_SIZE, "reading stops after 64 MiB");
    }
    // Without it the coding is not known, and nothing is kept.
    if let Some(size) = answer.decoded {
        cx.set(&BODY, readable(&answer.kept));
        cx.set(&BODY_DECODED_SIZE, bytes(size));
    }
    if let Some(more) = &answer.more {
        cx.partial(&BODY_DECODED_SIZE, more.clone());
    }
    if let Some(why) = &answer.cut {
        cx.partial(&BODY, why.clone());
        cx.partial(&BODY_JSON, why.clone());
    }
    cx.set(&BODY_TRUNCATED, answer.cut.is_some());
}

/// How the body begins, on one line.
fn beginning(answer: &Answer) -> String {
    let start = answer.kept.get(..BEGINNING).unwrap_or(&answer.kept);
    let cut = answer.cut.is_some() || answer.kept.len() > start.len();
    // Only line ends change: hiding a secret looks for its lines as they are.
    let text = readable(start).replace(['\r', '\n'], " ");
    match (text.as_str(), cut) {
        ("", _) => "the body is empty".to_owned(),
        (text, false) => format!("the body is: {text}"),
        // A character cut in the middle is not the server's mistake.
        (text, true) => format!("the body begins: {}…", text.trim_end_matches(char::REPLACEMENT_CHARACTER)),
    }
}

/// Where the exchange led, whole or not.
pub(super) fn record_trace(cx: &mut Cx<'_>, trace: &Trace) {
    // Without an answer there is no telling that nothing was redirected.
    if !trace.redirects.is_empty() || cx.observation().last(STATUS.info.name).is_some() {
        cx.set(&REDIRECTS, trace.redirects.clone());
    }
    cx.set(&URL, trace.shown.clone());
    if let Some(address) = trace.address {
        cx.set(&ADDRESS, address.to_string());
    }
}

fn object(headers: &HeaderMap) -> Value {
    let joined = headers.keys().map(|name| {
        let values: Vec<String> = headers.get_all(name).iter().map(|value| readable(value.as_bytes())).collect();
        // The one header whose values must not be joined: a date in it holds a comma (RFC 6265, 3).
        let value = if name == SET_COOKIE { Value::from(values) } else { Value::from(values.join(", ")) };
        (name.as_str().to_owned(), value)
    });
    Value::Object(joined.collect())
}

/// A document: whatever is JSON, under any content type; a health page that says `true` or `3` is one. `Err` says why there is
/// none.
fn json(answer: &Answer) -> Result<Value, String> {
    let status = answer.head.status;
    if let Some(why) = &answer.cut {
        return Err(format!("answered {status}, no `body.json`: {why}"));
    }
    let kind = answer.head.headers.get(CONTENT_TYPE).map(|kind| readable(kind.as_bytes()).to_ascii_lowercase());
    let kind = kind.as_deref().unwrap_or("none");
    let bare = kind.split(';').next().unwrap_or_default().trim();
    let declared = bare == "application/json" || bare.ends_with("+json");
    match serde_json::from_slice::<Value>(&answer.kept) {
        Ok(parsed) => Ok(parsed),
        Err(error) if declared => Err(format!("answered {status}, no `body.json`: content-type {bare}, but {error}")),
        Err(_) => Err(format!("answered {status}, no `body.json`: not a JSON document, content-type {bare}")),
    }
}
