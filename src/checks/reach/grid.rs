//! From `from`, `to`, `ports` and `allow` to the cells: every source, every port, every destination.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::fields::{
    ADDRESS, AGENT, ALLOW, ALLOW_FILE, FROM, HOST, INTERFACE, NAME, NETNS, NETWORK_POLICIES, POD, PORTS, Protocol,
    ROW_FROM, ROW_PORTS, ROW_PROTOCOL, ROW_TO, TO, TO_NAME, TO_POD,
};
use super::pods::{self, GridEndpoints};
use super::policy_file;
use crate::checks::shared::target::{self, IP_VERSION};
use crate::model::interface::{Interface, address_and_zone};
use crate::model::{Arg, Args, Choices as _, Field, GridCell, Invalid, PortSet, Text};
use crate::net::{Origin, netns};
use crate::probe::{Host, PlannedCell};

/// Most cells of a check.
const MOST_CELLS: usize = 10_000;
/// Means every one of them.
const ANY: [&str; 2] = ["any", "*"];
/// How this host itself is called.
pub(super) const SELF: &str = "self";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) address: Option<IpAddr>,
    pub(super) interface: Option<Interface>,
    pub(super) netns: Option<String>,
    /// The pod of a cluster that it is.
    pub(super) pod: Option<String>,
}

/// Whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) name: String,
    /// Name or address; empty as long as only the pod is known.
    pub(super) host: String,
    /// The pod of a cluster that it is.
    pub(super) pod: Option<String>,
}

/// A protocol and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    pub(super) protocol: Protocol,
    pub(super) number: u16,
}

impl Port {
    pub(super) fn label(self) -> String {
        format!("{}/{}", self.protocol.word(), self.number)
    }
}

/// The cells of a check.
pub(super) fn cells(args: &Args) -> Result<Vec<PlannedCell>, Invalid> {
    let mut sources = sources(args)?;
    let mut destinations = destinations(args)?;
    let ports = ports(args)?;
    let count = sources.len().saturating_mul(destinations.len()).saturating_mul(ports.len());
    if count > MOST_CELLS {
        let message = format!("these are {count} cells, and a check has at most {MOST_CELLS}");
        return Err(PORTS.invalid(message, "write fewer ports or hosts, or several checks"));
    }
    let cluster = pods::cluster(args, &sources, &destinations)?;
    let table = match &cluster {
        Some(cluster) => ExpectedCells::Policies(GridEndpoints::of(cluster, args, &mut sources, &mut destinations)?),
        None => {
            let axes = GridAxes { sources: &sources, destinations: &destinations, ports: &ports };
            ExpectedCells::Rows(axes.allowed(args)?)
        }
    };
    let version = args.get(&IP_VERSION);
    let (from, to) = (entries(args, &FROM), entries(args, &TO));
    let mut out = Vec::with_capacity(count);
    for (at_from, source) in sources.iter().enumerate() {
        for port in &ports {
            for (at_to, destination) in destinations.iter().enumerate() {
                other_version(source, &destination.host)?;
                let origin = origin(source, &destination.host)?;
                let (allowed, policy) = table.says(at_from, at_to, *port)?;
                let (name, host) = (destination.name.clone(), &destination.host);
                let cell = GridCell { from: source.name.clone(), to: name, port: port.label(), allowed, policy };
                let own_from = from.get(at_from).cloned().map(|entry| pods::pinned_source(entry, source));
                let own_to = to.get(at_to).cloned().map(|entry| pods::pinned_destination(entry, destination));
                let mut own = args.clone();
                own.0.insert(FROM.name(), Arg::List(own_from.into_iter().collect()));
                own.0.insert(TO.name(), Arg::List(own_to.into_iter().collect()));
                own.0.insert(PORTS.name(), Arg::List(vec![Arg::Text(port.label().into())]));
                for field in [NETWORK_POLICIES.name(), ALLOW_FILE.name(), ALLOW.name()] {
                    own.0.remove(field);
                }
                if cell.allowed {
                    own.0.insert(ALLOW.name(), Arg::List(vec![Arg::Group(row(&cell))]));
                }
                let netns = source.netns.clone();
                let host = Host::new(host, version, origin);
                out.push(PlannedCell { cell, args: own, netns, host });
            }
        }
    }
    Ok(out)
}

/// What is to hold: the cells that rows allow, by the places of source and destination, or the policies of a cluster.
enum ExpectedCells<'c> {
    Rows(BTreeSet<(usize, usize, Port)>),
    Policies(GridEndpoints<'c>),
}

impl ExpectedCells<'_> {
    /// Whether a cell is allowed, and which policies say so.
    fn says(&self, at_from: usize, at_to: usize, port: Port) -> Result<(bool, Option<String>), Invalid> {
        match self {
            Self::Rows(allowed) => Ok((allowed.contains(&(at_from, at_to, port)), None)),
            Self::Policies(parties) => {
                parties.ruling(at_from, at_to, port).map(|ruling| (ruling.allowed, Some(ruling.policy)))
            }
        }
    }
}

/// The row of `allow` of one cell.
fn row(cell: &GridCell) -> Args {
    let one = |text: &str| Arg::List(vec![Arg::Text(text.into())]);
    let written =
        [(ROW_FROM.name(), one(&cell.from)), (ROW_TO.name(), one(&cell.to)), (ROW_PORTS.name(), one(&cell.port))];
    Args(written.into_iter().collect())
}

fn entries(args: &Args, field: &Field<Vec<Args>>) -> Vec<Arg> {
    match args.0.get(field.name()) {
        Some(Arg::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

/// Who asks, in the order written.
pub(super) fn sources(args: &Args) -> Result<Vec<Source>, Invalid> {
    let mut out: Vec<Source> = Vec::new();
    for entry in args.get(&FROM) {
        let source = source(&entry)?;
        means_all(&FROM, &source.name)?;
        if out.iter().any(|other| other.name == source.name) {
            let message = format!("`{}` stands twice in `from`", source.name);
            return Err(FROM.invalid(message, "give each a name of its own: `{name: NAME, source: ADDRESS}`"));
        }
        out.push(source);
    }
    if out.is_empty() {
        return Err(FROM.invalid("`from` is empty", "write who asks: `from: [self]`"));
    }
    Ok(out)
}

fn source(entry: &Args) -> Result<Source, Invalid> {
    let (name, address, netns, pod) = (entry.get(&NAME), entry.get(&ADDRESS), entry.get(&NETNS), entry.get(&POD));
    let interface = entry.get(&INTERFACE);
    let agent = address.as_deref().is_some_and(|text| text == AGENT.name() || text.starts_with("agent:"));
    if agent || entry.given(&AGENT) {
        let help = "write `self`, an address of this host, or `{name: NAME, netns: NAMESPACE}`; run the suite where the others are";
        return Err(FROM.invalid("`agent` is reserved: other hosts cannot ask yet", help));
    }
    let written = [&name, &address, &interface, &netns, &pod].into_iter().flatten();
    public(&FROM, written)?;
    if let (Some(pod), Some(_)) = (&pod, &address) {
        return Err(FROM.invalid(format!("`pod: {pod}` sends from its own address"), "leave `source` out"));
    }
    let address_text = address.as_deref().filter(|text| *text != SELF).map(str::to_owned);
    let parsed: Option<IpAddr> = match &address_text {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            let help = "write `self`, an address of this host, or `{name: NAME, netns: NAMESPACE}`";
            FROM.invalid(format!("`{text}` in `from` is no address"), help)
        })?),
    };
    if let Some(text) = netns.as_deref().filter(|text| !netns::is_name(text)) {
        let message = format!("`{text}` is no name of a network namespace");
        return Err(FROM.invalid(message, "write its name, as `ip netns list` shows it"));
    }
    let parse =
        |text: &Text| Interface::parse(text).map_err(|why| FROM.invalid(why, "write its name, as `ip link` shows it"));
    let named = name.as_deref().map(str::to_owned);
    let (netns, pod) = (netns.as_deref().map(str::to_owned), pod.map(Text::into_value));
    let own = named.or_else(|| pod.clone()).or_else(|| netns.clone()).or(address_text);
    let own = own.or_else(|| interface.as_deref().map(str::to_owned));
    Ok(Source {
        interface: interface.as_ref().map(parse).transpose()?,
        name: own.unwrap_or_else(|| SELF.to_owned()),
        address: parsed,
        netns,
        pod,
    })
}

/// A row that names one of these would allow all.
fn means_all(field: &Field<Vec<Args>>, name: &str) -> Result<(), Invalid> {
    if ANY.contains(&name) {
        let message = format!("`{name}` in `{}` is no name: in `allow` it stands for all of them", field.name());
        return Err(field.invalid(message, "give it another name"));
    }
    Ok(())
}

/// Names stand in ids.
fn public<'t>(field: &Field<Vec<Args>>, mut texts: impl Iterator<Item = &'t Text>) -> Result<(), Invalid> {
    if texts.any(Text::holds_secret) {
        let message = format!("`{}` holds a secret", field.name());
        return Err(field.invalid(message, "it would be part of the ids of cases"));
    }
    Ok(())
}

/// Whom, in the order written.
pub(super) fn destinations(args: &Args) -> Result<Vec<Destination>, Invalid> {
    let mut out: Vec<Destination> = Vec::new();
    for entry in args.get(&TO) {
        let (name, host, pod) = (entry.get(&TO_NAME), entry.get(&HOST), entry.get(&TO_POD));
        public(&TO, name.iter().chain(&host).chain(&pod))?;
        let own = match (&host, &pod) {
            (Some(one), None) | (None, Some(one)) => one.to_string(),
            _ => {
                let has = if host.is_none() { "neither `host` nor `pod`" } else { "both `host` and `pod`" };
                let message = format!("an entry of `to` has {has}");
                return Err(TO.invalid(message, "write one of them: `{name: NAME, host: HOST}`"));
            }
        };
        let name = name.map_or(own, Text::into_value);
        means_all(&TO, &name)?;
        if out.iter().any(|other| other.name == name) {
            let message = format!("`{name}` stands twice in `to`");
            return Err(TO.invalid(message, "give each a name of its own: `{name: NAME, host: HOST}`"));
        }
        let host = host.map(Text::into_value).unwrap_or_default();
        out.push(Destination { name, host, pod: pod.map(Text::into_value) });
    }
    if out.is_empty() {
        return Err(TO.invalid("`to` is empty", "write whom: `to: [192.0.2.10]`"));
    }
    Ok(out)
}

/// The ports, each once.
pub(super) fn ports(args: &Args) -> Result<Vec<Port>, Invalid> {
    let mut out: Vec<Port> = Vec::new();
    for text in args.get(&PORTS) {
        for port in some_ports(&text, Protocol::Tcp).map_err(|why| PORTS.invalid(why, PORT_HELP))? {
            if !out.contains(&port) {
                out.push(port);
            }
        }
    }
    if out.is_empty() {
        return Err(PORTS.invalid("`ports` is empty", PORT_HELP));
    }
    Ok(out)
}

const PORT_HELP: &str = "write ports such as `tcp/443`, `udp/53`, `tcp/8000-8003`";

/// `tcp/443`, `443/tcp`, `443`, `udp/5000-5003`.
fn some_ports(text: &str, otherwise: Protocol) -> Result<Vec<Port>, String> {
    let word = |part: &str| Protocol::of_word(&part.trim().to_ascii_lowercase());
    let (protocol, numbers) = match text.split_once('/') {
        None => (otherwise, text),
        Some((one, other)) => match (word(one), word(other)) {
            (Some(protocol), None) => (protocol, other),
            (None, Some(protocol)) => (protocol, one),
            _ => return Err(format!("`{text}` is no port: its protocol is neither tcp nor udp")),
        },
    };
    let set = PortSet::parse(numbers.trim()).map_err(|why| format!("`{text}`: {why}"))?;
    Ok(set.iter().map(|number| Port { protocol, number }).collect())
}

/// Where packets to a host leave from.
pub(super) fn origin(source: &Source, host: &str) -> Result<Origin, Invalid> {
    target::origin(source.address, source.interface, std::iter::once(host))
        .map_err(|(message, help)| FROM.invalid(message, help))
}

/// Addresses of two IP versions: no packet can go there.
fn other_version(source: &Source, host: &str) -> Result<(), Invalid> {
    let (Some(own), Some((other, _))) = (source.address, address_and_zone(host)) else { return Ok(()) };
    if own.is_ipv4() == other.is_ipv4() {
        return Ok(());
    }
    let message = format!("{own} in `from` and {other} in `to` are of two IP versions: no packet can go there");
    Err(TO.invalid(message, "write a check for each IP version"))
}

/// What a policy speaks of.
struct GridAxes<'a> {
    sources: &'a [Source],
    destinations: &'a [Destination],
    ports: &'a [Port],
}

impl GridAxes<'_> {
    /// The cells that rows allow, by the places of source and destination.
    fn allowed(&self, args: &Args) -> Result<BTreeSet<(usize, usize, Port)>, Invalid> {
        let written = args.get(&ALLOW).into_iter().zip(1_usize..);
        let mut rows: Vec<(&'static str, String, Args)> =
            written.map(|(row, number)| (ALLOW.name(), format!("row {number}"), row)).collect();
        if let Some(path) = args.get(&ALLOW_FILE) {
            let written = policy_file::rows(&path)?.into_iter();
            rows.extend(written.map(|(line, row)| (ALLOW_FILE.name(), format!("{}:{line}", path.shown()), row)));
        }
        let mut out = BTreeSet::new();
        for (field, place, row) in &rows {
            let at = |(message, help): (String, String)| Invalid::at(field, format!("{place}: {message}"), help);
            let sources = self.sources.iter().map(|source| &*source.name);
            let from = chosen("from", &row.get(&ROW_FROM), &sources).map_err(at)?;
            let destinations = self.destinations.iter().map(|destination| &*destination.name);
            let to = chosen("to", &row.get(&ROW_TO), &destinations).map_err(at)?;
            let ports = self.row_ports(row).map_err(at)?;
            for from in &from {
                for to in &to {
                    out.extend(ports.iter().map(|port| (*from, *to, *port)));
                }
            }
        }
        Ok(out)
    }

    fn row_ports(&self, row: &Args) -> Result<Vec<Port>, (String, String)> {
        let written = row.get(&ROW_PORTS);
        if written.is_empty() || written.iter().any(|text| ANY.contains(&&**text)) {
            return Ok(self.ports.to_vec());
        }
        let mut out = Vec::new();
        for text in &written {
            let some = some_ports(text, row.get(&ROW_PROTOCOL)).map_err(|why| (why, PORT_HELP.to_owned()))?;
            if let Some(stranger) = some.iter().find(|port| !self.ports.contains(port)) {
                let help = format!("add `{}` to `ports`, or take it out of the row", stranger.label());
                return Err((format!("`{text}` is not among `ports`, so nobody asks it"), help));
            }
            out.extend(some);
        }
        Ok(out)
    }
}

/// Places of the names in a row.
fn chosen<'n>(
    key: &str,
    written: &[Text],
    names: &(impl Iterator<Item = &'n str> + Clone),
) -> Result<Vec<usize>, (String, String)> {
    let all = || names.clone().collect::<Vec<_>>();
    if written.is_empty() {
        return Err((format!("it has no `{key}`"), format!("write `{key}: [{}]`, or `{key}: any`", all().join(", "))));
    }
    let mut out = Vec::new();
    for text in written {
        if ANY.contains(&&**text) {
            return Ok((0..all().len()).collect());
        }
        let Some(at) = names.clone().position(|name| *name == **text) else {
            let message = format!("`{text}` is none of `{key}`");
            return Err((message, format!("the names are: {}", all().join(", "))));
        };
        out.push(at);
    }
    Ok(out)
}
