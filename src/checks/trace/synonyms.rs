//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "traceroute", "traceroute6 ip_version=ipv6", "tracert", "mtr", "tracepath mtu=discover", "tracepath6 mtu=discover ip_version=ipv6", "trippy", "trip",
        "tcptraceroute protocol=tcp", "dublin_traceroute protocol=udp", "paris_traceroute protocol=udp", "traceroute_tcp protocol=tcp",
    ],
    fields: &[
        ("server", "host"), ("hostname", "host"), ("ip", "host"), ("address", "host"), ("target", "host"), ("dest", "host"),
        ("destination", "host"), ("addr", "host"), ("method", "protocol"), ("proto", "protocol"), ("type", "protocol"), ("mode", "protocol"),
        ("dport", "port"), ("dst_port", "port"), ("target_port", "port"), ("max_ttl", "max_hops"), ("ttl", "max_hops"), ("hops", "max_hops"),
        ("m", "max_hops"), ("paths", "flows"), ("npaths", "flows"), ("nqueries", "count"), ("queries", "count"), ("q", "count"), ("cycles", "count"),
        ("probes", "count"), ("packets", "count"), ("report_cycles", "count"), ("c", "count"), ("retry", "retries"), ("attempts", "retries"),
        ("delay", "interval"), ("period", "interval"), ("wait", "timeout"), ("deadline", "timeout"), ("max_time", "timeout"), ("src", "source"), ("iface", "interface"), ("device", "interface"),
        ("bind", "source"), ("source_ip_address", "source"), ("path_mtu", "mtu"), ("pmtu", "mtu"),
    ],
    facts: &[
        ("status", "outcome"), ("state", "outcome"), ("result", "outcome"), ("reached", "outcome: reached"), ("success", "outcome: reached"),
        ("reachable", "outcome: reached"), ("hop_count", "distance"), ("hops_count", "distance"), ("length", "distance"), ("ttl", "distance"),
        ("route", "path"), ("paths", "paths.count"), ("ecmp", "paths.count"), ("latency", "rtt.p95"), ("time", "rtt.p95"), ("duration", "rtt.p95"),
        ("response_time", "rtt.p95"), ("elapsed", "rtt.p95"), ("avg", "rtt.mean"), ("mtu", "path_mtu"), ("pmtu", "path_mtu"),
        ("black_hole", "path_mtu.black_hole"), ("last_hop", "farthest"), ("ip", "address"), ("loss", "hops.loss.max"),
    ],
    options: &[
        ("-n", ""), ("-4", "ip_version=ipv4"), ("-6", "ip_version=ipv6"), ("-m HOPS", "max_hops={}"), ("-q N", "count={}"), ("-c N", "count={}"),
        ("-I", "protocol=icmp"), ("-U", "protocol=udp"), ("-u", "protocol=udp"), ("-T", "protocol=tcp"), ("-p PORT", "?protocol=udp port={}"),
        ("-P PORT", "?protocol=tcp port={}"), ("-w SECONDS", "timeout={}s"), ("-i SECONDS", "interval={}s"), ("-s ADDRESS", "source={}"), ("-a ADDRESS", "source={}"),
        ("-r", ""), ("-b", ""), ("--report", ""), ("--mtu", "mtu=discover"), ("-z", ""),
    ],
};
