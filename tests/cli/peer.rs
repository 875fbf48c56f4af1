//! Peers whose answer takes as long as a test says: on UDP, so that one request is one sample.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// The reaction of the peer to a request: it waits, then answers this; `None` is silence.
type Answer = Option<(Duration, &'static str)>;

/// A UDP server on a port of its own, until it is dropped.
pub struct Peer {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    asked: Arc<Asked>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Requests so far, and who waits for them.
#[derive(Default)]
struct Asked(Mutex<u64>, Condvar);

impl Asked {
    /// One more; how many came before it.
    fn count(&self) -> u64 {
        let mut asked = self.0.lock().unwrap();
        *asked += 1;
        self.1.notify_all();
        *asked - 1
    }
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
        let (asked, over) = (Arc::<Asked>::default(), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut request = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut request) {
                let arrived = Instant::now();
                if end.load(Ordering::Acquire) {
                    return;
                }
                if let Some((after, text)) = answer(count.count()) {
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
        *self.asked.0.lock().unwrap()
    }

    /// Waits for the last of so many requests.
    pub fn wait(&self, times: u64) {
        let asked = self.asked.0.lock().unwrap();
        let (asked, waited) = self.asked.1.wait_timeout_while(asked, PATIENCE, |asked| *asked < times).unwrap();
        assert!(!waited.timed_out(), "{asked} of {times} requests");
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
