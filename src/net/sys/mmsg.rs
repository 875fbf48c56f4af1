//! Many datagrams per system call on a datagram socket: `sendmmsg` whose messages the kernel cuts into datagrams of
//! one length (UDP GSO), `recvmmsg` with the kernel's times of arrival, waits in microseconds, and the count of what the
//! kernel dropped (`SO_RXQ_OVFL`).

mod outbox;
mod received;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

pub use outbox::{Outbox, most_segments};
use received::{NAME_LENGTH, address, control_data};
use socket2::Socket;

/// Most messages of one call.
pub const BATCH: usize = 64;

/// Control data of one message, aligned as the kernel wants it; room for `CMSG_SPACE` of a time and of three numbers.
type Control = [u64; 16];

/// Lets the kernel count what it drops and stamp what arrives, and enlarges the receive buffer to `size` bytes, past the system's limit where
/// this process may. Returns the size in force as the kernel accounts it: twice what was asked for.
pub fn prepare(socket: &Socket, size: usize) -> io::Result<usize> {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(socket, sockopt::RxqOvfl, &1)?;
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    if setsockopt(socket, sockopt::RcvBufForce, &size).is_err() {
        socket.set_recv_buffer_size(size)?;
    }
    socket.recv_buffer_size()
}

/// Lets the kernel hand out neighbouring datagrams of one sender and length as one message (UDP GRO, Linux 5.0), which [`Inbox::merged`]
/// has room for; whether it can.
#[must_use]
pub fn merge(socket: &impl AsFd) -> bool {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(socket, sockopt::UdpGroSegment, &true).is_ok()
}

/// The wall clock that stamps of arrivals are read from.
#[must_use]
pub fn wall() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    // It cannot fail on a supported system; zero would only make every stamp one that is not believed.
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(Duration::ZERO, Duration::from)
}

/// A datagram in its room.
#[derive(Clone, Copy, Debug)]
struct KeptDatagram {
    length: usize,
    cut: bool,
    stamp: Option<Duration>,
    ttl: Option<u8>,
    /// Bytes of each datagram of a merged message but the last, which may be shorter.
    segment: Option<usize>,
}

/// Room for what one call receives.
pub struct Inbox {
    room: usize,
    bytes: Vec<u8>,
    controls: Vec<Control>,
    /// Where the kernel writes who sent a datagram; empty on connected sockets, which know.
    senders: Vec<libc::sockaddr_in6>,
    kept: Vec<KeptDatagram>,
    drops: Option<u32>,
}

impl Inbox {
    /// Room for [`BATCH`] datagrams of `room` bytes each.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self::of(room, BATCH)
    }

    /// Room for `most` messages of which each may be many datagrams, see [`merge`].
    #[must_use]
    pub fn merged(most: usize) -> Self {
        Self::of(usize::from(u16::MAX), most)
    }

    fn of(room: usize, most: usize) -> Self {
        let (room, most) = (room.max(1), most.clamp(1, BATCH));
        Self {
            room,
            bytes: vec![0; room * most],
            controls: vec![Control::default(); most],
            senders: Vec::new(),
            kept: Vec::with_capacity(most),
            drops: None,
        }
    }

    /// The same, for a socket that is not connected: it also keeps who sent what.
    #[must_use]
    pub fn with_senders(room: usize) -> Self {
        Self::few_with_senders(room, BATCH)
    }

    /// The same, with room for at most so many datagrams of a call: where few come at a time.
    #[must_use]
    pub fn few_with_senders(room: usize, most: usize) -> Self {
        const NOBODY: libc::sockaddr_in6 = libc::sockaddr_in6 {
            sin6_family: 0,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
            sin6_scope_id: 0,
        };
        let inbox = Self::of(room, most);
        Self { senders: vec![NOBODY; inbox.controls.len()], ..inbox }
    }

    /// Messages of the last call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether the last call brought nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The datagrams of a message of the last call: one, unless the kernel merged them.
    pub fn segments(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        let (bytes, _) = self.datagram(index).unwrap_or_default();
        let segment = self.kept.get(index).and_then(|kept| kept.segment).unwrap_or(bytes.len());
        bytes.chunks(segment.max(1))
    }

    /// Whether the last call had no room for more: the socket may hold some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.len() == self.controls.len()
    }

    /// Takes what has arrived, without waiting; returns how many datagrams that are. None is 0, not an error.
    #[expect(unsafe_code, reason = "neither nix nor socket2 receives many datagrams without an allocation per call")]
    pub fn receive(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        self.kept.clear();
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        // SAFETY: `mmsghdr` is plain numbers and pointers, for which zero is a value; null pointers are not followed, as
        // the lengths beside them are zero.
        let mut heads: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let rooms = self.bytes.chunks_exact_mut(self.room).zip(&mut self.controls);
        for ((part, head), (room, control)) in parts.iter_mut().zip(&mut heads).zip(rooms) {
            part.iov_base = room.as_mut_ptr().cast();
            part.iov_len = room.len();
            head.msg_hdr.msg_iov = part;
            head.msg_hdr.msg_iovlen = 1;
            head.msg_hdr.msg_control = control.as_mut_ptr().cast();
            head.msg_hdr.msg_controllen = size_of::<Control>();
        }
        for (head, sender) in heads.iter_mut().zip(&mut self.senders) {
            head.msg_hdr.msg_name = std::ptr::from_mut(sender).cast();
            head.msg_hdr.msg_namelen = NAME_LENGTH;
        }
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: the descriptor is borrowed for the call. There are as many control blocks as rooms, at most BATCH, and each of so
        // many headers points to one part, and that to its own room, and to its own control block and sender, with their true
        // lengths; all outlive the call, and nothing else uses them.
        let room = libc::c_uint::try_from(self.controls.len().min(heads.len())).unwrap_or_default();
        let count = unsafe { libc::recvmmsg(fd, heads.as_mut_ptr(), room, libc::MSG_DONTWAIT, std::ptr::null_mut()) };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            let nothing = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            return if nothing { Ok(0) } else { Err(error) };
        };
        for head in heads.iter().take(count) {
            let cut = head.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let control = control_data(&head.msg_hdr);
            let length = (head.msg_len as usize).min(self.room);
            self.kept.push(KeptDatagram {
                length,
                cut,
                stamp: control.stamp,
                ttl: control.ttl,
                segment: control.segment,
            });
            self.drops = control.drops.or(self.drops);
        }
        Ok(self.kept.len())
    }

    /// A datagram of the last call, and whether its end is missing because it was longer than the room.
    #[must_use]
    pub fn datagram(&self, index: usize) -> Option<(&[u8], bool)> {
        let kept = self.kept.get(index)?;
        let start = index * self.room;
        Some((self.bytes.get(start..start + kept.length)?, kept.cut))
    }

    /// When the kernel saw a datagram of the last call arrive, on [`wall`].
    #[must_use]
    pub fn stamp(&self, index: usize) -> Option<Duration> {
        self.kept.get(index)?.stamp
    }

    /// TTL or hop limit a datagram of the last call arrived with, where the socket asks for it.
    #[must_use]
    pub fn ttl(&self, index: usize) -> Option<u8> {
        self.kept.get(index)?.ttl
    }

    /// Who sent a datagram of the last call; known of [`Self::with_senders`] alone.
    #[must_use]
    pub fn sender(&self, index: usize) -> Option<IpAddr> {
        self.sending_end(index).map(|sender| sender.ip())
    }

    /// The same with its port; of raw and ping sockets the port says nothing.
    #[must_use]
    pub fn sending_end(&self, index: usize) -> Option<SocketAddr> {
        self.kept.get(index)?;
        address(self.senders.get(index)?)
    }

    /// Datagrams the kernel dropped on the socket last received from, since it was opened; `None` unless it reported a number
    /// since the last call.
    pub fn drops(&mut self) -> Option<u32> {
        self.drops.take()
    }
}

/// Waits for sockets on a thread of its own, finer than a runtime's milliseconds.
pub struct Waiter(Vec<libc::pollfd>);

impl Waiter {
    /// For these sockets, which must stay open as long as it is used; a closed one would only end each wait at once.
    #[must_use]
    pub fn new<'s, S: AsFd + 's>(sockets: impl IntoIterator<Item = &'s S>) -> Self {
        let entry = |socket: &S| libc::pollfd { fd: socket.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
        Self(sockets.into_iter().map(entry).collect())
    }

    /// Until one of them has something to read, or `length` has passed; whether one has.
    pub fn arrivals(&mut self, length: Duration) -> bool {
        poll(&mut self.0, libc::POLLIN, length)
    }

    /// Whether the last wait ended by errors that wait to be read.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|entry| entry.revents & libc::POLLERR != 0)
    }

    /// Until one of them takes more to send, or `length` has passed.
    pub fn room(&mut self, length: Duration) {
        poll(&mut self.0, libc::POLLOUT, length);
    }

    /// Until `length` has passed.
    pub fn nap(length: Duration) {
        poll(&mut [], 0, length);
    }
}

/// Both ends of a wait, early or late, are seen by the caller on its clock; an error only means that it was no wait.
#[expect(unsafe_code, reason = "nix has ppoll behind a feature that this crate does not build")]
fn poll(entries: &mut [libc::pollfd], events: libc::c_short, length: Duration) -> bool {
    for entry in entries.iter_mut() {
        entry.events = events;
    }
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(length.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: length.subsec_nanos().into(),
    };
    // SAFETY: pointer and length describe `entries`, which outlives the call; the time is read only, and no signal mask
    // is given.
    unsafe { libc::ppoll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, &raw const time, std::ptr::null()) > 0 }
}

#[cfg(test)]
mod tests;
