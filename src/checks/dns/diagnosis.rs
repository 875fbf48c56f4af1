//! Why a check failed.

use super::facts::{ANSWERS, CONNECT_TIME, EDNS_ERRORS, FLAGS, OUTCOME, RCODE, RTT, TRUNCATED, TTL};
use super::survey;
use crate::checks::shared::diagnosis::{Peer, ending, endpoint, s_client, slow, split, unconnected};
use crate::model::Unit;
use crate::model::record::Outcome;
use crate::model::shell::{self, command};
use crate::net::dial::NO_HANDSHAKE;
use crate::probe::{Diagnosis, Failure, PhaseInfo};

/// A list of servers or names in a sentence.
const LISTED: usize = 4;

/// What to look at when a phase takes most of the time.
pub(super) const PHASES: &[PhaseInfo] = &[
    PhaseInfo::new(
        CONNECT_TIME.info.name,
        "the connection is slow: compare with ping, and look at the load of the name server",
    ),
    PhaseInfo::new(
        RTT.info.name,
        "the answer is slow: look at the load of the name server; a resolver that asks others is as slow as they are",
    ),
];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let query = Query::of(failure);
    if let Some(diagnosis) = survey::diagnose(failure, &query.question) {
        return Some(diagnosis);
    }
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        let peer = Peer { patient: Some(command(&query.patient())), ..query.peer.clone() };
        return unconnected(failure, &OUTCOME, &peer).or_else(|| other(failure, breach, &query));
    }
    if let Some(breach) = failure.breach(RCODE.info.name) {
        return rcode(failure, breach, &query);
    }
    if failure.breach(TRUNCATED.info.name).is_some_and(|breach| breach.got.as_deref() == Some("true")) {
        let cause =
            format!("the answer of {} to {} does not fit into a datagram (TC is set)", query.peer.host, query.question);
        return Some(Diagnosis::new(
            cause,
            format!("ask over TCP (`transport: tcp`), as resolvers do: {}", command(&format!("{} +tcp", query.dig()))),
        ));
    }
    if let Some(breach) = failure.breach(ANSWERS.info.name) {
        return Some(answers(failure, breach, &query));
    }
    if let Some(breach) = failure.breach(TTL.info.name) {
        return Some(ttl(failure, breach, &query));
    }
    let breach = failure.breach(RTT.info.name).or_else(|| failure.breach(CONNECT_TIME.info.name))?;
    let slow = slow(failure, breach, &query.peer)?;
    // The last lines of what it prints have the time.
    let next = format!("{}; ask again: {}", slow.next, command(&query.dig()));
    Some(Diagnosis { next, ..slow })
}

/// What was asked, and of whom.
struct Query {
    /// `www.example. A`.
    question: String,
    peer: Peer,
    /// It looks up names of others as well.
    resolves: bool,
    /// The encrypted transport, as suites call it.
    secure: Option<&'static str>,
}

impl Query {
    fn of(failure: &Failure<'_>) -> Self {
        let (question, server) = failure.target.split_once(" @").unwrap_or(("", failure.target));
        let (host, port) = split(server);
        // Of several servers the suite names a group: `every server of example.`.
        let host = if server.starts_with("every") { server } else { host };
        let host = failure.text("address").unwrap_or(host).to_owned();
        // A handshake, or that there was none, shows that it went over TCP.
        let handshake =
            failure.ending().is_some_and(|ending| ending.contains(NO_HANDSHAKE) || ending.contains("connection"));
        let secure = ["dot", "doh", "doq", "doh3"].into_iter().find(|word| server.ends_with(&format!(" ({word})")));
        let sockets = match secure {
            Some("doq" | "doh3") => 'u',
            None if !handshake && failure.summary(CONNECT_TIME.info.name).is_none() => 'u',
            _ => 't',
        };
        let resolves = failure.list(FLAGS.info.name).contains(&"ra");
        Self {
            question: question.to_owned(),
            peer: Peer { host, port: port.unwrap_or(53), sockets, patient: None },
            resolves,
            secure,
        }
    }

    /// The command that asks the servers of the zone, from the root on.
    fn trace(&self) -> String {
        format!("dig +trace {}", words(&self.question))
    }

    /// The command that asks again, once, and waits for half a minute.
    fn patient(&self) -> String {
        let ours = matches!(self.secure, Some("doq" | "doh3"));
        let options = if ours { "timeout=30s attempts=1" } else { "+time=30 +tries=1" };
        format!("{} {options}", self.dig())
    }

    /// The command that asks again.
    fn dig(&self) -> String {
        // Of several servers none is known to be the one to ask.
        if self.peer.host.contains(' ') || self.peer.host.is_empty() {
            return self.trace();
        }
        let port = if self.peer.port == 53 { String::new() } else { format!(" -p {}", self.peer.port) };
        let server = format!(" @{}", shell::word(&self.peer.host));
        let norecurse = if self.resolves { "" } else { " +norecurse" };
        let over = match (self.secure, self.peer.sockets) {
            (Some("dot"), _) => " +tls",
            (Some("doh"), _) => " +https",
            // dig speaks no QUIC.
            (Some(word), _) => {
                let (name, kind) = self.question.split_once(' ').unwrap_or((&self.question, "A"));
                let (name, at) = (shell::word(name), shell::word(&endpoint(&self.peer)));
                return format!("shakedown probe dns {name} type={kind} server={at} transport={word}");
            }
            (None, 't') => " +tcp",
            (None, _) => "",
        };
        format!("dig{norecurse}{over}{server}{port} {}", words(&self.question))
    }
}

fn other(failure: &Failure<'_>, breach: &Outcome, query: &Query) -> Option<Diagnosis> {
    let Peer { host, port, .. } = &query.peer;
    let next = match failure.word(&OUTCOME)? {
        "malformed" => format!(
            "is it a name server that answers there? ask it: {}; if so, look at what it sends: `tcpdump -vvi any host {host} and port {port}`",
            command(&query.dig())
        ),
        "untrusted" => format!(
            "renew or replace the certificate of the name server, or give `ca_file` for a private CA; what it shows now: {}",
            command(&s_client(&endpoint(&query.peer), None, ""))
        ),
        "alert" | "not_tls" => {
            let show = command(&s_client(&endpoint(&query.peer), None, ""));
            format!("is it the port for encrypted DNS (853, 443)? see what answers: {show}")
        }
        "protocol_error" => "another protocol or version is spoken on this port: is `transport` right?".to_owned(),
        "http_error" => {
            "the web server answers, but not with DNS: is `path` right, and what does the front end route there?"
                .to_owned()
        }
        _ => return None,
    };
    Some(Diagnosis::new(ending(failure, breach), next))
}

fn rcode(failure: &Failure<'_>, breach: &Outcome, query: &Query) -> Option<Diagnosis> {
    let code = failure.text(RCODE.info.name)?;
    let errors = failure.list(EDNS_ERRORS.info.name);
    let said = if errors.is_empty() { String::new() } else { format!(" ({})", errors.join("; ")) };
    let wanted =
        if breach.want.contains("NOERROR") { String::new() } else { format!("; expected {}", breach.in_words()) };
    let cause = format!("{} answers {code} to {}{said}{wanted}", query.peer.host, query.question);
    let dig = command(&query.dig());
    let next = match code {
        "SERVFAIL" => format!(
            "do the zone's own servers answer? ask them: {}; if they do, is it DNSSEC? this is answered then: {}; else the log on {} says why",
            command(&query.trace()),
            command(&format!("{} +cd", query.dig())),
            query.peer.host
        ),
        "NXDOMAIN" => format!(
            "the name does not exist there: is it spelt right, and is the zone loaded with the new serial? ask again: {dig}"
        ),
        "REFUSED" => {
            "the server does not serve this zone, or not this client: look at its zones and access lists".to_owned()
        }
        "NOERROR" => format!("the name exists there: {dig}"),
        _ => format!("ask by hand, and look into the server's log: {dig}"),
    };
    Some(Diagnosis::new(cause, next))
}

/// Whether the server answers for the zone itself.
fn is_authority(failure: &Failure<'_>) -> bool {
    failure.list(FLAGS.info.name).contains(&"aa")
}

fn answers(failure: &Failure<'_>, breach: &Outcome, query: &Query) -> Diagnosis {
    let (host, question) = (&query.peer.host, &query.question);
    let found = failure.list(ANSWERS.info.name);
    let dig = command(&query.dig());
    if found.is_empty() {
        let kind = question.split(' ').nth(1).unwrap_or("such");
        let name = question.split(' ').next().unwrap_or(question);
        let next = if is_authority(failure) {
            format!("add the record to the zone, raise the serial and reload; then ask again: {dig}")
        } else {
            format!(
                "have the zone's own servers one? then this one is behind, or caches that there was none; ask both: {}; {dig}",
                command(&query.trace())
            )
        };
        let cause = format!("{host} has no {kind} record for {name} (NOERROR, empty answer)");
        return Diagnosis::new(cause, next).group(group(failure, query, "no answers"));
    }
    let shown = found.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    let more = if found.len() > LISTED { format!(" and {} more", found.len() - LISTED) } else { String::new() };
    let cause = format!("{host} answers {question} with {shown}{more}; expected {}", breach.in_words());
    let next = if is_authority(failure) {
        format!(
            "it is so in the zone: correct the record, raise the serial and reload; or correct the expectation; ask again: {dig}"
        )
    } else {
        format!(
            "do the zone's own servers say the same? ask them: {}; if they do, correct the zone first; else it is an old answer of the cache on {host}: \
             flush it, or wait for its TTL: {dig}",
            command(&query.trace())
        )
    };
    Diagnosis::new(cause, next).group(group(failure, query, &shown))
}

fn ttl(failure: &Failure<'_>, breach: &Outcome, query: &Query) -> Diagnosis {
    let highest = failure.summary(TTL.info.name).map_or(0.0, |summary| summary.max);
    let (host, question) = (&query.peer.host, &query.question);
    let human = lasting(highest);
    let cause = format!(
        "{host} serves {question} with TTL {highest} s ({human}); expected {} ({})",
        breach.in_words(),
        breach.fact
    );
    let next = if is_authority(failure) {
        format!(
            "change the TTL in the zone, raise the serial and reload; caches may keep what they have for up to {human} more; ask again: {}",
            command(&query.dig())
        )
    } else {
        format!(
            "this server has no authority, so it may be a cache that counts down: ask the zone's own servers, and this one again: {}; {}",
            command(&query.trace()),
            command(&query.dig())
        )
    };
    Diagnosis::new(cause, next).group(group(failure, query, &format!("TTL {highest}")))
}

/// What failures of one record have alike: a zone has it so on all of its servers. What a cache has is another thing.
fn group(failure: &Failure<'_>, query: &Query, found: &str) -> String {
    let source = if is_authority(failure) { "zone" } else { "cache" };
    format!("{source} {} {found}", query.question)
}

/// Seconds as people count them.
fn lasting(seconds: f64) -> String {
    for (length, unit) in [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")] {
        if seconds >= length {
            return format!("{} {unit}", Unit::Count.human(seconds / length));
        }
    }
    Unit::Seconds.human(seconds)
}

/// The first entries of a list.
pub(super) fn listed(entries: &[impl AsRef<str>]) -> String {
    let shown = entries.iter().take(LISTED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if entries.len() > LISTED { format!("{shown} and {} more", entries.len() - LISTED) } else { shown }
}

/// A question as words of a shell: `*` is a name of DNS, and a list of files there.
pub(super) fn words(question: &str) -> String {
    question.split(' ').map(shell::word).collect::<Vec<_>>().join(" ")
}
