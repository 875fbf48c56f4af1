//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

const OF_TLS: &str = "!a handshake is a family of its own: write `tls: {host: HOST, port: PORT}`, with `starttls: smtp` where it begins so";

const OF_DIALOGUE: &str = "!write the steps one by one, with the line ends in what is sent: `dialogue: [{matches: \"^220 \"}, {send: \"EHLO x.example\\r\\n\"}]`";

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "port", "socket", "connect", "telnet", "nc", "netcat", "ncat", "tcpsocket", "tcp_socket", "tcp_connect",
        "tcp_port", "ssh", "ftp", "smtp",
    ],
    fields: &[
        ("server", "host"), ("hostname", "host"), ("ip", "host"), ("address", "host"), ("target", "host"),
        ("dest", "host"), ("destination", "host"), ("addr", "host"), ("dport", "port"), ("ports", "port"),
        ("src", "source"), ("iface", "interface"), ("device", "interface"), ("bind", "source"), ("source_address", "source"), ("connect_timeout", "timeout"),
        ("wait", "timeout"), ("data", "send"), ("payload", "send"), ("write", "send"),
        ("query_response", OF_DIALOGUE), ("conversation", OF_DIALOGUE), ("chat", OF_DIALOGUE), ("steps", OF_DIALOGUE),
        ("script", OF_DIALOGUE), ("dialog", OF_DIALOGUE),
        ("receive", "expect"), ("recv", "expect"), ("expect_bytes", "expect_hex"), ("shutdown", "half_close: true"),
        ("close_write", "half_close: true"), ("response", "expect"), ("read", "expect"), ("pattern", "expect"), ("hex", "send_hex"),
        ("greeting", "banner"), ("tls", OF_TLS), ("ssl", OF_TLS), ("starttls", OF_TLS),
    ],
    facts: &[
        ("status", "outcome"), ("state", "outcome"), ("result", "outcome"), ("connected", "outcome: connected"),
        ("open", "outcome: connected"), ("listening", "outcome: connected"), ("reachable", "outcome: connected"),
        ("up", "outcome: connected"), ("success", "outcome: connected"), ("alive", "outcome: connected"),
        ("closed", "outcome: refused"), ("refused", "outcome: refused"), ("filtered", "outcome: timeout"),
        ("latency", "connect_time.p95"), ("rtt", "connect_time.p95"), ("duration", "connect_time.p95"),
        ("time", "connect_time.p95"), ("response_time", "connect_time.p95"), ("connect", "connect_time.p95"),
        ("elapsed", "connect_time.p95"), ("probe_duration_seconds", "connect_time.p95"), ("greeting", "banner"),
        ("data", "received"), ("response", "received"), ("ip", "address"),
    ],
    options: &[
        ("-z", ""), ("-n", ""), ("-N", "half_close=true"), ("-w SECONDS", "timeout={}s"), ("-s ADDRESS", "source={}"), ("-p PORT", "port={}"),
        ("-u", "!UDP is a family of its own: shakedown probe udp HOST:PORT send=TEXT"),
        ("-l", "!this side listens with `shakedown serve`"),
        ("-X PROTOCOL", "!no proxy is ever used: the server itself is asked"),
        ("-x PROXY", "!no proxy is ever used: the server itself is asked"),
    ],
};
