//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &["nmap", "port", "port_scan", "portscan", "scan", "masscan", "rustscan", "open_ports", "tcp_ports", "udp_ports method=udp"],
    fields: &[
        ("server", "host"), ("hostname", "host"), ("ip", "host"), ("address", "host"), ("target", "host"), ("dest", "host"),
        ("destination", "host"), ("targets", "hosts"), ("addresses", "hosts"), ("network", "hosts"), ("port", "ports"),
        ("port_range", "ports"), ("range", "ports"), ("protocol", "method"), ("type", "method"), ("scan_type", "method"),
        ("max_rate", "rate"), ("min_rate", "rate"), ("max_retries", "retries"), ("src", "source"), ("iface", "interface"), ("device", "interface"), ("bind", "source"), ("wait", "timeout"),
        ("input_list", "hosts_file"),
    ],
    facts: &[
        ("listening", "open"), ("ports", "open"), ("open_ports", "open"), ("closed_ports", "closed"), ("filtered_ports", "filtered"),
        ("refused", "closed"), ("state", "outcome"), ("status", "outcome"), ("up", "outcome: answered"), ("ip", "address"),
    ],
    options: &[
        ("-p-", "ports=1-65535"), ("-p PORTS", "ports={}"), ("-sT", ""), ("-sU", "method=udp"), ("-n", ""), ("-Pn", ""), ("-T4", ""), ("-4", "ip_version=ipv4"),
        ("-6", "ip_version=ipv6"), ("-S ADDRESS", "source={}"), ("-iL FILE", "!hosts of a file are asked with hosts_file=FILE in place of the target"),
        ("--max-retries N", "retries={}"), ("--max-rate N", "rate={}/s"), ("--min-rate N", "rate={}/s"), ("--host-timeout T", ""),
        ("--open", ""), ("--reason", ""),
        ("-sS", "method=syn"),
        ("-sV", "!ports are told open or not; what speaks there is asked by the families `tls`, `http` and `tcp`"),
        ("-A", "!ports are told open or not; what speaks there is asked by the families `tls`, `http` and `tcp`"),
        ("-sn", "!which hosts answer at all is asked by `shakedown probe icmp hosts=RANGE`"),
        ("-F", "!ports are written: ports=1-1024"), ("--top-ports N", "!ports are written: ports=1-1024"),
    ],
};
