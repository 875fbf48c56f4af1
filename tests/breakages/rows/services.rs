//! Programs that do not run, do not answer, or answer something else.

use super::super::lab::{Backend, Balancer, Lab};
use super::super::wording::Wording;
use super::{Breakage, SIDE_BY_SIDE};

pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "backend-stopped",
        description: "the web server of the standby backend (192.0.2.12) does not run",
        inject: |lab| lab.stop("be2"),
        restore: |lab| lab.backend("be2", &Backend::default()),
        args: &[],
        results: &[("backend[address=192.0.2.12]", "refused"), ("certificate[address=192.0.2.12]", "refused")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"refused", r"192\.0\.2\.12:443", "RST"],
            next: &[r"\bss\b", "443"],
            misleading: &["nothing was received: the"],
        }],
    },
    Breakage {
        name: "closed-port",
        description: "the balancer does not listen on port 80",
        inject: |lab| lab.balancer(&Balancer { http: false, ..Balancer::default() }),
        restore: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        results: &[("http-open", "refused"), ("to-https", "refused")],
        wording: &[Wording {
            cases: ".",
            cause: &["refused", r"192\.0\.2\.10:80|\[2001:db8::10\]:80", "RST"],
            next: &[r"\bss\b", ":?80"],
            misleading: &["resolv"],
        }],
    },
    Breakage {
        name: "slow-backend",
        description: "the application of the standby backend answers after 1.3 s; the suite allows one",
        inject: |lab| lab.delay_application("1300ms"),
        restore: Lab::application_in_time,
        args: &[],
        results: &[("backend[address=192.0.2.12]", "answered")],
        wording: &[Wording {
            cases: ".",
            cause: &["total_time|took|slow", r"1\.\d+ ?s", r"\b1 ?s\b", "first byte|first_byte|head", r"192\.0\.2\.12"],
            next: &[
                "not the network",
                r"(?s)curl .*--resolve\s+www\.example\.test:443:192\.0\.2\.12\s.*\shttps://www\.example\.test/health",
            ],
            misleading: &["firewall"],
        }],
    },
    Breakage {
        name: "slow-backend-times-out",
        description: "the application of the standby backend does not answer for a minute",
        inject: |lab| lab.delay_application("60s"),
        restore: Lab::application_in_time,
        args: &[],
        results: &[("backend[address=192.0.2.12]", "timeout")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"192\.0\.2\.12:443", "connect|accept|TLS", "answer|head|first byte", r"\b2 ?s\b"],
            next: &["hang|overloaded|log"],
            misleading: &["firewall", "nft", "route"],
        }],
    },
    Breakage {
        name: "redirect-loop",
        description: "the active backend sends /account back to /login",
        inject: |lab| lab.backend("be1", &Backend { account: "return 302 /login;", ..Backend::default() }),
        restore: |lab| lab.backend("be1", &Backend::default()),
        args: &[],
        results: &[("login", "too_many_redirects")],
        wording: &[Wording {
            cases: ".",
            cause: &["loop|do not end|redirects", "/login", "/account"],
            next: &["curl|rule"],
            misleading: &["see `redirects`"],
        }],
    },
    Breakage {
        name: "wrong-content",
        description: "the standby backend answers 200 and says that it is degraded",
        inject: |lab| {
            let health =
                r#"default_type application/json; return 200 '{"status":"degraded","database":"unreachable"}';"#;
            lab.backend("be2", &Backend { health, ..Backend::default() });
        },
        restore: |lab| lab.backend("be2", &Backend::default()),
        args: &[],
        results: &[("backend[address=192.0.2.12]", "answered")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"body\.json\.status", "degraded", r"\bok\b", r"192\.0\.2\.12"],
            next: &["`database` is unreachable", "192.0.2.12"],
            misleading: &["firewall"],
        }],
    },
    Breakage {
        name: "no-backend-503",
        description: "both backends are disabled in the balancer",
        inject: |lab| ["be1", "be2"].into_iter().for_each(|name| lab.admin(&format!("disable server pool/{name}"))),
        restore: |lab| ["be1", "be2"].into_iter().for_each(|name| lab.admin(&format!("enable server pool/{name}"))),
        args: &[],
        results: &[
            ("front[address=192.0.2.10]", "answered"),
            ("front[address=2001:db8::10]", "answered"),
            ("by-name", "answered"),
            ("login", "answered"),
        ],
        wording: &[Wording {
            cases: ".",
            cause: &["503", "No server is available", r"192\.0\.2\.10|2001:db8::10"],
            next: &["has no server that it may send this to", "show stat", "DOWN"],
            misleading: &["<html>"],
        }],
    },
    Breakage {
        name: "latency-regression",
        description: "the application of the standby backend takes 60 ms, and its requests are compared with those of the active one",
        inject: |lab| lab.delay_application("60ms"),
        restore: Lab::application_in_time,
        args: SIDE_BY_SIDE,
        results: &[("latency", "regressed")],
        wording: &[Wording {
            cases: ".",
            cause: &[
                "total_time",
                "->",
                r"\bms\b",
                r"at 192\.0\.2\.12 \(new\) is worse",
                "first_byte_time moved most",
                "connect_time and tls_time did not",
            ],
            next: &["not the network", "on 192.0.2.12"],
            misleading: &["connect_time .*regressed"],
        }],
    },
];
