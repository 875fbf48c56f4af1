//! Advice for outcomes that several families have, in the same words for all of them.

/// An outcome, and the next step.
type Advice = (&'static str, &'static str);

/// RST or ICMP port unreachable.
pub const REFUSED: Advice = (
    "refused",
    "nothing listens there, or a firewall answers for it (perhaps this host's own): is the service up, on this address and port \
     (`ss -ltnup`)?",
);
/// Silence before there was a connection.
pub const TIMEOUT: Advice = (
    "timeout",
    "no answer came: is the host up, and does the service hang? check firewall, route and security group on the way; perhaps \
      this host itself drops what comes back (`nft list ruleset`, `ip route`)",
);
/// No reply to a datagram.
pub const SILENT: Advice = (
    "silent",
    "no answer came: is the service up, and does it answer what was sent? a firewall may drop it, perhaps this host's own \
      (`nft list ruleset`, `ip route`)",
);
/// An ICMP error, or no route.
pub const UNREACHABLE: Advice =
    ("unreachable", "a router or this host has no way there: check routes (`ip route`) and the next hop");
/// No such name, or no address of the IP version asked for.
pub const UNRESOLVED: Advice =
    ("unresolved", "the name has no address here: check its spelling, /etc/resolv.conf and the record");
/// RST on an open connection.
pub const RESET: Advice = (
    "reset",
    "the peer accepted and hung up: look into its log; a wrong protocol or an access list does this, and a firewall on the way \
     may (perhaps this host's own: `nft list ruleset`)",
);
/// Another answer than the suite waits for.
pub const MISMATCH: Advice = ("mismatch", "something answered, but not with what is expected: see the evidence above");
/// FIN before a complete answer.
pub const CLOSED: Advice = ("closed", "the peer closed without a complete answer: look into its log");
/// Nonsense.
pub const MALFORMED: Advice = ("malformed", "the answer cannot be parsed: look at it with a packet capture");
/// Another protocol or version.
pub const PROTOCOL_ERROR: Advice = ("protocol_error", "the peer speaks another protocol or version on this port");
/// The certificate.
pub const UNTRUSTED: Advice = (
    "untrusted",
    "the certificate does not verify, and the evidence says why: renew or replace it, or give `ca_file` for a private CA",
);
/// A TLS alert.
pub const ALERT: Advice = ("alert", "the TLS peer refused: versions, ciphers, or a client certificate it wants");
/// No TLS at all.
pub const NOT_TLS: Advice =
    ("not_tls", "the peer does not speak TLS on this port: wrong port, or plain text first (field `starttls`)");

/// A time that is longer than expected.
pub const SLOWER: &str =
    "slower than expected: measure again with `rounds`, and look at the load of both ends and of the path";
/// Another outcome than expected, without advice of its own.
pub const EVIDENCE: &str = "see the evidence; every fact is in the JSON report";
/// Another version of the protocol.
pub const OTHER_VERSION: &str =
    "the peer negotiated another version: look at its configuration, and at what stands in between";
/// A certificate that ends soon.
pub const RENEW: &str = "renew the certificate, and look why its renewal did not run";
/// A certificate of the chain that ends soon.
pub const RENEW_CHAIN: &str =
    "renew the certificate of the chain that ends first, and look why its renewal did not run";
/// The number is that of this host.
pub const LIMITED_HERE: &str =
    "this host was the limit: measure from a larger one, or from several, before calling the server slow";
/// Probes left later than they were due.
pub const SENT_LATE: &str = "this host sends late: look at its load (`uptime`), at what runs beside it and, on a virtual machine, at its steal time; the target has no part in it";
