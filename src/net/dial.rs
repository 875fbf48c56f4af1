//! TCP connections whose outcome is a fact, and whose local errors are faults.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Origin;
use super::clock::MeasuredTime;
use super::datagram::udp::same_endpoint;
use super::datagram::{self, IcmpError};
use super::sys::tcp_info::tcp_info;
use super::this_host::{self, Rejection, pending_syns, syn};
use super::{deadline, handshakes};
use crate::model::interface::is_link_local;
use crate::model::{Fault, human_time};

/// What to do where a link-local address has no zone.
pub const ZONE: &str =
    "a link-local address means another host on every link: write `interface: eth0`, or the zone behind it (`%eth0`)";

/// SYNs that may be given up behind other connections of this run, before silence is the server's.
const CROWDED: u32 = 8;
/// The wait after one of them.
const UNTANGLE: Duration = Duration::from_millis(50);

/// An open connection and how long the handshake took.
pub struct TcpConnection {
    /// The connection.
    pub stream: TcpStream,
    /// From the first SYN to established: by the kernel's clock, except where a SYN had to be sent again.
    pub took: MeasuredTime,
    /// How often the SYN was sent again, because no answer came.
    pub repeats: u32,
    /// How long this side waited for its turn before the SYN; no part of `took`.
    pub waited: Duration,
    /// SYNs given up before it, because they got no answer behind other connections of this run; no part of `took` either.
    pub crowded: u32,
}

impl TcpConnection {
    /// Asks the kernel about a connection that was established just now, `elapsed` after its SYN by this process.
    fn of(stream: TcpStream, elapsed: Duration) -> Self {
        let info = tcp_info(&stream).unwrap_or_default();
        let repeats = info.retransmits.unwrap_or_default();
        // The round trip of the SYN is the handshake; of one that was repeated, the kernel knows the last alone, or nothing.
        let by_kernel = info.rtt.filter(|rtt| info.retransmits == Some(0) && !rtt.is_zero());
        let took = by_kernel.map_or(MeasuredTime::by_user(elapsed), MeasuredTime::by_kernel);
        Self { stream, took, repeats, waited: Duration::ZERO, crowded: 0 }
    }

    /// What to say of a handshake that took more than one SYN.
    #[must_use]
    pub fn note(&self, peer: SocketAddr) -> Option<String> {
        if self.crowded > 0 {
            return Some(format!(
                "{peer}: {} SYN got no answer while other checks of this run had connections there, and the time to connect is \
                 that of the next one: the server's queue of connections is short, or packets are lost",
                self.crowded
            ));
        }
        let times = match self.repeats {
            0 => return None,
            1 => "once".to_owned(),
            more => format!("{more} times"),
        };
        Some(format!(
            "{peer}: the SYN was sent again {times} before an answer came, and the time to connect includes the wait: it or \
             its answer was lost on the way, or the server's queue of connections was full"
        ))
    }
}

/// Words of every sentence about a SYN that nobody answered.
pub const NO_HANDSHAKE: &str = "to the TCP handshake";

/// Why the peer could not be connected to. A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Nobody listens: the connection met itself, or an error of a socket that names no sender.
    Refused,
    /// A RST or an ICMP error in answer to SYN that says that nobody listens, and whose it is.
    RefusedBy(String),
    /// Silence for the whole patience.
    Timeout,
    /// An ICMP error or no route.
    Unreachable(String),
    /// RST after SYN-ACK.
    Reset,
}

impl ConnectError {
    /// Sorts an error of a socket into what the peer or the path did, or a fault of this side.
    /// `origin` is that of the socket; of a connection that is open already it tells nothing more.
    pub fn classify(error: &io::Error, operation: &str, peer: SocketAddr, origin: Origin) -> Result<Self, Fault> {
        match error.raw_os_error() {
            Some(libc::ECONNREFUSED) => Ok(Self::Refused),
            Some(libc::ECONNRESET | libc::EPIPE) => Ok(Self::Reset),
            Some(libc::ETIMEDOUT) => Ok(Self::Timeout),
            Some(
                libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::EACCES
                | libc::EINVAL
                | libc::EAFNOSUPPORT
                | libc::EADDRNOTAVAIL,
            ) if (!is_link_local(peer.ip()) || origin.device(peer.ip()).is_some())
                && let Some(why) = this_host::route_error(peer, origin) =>
            {
                Err(this_host::route_fault(&why, operation, peer, origin))
            }
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENONET | libc::EHOSTDOWN | libc::ENOPROTOOPT) => {
                Ok(Self::Unreachable(error.to_string()))
            }
            // ICMPv6 "administratively prohibited" and "reject route" arrive as EACCES, "parameter problem" as EPROTO; a filter
            // of this host gives EPERM, which stays a fault.
            Some(libc::EACCES) => Ok(Self::Unreachable("a firewall on the way rejects it".to_owned())),
            Some(libc::EPROTO) => Ok(Self::Unreachable(error.to_string())),
            _ => Err(local_fault(error, operation, peer)),
        }
    }

    /// The same, by the ICMP error behind it where there is one.
    #[must_use]
    pub fn reported_by(self, report: Option<&IcmpError>) -> Self {
        match (self, report) {
            (Self::Refused, Some(report)) => Self::RefusedBy(report.to_string()),
            (Self::Unreachable(_), Some(report)) => Self::Unreachable(report.to_string()),
            (other, _) => other,
        }
    }

    /// How it came about, as one sentence; `patience` is how long silence was waited for.
    #[must_use]
    pub fn sentence(&self, peer: SocketAddr, patience: Duration) -> String {
        match self {
            Self::Refused => format!("connection refused by {peer}"),
            Self::RefusedBy(why) if *why == rst_from(peer) => format!("connection refused by {peer} (RST)"),
            Self::RefusedBy(why) => format!("connection to {peer} refused ({why})"),
            Self::Timeout => {
                format!("no answer from {peer} {NO_HANDSHAKE} within {}", human_time(patience))
            }
            Self::Unreachable(why) => format!("{peer} cannot be reached: {why}"),
            Self::Reset => format!("{peer} reset the connection as soon as it was established"),
        }
    }

    /// The word of fact `outcome`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused | Self::RefusedBy(_) => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Reset => "reset",
        }
    }
}

tokio::task_local! {
    static RESETS: ();
}

/// Runs a round of which thousands follow each other: its connections end by a reset (`SO_LINGER` of zero) and not in order, so that
/// none of them keeps its local port for the minute of `TIME_WAIT`. What of the last message was not sent by then is lost, so a round
/// must end with an answer.
pub async fn closing_by_reset<F: Future>(round: F) -> F::Output {
    RESETS.scope((), round).await
}

/// Has a connection end by a reset when it is closed.
pub fn reset_at_close(socket: &impl AsFd) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Connects to `peer`, waiting at most `patience`, in turn with the other checks that dial it ([`handshakes`]).
/// The outer `Err` is a fault of this side: no permission, no descriptors, no such source address.
pub async fn connect(
    peer: SocketAddr,
    origin: Origin,
    patience: Duration,
) -> Result<Result<TcpConnection, ConnectError>, Fault> {
    let waited = handshakes::Waited::so_far();
    let mut crowded = 0;
    loop {
        let begun = Instant::now();
        let turn = handshakes::turn(peer, origin.device(peer.ip())).await;
        let soon =
            turn.as_ref().and_then(handshakes::Turn::crowded).filter(|soon| crowded < CROWDED && *soon < patience);
        let dialling = Instant::now();
        let dialled = connect_on(open(peer, origin)?, peer, origin, soon.unwrap_or(patience)).await?;
        if soon.is_some() && dialled.as_ref().is_err_and(|error| *error == ConnectError::Timeout) {
            drop(turn);
            crowded += 1;
            // Those before it are taken up meanwhile.
            tokio::time::sleep(UNTANGLE).await;
            handshakes::not_counted(dialling.elapsed());
            tracing::debug!(%peer, crowded, waited = ?begun.elapsed(), "no answer to a SYN behind others of this run");
            continue;
        }
        let dialled = dialled.map(|dialled| TcpConnection { waited: waited.since(), crowded, ..dialled });
        if let (Some(turn), Ok(dialled)) = (&turn, &dialled) {
            turn.established(dialled.took.length);
        }
        return Ok(dialled);
    }
}

/// [`connect`] on a socket of [`open`] and at once, for options that must be set before the SYN.
pub async fn connect_on(
    socket: Socket,
    peer: SocketAddr,
    origin: Origin,
    patience: Duration,
) -> Result<Result<TcpConnection, ConnectError>, Fault> {
    match try_connect(socket, peer, origin, patience).await {
        Ok(dialled) => Ok(Ok(dialled)),
        Err(end) => end.judge(peer, origin).map(Err),
    }
}

/// What a SYN came to, if no connection.
pub enum SynEnd {
    /// The connection met itself.
    Itself,
    /// Nothing came back; why this host itself may be the reason, where its kernel knows.
    Silent(Option<&'static str>),
    /// An error of the socket, and the ICMP error behind it if it was one.
    Error(io::Error, Option<IcmpError>),
}

impl SynEnd {
    /// This host has no local port left, or no such address.
    #[must_use]
    pub fn no_port_left(&self) -> bool {
        matches!(self, Self::Error(error, _) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL))
    }

    /// Sorts it: a reset, an ICMP error of the path or the peer, and silence are facts; what this host itself did is a fault.
    pub fn judge(self, peer: SocketAddr, origin: Origin) -> Result<ConnectError, Fault> {
        let own = |why: Rejection| this_host::rejection_fault(why, "connect", peer);
        let (error, report) = match self {
            Self::Itself => return Ok(ConnectError::Refused),
            Self::Silent(None) => return Ok(ConnectError::Timeout),
            Self::Silent(Some(why)) => return Err(own(why.to_owned().into())),
            Self::Error(error, report) => (error, report),
        };
        if let Some(why) = report.as_ref().and_then(|report| this_host::rejection(report, peer.ip(), origin)) {
            return Err(own(why));
        }
        Ok(match ConnectError::classify(&error, "connect", peer, origin)?.reported_by(report.as_ref()) {
            ConnectError::Refused => ConnectError::RefusedBy(rst_from(peer)),
            other => other,
        })
    }
}

/// A refusal by the peer itself.
fn rst_from(peer: SocketAddr) -> String {
    format!("RST from {}", peer.ip())
}

/// [`connect_on`] for who counts what this side lacks, and judges the rest later.
pub async fn try_connect(
    socket: Socket,
    peer: SocketAddr,
    origin: Origin,
    patience: Duration,
) -> Result<TcpConnection, SynEnd> {
    let alone = |error| SynEnd::Error(error, None);
    datagram::enable_icmp_errors(&socket);
    let held = syn::drop_own_resets(&socket, peer.ip(), origin).map_err(alone)?;
    let start = Instant::now();
    let stream = begin(socket, peer).map_err(alone)?;
    let ended = deadline::within(patience, ended(&stream)).await;
    let elapsed = start.elapsed();
    match ended {
        Ok(None) => {}
        // The handshake succeeded, and its last packet met an ICMP error. No refusal: the next packet says what the path does.
        Ok(Some(_)) if tcp_info(&stream).is_ok_and(|info| info.established()) => {}
        Ok(Some(error)) if error.raw_os_error() != Some(libc::ETIMEDOUT) => {
            return Err(SynEnd::Error(error, datagram::reported(&stream)));
        }
        _ => {
            let why = syn::dropped_here(&stream, held);
            if why.is_none() {
                pending_syns::keep(stream, held, start);
            }
            return Err(SynEnd::Silent(why));
        }
    }
    // On loopback the kernel may pick the target's own port: simultaneous open with itself, nobody listens there.
    if meets_itself(&stream, peer) {
        // In TIME_WAIT it would keep the port from a service that is about to listen there.
        reset_at_close(&stream);
        return Err(SynEnd::Itself);
    }
    if RESETS.try_with(|()| ()).is_ok() {
        reset_at_close(&stream);
    }
    if held {
        syn::release(&stream);
    }
    datagram::disable_icmp_errors(&stream);
    let _ = stream.set_nodelay(true);
    Ok(TcpConnection::of(stream, elapsed))
}

/// Whether the own end of a socket is its peer. The kernel adds the scope to an own address of a link, and nobody else does.
#[must_use]
pub fn meets_itself(socket: &impl AsFd, peer: SocketAddr) -> bool {
    let own = SockRef::from(socket).local_addr().ok().and_then(|own| own.as_socket());
    own.is_some_and(|own| same_endpoint(own, peer))
}

/// Sends the SYN.
fn begin(socket: Socket, peer: SocketAddr) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    match socket.connect(&peer.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    TcpStream::from_std(socket.into())
}

/// Whether `connect` of a socket that does not block says that the connection is still being made.
#[must_use]
pub fn is_under_way(result: &io::Result<()>) -> bool {
    matches!(result, Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR)))
}

/// Waits for what a SYN comes to: `None` is a connection.
async fn ended(stream: &TcpStream) -> Option<io::Error> {
    match stream.writable().await.and_then(|()| stream.take_error()) {
        Ok(error) => error,
        Err(error) => Some(error),
    }
}

/// A socket that fits `peer`, bound to what `origin` names.
pub fn open(peer: SocketAddr, origin: Origin) -> Result<Socket, Fault> {
    let socket = Socket::new(Domain::for_address(peer), Type::STREAM, None)
        .map_err(|error| local_fault(&error, "open TCP socket", peer))?;
    origin.bind(&socket, peer.ip(), 0).map_err(|error| local_fault(&error, &origin.binding("connect"), peer))?;
    Ok(socket)
}

/// A fault of this side, with the remedy for the errors people meet.
#[must_use]
pub fn local_fault(error: &io::Error, operation: &str, peer: SocketAddr) -> Fault {
    let remedy = match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (`ulimit -n`) or lower --jobs",
        Some(libc::EADDRNOTAVAIL) => {
            "check that `source` is an address of this machine, and that local ports are left (ip_local_port_range)"
        }
        Some(libc::EACCES | libc::EPERM) => "allow it in the local firewall, or run with the capability it needs",
        _ if is_link_local(peer.ip()) && error.kind() == io::ErrorKind::InvalidInput => ZONE,
        Some(libc::ENODEV) => "this host has no such interface; `ip link` shows which there are",
        _ => "see the system's message",
    };
    Fault::local(operation, peer.to_string(), error.to_string(), remedy)
}

/// `host:port` for people, with brackets around IPv6.
#[must_use]
pub fn endpoint(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::sys::socket::{getsockopt, sockopt};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::{ConnectError, TcpConnection, closing_by_reset, connect, open};
    use crate::net::Origin;
    use crate::net::clock::Stamp;
    use crate::net::datagram;
    use crate::testing::in_time_wait;

    const PATIENCE: Duration = Duration::from_mins(1);

    /// An ICMP error would end it at its next write (RFC 1122, 4.2.3.9), and no other client would see that.
    #[tokio::test]
    async fn an_open_connection_does_not_hear_icmp_errors() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let heard = open(peer, Origin::default()).unwrap();
        datagram::enable_icmp_errors(&heard);
        assert!(getsockopt(&heard, sockopt::Ipv4RecvErr).unwrap(), "this system hears none at all");
        let stream = connect(peer, Origin::default(), PATIENCE).await.unwrap().unwrap().stream;
        assert!(!getsockopt(&stream, sockopt::Ipv4RecvErr).unwrap());
    }

    /// Two hundred rounds of a stream, and a connection that ends in order beside them.
    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_round_of_a_stream_keeps_no_port() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let round = async || {
            let dialled = connect(peer, Origin::default(), PATIENCE).await.unwrap().unwrap();
            let (mut far, _) = listener.accept().await.unwrap();
            drop(dialled);
            // Its end, which is a reset or not.
            let _ = far.read(&mut [0]).await;
        };
        for _ in 0..200 {
            closing_by_reset(round()).await;
        }
        assert_eq!(in_time_wait(peer.port()), 0);
        round().await;
        assert_eq!(in_time_wait(peer.port()), 1);
    }

    /// The own clock also counts what this process did meanwhile, such as somebody else's handshake.
    #[tokio::test]
    async fn the_time_to_connect_is_the_kernels() {
        const BUSY: Duration = Duration::from_hours(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let dialled = connect(peer, Origin::default(), PATIENCE).await.unwrap().unwrap();
        assert_eq!(dialled.took.stamp, Stamp::Kernel);
        let late = TcpConnection::of(dialled.stream, BUSY).took;
        assert!(late.stamp == Stamp::Kernel && late.length < BUSY, "{late:?}");
    }

    #[tokio::test]
    async fn a_reset_in_answer_to_syn_is_evidence() {
        let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = held.local_addr().unwrap();
        drop(held);
        let refused = connect(peer, Origin::default(), PATIENCE).await.unwrap().err().unwrap();
        assert_eq!(refused, ConnectError::RefusedBy("RST from 127.0.0.1".to_owned()));
        assert_eq!(refused.word(), "refused");
    }
}
