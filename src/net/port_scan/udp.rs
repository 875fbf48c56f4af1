//! Asks by UDP datagrams: one socket for each IP version, and one for link-local addresses.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::scan::{Prober, Scan};
use super::{HostPort, PortState, ScanJob};
use crate::net::datagram;
use crate::net::origin::{AddressClass, Origin};
use crate::net::sys::mmsg::{self, Waiter};
use crate::net::sys::tcp_info::queue_drops;

/// Receive buffer, bytes, where the system lets it be so large.
const BUFFER: usize = 4 << 20;
/// Datagrams and reports read before it is looked whether the scan is to stop.
const READ: usize = 4096;

struct Bound {
    socket: Socket,
    class: AddressClass,
    port: u16,
}

pub(super) struct UdpProber {
    sockets: Vec<Bound>,
    waiter: Waiter,
}

impl UdpProber {
    pub(super) fn open(job: &ScanJob) -> io::Result<Self> {
        let sockets = AddressClass::among(&job.hosts)
            .map(|(class, host)| bind(job.origin, class, host))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { waiter: Waiter::new(sockets.iter().map(|bound| &bound.socket)), sockets })
    }

    fn socket(&self, peer: SocketAddr) -> Option<&Bound> {
        self.sockets.iter().find(|bound| bound.class == AddressClass::of(peer.ip()))
    }

    /// Reads answers and errors; whether it read all there are.
    fn read(&self, scan: &mut Scan) -> bool {
        let mut left = READ;
        for Bound { socket, .. } in &self.sockets {
            let mut buffer = [0; 128];
            while left > 0 {
                let Some((report, to)) = datagram::next_report_of_port(socket, &mut buffer) else { break };
                left -= 1;
                if let Some(pair) = to.and_then(|to| scan.job.pair_of(to)).filter(|pair| scan.was_asked(*pair)) {
                    scan.reported(&report, pair);
                }
            }
            let mut bytes = [MaybeUninit::uninit(); 16];
            while left > 0 {
                left -= 1;
                match socket.recv_from(&mut bytes) {
                    Ok((_, from)) => {
                        let pair = from.as_socket().and_then(|from| scan.job.pair_of(from));
                        if let Some(pair) = pair.filter(|pair| scan.was_asked(*pair)) {
                            scan.settle(pair, PortState::Open);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The error of a datagram, whose report is read above, or in the next turn.
                    Err(_) => {}
                }
            }
        }
        left > 0
    }
}

fn bind(origin: Origin, class: AddressClass, host: IpAddr) -> io::Result<Bound> {
    let at = SocketAddr::new(origin.address(host), 0);
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM.nonblocking(), None)?;
    if host.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    origin.bind_device(&socket, host)?;
    socket.bind(&SockAddr::from(at))?;
    datagram::enable_icmp_errors(&socket);
    mmsg::prepare(&socket, BUFFER)?;
    let port = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?.port();
    Ok(Bound { socket, class, port })
}

impl Prober for UdpProber {
    const SILENCE_IS_LOSS: bool = false;

    fn send(&mut self, scan: &mut Scan, pair: HostPort) -> io::Result<()> {
        let Some(Bound { socket, .. }) = self.socket(pair.peer) else { return Ok(()) };
        let payload = (scan.job.payload)(pair.peer.port());
        scan.send_to(pair, socket, (&payload, pair.peer), |scan| self.read(scan))
    }

    fn receive(&mut self, scan: &mut Scan, length: Duration) {
        self.waiter.arrivals(length);
        let now = Instant::now();
        if self.read(scan) {
            scan.read_until = now;
        }
    }

    fn dropped(&self) -> u64 {
        self.sockets.iter().filter_map(|bound| queue_drops(&bound.socket)).map(u64::from).sum()
    }

    /// A datagram to the scan's own port would come back as an answer.
    fn is_own_port(&self, pair: HostPort) -> bool {
        self.socket(pair.peer).is_some_and(|bound| bound.port == pair.peer.port())
    }

    fn change_ports(&mut self, job: &ScanJob) -> io::Result<()> {
        // The old ones are open until the new ones are, so that those are others.
        *self = Self::open(job)?;
        Ok(())
    }
}
