//! Why a check failed.

use url::Url;

use super::facts::{
    BODY, BODY_JSON, CERTIFICATE_EXPIRES_IN, CONNECT_TIME, FIRST_BYTE_TIME, HEADERS, OUTCOME, REDIRECTS, RESOLVE_TIME,
    STATUS, TLS_TIME, TOTAL_TIME, URL,
};
use super::trace::STILL_ARRIVES;
use super::{by_hand, fields};
use crate::checks::shared::diagnosis::{Peer, certificate, ending, endpoint, longer, slow, unconnected};
use crate::model::Value;
use crate::model::interface::parse_url_without_zone;
use crate::model::record::Outcome;
use crate::model::shell::{self, command};
use crate::probe::{Diagnosis, Failure, PhaseInfo};
use crate::proto::http::{UNSENT, UNVERIFIED};

/// Longest body that is shown whole, bytes.
const SHOWN: usize = 160;
/// What it means that the name lookup takes long.
const LOOKUP: &str = "the name lookup is slow: look at the name servers of this host (/etc/resolv.conf)";
/// What to look at when a phase takes most of the time.
pub(super) const PHASES: &[PhaseInfo] = &[
    PhaseInfo::new(RESOLVE_TIME.info.name, LOOKUP),
    PhaseInfo::new(
        CONNECT_TIME.info.name,
        "the connection is slow: the path, lost SYNs, or a full queue of connections (`ss -ltn` on the host)",
    ),
    PhaseInfo::new(
        TLS_TIME.info.name,
        "the TLS handshake is slow: look at the load of what terminates TLS, and at the path's round trips",
    ),
    PhaseInfo::new(
        FIRST_BYTE_TIME.info.name,
        "the application is slow, not the network: look at its load, its log and its database",
    ),
];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = peer(failure);
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        let slow_body = failure.ending().filter(|ending| ending.contains(STILL_ARRIVES));
        if let Some(cause) = slow_body {
            return Some(slow_body_of(failure, cause, &peer));
        }
        let peer = Peer { patient: Some(patient(failure, &peer)), ..peer };
        return unconnected(failure, &OUTCOME, &peer).or_else(|| other(failure, breach, &peer));
    }
    if let Some(breach) = failure.breach(STATUS.info.name) {
        return status(failure, breach, &peer);
    }
    if let Some(breach) = failure.breach(CERTIFICATE_EXPIRES_IN.info.name) {
        let next = format!(
            "renew the certificate, and look why its renewal did not run; what it shows now: {}",
            command(&(by_hand::s_client(failure, &peer) + " | openssl x509 -noout -enddate"))
        );
        return Some(Diagnosis::new(breach.sentence(), next));
    }
    if let Some(breach) =
        failure.breach(BODY.info.name).filter(|breach| breach.got.is_some() || failure.text(BODY.info.name).is_some())
    {
        return Some(content(failure, breach, &peer));
    }
    let timed = [&TOTAL_TIME, &RESOLVE_TIME, &CONNECT_TIME, &TLS_TIME, &FIRST_BYTE_TIME];
    let breach = timed.iter().find_map(|fact| failure.breach(fact.info.name))?;
    let slow = slow(failure, breach, &peer)?;
    let asked = by_hand::asked(failure);
    let again = match parse_url_without_zone(asked).as_ref().and_then(Url::domain) {
        // With an address given curl looks nothing up.
        Some(name) if slow.next == LOOKUP => command(&format!("dig {}", shell::word(name))),
        _ => by_hand::curl(failure, &peer, &by_hand::timed_options(asked)),
    };
    let next = format!("{}; by hand: {again}", slow.next);
    Some(Diagnosis { next, ..slow })
}

/// A body that arrives, and not within the time there is.
fn slow_body_of(failure: &Failure<'_>, cause: &str, peer: &Peer) -> Diagnosis {
    let curl = by_hand::curl(failure, peer, "-sS -o /dev/null -w '%{size_download} bytes in %{time_total} s\\n'");
    let next = format!(
        "the body arrives, but slowly: is it larger than it should be, is the path slow, or does the service take long to make it? \
         `timeout` limits the whole exchange, so raise it if this is as it should be; see how long it takes: {curl}"
    );
    Diagnosis::new(cause, next)
}

/// The command that waits longer for an answer than the check does.
fn patient(failure: &Failure<'_>, peer: &Peer) -> String {
    let limit = longer(failure.argument(&fields::TIMEOUT));
    let options = by_hand::timed_options(by_hand::asked(failure));
    by_hand::curl(failure, peer, &format!("--max-time {limit} {options}"))
}

/// Whom the last request went to: its address where it is known.
fn peer(failure: &Failure<'_>) -> Peer {
    let url = failure.text(URL.info.name).or(Some(failure.target)).and_then(parse_url_without_zone);
    let host = url.as_ref().and_then(Url::host_str).unwrap_or(failure.target).trim_matches(['[', ']']).to_owned();
    let port = url.as_ref().and_then(Url::port_or_known_default).unwrap_or(0);
    let sockets = if failure.argument(&fields::VERSION) == fields::HttpVersion::Http3 { 'u' } else { 't' };
    Peer { host: failure.text("address").map_or(host, str::to_owned), port, sockets, patient: None }
}

fn other(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Option<Diagnosis> {
    let next = match failure.word(&OUTCOME)? {
        "untrusted" => untrusted(failure, peer),
        "tls_failed" => format!(
            "is TLS spoken on this port, and in a common version? a server that wants a client certificate needs `client_cert` and \
             `client_key`; see by hand: {}",
            command(&by_hand::s_client(failure, peer))
        ),
        "malformed" => {
            let curl = by_hand::curl(failure, peer, by_hand::VERBOSE);
            format!("what answers there does not speak HTTP as it should; see by hand: {curl}")
        }
        "too_many_redirects" => {
            let chain = failure.list(REDIRECTS.info.name);
            let chain: Vec<&str> = [failure.target].into_iter().chain(chain).collect();
            let again = chain.iter().enumerate().find_map(|(at, url)| {
                let first = chain[..at].iter().position(|earlier| earlier == url)?;
                Some(chain[first..=at].join(" -> "))
            });
            let cause = match again {
                Some(circle) => format!("the redirects of {} form a loop: {circle}", endpoint(peer)),
                None => ending(failure, breach),
            };
            let next = format!(
                "does the service redirect, or a proxy before it? ask the service past the proxy, with its address in place of \
                 {}: {}; if it loops there too, the rules of the service are wrong; else those of the proxy",
                peer.host,
                by_hand::curl_of(failure, peer, failure.target, "-sSL --max-redirs 5 -o /dev/null -D -")
            );
            return Some(Diagnosis::new(cause, next));
        }
        "answered" => {
            let status = failure.value(STATUS.info.name).and_then(Value::as_i64).unwrap_or(0);
            let cause =
                format!("{} answers {status}, where it should not (expected: {})", endpoint(peer), breach.in_words());
            let next = format!(
                "is what should refuse the request in place (certificate, access list, filter)? ask again: {}",
                by_hand::curl(failure, peer, by_hand::VERBOSE)
            );
            return Some(Diagnosis::new(cause, next));
        }
        "proxy_failed" => format!(
            "the server was not asked: is the proxy up, may this host use it, and does it get to the server? ask through it by hand: {}",
            by_hand::curl(failure, peer, by_hand::VERBOSE)
        ),
        "not_followed" => {
            "the redirect would carry the body to another host: ask that host directly, with its own check".to_owned()
        }
        _ => return None,
    };
    let diagnosis = Diagnosis::new(ending(failure, breach), next);
    let why = failure.ending().and_then(|ending| ending.split_once(UNVERIFIED)?.1.split(UNSENT).next());
    Some(match why {
        Some(why) => diagnosis.group(certificate(why)),
        None => diagnosis,
    })
}

fn untrusted(failure: &Failure<'_>, peer: &Peer) -> String {
    let why = failure.ending().unwrap_or_default();
    let said = |word: &str| why.contains(word);
    if said("expired") || said("no longer valid") {
        format!(
            "renew it and reload the server, and look why its renewal did not run; what it shows now: {}",
            command(&(by_hand::s_client(failure, peer) + " | openssl x509 -noout -dates -subject"))
        )
    } else if said("name") {
        format!(
            "load the certificate of this name there (nginx: ssl_certificate, haproxy: crt) and reload; what it shows now: {}",
            command(&(by_hand::s_client(failure, peer) + " | openssl x509 -noout -subject -ext subjectAltName"))
        )
    } else if said("not yet valid") {
        "is the clock of this host right (`date -u`)? else the certificate was deployed too early".to_owned()
    } else {
        "send the whole chain with the leaf, or give `ca_file` for a private CA".to_owned()
    }
}

/// The words of a page, without its marks; the beginning of a long one.
fn page(failure: &Failure<'_>) -> String {
    let Some(body) = failure.text(BODY.info.name) else { return String::new() };
    let (mut words, mut inside) = (String::new(), false);
    for c in body.chars().take(SHOWN * 4) {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                words.push(' ');
            }
            c if !inside => words.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = words.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(SHOWN).collect();
    if text.is_empty() { text } else { format!(": \"{text}\"") }
}

fn status(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Option<Diagnosis> {
    let status = failure.value(STATUS.info.name)?.as_i64()?;
    let reason = u16::try_from(status).ok().and_then(|code| hyper::StatusCode::from_u16(code).ok()?.canonical_reason());
    let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    let location = header(failure, "location");
    let server = header(failure, "server").map(|server| format!(", server: {server}")).unwrap_or_default();
    let who = endpoint(peer);
    let wanted = breach.in_words();
    if let (300..=399, Some(location)) = (status, location) {
        let cause = format!("{who} answers {status}{reason} and redirects to {location} (expected status {wanted})");
        let asked = failure.text(URL.info.name).or(Some(failure.target)).and_then(parse_url_without_zone);
        let itself = asked.as_ref().is_some_and(|url| url.join(location).is_ok_and(|to| to == *url));
        let next = if itself {
            "it redirects to itself: look at the rule that redirects; behind a proxy it may not see that the client came over https"
        } else {
            "ask that URL, or follow it (`follow: 5`), or expect the redirect (`status`, `headers.location`)"
        };
        return Some(Diagnosis::new(cause, next));
    }
    let page = page(failure);
    // A proxy says the same of every service and at every address when nothing behind it answers.
    let group = (502..=504).contains(&status).then(|| format!("status {status}{page}"));
    let cause = format!("{who} answers {status}{reason} (expected status {wanted}{server}){page}");
    Some(Diagnosis { group, ..Diagnosis::new(cause, after_status(status, failure, peer)) })
}

/// How a proxy sees what is behind it. The first socket of the configuration is asked; columns are proxy, server and state.
const BACKENDS: &str = "`echo 'show stat' | socat stdio \"$(awk '$1 == \"stats\" && $2 == \"socket\" {print $3; exit}' /etc/haproxy/haproxy.cfg)\" | cut -d, -f1,2,18`; \
     if a state is DOWN, the health check of the proxy fails: look at its path and port, and at the route from there; if it is MAINT, \
     the server is disabled";
/// Words of haproxy's own page, where it has no server to ask.
const HAPROXY: &str = "No server is available to handle this request";
/// Where nginx says why it found none.
const NGINX: &str = "; where it is nginx, its error log says why";

/// What to do about a status that was not expected.
fn after_status(status: i64, failure: &Failure<'_>, peer: &Peer) -> String {
    let (host, curl) = (&peer.host, by_hand::curl(failure, peer, by_hand::VERBOSE));
    match status {
        401 | 403 => format!(
            "the service refuses this request: are credentials (`headers`), host name and access list right? ask again: {curl}"
        ),
        404 => {
            format!("nothing is at this path: is the URL right, and is the release deployed there? ask again: {curl}")
        }
        429 => "the service limits requests from here: ask less often, or have this host exempted".to_owned(),
        502 | 504 => format!(
            "the proxy on {host} gets no good answer from the service behind it: is that one up? where it is haproxy, how it sees its \
             servers, there: {BACKENDS}{NGINX}; ask again: {curl}"
        ),
        503 if failure.text(BODY.info.name).is_some_and(|body| body.contains(HAPROXY)) => {
            format!("haproxy on {host} has no server that it may send this to; how it sees each, there: {BACKENDS}")
        }
        503 => format!(
            "the service on {host} is overloaded, or a proxy there has no server in service: its log says which; \
             where it is haproxy, how it sees its servers: {BACKENDS}{NGINX}; ask again: {curl}"
        ),
        500..=599 => format!("the service fails at this request: its log on {host}, at this time; ask again: {curl}"),
        _ => format!("look into the service's log on {host} for this request; ask again: {curl}"),
    }
}

/// Another content than expected.
fn content(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Diagnosis {
    let (who, host) = (endpoint(peer), &peer.host);
    let status = failure.value(STATUS.info.name).and_then(Value::as_i64).unwrap_or(0);
    let shown = match failure.text(BODY.info.name).map(str::trim) {
        Some("") => "; the body is empty".to_owned(),
        Some(body) if body.len() <= SHOWN => format!("; the body is {}", body.replace(['\r', '\n'], " ")),
        _ => String::new(),
    };
    let document = failure.value(BODY_JSON.info.name);
    let complaints = document.map(|document| complaints(document, &breach.fact)).unwrap_or_default();
    let again = by_hand::curl(failure, peer, "-sS");
    let next = match complaints.as_slice() {
        [] => format!(
            "is the release deployed there that should answer, and what does its log on {host} say? ask again: {again}"
        ),
        [(name, state)] => format!(
            "it says itself that `{name}` is {state}: check that from {host}, then the service's log there; ask again: {again}"
        ),
        several => {
            let all: Vec<String> = several.iter().map(|(name, state)| format!("`{name}` ({state})")).collect();
            format!(
                "it complains of {}: check these from {host}, then the service's log there; ask again: {again}",
                all.join(", ")
            )
        }
    };
    Diagnosis::new(format!("{who} answers {status}, but {}{shown}", breach.sentence()), next)
}

/// States in which a service says that something it needs is not well.
const STATES: &[&str] = &[
    "down",
    "unreachable",
    "unavailable",
    "failed",
    "failing",
    "fail",
    "error",
    "unhealthy",
    "critical",
    "timeout",
    "refused",
    "disconnected",
    "offline",
    "degraded",
    "out_of_service",
];
/// Complaints that are named.
const COMPLAINTS: usize = 3;
/// Levels of a document in which complaints are looked for.
const DEPTH: usize = 8;

/// What a service says is not well, in a document: name and state; `but` is the fact that is in the cause already.
fn complaints(document: &Value, but: &str) -> Vec<(String, String)> {
    fn walk(value: &Value, name: &str, depth: usize, but: &str, found: &mut Vec<(String, String)>) {
        let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        match value {
            Value::Object(entries) if depth < DEPTH => {
                for (key, value) in entries {
                    walk(value, &below(key), depth + 1, but, found);
                }
            }
            Value::String(state)
                if found.len() < COMPLAINTS
                    && !name.is_empty()
                    && !but.ends_with(name)
                    && STATES.iter().any(|known| known.eq_ignore_ascii_case(state)) =>
            {
                // It is quoted between backticks.
                found.push((name.replace('`', "'"), state.clone()));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", 0, but, &mut found);
    found
}

fn header<'f>(failure: &Failure<'f>, name: &str) -> Option<&'f str> {
    failure.value(HEADERS.info.name)?.as_object()?.get(name).and_then(Value::as_str)
}
