//! Where packets of a check leave this host: a local address, an interface, and the zone of link-local addresses.
//!
//! A socket is bound to the interface (`SO_BINDTODEVICE`, which Linux allows to everybody since 5.7), so that an address is never more
//! than an address: what a packet is sent to, what a reply comes from and what tables are keyed by compare as such.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use nix::net::if_::{if_indextoname, if_nametoindex};
use socket2::{Domain, SockRef, Socket, Type};

use crate::model::Fault;
use crate::model::interface::{Interface, is_link_local};
use crate::model::shell::command;

/// Why a link-local address alone leads nowhere.
pub const NO_LINK: &str = "a link-local address means another host on every link, and no link is named";

/// The local end of what a check sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Local address.
    pub source: Option<IpAddr>,
    /// The interface that everything leaves by, and answers come in by.
    pub interface: Option<Interface>,
    /// The interface of link-local addresses alone: the zone that stands behind them.
    pub zone: Option<Interface>,
}

/// Addresses that one socket serves: those of a link have an interface of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// IPv4.
    V4,
    /// IPv6 but those of a link.
    V6,
    /// IPv6 of a link.
    LinkLocal,
}

impl AddressClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::V4, Self::V6, Self::LinkLocal];

    /// That of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) if is_link_local(address) => Self::LinkLocal,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Each class that there is among `addresses`, with the first address of it.
    pub fn among(addresses: &[IpAddr]) -> impl Iterator<Item = (Self, IpAddr)> {
        Self::ALL.into_iter().filter_map(|class| {
            let first = addresses.iter().copied().find(|address| Self::of(*address) == class)?;
            Some((class, first))
        })
    }
}

impl Origin {
    /// The interface that a socket for `peer` is bound to.
    #[must_use]
    pub fn device(&self, peer: IpAddr) -> Option<Interface> {
        self.interface.or(self.zone.filter(|_| is_link_local(peer)))
    }

    /// Binds a socket for `peer` to its interface, where it has one; before any other address is bound. A peer of a link must have
    /// one: else the kernel refuses some packets, and sends others by a link of its own choice.
    pub fn bind_device(&self, socket: &impl AsFd, peer: IpAddr) -> io::Result<()> {
        match self.device(peer) {
            Some(interface) => bind_device(socket, interface),
            None if is_link_local(peer) => Err(io::Error::new(io::ErrorKind::InvalidInput, NO_LINK)),
            None => Ok(()),
        }
    }

    /// Binds a socket for `peer` to its interface and its local address, where it has them, and to a port; zero leaves that to the
    /// kernel.
    pub fn bind(&self, socket: &impl AsFd, peer: IpAddr, port: u16) -> io::Result<()> {
        self.bind_device(socket, peer)?;
        if self.source.is_none() && port == 0 {
            return Ok(());
        }
        SockRef::from(socket).bind(&SocketAddr::new(self.address(peer), port).into())
    }

    /// What is tried when a socket is bound, for faults; `else_to` where no local address was chosen.
    #[must_use]
    pub fn binding(&self, else_to: &str) -> String {
        self.source.map_or_else(|| else_to.to_owned(), |source| format!("bind to source {source}"))
    }

    /// The local address for packets to `peer`: unspecified where the kernel chooses it.
    #[must_use]
    pub fn address(&self, peer: IpAddr) -> IpAddr {
        let any = if peer.is_ipv6() { IpAddr::from([0_u16; 8]) } else { IpAddr::from([0_u8; 4]) };
        self.source.unwrap_or(any)
    }

    /// `address` for people and for commands: one of a link with the link.
    #[must_use]
    pub fn label(&self, address: IpAddr) -> String {
        match self.device(address).filter(|_| is_link_local(address)) {
            Some(interface) => format!("{address}%{interface}"),
            None => address.to_string(),
        }
    }

    /// The name of the interface of packets to `peer`, also where it is written as a number.
    #[must_use]
    pub fn device_name(&self, peer: IpAddr) -> Option<String> {
        let interface = self.device(peer)?;
        if if_nametoindex(interface.name()).is_ok() {
            return Some(interface.name().to_owned());
        }
        name_of(interface.index()?)
    }

    /// The command that shows which way packets to `peer` leave.
    #[must_use]
    pub fn route_command(&self, peer: IpAddr) -> String {
        let by = self.device_name(peer).map(|name| format!(" oif {name}")).unwrap_or_default();
        command(&format!("ip route get {peer}{by}"))
    }

    /// Whether this host has the interfaces, in the network namespace of the calling thread.
    pub fn check(&self) -> Result<(), Fault> {
        [self.interface, self.zone].into_iter().flatten().try_for_each(|interface| {
            let bound = Socket::new(Domain::IPV6, Type::DGRAM, None)
                .or_else(|_| Socket::new(Domain::IPV4, Type::DGRAM, None))
                .and_then(|socket| bind_device(&socket, interface));
            bound.map_err(|error| unbound(interface, &error))
        })
    }
}

#[cfg(not(target_os = "linux"))]
fn bind_device(_: &impl AsFd, _: Interface) -> io::Result<()> {
    Err(io::Error::other("this system binds no socket to an interface"))
}

#[cfg(target_os = "linux")]
fn bind_device(socket: &impl AsFd, interface: Interface) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let bound = socket.bind_device(Some(interface.name().as_bytes()));
    match (&bound, interface.index()) {
        (Err(error), Some(index)) if error.raw_os_error() == Some(libc::ENODEV) => {
            let name = name_of(index).ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
            socket.bind_device(Some(name.as_bytes()))
        }
        _ => bound,
    }
}

/// The name of the interface with this number. The library gives an empty one where there is none, and to be bound to that is to be
/// bound to nothing.
fn name_of(index: u32) -> Option<String> {
    if_indextoname(index).ok()?.into_string().ok().filter(|name| !name.is_empty())
}

fn unbound(interface: Interface, error: &io::Error) -> Fault {
    let shown = command("ip link");
    let (why, remedy) = match error.raw_os_error() {
        Some(libc::ENODEV) => ("this host has no such interface".to_owned(), format!("see which there are: {shown}")),
        Some(libc::EPERM) => (
            "this process may not choose an interface, which takes the capability CAP_NET_RAW before Linux 5.7"
                .to_owned(),
            format!("give it to the binary: {}", command("setcap cap_net_raw+ep shakedown")),
        ),
        _ => (error.to_string(), "see the system's message".to_owned()),
    };
    Fault::local(format!("send by the interface {interface}"), "this host", why, remedy)
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::{NO_LINK, Origin};
    use crate::model::interface::Interface;

    fn by(interface: Option<&str>, zone: Option<&str>) -> Origin {
        let parse = |name: &str| Interface::parse(name).unwrap();
        Origin { source: None, interface: interface.map(parse), zone: zone.map(parse) }
    }

    /// A datagram would leave by whichever link the kernel likes.
    #[test]
    fn a_peer_of_a_link_needs_one() {
        let (near, far) = ("fe80::1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
        assert_eq!(by(None, None).bind_device(&socket, near).unwrap_err().to_string(), NO_LINK);
        assert!(by(None, None).bind_device(&socket, far).is_ok());
    }

    #[test]
    fn a_zone_is_of_link_local_addresses_alone() {
        let (near, far) = ("fe80::1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let device = |origin: Origin, peer| origin.device(peer).map(|interface| interface.to_string());
        assert_eq!(device(by(None, Some("eth0")), near).as_deref(), Some("eth0"));
        assert_eq!(device(by(None, Some("eth0")), far), None);
        assert_eq!(device(by(Some("eth1"), None), far).as_deref(), Some("eth1"));
        assert_eq!(device(by(None, None), near), None);
        assert_eq!(by(None, Some("eth0")).label(near), "fe80::1%eth0");
        assert_eq!(by(Some("eth0"), None).label(near), "fe80::1%eth0");
        assert_eq!(by(Some("eth0"), None).label(far), "2001:db8::1");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_is_bound_to_its_interface_by_name_and_by_number() {
        let peer = "127.0.0.1".parse().unwrap();
        let bound = |name: &str| {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
            by(Some(name), None).bind(&socket, peer, 0).map(|()| socket.device().unwrap())
        };
        let lo = Some(b"lo".to_vec());
        assert_eq!((bound("lo").unwrap(), bound("1").unwrap()), (lo.clone(), lo));
        assert_eq!(bound("no-such-if").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        assert_eq!(bound("4294967").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        assert_eq!(by(Some("1"), None).device_name(peer).as_deref(), Some("lo"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_interface_that_is_not_there_is_this_hosts_own_lack() {
        assert_eq!(by(Some("lo"), Some("1")).check(), Ok(()));
        let fault = by(None, Some("no-such-if")).check().unwrap_err();
        assert!(fault.detail.contains("no such interface") && fault.remedy.contains("ip link"), "{fault:?}");
    }
}
