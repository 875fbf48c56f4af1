//! Where a check goes: host, port, IP version, source and patience, read and resolved alike in every family.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::model::argument::Argument;
use crate::model::interface::{Interface, address_and_zone, is_link_local};
use crate::model::text::MASK;
use crate::model::{Args, Field, FieldKind, FieldRole, Invalid, Text};
use crate::net::dial::{self, TcpConnection};
use crate::net::{Addresses, IpVersion, Origin, connect, endpoint, resolve};
use crate::probe::EarlyEnd;

/// Field `ip_version` of every family that resolves a name.
pub const IP_VERSION: Field<IpVersion> =
    Field::choice("ip_version", "any", "Which addresses of the name to use: IPv4, IPv6 or any.")
        .role(FieldRole::IpVersion);
/// Field `source` of every family that chooses the local address.
pub const SOURCE: Field<Option<IpAddr>> = Field::optional(
    "source",
    FieldKind::Address,
    "Local address to send from; its IP version decides that of the target.",
)
.role(FieldRole::Source);

/// Field `interface` of every family that sends something.
pub const INTERFACE: Field<Option<Text>> =
    Field::optional("interface", FieldKind::Text, "Interface to send by, in the check's network namespace.")
        .role(FieldRole::Interface);

/// A host, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name or address, as the suite writes it.
    pub host: Text,
    /// Port; 0 where the protocol has none.
    pub port: u16,
    /// Which addresses of the name are used.
    pub version: IpVersion,
    /// Where packets leave from.
    pub origin: Origin,
    /// How long to wait for an unresponsive peer, in each phase.
    pub timeout: Duration,
}

impl Target {
    /// A target with the fields [`IP_VERSION`], [`SOURCE`] and [`INTERFACE`] of `args`.
    pub fn from_args(args: &Args, host: Text, port: u16, timeout: Duration) -> Result<Self, Invalid> {
        let (version, origin) = version_and_origin(args, std::iter::once(&*host))?;
        Ok(Self { host, port, version, origin, timeout })
    }

    /// Its address, where the suite writes one.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        address_and_zone(&self.host).map(|(address, _)| address)
    }

    /// `host:port` for people, or the host alone where there is no port.
    #[must_use]
    pub fn label(&self) -> String {
        if self.port == 0 { self.host.to_string() } else { dial::endpoint(self.host.shown(), self.port) }
    }

    /// `address` with the port.
    #[must_use]
    pub fn socket(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.port)
    }

    /// Every address of the host, at least one, and whether these are all; otherwise `unresolved`. Nothing is asked where this host
    /// has no such interface.
    pub async fn addresses(&self) -> Result<Addresses, EarlyEnd> {
        self.origin.check()?;
        let found = resolve(&self.host, self.version, self.timeout).await?;
        found.map_err(|why| EarlyEnd::outcome("unresolved", why))
    }

    /// The first address of the host.
    pub async fn address(&self) -> Result<IpAddr, EarlyEnd> {
        let first = self.addresses().await?.list.first().copied();
        first.ok_or_else(|| EarlyEnd::outcome("unresolved", format!("{} has no address", self.host)))
    }

    /// A TCP connection to one address of the host.
    pub async fn connect(&self, address: IpAddr) -> Result<TcpConnection, EarlyEnd> {
        let peer = self.socket(address);
        connect(peer, self.origin, self.timeout)
            .await?
            .map_err(|error| EarlyEnd::outcome(error.word(), error.sentence(peer, self.timeout)))
    }
}

/// The IP version of [`IP_VERSION`] and [`SOURCE`]: a packet cannot leave from an address of the other one, so the source narrows it.
pub fn version(args: &Args) -> Result<IpVersion, Invalid> {
    let (asked, source) = (args.get(&IP_VERSION), args.get(&SOURCE));
    match source {
        None => Ok(asked),
        Some(address) if !asked.admits(address) => Err(SOURCE.invalid(
            format!("{address} is not an address of the IP version asked for"),
            "leave `ip_version` out, or give a source of that IP version",
        )),
        Some(IpAddr::V4(_)) => Ok(IpVersion::V4),
        Some(IpAddr::V6(_)) => Ok(IpVersion::V6),
    }
}

/// The IP version, and the local end of [`SOURCE`], [`INTERFACE`] and the zone behind hosts. Hosts of a link must name one, and all
/// the same.
pub fn version_and_origin<'h>(
    args: &Args,
    hosts: impl Iterator<Item = &'h str>,
) -> Result<(IpVersion, Origin), Invalid> {
    let version = version(args)?;
    let interface = args.get(&INTERFACE);
    if interface.as_ref().is_some_and(Text::holds_secret) {
        return Err(INTERFACE.invalid("`interface` holds a secret", "write its name: it is told where it is not there"));
    }
    let interface = interface.map(|name| Interface::parse(&name)).transpose();
    let interface = interface.map_err(|why| INTERFACE.invalid(why, "write its name, as `ip link` shows it"))?;
    let source = args.get(&SOURCE);
    let origin = origin(source, interface, hosts).map_err(|(message, help)| {
        let is_of_source = source.is_some_and(|source| message == no_link(source).0);
        if is_of_source { SOURCE.invalid(message, help) } else { INTERFACE.invalid(message, help) }
    });
    Ok((version, origin?))
}

/// The local end of what goes to `hosts`; `Err` is a message, and what to write.
pub fn origin<'h>(
    source: Option<IpAddr>,
    interface: Option<Interface>,
    hosts: impl Iterator<Item = &'h str>,
) -> Result<Origin, (String, String)> {
    let mut zone = None;
    for (address, own) in hosts.filter_map(address_and_zone).filter(|(address, _)| is_link_local(*address)) {
        let Some(link) = own.or(interface) else { return Err(no_link(address)) };
        if let Some(other) = interface.or(zone).filter(|other| *other != link) {
            let message = format!("{other} and {link} are two links, and a check asks by one");
            return Err((message, "write a check for each, or a `matrix` of them".to_owned()));
        }
        zone = own.or(zone);
    }
    match source.filter(|source| is_link_local(*source) && interface.or(zone).is_none()) {
        Some(source) => Err(no_link(source)),
        None => Ok(Origin { source, interface, zone }),
    }
}

fn no_link(address: IpAddr) -> (String, String) {
    (
        format!("{address} means another host on every link, and no link is named"),
        format!("write `{address}%eth0`, or `interface: eth0` beside it; `ip link` shows the names"),
    )
}

/// Host and port of a field of kind `Endpoint`; the port may be left out when there is a default.
/// IPv6 addresses stand in brackets, or bare when no port follows.
pub fn host_and_port(args: &Args, field: &Field<Text>, default: Option<u16>) -> Result<(Text, u16), Invalid> {
    endpoint_in(field, &args.get(field), default)
}

/// Host and port of `text`, which stands in `field`.
pub fn endpoint_in<T: Argument>(field: &Field<T>, text: &Text, default: Option<u16>) -> Result<(Text, u16), Invalid> {
    let (host, port) = endpoint::parse(text, default).map_err(|why| field.invalid(why.message, why.help))?;
    let shown = text.holds_secret().then(|| endpoint::parse(text.shown(), Some(port)).map(|(host, _)| host));
    let shown = shown.map(|shown| shown.unwrap_or_else(|_| MASK.to_owned()));
    Ok((Text::new(host, shown.as_deref()), port))
}

#[cfg(test)]
mod tests {
    use super::{Origin, origin, version_and_origin};
    use crate::model::{Arg, Interface, Text};
    use crate::testing;

    fn of(source: Option<&str>, interface: Option<&str>, hosts: &[&str]) -> Result<Origin, String> {
        let interface = interface.map(|name| Interface::parse(name).unwrap());
        origin(source.map(|text| text.parse().unwrap()), interface, hosts.iter().copied())
            .map_err(|(message, _)| message)
    }

    #[test]
    fn an_interface_is_no_secret() {
        let name = |shown| [("interface", Arg::Text(Text::new("eth0", shown)))];
        let of = |shown| version_and_origin(&testing::args(name(shown), &[]), std::iter::once("192.0.2.1"));
        assert!(of(None).is_ok());
        assert_eq!(of(Some("***")).unwrap_err().message, "`interface` holds a secret");
    }

    #[test]
    fn hosts_of_a_link_name_one_and_all_the_same() {
        let zone = |origin: Result<Origin, String>| origin.unwrap().zone.map(|zone| zone.to_string());
        assert_eq!(zone(of(None, None, &["192.0.2.1", "fe80::1%eth0", "[fe80::2%eth0]"])).as_deref(), Some("eth0"));
        assert_eq!(zone(of(None, Some("eth0"), &["fe80::1", "fe80::2%eth0"])).as_deref(), Some("eth0"));
        assert_eq!(zone(of(None, None, &["router.test", "2001:db8::1"])), None);
        for (interface, hosts) in [(None, &["fe80::1"][..]), (None, &["fe80::1%eth0", "fe80::2"][..])] {
            assert!(of(None, interface, hosts).unwrap_err().contains("no link is named"), "{hosts:?}");
        }
        for (interface, hosts) in [(None, &["fe80::1%eth0", "fe80::1%eth1"][..]), (Some("eth1"), &["fe80::1%eth0"][..])]
        {
            assert!(of(None, interface, hosts).unwrap_err().contains("are two links"), "{hosts:?}");
        }
        assert!(of(Some("fe80::2"), None, &["router.test"]).unwrap_err().contains("no link is named"));
        assert!(of(Some("fe80::2"), None, &["fe80::1%eth0"]).is_ok());
        assert!(of(Some("fe80::2"), Some("eth0"), &["router.test"]).is_ok());
    }
}
