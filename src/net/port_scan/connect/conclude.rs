//! What became of a connection.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::SockAddr;

use super::{ConnectProber, Connection, open};
use crate::net::datagram;
use crate::net::dial::{ConnectError, is_under_way, meets_itself, reset_at_close};
use crate::net::port_scan::scan::Scan;
use crate::net::port_scan::{HostPort, PortState, ScanJob};
use crate::net::this_host;

impl ConnectProber {
    /// Records what a connection came to, by what `connect` said last. An error is something that this host lacks for now: the port is
    /// as unknown as before.
    pub(super) fn conclude(
        &mut self,
        scan: &mut Scan,
        token: usize,
        pair: HostPort,
        result: io::Result<()>,
    ) -> io::Result<()> {
        let error = match result {
            Ok(()) => return self.established(scan, token, pair),
            // It was reset right after the handshake.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EISCONN | libc::ECONNRESET | libc::EPIPE)) => {
                return self.established(scan, token, pair);
            }
            Err(error) => error,
        };
        let Some(Connection { socket, .. }) = self.connection(token) else { return Ok(()) };
        let report = datagram::reported(socket);
        if error.raw_os_error() == Some(libc::ECONNREFUSED) && report.is_none() {
            scan.settle(pair, PortState::Closed);
            self.reuse(token);
            return Ok(());
        }
        self.close(token);
        if report.as_ref().is_some_and(|report| scan.reported(report, pair)) {
            return Ok(());
        }
        if is_lack(&error, None) && this_host::route_error(pair.peer, scan.job.origin).is_none() {
            return Err(error);
        }
        match ConnectError::classify(&error, scan.job.method.operation(), pair.peer, scan.job.origin) {
            Ok(ConnectError::Refused) => scan.settle(pair, PortState::Closed),
            Ok(ConnectError::Unreachable(why)) => {
                scan.settle(pair, PortState::Silent);
                if report.is_none() {
                    scan.found.report(pair.host, format!("no answer to ARP or neighbour discovery ({why})"));
                }
            }
            Ok(_) => scan.settle(pair, PortState::Silent),
            Err(fault) => scan.fault(pair, fault),
        }
        Ok(())
    }

    /// There is, or was, a connection. On this host it may be one with itself, or with another socket that connects to the port this
    /// one was given: neither listens. (The kernel gives nobody a port that somebody listens on.)
    fn established(&mut self, scan: &mut Scan, token: usize, pair: HostPort) -> io::Result<()> {
        let is_doubtful = self.is_own(pair) && self.ephemeral.contains(&pair.peer.port());
        let Some(Connection { socket, .. }) = self.connection(token) else { return Ok(()) };
        let is_itself = meets_itself(socket, pair.peer);
        // A reset: no socket is left in TIME_WAIT, here or there.
        reset_at_close(socket);
        let is_closed = if is_itself {
            Ok(true)
        } else if is_doubtful {
            is_refused(&scan.job, pair.peer)
        } else {
            Ok(false)
        };
        self.close(token);
        scan.settle(pair, if is_closed? { PortState::Closed } else { PortState::Open });
        Ok(())
    }
}

/// Whether a second connection to a port of this host is refused at once.
fn is_refused(job: &ScanJob, peer: SocketAddr) -> io::Result<bool> {
    let socket = open(job, peer)?;
    let to = SockAddr::from(peer);
    let first = socket.connect(&to);
    let result = if is_under_way(&first) { socket.connect(&to) } else { first };
    reset_at_close(&socket);
    match result {
        Ok(()) => Ok(meets_itself(&socket, peer)),
        Err(error) if is_lack(&error, None) => Err(error),
        Err(error) => Ok(error.raw_os_error() == Some(libc::ECONNREFUSED)),
    }
}

/// Whether this host is out of something that may come back: descriptors, memory, local ports. A `source` that is no address of this
/// host will not.
pub(super) fn is_lack(error: &io::Error, source: Option<IpAddr>) -> bool {
    let lack =
        [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EADDRNOTAVAIL, libc::EAGAIN, libc::EADDRINUSE];
    let no_address = source.is_some() && error.raw_os_error() == Some(libc::EADDRNOTAVAIL);
    !no_address && error.raw_os_error().is_some_and(|errno| lack.contains(&errno))
}
