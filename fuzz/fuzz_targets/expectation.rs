//! Whatever is written under `expect` is an expectation of the family, or refused; and what is accepted can be shown.
#![no_main]

use shakedown::checks::FAMILIES;
use shakedown::model::Args;
use shakedown::model::fact::FactKeys;
use shakedown::suite::defaults::Defaults;
use shakedown::suite::diagnostic::{Diagnostics, Sources};
use shakedown::suite::expect::{ExpectationReader, FactTyping, effective};
use shakedown::suite::tree;

thread_local! {
    /// Read once: it takes longer than everything else.
    static DEFAULTS: Defaults = Defaults::of(FAMILIES, &mut Diagnostics::default());
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let family = &FAMILIES[usize::from(*first) % FAMILIES.len()];
    let (mut errors, mut sources) = (Diagnostics::default(), Sources::default());
    let args = Args::default();
    let defaults = DEFAULTS.with(|defaults| defaults.of_check(family, &args));
    let source = sources.add("fuzz", text.to_owned());
    if let Some(node) = tree::parse(source, &sources, &mut errors) {
        let mut reader = ExpectationReader {
            family,
            missing: &|_| None,
            facts: family.facts,
            keys: FactKeys::ALL,
            errors: &mut errors,
            sources: &sources,
            default: false,
            args: &args,
            typing: FactTyping::default(),
        };
        let written = reader.read(&node);
        for expectation in effective::combine(family.facts, &defaults, written, &mut errors) {
            let _ = expectation.to_string();
        }
    }
    let _ = errors.render(&sources, false);
});
