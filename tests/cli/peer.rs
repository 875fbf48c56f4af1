//! Peers whose answer takes as long as a test says: on UDP, so that one request is one sample.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The reaction of the peer to a request: it waits, then answers this; `None` is silence.
type Answer = Option<(Duration, &'static str)>;

/// A UDP server on a port of its own, until it is dropped.
pub struct Peer {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    asked: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Answers `ok` after so many milliseconds.
    pub fn slow(milliseconds: u64) -> Self {
        Self::new(move |_| Some((Duration::from_millis(milliseconds), "ok")))
    }

    /// Never answers.
    pub fn silent() -> Self {
        Self::new(|_| None)
    }

    /// Answers request `n` (from 0) as `answer` says, one after the other.
    pub fn new(mut answer: impl FnMut(u64) -> Answer + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (asked, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut request = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut request) {
                let arrived = Instant::now();
                if end.load(Ordering::Acquire) {
                    return;
                }
                if let Some((after, text)) = answer(count.fetch_add(1, Ordering::AcqRel)) {
                    // Sleeping may end early by a signal; a busy wait would itself be the load that disturbs other tests.
                    while let Some(left) = after.checked_sub(arrived.elapsed()).filter(|left| !left.is_zero()) {
                        std::thread::sleep(left);
                    }
                    let _ = socket.send_to(text.as_bytes(), from);
                }
            }
        });
        Self { port, asked, over, thread: Some(thread) }
    }

    /// Requests so far.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let woken = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"end", ("127.0.0.1", self.port)));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// A suite `s` of one check `a` that asks `${port}`, which is `port` unless overridden; `rest` are further lines of the check.
pub fn suite(port: u16, rest: &str) -> String {
    format!(
        "version: 1\nsuite: s\nvars: {{port: {port}}}\nchecks:\n  - id: a\n    udp: {{host: 127.0.0.1, port: \"${{port}}\", send: hi}}\n{rest}"
    )
}
