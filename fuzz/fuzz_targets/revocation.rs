//! Whatever is fetched as a revocation list or stapled as an OCSP response is an answer, or proves nothing.
#![no_main]

use shakedown::proto::tls::{Issuer, crl, ocsp};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // A certificate with its length before it, which is its own issuer; then what is said of it.
    let [high, low, rest @ ..] = bytes else { return };
    let Some((certificate, said)) = rest.split_at_checked(usize::from(*high) << 8 | usize::from(*low)) else { return };
    let Some(issuer) = Issuer::of(certificate) else { return };
    let points = crl::points(certificate).map(|points| points.urls).unwrap_or_default();
    let _ = crl::read(said, certificate, &issuer, &points);
    let _ = ocsp::read(said, certificate, &issuer, 1_790_000_000);
});
