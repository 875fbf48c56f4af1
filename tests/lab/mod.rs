//! A path with known faults: two links and, between them, a forwarder in user space that delays, drops, doubles and holds back
//! what it is told to, and says afterwards exactly what it did. The truth that measurements are held against.
//!
//! It works on packet sockets, whose frames bear the kernel's time of arrival, so what it measures itself does not depend on when it
//! got its turn. Requests (client to target) meet the faults; what comes back passes at once.

mod did;
mod forward;
mod packet;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl::set_timerslack;
use nix::sys::socket::bind;
use nix::unistd::gettid;
use shakedown::net::sys::mmsg;
use socket2::{Domain, Protocol, Socket, Type};
use std::os::fd::AsRawFd as _;

pub use did::Did;
use forward::Forwarder;

/// The target's address, and that of the router that reports what is too big.
pub const TARGET: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 2);
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 9);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 1);
pub const TARGET_V6: Ipv6Addr = Ipv6Addr::new(0xfd91, 0, 0, 0, 0, 0, 0, 2);
pub const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd91, 0, 0, 0, 0, 0, 0, 9);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd91, 0, 0, 0, 0, 0, 0, 1);
/// Hardware addresses, so that nobody has to ask for them.
const CLIENT_MAC: &str = "02:00:00:00:91:01";
const TARGET_MAC: &str = "02:00:00:00:91:02";
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Bytes of frames that wait to be read.
const BUFFER: usize = 4 << 20;

/// What happens to requests.
#[derive(Clone, Debug)]
pub struct Faults {
    pub delay: Duration,
    /// Up to so much more, evenly spread.
    pub jitter: Duration,
    /// Share that is dropped, by chance.
    pub loss: f64,
    /// Requests that are dropped, by their numbers from 0.
    pub outage: Range<u64>,
    /// Every so many is sent twice; 0 for none.
    pub duplicate_every: u64,
    /// Every so many is held back for `hold`; 0 for none.
    pub hold_every: u64,
    pub hold: Duration,
    /// Bit/s of IP packets, one after the other.
    pub rate: f64,
    /// Longest IP packet that passes.
    pub mtu: usize,
    /// Whether a router says so of what is longer.
    pub reports: bool,
    /// DSCP that a router gives all packets.
    pub dscp: Option<u8>,
    /// The path carries IPv6 and nothing else.
    pub is_ipv6: bool,
    /// Chooses what chance decides.
    pub seed: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            outage: 0..0,
            duplicate_every: 0,
            hold_every: 0,
            hold: Duration::ZERO,
            rate: f64::INFINITY,
            mtu: usize::MAX,
            reports: false,
            dscp: None,
            is_ipv6: false,
            seed: 1,
        }
    }
}

/// A forwarder at work.
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Did>>,
}

/// Joins three namespaces, by their names: the first reaches [`TARGET`] in the last, through the forwarder in the one between.
pub fn connect(client: &str, between: &str, target: &str, mtu: usize) {
    let ip = |inside: &str, words: &str| {
        let output = Command::new("ip").args(["-n", inside]).args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for (inside, own, far, mac, other, address, peer) in [
        (client, "c0", "near", CLIENT_MAC, TARGET_MAC, (CLIENT, CLIENT_V6), (TARGET, TARGET_V6)),
        (target, "t0", "far", TARGET_MAC, CLIENT_MAC, (TARGET, TARGET_V6), (CLIENT, CLIENT_V6)),
    ] {
        ip(
            inside,
            &format!("link add {own} address {mac} mtu {mtu} type veth peer name {far} mtu {mtu} netns {between}"),
        );
        ip(inside, "link set lo up");
        ip(inside, &format!("address add {}/24 dev {own}", address.0));
        ip(inside, &format!("-6 address add {}/64 dev {own} nodad", address.1));
        ip(inside, &format!("link set {own} up"));
        ip(between, &format!("link set dev {far} up"));
        for peer in [IpAddr::from(peer.0), peer.1.into(), ROUTER.into(), ROUTER_V6.into()] {
            ip(inside, &format!("neigh replace {peer} lladdr {other} dev {own} nud permanent"));
        }
    }
}

/// Starts the forwarder of [`connect`]. Its thread has real-time priority where it may, so that a busy machine does not make its delays
/// longer than they should be.
pub fn start(between: &str, faults: Faults) -> Running {
    let namespace = File::open(PathBuf::from("/run/netns").join(between)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (ready, started) = std::sync::mpsc::channel();
    let own = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        let ends = ["near", "far"].map(|interface| end(interface, faults.is_ipv6));
        let _ = set_timerslack(1);
        let own_thread = gettid().to_string();
        let _ = Command::new("chrt").args(["--fifo", "--pid", "10", &own_thread]).output();
        ready.send(()).unwrap();
        Forwarder::new(faults, ends).run(&own)
    });
    started.recv().unwrap();
    Running { stop, thread: Some(thread) }
}

impl Running {
    /// Ends it; what it did.
    pub fn end(mut self) -> Did {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A packet socket for the packets of one IP version that arrive on an interface, and for any frame to send there.
fn end(interface: &str, is_ipv6: bool) -> Socket {
    let ethertype = if is_ipv6 { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 };
    let protocol = i32::from(ethertype.to_be());
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(protocol))).unwrap();
    let found = getifaddrs().unwrap().find_map(|entry| {
        let address = entry.address.filter(|_| entry.interface_name == interface)?;
        address.as_link_addr().copied()
    });
    bind(socket.as_raw_fd(), &found.unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    mmsg::prepare(&socket, BUFFER).unwrap();
    socket
}
