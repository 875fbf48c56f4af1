//! Whatever chain a server shows, there is a verdict on it, within bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Certificates with their lengths before them; the last one is the authority.
    let (mut rest, mut chain) = (bytes, Vec::new());
    while let [high, low, after @ ..] = rest {
        let length = usize::from(*high) << 8 | usize::from(*low);
        let (der, more) = after.split_at(length.min(after.len()));
        chain.push(der);
        rest = more;
    }
    if let Some(anchor) = chain.pop() {
        shakedown::proto::tls::fuzz_path(&chain, anchor);
    }
});
