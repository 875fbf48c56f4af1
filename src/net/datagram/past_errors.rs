//! Sending on a socket that is told what earlier packets met.

use std::io;

/// Most errors of earlier packets that a send is told before its own.
const MOST: usize = 16;

/// Sends by `once`, which fails with what an earlier packet met, each error once. While one is told the next may come: answers to many
/// packets arrive between two sends. An error that stays is that of this packet, and so is one that no answer to a packet can be: one
/// that a filter drops by chance must not be tried until it passes.
pub fn past_errors<T>(mut once: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut result = once();
    for _ in 0..MOST {
        match result {
            Err(error) if !is_of_this_packet(&error) => result = once(),
            _ => break,
        }
    }
    result
}

/// Errors that no ICMP error becomes: a full queue, a filter of this host.
fn is_of_this_packet(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::EPERM))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::past_errors;

    /// How often is sent, and what it comes to, where the first `errors` sends fail.
    fn sent(errors: usize, errno: i32) -> (usize, Option<i32>) {
        let mut sends = 0;
        let result = past_errors(|| {
            sends += 1;
            if sends > errors { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
        });
        (sends, result.err().and_then(|error| error.raw_os_error()))
    }

    #[test]
    fn errors_of_earlier_packets_are_passed_and_those_that_stay_are_told() {
        assert_eq!(sent(0, libc::ECONNREFUSED), (1, None));
        assert_eq!(sent(5, libc::ECONNREFUSED), (6, None), "answers to five others came meanwhile");
        assert_eq!(sent(usize::MAX, libc::ENETUNREACH), (17, Some(libc::ENETUNREACH)));
        assert_eq!(sent(5, libc::EAGAIN), (1, Some(libc::EAGAIN)), "there is no room, and nothing is told");
        assert_eq!(sent(5, libc::EPERM), (1, Some(libc::EPERM)), "a filter drops some of all packets");
    }
}
