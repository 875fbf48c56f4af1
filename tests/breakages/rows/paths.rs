//! Packets that do not arrive.

use super::super::lab::Lab;
use super::super::told::Told;
use super::Breakage;

/// Packets of IPv6 are lost.
const SILENT_IPV6: &[&str] = &[r"2001:db8::10", r"SYN|connect", r"\b2 ?s\b"];

pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "nft-drop",
        what: "a firewall on the standby backend drops what comes to port 443",
        how: |lab| lab.filter("be2", &["tcp dport 443 drop"]),
        mend: |lab| lab.filter("be2", &[]),
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "timeout"), ("certificate[address=192.0.2.12]", "timeout")],
        told: &[Told {
            cases: ".",
            cause: &[r"192\.0\.2\.12:443", r"no answer to (the |its |a )?SYN", r"\b2 ?s\b"],
            next: &["nft list ruleset|firewall", r"\bss\b|queue"],
            never: &["hangs"],
        }],
    },
    Breakage {
        name: "loss-8-percent",
        what: "of 25 echo requests the balancer drops two",
        how: |lab| lab.filter("balancer", &["icmp type echo-request numgen inc mod 25 < 2 drop"]),
        mend: |lab| lab.filter("balancer", &[]),
        args: &[],
        comes_to: &[("path", "replied")],
        told: &[Told {
            cases: ".",
            cause: &[r"\b4 of 50\b", r"8 ?%", r"2 ?%", r"192\.0\.2\.10"],
            next: &["mtr|ip -s link|nstat"],
            never: &["is the host up"],
        }],
    },
    Breakage {
        name: "accept-queue-full",
        what: "the web server of the standby backend accepts nothing any more, and its queue of connections is full",
        how: Lab::clog,
        mend: Lab::unclog,
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "timeout"), ("certificate[address=192.0.2.12]", "timeout")],
        told: &[Told {
            cases: ".",
            cause: &[r"192\.0\.2\.12:443", r"no answer to (the |its |a )?SYN", r"\b2 ?s\b", "ping|echo|alive"],
            next: &[r"\bss -l", "queue|Recv-Q|accept"],
            never: &["hangs"],
        }],
    },
    Breakage {
        name: "ipv6-dead",
        what: "what comes to the balancer by IPv6 is dropped, connections and echo requests",
        how: |lab| {
            lab.filter("balancer", &["ip6 daddr 2001:db8::10 tcp dport 1-65535 drop", "icmpv6 type echo-request drop"])
        },
        mend: |lab| lab.filter("balancer", &[]),
        args: &[],
        comes_to: &[
            ("path-v6", "silent"),
            ("https-open", "timeout"),
            ("front[address=2001:db8::10]", "timeout"),
            ("by-name", "timeout"),
            ("to-https", "timeout"),
            ("login", "timeout"),
            ("certificate-everywhere", "timeout"),
        ],
        told: &[
            Told {
                cases: "^path-v6$",
                cause: &["2001:db8::10", r"\b5\b", "(?i)no answer|answered none|none of|silent|lost"],
                next: &["ping|ip -6|nft"],
                never: &["is the service up"],
            },
            // Both were tried.
            Told {
                cases: "^(https-open|certificate-everywhere)$",
                cause: &["2001:db8::10", r"192\.0\.2\.10|IPv4", "IPv6", "SYN"],
                next: &["ip -6|IPv6"],
                never: &["accepts connections", "hangs"],
            },
            Told { cases: ".", cause: SILENT_IPV6, next: &["ip -6|IPv6|nft"], never: &["hangs"] },
        ],
    },
];
