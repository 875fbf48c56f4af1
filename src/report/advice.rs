//! What to try next, by what was seen. Words are shared by the families, so one table serves all.

use crate::model::record::FactValue;
use crate::model::{CheckRecord, Value};

/// Fact, value, advice.
const ADVICE: &[(&str, &str, &str)] = &[
    (
        "outcome",
        "refused",
        "nothing listens there, or a firewall answers for it: is the service up, on this address and port (ss -ltnup)?",
    ),
    (
        "outcome",
        "timeout",
        "packets vanish: check firewall, route and security group on the way, and that the host is up",
    ),
    (
        "outcome",
        "silent",
        "no answer came: is the service up, and does it answer what was sent? a firewall may drop it",
    ),
    (
        "outcome",
        "unreachable",
        "a router or the own host has no way there: check routes (ip route get) and the next hop",
    ),
    ("outcome", "unresolved", "the name has no address here: check its spelling, /etc/resolv.conf and the record"),
    (
        "outcome",
        "reset",
        "the peer accepted and hung up: look into its log; a wrong protocol or an access list does this",
    ),
    ("outcome", "mismatch", "something answered, but not with what is expected: see the evidence above"),
    ("outcome", "untrusted", "the certificate does not verify: see verify_error; set ca_file for a private CA"),
    ("outcome", "alert", "the TLS peer refused: versions, ciphers, or a client certificate it wants"),
    ("outcome", "not_tls", "the peer does not speak TLS on this port: wrong port, or plain text before STARTTLS"),
    ("outcome", "busy", "another test runs on that server: wait, or use a reflector that serves several clients"),
    ("outcome", "malformed", "the answer cannot be parsed: look at it with a packet capture"),
    ("outcome", "closed", "the peer closed without a complete answer: look into its log"),
    ("outcome", "stalled", "the transfer stopped: look for loss on the path and at the server's log"),
    ("outcome", "protocol_error", "the peer speaks another protocol or version on this port"),
    (
        "outcome",
        "tls_failed",
        "the TLS handshake failed: plain HTTP on this port, no common protocol, or a client certificate it wants",
    ),
    (
        "outcome",
        "not_followed",
        "the redirect would carry the body to another host: ask that host directly, with its own check",
    ),
    ("outcome", "too_many_redirects", "the redirects do not end: see `redirects`"),
    ("outcome", "too_big", "a router or the own interface has a smaller MTU: see `mtu`"),
    ("outcome", "time_exceeded", "the packet ran out of hops: a routing loop, or `ttl` is too small"),
    (
        "verified",
        "false",
        "see `verify_error`: renew or replace the certificate, send the whole chain, or give `ca_file` for a private CA",
    ),
    ("restored", "false", "what was broken on purpose is still broken: run the restore command by hand, now"),
    (
        "recovered",
        "false",
        "the service did not come back by itself: look at health checks, election and the standby's log",
    ),
    ("rcode", "SERVFAIL", "the server failed: DNSSEC validation, an expired secondary or an unreachable upstream"),
    ("rcode", "NXDOMAIN", "the name does not exist there: is the zone loaded, with the new serial?"),
    ("rcode", "REFUSED", "the server does not serve this zone or this client: check its zones and access lists"),
];

/// Fact of the first expectation that did not hold, advice. For failures whose outcome tells nothing wrong.
const BREACHES: &[(&str, &str)] = &[
    ("chain.expires_in", "renew the certificate of the chain that ends first, and look why its renewal did not run"),
    ("expires_in", "renew the certificate, and look why its renewal did not run"),
    ("certificate.expires_in", "renew the certificate, and look why its renewal did not run"),
    ("san", "the certificate is another one than expected: which server answered (`address`), with which SNI?"),
    ("version", "the peer negotiated another version: look at its configuration, and at what stands in between"),
    (
        "scan.unknown",
        "some of it could not be decided (see the evidence): a rate limit, a firewall or a flaky path; scan from nearer, or with a lower `scan.rate`",
    ),
    (
        "scan.expires_in",
        "one of the server's certificates runs out: `scan.certificates` says which; a second one is often forgotten by renewal",
    ),
    (
        "scan",
        "the server takes more, or less, than expected: see the `scan` facts, and compare its TLS settings on every node",
    ),
    ("outcome", "see the evidence; every fact is in the JSON report"),
    ("alpn", "the peer chose another protocol: is it enabled there, and on what terminates TLS before it?"),
    ("answers", "the server has other records: compare the SOA serial on every server with the zone's source"),
    ("flags", "the server answers in another role than expected: is the zone loaded there, is recursion on?"),
    ("ttl", "the TTL differs: is this an authoritative server, or a cache that counts down?"),
    ("status", "the service answers, but not as expected: look into its log for this request"),
    ("body", "the content differs: is the new release really what answers here?"),
    ("headers", "the header differs: is it set by the service, or by what stands before it?"),
    ("loss", "packets are lost: look at errors and drops (ip -s link, nstat) and at queues on the way"),
    (
        "bitrate",
        "slower than expected: look at `retransmits`, `cpu.local` (near 1 per stream: this host was the limit) and `rtt`",
    ),
    (
        "outage",
        "the service was gone for longer than allowed: look at detection (health checks, timers) first, then at the switch",
    ),
    (
        "connect_time",
        "slower than expected: measure again with `rounds`, and look at the load of both ends and of the path",
    ),
    (
        "response_time",
        "slower than expected: measure again with `rounds`, and look at the load of both ends and of the path",
    ),
    (
        "total_time",
        "slower than expected: the phases (`connect_time`, `tls_time`, `first_byte_time`) say where the time goes",
    ),
    ("rtt", "slower than expected: measure again with `rounds`, and look at the load of both ends and of the path"),
    ("jitter", "the delay varies: look for a queue that fills (bandwidth), Wi-Fi, or a busy peer"),
    ("settled_in", "it holds, but too late: look at what delays the change (timers, caches, deployment order)"),
];

/// Advice for a case that failed.
#[must_use]
pub fn advice(check: &CheckRecord) -> Option<&'static str> {
    let breached: Vec<&str> = check.expectations.iter().filter(|e| !e.held).map(|e| &*e.fact).collect();
    // A name server may refuse by rcode while the exchange itself went well: the more specific fact speaks. What is as
    // expected (a port that must be closed is refused) needs no advice.
    let expected = |fact: &str| check.expectations.iter().any(|e| e.held && &*e.fact == fact);
    if let Some(advice) = hung(check).or_else(|| rejected(check)) {
        return Some(advice);
    }
    let by_value = ADVICE.iter().rev().find(|(fact, value, _)| !expected(fact) && is(check, fact, value));
    let by_breach = || {
        let first = breached.first()?;
        BREACHES
            .iter()
            .find(|(fact, _)| first.strip_prefix(fact).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    let by_value = by_value.map(|(.., advice)| *advice);
    let by_breach = || by_breach().map(|(_, advice)| *advice);
    // A scan went well, whatever the one handshake before it came to: what was expected of it speaks first.
    if is(check, "outcome", "scanned") { by_breach().or(by_value) } else { by_value.or_else(by_breach) }
}

/// Silence after the handshake is no matter of the network.
fn hung(check: &CheckRecord) -> Option<&'static str> {
    let silent = is(check, "outcome", "timeout") && check.facts.get("connect_time").is_some();
    let advice =
        "it accepts connections but does not answer: the process hangs or is overloaded, or speaks another protocol";
    silent.then_some(advice)
}

/// An ICMP error that names a filter.
fn rejected(check: &CheckRecord) -> Option<&'static str> {
    let filtered = check.notes.iter().any(|note| note.contains("prohibited") || note.contains("a firewall"));
    let advice = "a firewall or an access list on the way rejects it: see who, in the evidence, and allow it there";
    (filtered && is(check, "outcome", "unreachable")).then_some(advice)
}

fn is(check: &CheckRecord, fact: &str, want: &str) -> bool {
    match check.facts.get(fact) {
        Some(FactValue::Scalar(Value::String(text))) => text == want,
        Some(FactValue::Scalar(Value::Bool(flag))) => want == if *flag { "true" } else { "false" },
        _ => false,
    }
}
