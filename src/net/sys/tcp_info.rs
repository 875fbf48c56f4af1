//! The kernel's view of a TCP connection and of a socket's receive queue.
//!
//! `struct tcp_info` grows at its end with each kernel, so fields are read by their fixed offset, and one that an older
//! kernel did not fill is absent instead of zero.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::sockopt;

// Offsets of linux/tcp.h, stable since the field exists.
const STATE: usize = 0;
const TIMEOUTS: usize = 2;
const RETRANS: usize = 36;
const RTT: usize = 68;
const TOTAL_RETRANS: usize = 100;
const BYTES_ACKED: usize = 120;

/// `TCP_ESTABLISHED` of Linux.
const ESTABLISHED: u8 = 1;

/// `SO_MEMINFO` (Linux 4.12): nine counters (`linux/sock_diag.h`), the last one is packets dropped: because the queue was full, or by
/// a socket filter.
const SO_MEMINFO: libc::c_int = 55;
const WMEM_ALLOC: usize = 2 * 4;
const DROPS: usize = 8 * 4;

/// The part of `TCP_INFO` that is used here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round-trip time.
    pub rtt: Option<Duration>,
    /// Segments sent again since the connection began.
    pub retransmits: Option<u32>,
    /// Payload bytes the peer has acknowledged (Linux 4.1).
    pub bytes_acked: Option<u64>,
    state: Option<u8>,
    /// Times the retransmission timer went off in a row.
    timeouts: Option<u8>,
    /// Segments that were sent again and are not acknowledged.
    in_flight_again: Option<u32>,
}

impl TcpInfo {
    /// The connection is open.
    #[must_use]
    pub fn established(&self) -> bool {
        self.state == Some(ESTABLISHED)
    }

    /// The timer went off and nothing was sent again: the kernel tried, and a filter, a queue or an interface of this host did
    /// not let it out. A repeated segment that left is counted until it is acknowledged. One that still waits ([`queued_here`]) is not
    /// repeated either.
    #[must_use]
    pub fn repeated_in_vain(&self) -> bool {
        self.timeouts.is_some_and(|count| count > 0) && self.in_flight_again == Some(0)
    }
}

/// Asks the kernel about a TCP socket.
pub fn tcp_info(socket: &impl AsFd) -> io::Result<TcpInfo> {
    let mut raw = [0_u8; 256];
    let filled = sockopt::read(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut raw)?;
    Ok(parse(raw.get(..filled).unwrap_or_default()))
}

/// Datagrams the kernel dropped because this socket's receive buffer was full; `None` where the kernel cannot tell.
#[must_use]
pub fn queue_drops(socket: &impl AsFd) -> Option<u32> {
    drops(socket)
}

/// Packets the kernel dropped at this socket: its receive buffer was full, or its filter said so; `None` where the kernel
/// cannot tell.
#[must_use]
pub fn drops(socket: &impl AsFd) -> Option<u32> {
    memory(socket, DROPS)
}

/// Bytes of packets of this socket that still wait in a queue of this host: of an interface, or for the link-layer address of a
/// neighbour that does not answer; `None` where the kernel cannot tell.
#[must_use]
pub fn queued_here(socket: &impl AsFd) -> Option<u32> {
    memory(socket, WMEM_ALLOC)
}

fn memory(socket: &impl AsFd, at: usize) -> Option<u32> {
    let mut raw = [0_u8; 64];
    let filled = sockopt::read(socket, libc::SOL_SOCKET, SO_MEMINFO, &mut raw).ok()?;
    word(raw.get(..filled)?, at)
}

fn parse(raw: &[u8]) -> TcpInfo {
    TcpInfo {
        rtt: word(raw, RTT).map(|micros| Duration::from_micros(u64::from(micros))),
        retransmits: word(raw, TOTAL_RETRANS),
        bytes_acked: raw
            .get(BYTES_ACKED..BYTES_ACKED + 8)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_ne_bytes),
        state: raw.get(STATE).copied(),
        timeouts: raw.get(TIMEOUTS).copied(),
        in_flight_again: word(raw, RETRANS),
    }
}

fn word(raw: &[u8], offset: usize) -> Option<u32> {
    raw.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UdpSocket};

    use super::{TcpInfo, parse, queue_drops, tcp_info};

    #[test]
    fn a_shorter_struct_leaves_fields_absent() {
        let mut raw = [0_u8; 104];
        raw[68..72].copy_from_slice(&250_u32.to_ne_bytes());
        let info = parse(&raw);
        assert_eq!(info.rtt, Some(std::time::Duration::from_micros(250)));
        assert_eq!(info.retransmits, Some(0));
        assert_eq!(info.bytes_acked, None);
        assert_eq!(parse(&[]), TcpInfo::default());
        assert!(!info.repeated_in_vain(), "the timer did not go off");
        raw[2] = 1;
        assert!(parse(&raw).repeated_in_vain() && !parse(&raw[..10]).repeated_in_vain());
        raw[36..40].copy_from_slice(&1_u32.to_ne_bytes());
        assert!(!parse(&raw).repeated_in_vain(), "it was sent again");
    }

    #[tokio::test]
    async fn acknowledged_bytes_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        near.write_all(&[1; 1000]).await.unwrap();
        far.read_exact(&mut [0; 1000]).await.unwrap();
        far.write_all(b"x").await.unwrap();
        near.read_exact(&mut [0; 1]).await.unwrap();
        // The SYN counts as one byte on kernels before 4.2 only.
        assert!(tcp_info(&near).unwrap().bytes_acked.unwrap() >= 1000);
        assert!(tcp_info(&near).unwrap().established());
        assert!(tcp_info(&near).unwrap().rtt.unwrap() > std::time::Duration::ZERO);
    }

    #[tokio::test]
    async fn a_full_receive_buffer_shows_its_drops() {
        let near = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket2::SockRef::from(&near).set_recv_buffer_size(4096).unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(queue_drops(&near), Some(0));
        for _ in 0..64 {
            far.send_to(&[0; 1000], near.local_addr().unwrap()).await.unwrap();
        }
        assert!(queue_drops(&near).unwrap() > 0);
    }
}
