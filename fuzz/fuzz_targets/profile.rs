//! Whatever a file of rules for TLS holds is a profile, or refused with its place.
#![no_main]

use shakedown::proto::tls::profile::Profile;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(profile) = Profile::parse(text, "profile.toml") {
        let _ = profile.title();
    }
});
