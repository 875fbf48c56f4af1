//! Who has an address of a link: everybody who answers ARP (RFC 5227, 2.1.1) or neighbour discovery (RFC 4861, 7.2) for it. Needs a packet
//! socket (`CAP_NET_RAW`). A probe of ARP names no sender, so no table of others changes.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use pnet::datalink::{self, Channel, Config, MacAddr, NetworkInterface};
use pnet::packet::icmpv6::{Icmpv6Packet, checksum};
use tokio_util::sync::CancellationToken;

use crate::model::Fault;
use crate::net::Origin;

const OPERATION: &str = "ask who has the address";
/// Times it is asked, evenly over the wait for answers: one that is lost hides nobody.
const ASKS: u32 = 3;
/// Between two looks at the clock.
const PAUSE: Duration = Duration::from_millis(20);
const ETHERNET: usize = 14;
const IPV6: usize = 40;
const ARP: [u8; 2] = [0x08, 0x06];
const IP6: [u8; 2] = [0x86, 0xdd];
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// Link-layer addresses of those who have `target`, this host's own included, after `patience`. The address must be of a link that this
/// host is on.
pub fn holders(
    target: IpAddr,
    origin: Origin,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<Vec<String>, Fault> {
    let (interfaces, chosen) = (datalink::interfaces(), origin.device_name(target));
    let is_of_link = |interface: &&NetworkInterface| {
        let is_chosen = chosen.as_ref().is_none_or(|name| *name == interface.name);
        is_chosen && !interface.is_loopback() && interface.ips.iter().any(|network| network.contains(target))
    };
    let interface = interfaces.iter().find(is_of_link).ok_or_else(|| {
        let remedy = "ask from a host on the same link, or leave out `duplicate_address`";
        Fault::local(OPERATION, target.to_string(), "the address is on none of this host's links", remedy)
    })?;
    let fault = |error: &io::Error| {
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "give the binary the capability (`setcap cap_net_raw+ep shakedown`), or leave out `duplicate_address`"
            }
            _ => "see the system's message",
        };
        Fault::local(OPERATION, target.to_string(), error.to_string(), remedy)
    };
    let mac = interface.mac.ok_or_else(|| fault(&io::ErrorKind::Unsupported.into()))?;
    let config = Config { read_timeout: Some(PAUSE), promiscuous: false, ..Config::default() };
    let Channel::Ethernet(mut sender, mut receiver) =
        datalink::channel(interface, config).map_err(|error| fault(&error))?
    else {
        return Err(fault(&io::ErrorKind::Unsupported.into()));
    };
    let question = match target {
        IpAddr::V4(target) => arp_probe(mac, target).to_vec(),
        IpAddr::V6(target) => solicitation(mac, own_address(interface, target), target)
            .ok_or_else(|| fault(&io::ErrorKind::AddrNotAvailable.into()))?
            .to_vec(),
    };
    let mut found = BTreeSet::new();
    if interface.ips.iter().any(|network| network.ip() == target) {
        found.insert(mac.to_string());
    }
    let (start, mut asked) = (Instant::now(), 0);
    while start.elapsed() < patience && !stop.is_cancelled() {
        if start.elapsed() >= patience / ASKS * asked && asked < ASKS {
            sender.send_to(&question, None).transpose().map_err(|error| fault(&error))?;
            asked += 1;
        }
        // Nothing came for a moment, or what came could not be read: the end is near enough.
        if let Ok(frame) = receiver.next() {
            found.extend(holder(frame, target).map(|mac| mac.to_string()));
        }
    }
    Ok(found.into_iter().collect())
}

/// A link-local address where there is one: that is what neighbours ask with.
fn own_address(interface: &NetworkInterface, target: Ipv6Addr) -> Option<Ipv6Addr> {
    let own =
        || interface.ips.iter().filter_map(|network| if let IpAddr::V6(own) = network.ip() { Some(own) } else { None });
    own().filter(|own| *own != target).min_by_key(|own| !own.is_unicast_link_local())
}

fn arp_probe(mac: MacAddr, target: Ipv4Addr) -> [u8; ETHERNET + 28] {
    let mut frame = [0; ETHERNET + 28];
    let parts: [&[u8]; 7] = [
        &[0xff; 6],
        &mac.octets(),
        &ARP,
        // Ethernet, IPv4, the lengths of their addresses; a request.
        &[0, 1, 8, 0, 6, 4, 0, 1],
        &mac.octets(),
        // No sender's address, and nothing known of the other.
        &[0; 10],
        &target.octets(),
    ];
    fill(&mut frame, &parts);
    frame
}

fn solicitation(mac: MacAddr, own: Option<Ipv6Addr>, target: Ipv6Addr) -> Option<[u8; ETHERNET + IPV6 + 32]> {
    let own = own?;
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
    let mut frame = [0; ETHERNET + IPV6 + 32];
    let parts: [&[u8]; 10] = [
        &[0x33, 0x33, 0xff, x, y, z],
        &mac.octets(),
        &IP6,
        &[0x60, 0, 0, 0, 0, 32, ICMPV6, 255],
        &own.octets(),
        &group.octets(),
        &[SOLICITATION, 0, 0, 0, 0, 0, 0, 0],
        &target.octets(),
        // The sender's link-layer address.
        &[1, 1],
        &mac.octets(),
    ];
    fill(&mut frame, &parts);
    let sum = checksum(&Icmpv6Packet::new(frame.get(ETHERNET + IPV6..)?)?, &own, &group);
    frame.get_mut(ETHERNET + IPV6 + 2..ETHERNET + IPV6 + 4)?.copy_from_slice(&sum.to_be_bytes());
    Some(frame)
}

fn fill(frame: &mut [u8], parts: &[&[u8]]) {
    for (to, from) in frame.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
}

/// Who says in a frame that it has the address.
fn holder(frame: &[u8], target: IpAddr) -> Option<MacAddr> {
    let (kind, packet) = (frame.get(12..ETHERNET)?, frame.get(ETHERNET..)?);
    let mac = |bytes: &[u8]| <[u8; 6]>::try_from(bytes).ok().map(MacAddr::from);
    match target {
        IpAddr::V4(target) => {
            let is_reply = kind == ARP && packet.get(6..8)? == [0, 2] && packet.get(14..18)? == target.octets();
            mac(packet.get(8..14).filter(|_| is_reply)?)
        }
        IpAddr::V6(target) => {
            let message = packet.get(IPV6..)?;
            let is_icmp = kind == IP6 && *packet.get(6)? == ICMPV6;
            let is_of_target = *message.first()? == ADVERTISEMENT && message.get(8..24)? == target.octets();
            (is_icmp && is_of_target).then_some(())?;
            // The option with the target's link-layer address; without it, it is the sender's.
            let option = message.get(24..32).filter(|option| option.starts_with(&[2, 1]));
            mac(option.map_or(frame.get(6..12)?, |option| option.get(2..).unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use pnet::datalink::MacAddr;
    use pnet::packet::arp::{ArpOperations, ArpPacket};
    use pnet::packet::icmpv6::{Icmpv6Packet, checksum};

    use super::{arp_probe, holder, solicitation};

    const MAC: MacAddr = MacAddr(2, 0, 0, 0, 0, 7);
    const FOUR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
    const SIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0x12, 0x3456);

    #[test]
    fn questions_are_what_their_documents_say() {
        let frame = arp_probe(MAC, FOUR);
        let arp = ArpPacket::new(&frame[14..]).unwrap();
        assert_eq!((arp.get_operation(), arp.get_target_proto_addr()), (ArpOperations::Request, FOUR));
        assert_eq!((arp.get_sender_hw_addr(), arp.get_sender_proto_addr()), (MAC, Ipv4Addr::UNSPECIFIED));
        let own = "fe80::1".parse().unwrap();
        let frame = solicitation(MAC, Some(own), SIX).unwrap();
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        let icmp = Icmpv6Packet::new(&frame[54..]).unwrap();
        assert_eq!(icmp.get_checksum(), checksum(&icmp, &own, &"ff02::1:ff12:3456".parse().unwrap()));
        assert_eq!(solicitation(MAC, None, SIX), None);
    }

    #[test]
    fn only_answers_about_the_address_count() {
        let mut reply = arp_probe(MAC, FOUR);
        reply[28..32].copy_from_slice(&FOUR.octets());
        assert_eq!(holder(&reply, FOUR.into()), None, "a request");
        reply[21] = 2;
        assert_eq!(holder(&reply, FOUR.into()), Some(MAC));
        assert_eq!(holder(&reply, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8))), None);
        assert_eq!(holder(&reply[..30], FOUR.into()), None);
        let mut advert = solicitation(MacAddr(2, 0, 0, 0, 0, 9), Some(SIX), SIX).unwrap();
        assert_eq!(holder(&advert, SIX.into()), None, "a question");
        advert[54] = 136;
        assert_eq!(holder(&advert, SIX.into()), Some(MacAddr(2, 0, 0, 0, 0, 9)), "the sender, without the option");
        advert[78] = 2;
        advert[85] = 7;
        assert_eq!(holder(&advert, SIX.into()), Some(MAC), "the option");
    }
}
