//! Zones, name servers and resolvers.

use super::super::lab::Lab;
use super::super::wording::Wording;
use super::Breakage;

/// Where a check by name is errored for want of a resolver.
const NO_RESOLVER: Wording = Wording {
    cases: "^(https-open|by-name|to-https|login|certificate-everywhere)$",
    cause: &[r"could not resolve www\.example\.test", "resolver", "name resolution"],
    next: &["getent|resolv.conf|dig"],
    misleading: &["ulimit", "renew"],
};
pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "wrong-a",
        description: "the zone has the address of a host that is gone (192.0.2.9) for www.example.test",
        inject: |lab| lab.zone(&[("A 192.0.2.10", "A 192.0.2.9")]),
        restore: |lab| lab.zone(&[]),
        args: &[],
        results: &[
            ("zone-a[server=192.0.2.53]", "answered"),
            ("zone-a[server=192.0.2.54]", "answered"),
            ("resolver", "answered"),
            ("https-open", "timeout"),
            ("certificate-everywhere", "timeout"),
        ],
        wording: &[
            Wording {
                cases: "^zone-a",
                cause: &[r"192\.0\.2\.5[34]", r"192\.0\.2\.9\b", r"192\.0\.2\.10\b", r"www\.example\.test"],
                next: &["zone|record", r"\bdig\b"],
                misleading: &["serial on every server"],
            },
            Wording {
                cases: "^resolver$",
                cause: &[r"192\.0\.2\.52", r"192\.0\.2\.9\b", r"192\.0\.2\.10\b"],
                next: &[r"\bdig\b"],
                misleading: &[],
            },
            Wording {
                cases: ".",
                cause: &[r"192\.0\.2\.9(:443)?\b", "TCP handshake", r"\b2 ?s\b"],
                next: &["[a-z]"],
                misleading: &["accepts connections", "hangs"],
            },
        ],
    },
    Breakage {
        name: "ttl-too-high",
        description: "the zone gives the A record of www.example.test a TTL of a day; the suite allows five minutes",
        inject: |lab| lab.zone(&[("www  A", "www  86400 A")]),
        restore: |lab| lab.zone(&[]),
        args: &[],
        results: &[("zone-a[server=192.0.2.53]", "answered"), ("zone-a[server=192.0.2.54]", "answered")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"192\.0\.2\.5[34]", "TTL|ttl", "86400|1 ?d", "300|5 ?min"],
            next: &["zone", "(?i)lower|cache"],
            misleading: &["or a cache that counts down"],
        }],
    },
    Breakage {
        name: "aaaa-missing",
        description: "the zone has no AAAA record for www.example.test",
        inject: |lab| lab.zone(&[("     AAAA 2001:db8::10\n", "")]),
        restore: |lab| lab.zone(&[]),
        args: &[],
        results: &[("zone-aaaa[server=192.0.2.53]", "answered"), ("zone-aaaa[server=192.0.2.54]", "answered")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"192\.0\.2\.5[34]", r"(?i)no AAAA|has no .*AAAA|AAAA.*(empty|none)", r"www\.example\.test"],
            next: &["zone", r"\bdig\b"],
            misleading: &["serial on every server"],
        }],
    },
    Breakage {
        name: "ns-mismatch",
        description: "the zone names ns3 where its parent still has ns2",
        inject: |lab| lab.zone(&[("NS ns2", "NS ns3"), ("ns2  A 192.0.2.54", "ns2  A 192.0.2.54\nns3  A 192.0.2.54")]),
        restore: |lab| lab.zone(&[]),
        args: &[],
        results: &[("delegation", "answered")],
        wording: &[Wording {
            cases: ".",
            cause: &["parent", r"ns2\.example\.test", r"ns3\.example\.test"],
            next: &["registry", r"@192\.0\.2\.50", r"@192\.0\.2\.53"],
            misleading: &["any_of"],
        }],
    },
    Breakage {
        name: "dns-down",
        description: "both name servers of the zone are stopped",
        inject: |lab| ["ns1", "ns2"].into_iter().for_each(|name| lab.stop(name)),
        restore: |lab| lab.zone(&[]),
        args: &[],
        results: &[
            ("zone-a[server=192.0.2.53]", "refused"),
            ("zone-a[server=192.0.2.54]", "refused"),
            ("zone-aaaa[server=192.0.2.53]", "refused"),
            ("zone-aaaa[server=192.0.2.54]", "refused"),
            ("delegation", "refused"),
            ("resolver", "answered"),
            ("https-open", "errored"),
            ("by-name", "errored"),
            ("to-https", "errored"),
            ("login", "errored"),
            ("certificate-everywhere", "errored"),
        ],
        wording: &[
            Wording {
                cases: "^zone-",
                cause: &[r"192\.0\.2\.5[34](:53)?\b", "port closed", "none of the 2 servers"],
                next: &[r"\bss\b", "53|u"],
                misleading: &["connection refused"],
            },
            Wording {
                cases: "^delegation$",
                cause: &[r"example\.test", r"ns1|192\.0\.2\.53", r"ns2|192\.0\.2\.54", "port closed"],
                next: &[r"\bss\b|\bdig\b"],
                misleading: &["serial"],
            },
            Wording {
                cases: "^resolver$",
                cause: &["SERVFAIL", r"192\.0\.2\.52", r"www\.example\.test"],
                next: &[r"\bdig\b"],
                misleading: &["firewall"],
            },
            NO_RESOLVER,
        ],
    },
    Breakage {
        name: "resolver-down",
        description: "the resolver that the client uses is stopped",
        inject: |lab| lab.stop("resolver"),
        restore: Lab::resolver,
        args: &[],
        results: &[
            ("resolver", "refused"),
            ("https-open", "errored"),
            ("by-name", "errored"),
            ("to-https", "errored"),
            ("login", "errored"),
            ("certificate-everywhere", "errored"),
        ],
        wording: &[
            Wording {
                cases: "^resolver$",
                cause: &[r"192\.0\.2\.52(:53)?\b", "refused|unreachable|nothing listens", "port"],
                next: &[r"\bss\b"],
                misleading: &["connection refused"],
            },
            NO_RESOLVER,
        ],
    },
];
