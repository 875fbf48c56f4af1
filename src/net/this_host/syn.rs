//! What this host itself did to a SYN, as the kernel tells it without anybody reading rules: a reset that came over the loopback
//! interface though the peer is another host, and a SYN that could not even be repeated.
//!
//! A `reject with tcp reset` and a `drop` of this host leave no other trace. A SYN is repeated after a second at the earliest
//! (RFC 6298, 2.1): [`super::pending_syns`] is for a shorter patience. What is dropped on its way in leaves no trace at all.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, Socket};

use super::is_local;
use crate::net::Origin;
use crate::net::sys::tcp_info::{drops, queued_here, tcp_info};

/// When a kernel has repeated a SYN: after a second (RFC 6298, 2.1), and some ticks of its timer.
pub const REPEATED: Duration = Duration::from_millis(1200);

/// Index of the loopback interface, the same in every network namespace (`LOOPBACK_IFINDEX` of Linux).
pub const LOOPBACK: u32 = 1;

/// How it shows that a filter of this host answered in place of the peer.
pub const OWN_RESET: &str =
    "a reset came from this host itself, over its loopback interface: a filter of this host rejects it";

/// Has the kernel drop, and count, resets that come over the loopback interface while `socket` connects to another host; so that
/// none of them passes for the peer's. True where it does; the error is that of [`is_local`].
pub fn drop_own_resets(socket: &Socket, peer: IpAddr, origin: Origin) -> io::Result<bool> {
    Ok(!is_local(peer, origin)? && system::attach(socket))
}

/// Ends [`drop_own_resets`]: an open connection hears every reset.
pub fn release(socket: &impl AsFd) {
    let _ = SockRef::from(socket).detach_filter();
}

/// How this host itself kept a connecting socket from its peer; `None` when nothing tells that it did.
#[must_use]
pub fn dropped_here(socket: &impl AsFd, held: bool) -> Option<&'static str> {
    if held && drops(socket).is_some_and(|count| count > 0) {
        return Some(OWN_RESET);
    }
    // What a filter drops is gone. What waits may wait for a neighbour that does not answer, which is no doing of this host.
    let gone = queued_here(socket) == Some(0);
    let in_vain = gone && tcp_info(socket).is_ok_and(|info| info.repeated_in_vain());
    in_vain.then_some("this host itself drops it: its kernel could not send")
}

#[cfg(target_os = "linux")]
mod system {
    use socket2::{SockFilter, Socket};

    use super::LOOPBACK;

    pub(super) fn attach(socket: &Socket) -> bool {
        // Classic BPF, as in linux/filter.h. Filters of TCP sockets see the segment from its TCP header on.
        const LOAD_BYTE: u16 = 0x30; // ldb [k]
        const LOAD_WORD: u16 = 0x20; // ld [k]
        const HAS_BITS: u16 = 0x45; // jset #k, jt, jf
        const EQUALS: u16 = 0x15; // jeq #k, jt, jf
        const VERDICT: u16 = 0x06; // ret #k
        const FLAGS: u32 = 13;
        const RST: u32 = 0x04;
        // SKF_AD_OFF + SKF_AD_IFINDEX: the interface it came by.
        const INTERFACE: u32 = 0xffff_f000 + 8;
        let program = [
            SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
            SockFilter::new(HAS_BITS, 0, 3, RST),
            SockFilter::new(LOAD_WORD, 0, 0, INTERFACE),
            SockFilter::new(EQUALS, 0, 1, LOOPBACK),
            SockFilter::new(VERDICT, 0, 0, 0),
            SockFilter::new(VERDICT, 0, 0, u32::MAX),
        ];
        socket.attach_filter(&program).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn attach(_: &socket2::Socket) -> bool {
        false
    }
}
