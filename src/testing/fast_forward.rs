//! Silence passes quickly: tests that wait out a patience over real sockets need not wait for all of it.

use std::cell::RefCell;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

/// Between two looks at the runtime.
const STEP: Duration = Duration::from_millis(2);
/// Steps without any activity before time is skipped. Counted in steps of a thread, not in time: where the machine is busy
/// and the runtime is not scheduled, the watching thread is not either.
const IDLE: u32 = 16;
/// Time skipped at once; timers may be late by as much.
const SKIP: Duration = Duration::from_millis(100);
/// Longer than any skip takes; then the runtime has ended.
const ENDED: Duration = Duration::from_secs(10);

thread_local! {
    /// The watcher of this thread's runtime: two would skip at once.
    static WATCHER: RefCell<Weak<mpsc::Sender<()>>> = const { RefCell::new(Weak::new()) };
}

/// Skips idle time until all of one thread are dropped.
pub struct FastForward {
    /// The watcher ends with it. It is not joined: it may wait for a skip that this thread would have to make.
    _end: Arc<mpsc::Sender<()>>,
}

/// From here on, time passes about fifty times faster whenever nothing happens in the runtime of this test: all tasks wait
/// for timers, or for something that never comes. Client and servers must both run in it, without threads of their own.
///
/// A paused clock will not do here: it jumps to the next timer whenever a task waits for a socket, also for a moment.
pub fn fast_forward() -> FastForward {
    let handle = Handle::current();
    assert_eq!(handle.runtime_flavor(), RuntimeFlavor::CurrentThread, "only that runtime has a clock of its own");
    if let Some(end) = WATCHER.with_borrow(Weak::upgrade) {
        return FastForward { _end: end };
    }
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || watch(&handle, &ended));
    let end = Arc::new(end);
    WATCHER.replace(Arc::downgrade(&end));
    FastForward { _end: end }
}

fn watch(handle: &Handle, ended: &mpsc::Receiver<()>) {
    // Odd while the runtime is parked; two more for each time it had something to do.
    let parks = || handle.metrics().worker_park_unpark_count(0);
    let (mut last, mut idle) = (parks(), 0);
    while ended.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
        let now = parks();
        if now != last || now.is_multiple_of(2) {
            (last, idle) = (now, 0);
            continue;
        }
        idle += 1;
        if idle < IDLE {
            continue;
        }
        let (done, skipped) = mpsc::channel();
        handle.spawn(async move {
            tokio::time::pause();
            tokio::time::advance(SKIP).await;
            tokio::time::resume();
            let _ = done.send(());
        });
        if skipped.recv_timeout(ENDED).is_err() {
            return;
        }
        // The skip itself is no activity.
        last += 2;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, sleep, timeout};

    use super::{Duration, fast_forward};

    #[tokio::test]
    async fn silence_passes_quickly_and_what_answers_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Ok(byte) = stream.read_u8().await {
                stream.write_u8(byte).await.unwrap();
            }
        });
        let (real, start) = (std::time::Instant::now(), Instant::now());
        let _haste = fast_forward();
        let mut stream = TcpStream::connect(address).await.unwrap();
        for byte in 0..200 {
            stream.write_u8(byte).await.unwrap();
            // Far less than a skip, were one made while an answer is on its way.
            assert_eq!(timeout(Duration::from_millis(90), stream.read_u8()).await.unwrap().unwrap(), byte);
        }
        assert!(timeout(Duration::from_secs(10), stream.read_u8()).await.is_err());
        // Skipped, as silence is.
        sleep(Duration::from_secs(10)).await;
        assert!(start.elapsed() >= Duration::from_secs(20));
        assert!(real.elapsed() < Duration::from_secs(10), "{:?}", real.elapsed());
    }
}
