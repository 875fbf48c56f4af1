//! Datagrams on their way out, many to a message.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::{BATCH, Control};

/// Most datagrams the kernel cuts from one message (`UDP_MAX_SEGMENTS` of Linux before 6.9).
const SEGMENTS: usize = 64;
/// Most bytes of one message: what fits in a packet of IPv4 or IPv6, with room for a few options.
const MESSAGE: usize = 65_000;

/// Most datagrams of `length` bytes that can leave as one message.
#[must_use]
pub fn most_segments(length: usize) -> usize {
    MESSAGE.checked_div(length).unwrap_or(1).clamp(1, SEGMENTS)
}

/// Datagrams of one length that leave as one message.
#[derive(Clone, Copy, Debug)]
struct MessageRun {
    start: usize,
    length: usize,
    count: usize,
}

/// Datagrams on their way out.
pub struct Outbox {
    bytes: Vec<u8>,
    runs: Vec<MessageRun>,
    /// Leading runs that have left.
    gone: usize,
    /// Most datagrams of a run.
    segments: usize,
}

impl Outbox {
    /// An empty one; `segmenting` lets the kernel cut messages, until it says that it cannot.
    #[must_use]
    pub fn new(segmenting: bool) -> Self {
        Self::in_bursts(if segmenting { SEGMENTS } else { 1 })
    }

    /// An empty one that lets the kernel cut a message into at most so many datagrams, until it says that it cannot.
    #[must_use]
    pub fn in_bursts(most: usize) -> Self {
        Self { bytes: Vec::new(), runs: Vec::new(), gone: 0, segments: most.clamp(1, SEGMENTS) }
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gone >= self.runs.len()
    }

    /// Whether the kernel cuts messages into datagrams here.
    #[must_use]
    pub fn segmenting(&self) -> bool {
        self.segments > 1
    }

    /// Appends a datagram and lends its bytes for last changes. Neighbours of one length leave together.
    pub fn push(&mut self, packet: &[u8]) -> &mut [u8] {
        if self.is_empty() {
            self.bytes.clear();
            self.runs.clear();
            self.gone = 0;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.append(start, packet.len());
        self.bytes.get_mut(start..).unwrap_or_default()
    }

    /// Makes `count` datagrams of `length` bytes all that waits, and lends each for its first bytes to be written; the others keep
    /// what they were, so that nothing is copied.
    pub fn fill(&mut self, count: usize, length: usize, mut write: impl FnMut(&mut [u8])) {
        self.runs.clear();
        self.gone = 0;
        let size = count * length;
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
        self.bytes.chunks_exact_mut(length.max(1)).take(count).for_each(&mut write);
        for index in 0..count {
            self.append(index * length, length);
        }
    }

    /// A datagram that lies behind those that wait. Neighbours of one length leave together.
    fn append(&mut self, start: usize, length: usize) {
        let (open, most) = (self.gone < self.runs.len(), self.segments.min(most_segments(length)));
        match self.runs.last_mut().filter(|_| open && length > 0) {
            Some(run) if run.length == length && run.count < most => run.count += 1,
            _ => self.runs.push(MessageRun { start, length, count: 1 }),
        }
    }

    /// Sends all that waits; returns how many datagrams left, and the error that kept the rest here. A later call tries
    /// again.
    pub fn send(&mut self, socket: &impl AsFd) -> (usize, Option<io::Error>) {
        let mut left = 0;
        while !self.is_empty() {
            match self.some(socket) {
                Ok(count) => left += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.segmenting() && cannot_segment(&error) => self.ungroup(),
                Err(error) => return (left, Some(error)),
            }
        }
        (left, None)
    }

    /// Most datagrams that left as one message since the outbox was last empty.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.runs.iter().take(self.gone).map(|run| run.count).max().unwrap_or_default()
    }

    /// One call.
    #[expect(unsafe_code, reason = "neither nix nor socket2 sends many datagrams without an allocation per call")]
    fn some(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        let mut controls: [Control; BATCH] = [Control::default(); BATCH];
        // SAFETY: as in `receive`.
        let mut heads: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let mut count = 0;
        let waiting = self.runs.get(self.gone..).unwrap_or_default();
        for (((run, part), head), control) in waiting.iter().zip(&mut parts).zip(&mut heads).zip(&mut controls) {
            let bytes = self.bytes.get_mut(run.start..run.start + run.length * run.count).unwrap_or_default();
            part.iov_base = bytes.as_mut_ptr().cast();
            part.iov_len = bytes.len();
            head.msg_hdr.msg_iov = part;
            head.msg_hdr.msg_iovlen = 1;
            if run.count > 1 {
                segment(&mut head.msg_hdr, control, run.length);
            }
            count += 1;
        }
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: the descriptor is borrowed for the call. The first `count` headers point to their parts, bytes of this
        // outbox and control blocks, with their true lengths; the kernel only reads them, and all outlive the call.
        let sent = unsafe { libc::sendmmsg(fd, heads.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
        let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
        let left = waiting.iter().take(sent).map(|run| run.count).sum();
        self.gone += sent;
        Ok(left)
    }

    /// Every datagram its own message, for paths whose kernel or device cannot segment.
    fn ungroup(&mut self) {
        self.segments = 1;
        let waiting = self.runs.split_off(self.gone.min(self.runs.len()));
        for run in waiting {
            let each =
                (0..run.count).map(|n| MessageRun { start: run.start + n * run.length, length: run.length, count: 1 });
            self.runs.extend(each);
        }
    }
}

/// Errors with which kernels and devices say that they do not segment.
fn cannot_segment(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT | libc::EMSGSIZE)
    )
}

/// Bytes of the number behind `UDP_SEGMENT`.
const WIDTH: libc::c_uint = 2;

/// Writes `UDP_SEGMENT` with the length of one datagram into a message's control data.
#[expect(unsafe_code, reason = "control data is written by the C library's macros")]
fn segment(head: &mut libc::msghdr, control: &mut Control, length: usize) {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    head.msg_control = control.as_mut_ptr().cast();
    // SAFETY: pure arithmetic.
    head.msg_controllen = unsafe { libc::CMSG_SPACE(WIDTH) } as usize;
    // SAFETY: the control block is larger than the space just set, so the first header lies within it, aligned as
    // `Control` is, and the data behind it has room for 16 bits.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(head);
        (*first).cmsg_level = libc::SOL_UDP;
        (*first).cmsg_type = libc::UDP_SEGMENT;
        (*first).cmsg_len = libc::CMSG_LEN(WIDTH) as usize;
        libc::CMSG_DATA(first).cast::<u16>().write_unaligned(length);
    }
}
