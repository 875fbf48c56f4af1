//! Devices as they were: addresses, routes, next hops, fixed neighbours and the bridge they belong to; and how what is missing of that
//! comes back.
//!
//! What the kernel makes by itself is left to it, and so are routes that a daemon or a router keeps (BGP, OSPF, router
//! advertisements). What came in between stays.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::network::{Address, Link, Network};
use super::routes::{NextHop, Route};

/// A device that went up has a carrier, and its IPv6 addresses have been looked for elsewhere, within this.
const SETTLING: Duration = Duration::from_secs(10);
/// From one look to the next meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// The same for people: the kernel looks for an address elsewhere for a second, after up to another one.
const BY_HAND_SETTLING: &str = "sleep 3";
/// Missing things that are named at most.
const NAMED: usize = 3;

/// Devices as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    netns: Option<String>,
    /// When that was; seconds since this host started.
    taken: u32,
    devices: Vec<Device>,
    next_hops: Vec<NextHop>,
    routes: Vec<Route>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Device {
    name: String,
    up: bool,
    carrier: bool,
    master: Option<String>,
    /// As `ip` lists them: of IPv4 the oldest first, of IPv6 the newest.
    addresses: Vec<Address>,
    /// Those of them that the kernel makes.
    made: Vec<Address>,
    neighbours: Vec<String>,
}

impl Snapshot {
    /// Of a device, and of those that stand on it.
    pub(super) async fn take(netns: Option<&str>, device: &str) -> Result<Self, String> {
        let network = Network::of(netns);
        let links = network.links().await?;
        let mut names = vec![device];
        // One that stands on another is down with it, and so is what stands on that one.
        while let Some(link) =
            links.iter().find(|link| !names.contains(&&*link.name) && names.iter().any(|name| link.stands_on(name)))
        {
            names.push(&link.name);
        }
        let mut devices = Vec::new();
        for link in names.iter().filter_map(|name| links.iter().find(|link| link.name == **name)) {
            devices.push(Device::of(&network, link).await?);
        }
        let own = |route: &Route| !route.is_live() && devices.iter().any(|device| device.leads(route));
        let routes = Route::read(&network, own).await?;
        let hops = NextHop::read(&network).await?;
        let of_device = |hop: &NextHop| devices.iter().any(|device| hop.is_of(&device.name));
        let (mut next_hops, others): (Vec<NextHop>, Vec<NextHop>) = hops.into_iter().partition(of_device);
        let groups: Vec<NextHop> =
            others.into_iter().filter(|group| next_hops.iter().any(|hop| group.has(hop))).collect();
        next_hops.extend(groups);
        Ok(Self { netns: netns.map(str::to_owned), taken: uptime(), devices, next_hops, routes })
    }

    fn network(&self) -> Network<'_> {
        Network::of(self.netns.as_deref())
    }

    /// Puts back what is missing.
    pub(super) async fn restore(&self) -> Result<(), String> {
        let network = self.network();
        if network.is_gone() {
            return Ok(());
        }
        for device in &self.devices {
            device.restore_link(&network).await?;
        }
        let after = uptime().saturating_sub(self.taken);
        // What goes for a moment with an address takes its routes along, those of daemons too; those of the kernel come with addresses.
        let ours = |route: &Route| !route.is_kernels() && self.devices.iter().any(|device| device.leads(route));
        let before = Route::read(&network, ours).await.unwrap_or_default();
        let mut reordered = false;
        for device in &self.devices {
            reordered |= device.restore_addresses(&network, after).await?;
        }
        self.restore_routes(&network, if reordered { &before } else { &[] }).await?;
        for device in self.devices.iter().filter(|device| device.up) {
            device.restore_neighbours(&network).await?;
        }
        Ok(())
    }

    /// Also those of `more`, which were there a moment ago.
    async fn restore_routes(&self, network: &Network<'_>, more: &[Route]) -> Result<(), String> {
        let hops = NextHop::read(network).await?;
        for hop in self.next_hops.iter().filter(|hop| !hops.contains(hop)) {
            hop.put_back(network).await?;
        }
        let wanted = |route: &Route| self.routes.contains(route) || more.contains(route);
        let there = Route::read(network, wanted).await?;
        let missing: Vec<Route> =
            self.routes.iter().chain(more).filter(|route| !there.contains(route)).cloned().collect();
        if missing.iter().any(Route::waits_for_its_source) {
            self.settled(network).await;
        }
        Route::put_back(network, &missing).await
    }

    /// What is not as it was, once addresses and carrier had the time they take.
    pub(super) async fn verify(&self) -> Result<(), String> {
        let network = self.network();
        if network.is_gone() {
            return Ok(());
        }
        let mut missing = self.settled(&network).await;
        let there = Route::read(&network, |route| self.routes.contains(route)).await?;
        missing.extend(
            self.routes.iter().filter(|route| !there.contains(route)).map(|route| format!("the route {}", route.text)),
        );
        let hops = NextHop::read(&network).await?;
        missing.extend(
            self.next_hops.iter().filter(|hop| !hops.contains(hop)).map(|hop| format!("the next hop {}", hop.0)),
        );
        if missing.is_empty() {
            return Ok(());
        }
        let more = missing.len().saturating_sub(NAMED);
        missing.truncate(NAMED);
        let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
        Err(format!("not back: {}{rest}", missing.join(", ")))
    }

    /// What devices and addresses lack, looked at until it is nothing or no more time is left.
    async fn settled(&self, network: &Network<'_>) -> Vec<String> {
        let end = Instant::now() + SETTLING;
        loop {
            let after = uptime().saturating_sub(self.taken);
            let lacks: Vec<Lack> = match network.links().await {
                Ok(links) => self.devices.iter().flat_map(|device| device.lacks(&links, after)).collect(),
                Err(why) => vec![Lack::of(why)],
            };
            if lacks.is_empty() || lacks.iter().any(|lack| !lack.passes) || Instant::now() >= end {
                return lacks.into_iter().map(|lack| lack.text).collect();
            }
            sleep(LOOK).await;
        }
    }

    /// The same by hand; may be done twice.
    pub(super) fn by_hand(&self) -> String {
        let tool = self.network().ip().shell_text();
        let ip = |words: String| format!("{tool} {words}");
        let mut lines = Vec::new();
        for device in &self.devices {
            if let Some(master) = &device.master {
                lines.push(ip(format!("link set dev {} master {master}", device.name)));
            }
            if device.up {
                lines.push(ip(format!("link set dev {} up", device.name)));
            }
        }
        let after = uptime().saturating_sub(self.taken);
        for device in &self.devices {
            let wanted = device.wanted(after);
            let (six, four): (Vec<&Address>, Vec<&Address>) = wanted.partition(|address| address.is_ipv6());
            let all = four.into_iter().chain(six.into_iter().rev());
            lines.extend(all.map(|address| ip(format!("address replace {}", address.arguments(&device.name, after)))));
        }
        lines.extend(self.next_hops.iter().map(|hop| ip(format!("nexthop replace {}", hop.arguments()))));
        if self.routes.iter().any(Route::waits_for_its_source) {
            lines.push(BY_HAND_SETTLING.into());
        }
        let route = |route: &Route| ip(format!("{} route replace {}", route.version, route.arguments()));
        lines.extend(self.routes.iter().map(route));
        for device in &self.devices {
            let fixed = device.neighbours.iter().map(|line| ip(format!("neigh replace {line} dev {}", device.name)));
            lines.extend(fixed);
        }
        lines.join("; ")
    }
}

impl Device {
    async fn of(network: &Network<'_>, link: &Link) -> Result<Self, String> {
        Ok(Self {
            name: link.name.clone(),
            up: link.is_up(),
            carrier: link.has_carrier(),
            master: link.master.clone(),
            addresses: link.addresses.clone(),
            made: link.addresses.iter().filter(|address| link.makes(address)).cloned().collect(),
            neighbours: neighbours(network, &link.name).await?,
        })
    }

    /// Whether a route goes through it, or is from one of its addresses.
    fn leads(&self, route: &Route) -> bool {
        route.is_of(&self.name) || self.addresses.iter().any(|address| route.is_from(&address.local))
    }

    /// Those that are to be there so many seconds later, but for what the kernel makes.
    fn wanted(&self, after: u32) -> impl Iterator<Item = &Address> {
        let kept =
            move |address: &&Address| !address.temporary && !address.expired(after) && !self.made.contains(address);
        self.addresses.iter().filter(kept)
    }

    async fn restore_link(&self, network: &Network<'_>) -> Result<(), String> {
        let now = network.link(&self.name).await?;
        let set = network.ip().args(["link", "set", "dev", &self.name]);
        if let Some(master) = self.master.as_deref().filter(|_| now.master != self.master) {
            set.clone().args(["master", master]).run().await?;
        }
        if self.up && !now.is_up() {
            set.args(["up"]).run().await?;
        }
        Ok(())
    }

    /// Gives it the addresses it lacks, in their order: hosts send from the first. Whether others were taken from it meanwhile.
    async fn restore_addresses(&self, network: &Network<'_>, after: u32) -> Result<bool, String> {
        let now = network.link(&self.name).await?.addresses;
        let has = |address: &Address| now.iter().any(|own| own.is(address));
        let add = |address: &Address| format!("address add {}\n", address.arguments(&self.name, after));
        let (six, four): (Vec<&Address>, Vec<&Address>) = self.wanted(after).partition(|address| address.is_ipv6());
        let mut batch = String::new();
        // From here on they are not in their order: a missing one has others behind it.
        let first = four.iter().position(|address| !has(address)).unwrap_or(four.len());
        let behind = || four.iter().skip(first).filter(|address| has(address));
        batch.extend(behind().map(|address| format!("address del {} dev {}\n", address.text(), self.name)));
        batch.extend(four.iter().skip(first).map(|address| add(address)));
        // The newest stands first; to keep that where others are there, these would have to go for a moment, and nothing is worth that.
        batch.extend(six.iter().rev().filter(|address| !has(address)).map(|address| add(address)));
        if !batch.is_empty() {
            // One of them may have gone with another, so what counts is what is there in the end.
            let failed = network.ip().args(["-force", "-batch", "-"]).input(batch).run().await.err();
            let now = network.link(&self.name).await?.addresses;
            let missing = self.wanted(after).find(|address| !now.iter().any(|own| own.is(address)));
            if let Some(missing) = missing {
                let why = failed.unwrap_or_default();
                return Err(format!("{} could not be given {} again: {why}", self.name, missing.text()));
            }
        }
        Ok(behind().next().is_some())
    }

    async fn restore_neighbours(&self, network: &Network<'_>) -> Result<(), String> {
        let now = neighbours(network, &self.name).await?;
        let missing = self.neighbours.iter().filter(|line| !now.contains(line));
        let lines: Vec<String> = missing.map(|line| format!("neigh replace {line} dev {}\n", self.name)).collect();
        let batch = lines.concat();
        if batch.is_empty() { Ok(()) } else { network.ip().args(["-batch", "-"]).input(batch).run().await }
    }

    /// What it lacks.
    fn lacks(&self, links: &[Link], after: u32) -> Vec<Lack> {
        let name = &self.name;
        let Some(now) = links.iter().find(|link| link.name == *name) else {
            return vec![Lack::of(format!("the device {name}, which is not there any more"))];
        };
        let mut out = Vec::new();
        if self.up && !now.is_up() {
            out.push(Lack::of(format!("{name}, which is down")));
        } else if self.carrier && !now.has_carrier() {
            out.push(Lack::passing(format!("the carrier of {name}")));
        }
        if let Some(master) = self.master.as_ref().filter(|_| now.master != self.master) {
            out.push(Lack::of(format!("{name} in {master}")));
        }
        for address in self.wanted(after).chain(&self.made) {
            let text = format!("the address {} of {name}", address.text());
            out.extend(match now.addresses.iter().find(|own| own.is(address)) {
                None if self.made.contains(address) => Some(Lack::passing(text)),
                None => Some(Lack::of(text)),
                Some(own) if own.dadfailed && !address.dadfailed => {
                    Some(Lack::of(format!("{text}, which another host has as well")))
                }
                Some(own) if own.tentative && !address.tentative => {
                    Some(Lack::passing(format!("{text}, which is still tentative")))
                }
                Some(_) => None,
            });
        }
        out
    }
}

/// Something that is not as it was.
struct Lack {
    /// For people.
    text: String,
    /// It may be only a matter of time.
    passes: bool,
}

impl Lack {
    fn of(text: String) -> Self {
        Self { text, passes: false }
    }

    fn passing(text: String) -> Self {
        Self { text, passes: true }
    }
}

/// The fixed neighbours of a device, as `ip neigh` takes them, without the device.
async fn neighbours(network: &Network<'_>, device: &str) -> Result<Vec<String>, String> {
    let fixed = network.ip().args(["neigh", "show", "nud", "permanent", "dev", device]).lines(|_| true).await?;
    let proxies = network.ip().args(["neigh", "show", "proxy", "dev", device]).lines(|_| true).await?;
    let words = |line: &str| line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let fixed = fixed.iter().filter_map(|line| match words(line).as_slice() {
        [address, key, link, ..] if key == "lladdr" => Some(format!("{address} lladdr {link} nud permanent")),
        _ => None,
    });
    let proxies = proxies.iter().filter_map(|line| Some(format!("proxy {}", words(line).first()?)));
    Ok(fixed.chain(proxies).collect())
}

/// Seconds since this host started, sleep included.
fn uptime() -> u32 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
}
