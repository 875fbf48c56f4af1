//! Many hosts: names, addresses, networks and ranges, written one by one or in a file.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::target;
use crate::model::interface::{Interface, address_and_zone, is_link_local, zone_of};
use crate::model::table::fields;
use crate::model::{Args, Fault, Field, FieldKind, FieldRole, Invalid, Text, host_name};
use crate::net::bytes::of_file;
use crate::net::{IpVersion, Origin, resolve};

/// Most hosts of a check.
pub const MOST_HOSTS: u64 = 1 << 20;
/// Most hosts beyond this machine and its links that are asked without permission: somebody may take more for an attack.
const MOST_UNASKED: u64 = 1024;
/// Most bytes of a file of hosts.
const MOST_BYTES: u64 = 64 << 20;
/// Names looked up at the same time.
const LOOKUPS: usize = 32;

fields! { pub FIELDS;
    /// Field `hosts`.
    pub const HOSTS: Field<Vec<Text>> = Field::optional(
        "hosts",
        FieldKind::List(&FieldKind::Text),
        "Many hosts: names, addresses, networks (`192.0.2.0/24`, of IPv4 without its first and last address) and ranges \
         (`192.0.2.1-192.0.2.20`, `192.0.2.1-20`).",
    )
    .role(FieldRole::Host);
    /// Field `hosts_file`.
    pub const HOSTS_FILE: Field<Option<Text>> = Field::optional(
        "hosts_file",
        FieldKind::Path,
        "File with such hosts, one a line; `#` begins a comment.",
    );
}

/// Addresses that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: IpAddr,
    count: u64,
    zone: Option<Interface>,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostEntry {
    Name(Text),
    Range(Range),
}

/// The hosts a check names. Names are not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostList {
    entries: Vec<HostEntry>,
}

/// A host of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, where the list has one.
    pub name: Option<Text>,
    /// Its address; of a name the first, or why it has none.
    pub address: Result<IpAddr, Box<str>>,
    /// The zone that is written behind its address.
    pub zone: Option<Interface>,
}

impl Host {
    /// What it is called in a table.
    #[must_use]
    pub fn key(&self) -> String {
        match (&self.name, &self.address) {
            (Some(name), _) => name.shown().to_owned(),
            (None, Ok(address)) => with_zone(*address, self.zone),
            (None, Err(_)) => String::new(),
        }
    }
}

impl Range {
    /// The last address is `last`, of the same IP version and not before the first.
    fn between(first: IpAddr, last: IpAddr) -> Option<Self> {
        let span = number(last).checked_sub(number(first)).filter(|_| first.is_ipv4() == last.is_ipv4())?;
        Some(Self { first, count: u64::try_from(span).ok()?.checked_add(1)?, zone: None })
    }

    fn addresses(self) -> impl Iterator<Item = IpAddr> {
        let first = number(self.first);
        (0..self.count).map(move |n| address(self.first.is_ipv4(), first + u128::from(n)))
    }
}

fn with_zone(address: IpAddr, zone: Option<Interface>) -> String {
    match (zone, address) {
        (Some(zone), _) => format!("{address}%{zone}"),
        (None, IpAddr::V4(four)) => ipv4_text(four),
        (None, IpAddr::V6(six)) => six.to_string(),
    }
}

/// As its `Display` has it: a sweep writes a million of them.
fn ipv4_text(four: Ipv4Addr) -> String {
    let mut text = String::with_capacity("255.255.255.255".len());
    for (at, octet) in four.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u32::from(four).into(),
        IpAddr::V6(six) => six.into(),
    }
}

fn address(is_ipv4: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(four) if is_ipv4 => Ipv4Addr::from(four).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

impl HostList {
    /// The list of [`HOSTS`] and [`HOSTS_FILE`]; `None` when the check has neither.
    pub fn from_args(args: &Args, version: IpVersion) -> Result<Option<Self>, Invalid> {
        let (written, file) = (args.get(&HOSTS), args.get(&HOSTS_FILE));
        let mut entries = Vec::new();
        for text in &written {
            entries.push(entry(text).map_err(|why| HOSTS.invalid(why, WRITE))?);
        }
        if let Some(path) = &file {
            let text = read(path).map_err(|why| HOSTS_FILE.invalid(why, "give a text file with one host a line"))?;
            let at = |(line, why)| HOSTS_FILE.invalid(format!("{}:{line}: {why}", path.shown()), WRITE);
            entries.extend(entries_of(&text).map_err(at)?);
        }
        let field = if written.is_empty() { HOSTS_FILE.name() } else { HOSTS.name() };
        if !args.given(&HOSTS) && file.is_none() {
            return Ok(None);
        }
        let list = Self { entries };
        list.check(field, version)?;
        Ok(Some(list))
    }

    fn check(&self, field: &'static str, version: IpVersion) -> Result<(), Invalid> {
        let foreign = self.ranges().find(|range| !version.admits(range.first));
        if let Some(Range { first, .. }) = foreign {
            let message = format!("{first} is not an address of the IP version asked for");
            return Err(Invalid::at(field, message, "leave it out, or leave out `ip_version` and `source`"));
        }
        match self.count() {
            0 => Err(Invalid::at(field, "there is no host in it", WRITE)),
            count if count > MOST_HOSTS => {
                let message = format!("these are {count} hosts, and a check has at most {MOST_HOSTS}");
                Err(Invalid::at(field, message, "write several checks, or a smaller network"))
            }
            _ => Ok(()),
        }
    }

    /// Where packets to them leave from.
    pub fn origin(&self, args: &Args) -> Result<Origin, Invalid> {
        let near = self.ranges().filter(|range| is_link_local(range.first));
        // Many of them have one zone.
        let mut near: Vec<Range> = near.map(|range| Range { count: 1, ..range }).collect();
        near.dedup_by_key(|range| range.zone);
        let near: Vec<String> = near.into_iter().map(|range| with_zone(range.first, range.zone)).collect();
        target::version_and_origin(args, near.iter().map(String::as_str)).map(|(_, origin)| origin)
    }

    fn ranges(&self) -> impl Iterator<Item = Range> {
        self.entries.iter().filter_map(|entry| if let HostEntry::Range(range) = entry { Some(*range) } else { None })
    }

    /// How many hosts there are, those written twice counted twice.
    #[must_use]
    pub fn count(&self) -> u64 {
        let of = |entry: &HostEntry| if let HostEntry::Range(range) = entry { range.count } else { 1 };
        self.entries.iter().map(of).fold(0, u64::saturating_add)
    }

    /// How many of them may be beyond this machine and its links: a name may be anywhere.
    #[must_use]
    pub fn remote(&self) -> u64 {
        let of = |entry: &HostEntry| match entry {
            HostEntry::Name(_) => 1,
            HostEntry::Range(range) if range.addresses().take(1).all(is_near) && is_near(last(*range)) => 0,
            HostEntry::Range(range) => range.count,
        };
        self.entries.iter().map(of).fold(0, u64::saturating_add)
    }

    /// What makes asking all of them a scan that must be allowed; `None` where it is none.
    #[must_use]
    pub fn scan(&self) -> Option<String> {
        let beyond = self.remote();
        (beyond > MOST_UNASKED).then(|| format!("asks {beyond} hosts beyond this machine and its links"))
    }

    /// The list for people: its entries, the first few.
    #[must_use]
    pub fn label(&self) -> String {
        const SHOWN: usize = 2;
        let of = |entry: &HostEntry| match entry {
            HostEntry::Name(name) => name.shown().to_owned(),
            HostEntry::Range(Range { first, count: 1, zone }) => with_zone(*first, *zone),
            HostEntry::Range(range) => match (range.first, last(*range)) {
                (IpAddr::V4(first), IpAddr::V4(last)) if first.octets()[..3] == last.octets()[..3] => {
                    format!("{first}-{}", last.octets()[3])
                }
                (first, last) => format!("{}-{last}", with_zone(first, range.zone)),
            },
        };
        let mut shown: Vec<String> = self.entries.iter().take(SHOWN).map(of).collect();
        if self.entries.len() > SHOWN {
            shown.push(format!("… ({} hosts)", self.count()));
        }
        shown.join(", ")
    }

    /// The hosts in their order, each address and name once, with the addresses of names. A name without an address stays in the list.
    pub async fn resolve(&self, version: IpVersion, patience: Duration) -> Result<Vec<Host>, Fault> {
        // Of one range no address is written twice.
        let once = self.ranges().count() <= 1;
        let (mut known, mut names) = (HashSet::new(), HashSet::new());
        let mut hosts = Vec::new();
        let mut lookups: JoinSet<(usize, Lookup)> = JoinSet::new();
        let places = Arc::new(Semaphore::new(LOOKUPS));
        for entry in &self.entries {
            match entry {
                HostEntry::Range(range) => {
                    hosts.reserve(usize::try_from(range.count).unwrap_or_default());
                    let new = range.addresses().filter(|address| once || known.insert(*address));
                    hosts.extend(new.map(|address| Host { name: None, address: Ok(address), zone: range.zone }));
                }
                HostEntry::Name(name) if names.insert(&**name) => {
                    let (at, asked, places) = (hosts.len(), name.clone(), Arc::clone(&places));
                    lookups.spawn(async move {
                        let _place = places.acquire_owned().await;
                        let found = resolve(&asked, version, patience).await;
                        let first = |found: crate::net::Addresses| {
                            found.list.first().copied().ok_or_else(|| Box::from("it has no address"))
                        };
                        (at, found.map(|found| found.map_err(Box::from).and_then(first)))
                    });
                    let address = Err("it was not looked up".into());
                    hosts.push(Host { name: Some(name.clone()), address, zone: None });
                }
                HostEntry::Name(_) => {}
            }
        }
        while let Some(done) = lookups.join_next().await {
            let Ok((at, found)) = done else { continue };
            if let Some(host) = hosts.get_mut(at) {
                host.address = found?;
            }
        }
        Ok(hosts)
    }
}

/// The address of a name, or why it has none; a fault where nobody could be asked.
type Lookup = Result<Result<IpAddr, Box<str>>, Fault>;

/// How to write a host.
const WRITE: &str = "write a name, an address, a network (192.0.2.0/24) or a range (192.0.2.1-192.0.2.20)";

fn last(range: Range) -> IpAddr {
    address(range.first.is_ipv4(), number(range.first) + u128::from(range.count.saturating_sub(1)))
}

/// Whether an address is of this machine or of a link it is on: what is sent there leaves no network.
#[must_use]
pub fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_loopback() || four.is_link_local(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unicast_link_local(),
    }
}

fn read(path: &Text) -> Result<String, String> {
    let bytes = of_file(path, MOST_BYTES)?;
    String::from_utf8(bytes).map_err(|_| format!("cannot read {path}: it is not UTF-8"))
}

/// Reads a file's text; what is wrong has the number of its line.
fn entries_of(text: &str) -> Result<Vec<HostEntry>, (usize, String)> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).zip(1_usize..);
    let entries = lines.filter(|(line, _)| !line.is_empty());
    entries.map(|(line, number)| entry(&Text::from(line)).map_err(|why| (number, why))).collect()
}

/// For the fuzzer: whatever a file holds is a list of hosts, or refused.
#[cfg(feature = "fuzzing")]
pub fn fuzz_hosts(text: &str) {
    let Ok(entries) = entries_of(text) else { return };
    let list = HostList { entries };
    assert!(list.remote() <= list.count());
    assert_eq!(list.label().is_empty(), list.count() == 0);
    for range in list.ranges() {
        assert_eq!(range.addresses().take(1).collect::<Vec<_>>(), [range.first]);
        let (first, last) = (range.first, last(range));
        assert!(first.is_ipv4() == last.is_ipv4() && number(first) <= number(last));
    }
}

/// Reads one entry.
fn entry(text: &Text) -> Result<HostEntry, String> {
    let word = text.trim();
    if let Some((network, length)) = word.split_once('/') {
        let (network, zone) = zoned(network)?;
        return network_of(&network, length).map(|range| HostEntry::Range(Range { zone, ..range }));
    }
    // A zone may have a hyphen as well.
    if let Some((first, end)) = word.rsplit_once('-')
        && let (first, zone) = zoned(first.trim())?
        && let Ok(first) = first.parse::<IpAddr>()
        && (zone.is_none() || end.contains(':'))
    {
        return range_of(first, end.trim()).map(|range| HostEntry::Range(Range { zone, ..range }));
    }
    let host = host_name::host(word)?;
    Ok(match address_and_zone(&host) {
        Some((first, zone)) => HostEntry::Range(Range { first, count: 1, zone }),
        None if text.holds_secret() => HostEntry::Name(text.clone()),
        None => HostEntry::Name(Text::from(host.as_str())),
    })
}

/// An address and the zone behind it.
fn zoned(text: &str) -> Result<(String, Option<Interface>), String> {
    match text.split_once('%') {
        Some((address, zone)) => Ok((address.to_owned(), Some(zone_of(address, zone)?))),
        None => Ok((text.to_owned(), None)),
    }
}

fn range_of(first: IpAddr, end: &str) -> Result<Range, String> {
    let last = end.parse::<IpAddr>().ok().or_else(|| match (first, end.parse::<u8>()) {
        (IpAddr::V4(four), Ok(low)) => {
            let [a, b, c, _] = four.octets();
            Some(Ipv4Addr::new(a, b, c, low).into())
        }
        _ => None,
    });
    let last = last.ok_or_else(|| format!("`{end}` is no address to end a range with"))?;
    let range = Range::between(first, last)
        .ok_or_else(|| format!("{first} to {last} is no range: the first is not before the last"))?;
    host_name::address_of(first).and_then(|()| host_name::address_of(last)).map(|()| range)
}

fn network_of(network: &str, length: &str) -> Result<Range, String> {
    let base: IpAddr = network.parse().map_err(|_| format!("`{network}` is no address of a network"))?;
    let bits: u32 = if base.is_ipv4() { 32 } else { 128 };
    let length = length.parse::<u32>().ok().filter(|length| *length <= bits);
    let length = length.ok_or_else(|| format!("a network of this IP version has a length from /0 to /{bits}"))?;
    let host_bits = bits - length;
    let first = number(base);
    let mask = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
    if first & mask != 0 {
        let start = address(base.is_ipv4(), first & !mask);
        return Err(format!("{base}/{length} is no network: {start}/{length} is, or write {base} alone for the host"));
    }
    let size = u64::try_from(mask).ok().and_then(|mask| mask.checked_add(1)).unwrap_or(u64::MAX);
    // The first address is the network itself, and the last goes to all of it (RFC 3021: not of /31).
    let (skipped, count) = if base.is_ipv4() && host_bits > 1 { (1, size - 2) } else { (0, size) };
    Ok(Range { first: address(base.is_ipv4(), first + skipped), count, zone: None })
}

#[cfg(test)]
mod tests;
