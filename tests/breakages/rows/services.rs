//! Programs that do not run, do not answer, or answer something else.

use super::super::lab::{Backend, Balancer, Lab};
use super::super::told::Told;
use super::{Breakage, SIDE_BY_SIDE};

pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "backend-stopped",
        what: "the web server of the standby backend (192.0.2.12) does not run",
        how: |lab| lab.stop("be2"),
        mend: |lab| lab.backend("be2", &Backend::default()),
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "refused"), ("certificate[address=192.0.2.12]", "refused")],
        told: &[Told {
            cases: ".",
            cause: &[r"refused", r"192\.0\.2\.12:443", "RST"],
            next: &[r"\bss\b", "443"],
            never: &["nothing was received: the"],
        }],
    },
    Breakage {
        name: "closed-port",
        what: "the balancer does not listen on port 80",
        how: |lab| lab.balancer(&Balancer { http: false, ..Balancer::default() }),
        mend: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        comes_to: &[("http-open", "refused"), ("to-https", "refused")],
        told: &[Told {
            cases: ".",
            cause: &["refused", r"192\.0\.2\.10:80|\[2001:db8::10\]:80", "RST"],
            next: &[r"\bss\b", ":?80"],
            never: &["resolv"],
        }],
    },
    Breakage {
        name: "slow-backend",
        what: "the application of the standby backend answers after 1.3 s; the suite allows one",
        how: |lab| lab.slow("1300ms"),
        mend: Lab::quick,
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "answered")],
        told: &[Told {
            cases: ".",
            cause: &["total_time|took|slow", r"1\.\d+ ?s", r"\b1 ?s\b", "first byte|first_byte|head", r"192\.0\.2\.12"],
            next: &["application|service|upstream", "curl|log"],
            never: &["firewall"],
        }],
    },
    Breakage {
        name: "slow-backend-times-out",
        what: "the application of the standby backend does not answer for a minute",
        how: |lab| lab.slow("60s"),
        mend: Lab::quick,
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "timeout")],
        told: &[Told {
            cases: ".",
            cause: &[r"192\.0\.2\.12:443", "connect|accept|TLS", "answer|head|first byte", r"\b2 ?s\b"],
            next: &["hang|overloaded|log"],
            never: &["firewall", "nft", "route"],
        }],
    },
    Breakage {
        name: "redirect-loop",
        what: "the active backend sends /account back to /login",
        how: |lab| lab.backend("be1", &Backend { account: "return 302 /login;", ..Backend::default() }),
        mend: |lab| lab.backend("be1", &Backend::default()),
        args: &[],
        comes_to: &[("login", "too_many_redirects")],
        told: &[Told {
            cases: ".",
            cause: &["loop|do not end|redirects", "/login", "/account"],
            next: &["curl|rule"],
            never: &["see `redirects`"],
        }],
    },
    Breakage {
        name: "wrong-content",
        what: "the standby backend answers 200 and says that it is degraded",
        how: |lab| {
            let health =
                r#"default_type application/json; return 200 '{"status":"degraded","database":"unreachable"}';"#;
            lab.backend("be2", &Backend { health, ..Backend::default() });
        },
        mend: |lab| lab.backend("be2", &Backend::default()),
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "answered")],
        told: &[Told {
            cases: ".",
            cause: &[r"body\.json\.status", "degraded", r"\bok\b", r"192\.0\.2\.12"],
            next: &["curl|service"],
            never: &["firewall"],
        }],
    },
    Breakage {
        name: "no-backend-503",
        what: "both backends are disabled in the balancer",
        how: |lab| ["be1", "be2"].into_iter().for_each(|name| lab.admin(&format!("disable server pool/{name}"))),
        mend: |lab| ["be1", "be2"].into_iter().for_each(|name| lab.admin(&format!("enable server pool/{name}"))),
        args: &[],
        comes_to: &[
            ("front[address=192.0.2.10]", "answered"),
            ("front[address=2001:db8::10]", "answered"),
            ("by-name", "answered"),
            ("login", "answered"),
        ],
        told: &[Told {
            cases: ".",
            cause: &["503", "No server is available", r"192\.0\.2\.10|2001:db8::10"],
            next: &["balancer|backend"],
            never: &["<html>"],
        }],
    },
    Breakage {
        name: "latency-regression",
        what: "the application of the standby backend takes 60 ms, and its requests are compared with those of the active one",
        how: |lab| lab.slow("60ms"),
        mend: Lab::quick,
        args: SIDE_BY_SIDE,
        comes_to: &[("latency", "regressed")],
        told: &[Told {
            cases: ".",
            cause: &["first_byte_time|first byte|total_time", r"->|→|slower", r"\bms\b|[0-9]ms", r"192\.0\.2\.12"],
            next: &["slower|application|release"],
            never: &["connect_time .*regressed"],
        }],
    },
];
