//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "ping", "ping4 ip_version=ipv4", "ping6 ip_version=ipv6", "fping", "icmp_echo", "echo", "icmp_ping", "hping", "ping_sweep", "sweep",
    ],
    fields: &[
        ("server", "host"), ("hostname", "host"), ("ip", "host"), ("address", "host"), ("target", "host"),
        ("dest", "host"), ("destination", "host"), ("addr", "host"), ("packets", "count"), ("number", "count"),
        ("probes", "count"), ("samples", "count"), ("c", "count"), ("n", "count"), ("period", "interval"),
        ("delay", "interval"), ("packet_size", "size"), ("payload_size", "size"), ("payload", "size"), ("s", "size"),
        ("length", "size"), ("bytes", "size"), ("df", "dont_fragment"), ("dont_frag", "dont_fragment"), ("hop_limit", "ttl"),
        ("hops", "ttl"), ("src", "source"), ("iface", "interface"), ("device", "interface"), ("bind", "source"), ("source_ip_address", "source"), ("wait", "timeout"),
        ("deadline", "timeout"), ("targets", "hosts"), ("addresses", "hosts"), ("networks", "hosts"), ("network", "hosts"), ("subnet", "hosts"),
        ("cidr", "hosts"), ("tos", "dscp"), ("traffic_class", "dscp"), ("range", "hosts"), ("host_list", "hosts_file"), ("inventory", "hosts_file"), ("retry", "retries"),
        ("attempts", "retries"), ("pps", "rate"),
    ],
    facts: &[
        ("status", "outcome"), ("state", "outcome"), ("result", "outcome"), ("reachable", "outcome: replied"),
        ("alive", "outcome: replied"), ("up", "outcome: replied"), ("success", "outcome: replied"),
        ("packet_loss", "loss"), ("loss_percent", "loss"), ("lost", "loss"), ("latency", "rtt.p95"),
        ("time", "rtt.p95"), ("duration", "rtt.p95"), ("response_time", "rtt.p95"), ("elapsed", "rtt.p95"), ("avg", "rtt.mean"),
        ("rtt_avg", "rtt.mean"), ("rtt_max", "rtt.max"), ("rtt_min", "rtt.min"), ("mdev", "rtt.stddev"),
        ("alive_hosts", "hosts.alive"), ("dead_hosts", "hosts.dead"), ("down", "hosts.dead"), ("packets_sent", "sent"), ("transmitted", "sent"), ("packets_received", "received"), ("dup", "duplicates"),
        ("hops", "ttl.p95"), ("ip", "address"),
    ],
    options: &[
        ("-c N", "count={}"), ("-i SECONDS", "interval={}s"), ("-s BYTES", "size={}B"), ("-t HOPS", "ttl={}"),
        ("-W SECONDS", "timeout={}s"), ("-w SECONDS", "timeout={}s"), ("-I ADDRESS", "{source}={}"),
        ("-C N", "count={}"), ("-p MS", "interval={}ms"), ("-b BYTES", "size={}B"), ("-A", ""), ("-d", ""), ("-u", ""),
        ("-g RANGE", "hosts={}"), ("-r", ""), ("--report", ""),
        ("-M HOW", "dont_fragment=true"), ("-Q TOS", "!write the class of service: dscp=46 (a type of service of 184, divided by 4)"), ("-n", ""), ("-q", ""), ("-D", ""), ("-O", ""), ("-a", ""),
        ("-f", "!every reply is waited for; interval=20ms sends faster"),
    ],
};
