//! Certificates, and what TLS is spoken.

use super::super::lab::{Backend, Balancer};
use super::super::wording::Wording;
use super::Breakage;

pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "wrong-certificate",
        description: "the standby backend shows the certificate of staging.example.test",
        inject: |lab| lab.backend("be2", &Backend { certificate: "other", ..Backend::default() }),
        restore: |lab| lab.backend("be2", &Backend::default()),
        args: &[],
        results: &[("backend[address=192.0.2.12]", "untrusted"), ("certificate[address=192.0.2.12]", "completed")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"192\.0\.2\.12", r"certificate", r"staging\.example\.test", r"www\.example\.test"],
            next: &["openssl s_client"],
            misleading: &["(?i)renew", "ca_file"],
        }],
    },
    Breakage {
        name: "expired-certificate",
        description: "the certificate of the balancer has expired",
        inject: |lab| lab.balancer(&Balancer { certificate: "expired", ..Balancer::default() }),
        restore: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        results: &[
            ("front[address=192.0.2.10]", "untrusted"),
            ("front[address=2001:db8::10]", "untrusted"),
            ("by-name", "untrusted"),
            ("login", "untrusted"),
            ("certificate-everywhere", "completed"),
            ("tls-surface", "scanned"),
        ],
        wording: &[Wording {
            cases: ".",
            cause: &[r"expired", r"2020-02-01", r"192\.0\.2\.10|2001:db8::10"],
            next: &["(?i)renew"],
            misleading: &["ca_file", "verify_error"],
        }],
    },
    Breakage {
        name: "tls-1.0",
        description: "the balancer takes TLS 1.0 and 1.1 as well",
        inject: |lab| {
            let tls = "ssl-min-ver TLSv1.0 ciphers DEFAULT:@SECLEVEL=0";
            lab.balancer(&Balancer { tls, ..Balancer::default() });
        },
        restore: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        results: &[("tls-surface", "scanned")],
        wording: &[Wording {
            cases: ".",
            cause: &[r"TLS ?1\.0", r"TLS ?1\.1", r"192\.0\.2\.10", "TLS ?1.2"],
            next: &[
                "ssl_protocols",
                "ssl-min-ver",
                r"-connect\s+192\.0\.2\.10:443|(?s)openssl s_client.*192\.0\.2\.10:443",
            ],
            misleading: &["more, or less"],
        }],
    },
    Breakage {
        name: "weak-cipher",
        description: "the balancer takes a cipher suite that does not encrypt",
        inject: |lab| {
            let tls = "ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0";
            lab.balancer(&Balancer { tls, ..Balancer::default() });
        },
        restore: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        results: &[("tls-surface", "scanned")],
        wording: &[Wording {
            cases: ".",
            cause: &["(?i)weak|not encrypt|no encryption", "TLS_ECDHE_ECDSA_WITH_NULL_SHA", r"192\.0\.2\.10"],
            next: &["ECDHE-ECDSA-NULL-SHA", "ssl_ciphers"],
            misleading: &["more, or less"],
        }],
    },
];
