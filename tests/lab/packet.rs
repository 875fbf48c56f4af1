//! Frames as the forwarder sees them.

use pnet::packet::icmp::{IcmpCode, IcmpPacket, IcmpType, IcmpTypes, MutableIcmpPacket, checksum};
use pnet::packet::icmpv6::{self, Icmpv6Packet, Icmpv6Types, MutableIcmpv6Packet};
use pnet::packet::ipv4::{self, Ipv4Packet, MutableIpv4Packet};
use pnet::packet::ipv6::{Ipv6Packet, MutableIpv6Packet};
use pnet::packet::{Packet as _, ip::IpNextHeaderProtocols};

use super::{ETHERTYPE_IPV6, ROUTER, ROUTER_V6};

/// Bytes before the IP packet.
const ETHERNET: usize = 14;
const IP: usize = 20;
const IPV6: usize = 40;
const ICMP: usize = 8;

/// An echo request or reply.
pub struct Echo {
    pub is_request: bool,
    pub sequence: u16,
    /// Bytes of the IP packet.
    pub length: usize,
    pub dont_fragment: bool,
    pub traffic_class: u8,
}

/// `None` for anything else.
pub fn echo(frame: &[u8]) -> Option<Echo> {
    if is_ipv6(frame) { echo_v6(frame) } else { echo_v4(frame) }
}

fn is_ipv6(frame: &[u8]) -> bool {
    frame.get(12..ETHERNET) == Some(&ETHERTYPE_IPV6.to_be_bytes())
}

fn echo_v4(frame: &[u8]) -> Option<Echo> {
    let packet = Ipv4Packet::new(frame.get(ETHERNET..)?)?;
    let first = packet.get_next_level_protocol() == IpNextHeaderProtocols::Icmp && packet.get_fragment_offset() == 0;
    let icmp = IcmpPacket::new(packet.payload()).filter(|_| first)?;
    let is_request = icmp.get_icmp_type() == IcmpTypes::EchoRequest;
    (is_request || icmp.get_icmp_type() == IcmpTypes::EchoReply).then_some(())?;
    let sequence = u16::from_be_bytes(icmp.payload().get(2..4)?.try_into().ok()?);
    Some(Echo {
        is_request,
        sequence,
        length: packet.get_total_length().into(),
        dont_fragment: packet.get_flags() & ipv4::Ipv4Flags::DontFragment != 0,
        traffic_class: packet.get_dscp() << 2 | packet.get_ecn(),
    })
}

fn echo_v6(frame: &[u8]) -> Option<Echo> {
    let packet = Ipv6Packet::new(frame.get(ETHERNET..)?)?;
    let whole = packet.get_next_header() == IpNextHeaderProtocols::Icmpv6;
    let icmp = Icmpv6Packet::new(packet.payload()).filter(|_| whole)?;
    let is_request = icmp.get_icmpv6_type() == Icmpv6Types::EchoRequest;
    (is_request || icmp.get_icmpv6_type() == Icmpv6Types::EchoReply).then_some(())?;
    let sequence = u16::from_be_bytes(icmp.payload().get(2..4)?.try_into().ok()?);
    Some(Echo {
        is_request,
        sequence,
        length: IPV6 + usize::from(packet.get_payload_length()),
        // No router fragments.
        dont_fragment: true,
        traffic_class: packet.get_traffic_class(),
    })
}

/// The frame with which a router says that `frame` is too long for a link with this MTU (RFC 1191).
pub fn too_big(frame: &[u8], mtu: usize) -> Option<Vec<u8>> {
    if is_ipv6(frame) {
        return too_big_v6(frame, mtu);
    }
    let packet = Ipv4Packet::new(frame.get(ETHERNET..)?)?;
    let quoted = frame.get(ETHERNET..ETHERNET + IP + 8)?;
    let mut out = vec![0; ETHERNET + IP + ICMP + quoted.len()];
    out[..6].copy_from_slice(&frame[6..12]);
    out[6..12].copy_from_slice(&frame[..6]);
    out[12..ETHERNET].copy_from_slice(&frame[12..ETHERNET]);
    let message = &mut out[ETHERNET + IP..];
    message[ICMP..].copy_from_slice(quoted);
    message[6..8].copy_from_slice(&u16::try_from(mtu).ok()?.to_be_bytes());
    let mut icmp = MutableIcmpPacket::new(message)?;
    icmp.set_icmp_type(IcmpType::new(3));
    icmp.set_icmp_code(IcmpCode::new(4));
    let sum = checksum(&icmp.to_immutable());
    icmp.set_checksum(sum);
    let length = u16::try_from(out.len() - ETHERNET).ok()?;
    let mut head = MutableIpv4Packet::new(&mut out[ETHERNET..])?;
    head.set_version(4);
    head.set_header_length(5);
    head.set_total_length(length);
    head.set_ttl(64);
    head.set_next_level_protocol(IpNextHeaderProtocols::Icmp);
    head.set_source(ROUTER);
    head.set_destination(packet.get_source());
    let sum = ipv4::checksum(&head.to_immutable());
    head.set_checksum(sum);
    Some(out)
}

/// The same of IPv6 (RFC 4443, 3.2).
fn too_big_v6(frame: &[u8], mtu: usize) -> Option<Vec<u8>> {
    let packet = Ipv6Packet::new(frame.get(ETHERNET..)?)?;
    let quoted = frame.get(ETHERNET..ETHERNET + IPV6 + 64)?;
    let mut out = vec![0; ETHERNET + IPV6 + ICMP + quoted.len()];
    out[..6].copy_from_slice(&frame[6..12]);
    out[6..12].copy_from_slice(&frame[..6]);
    out[12..ETHERNET].copy_from_slice(&frame[12..ETHERNET]);
    let message = &mut out[ETHERNET + IPV6..];
    message[ICMP..].copy_from_slice(quoted);
    message[4..8].copy_from_slice(&u32::try_from(mtu).ok()?.to_be_bytes());
    let mut icmp = MutableIcmpv6Packet::new(message)?;
    icmp.set_icmpv6_type(Icmpv6Types::PacketTooBig);
    let sum = icmpv6::checksum(&icmp.to_immutable(), &ROUTER_V6, &packet.get_source());
    icmp.set_checksum(sum);
    let length = u16::try_from(ICMP + quoted.len()).ok()?;
    let mut head = MutableIpv6Packet::new(&mut out[ETHERNET..])?;
    head.set_version(6);
    head.set_payload_length(length);
    head.set_next_header(IpNextHeaderProtocols::Icmpv6);
    head.set_hop_limit(64);
    head.set_source(ROUTER_V6);
    head.set_destination(packet.get_source());
    Some(out)
}

/// Changes the class of service of a packet.
pub fn mark(frame: &mut [u8], dscp: u8) {
    let mut packet = MutableIpv4Packet::new(&mut frame[ETHERNET..]).unwrap();
    packet.set_dscp(dscp);
    let sum = ipv4::checksum(&packet.to_immutable());
    packet.set_checksum(sum);
}
