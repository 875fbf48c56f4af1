//! Sending on a socket that is told what earlier packets met.

use std::io;

/// Most errors of earlier packets that a send is told before its own.
const MOST: usize = 16;

/// Sends by `once`, which fails with what an earlier packet met, each error once. While one is told the next may come: answers to many
/// packets arrive between two sends. An error that stays is that of this packet.
pub fn past_errors<T>(mut once: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut result = once();
    for _ in 0..MOST {
        match result {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => result = once(),
            _ => break,
        }
    }
    result
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
    }
}
