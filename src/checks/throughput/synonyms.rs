//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

const BY_TIME: &str = "!how long is sent is set, not how much: duration=10s";

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "iperf", "iperf3", "bandwidth", "speed", "speedtest", "netperf", "qperf", "bitrate",
    ],
    fields: &[
        ("host", "server"), ("hostname", "server"), ("address", "server"), ("target", "server"), ("endpoint", "server"),
        ("ip", "server"), ("time", "duration"), ("length", "duration"), ("t", "duration"), ("seconds", "duration"),
        ("parallel", "streams"), ("p", "streams"), ("connections", "streams"), ("flows", "streams"),
        ("reverse", "direction: download"), ("r", "direction: download"), ("bidir", "direction: both"),
        ("udp", "protocol: udp"), ("tcp", "protocol: tcp"), ("bandwidth", "rate"), ("b", "rate"), ("bitrate", "rate"),
        ("speed", "rate"), ("window", "block"), ("len", "block"), ("warmup", "omit"), ("warm_up", "omit"),
        ("congestion_control", "congestion"), ("cc", "congestion"), ("bind", "source"),
        ("src", "source"), ("iface", "interface"), ("device", "interface"),
    ],
    facts: &[
        ("status", "outcome"), ("state", "outcome"), ("result", "outcome"), ("success", "outcome: transferred"),
        ("bandwidth", "bitrate.p50"), ("throughput", "bitrate.p50"), ("speed", "bitrate.p50"), ("rate", "bitrate.p50"),
        ("mbps", "bitrate.p50"), ("bps", "bitrate.p50"), ("bits_per_second", "bitrate.p50"),
        ("received_rate", "bitrate.p50"), ("bytes", "transferred"), ("retr", "retransmits"),
        ("retransmissions", "retransmits"), ("packet_loss", "loss"), ("loss_percent", "loss"), ("lost_packets", "lost"),
        ("lost_percent", "loss"), ("latency", "rtt.p95"), ("response_time", "rtt.p95"), ("cpu", "cpu.local"), ("ip", "address"),
    ],
    options: &[
        ("-c HOST", "{}"), ("--client HOST", "{}"), ("-p PORT", "port={}"), ("--port PORT", "port={}"),
        ("-t SECONDS", "duration={}s"), ("--time SECONDS", "duration={}s"), ("-P N", "streams={}"),
        ("--parallel N", "streams={}"), ("-R", "direction=download"), ("--reverse", "direction=download"),
        ("-u", "protocol=udp"), ("--udp", "protocol=udp"), ("-b RATE", "rate={}bit/s"),
        ("--bitrate RATE", "rate={}bit/s"), ("--bandwidth RATE", "rate={}bit/s"), ("-O SECONDS", "omit={}s"),
        ("--omit SECONDS", "omit={}s"), ("-l BYTES", "block={}B"), ("--length BYTES", "block={}B"),
        ("-C NAME", "congestion={}"), ("--congestion NAME", "congestion={}"), ("-i SECONDS", "interval={}s"),
        ("--interval SECONDS", "interval={}s"), ("-B ADDRESS", "source={}"), ("--bind ADDRESS", "source={}"),
        ("-J", ""), ("--json", ""), ("-V", ""), ("-f FORMAT", ""), ("--get-server-output", ""),
        ("--connect-timeout MS", "timeout={}ms"), ("-n BYTES", BY_TIME), ("--bytes BYTES", BY_TIME),
        ("--bidir", "direction=both"), ("-d", "direction=both"), ("--gsro", ""),
        ("-s", "!the server is `shakedown serve`"), ("--server", "!the server is `shakedown serve`"),
    ],
};
