//! Waits finer than the runtime's milliseconds, so that datagrams leave in small bursts.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

/// Shorter waits are not worth their wake-up: what falls due in this time leaves together.
pub const FINEST: Duration = Duration::from_micros(200);

/// A kernel timer of its own.
#[derive(Debug)]
pub struct Timer(AsyncFd<Fd>);

#[derive(Debug)]
struct Fd(TimerFd);

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Timer {
    /// Opens one.
    #[expect(unsafe_code, reason = "tokio asks for the promise that the descriptor lives as long as its registration")]
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let fd = Fd(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        // SAFETY: `Fd` owns its descriptor, always names the same one, and closes it only when the `AsyncFd` that holds
        // it, and never lends it out for change, is dropped.
        let registered = unsafe { AsyncFd::register(fd) };
        Ok(Self(registered?))
    }

    /// Waits for `length`, at least [`FINEST`].
    pub async fn wait(&self, length: Duration) -> io::Result<()> {
        let length = TimeSpec::from_duration(length.max(FINEST));
        self.0.get_ref().0.set(Expiration::OneShot(length), TimerSetTimeFlags::empty())?;
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(result) = ready.try_io(|fd| fd.get_ref().0.wait().map_err(io::Error::from)) {
                return result;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Timer;

    #[tokio::test]
    async fn it_never_fires_early_and_can_be_used_again() {
        let timer = Timer::new().unwrap();
        for _ in 0..3 {
            let start = Instant::now();
            timer.wait(Duration::from_micros(700)).await.unwrap();
            assert!(start.elapsed() >= Duration::from_micros(700));
        }
        // Given up halfway, it still works.
        let gone = tokio::time::timeout(Duration::from_millis(1), timer.wait(Duration::from_mins(1))).await;
        assert!(gone.is_err());
        timer.wait(Duration::ZERO).await.unwrap();
    }
}
