//! Socket options that come back as a plain block of bytes, whose length depends on the kernel.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Reads option `name` of `level` into `buffer`; returns how many bytes the kernel filled.
#[expect(unsafe_code, reason = "neither nix nor socket2 reads options of a length only the kernel knows")]
pub(super) fn read(socket: &impl AsFd, level: libc::c_int, name: libc::c_int, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(buffer.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the descriptor is borrowed for the call; pointer and length describe `buffer`, which outlives it, and the
    // kernel writes at most `length` bytes, lowering `length` to what it wrote.
    let code = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            buffer.as_mut_ptr().cast(),
            std::ptr::from_mut(&mut length),
        )
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(buffer.len().min(length as usize))
}
