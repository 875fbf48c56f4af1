//! Certificates, and what TLS is spoken.

use super::super::lab::{Backend, Balancer};
use super::super::told::Told;
use super::Breakage;

pub const ROWS: &[Breakage] = &[
    Breakage {
        name: "wrong-certificate",
        what: "the standby backend shows the certificate of staging.example.test",
        how: |lab| lab.backend("be2", &Backend { certificate: "other", ..Backend::default() }),
        mend: |lab| lab.backend("be2", &Backend::default()),
        args: &[],
        comes_to: &[("backend[address=192.0.2.12]", "untrusted"), ("certificate[address=192.0.2.12]", "completed")],
        told: &[Told {
            cases: ".",
            cause: &[r"192\.0\.2\.12", r"certificate", r"staging\.example\.test", r"www\.example\.test"],
            next: &["openssl s_client"],
            never: &["(?i)renew", "ca_file"],
        }],
    },
    Breakage {
        name: "expired-certificate",
        what: "the certificate of the balancer has expired",
        how: |lab| lab.balancer(&Balancer { certificate: "expired", ..Balancer::default() }),
        mend: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        comes_to: &[
            ("front[address=192.0.2.10]", "untrusted"),
            ("front[address=2001:db8::10]", "untrusted"),
            ("by-name", "untrusted"),
            ("login", "untrusted"),
            ("certificate-everywhere", "completed"),
            ("tls-surface", "scanned"),
        ],
        told: &[Told {
            cases: ".",
            cause: &[r"expired", r"2020-02-01", r"192\.0\.2\.10|2001:db8::10"],
            next: &["(?i)renew"],
            never: &["ca_file", "verify_error"],
        }],
    },
    Breakage {
        name: "tls-1.0",
        what: "the balancer takes TLS 1.0 and 1.1 as well",
        how: |lab| {
            let tls = "ssl-min-ver TLSv1.0 ciphers DEFAULT:@SECLEVEL=0";
            lab.balancer(&Balancer { tls, ..Balancer::default() });
        },
        mend: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        comes_to: &[("tls-surface", "scanned")],
        told: &[Told {
            cases: ".",
            cause: &[r"TLS ?1\.0", r"TLS ?1\.1", r"192\.0\.2\.10", "TLS ?1.2"],
            next: &["ssl_protocols|ssl-min-ver|openssl"],
            never: &["more, or less"],
        }],
    },
    Breakage {
        name: "weak-cipher",
        what: "the balancer takes a cipher suite that does not encrypt",
        how: |lab| {
            let tls = "ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0";
            lab.balancer(&Balancer { tls, ..Balancer::default() });
        },
        mend: |lab| lab.balancer(&Balancer::default()),
        args: &[],
        comes_to: &[("tls-surface", "scanned")],
        told: &[Told {
            cases: ".",
            cause: &["(?i)weak|not encrypt|no encryption", "TLS_ECDHE_ECDSA_WITH_NULL_SHA", r"192\.0\.2\.10"],
            next: &["cipher|openssl"],
            never: &["more, or less"],
        }],
    },
];
