//! What the family can see, and how an answer becomes facts.

use hyper::Version;
use hyper::header::{CONTENT_TYPE, HeaderMap};

use super::answer::Answer;
use super::hop::Trace;
use crate::checks::shared::advice;
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::{Better, Choice, Fact, Rule, Unit, Value};
use crate::net::bytes::readable;
use crate::probe::Cx;

/// Headers that differ from answer to answer of an unchanged server: clocks, ids, traces, caches, counters, what
/// describes the body, and policies that hold a nonce.
const VOLATILE: &[&str] = &[
    "date",
    "age",
    "expires",
    "last-modified",
    "etag",
    "content-length",
    "content-md5",
    "content-digest",
    "digest",
    "set-cookie",
    "via",
    "retry-after",
    "nel",
    "report-to",
    "content-security-policy*",
    "*ratelimit*",
    "*rate-limit*",
    "*cache",
    "*cache-hits",
    "*cache-status",
    "x-served-by",
    "x-timer",
    "x-runtime",
    "*timing",
    "*-time",
    "*timestamp*",
    "*-id",
    "*requestid*",
    "*request-id*",
    "*trace*",
    "*correlation*",
    "x-b3-*",
    "cf-*",
    "x-azure-ref",
    "*nonce*",
];

const OTHER_CONTENT: &str = "the content differs: is the new release really what answers here?";

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        &[
            "answered",
            "refused",
            "timeout",
            "unreachable",
            "unresolved",
            "reset",
            "untrusted",
            "tls_failed",
            "malformed",
            "closed",
            "too_many_redirects",
            "not_followed",
        ],
        "What became of the exchange; `answered` when a whole answer arrived, whatever its status.",
    )
    .decisive()
    .advice(&[
        advice::REFUSED,
        advice::TIMEOUT,
        advice::UNREACHABLE,
        advice::UNRESOLVED,
        advice::RESET,
        advice::UNTRUSTED,
        (
            "tls_failed",
            "the TLS handshake failed: plain HTTP on this port, no common protocol, or a client certificate it wants",
        ),
        advice::MALFORMED,
        advice::CLOSED,
        ("too_many_redirects", "the redirects do not end: see `redirects`"),
        (
            "not_followed",
            "the redirect would carry the body to another host: ask that host directly, with its own check",
        ),
    ])
    .on_breach(advice::EVIDENCE);
    pub(super) const STATUS: Fact<i64> =
        Fact::integer("status", Unit::Count, "Status of the final answer; absent unless a whole one arrived.")
            .ruled(Rule::Same)
            .expected("{between: [200, 399]}")
            .decisive()
            .on_breach("the service answers, but not as expected: look into its log for this request");
    const VERSION: Fact<Choice> =
        Fact::choice("version", &["HTTP/1.0", "HTTP/1.1", "HTTP/2"], "Version of the final answer.")
            .on_breach(advice::OTHER_VERSION);
    const HEADERS: Fact<Value> =
        Fact::object("headers", "Headers of the final answer, names in lower case, repeats joined by \", \".")
            .except(VOLATILE)
            .on_breach("the header differs: is it set by the service, or by what stands before it?");
    const BODY: Fact<String> = Fact::text("body", "Body of the final answer as text, up to `limit`.")
        .ruled(Rule::Ignore)
        .on_breach(OTHER_CONTENT);
    const BODY_JSON: Fact<Value> =
        Fact::object("body.json", "Body of the final answer, when it is JSON and within `limit`.")
            .ruled(Rule::Ignore)
            .on_breach(OTHER_CONTENT);
    const BODY_SIZE: Fact<i64> = Fact::integer(
        "body.size",
        Unit::Bytes,
        "Bytes of body transferred, past `limit` too; reading stops after 64 MiB.",
    )
    .on_breach(OTHER_CONTENT);
    const BODY_TRUNCATED: Fact<bool> = Fact::flag("body.truncated", "`body` is not the whole body.")
        .ruled(Rule::Ignore)
        .on_breach(OTHER_CONTENT);
    const REDIRECTS: Fact<Vec<String>> = Fact::list("redirects", "Every URL a followed redirect led to, in order.");
    const URL: Fact<String> = Fact::text("url", "The last URL asked.");
    const ADDRESS: Fact<String> = Fact::text("address", "The address last connected to.").ruled(Rule::Ignore);
    pub(super) const CERTIFICATE_EXPIRES_IN: Fact<f64> = Fact::number(
        "certificate.expires_in",
        Unit::Seconds,
        "Until the server's certificate expires; negative once it has.",
    )
    .on_breach(advice::RENEW);
    pub(super) const TOTAL_TIME: Fact<Distribution> = Fact::distribution(
        "total_time",
        Unit::Seconds,
        Better::Lower,
        "From the start to the last byte of a whole answer, redirects included.",
    )
    .on_breach(
        "slower than expected: the phases (`connect_time`, `tls_time`, `first_byte_time`) say where the time goes",
    );
    pub(super) const RESOLVE_TIME: Fact<Distribution> =
        Fact::distribution("resolve_time", Unit::Seconds, Better::Lower, "Name lookup, a sample per redirect too.");
    pub(super) const CONNECT_TIME: Fact<Distribution> = Fact::distribution(
        "connect_time",
        Unit::Seconds,
        Better::Lower,
        "From SYN to established, a sample per redirect too.",
    )
    .on_breach(advice::SLOWER);
    pub(super) const TLS_TIME: Fact<Distribution> =
        Fact::distribution("tls_time", Unit::Seconds, Better::Lower, "TLS handshake, a sample per redirect too.");
    pub(super) const FIRST_BYTE_TIME: Fact<Distribution> = Fact::distribution(
        "first_byte_time",
        Unit::Seconds,
        Better::Lower,
        "From the request to the head of the answer, a sample per redirect too.",
    );
}

/// Bytes of a body shown as evidence.
const BEGINNING: usize = 200;

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
    cx.set(&BODY, readable(&answer.kept));
    cx.set(&BODY_SIZE, i64::try_from(answer.size).unwrap_or(i64::MAX));
    cx.set(&BODY_TRUNCATED, answer.truncated);
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
        if !cx.seen().notes().contains(&note) {
            cx.note(note);
        }
    }
}

/// How the body begins, on one line.
fn beginning(answer: &Answer) -> String {
    let start = answer.kept.get(..BEGINNING).unwrap_or(&answer.kept);
    let cut = answer.size > start.len() as u64;
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
pub(super) fn record_way(cx: &mut Cx<'_>, trace: &Trace) {
    // Without an answer there is no telling that nothing was redirected.
    if !trace.redirects.is_empty() || cx.seen().last(STATUS.info.name).is_some() {
        cx.set(&REDIRECTS, trace.redirects.clone());
    }
    cx.set(&URL, trace.url.to_string());
    if let Some(address) = trace.address {
        cx.set(&ADDRESS, address.to_string());
    }
}

fn object(headers: &HeaderMap) -> Value {
    let joined = headers.keys().map(|name| {
        let values: Vec<String> = headers.get_all(name).iter().map(|value| readable(value.as_bytes())).collect();
        (name.as_str().to_owned(), Value::from(values.join(", ")))
    });
    Value::Object(joined.collect())
}

/// A document: said to be JSON, or an object or array all the same. A bare number under another type is text. `Err`
/// says why there is none.
fn json(answer: &Answer) -> Result<Value, String> {
    let status = answer.head.status;
    if answer.truncated {
        return Err(format!("answered {status}, no `body.json`: the body is longer than what is kept of it"));
    }
    let kind = answer.head.headers.get(CONTENT_TYPE).map(|kind| readable(kind.as_bytes()).to_ascii_lowercase());
    let kind = kind.as_deref().unwrap_or("none");
    let bare = kind.split(';').next().unwrap_or_default().trim();
    let said = bare == "application/json" || bare.ends_with("+json");
    match serde_json::from_slice::<Value>(&answer.kept) {
        Ok(parsed) if said || parsed.is_object() || parsed.is_array() => Ok(parsed),
        Err(error) if said => Err(format!("answered {status}, no `body.json`: content-type {bare}, but {error}")),
        _ => Err(format!("answered {status}, no `body.json`: not a JSON document, content-type {bare}")),
    }
}
