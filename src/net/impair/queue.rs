//! What is on its way in one direction of a connection: bytes with the time at which they may go on, and how it ends.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes of one direction that are on their way, beyond the buffers of the kernel; as a large window of TCP.
const MOST: usize = 4 << 20;
/// Bytes on their way through one proxy.
const MOST_OF_ALL: usize = 64 << 20;
/// What a chunk takes beside its bytes.
const OVERHEAD: usize = 64;

/// What all connections of a proxy hold together.
#[derive(Debug, Default)]
pub(super) struct Memory {
    used: Cell<usize>,
    freed: Notify,
}

impl Memory {
    pub(super) fn has_room(&self) -> bool {
        self.used.get() < MOST_OF_ALL
    }

    /// Ends when there is room again.
    pub(super) async fn room(&self) {
        while !self.has_room() {
            self.freed.notified().await;
        }
    }

    fn take(&self, bytes: usize) {
        self.used.set(self.used.get() + bytes);
    }

    fn give(&self, bytes: usize) {
        let full = !self.has_room();
        self.used.set(self.used.get().saturating_sub(bytes));
        if full && self.has_room() {
            self.freed.notify_waiters();
        }
    }
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its sender has nothing more to send.
    Closed,
    /// Its sender is gone.
    Reset,
}

#[derive(Debug)]
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    /// So many of them are gone.
    from: usize,
}

/// The queue of one direction.
#[derive(Debug)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Bytes, and what keeping them takes.
    size: usize,
    end: Option<(Instant, End)>,
    memory: Rc<Memory>,
}

impl Queue {
    pub(super) fn new(memory: &Rc<Memory>) -> Self {
        Self { chunks: VecDeque::new(), size: 0, end: None, memory: Rc::clone(memory) }
    }

    /// Nothing waits; how it ends may.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// So many more bytes fit.
    pub(super) fn room(&self) -> usize {
        MOST.saturating_sub(self.size)
    }

    /// More may come.
    pub(super) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Puts bytes behind all others: nothing overtakes in a connection.
    pub(super) fn push(&mut self, bytes: &[u8], due: Instant) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len() + OVERHEAD;
        self.size += size;
        self.memory.take(size);
        let due = self.chunks.back().map_or(due, |last| due.max(last.due));
        self.chunks.push_back(Chunk { due, bytes: bytes.to_vec(), from: 0 });
    }

    /// Its sender sends no more.
    pub(super) fn end(&mut self, end: End, due: Instant) {
        let due = self.chunks.back().map_or(due, |last| due.max(last.due));
        self.end = self.end.or(Some((due, end)));
    }

    /// Nothing is to wait for its time any more.
    pub(super) fn release(&mut self) {
        let now = Instant::now();
        self.chunks.iter_mut().for_each(|chunk| chunk.due = chunk.due.min(now));
        self.end = self.end.map(|(due, end)| (due.min(now), end));
    }

    /// The next bytes, and when they may go on.
    pub(super) fn next(&self) -> Option<(Instant, &[u8])> {
        self.chunks.front().map(|chunk| (chunk.due, chunk.bytes.get(chunk.from..).unwrap_or_default()))
    }

    /// How it ends, once nothing waits before that; and when.
    pub(super) fn ending(&self) -> Option<(Instant, End)> {
        self.end.filter(|_| self.chunks.is_empty())
    }

    /// So many of the next bytes are gone.
    pub(super) fn consume(&mut self, count: usize) {
        let Some(chunk) = self.chunks.front_mut() else { return };
        chunk.from += count;
        if chunk.from >= chunk.bytes.len() {
            let size = chunk.bytes.len() + OVERHEAD;
            self.chunks.pop_front();
            self.size = self.size.saturating_sub(size);
            self.memory.give(size);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.memory.give(self.size);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{End, MOST, MOST_OF_ALL, Memory, Queue};

    #[test]
    fn bytes_keep_their_order_and_the_end_comes_last() {
        let (memory, now) = (Rc::new(Memory::default()), Instant::now());
        let mut queue = Queue::new(&memory);
        let later = now + Duration::from_secs(9);
        queue.push(b"first", later);
        queue.push(b"second", now);
        queue.end(End::Closed, now);
        assert_eq!(queue.next(), Some((later, b"first".as_slice())), "nothing overtakes");
        assert!(queue.ending().is_none() && !queue.is_open());
        queue.consume(2);
        assert_eq!(queue.next(), Some((later, b"rst".as_slice())));
        queue.consume(3);
        assert_eq!(queue.next(), Some((later, b"second".as_slice())));
        queue.release();
        assert!(queue.next().is_some_and(|(due, _)| due <= Instant::now()));
        queue.consume(6);
        assert!(queue.ending().is_some_and(|(due, end)| due <= Instant::now() && end == End::Closed));
    }

    #[test]
    fn there_are_bounds_for_one_and_for_all() {
        let (memory, now) = (Rc::new(Memory::default()), Instant::now());
        let mut queues: Vec<Queue> = (0..MOST_OF_ALL / MOST).map(|_| Queue::new(&memory)).collect();
        for queue in &mut queues {
            while queue.room() > 0 {
                queue.push(&vec![0; queue.room()], now);
            }
        }
        assert!(!memory.has_room());
        queues.pop();
        assert!(memory.has_room(), "what is dropped is given back");
        drop(queues);
        assert_eq!(memory.used.get(), 0);
    }
}
