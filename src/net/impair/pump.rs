//! One direction of a connection.

use std::io;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::impairment::{FlowDirection, Rule};
use super::pace::piece;
use super::proxy::{Proxy, Setting};
use super::queue::{End, Queue};

/// Read at once where it is not passed on at once.
const READ: usize = 64 << 10;
/// Turns until others have theirs.
const TURNS: u32 = 16;

/// One end is gone, so the other one must hear of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aborted;

/// Takes bytes from one end to the other.
pub(super) struct Pump<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) way: FlowDirection,
    pub(super) from: &'a TcpStream,
    pub(super) to: &'a TcpStream,
    pub(super) setting: watch::Receiver<Setting>,
    /// What is on its way already.
    pub(super) queue: Queue,
}

/// Why nothing can be delivered now.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pause {
    /// Nothing waits, or nothing may pass.
    None,
    /// It is not time yet.
    Until(Instant),
    /// The other end takes no more.
    Full,
}

impl Pump<'_> {
    /// Ends when the sender has closed and the other end was told.
    pub(super) async fn run(mut self) -> Result<(), Aborted> {
        let mut turns = 0;
        loop {
            let rule = self.setting.borrow_and_update().rule(self.way);
            if !rule.delays() && !rule.held {
                self.queue.release();
            }
            let pause = self.deliver(&rule)?;
            match self.queue.ending().filter(|(due, _)| !rule.held && *due <= Instant::now()) {
                Some((_, End::Reset)) => return Err(Aborted),
                Some((_, End::Closed)) => {
                    let told = SockRef::from(self.to).shutdown(std::net::Shutdown::Write);
                    return told.map_err(|_| Aborted);
                }
                None => {}
            }
            if self.read(&rule)? {
                turns += 1;
                if turns % TURNS == 0 {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            self.wait(&rule, pause).await?;
        }
    }

    /// Sends what may leave now.
    fn deliver(&mut self, rule: &Rule) -> Result<Pause, Aborted> {
        if rule.held {
            return Ok(Pause::None);
        }
        while let Some((due, bytes)) = self.queue.next() {
            let now = Instant::now();
            let wait = Some(due).filter(|due| *due > now).or_else(|| self.proxy.wait(self.way, rule, now));
            if let Some(at) = wait {
                return Ok(Pause::Until(at));
            }
            let most = if rule.rate > 0 { piece(rule.rate) } else { bytes.len() };
            match self.to.try_write(bytes.get(..most).unwrap_or(bytes)) {
                Ok(sent) => {
                    self.proxy.spend(self.way, rule, now, sent);
                    self.queue.consume(sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Pause::Full),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Aborted),
            }
        }
        Ok(self.queue.ending().map_or(Pause::None, |(due, _)| Pause::Until(due)))
    }

    /// Reads once, if there is room; whether anything came of it.
    fn read(&mut self, rule: &Rule) -> Result<bool, Aborted> {
        if !self.queue.is_open() || self.room(rule) == 0 || !self.proxy.memory.has_room() {
            return Ok(false);
        }
        let direct = rule.is_clear();
        let most = self.room(rule);
        let mut scratch = self.proxy.scratch.borrow_mut();
        let most = most.min(scratch.len());
        let Some(buffer) = scratch.get_mut(..most) else { return Ok(false) };
        match take(self.from, buffer) {
            ReadOutcome::Bytes(bytes) => {
                let sent = if direct { self.pass(bytes)? } else { 0 };
                self.queue.push(bytes.get(sent..).unwrap_or_default(), self.proxy.due(rule));
            }
            ReadOutcome::End(end) => self.queue.end(end, self.proxy.due(rule)),
            ReadOutcome::Nothing => return Ok(false),
        }
        Ok(true)
    }

    /// So many bytes may be read. What is not held back is read once the other end has taken what came before: the buffers of the
    /// kernel are enough for that.
    fn room(&self, rule: &Rule) -> usize {
        if !rule.is_clear() {
            return self.queue.room().min(READ);
        }
        if self.queue.is_empty() { usize::MAX } else { 0 }
    }

    /// Passes bytes on as they come; how many the other end took.
    fn pass(&self, bytes: &[u8]) -> Result<usize, Aborted> {
        match self.to.try_write(bytes) {
            Ok(sent) => Ok(sent),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
            Err(_) => Err(Aborted),
        }
    }

    /// Until there may be something to do.
    async fn wait(&mut self, rule: &Rule, pause: Pause) -> Result<(), Aborted> {
        let reads = self.queue.is_open() && self.room(rule) > 0;
        let blocked = self.queue.is_open() && !reads;
        let starved = !self.proxy.memory.has_room();
        let until = if let Pause::Until(at) = pause { at } else { Instant::now() };
        tokio::select! {
            biased;
            _ = self.setting.changed() => {}
            _ = self.from.readable(), if reads && !starved => {}
            _ = self.to.writable(), if pause == Pause::Full => {}
            () = sleep_until(until), if matches!(pause, Pause::Until(_)) => {}
            () = self.proxy.memory.room(), if reads && starved => {}
            // Its sender is gone, with what was not read.
            _ = self.from.ready(Interest::ERROR), if blocked => {
                if rule.is_clear() {
                    return Err(Aborted);
                }
                self.queue.end(End::Reset, self.proxy.due(rule));
            }
        }
        Ok(())
    }
}

/// What a read came to.
pub(super) enum ReadOutcome<'b> {
    Bytes(&'b [u8]),
    End(End),
    /// Not now.
    Nothing,
}

/// Reads once.
pub(super) fn take<'b>(from: &TcpStream, buffer: &'b mut [u8]) -> ReadOutcome<'b> {
    match from.try_read(buffer) {
        Ok(0) => ReadOutcome::End(End::Closed),
        Ok(count) => ReadOutcome::Bytes(buffer.get(..count).unwrap_or_default()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            ReadOutcome::Nothing
        }
        Err(_) => ReadOutcome::End(End::Reset),
    }
}
