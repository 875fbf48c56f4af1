//! Packets that do not arrive.

use super::super::lab::Lab;
use super::super::wording::Wording;
use super::Breakage;

pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "nft-drop",
        description: "a firewall on the standby backend drops what comes to port 443",
        inject: |lab| lab.filter("be2", &["tcp dport 443 drop"]),
        restore: |lab| lab.filter("be2", &[]),
        args: &[],
        results: &[("backend[address=192.0.2.12]", "timeout"), ("certificate[address=192.0.2.12]", "timeout")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"192\.0\.2\.12:443", "no answer", r"\b2 ?s\b"],
            next: &["nft list ruleset|firewall"],
            misleading: &["hangs"],
        }],
    },
    Breakage {
        name: "loss-8-percent",
        description: "of 25 echo requests the balancer drops two",
        inject: |lab| lab.filter("balancer", &["icmp type echo-request numgen inc mod 25 < 2 drop"]),
        restore: |lab| lab.filter("balancer", &[]),
        args: &[],
        results: &[("path", "replied")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"\b4 of 50\b", r"8 ?%", r"2 ?%", r"192\.0\.2\.10"],
            next: &["no router is in between", "ip -s link", r"on 192\.0\.2\.10"],
            misleading: &["is the host up", "mtr"],
        }],
    },
    Breakage {
        name: "accept-queue-full",
        description: "the web server of the standby backend accepts nothing any more, and its queue of connections is full",
        inject: Lab::fill_accept_queue,
        restore: Lab::accept_again,
        args: &[],
        results: &[("backend[address=192.0.2.12]", "timeout"), ("certificate[address=192.0.2.12]", "timeout")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"192\.0\.2\.12:443", "no answer", r"\b2 ?s\b", "ping|echo|alive|outside any connection"],
            next: &[r"\bss -l", "queue|Recv-Q|accept"],
            misleading: &["hangs"],
        }],
    },
    Breakage {
        name: "ipv6-dead",
        description: "what comes to the balancer by IPv6 is dropped, connections and echo requests",
        inject: |lab| {
            lab.filter("balancer", &["ip6 daddr 2001:db8::10 tcp dport 1-65535 drop", "icmpv6 type echo-request drop"]);
        },
        restore: |lab| lab.filter("balancer", &[]),
        args: &[],
        results: &[
            ("path-v6", "silent"),
            ("https-open", "timeout"),
            ("front[address=2001:db8::10]", "timeout"),
            ("by-name", "timeout"),
            ("to-https", "timeout"),
            ("login", "timeout"),
            ("certificate-everywhere", "timeout"),
        ],
        wording: &[
            // Both were tried; what else found only IPv6 is told with it.
            Wording {
                cases: ".",
                cause: &["2001:db8::10", r"192\.0\.2\.10|IPv4", "IPv6 is dead", "TCP handshake", r"\b2 ?s\b"],
                next: &["ip -6 route get 2001:db8::10"],
                misleading: &["accepts connections", "hangs"],
            },
        ],
    },
];
