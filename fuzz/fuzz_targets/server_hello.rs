//! Whatever a server sends in answer to a hello of a scan is read within its bounds: records, ServerHello, certificates, key
//! exchange, alerts.
#![no_main]

use shakedown::proto::tls::certificate::Certificate;
use shakedown::proto::tls::hello::Parser;
use shakedown::proto::tls::name_text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (whole, mut slow) = (fed(bytes, bytes.len().max(1)), Parser::default());
    // A byte at a time must come to the same as all at once.
    for byte in bytes.iter().take(4096) {
        slow.feed(std::slice::from_ref(byte));
    }
    if bytes.len() <= 4096 {
        assert_eq!(format!("{:?}", whole.flight()), format!("{:?}", slow.flight()));
    }
    for der in &whole.flight().chain {
        let _ = Certificate::parse(der);
        let _ = name_text::of_der(der);
    }
    let _ = shakedown::proto::quic::server_hello::read(bytes);
});

fn fed(bytes: &[u8], step: usize) -> Parser {
    let mut parser = Parser::default();
    for part in bytes.chunks(step) {
        parser.feed(part);
    }
    parser
}
