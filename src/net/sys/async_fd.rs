//! Readiness of sockets that tokio has no type for.

use std::io;

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers `socket` for arrivals and errors. Needs a tokio runtime.
#[expect(unsafe_code, reason = "tokio asks for the promise that the descriptor stays open")]
pub fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: `Socket` owns its descriptor and always returns that one; `AsyncFd` owns the `Socket` and lends it out
    // only by shared reference, through which it cannot be closed, so the descriptor is open until deregistration.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::ERROR) };
    Ok(watched?)
}
