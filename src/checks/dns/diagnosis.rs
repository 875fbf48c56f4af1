//! Why a check failed.

use super::facts::{ANSWERS, CONNECT_TIME, EDNS_ERRORS, FLAGS, OUTCOME, RCODE, RTT, TRUNCATED, TTL};
use crate::checks::shared::diagnosis::{HERE, Peer, ending, endpoint, slow, split, unconnected};
use crate::model::record::Outcome;
use crate::model::{Unit, Value, shell};
use crate::net::dial::NO_HANDSHAKE;
use crate::probe::{Diagnosis, Failure};

/// A list of servers or names in a sentence.
const LISTED: usize = 4;

const PHASES: &[(&str, &str)] = &[
    (CONNECT_TIME.info.name, "the connection is slow: compare with ping, and look at the load of the name server"),
    (RTT.info.name, "the answer is slow: ask again (dig +stats); a resolver that asks others is as slow as they are"),
];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let asked = Asked::of(failure);
    if let Some(diagnosis) = survey(failure, &asked) {
        return Some(diagnosis);
    }
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        return unconnected(failure, &OUTCOME, &asked.peer).or_else(|| other(failure, breach, &asked));
    }
    if let Some(breach) = failure.breach(RCODE.info.name) {
        return rcode(failure, breach, &asked);
    }
    if failure.breach(TRUNCATED.info.name).is_some_and(|breach| breach.got.as_deref() == Some("true")) {
        let cause =
            format!("the answer of {} to {} does not fit into a datagram (TC is set)", asked.peer.host, asked.question);
        return Some(Diagnosis::new(
            cause,
            format!("ask over TCP (`transport: tcp`), as resolvers do: {} +tcp", asked.dig()),
        ));
    }
    if let Some(breach) = failure.breach(ANSWERS.info.name) {
        return Some(answers(failure, breach, &asked));
    }
    if let Some(breach) = failure.breach(TTL.info.name) {
        return Some(ttl(failure, breach, &asked));
    }
    let breach = failure.breach(RTT.info.name).or_else(|| failure.breach(CONNECT_TIME.info.name))?;
    slow(failure, breach, &asked.peer, PHASES)
}

/// What was asked of whom.
struct Asked {
    /// `www.example. A`.
    question: String,
    peer: Peer,
    /// It looks up names of others as well.
    resolves: bool,
    /// The encrypted transport, as suites call it.
    secure: Option<&'static str>,
}

impl Asked {
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
        Self { question: question.to_owned(), peer: Peer { host, port: port.unwrap_or(53), sockets }, resolves, secure }
    }

    /// The command that asks again.
    fn dig(&self) -> String {
        let port = if self.peer.port == 53 { String::new() } else { format!(" -p {}", self.peer.port) };
        let server = if self.peer.host.contains(' ') || self.peer.host.is_empty() {
            " @SERVER".to_owned()
        } else {
            format!(" @{}", shell::word(&self.peer.host))
        };
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

fn other(failure: &Failure<'_>, breach: &Outcome, asked: &Asked) -> Option<Diagnosis> {
    let Peer { host, port, .. } = &asked.peer;
    let at = endpoint(&asked.peer);
    let next = match failure.word(&OUTCOME)? {
        "malformed" => format!(
            "is it a name server that answers there? {}; if so, look at what it sends: tcpdump -vvi any host {host} and port {port}",
            asked.dig()
        ),
        "untrusted" => format!(
            "renew or replace the certificate of the name server, or give `ca_file` for a private CA: openssl s_client -connect {at} </dev/null"
        ),
        "alert" | "not_tls" => {
            format!("is it the port for encrypted DNS (853, 443)? openssl s_client -connect {at} </dev/null")
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

fn rcode(failure: &Failure<'_>, breach: &Outcome, asked: &Asked) -> Option<Diagnosis> {
    let code = failure.text(RCODE.info.name)?;
    let errors = failure.list(EDNS_ERRORS.info.name);
    let said = if errors.is_empty() { String::new() } else { format!(" ({})", errors.join("; ")) };
    let wanted =
        if breach.want.contains("NOERROR") { String::new() } else { format!("; expected {}", breach.in_words()) };
    let cause = format!("{} answers {code} to {}{said}{wanted}", asked.peer.host, asked.question);
    let dig = asked.dig();
    let next = match code {
        "SERVFAIL" => format!(
            "the server failed to look it up: is the zone loaded there, do the zone's own servers answer, does DNSSEC validate? its log, and {dig} +cd"
        ),
        "NXDOMAIN" => format!(
            "the name does not exist there: is it spelt right, and is the zone loaded with the new serial? {dig}"
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

fn answers(failure: &Failure<'_>, breach: &Outcome, asked: &Asked) -> Diagnosis {
    let (host, question) = (&asked.peer.host, &asked.question);
    let found = failure.list(ANSWERS.info.name);
    let dig = asked.dig();
    if found.is_empty() {
        let kind = question.split(' ').nth(1).unwrap_or("such");
        let name = question.split(' ').next().unwrap_or(question);
        let next = if is_authority(failure) {
            format!("add the record to the zone, raise the serial and reload: {dig}")
        } else {
            format!("ask a server of the zone itself whether it has one, then whether this one is behind: {dig}")
        };
        return Diagnosis::new(format!("{host} has no {kind} record for {name} (NOERROR, empty answer)"), next);
    }
    let shown = found.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    let more = if found.len() > LISTED { format!(" and {} more", found.len() - LISTED) } else { String::new() };
    let cause = format!("{host} answers {question} with {shown}{more}; expected {}", breach.in_words());
    let next = if is_authority(failure) {
        format!("the server has it so in its zone: correct the record and raise the serial, or the expectation; {dig}")
    } else {
        format!("is it an old answer from a cache? ask a server of the zone itself, and wait for the TTL: {dig}")
    };
    Diagnosis::new(cause, next)
}

fn ttl(failure: &Failure<'_>, breach: &Outcome, asked: &Asked) -> Diagnosis {
    let highest = failure.summary(TTL.info.name).map_or(0.0, |summary| summary.max);
    let (host, question) = (&asked.peer.host, &asked.question);
    let human = lasting(highest);
    let cause = format!(
        "{host} serves {question} with TTL {highest} s ({human}); expected {} ({})",
        breach.in_words(),
        breach.fact
    );
    let next = if is_authority(failure) {
        format!(
            "change the TTL in the zone and raise the serial; caches keep the record as it is now for up to {human}: {}",
            asked.dig()
        )
    } else {
        format!(
            "this server has no authority, so it may be a cache that counts down: ask a server of the zone itself; {}",
            asked.dig()
        )
    };
    Diagnosis::new(cause, next)
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

/// What several servers say: the most decisive of it first.
fn survey(failure: &Failure<'_>, asked: &Asked) -> Option<Diagnosis> {
    let zone = asked.question.split(' ').next().unwrap_or(failure.target);
    if failure.value("servers").is_none() && failure.value("servers.count").is_none() {
        return None;
    }
    let count = failure.value("servers.count").and_then(Value::as_i64).unwrap_or(0);
    let failed = failure.list("servers.failed");
    if failure.breach("servers.failed").is_some() || (!failed.is_empty() && failure.breach("lame").is_some()) {
        let who = if i64::try_from(failed.len()) == Ok(count) {
            if count == 1 {
                format!("the only server of {zone} does not answer")
            } else {
                format!("none of the {count} servers of {zone} answers")
            }
        } else {
            format!("{} of {count} servers of {zone} do not answer", failed.len())
        };
        let first = address_of(failed.first()?);
        return Some(Diagnosis::new(
            format!("{who}: {}", listed(&how_they_failed(failure, &failed))),
            format!(
                "is the daemon up, and port 53 open (UDP and TCP)? dig +norecurse @{first} {} SOA{HERE}",
                shell::word(zone)
            ),
        ));
    }
    if failure.breach("ns.agree").is_some()
        && ["ns.parent", "ns.child"].iter().all(|fact| failure.value(fact).is_some())
    {
        return Some(delegation(failure, zone));
    }
    if failure.breach("lame").is_some() {
        let lame = failure.list("lame");
        let first = address_of(lame.first()?);
        return Some(Diagnosis::new(
            format!("{} of {count} servers do not answer for {zone} with authority: {}", lame.len(), listed(&lame)),
            format!(
                "is the zone loaded there? dig +norecurse @{first} {} SOA; its log says why it was not",
                shell::word(zone)
            ),
        ));
    }
    let behind = failure.list("serial.behind");
    if !behind.is_empty() && ["serial", "consistent"].iter().any(|fact| failure.breach(fact).is_some()) {
        let first = address_of(behind.first()?);
        return Some(Diagnosis::new(
            format!("{} of {count} servers of {zone} have an older serial: {}", behind.len(), listed(&behind)),
            format!(
                "do notify and zone transfer reach them? dig +norecurse @{first} {} SOA; then the log of that server",
                shell::word(zone)
            ),
        ));
    }
    let differing = failure.list("servers.differing");
    if !differing.is_empty() && failure.breach("consistent").is_some() {
        let first = address_of(differing.first()?);
        return Some(Diagnosis::new(
            format!("{} of {count} servers of {zone} answer differently: {}", differing.len(), listed(&differing)),
            format!("compare with another one: dig +norecurse @{first} {}", words(&asked.question)),
        ));
    }
    None
}

/// Parent and zone name different servers.
fn delegation(failure: &Failure<'_>, zone: &str) -> Diagnosis {
    let (parent, child) = (failure.list("ns.parent"), failure.list("ns.child"));
    let only = |these: &[&str], those: &[&str]| {
        let missing: Vec<&str> = these.iter().filter(|name| !those.contains(name)).copied().collect();
        listed(&missing)
    };
    let (of_parent, of_zone) = (only(&parent, &child), only(&child, &parent));
    let cause = match (of_parent.is_empty(), of_zone.is_empty()) {
        (true, true) => format!("the servers of {zone} and of its parent do not agree on who serves it"),
        (false, true) => format!("the parent delegates {zone} to {of_parent}, which the zone itself does not name"),
        (true, false) => format!("the zone {zone} names {of_zone}, to which its parent does not delegate"),
        (false, false) => {
            format!("the parent delegates {zone} to {of_parent}; the zone itself names {of_zone} instead")
        }
    };
    let name = shell::word(zone);
    let next = format!(
        "correct the delegation at the registry, or the NS records in the zone: dig +trace {name} NS; dig +norecurse {name} NS @SERVER for each of them"
    );
    Diagnosis::new(cause, next)
}

/// Servers with how the question to each ended, as the evidence has it.
fn how_they_failed(failure: &Failure<'_>, servers: &[&str]) -> Vec<String> {
    let how = |server: &&str| {
        let mut notes =
            failure.notes().iter().filter_map(|note| note.strip_prefix(*server)?.strip_prefix(": without an answer ("));
        let outcome = notes.find_map(|rest| rest.strip_suffix(')'));
        outcome.map_or_else(|| (*server).to_owned(), |outcome| format!("{server} {outcome}"))
    };
    servers.iter().map(how).collect()
}

/// The first entries of a list.
fn listed(entries: &[impl AsRef<str>]) -> String {
    let shown = entries.iter().take(LISTED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if entries.len() > LISTED { format!("{shown} and {} more", entries.len() - LISTED) } else { shown }
}

/// The address of a server of a survey: `ns1.example./192.0.2.53`, or an address alone; its name where it has none. As a word of
/// a shell: name servers of others chose the name.
fn address_of(server: &&str) -> String {
    let server = server.split(' ').next().unwrap_or(server);
    shell::word(server.rsplit_once('/').map_or(server, |(_, address)| address))
}

/// A question as words of a shell: `*` is a name of DNS, and a list of files there.
fn words(question: &str) -> String {
    question.split(' ').map(shell::word).collect::<Vec<_>>().join(" ")
}
