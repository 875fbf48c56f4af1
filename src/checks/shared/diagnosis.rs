//! Causes and next steps that several families have alike: connections that do not come about, and times that are too long.

use std::time::Duration;

use super::silence::{ALIVE, FILTERED, OPEN_PATH};
use crate::model::record::Outcome;
use crate::model::shell::{self, command};
use crate::model::{Choice, Fact, Unit};
use crate::net::dial::{self, NO_HANDSHAKE};
use crate::probe::{Diagnosis, Failure, PhaseInfo};

/// What nothing on the wire tells: a filter of this host that drops what comes in.
pub const HERE: &str = "; perhaps this host itself drops what comes back, here: `nft list ruleset`";
/// What comes after `ip -s link`, which names the interfaces.
pub const DRIVER: &str = "where an interface counts errors or drops, `ethtool -S` with its name says of which kind";

/// Outcomes of which one is expected where a port should be shut.
const CLOSED_PORT: &[&str] = &["refused", "reset", "timeout", "silent", "unreachable"];

/// Words of an ending after which the protocol is known to be the right one.
pub const TOOK_REQUEST: &str = "accepted the request";

/// Where a check went, as far as it is known: for sentences and commands.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its address, or the host as the suite writes it.
    pub host: String,
    /// Its port; 0 where there is none.
    pub port: u16,
    /// `t` or `u`: which sockets `ss` lists.
    pub sockets: char,
    /// The command that asks the same and waits longer, as it stands in a text; where there is one.
    pub patient: Option<String>,
}

impl Peer {
    /// The peer of a target `host:port` that was looked at on the address of a fact.
    #[must_use]
    pub fn of(failure: &Failure<'_>, sockets: char) -> Self {
        let (host, port) = split(failure.target);
        let host = failure.text("address").unwrap_or(host).to_owned();
        // QUIC runs over UDP, whatever the family.
        let sockets = if failure.target.ends_with("(QUIC)") { 'u' } else { sockets };
        Self { host, port: port.unwrap_or(0), sockets, patient: None }
    }

    /// The command that shows who listens on its port.
    #[must_use]
    pub fn listeners(&self) -> String {
        format!("ss -l{}np 'sport = :{}'", self.sockets, self.port)
    }
}

/// The command that shows what a client sees of a server that speaks TLS; `name` is the server name (SNI), and `options` are
/// further ones of `openssl s_client`.
#[must_use]
pub fn s_client(endpoint: &str, name: Option<&str>, options: &str) -> String {
    let name = name.map(|name| format!(" -servername {}", shell::word(name))).unwrap_or_default();
    let options = if options.is_empty() { String::new() } else { format!(" {options}") };
    format!("openssl s_client -connect {}{name}{options} </dev/null", shell::word(endpoint))
}

/// Host and port of `host:port`, brackets of IPv6 removed.
#[must_use]
pub fn split(target: &str) -> (&str, Option<u16>) {
    let first = target.split_whitespace().next().unwrap_or_default();
    let (host, port) = first.rsplit_once(':').map_or((first, None), |(host, port)| (host, port.parse().ok()));
    let host = if port.is_some() { host } else { first };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// Why there was no whole exchange with a peer, and what to do; `None` for other outcomes.
#[must_use]
pub fn unconnected(failure: &Failure<'_>, outcome: &Fact<Choice>, peer: &Peer) -> Option<Diagnosis> {
    let breach = failure.breach(outcome.info.name)?;
    let word = failure.word(outcome)?;
    if outcome.info.expected == Some(word) {
        let shut = CLOSED_PORT.iter().any(|word| breach.want.contains(word));
        return shut.then(|| open(breach, peer));
    }
    if word == "refused" && outcome.info.silent.iter().any(|silent| breach.want.contains(silent)) {
        return Some(not_dropped(failure, breach, peer));
    }
    let next = match word {
        "refused" => refused(failure, peer),
        "timeout" | "silent" => silent(failure, peer),
        "unreachable" => unreachable(failure, peer),
        "unresolved" => {
            let host = &peer.host;
            unresolved(failure, host)
        }
        "reset" => format!(
            "it accepts and hangs up: look into the service's log on {}; a wrong protocol (TLS or none), an access list or a \
             firewall does this",
            peer.host
        ),
        "closed" => format!(
            "it closes without a whole answer: look into the service's log on {}; a wrong protocol (TLS or none) does this",
            peer.host
        ),
        _ => return None,
    };
    let cause = ending(failure, breach);
    // The port says more than the host.
    let sign = [OPEN_PATH, ALIVE].iter().find_map(|words| failure.notes().iter().find(|note| note.contains(words)));
    let seen = cause.contains(NO_HANDSHAKE);
    let group = group(word, peer, seen && sign.is_none());
    let cause = sign.filter(|_| seen).map_or(cause.clone(), |sign| format!("{cause}; {sign}"));
    Some(Diagnosis::new(cause, next).group(group))
}

/// What failures at one address have alike: of a host that answers nothing at all, whatever was tried; else by port.
fn group(word: &str, peer: &Peer, dead: bool) -> String {
    if dead { silence_of(&peer.host) } else { format!("{word} {}", endpoint(peer)) }
}

/// What failures at an address that answers nothing have alike, whatever was tried.
#[must_use]
pub fn silence_of(address: &str) -> String {
    format!("silence of {address}")
}

/// What failures because of one certificate have alike: why it does not verify names what is in it.
#[must_use]
pub fn certificate(why: &str) -> String {
    format!("certificate {why}")
}

/// How the outcome came about; what was expected, where the probe said nothing of it.
#[must_use]
pub fn ending(failure: &Failure<'_>, breach: &Outcome) -> String {
    failure.ending().map_or_else(|| breach.sentence(), str::to_owned)
}

/// What was to be shut answers.
fn open(breach: &Outcome, peer: &Peer) -> Diagnosis {
    let cause = format!("{} answers, where nothing should (expected: {})", endpoint(peer), breach.in_words());
    let next = format!(
        "stop the service, or put the filter in place; on {}: {}; `nft list ruleset`",
        peer.host,
        command(&peer.listeners())
    );
    Diagnosis::new(cause, next)
}

/// What was to be dropped is refused: packets get there.
fn not_dropped(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Diagnosis {
    let cause = format!("{} (expected: {})", ending(failure, breach), breach.in_words());
    let next = format!(
        "packets reach {0} and the host itself refuses them: is the filter that should drop them in place? on {0}: `nft list ruleset`",
        peer.host
    );
    Diagnosis::new(cause, next)
}

/// Address and port.
#[must_use]
pub fn endpoint(peer: &Peer) -> String {
    if peer.port == 0 { peer.host.clone() } else { dial::endpoint(&peer.host, peer.port) }
}

/// What this host finds of a name, which may stand in a file of it, and what the name servers have.
fn unresolved(failure: &Failure<'_>, host: &str) -> String {
    let (word, ending) = (shell::word(host), failure.ending().unwrap_or_default());
    let (program, kinds): (_, &[&str]) = if ending.contains("no IPv6") {
        ("getent ahostsv6", &["AAAA"])
    } else if ending.contains("no IPv4") {
        ("getent ahostsv4", &["A"])
    } else {
        ("getent ahosts", &["A", "AAAA"])
    };
    let digs: Vec<String> = kinds.iter().map(|kind| command(&format!("dig +short {word} {kind}"))).collect();
    format!(
        "is the name spelt right, and is the record published? what this host finds, and what the name servers have: {}; {}",
        command(&format!("{program} {word}")),
        digs.join("; ")
    )
}

fn refused(failure: &Failure<'_>, peer: &Peer) -> String {
    let by_another = failure.ending().is_some_and(|ending| ending.contains("prohibited"));
    if by_another {
        return "a firewall or an access list on the way rejects it: allow it there (its address is in the cause)"
            .to_owned();
    }
    listening(peer)
}

/// Who listens on a port that refuses, and what follows from it.
#[must_use]
pub fn listening(peer: &Peer) -> String {
    format!(
        "does the service run, and listen on this address and port? on {}: {}; if it lists nothing, start the service, or add the listener \
         for this port: the log of the service says why it has none; if it lists another address only, such as 127.0.0.1, let it listen on this one too; \
         else a firewall refuses: `nft list ruleset`",
        peer.host,
        command(&peer.listeners())
    )
}

fn silent(failure: &Failure<'_>, peer: &Peer) -> String {
    // With several addresses another one may have been reached.
    let handshake = failure.ending().is_some_and(|ending| ending.contains(NO_HANDSHAKE));
    if failure.reached() && !handshake {
        return unanswered(failure, peer);
    }
    if peer.sockets == 'u' {
        let limit = limit(failure.ending().unwrap_or_default()).map(|limit| format!(" of {limit}")).unwrap_or_default();
        let slow = peer
            .patient
            .as_ref()
            .map(|command| format!("; is it only slower than the limit{limit}? this waits longer: {command}"));
        return format!(
            "is the service up, and does it answer this request? on {}: {}; a firewall may drop it, there: `nft list ruleset`{HERE}{}",
            peer.host,
            command(&peer.listeners()),
            slow.unwrap_or_default()
        );
    }
    let (host, port) = (&peer.host, peer.port);
    let noted = |words: &str| failure.notes().iter().any(|note| note.contains(words));
    if noted(OPEN_PATH) {
        return format!(
            "is its queue of connections full? on {host}: `ss -ltnp 'sport = :{port}'`; if Recv-Q is above Send-Q, it is: look why the \
             service accepts none (its log, its threads); else a filter drops SYNs alone: `nft list ruleset`"
        );
    }
    if noted(FILTERED) {
        return format!(
            "open port {port} in the filter, then in the firewalls and security groups before it; on {host}: `nft list ruleset`, `iptables -S`{HERE}"
        );
    }
    if noted(ALIVE) {
        return format!(
            "the host is up, so a filter drops port {port}, or the service's queue of connections is full; on {host}: `nft list \
             ruleset`, `ss -ltn 'sport = :{port}'` (full when Recv-Q is above Send-Q){HERE}"
        );
    }
    format!(
        "is the host up (`ping {host}`)? if it is, a firewall drops port {port}, or the queue of connections is full; on the \
             host: `nft list ruleset`, `ss -ltn 'sport = :{port}'` (full when Recv-Q is above Send-Q){HERE}"
    )
}

/// A connection on which no answer comes: from a service that hangs, or from one that takes longer than the check waits.
fn unanswered(failure: &Failure<'_>, peer: &Peer) -> String {
    let ending = failure.ending().unwrap_or_default();
    let (host, port) = (&peer.host, peer.port);
    let limit = limit(ending).map(|limit| format!(" of {limit}")).unwrap_or_default();
    let another = if ending.contains(TOOK_REQUEST) { "" } else { ", speaks another protocol" };
    let sockets =
        format!("its log, and on {host}: `ss -tnp 'sport = :{port}'` (a Recv-Q that stays above 0 is never read)");
    let why = format!(
        "the connection is there and the service does not answer: it hangs{another}, or is slower than the limit{limit} (`timeout`)"
    );
    match &peer.patient {
        Some(command) => format!(
            "{why}; this waits longer and tells which: {command}; if an answer comes, it is slow: look at its load and at what it waits \
             for; if none comes, it hangs: {sockets}"
        ),
        None => format!("{why}; {sockets}"),
    }
}

/// The length of time in `… within 2 s`, `… silent for 200ms: …`.
fn limit(ending: &str) -> Option<String> {
    let (_, after) = [" within ", " silent for "].iter().find_map(|words| ending.rsplit_once(words))?;
    let mut words = after.split(' ').map(|word| word.trim_end_matches([',', ';', ':', ')']));
    let first = words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    if first.parse::<f64>().is_ok() { Some(format!("{first} {}", words.next()?)) } else { Some(first.to_owned()) }
}

/// How long to wait by hand for what did not come within `patience`, in seconds.
#[must_use]
pub fn longer(patience: Duration) -> u64 {
    (patience.as_secs() * 10).clamp(30, 600)
}

fn unreachable(failure: &Failure<'_>, peer: &Peer) -> String {
    let said = |words: &[&str]| {
        let ending = failure.ending().unwrap_or_default();
        words.iter().any(|word| ending.contains(word))
    };
    if said(&["prohibited", "a firewall"]) {
        return "a firewall or an access list on the way rejects it: allow it there (its address is in the cause)"
            .to_owned();
    }
    if said(&["host_unreachable", "address_unreachable"]) {
        return format!(
            "nobody answers for {0} in its own network (ARP, neighbour discovery): is the host up, and is it the right address? \
             on the last router: `ip neigh show {0}`",
            peer.host
        );
    }
    format!(
        "look at the route, then at the router that said so; here: `ip route get {0}`, `traceroute -n {0}`",
        peer.host
    )
}

/// A time that is too long: which phase of the family took it, beside what it usually takes.
#[must_use]
pub fn slow(failure: &Failure<'_>, breach: &Outcome, peer: &Peer) -> Option<Diagnosis> {
    let human = |seconds: f64| Unit::Seconds.human(seconds);
    breach.got.as_ref()?;
    let too_long = matches!(&*breach.operator, "lt" | "le" | "between");
    if !too_long {
        return None;
    }
    let phases = failure.family.phases.iter();
    let seen: Vec<(&PhaseInfo, f64)> =
        phases.filter_map(|phase| Some((phase, failure.summary(phase.fact)?.p50))).collect();
    let longest = seen.iter().max_by(|one, other| one.1.total_cmp(&other.1));
    let more = |(phase, typical): &(&PhaseInfo, f64)| typical - (failure.usual)(phase.fact).unwrap_or(0.0);
    // Where it is known how long each usually takes, what grew is to blame, be it not the longest.
    let known = seen.iter().all(|(phase, _)| (failure.usual)(phase.fact).is_some());
    let grown = seen.iter().max_by(|one, other| more(one).total_cmp(&more(other)));
    let (phase, _) = grown.filter(|_| known).or(longest)?;
    let each: Vec<String> = seen
        .iter()
        .map(|(phase, typical)| {
            let usual = (failure.usual)(phase.fact).map(|usual| format!(", usually {}", human(usual)));
            format!("{} {}{}", phase.fact, human(*typical), usual.unwrap_or_default())
        })
        .collect();
    let most = if known && seen.len() > 1 { "what grew most" } else { "most of it" };
    let cause = match seen.as_slice() {
        [_] if !known => format!("{} is slow: {}", endpoint(peer), breach.sentence()),
        [_] => format!("{} is slow: {} ({})", endpoint(peer), breach.sentence(), each.join("; ")),
        _ => {
            format!("{} is slow: {}; {most} is {} ({})", endpoint(peer), breach.sentence(), phase.fact, each.join("; "))
        }
    };
    Some(Diagnosis::new(cause, phase.slow))
}

/// The next step where one IP version of a name is dead and the other works.
#[must_use]
pub fn one_version(failed: &str, port: u16) -> String {
    let version = if failed.contains(':') { 6 } else { 4 };
    format!(
        "does it answer ping, and does a host have this address? here: `ping -{version} -c 3 {failed}`, `ip -{version} neigh show {failed}`; if \
         the last says FAILED, no host answers for it: is the address set on the host, and does a filter there drop all of IPv{version}? \
         there: `ip -{version} addr`, `nft list ruleset`; if it says REACHABLE or STALE, a filter drops port {port} or all of IPv{version}; \
         on the host: `nft list ruleset`; if it says nothing, a router is in between: `ip -{version} route get {failed}`, \
         `traceroute -{version} -n {failed}`"
    )
}

/// Addresses of a name that failed, `ADDRESS WORD` each: which, of how many, and whether one IP version is dead. How the first
/// of them ended says it all of a single one.
#[must_use]
pub fn some_addresses(failed: &[&str], all: &[&str], ending: &str) -> Option<String> {
    let first = failed.first()?;
    let v6 = |entry: &&&str| entry.split(' ').next().is_some_and(|address| address.contains(':'));
    let works = |version: bool| {
        all.iter()
            .filter(|address| v6(address) == version)
            .any(|address| !failed.iter().any(|entry| entry.split(' ').next() == Some(address)))
    };
    let dead = |version: bool| {
        let mut of_version = all.iter().filter(|address| v6(address) == version).peekable();
        of_version.peek().is_some() && !works(version)
    };
    let listed = failed.iter().take(4).copied().collect::<Vec<_>>().join(", ");
    let more = if failed.len() > 4 { format!(" and {} more", failed.len() - 4) } else { String::new() };
    let which = if dead(true) && works(false) {
        "IPv6 is dead, IPv4 works: ".to_owned()
    } else if dead(false) && works(true) {
        "IPv4 is dead, IPv6 works: ".to_owned()
    } else if all.len() > 1 {
        format!("{} of {} addresses failed: ", failed.len(), all.len())
    } else {
        String::new()
    };
    let named = failed.len() == 1 && first.split(' ').next().is_some_and(|address| ending.contains(address));
    Some(if named { format!("{which}{ending}") } else { format!("{which}{listed}{more}; {ending}") })
}
