//! Whatever a server says becomes the facts of an answer, or no answer; heads, cookies, codings and bodies are bounded.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _ = runtime.block_on(shakedown::checks::http::fuzzed::answer(bytes));
});
