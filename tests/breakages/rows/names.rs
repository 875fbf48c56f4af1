//! Zones, name servers and resolvers.

use super::super::lab::Lab;
use super::super::told::Told;
use super::Breakage;

/// Where a check by name is errored for want of a resolver.
const NAMELESS: Told = Told {
    cases: "^(https-open|by-name|to-https|login|certificate-everywhere)$",
    cause: &[r"www\.example\.test", "resolver|name resolution"],
    next: &["getent|resolv.conf|dig"],
    never: &["ulimit", "renew"],
};
pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "wrong-a",
        what: "the zone has the address of a host that is gone (192.0.2.9) for www.example.test",
        how: |lab| lab.names(&[("A 192.0.2.10", "A 192.0.2.9")]),
        mend: |lab| lab.names(&[]),
        args: &[],
        comes_to: &[
            ("zone-a[server=192.0.2.53]", "answered"),
            ("zone-a[server=192.0.2.54]", "answered"),
            ("resolver", "answered"),
            ("https-open", "timeout"),
            ("certificate-everywhere", "timeout"),
        ],
        told: &[
            Told {
                cases: "^zone-a",
                cause: &[r"192\.0\.2\.5[34]", r"192\.0\.2\.9\b", r"192\.0\.2\.10\b", r"www\.example\.test"],
                next: &["zone|record", r"\bdig\b"],
                never: &["serial on every server"],
            },
            Told {
                cases: "^resolver$",
                cause: &[r"192\.0\.2\.52", r"192\.0\.2\.9\b", r"192\.0\.2\.10\b"],
                next: &[r"\bdig\b"],
                never: &[],
            },
            Told {
                cases: ".",
                cause: &[r"192\.0\.2\.9(:443)?\b", r"SYN", r"\b2 ?s\b"],
                next: &["[a-z]"],
                never: &["accepts connections", "hangs"],
            },
        ],
    },
    Breakage {
        name: "ttl-too-high",
        what: "the zone gives the A record of www.example.test a TTL of a day; the suite allows five minutes",
        how: |lab| lab.names(&[("www  A", "www  86400 A")]),
        mend: |lab| lab.names(&[]),
        args: &[],
        comes_to: &[("zone-a[server=192.0.2.53]", "answered"), ("zone-a[server=192.0.2.54]", "answered")],
        told: &[Told {
            cases: ".",
            cause: &[r"192\.0\.2\.5[34]", "TTL|ttl", "86400|1 ?d", "300|5 ?min"],
            next: &["zone", "(?i)lower|cache"],
            never: &["or a cache that counts down"],
        }],
    },
    Breakage {
        name: "aaaa-missing",
        what: "the zone has no AAAA record for www.example.test",
        how: |lab| lab.names(&[("     AAAA 2001:db8::10\n", "")]),
        mend: |lab| lab.names(&[]),
        args: &[],
        comes_to: &[("zone-aaaa[server=192.0.2.53]", "answered"), ("zone-aaaa[server=192.0.2.54]", "answered")],
        told: &[Told {
            cases: ".",
            cause: &[r"192\.0\.2\.5[34]", r"(?i)no AAAA|has no .*AAAA|AAAA.*(empty|none)", r"www\.example\.test"],
            next: &["zone", r"\bdig\b"],
            never: &["serial on every server"],
        }],
    },
    Breakage {
        name: "ns-mismatch",
        what: "the zone names ns3 where its parent still has ns2",
        how: |lab| lab.names(&[("NS ns2", "NS ns3"), ("ns2  A 192.0.2.54", "ns2  A 192.0.2.54\nns3  A 192.0.2.54")]),
        mend: |lab| lab.names(&[]),
        args: &[],
        comes_to: &[("delegation", "answered")],
        told: &[Told {
            cases: ".",
            cause: &["parent", r"ns2\.example\.test", r"ns3\.example\.test"],
            next: &["registry|delegation|NS"],
            never: &["any_of"],
        }],
    },
    Breakage {
        name: "dns-down",
        what: "both name servers of the zone are stopped",
        how: |lab| ["ns1", "ns2"].into_iter().for_each(|name| lab.stop(name)),
        mend: |lab| lab.names(&[]),
        args: &[],
        comes_to: &[
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
        told: &[
            Told {
                cases: "^zone-",
                cause: &[r"192\.0\.2\.5[34](:53)?\b", "refused|unreachable|nothing listens", "port"],
                next: &[r"\bss\b", "53|u"],
                never: &["connection refused"],
            },
            Told {
                cases: "^delegation$",
                cause: &[r"example\.test", r"ns1|192\.0\.2\.53", r"ns2|192\.0\.2\.54", "refused|no answer"],
                next: &[r"\bss\b|\bdig\b"],
                never: &["serial"],
            },
            Told {
                cases: "^resolver$",
                cause: &["SERVFAIL", r"192\.0\.2\.52", r"www\.example\.test"],
                next: &[r"\bdig\b"],
                never: &["firewall"],
            },
            NAMELESS,
        ],
    },
    Breakage {
        name: "resolver-down",
        what: "the resolver that the client uses is stopped",
        how: |lab| lab.stop("resolver"),
        mend: Lab::resolver,
        args: &[],
        comes_to: &[
            ("resolver", "refused"),
            ("https-open", "errored"),
            ("by-name", "errored"),
            ("to-https", "errored"),
            ("login", "errored"),
            ("certificate-everywhere", "errored"),
        ],
        told: &[
            Told {
                cases: "^resolver$",
                cause: &[r"192\.0\.2\.52(:53)?\b", "refused|unreachable|nothing listens", "port"],
                next: &[r"\bss\b"],
                never: &["connection refused"],
            },
            NAMELESS,
        ],
    },
];
