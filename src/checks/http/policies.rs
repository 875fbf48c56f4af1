//! What the headers of an answer ask clients to do: HSTS, caching, other ways to the service.

use hyper::header::{ALT_SVC, CACHE_CONTROL, HeaderMap, HeaderName, STRICT_TRANSPORT_SECURITY};

use super::record::note_once;
use crate::model::table::facts;
use crate::model::{Fact, Rule, TimeOf, Unit};
use crate::probe::Cx;

const NO_HSTS: &str = "is the header strict-transport-security set for this name, also on errors, and only once?";
const OTHER_CACHING: &str = "is the header cache-control set by the service, or changed by what stands before it?";

facts! { pub(super) FACTS;
    const HSTS_MAX_AGE: Fact<f64> = Fact::number(
        "hsts.max_age",
        Unit::Seconds,
        "How long browsers ask this host by https alone (RFC 6797); absent without a valid header, and over http, where it does not count.",
    )
    .lasting(TimeOf::Setting)
    .ruled(Rule::Same)
    .on_breach(NO_HSTS);
    const HSTS_INCLUDE_SUBDOMAINS: Fact<bool> =
        Fact::flag("hsts.include_subdomains", "Whether HSTS holds for the names below this one; absent without HSTS.")
            .on_breach(NO_HSTS);
    const HSTS_PRELOAD: Fact<bool> = Fact::flag(
        "hsts.preload",
        "Whether the site asks for a place in the lists that browsers ship; absent without HSTS.",
    )
    .on_breach(NO_HSTS);
    const CACHE_MAX_AGE: Fact<f64> = Fact::number(
        "cache.max_age",
        Unit::Seconds,
        "How long any cache may reuse the answer: `max-age` of `cache-control`; absent without it.",
    )
    .lasting(TimeOf::Setting)
    .ruled(Rule::Same)
    .on_breach(OTHER_CACHING);
    const CACHE_S_MAXAGE: Fact<f64> = Fact::number(
        "cache.s_maxage",
        Unit::Seconds,
        "The same for caches that many share, such as a CDN: `s-maxage`; absent without it.",
    )
    .lasting(TimeOf::Setting)
    .ruled(Rule::Same)
    .on_breach(OTHER_CACHING);
    const CACHE_NO_STORE: Fact<bool> =
        Fact::flag("cache.no_store", "Whether no cache may keep the answer: `no-store` of `cache-control`.").on_breach(OTHER_CACHING);
    const CACHE_NO_CACHE: Fact<bool> =
        Fact::flag("cache.no_cache", "Whether a cache must ask the service before each reuse: `no-cache`.").on_breach(OTHER_CACHING);
    const CACHE_PRIVATE: Fact<bool> =
        Fact::flag("cache.private", "Whether no cache that many share may keep it: `private`.").on_breach(OTHER_CACHING);
    const CACHE_PUBLIC: Fact<bool> =
        Fact::flag("cache.public", "Whether caches may keep it although it would not seem so: `public`.").on_breach(OTHER_CACHING);
    const CACHE_MUST_REVALIDATE: Fact<bool> = Fact::flag(
        "cache.must_revalidate",
        "Whether a cache must not reuse it once it is stale: `must-revalidate`.",
    )
    .on_breach(OTHER_CACHING);
    const CACHE_IMMUTABLE: Fact<bool> =
        Fact::flag("cache.immutable", "Whether it never changes while it is fresh: `immutable` (RFC 8246).").on_breach(OTHER_CACHING);
    const ALTERNATIVES: Fact<Vec<String>> = Fact::list(
        "alt_svc",
        "Other ways to the service that it offers (RFC 7838), such as `h3=:443`; empty where it offers none, or takes them back (`clear`).",
    )
    .on_breach("is the offer made by what terminates TLS, and is HTTP/3 switched on there?");
}

/// What the headers of an answer over `secure` ask for.
pub(super) fn record(cx: &mut Cx<'_>, headers: &HeaderMap, secure: bool) {
    match hsts(headers) {
        None => {}
        Some(_) if !secure => {
            note_once(cx, "`strict-transport-security` does not count over http (RFC 6797, 8.1)".to_owned());
        }
        Some(Err(why)) => note_once(cx, format!("browsers ignore `strict-transport-security`: {why}")),
        Some(Ok(hsts)) => {
            cx.set(&HSTS_MAX_AGE, hsts.max_age);
            cx.set(&HSTS_INCLUDE_SUBDOMAINS, hsts.include_subdomains);
            cx.set(&HSTS_PRELOAD, hsts.preload);
        }
    }
    let directives = directives(headers, &CACHE_CONTROL, ',');
    let has = |name: &str| directives.iter().any(|(own, _)| own == name);
    for (fact, name) in [
        (&CACHE_NO_STORE, "no-store"),
        (&CACHE_NO_CACHE, "no-cache"),
        (&CACHE_PRIVATE, "private"),
        (&CACHE_PUBLIC, "public"),
        (&CACHE_MUST_REVALIDATE, "must-revalidate"),
        (&CACHE_IMMUTABLE, "immutable"),
    ] {
        cx.set(fact, has(name));
    }
    for (fact, name) in [(&CACHE_MAX_AGE, "max-age"), (&CACHE_S_MAXAGE, "s-maxage")] {
        let mut values = directives.iter().filter(|(own, _)| own == name);
        // Caches differ in which of several they take (RFC 9111, 4.2.1).
        match (values.next(), values.next()) {
            (Some((_, value)), None) => match seconds(value) {
                Some(seconds) => cx.set(fact, seconds),
                None => note_once(cx, format!("`{name}` of `cache-control` is no number of seconds")),
            },
            (Some(_), Some(_)) => note_once(cx, format!("`cache-control` has `{name}` more than once")),
            (None, _) => {}
        }
    }
    cx.set(&ALTERNATIVES, alternatives(headers));
}

/// A policy of HSTS.
#[derive(Debug, PartialEq)]
struct Hsts {
    max_age: f64,
    include_subdomains: bool,
    preload: bool,
}

/// The first header counts, others are ignored (RFC 6797, 8.1); one with a mistake is ignored as a whole.
fn hsts(headers: &HeaderMap) -> Option<Result<Hsts, String>> {
    let first = headers.get(STRICT_TRANSPORT_SECURITY)?;
    let mut only = HeaderMap::new();
    only.insert(STRICT_TRANSPORT_SECURITY, first.clone());
    let directives = directives(&only, &STRICT_TRANSPORT_SECURITY, ';');
    let repeated =
        directives.iter().enumerate().find(|(at, (name, _))| directives[..*at].iter().any(|(n, _)| n == name));
    if let Some((_, (name, _))) = repeated {
        return Some(Err(format!("it has `{name}` more than once")));
    }
    let has = |wanted: &str| directives.iter().any(|(name, _)| name == wanted);
    let max_age = directives.iter().find(|(name, _)| name == "max-age");
    Some(match max_age.map(|(_, value)| seconds(value)) {
        Some(Some(max_age)) => {
            Ok(Hsts { max_age, include_subdomains: has("includesubdomains"), preload: has("preload") })
        }
        Some(None) => Err("its `max-age` is no number of seconds".to_owned()),
        None => Err("it has no `max-age`".to_owned()),
    })
}

/// Directives in lower case, with their values without quotes.
fn directives(headers: &HeaderMap, name: &HeaderName, separator: char) -> Vec<(String, String)> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let parts =
        values.flat_map(|value| outside_quotes(value, separator)).map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned())
    };
    parts.map(pair).collect()
}

/// The parts of a value between its separators; what stands in quotes may hold some.
fn outside_quotes(value: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&value[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}

/// Whole seconds; more than anybody lives is as good as 2^31 (RFC 9111, 1.2.2).
fn seconds(text: &str) -> Option<f64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| f64::from(text.parse::<u32>().unwrap_or(u32::MAX).min(1 << 31)))
}

fn alternatives(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(ALT_SVC).iter().filter_map(|value| value.to_str().ok());
    let mut all: Vec<String> = Vec::new();
    for entry in values.flat_map(|value| outside_quotes(value, ',')) {
        let service = outside_quotes(entry, ';').first().map_or("", |first| first.trim());
        if service.eq_ignore_ascii_case("clear") {
            return Vec::new();
        }
        if let Some((protocol, authority)) = service.split_once('=') {
            all.push(format!("{}={}", protocol.trim(), authority.trim().trim_matches('"')));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{Hsts, alternatives, directives, hsts};

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_static(name);
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn hsts_is_taken_whole_or_not_at_all() {
        let of = |values: &[&str]| hsts(&headers("strict-transport-security", values));
        let policy = |max_age: u32, include_subdomains, preload| {
            Some(Ok(Hsts { max_age: max_age.into(), include_subdomains, preload }))
        };
        assert_eq!(of(&["max-age=31536000; includeSubDomains; preload"]), policy(31_536_000, true, true));
        assert_eq!(of(&["MAX-AGE=\"5\";"]), policy(5, false, false));
        assert_eq!(of(&["max-age=0", "max-age=9"]), policy(0, false, false), "the first header counts");
        assert_eq!(of(&["max-age=99999999999999999999"]), policy(1 << 31, false, false));
        assert_eq!(of(&[]), None);
        for (bad, why) in [
            ("includeSubDomains", "no `max-age`"),
            ("max-age=1y", "no number"),
            ("max-age=-1", "no number"),
            ("max-age=", "no number"),
            ("max-age=1; max-age=2", "more than once"),
        ] {
            let told = of(&[bad]).unwrap().unwrap_err();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }

    #[test]
    fn directives_are_read_past_their_quotes() {
        let of = |value| directives(&headers("cache-control", &[value]), &hyper::header::CACHE_CONTROL, ',');
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            of("Private=\"set-cookie, x\", MAX-AGE = 60,, no-store"),
            [pair("private", "set-cookie, x"), pair("max-age", "60"), pair("no-store", "")]
        );
        assert_eq!(of("x=\"a\\\",b\""), [pair("x", "a\\\",b")]);
    }

    #[test]
    fn offers_of_other_ways_are_named() {
        let of = |values: &[&str]| alternatives(&headers("alt-svc", values));
        assert_eq!(
            of(&["h3=\":443\"; ma=86400, h3-29=\"alt.example:8443\"", "h2=\":444\""]),
            ["h3=:443", "h3-29=alt.example:8443", "h2=:444"]
        );
        assert_eq!(of(&["clear"]), Vec::<String>::new());
        assert_eq!(of(&["h3=\":443\"", "clear"]), Vec::<String>::new(), "what was offered is taken back");
        assert_eq!(of(&["nonsense"]), Vec::<String>::new());
    }
}
