//! The host a probe talks to, as far as a suite says.

use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use crate::model::interface::{Interface, address_and_zone, url_without_zone};
use crate::model::{Arg, Args, Choices as _, FieldInfo, FieldKind, FieldRole};
use crate::net::{IpVersion, Origin, endpoint};

/// A host a probe talks to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name in lower case without a final dot, or address; one of a link with the link.
    name: String,
    /// IP version used; that of the address or the source where there is one.
    version: IpVersion,
    /// Local address, where the check chooses it.
    source: Option<IpAddr>,
    /// Interface it is asked by, where the check chooses it.
    interface: Option<Interface>,
    /// The network namespace it is looked at from, where the check chooses it: elsewhere its address may be another host's.
    netns: Option<Arc<str>>,
}

impl Host {
    /// The host `name` as a suite writes it.
    #[must_use]
    pub fn new(name: &str, version: IpVersion, origin: Origin) -> Self {
        let (address, zone) = address_and_zone(name).unzip();
        let origin = Origin { zone: zone.flatten(), ..origin };
        let version = match address.or(origin.source) {
            Some(IpAddr::V4(_)) => IpVersion::V4,
            Some(IpAddr::V6(_)) => IpVersion::V6,
            None => version,
        };
        let name =
            address.map_or_else(|| name.trim_end_matches('.').to_ascii_lowercase(), |address| origin.label(address));
        let interface = address.map_or(origin.interface, |address| origin.device(address));
        Self { name, version, source: origin.source, interface, netns: None }
    }

    /// The same, looked at from a network namespace.
    #[must_use]
    pub fn within(self, netns: Option<&Arc<str>>) -> Self {
        Self { netns: netns.cloned(), ..self }
    }

    /// The hosts a check with these fields is about; none where it finds them itself.
    #[must_use]
    pub fn of_args(fields: &[FieldInfo], args: &Args) -> Vec<Self> {
        let of = |role| fields.iter().find(|field| field.has(role)).and_then(|field| args.0.get(field.name));
        let text = |role| match of(role) {
            Some(Arg::Text(text)) => Some(&**text),
            _ => None,
        };
        let version = text(FieldRole::IpVersion).and_then(IpVersion::of_word).unwrap_or(IpVersion::Any);
        let source = text(FieldRole::Source).and_then(|address| address.parse().ok());
        let interface = text(FieldRole::Interface).and_then(|name| Interface::parse(name).ok());
        let origin = Origin { source, interface, zone: None };
        let hosts = fields.iter().filter(|field| field.has(FieldRole::Host));
        let names = hosts.flat_map(|field| names(&field.kind, args.0.get(field.name)));
        names.map(|name| Self::new(&name, version, origin)).collect()
    }

    /// Why no packet can go there: addresses of two IP versions among the host, its `source` and the version asked for.
    #[must_use]
    pub fn conflict(fields: &[FieldInfo], args: &Args) -> Option<String> {
        let text = |role| {
            let field = fields.iter().find(|field| field.has(role))?;
            match args.0.get(field.name)? {
                Arg::Text(text) => Some((field.name, text)),
                _ => None,
            }
        };
        let mut sides: Vec<(IpVersion, String)> = Vec::new();
        let version = text(FieldRole::IpVersion);
        if let Some((name, word)) = version
            && let Some(version @ (IpVersion::V4 | IpVersion::V6)) = IpVersion::of_word(word)
        {
            sides.push((version, format!("`{name}: {word}`")));
        }
        if let Some((name, address)) = text(FieldRole::Source) {
            sides.extend(literal(address).map(|version| (version, format!("`{name}: {address}`"))));
        }
        // Hosts of both versions may stand side by side.
        let hosts = fields.iter().filter(|field| field.has(FieldRole::Host));
        let hosts = hosts.flat_map(|field| names(&field.kind, args.0.get(field.name)));
        let hosts = hosts.filter_map(|host| Some((literal(&host)?, host)));
        let (first, side) = sides.first()?;
        let mut others = sides.iter().skip(1).cloned().chain(hosts);
        let other = others.find(|(version, _)| version != first).map(|(_, other)| other);
        // Of several that only help, one that can be asked is enough; a name may lead to either version.
        let unreachable =
            |list: &Vec<String>| list.iter().all(|peer| literal(peer).is_some_and(|version| version != *first));
        let peers = || endpoints(fields, args).into_iter().find(unreachable)?.into_iter().next();
        let other = other.or_else(peers)?;
        Some(format!("{side} and {other} are of two IP versions: no packet can go there"))
    }

    /// Its name or address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is an address, and no name.
    #[must_use]
    pub fn is_address(&self) -> bool {
        literal(&self.name).is_some()
    }

    /// What it is called among the hosts of a run: its name, and the network namespace it is looked at from.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.netns {
            Some(netns) => format!("{} in netns {netns}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether an answer of this host may show that `other` can be reached: from the same network namespace, by the same interface and
    /// IP version, and for another host from the same local address. Which address of a name answered is known only when it did.
    #[must_use]
    pub fn vouches_for(&self, other: &Self) -> bool {
        let either = [self.version, other.version].contains(&IpVersion::Any);
        (either || self.version == other.version)
            && self.netns == other.netns
            && self.interface == other.interface
            && (self.is_same(other) || self.source == other.source)
    }

    /// Whether both have one name, wherever they are looked at from.
    #[must_use]
    pub fn has_name_of(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// Whether both are one host, as far as it is written.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.netns == other.netns
    }
}

/// The version of an address; `None` for a name.
fn literal(text: &str) -> Option<IpVersion> {
    let (address, _) = address_and_zone(text)?;
    Some(if address.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 })
}

/// Who is asked beside the hosts of a check (to compare with, parents, resolvers), list by list.
fn endpoints(fields: &[FieldInfo], args: &Args) -> Vec<Vec<String>> {
    let others = fields.iter().filter(|field| !field.has(FieldRole::Host));
    let written = others.filter_map(|field| Some((&field.kind, args.0.get(field.name)?)));
    let lists = written.flat_map(|(kind, arg)| match (kind, arg) {
        (FieldKind::Group(fields), Arg::Group(args)) => endpoints(fields, args),
        (FieldKind::Endpoint | FieldKind::List(FieldKind::Endpoint), _) => vec![names(kind, Some(arg))],
        (FieldKind::Map(item), Arg::Map(entries)) if matches!(item, FieldKind::List(FieldKind::Endpoint)) => {
            vec![entries.iter().flat_map(|(_, arg)| names(item, Some(arg))).collect()]
        }
        _ => Vec::new(),
    });
    lists.filter(|list| !list.is_empty()).collect()
}

fn names(kind: &FieldKind, arg: Option<&Arg>) -> Vec<String> {
    match (kind, arg) {
        (FieldKind::List(item), Some(Arg::List(items))) => {
            items.iter().flat_map(|arg| names(item, Some(arg))).collect()
        }
        (FieldKind::Url, Some(Arg::Text(text))) => {
            let Ok((bare, zone)) = url_without_zone(text) else { return Vec::new() };
            let host = Url::parse(&bare).ok().and_then(|url| url.host_str().map(str::to_owned));
            let host = host.map(|host| host.trim_matches(['[', ']']).to_owned());
            host.map(|host| zone.map_or(host.clone(), |zone| format!("{host}%{zone}"))).into_iter().collect()
        }
        // Any port will do where there is a default.
        (FieldKind::Endpoint, Some(Arg::Text(text))) => {
            endpoint::parse(text, Some(1)).map(|(host, _)| host).into_iter().collect()
        }
        (_, Some(Arg::Text(text))) => vec![text.clone().into_value()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, IpVersion, Origin, names};
    use crate::model::{Arg, FieldKind, Interface};

    fn host(name: &str, version: IpVersion, source: Option<&str>) -> Host {
        let source = source.map(|address| address.parse().unwrap());
        Host::new(name, version, Origin { source, ..Origin::default() })
    }

    #[test]
    fn the_same_host_vouches_by_the_same_ip_version() {
        let any = |name| host(name, IpVersion::Any, None);
        assert!(any("WWW.example.").vouches_for(&any("www.example")));
        assert!(any("www.example").vouches_for(&host("www.example", IpVersion::V6, None)), "it may use IPv6");
        assert!(!host("www.example", IpVersion::V4, None).vouches_for(&host("www.example", IpVersion::V6, None)));
        assert!(any("192.0.2.1").vouches_for(&host("192.0.2.1", IpVersion::V4, None)), "a literal has one version");
        assert!(any("2001:db8::1").is_same(&any("2001:DB8:0::1")), "addresses by value");
    }

    #[test]
    fn another_host_vouches_from_the_same_source() {
        let from = |name, source| host(name, IpVersion::Any, source);
        assert!(from("gate", None).vouches_for(&from("lonely", None)));
        assert!(from("gate", Some("10.0.0.1")).vouches_for(&from("lonely", Some("10.0.0.1"))));
        assert!(!from("gate", None).vouches_for(&from("lonely", Some("10.0.0.1"))));
        assert!(!from("192.0.2.1", None).vouches_for(&from("2001:db8::1", None)), "IPv4 says nothing of IPv6");
    }

    #[test]
    fn a_host_of_a_link_is_one_with_its_link() {
        let by = |name, interface: Option<&str>| {
            let interface = interface.map(|name| Interface::parse(name).unwrap());
            Host::new(name, IpVersion::Any, Origin { interface, ..Origin::default() })
        };
        let zoned = by("fe80::1%eth0", None);
        assert_eq!(zoned.label(), "fe80::1%eth0");
        assert!(zoned.is_same(&by("fe80:0::1", Some("eth0"))) && zoned.vouches_for(&by("fe80::1", Some("eth0"))));
        assert!(!zoned.is_same(&by("fe80::1%eth1", None)), "another host on another link");
        assert!(zoned.vouches_for(&by("fe80::2%eth0", None)) && !zoned.vouches_for(&by("fe80::2%eth1", None)));
        assert!(by("gate", Some("eth0")).is_same(&by("gate", None)), "one host, whatever it is asked by");
        assert!(!by("gate", Some("eth0")).vouches_for(&by("gate", None)), "the other way may be cut");
        let url = Arg::Text("http://[fe80::1%25eth0]:80/".into());
        assert_eq!(names(&FieldKind::Url, Some(&url)), ["fe80::1%eth0"]);
    }

    #[test]
    fn another_network_namespace_is_another_network() {
        let within =
            |name, netns: Option<&str>| host(name, IpVersion::Any, None).within(netns.map(Into::into).as_ref());
        assert!(within("192.0.2.1", Some("a")).is_same(&within("192.0.2.1", Some("a"))));
        assert!(!within("192.0.2.1", Some("a")).is_same(&within("192.0.2.1", Some("b"))));
        assert!(!within("192.0.2.1", Some("a")).is_same(&within("192.0.2.1", None)));
        for (one, other, vouches) in
            [(Some("a"), Some("a"), true), (Some("a"), Some("b"), false), (None, Some("a"), false)]
        {
            assert_eq!(within("gate", one).vouches_for(&within("lonely", other)), vouches, "{one:?} {other:?}");
            assert_eq!(within("192.0.2.1", one).vouches_for(&within("192.0.2.1", other)), vouches, "{one:?} {other:?}");
        }
        assert_eq!(within("gate", Some("a")).label(), "gate in netns a");
    }
}
