//! Why a check failed.

use url::Url;

use super::facts::{
    BODY, CERTIFICATE_EXPIRES_IN, CONNECT_TIME, FIRST_BYTE_TIME, HEADERS, OUTCOME, REDIRECTS, RESOLVE_TIME, STATUS,
    TLS_TIME, TOTAL_TIME, URL,
};
use crate::checks::shared::diagnosis::{Peer, ending, endpoint, slow, unconnected};
use crate::model::record::Outcome;
use crate::model::{Value, shell};
use crate::probe::{Diagnosis, Failure};

/// Longest body that is shown whole, bytes.
const SHOWN: usize = 160;
/// What to look at when a phase takes most of the time.
const PHASES: &[(&str, &str)] = &[
    (RESOLVE_TIME.info.name, "the name lookup is slow: look at this host's resolvers (/etc/resolv.conf, dig NAME)"),
    (
        CONNECT_TIME.info.name,
        "the connection is slow: the path, lost SYNs, or a full queue of connections (ss -ltn on the host)",
    ),
    (
        TLS_TIME.info.name,
        "the TLS handshake is slow: look at the load of what terminates TLS, and at the path's round trips",
    ),
    (
        FIRST_BYTE_TIME.info.name,
        "the application is slow, not the network: look at its load, its log and what it asks for in turn (database, other services); by hand: curl -so /dev/null -w '%{time_connect} %{time_starttransfer} %{time_total}' URL",
    ),
];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let peer = peer(failure);
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        return unconnected(failure, &OUTCOME, &peer).or_else(|| other(failure, breach, &peer));
    }
    if let Some(breach) = failure.breach(STATUS.info.name) {
        return status(failure, breach, &peer);
    }
    if let Some(breach) = failure.breach(CERTIFICATE_EXPIRES_IN.info.name) {
        let next = format!(
            "renew the certificate, and look why its renewal did not run: {} | openssl x509 -noout -enddate",
            s_client(failure, &peer)
        );
        return Some(Diagnosis::new(breach.sentence(), next));
    }
    if let Some(breach) = failure.breach(BODY.info.name).filter(|breach| breach.got.is_some()) {
        return Some(content(failure, breach, &peer));
    }
    let timed = [&TOTAL_TIME, &RESOLVE_TIME, &CONNECT_TIME, &TLS_TIME, &FIRST_BYTE_TIME];
    let breach = timed.iter().find_map(|fact| failure.breach(fact.info.name))?;
    slow(failure, breach, &peer, PHASES)
}

/// Whom the last request went to: its address where it is known.
fn peer(failure: &Failure<'_>) -> Peer {
    let url = failure.text(URL.info.name).or(Some(failure.target)).and_then(|url| Url::parse(url).ok());
    let host = url.as_ref().and_then(Url::host_str).unwrap_or(failure.target).trim_matches(['[', ']']).to_owned();
    let port = url.as_ref().and_then(Url::port_or_known_default).unwrap_or(0);
    Peer { host: failure.text("address").map_or(host, str::to_owned), port, sockets: 't' }
}

fn other(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Option<Diagnosis> {
    let next = match failure.word(&OUTCOME)? {
        "untrusted" => untrusted(failure, peer),
        "tls_failed" => format!(
            "is TLS spoken on this port, and in a common version? openssl s_client -connect {}; a server that wants a client \
             certificate needs client_cert and client_key",
            endpoint(peer)
        ),
        "malformed" => {
            format!("what answers there does not speak HTTP as it should: curl -v {}", shell::word(failure.target))
        }
        "too_many_redirects" => {
            let chain = failure.list(REDIRECTS.info.name);
            let again = chain.iter().enumerate().find_map(|(at, url)| {
                let first = chain[..at].iter().position(|earlier| earlier == url)?;
                Some(chain[first..=at].join(" -> "))
            });
            let cause = match again {
                Some(circle) => format!("the redirects form a loop: {circle} ({} redirects followed)", chain.len()),
                None => ending(failure, breach),
            };
            let next = format!(
                "look at the rules that redirect, on the balancer and in the service: curl -sIL --max-redirs 5 {}",
                shell::word(failure.target)
            );
            return Some(Diagnosis::new(cause, next));
        }
        "not_followed" => {
            "the redirect would carry the body to another host: ask that host directly, with its own check".to_owned()
        }
        _ => return None,
    };
    Some(Diagnosis::new(ending(failure, breach), next))
}

fn untrusted(failure: &Failure<'_>, peer: &Peer) -> String {
    let why = failure.ending().unwrap_or_default();
    let said = |word: &str| why.contains(word);
    if said("expired") || said("no longer valid") {
        format!(
            "renew it and reload the server, and look why its renewal did not run; what it shows now: {} | openssl x509 -noout -dates -subject",
            s_client(failure, peer)
        )
    } else if said("name") {
        format!(
            "which certificate does the server load for this name (SNI)? {} | openssl x509 -noout -subject -ext subjectAltName",
            s_client(failure, peer)
        )
    } else if said("not yet valid") {
        "is the clock of this host right (date -u)? else the certificate was deployed too early".to_owned()
    } else {
        "send the whole chain with the leaf, or give `ca_file` for a private CA".to_owned()
    }
}

/// The command that shows the certificate a client gets.
fn s_client(failure: &Failure<'_>, peer: &Peer) -> String {
    let url = failure.text(URL.info.name).or(Some(failure.target)).and_then(|url| Url::parse(url).ok());
    let name = url.as_ref().and_then(Url::domain).map(|name| format!(" -servername {name}")).unwrap_or_default();
    format!("openssl s_client -connect {}{name} </dev/null", endpoint(peer))
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
    let (host, who) = (&peer.host, endpoint(peer));
    let wanted = breach.in_words();
    if let (300..=399, Some(location)) = (status, location) {
        let cause = format!("{who} answers {status}{reason} and redirects to {location} (expected status {wanted})");
        let next = "ask that URL, or follow it (`follow: 5`), or expect the redirect (`status`, `headers.location`)";
        return Some(Diagnosis::new(cause, next));
    }
    let next = match status {
        401 | 403 => format!(
            "the service refuses this request: are credentials (`headers`), host name and access list right? curl -v {}",
            shell::word(failure.target)
        ),
        404 => "nothing is at this path: is the URL right, and is the release deployed there?".to_owned(),
        429 => "the service limits requests from here: ask less often, or have this host exempted".to_owned(),
        502 | 504 => format!(
            "a proxy answers, and the service behind it does not: is that one up? look at the backends of the proxy on {host}"
        ),
        503 => format!(
            "no backend is in service, or the service is overloaded: look at the backends of what answers on {host} and at their health checks"
        ),
        500..=599 => format!("the service fails at this request: look into its log on {host}, at this time"),
        _ => {
            format!(
                "look into the service's log on {host} for this request, or repeat it: curl -v {}",
                shell::word(failure.target)
            )
        }
    };
    Some(Diagnosis::new(
        format!("{who} answers {status}{reason} (expected status {wanted}{server}){}", page(failure)),
        next,
    ))
}

/// Another content than expected.
fn content(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Diagnosis {
    let who = endpoint(peer);
    let status = failure.value(STATUS.info.name).and_then(Value::as_i64).unwrap_or(0);
    let body = failure.text(BODY.info.name).map(str::trim).filter(|body| !body.is_empty() && body.len() <= SHOWN);
    let body = body.map(|body| format!("; the body is {}", body.replace(['\r', '\n'], " "))).unwrap_or_default();
    let next = format!(
        "see what the service says of itself, and whether the new release is what answers here: curl -s {}",
        by_address(failure, peer)
    );
    Diagnosis::new(format!("{who} answers {status}, but {}{body}", breach.sentence()), next)
}

/// The URL for curl, asked of the address that answered.
fn by_address(failure: &Failure<'_>, peer: &Peer) -> String {
    // After redirects it is another one than that of the target.
    let url = failure.text(URL.info.name).unwrap_or(failure.target);
    let parsed = Url::parse(url).ok();
    match parsed.as_ref().and_then(Url::domain) {
        Some(name) => format!("--resolve {name}:{}:{} {}", peer.port, peer.host, shell::word(url)),
        None => shell::word(url),
    }
}

fn header<'f>(failure: &Failure<'f>, name: &str) -> Option<&'f str> {
    failure.value(HEADERS.info.name)?.as_object()?.get(name).and_then(Value::as_str)
}
