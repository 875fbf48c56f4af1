//! What `ip` tells of a network namespace.

use std::net::Ipv6Addr;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tool::Tool;

/// Where `ip netns` keeps the namespaces.
const NAMESPACES: &str = "/run/netns";
/// A lifetime without an end.
const FOREVER: u32 = u32::MAX;

/// A network namespace, by its name; the one of this process without one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    netns: Option<&'a str>,
}

impl<'a> Network<'a> {
    pub(super) fn of(netns: Option<&'a str>) -> Self {
        Self { netns }
    }

    /// It is the one of this process.
    pub(super) fn is_own(&self) -> bool {
        self.netns.is_none()
    }

    /// It was removed, with all that was in it: nothing is left to put back.
    pub(super) fn is_gone(&self) -> bool {
        self.netns.is_some_and(|name| !Path::new(NAMESPACES).join(name).exists())
    }

    pub(super) fn ip(&self) -> Tool {
        Tool::ip(self.netns)
    }

    /// All devices with their addresses.
    pub(super) async fn links(&self) -> Result<Vec<Link>, String> {
        if let Some(name) = self.netns.filter(|_| self.is_gone()) {
            return Err(format!("this host has no network namespace {name}: `ip netns list` shows the names"));
        }
        // How a device makes its link-local address is told with the link alone.
        let modes: Vec<Mode> = self.listed("link").await?;
        let mut links: Vec<Link> = self.listed("address").await?;
        for link in &mut links {
            link.mode = modes.iter().find(|mode| mode.name == link.name).and_then(|mode| mode.word.clone());
        }
        Ok(links)
    }

    /// What `ip OBJECT show` lists.
    async fn listed<T: DeserializeOwned>(&self, object: &str) -> Result<Vec<T>, String> {
        let listed = self.ip().args(["-d", "-j", object, "show"]).output().await?;
        let unread = |error| {
            format!("`ip -d -j {object} show` printed what cannot be read ({error}); iproute2 5.0 or newer is needed")
        };
        let listed: Vec<Value> = serde_json::from_slice(listed.as_bytes()).map_err(unread)?;
        // What is left out by a filter leaves an empty object.
        let entries = listed.into_iter().filter(|entry| entry.get("ifname").is_some());
        entries.map(|entry| serde_json::from_value(entry).map_err(unread)).collect()
    }

    /// The device of this name.
    pub(super) async fn link(&self, device: &str) -> Result<Link, String> {
        let mut links = self.links().await?;
        if let Some(at) = links.iter().position(|link| link.name == device) {
            return Ok(links.swap_remove(at));
        }
        let names: Vec<&str> = links.iter().map(|link| &*link.name).collect();
        let place = self.netns.map_or_else(|| "this host".into(), |name| format!("the network namespace {name}"));
        Err(format!("{place} has no device {device}; it has {}", names.join(", ")))
    }
}

/// How a device makes its link-local address.
#[derive(Debug, Deserialize)]
struct Mode {
    #[serde(rename = "ifname")]
    name: String,
    #[serde(rename = "inet6_addr_gen_mode")]
    word: Option<String>,
}

/// A device.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Link {
    #[serde(rename = "ifname")]
    pub(super) name: String,
    pub(super) flags: Vec<String>,
    pub(super) master: Option<String>,
    /// The device it stands on, or its peer.
    #[serde(rename = "link")]
    lower: Option<String>,
    /// Its link-layer address.
    address: Option<String>,
    #[serde(rename = "linkinfo")]
    info: Option<LinkInfo>,
    #[serde(skip)]
    mode: Option<String>,
    #[serde(rename = "addr_info", default)]
    pub(super) addresses: Vec<Address>,
}

#[derive(Clone, Debug, Deserialize)]
struct LinkInfo {
    #[serde(rename = "info_kind")]
    kind: Option<String>,
}

impl Link {
    pub(super) fn is_up(&self) -> bool {
        self.has("UP")
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.has("LOOPBACK")
    }

    /// What is at its other end is up as well.
    pub(super) fn has_carrier(&self) -> bool {
        self.has("LOWER_UP")
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }

    /// Whether it goes down with the device `lower`.
    pub(super) fn stands_on(&self, lower: &str) -> bool {
        let kind = self.info.as_ref().and_then(|info| info.kind.as_deref());
        kind == Some("vlan") && self.lower.as_deref() == Some(lower)
    }

    /// Whether the kernel gives it this address by itself whenever it goes up.
    pub(super) fn makes(&self, address: &Address) -> bool {
        let Ok(own) = address.local.parse::<Ipv6Addr>() else { return false };
        if !own.is_unicast_link_local() {
            return false;
        }
        match self.mode.as_deref() {
            Some("none") => false,
            Some("random" | "stable_secret") => true,
            // Of an unknown way the usual one is assumed: what it did not make is given again, which does no harm.
            _ => self.eui64().is_none_or(|made| made == own.octets()[8..]),
        }
    }

    /// The lower half of the address that is made of the link-layer address.
    fn eui64(&self) -> Option<[u8; 8]> {
        let octets: Option<Vec<u8>> =
            self.address.as_ref()?.split(':').map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
        let [first, rest @ ..]: [u8; 6] = octets?.try_into().ok()?;
        let [second, third, fourth, fifth, sixth] = rest;
        Some([first ^ 2, second, third, 0xff, 0xfe, fourth, fifth, sixth])
    }
}

/// An address of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    family: String,
    pub(super) local: String,
    /// The other end of a link with two.
    #[serde(rename = "address", default, skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    pub(super) prefixlen: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broadcast: Option<String>,
    #[serde(default)]
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metric: Option<u32>,
    #[serde(rename = "valid_life_time", default = "forever")]
    valid: u32,
    #[serde(rename = "preferred_life_time", default = "forever")]
    preferred: u32,
    #[serde(default)]
    home: bool,
    #[serde(default)]
    nodad: bool,
    #[serde(default)]
    mngtmpaddr: bool,
    #[serde(default)]
    noprefixroute: bool,
    #[serde(default)]
    autojoin: bool,
    /// The kernel made it of one with `mngtmpaddr`, and makes others.
    #[serde(default)]
    pub(super) temporary: bool,
    /// Whether somebody else has it is still being found out.
    #[serde(default)]
    pub(super) tentative: bool,
    /// Somebody else has it.
    #[serde(default)]
    pub(super) dadfailed: bool,
}

const fn forever() -> u32 {
    FOREVER
}

impl Address {
    pub(super) fn is_ipv6(&self) -> bool {
        self.family == "inet6"
    }

    /// Whether both are the same one, whatever is said of it.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.local == other.local && self.prefixlen == other.prefixlen && self.peer == other.peer
    }

    /// Its time was over so many seconds after it was read.
    pub(super) fn expired(&self, after: u32) -> bool {
        self.valid != FOREVER && self.valid <= after
    }

    /// For people, and to name it to `ip`.
    pub(super) fn text(&self) -> String {
        match &self.peer {
            Some(peer) => format!("{} peer {peer}/{}", self.local, self.prefixlen),
            None => format!("{}/{}", self.local, self.prefixlen),
        }
    }

    /// What gives it to a device again as it was, so many seconds after it was read.
    pub(super) fn arguments(&self, device: &str, after: u32) -> String {
        let mut words = vec![self.text()];
        let mut pair = |key: &str, value: Option<String>| words.extend(value.map(|value| format!("{key} {value}")));
        pair("broadcast", self.broadcast.clone());
        if !self.is_ipv6() {
            pair("label", self.label.clone());
            pair("scope", Some(self.scope.clone()).filter(|scope| !scope.is_empty()));
        }
        pair("metric", self.metric.map(|metric| metric.to_string()));
        if self.valid != FOREVER {
            pair("valid_lft", Some(self.valid.saturating_sub(after).max(1).to_string()));
        }
        if self.preferred != FOREVER {
            pair("preferred_lft", Some(self.preferred.saturating_sub(after).to_string()));
        }
        let flags = [
            (self.home, "home"),
            (self.nodad, "nodad"),
            (self.mngtmpaddr, "mngtmpaddr"),
            (self.noprefixroute, "noprefixroute"),
            (self.autojoin, "autojoin"),
        ];
        words.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned()));
        format!("{} dev {device}", words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Link};

    fn address(text: &str) -> Address {
        serde_json::from_slice(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_address_is_given_again_as_it_was() {
        for (read, after, want) in [
            (
                r#"{"family":"inet","local":"10.1.0.5","prefixlen":24,"broadcast":"10.1.0.255","scope":"global","secondary":true,"dynamic":true,"label":"a0:1","valid_life_time":500,"preferred_life_time":300}"#,
                100,
                "10.1.0.5/24 broadcast 10.1.0.255 label a0:1 scope global valid_lft 400 preferred_lft 200 dev a0",
            ),
            (
                r#"{"family":"inet","local":"10.1.0.1","address":"10.1.0.2","prefixlen":32,"scope":"link","label":"a0","metric":7,"noprefixroute":true,"valid_life_time":4294967295,"preferred_life_time":4294967295}"#,
                100,
                "10.1.0.1 peer 10.1.0.2/32 label a0 scope link metric 7 noprefixroute dev a0",
            ),
            (
                r#"{"family":"inet6","local":"2001:db8::2","prefixlen":64,"scope":"global","deprecated":true,"nodad":true,"valid_life_time":4294967295,"preferred_life_time":0}"#,
                9,
                "2001:db8::2/64 preferred_lft 0 nodad dev a0",
            ),
        ] {
            assert_eq!(address(read).arguments("a0", after), want);
        }
        assert!(address(r#"{"family":"inet","local":"10.1.0.5","prefixlen":24,"valid_life_time":5}"#).expired(5));
        assert!(!address(r#"{"family":"inet","local":"10.1.0.5","prefixlen":24}"#).expired(u32::MAX));
    }

    #[test]
    fn link_local_addresses_of_the_kernel_are_known() {
        let link = |mode: &str| -> Link {
            let text = r#"{"ifname":"a0","flags":["UP"],"link":"a1","linkinfo":{"info_kind":"veth"},"address":"ba:53:f7:2c:24:3b"}"#;
            Link { mode: Some(mode.into()), ..serde_json::from_slice(text.as_bytes()).unwrap() }
        };
        let own =
            |local: &str| address(&format!(r#"{{"family":"inet6","local":"{local}","prefixlen":64,"scope":"link"}}"#));
        let made = own("fe80::b853:f7ff:fe2c:243b");
        assert!(link("eui64").makes(&made) && !link("eui64").makes(&own("fe80::1")));
        assert!(!link("none").makes(&made) && link("random").makes(&own("fe80::1")));
        assert!(!link("random").makes(&own("2001:db8::1")));
        assert!(!link("eui64").stands_on("a1"), "the peer of a veth is no device below it");
    }
}
