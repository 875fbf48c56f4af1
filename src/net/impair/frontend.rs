//! Where clients of a TCP proxy come in: it answers, refuses, or stays silent, and keeps its port all the while.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::impairment::NewConnections;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// The same where nothing is to be answered: the kernel drops what comes once more than these wait. Not 0: then it takes the first
/// one for a flood.
const FULL: i32 = 1;
/// So many of our own make it full.
const FILLERS: usize = 2;
/// A connection over loopback is there at once, unless the queue is full already.
const FILLED: Duration = Duration::from_millis(20);

/// A listening socket.
#[derive(Debug)]
pub(super) struct Frontend {
    socket: Socket,
    address: SocketAddr,
    /// Own connections that keep the queue full.
    fillers: RefCell<Vec<TcpStream>>,
    /// Where they come from: nobody is to be reached for them.
    own: RefCell<Vec<SocketAddr>>,
}

impl Frontend {
    /// Listens.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // What ended just now must not be in the way.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::from(address))?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket, address, fillers: RefCell::default(), own: RefCell::default() })
    }

    /// What accepts. To be made anew after anything but answering: the one before believes that it was closed.
    pub(super) fn listener(&self) -> io::Result<TcpListener> {
        TcpListener::from_std(self.socket.try_clone()?.into())
    }

    /// Changes what becomes of new connections; it is so when this returns.
    pub(super) async fn set(&self, new: Option<NewConnections>) -> io::Result<()> {
        self.fillers.borrow_mut().clear();
        // Those of before hold the same port.
        self.socket.set_reuse_address(true)?;
        match new {
            None | Some(NewConnections::Reset) => self.socket.listen(BACKLOG),
            // The port stays ours, and nobody listens: the kernel refuses.
            Some(NewConnections::Refused) => {
                self.own.borrow_mut().clear();
                match self.socket.shutdown(Shutdown::Both) {
                    // It did not listen.
                    Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
                    // Nobody else may have the port meanwhile.
                    _ => self.socket.set_reuse_address(false),
                }
            }
            Some(NewConnections::Unanswered) => {
                self.socket.listen(FULL)?;
                self.fill().await
            }
        }
    }

    /// Fills the queue of those who wait to be accepted.
    async fn fill(&self) -> io::Result<()> {
        let here = match self.address.ip() {
            ip if !ip.is_unspecified() => ip,
            ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
            _ => Ipv6Addr::LOCALHOST.into(),
        };
        for _ in 0..FILLERS {
            tokio::select! {
                biased;
                filler = TcpStream::connect(SocketAddr::new(here, self.address.port())) => {
                    let filler = filler?;
                    self.own.borrow_mut().push(filler.local_addr()?);
                    self.fillers.borrow_mut().push(filler);
                }
                // Others wait there already: it is full.
                () = sleep(FILLED) => break,
            }
        }
        Ok(())
    }

    /// Whether a connection that was accepted is one of ours.
    pub(super) fn is_own(&self, peer: SocketAddr) -> bool {
        let mut own = self.own.borrow_mut();
        let found = own.iter().position(|one| *one == peer);
        found.map(|at| own.swap_remove(at)).is_some()
    }
}
