//! old
#![allow(missing_docs)]
/// Fact, value, advice.
pub const ADVICE: &[(&str, &str, &str)] = &[
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
    (
        "outcome",
        "not_tls",
        "the peer does not speak TLS on this port: wrong port, or plain text first (field `starttls`)",
    ),
    (
        "outcome",
        "no_starttls",
        "the server stays in plain text: is TLS configured there (certificate and key readable), and is it the right port and protocol?",
    ),
    (
        "starttls.injected",
        "true",
        "plain text where only TLS may follow: look for a proxy or a filter on the way that rewrites the protocol, then at the server's version",
    ),
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
    (
        "outcome",
        "http_error",
        "the web server answers, but not with DNS: check `path`, and what the front end routes there (http.status, evidence)",
    ),
    ("outcome", "too_many_redirects", "the redirects do not end: see `redirects`"),
    ("outcome", "too_big", "a router or the own interface has a smaller MTU: see `mtu`"),
    ("outcome", "time_exceeded", "the packet ran out of hops: a routing loop, or `ttl` is too small"),
    (
        "verified",
        "false",
        "see `verify_error`: renew or replace the certificate, send the whole chain, or give `ca_file` for a private CA",
    ),
    (
        "tls.verified",
        "false",
        "see `tls.verify_error`: renew or replace the certificate, or name what it is for (`sni`, `verify_name`) and who issued it (`ca_file`)",
    ),
    (
        "same_answer",
        "false",
        "the server answers differently by UDP: see the evidence; is another process, view or cache behind the encrypted port?",
    ),
    ("crl.status", "revoked", "the authority has revoked it: replace certificate and key now, and find out why"),
    ("crl.status", "unreachable", "the list cannot be fetched from here: is HTTP to the authority allowed?"),
    ("ocsp.status", "revoked", "the authority has revoked it: replace certificate and key now, and find out why"),
    ("restored", "false", "what was broken on purpose is still broken: run the restore command by hand, now"),
    (
        "recovered",
        "false",
        "the service did not come back by itself: look at health checks, election and the standby's log",
    ),
    ("rcode", "SERVFAIL", "the server failed: DNSSEC validation, an expired secondary or an unreachable upstream"),
    ("rcode", "NXDOMAIN", "the name does not exist there: is the zone loaded, with the new serial?"),
    ("rcode", "REFUSED", "the server does not serve this zone or this client: check its zones and access lists"),
    (
        "dnssec.reason",
        "expired",
        "sign the zone again, now, and look why the signer did not: its cron, its keys, a secondary that no longer transfers",
    ),
    (
        "dnssec.reason",
        "not_yet_valid",
        "compare the clocks of the signer and of this host (`timedatectl`): signatures begin in the future",
    ),
    (
        "dnssec.reason",
        "ds_mismatch",
        "the parent's DS names no key of the zone: publish the DS of the key in use, or bring that key back; resolvers fail now",
    ),
    (
        "dnssec.reason",
        "missing_rrsig",
        "sign the set with the key that is trusted: is the zone loaded as signed, on this server too?",
    ),
    (
        "dnssec.reason",
        "missing_denial",
        "sign the zone again so that NSEC or NSEC3 cover the name, and load it whole: see the evidence for what is missing",
    ),
    (
        "dnssec.reason",
        "bad_signature",
        "data and signature differ: changed after signing, or signed by a key that is not published; sign the zone again",
    ),
    (
        "dnssec.reason",
        "unsupported_algorithm",
        "resolvers treat the zone as unsigned or broken: sign it with ECDSAP256SHA256, and publish a DS with SHA-256",
    ),
    (
        "dnssec.reason",
        "no_answer",
        "ask a server that answers for the whole chain from the anchor, or a resolver; the evidence names the question",
    ),
    ("dnssec.reason", "no_anchor", "an alias leads out of the trust anchors: add one that is above its target"),
    (
        "dnssec.reason",
        "too_much_work",
        "the zone takes more than any sound one: look for keys of one tag and floods of signatures",
    ),
    (
        "dnssec.reason",
        "opinions_differ",
        "two validators disagree: see both in the evidence, hold them against `delv +vtrace`, and tell us",
    ),
];

/// Fact of the first expectation that did not hold, advice. For failures whose outcome tells nothing wrong.
pub const BREACHES: &[(&str, &str)] = &[
    (
        "certificates.verified",
        "another certificate of this server does not verify: see `certificates` and the evidence, and renew that one as well",
    ),
    (
        "certificates.expires_in",
        "one of the server's certificates ends first: see `certificates` for which kind of key, and why its renewal did not run",
    ),
    (
        "certificates",
        "the server shows other certificates than expected: see `certificates.unknown` for what was not answered",
    ),
    (
        "addresses.agree",
        "the addresses of the name differ: see the evidence for who shows what, and deploy to those left behind",
    ),
    ("lint", "each finding names its rule and the certificate: correct the order of the chain, or have it issued anew"),
    (
        "path",
        "the path a client verifies is another one or ends too soon: see `path.subjects`, and what is in `ca_file`",
    ),
    ("lifetime_left", "renewal should have run by now: look why it did not"),
    ("chain.lifetime_left", "a certificate of the chain is late in its life: ask its issuer for the next one"),
    (
        "ocsp",
        "the staple is missing, old or not proven: can the server reach its OCSP responder, and does it know its issuer?",
    ),
    (
        "profile",
        "each breach names the rule and its source: change the server's configuration, or choose another profile",
    ),
    ("chain.expires_in", "renew the certificate of the chain that ends first, and look why its renewal did not run"),
    ("expires_in", "renew the certificate, and look why its renewal did not run"),
    ("certificate.expires_in", "renew the certificate, and look why its renewal did not run"),
    (
        "tls.chain.expires_in",
        "renew the certificate of the chain that ends first, and look why its renewal did not run",
    ),
    ("tls.expires_in", "renew the certificate, and look why its renewal did not run"),
    (
        "same_answer",
        "there was nothing to compare with: does the server answer by UDP (`same_as`), and this transport at all?",
    ),
    ("edns.padding", "the server does not pad: see its settings (BIND response-padding, Unbound pad-responses)"),
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
    (
        "alpn.accepted",
        "another set of protocols than expected: is what answers there the right listener, with the right modules?",
    ),
    ("alpn", "the peer chose another protocol: is it enabled there, and on what terminates TLS before it?"),
    ("answers", "the server has other records: compare the SOA serial on every server with the zone's source"),
    ("flags", "the server answers in another role than expected: is the zone loaded there, is recursion on?"),
    ("ttl", "the TTL differs: is this an authoritative server, or a cache that counts down?"),
    (
        "servers.failed",
        "ask these servers by hand (dig @ADDRESS ZONE SOA +norec): is the daemon up, and UDP port 53 open?",
    ),
    (
        "lame",
        "these servers do not have the zone: look for it in their configuration, and for an expired transfer in their log",
    ),
    ("authoritative", "an answer lacks AA: is the zone loaded there, or does a cache or forwarder answer?"),
    (
        "consistent",
        "the servers differ, see the evidence: compare serials, then look at notify and transfers of those behind",
    ),
    (
        "serial",
        "a server is behind: look at notify, at its transfers (log, allow-transfer, TSIG) and at the SOA refresh",
    ),
    (
        "propagation",
        "the servers in `propagation.pending` lack it: look at notify and transfers there, and at the primary's serial",
    ),
    (
        "ns",
        "parent and zone name different servers: correct the delegation at the registry, or the NS records of the zone",
    ),
    ("glue", "the parent has other addresses than the zone: update the host objects at the registry"),
    ("parent.failed", "servers of the parent do not delegate the zone yet: is the change published there?"),
    (
        "recursion.open",
        "these servers look up anything for anybody: turn recursion off, or allow it to own clients only",
    ),
    (
        "axfr",
        "a server gives away the zone, or does not give it: see its allow-transfer and where it is asked from (`source`)",
    ),
    (
        "unreachable.tcp",
        "TCP port 53 is closed or filtered there: resolvers need it for every answer that does not fit",
    ),
    ("reachable.tcp", "TCP port 53 is closed or filtered there: resolvers need it for every answer that does not fit"),
    (
        "edns",
        "a server or a firewall before it mishandles EDNS: see `servers` for which, and let DNS packets pass unchanged",
    ),
    (
        "truncation",
        "large answers are not cut the right way there: see `servers`; is something rewriting DNS on the path?",
    ),
    ("status", "the service answers, but not as expected: look into its log for this request"),
    ("body", "the content differs: is the new release really what answers here?"),
    ("headers", "the header differs: is it set by the service, or by what stands before it?"),
    (
        "load.wrong",
        "replies were not the right answer: the notes show one of each kind; ask for it alone (dig), then look at what the server does under load (RRL, zone reload, EDNS size)",
    ),
    (
        "load.lost",
        "queries met silence: look at drops of the server's socket (ss -ulm, nstat UdpRcvbufErrors), at rate limiting (RRL) and at firewalls that track UDP (conntrack -S)",
    ),
    (
        "load.loss",
        "queries met silence: look at drops of the server's socket (ss -ulm, nstat UdpRcvbufErrors), at rate limiting (RRL) and at firewalls that track UDP (conntrack -S)",
    ),
    (
        "load.late",
        "answers came too late: the server stood still (zone reload, garbage collection, a busy neighbour); compare `load.latency.p50` with `.max`",
    ),
    (
        "load.latency",
        "slower than expected: compare `load.lateness` (this host's share), `load.latency.p50` with `.max`, and the server's processor",
    ),
    (
        "load.qps",
        "fewer answers than expected: see `limited_by`; for `client` give this host more cores, for `server` look at its threads and sockets",
    ),
    (
        "load.answered",
        "no answer was right: see the notes for what came instead, and ask the server once without `load`",
    ),
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
    (
        "rrsig.expires_in",
        "sign the zone again and look why the signer is late: `rrsig.sets` tells which set ends first",
    ),
    (
        "dnssec.verdict",
        "the name counts as unsigned: does its parent publish a DS for it? the evidence says where the chain ends",
    ),
    ("ds", "compare the parent's DS with the zone's keys: `ds.unmatched` and `dnssec.keys`"),
    ("cds", "CDS or CDNSKEY and keys or DS differ: look at the state of the rollover on the signer"),
    ("nsec3", "RFC 9276: no extra iterations, no salt, and opt-out only for very large delegation zones"),
    ("soa", "secondaries would outlive their signatures: sign earlier, or shorten the SOA's expire"),
    (
        "client_certificate",
        "look at the server's setting for this name and port (ssl_verify_client, SSLVerifyClient, verify); nginx refuses in HTTP only, which the family `http` sees",
    ),
    (
        "limited_by",
        "this host was the limit: measure from a larger one, or from several, before calling the server slow",
    ),
    (
        "resumption",
        "sessions are not known again: do all servers behind this address share ticket keys, or a session cache?",
    ),
    (
        "load.resumed",
        "sessions are not known again: do all servers behind this address share ticket keys, or a session cache?",
    ),
    (
        "load.errors",
        "handshakes failed under load: the evidence counts them by kind; look at the server's limits of connections and files",
    ),
    (
        "load",
        "less or slower than expected: look at `limited_by` first, then at the server's processors, and for TLS at its key (RSA costs many times ECDSA)",
    ),
    ("settled_in", "it holds, but too late: look at what delays the change (timers, caches, deployment order)"),
];
