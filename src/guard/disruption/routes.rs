//! Routes as `ip route` prints them, which is how it takes them again.

use serde::{Deserialize, Serialize};

use super::network::Network;

/// Routes that a daemon or a router keeps: they come back by themselves, and may be others by then.
const LIVE: [&str; 17] = [
    "redirect",
    "gated",
    "ra",
    "mrt",
    "zebra",
    "bird",
    "dnrouted",
    "xorp",
    "ntk",
    "keepalived",
    "babel",
    "openr",
    "bgp",
    "isis",
    "ospf",
    "rip",
    "eigrp",
];
/// What the kernel says of the moment, and takes from nobody.
const STATES: [&str; 9] = [
    "dead",
    "linkdown",
    "offload",
    "rt_offload",
    "offload_failed",
    "rt_offload_failed",
    "trap",
    "rt_trap",
    "pervasive",
];

/// IP versions, as the options of `ip`.
const VERSIONS: [&str; 2] = ["-4", "-6"];

/// A route, or a next hop that routes name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Route {
    /// `-4` or `-6`.
    pub(super) version: String,
    /// As `ip route` prints it, without what passes.
    pub(super) text: String,
}

impl Route {
    /// All but those that the kernel makes for each address and each device, as far as `wanted` says so.
    pub(super) async fn read(network: &Network<'_>, wanted: impl Fn(&Self) -> bool) -> Result<Vec<Self>, String> {
        let mut out = Vec::new();
        for version in VERSIONS {
            let listing = network.ip().args([version, "-o", "route", "show", "table", "all"]);
            let of = |line: &str| Self { version: version.into(), text: lasting(line) };
            let lines = listing.lines(|line| {
                let route = of(line);
                !route.is_automatic() && wanted(&route)
            });
            out.extend(lines.await?.iter().map(|line| of(line)));
        }
        Ok(out)
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ')
    }

    /// The values of a key.
    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.words().zip(self.words().skip(1)).filter(move |(word, _)| *word == key).map(|(_, value)| value)
    }

    /// Whether it leads through this device.
    pub(super) fn is_of(&self, device: &str) -> bool {
        self.values("dev").any(|own| own == device)
    }

    /// Whether packets of it are sent from this address.
    pub(super) fn is_from(&self, address: &str) -> bool {
        self.source() == Some(address)
    }

    fn source(&self) -> Option<&str> {
        self.values("src").next()
    }

    /// IPv6 takes no source address of which it is not known yet whether somebody else has it.
    pub(super) fn waits_for_its_source(&self) -> bool {
        self.version == VERSIONS[1] && self.source().is_some()
    }

    /// A daemon or a router keeps it.
    pub(super) fn is_live(&self) -> bool {
        self.values("proto").any(|protocol| LIVE.contains(&protocol))
    }

    /// The kernel made it.
    pub(super) fn is_kernels(&self) -> bool {
        self.values("proto").any(|protocol| protocol == "kernel")
    }

    /// The kernel makes it for each address and each device.
    fn is_automatic(&self) -> bool {
        let kernels = self.is_kernels();
        let local = self.values("table").any(|table| table == "local");
        let of_link = self.words().next().is_some_and(|word| word == "fe80::/64" || word == "multicast");
        kernels && (local || of_link)
    }

    /// It needs another one to find its gateway.
    fn has_gateway(&self) -> bool {
        self.values("via").next().is_some()
    }

    /// What `ip route` takes to make it again.
    pub(super) fn arguments(&self) -> String {
        if self.values("nhid").next().is_none() {
            return self.text.clone();
        }
        // Its next hops stand behind the number; named beside it, they are refused.
        let mut out = Vec::new();
        let mut words = self.words();
        while let Some(word) = words.next() {
            match word {
                "via" | "dev" | "weight" => {
                    if words.next() == Some("inet6") {
                        words.next();
                    }
                }
                "nexthop" | "onlink" => {}
                word => out.push(word),
            }
        }
        out.join(" ")
    }

    /// Makes what is missing of these. Those without a gateway first, because others need them.
    pub(super) async fn put_back(network: &Network<'_>, missing: &[Self]) -> Result<(), String> {
        let (after, before): (Vec<&Self>, Vec<&Self>) = missing.iter().partition(|route| route.has_gateway());
        for version in VERSIONS {
            let of_version = before.iter().chain(&after).filter(|route| route.version == version);
            let batch = of_version.fold(String::new(), |batch, route| batch + "route add " + &route.arguments() + "\n");
            if !batch.is_empty() {
                // One that is there in another form does not hold the others back; it is replaced below.
                let _ = network.ip().args([version, "-force", "-batch", "-"]).input(batch).run().await;
            }
        }
        let there = Self::read(network, |route| missing.contains(route)).await?;
        for route in missing.iter().filter(|route| !there.contains(route)) {
            let arguments = route.arguments();
            network.ip().args([&*route.version, "route", "replace"]).args(arguments.split(' ')).run().await?;
        }
        Ok(())
    }
}

/// A line without what says how things are at the moment.
fn lasting(line: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    // A backslash separates next hops, with or without a blank before it.
    let mut words = line.split(|c: char| c.is_ascii_whitespace() || c == '\\').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        match word {
            // How many seconds are left, and the error that a route without a way gives.
            "expires" | "error" => drop(words.next()),
            word if STATES.contains(&word) => {}
            word => out.push(word),
        }
    }
    out.join(" ")
}

/// Next hops that routes name by number (`ip nexthop`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NextHop(pub(super) String);

impl NextHop {
    /// Those that somebody set up by hand. A system without them has none.
    pub(super) async fn read(network: &Network<'_>) -> Result<Vec<Self>, String> {
        let listed = network.ip().args(["-o", "nexthop", "show"]).lines(|_| true).await.unwrap_or_default();
        let all = listed.iter().map(|line| Self(lasting(line)));
        Ok(all.filter(|hop| !hop.route().is_live()).collect())
    }

    fn route(&self) -> Route {
        Route { version: String::new(), text: self.0.clone() }
    }

    pub(super) fn is_of(&self, device: &str) -> bool {
        self.route().is_of(device)
    }

    /// Whether it is a group with this one in it.
    pub(super) fn has(&self, one: &Self) -> bool {
        let (own, other) = (self.route(), one.route());
        let Some(id) = other.values("id").next() else { return false };
        own.values("group").any(|group| group.split(['/']).any(|member| member.split(',').next() == Some(id)))
    }

    pub(super) fn arguments(&self) -> String {
        let route = self.route();
        let scope = route.values("scope").next().map(|scope| format!(" scope {scope}")).unwrap_or_default();
        self.0.replace(&scope, "")
    }

    pub(super) async fn put_back(&self, network: &Network<'_>) -> Result<(), String> {
        network.ip().args(["nexthop", "replace"]).args(self.arguments().split(' ')).run().await
    }
}

#[cfg(test)]
mod tests {
    use super::{NextHop, Route, lasting};

    fn route(line: &str) -> Route {
        Route { version: "-4".into(), text: lasting(line) }
    }

    #[test]
    fn a_route_is_made_again_from_how_it_is_printed() {
        for (line, want) in [
            (
                "10.9.0.0/16 via 10.1.0.2 dev a0 proto static src 10.1.0.5 metric 7 mtu lock 1300 linkdown ",
                "10.9.0.0/16 via 10.1.0.2 dev a0 proto static src 10.1.0.5 metric 7 mtu lock 1300",
            ),
            (
                "10.8.0.0/16 \\\tnexthop via 10.1.0.2 dev a0 weight 2 dead linkdown \\\tnexthop via 10.1.0.3 dev b0 weight 1 ",
                "10.8.0.0/16 nexthop via 10.1.0.2 dev a0 weight 2 nexthop via 10.1.0.3 dev b0 weight 1",
            ),
            (
                "2001:db8:93::/48 metric 1024 pref medium\\\tnexthop via 2001:db8::2 dev a0 weight 1 \\\tnexthop via 2001:db8::3 dev a0 weight 1 ",
                "2001:db8:93::/48 metric 1024 pref medium nexthop via 2001:db8::2 dev a0 weight 1 nexthop via 2001:db8::3 dev a0 weight 1",
            ),
            (
                "2001:db8:1::/48 dev a0 metric 1024 expires 90sec pref medium",
                "2001:db8:1::/48 dev a0 metric 1024 pref medium",
            ),
            (
                "10.7.0.0/16 nhid 5 via 10.1.0.9 dev a0 proto static metric 3",
                "10.7.0.0/16 nhid 5 proto static metric 3",
            ),
            (
                "10.7.0.0/16 nhid 10 proto static \\\tnexthop via inet6 fe80::1 dev a0 weight 1 onlink \\\tnexthop via 10.1.0.2 dev b0 weight 1",
                "10.7.0.0/16 nhid 10 proto static",
            ),
        ] {
            assert_eq!(route(line).arguments(), want);
        }
        assert!(
            route("10.8.0.0/16 \\\tnexthop via 10.1.0.2 dev a0 weight 2 \\\tnexthop via 10.1.0.3 dev b0").is_of("b0")
        );
        assert!(!route("10.8.0.0/16 via 10.1.0.2 dev a0").is_of("a"));
    }

    #[test]
    fn what_others_keep_is_left_to_them() {
        assert!(route("10.9.0.0/16 via 10.1.0.2 dev a0 proto bird metric 32").is_live());
        assert!(
            !route("10.9.0.0/16 via 10.1.0.2 dev a0").is_live()
                && !route("default via 10.1.0.2 dev a0 proto dhcp").is_live()
        );
        for (line, automatic) in [
            ("local 10.1.0.1 dev a0 table local proto kernel scope host src 10.1.0.1", true),
            ("multicast ff00::/8 dev a0 table local proto kernel metric 256 pref medium", true),
            ("fe80::/64 dev a0 proto kernel metric 256 pref medium", true),
            ("10.1.0.0/24 dev a0 proto kernel scope link src 10.1.0.1", false),
            ("local 10.4.0.0/16 dev a0 table local scope host", false),
        ] {
            assert_eq!(route(line).is_automatic(), automatic, "{line}");
        }
    }

    #[test]
    fn next_hops_know_their_groups() {
        let hop = NextHop("id 5 via 10.1.0.9 dev a0 scope link proto static".into());
        assert_eq!(hop.arguments(), "id 5 via 10.1.0.9 dev a0 proto static");
        assert!(NextHop("id 10 group 4/5,2".into()).has(&hop) && !NextHop("id 10 group 55/4".into()).has(&hop));
    }
}
