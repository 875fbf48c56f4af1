//! Lists of hosts as suites write them.

use std::time::Duration;

use super::{HOSTS, HostEntry, HostList, MOST_HOSTS, entry, is_near, network_of};
use crate::model::Text;
use crate::net::IpVersion;
use crate::testing;

fn list(entries: &[&str]) -> HostList {
    HostList { entries: entries.iter().map(|text| entry(&Text::from(*text)).unwrap()).collect() }
}

fn why(text: &str) -> String {
    entry(&Text::from(text)).unwrap_err()
}

async fn keys(entries: &[&str]) -> Vec<String> {
    let hosts = list(entries).resolve(IpVersion::Any, Duration::from_secs(1)).await.unwrap();
    hosts.iter().map(super::Host::key).collect()
}

#[tokio::test]
async fn every_form_gives_its_hosts() {
    assert_eq!(keys(&["192.0.2.0/30"]).await, ["192.0.2.1", "192.0.2.2"], "without network and broadcast");
    assert_eq!(keys(&["192.0.2.0/31"]).await, ["192.0.2.0", "192.0.2.1"]);
    assert_eq!(keys(&["192.0.2.7/32", "[2001:db8::1]"]).await, ["192.0.2.7", "2001:db8::1"]);
    assert_eq!(keys(&["192.0.2.254-192.0.3.1"]).await, ["192.0.2.254", "192.0.2.255", "192.0.3.0", "192.0.3.1"]);
    assert_eq!(keys(&["192.0.2.9 - 11", "192.0.2.10"]).await, ["192.0.2.9", "192.0.2.10", "192.0.2.11"], "each once");
    assert_eq!(keys(&["2001:db8::fffe/127", "2001:db8::1-2001:db8::2"]).await.len(), 4);
    assert_eq!(keys(&["web-1.invalid", "bücher.invalid"]).await, ["web-1.invalid", "xn--bcher-kva.invalid"]);
}

#[tokio::test]
async fn hosts_of_a_link_keep_their_zone() {
    assert_eq!(keys(&["fe80::1%eth0", "[fe80::2%2]"]).await, ["fe80::1%eth0", "fe80::2%2"]);
    assert_eq!(keys(&["fe80::1%veth-a"]).await, ["fe80::1%veth-a"], "a name with a hyphen is no range");
    assert_eq!(keys(&["fe80::1%veth-a-fe80::2"]).await, ["fe80::1%veth-a", "fe80::2%veth-a"]);
    assert_eq!(keys(&["fe80::%eth0/127"]).await, ["fe80::%eth0", "fe80::1%eth0"]);
    assert_eq!(list(&["fe80::1%eth0-fe80::9"]).label(), "fe80::1%eth0-fe80::9");
    assert_eq!(list(&["fe80::1%eth0"]).remote(), 0);
    assert!(why("2001:db8::1%eth0-2001:db8::9").contains("has no zone"));
    assert!(why("fe80::1%a-name-that-is-too-long").contains("interface"));
    let origin = |hosts: &[&str]| list(hosts).origin(&testing::args([], &[]));
    assert_eq!(origin(&["fe80::1%eth0", "fe80::2%eth0"]).unwrap().zone.unwrap().name(), "eth0");
    assert!(origin(&["fe80::1%eth0", "fe80::2%eth1"]).unwrap_err().message.contains("are two links"));
}

#[tokio::test]
async fn a_name_without_an_address_stays_in_the_list() {
    let hosts = list(&["127.0.0.1", "a.invalid"]).resolve(IpVersion::Any, Duration::from_secs(1)).await.unwrap();
    assert!(hosts[0].address.is_ok());
    assert!(hosts[1].address.as_ref().unwrap_err().contains("never exist"), "{:?}", hosts[1]);
}

#[test]
fn what_is_no_host_is_told() {
    assert!(why("192.0.2.7/24").contains("192.0.2.0/24 is"), "{}", why("192.0.2.7/24"));
    assert!(why("192.0.2.0/33").contains("/0 to /32"));
    assert!(why("web/24").contains("`web` is no address"));
    assert!(why("192.0.2.9-192.0.2.1").contains("not before"));
    assert!(why("192.0.2.9-2001:db8::1").contains("not before"));
    assert!(why("192.0.2.9-300").contains("`300`"));
    assert!(why("224.0.0.1-224.0.0.9").contains("several hosts"));
    assert!(why("192.0.2.300").contains("four decimal numbers"));
}

#[test]
fn a_list_has_a_limit_and_says_how_long_it_is() {
    assert_eq!(list(&["10.0.0.0/12", "a.test"]).count(), MOST_HOSTS - 1);
    let check = |list: HostList| list.check(HOSTS.name(), IpVersion::Any).map_err(|invalid| invalid.message);
    assert!(check(list(&["10.0.0.0/11"])).unwrap_err().contains("2097150 hosts"));
    assert!(check(list(&["::/0"])).is_err());
    assert!(check(list(&[])).unwrap_err().contains("no host"));
    let six = list(&["2001:db8::1"]).check(HOSTS.name(), IpVersion::V4);
    assert!(six.unwrap_err().message.contains("2001:db8::1"));
}

#[test]
fn near_is_what_leaves_no_network() {
    assert_eq!(list(&["127.1.0.0-127.1.255.255", "169.254.7.0/24", "fe80::1-fe80::9", "::1"]).remote(), 0);
    assert_eq!(list(&["127.0.0.1", "192.0.2.0/29", "web.test"]).remote(), 7);
    assert_eq!(list(&["127.255.255.0-128.0.0.3"]).remote(), 260, "a range that ends elsewhere");
    assert!(!is_near("10.0.0.1".parse().unwrap()));
}

#[test]
fn the_label_is_short() {
    assert_eq!(list(&["192.0.2.0/24", "web.test"]).label(), "192.0.2.1-254, web.test");
    assert_eq!(
        list(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]).label(),
        "192.0.2.1, 192.0.2.2, … (4 hosts)"
    );
    assert!(matches!(entry(&Text::from("192.0.2.1")), Ok(HostEntry::Range(range)) if range.count == 1));
    assert_eq!(network_of("0.0.0.0", "0").unwrap().count, (1 << 32) - 2);
}
