//! Facts of the family.

use crate::checks::shared::advice;
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, TimeOf, Unit, Value};

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

/// Headers that are there by the answer, not by the service: `age` only when a cache had it (RFC 9111, 5.1), `retry-after` only
/// with a refusal that passes (RFC 9110, 10.2.3), traces only of requests that are sampled. Of all others, that one is gone is a
/// change, though its value is ignored.
const FLEETING: &[&str] = &["age", "retry-after", "*trace*", "x-b3-*"];

const REDIRECTED: &str = "it redirects, and the evidence says where: ask that URL, add `follow: 5`, or expect the redirect (`status`, `headers.location`)";
const NOT_ALLOWED: &str =
    "the service refuses this request: are credentials (`headers`), host name and the access list right?";
const BEHIND: &str =
    "a proxy answers, and the service behind it does not: is that one up, and does the proxy reach it?";
const OTHER_CONTENT: &str = "the content differs: is the new release really what answers here?";

/// Words of the outcome.
pub(super) const OUTCOMES: &[&str] = &[
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
    "proxy_failed",
];

/// Versions of an answer.
pub(super) const VERSIONS: &[&str] = &["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        OUTCOMES,
        "How the exchange ended; `answered` if a complete answer arrived, whatever its status. With `addresses: all`, the first result that is another one.",
    )
    .expected("answered")
    .outcome(&["timeout", "unreachable"])
    .elsewhere(&["unresolved", "proxy_failed"])
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
            "proxy_failed",
            "the proxy did not let the request through, and the server was not asked: see `proxy.outcome`, and ask the proxy by hand",
        ),
        (
            "not_followed",
            "the redirect would carry the body to another host: ask that host directly, with its own check",
        ),
    ])
    .on_breach(advice::EVIDENCE);
    pub(super) const ADDRESS: Fact<String> = Fact::address("address", "The address of the last connection.");
    pub(super) const RESOLVE_TIME: Fact<Distribution> =
        Fact::distribution("resolve_time", Unit::Seconds, Better::Lower, "Time of the name lookup; each redirect adds a sample.");
}

// Of a check that asks one address.
facts! { pub(super) ONE;
    pub(super) const STATUS: Fact<i64> =
        Fact::integer("status", Unit::Count, "Status of the final answer; absent unless the answer is complete.")
            .ruled(Rule::Same)
            .expected("{between: [200, 299]}")
            .decisive()
            .advice(&[
                ("301", REDIRECTED),
                ("302", REDIRECTED),
                ("303", REDIRECTED),
                ("307", REDIRECTED),
                ("308", REDIRECTED),
                ("401", NOT_ALLOWED),
                ("403", NOT_ALLOWED),
                ("404", "nothing is at this path: is it the right URL and host name, and is the release deployed there?"),
                ("429", "the service limits requests from here: ask less often, or have this host exempted"),
                ("502", BEHIND),
                ("503", "the service, or what stands before it, says that it is overloaded or out of service: look at both"),
                ("504", BEHIND),
            ])
            .on_breach("the service answers, but not as expected: look into its log for this request");
    pub(super) const VERSION: Fact<Choice> =
        Fact::choice("version", VERSIONS, "Version of the final answer.")
            .on_breach(advice::OTHER_VERSION);
    pub(super) const HEADERS: Fact<Value> =
        Fact::object("headers", "Headers of the final answer, names in lower case, repeats joined by \", \"; `set-cookie` is a list, with `***` for the values of cookies.")
            .except(VOLATILE)
            .fleeting(FLEETING)
            .on_breach("the header differs: is it set by the service, or by what stands before it?")
    .form(Form::Fields);
    pub(super) const REPEATED_HEADERS: Fact<Value> = Fact::object(
        "repeated_headers",
        "Headers that the final answer has more than once, each with the list of its values, which `headers` joins.",
    )
    .except(VOLATILE)
    .on_breach("the header stands there more than once: is it set by the service and again by what stands before it?")
    .form(Form::Fields);
    pub(super) const URL: Fact<String> = Fact::text("url", "The last URL requested.").form(Form::Url);
    pub(super) const CERTIFICATE_EXPIRES_IN: Fact<f64> = Fact::number(
        "certificate.expires_in",
        Unit::Seconds,
        "Time until the server's certificate expires; negative once it has.",
    ).lasting(TimeOf::Validity)
    .on_breach(advice::RENEW);
    pub(super) const TOTAL_TIME: Fact<Distribution> = Fact::distribution(
        "total_time",
        Unit::Seconds,
        Better::Lower,
        "Time from the start to the last byte of a complete answer, redirects included.",
    )
    .on_breach(
        "slower than expected: the phases (`connect_time`, `tls_time`, `first_byte_time`) say where the time goes",
    );
    pub(super) const CONNECT_TIME: Fact<Distribution> = Fact::distribution(
        "connect_time",
        Unit::Seconds,
        Better::Lower,
        "Time from the SYN to the established connection; each redirect adds a sample.",
    )
    .on_breach(advice::SLOWER)
    .reached();
    pub(super) const TLS_TIME: Fact<Distribution> =
        Fact::distribution("tls_time", Unit::Seconds, Better::Lower, "Time of the TLS handshake; each redirect adds a sample.");
    pub(super) const FIRST_BYTE_TIME: Fact<Distribution> = Fact::distribution(
        "first_byte_time",
        Unit::Seconds,
        Better::Lower,
        "Time from the request to the head of the answer; each redirect adds a sample.",
    );
}

// Of a request whose answer has a body.
facts! { pub(super) CONTENT;
    pub(super) const BODY: Fact<String> = Fact::text("body", "Body of the final answer as text, decoded, up to `limit`.")
        .ruled(Rule::Ignore)
        .on_breach(OTHER_CONTENT);
    pub(super) const BODY_JSON: Fact<Value> =
        Fact::object("body.json", "Body of the final answer, decoded, when it is JSON and within `limit`.")
            .ruled(Rule::Ignore)
            .form(Form::Document)
            .on_breach(OTHER_CONTENT);
    pub(super) const BODY_SIZE: Fact<i64> = Fact::integer(
        "body.size",
        Unit::Bytes,
        "Bytes of the body as transferred, also beyond `limit`; reading stops after 64 MiB.",
    )
    .on_breach(OTHER_CONTENT);
    pub(super) const BODY_DECODED_SIZE: Fact<i64> = Fact::integer(
        "body.decoded_size",
        Unit::Bytes,
        "Bytes of the body after decoding gzip, deflate, br or zstd; decoding stops after 64 MiB, or where `limit` cut the transfer.",
    )
    .on_breach(OTHER_CONTENT);
    pub(super) const BODY_SHA256: Fact<String> = Fact::text(
        "body.sha256",
        "SHA-256 of the body, decoded, also beyond `limit`, in hexadecimal.",
    )
    .form(Form::Digest)
    .ruled(Rule::Ignore)
    .content()
    .on_breach(OTHER_CONTENT);
    pub(super) const BODY_TRUNCATED: Fact<bool> = Fact::flag("body.truncated", "Whether `body` is only a part; expectations that the rest could change are not judged.")
        .ruled(Rule::Ignore)
        .on_breach(OTHER_CONTENT);
}

// Of a check that follows.
facts! { pub(super) FOLLOWED;
    pub(super) const REDIRECTS: Fact<Vec<String>> = Fact::list("redirects", "Every URL that a followed redirect led to, in order.").form(Form::Url);
}

// Of a check whose body waits for the server's word.
facts! { pub(super) CONTINUED;
    pub(super) const WAS_CONTINUED: Fact<bool> = Fact::flag(
        "continued",
        "Whether the server asked for the body (`100 Continue`) before it was sent or turned down; absent unless the head of an answer came.",
    )
    .on_breach("something on the way does not pass on `expect: 100-continue`, or the server turned the request down before its body");
}
