//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "datagram", "udp_port",
    ],
    fields: &[
        ("server", "host"), ("hostname", "host"), ("ip", "host"), ("address", "host"), ("target", "host"),
        ("dest", "host"), ("destination", "host"), ("addr", "host"), ("dport", "port"), ("ports", "port"),
        ("src", "source"), ("iface", "interface"), ("device", "interface"), ("bind", "source"), ("source_address", "source"), ("connect_timeout", "timeout"),
        ("wait", "timeout"), ("data", "send"), ("payload", "send"), ("write", "send"), ("query_response", "send"), ("payloads", "datagrams"), ("packets", "datagrams"), ("messages", "datagrams"),
        ("repeat", "count"), ("times", "count"), ("number", "count"), ("period", "interval"), ("delay", "interval"),
        ("receive", "expect"), ("response", "expect"), ("read", "expect"), ("pattern", "expect"), ("hex", "send_hex"),
    ],
    facts: &[
        ("status", "outcome"), ("state", "outcome"), ("result", "outcome"), ("open", "outcome: replied"),
        ("reachable", "outcome: replied"), ("success", "outcome: replied"), ("alive", "outcome: replied"),
        ("latency", "response_time.p95"), ("rtt", "response_time.p95"), ("duration", "response_time.p95"),
        ("time", "response_time.p95"), ("elapsed", "response_time.p95"), ("received", "response"), ("data", "response"),
        ("body", "response"), ("packet_loss", "loss"), ("lost", "loss"), ("replies", "answers"), ("responses", "answers"), ("size", "response.size"), ("ip", "address"),
    ],
    options: &[
        ("-u", ""), ("-z", ""), ("-n", ""), ("-w SECONDS", "timeout={}s"), ("-s ADDRESS", "source={}"),
        ("-p PORT", "port={}"), ("-l", "!this side listens with `shakedown serve`"),
    ],
};
