//! A DNS server of a few lines on a thread of its own, which answers as a test tells it to.

use std::collections::{BTreeSet, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout;

/// For what happens at once when all is well: it only bounds a test that would hang.
const PATIENCE: Duration = Duration::from_mins(1);

/// The treatment of one query.
#[derive(Default)]
pub(super) struct Turn {
    /// Replies, in order.
    pub(super) replies: Vec<Vec<u8>>,
    /// How long they are held back, without holding back others.
    pub(super) after: Duration,
    /// How long the server stands still before it goes on.
    pub(super) stall: Duration,
}

impl From<Vec<u8>> for Turn {
    fn from(reply: Vec<u8>) -> Self {
        Self { replies: vec![reply], ..Self::default() }
    }
}

impl From<Vec<Vec<u8>>> for Turn {
    fn from(replies: Vec<Vec<u8>>) -> Self {
        Self { replies, ..Self::default() }
    }
}

/// A running server; it ends when dropped.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

/// Shared with the thread.
#[derive(Default)]
struct State {
    /// Queries so far.
    received: AtomicU64,
    /// Where they came from.
    clients: Mutex<BTreeSet<SocketAddr>>,
    /// A query came, or none for a moment.
    turned: Notify,
    stop: AtomicBool,
}

impl Server {
    /// Starts one that treats query number n (from 0) as `answer` decides.
    pub(super) fn start<T: Into<Turn>>(answer: impl FnMut(u64, &[u8]) -> T + Send + 'static) -> Self {
        Self::start_on("127.0.0.1:0", answer)
    }

    /// The same on a port of another address.
    pub(super) fn start_on<T: Into<Turn>>(at: &str, mut answer: impl FnMut(u64, &[u8]) -> T + Send + 'static) -> Self {
        let socket = UdpSocket::bind(at).unwrap();
        // What comes while it stands still waits, it is not lost.
        socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let (addr, state) = (socket.local_addr().unwrap(), Arc::<State>::default());
        let shared = Arc::clone(&state);
        let serve = move || {
            let mut held: VecDeque<(Instant, Vec<u8>, SocketAddr)> = VecDeque::new();
            let mut buffer = [0; 4096];
            while !shared.stop.load(Ordering::Relaxed) {
                if let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                    shared.clients.lock().unwrap().insert(peer);
                    let turn: Turn = answer(shared.received.fetch_add(1, Ordering::Relaxed), &buffer[..length]).into();
                    let due = Instant::now() + turn.after;
                    held.extend(turn.replies.into_iter().map(|reply| (due, reply, peer)));
                    // The stall itself.
                    std::thread::sleep(turn.stall);
                }
                while held.front().is_some_and(|(due, ..)| *due <= Instant::now()) {
                    let (_, reply, peer) = held.pop_front().unwrap();
                    let _ = socket.send_to(&reply, peer);
                }
                shared.turned.notify_waiters();
            }
        };
        Self { addr, state, thread: Some(std::thread::spawn(serve)) }
    }

    /// Queries that came so far.
    pub(super) fn received(&self) -> u64 {
        self.state.received.load(Ordering::Relaxed)
    }

    /// Waits until so many queries came.
    pub(super) async fn asked(&self, times: u64) {
        self.until(|| self.received() >= times).await;
    }

    /// Waits until every socket that asked is closed: its port can be bound again.
    pub(super) async fn left(&self) {
        self.until(|| {
            let mut clients = self.state.clients.lock().unwrap();
            clients.retain(|client| UdpSocket::bind(client).is_err());
            clients.is_empty()
        })
        .await;
    }

    async fn until(&self, mut there: impl FnMut() -> bool) {
        let wait = async {
            loop {
                let turned = self.state.turned.notified();
                if there() {
                    return;
                }
                turned.await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it never came");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// A reply to `query` with this response code and these A records.
pub(super) fn reply(query: &[u8], rcode: u8, addresses: &[[u8; 4]]) -> Vec<u8> {
    records(query, rcode, &addresses.iter().map(|address| (1_u16, 300_u32, address.to_vec())).collect::<Vec<_>>())
}

/// A reply to `query` with records about the name asked for: type, TTL, data.
pub(super) fn records(query: &[u8], rcode: u8, records: &[(u16, u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = query[..2].to_vec();
    out.extend([0x85, 0x80 | rcode]);
    let count = u16::try_from(records.len()).unwrap();
    out.extend([1, count, 0, 0].into_iter().flat_map(u16::to_be_bytes));
    out.extend(question(query));
    for (kind, ttl, data) in records {
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1]);
        out.extend(ttl.to_be_bytes());
        out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        out.extend(data);
    }
    out
}

/// The question of a query: name, type, class.
pub(super) fn question(query: &[u8]) -> &[u8] {
    let mut end = 12;
    while query[end] != 0 {
        end += 1 + usize::from(query[end]);
    }
    &query[12..end + 5]
}

/// The one right answer of most tests.
pub(super) fn good(query: &[u8]) -> Vec<u8> {
    reply(query, 0, &[[192, 0, 2, 10]])
}
