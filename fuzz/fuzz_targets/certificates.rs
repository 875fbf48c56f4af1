//! Whatever a server shows as certificates is read and linted, or called unreadable.
#![no_main]

use shakedown::proto::tls::{certificate::Certificate, crl, lint, profile};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = lint::lint_bytes(bytes);
    let der = bytes.get(2..).unwrap_or_default();
    let _ = Certificate::parse(der);
    let _ = crl::points(der);
    let _ = profile::CertificateProperties::of(der);
});
