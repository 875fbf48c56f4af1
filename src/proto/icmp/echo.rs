//! Echo requests and replies, and whose they are.
//!
//! The payload begins with a tag of 64 random bits and the number of the probe in 64 bits, where it is long enough, so
//! that another ping of this host, or another run, is never taken for ours. Everything here reads bytes from the network:
//! nothing indexes, nothing can panic.

use pnet::packet::icmp::{self, IcmpPacket, IcmpTypes};
use pnet::packet::icmpv6::{Icmpv6Packet, Icmpv6Types};

/// ICMP header of an echo message.
pub const HEADER: usize = 8;
/// Payload with a tag.
const TAGGED: usize = 8;
/// Payload with a tag and a number.
const NUMBERED: usize = 16;

/// The common part of all echo requests of one run.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// `ICMPv6` instead of ICMP.
    pub v6: bool,
    /// Identifier; `None` where the kernel sets its own and keeps the replies of others away (ping sockets).
    pub id: Option<u16>,
    /// Random bits of this run.
    pub tag: u64,
    /// Payload bytes.
    pub size: usize,
}

/// Which probe a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Read from the payload: exact.
    Exact(u32),
    /// Sequence field of the header: the lower 16 bits.
    Low(u16),
}

/// A received packet, as far as it concerns this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A reply to one of ours.
    Reply(Number),
    /// A reply to one of ours, shorter or longer than asked, or with a wrong checksum.
    Damaged,
    /// Not ours.
    Other,
}

impl Number {
    /// The probe among `sent` probes so far: the newest one that fits.
    #[must_use]
    pub fn of(self, sent: u32) -> Option<u32> {
        let newest = sent.checked_sub(1)?;
        match self {
            Self::Exact(number) => Some(number).filter(|n| *n <= newest),
            Self::Low(low) => {
                let behind = (newest & 0xffff).wrapping_sub(u32::from(low)) & 0xffff;
                newest.checked_sub(behind)
            }
        }
    }
}

impl Echo {
    /// The request of probe `number`.
    #[must_use]
    pub fn request(&self, number: u32) -> Vec<u8> {
        let [.., high, low] = number.to_be_bytes();
        let [id_high, id_low] = self.id.unwrap_or(0).to_be_bytes();
        let kind = if self.v6 { Icmpv6Types::EchoRequest.0 } else { IcmpTypes::EchoRequest.0 };
        let mut packet = Vec::with_capacity(HEADER + self.size);
        packet.extend_from_slice(&[kind, 0, 0, 0, id_high, id_low, high, low]);
        if self.size >= TAGGED {
            packet.extend_from_slice(&self.tag.to_be_bytes());
        }
        if self.size >= NUMBERED {
            packet.extend_from_slice(&u64::from(number).to_be_bytes());
        }
        packet.extend((0_u8..=255).cycle().take((HEADER + self.size).saturating_sub(packet.len())));
        // The kernel fills in the checksum of ICMPv6, whose pseudo header needs the source address.
        if !self.v6 {
            seal(&mut packet);
        }
        packet
    }

    /// Classifies `packet`; `ip_header` when an IPv4 header stands before the message, as on raw sockets.
    #[must_use]
    pub fn read(&self, packet: &[u8], ip_header: bool) -> Received {
        let message = if ip_header { behind_ipv4(packet) } else { Some(packet) };
        message.and_then(|message| self.reply(message)).unwrap_or(Received::Other)
    }

    fn reply(&self, message: &[u8]) -> Option<Received> {
        let (kind, sound) = if self.v6 {
            (Icmpv6Packet::new(message)?.get_icmpv6_type() == Icmpv6Types::EchoReply, true)
        } else {
            let packet = IcmpPacket::new(message)?;
            (packet.get_icmp_type() == IcmpTypes::EchoReply, packet.get_checksum() == icmp::checksum(&packet))
        };
        let number = self.number(message).filter(|_| kind)?;
        let whole = message.len() == HEADER + self.size;
        Some(if whole && sound { Received::Reply(number) } else { Received::Damaged })
    }

    /// The probe an ICMP error quotes; routers quote the echo header at least, and the payload often not.
    #[must_use]
    pub fn quoted(&self, message: &[u8]) -> Option<Number> {
        let request = if self.v6 {
            Icmpv6Packet::new(message)?.get_icmpv6_type() == Icmpv6Types::EchoRequest
        } else {
            IcmpPacket::new(message)?.get_icmp_type() == IcmpTypes::EchoRequest
        };
        self.number(message).filter(|_| request)
    }

    /// The number of our probe in an echo message; `None` when identifier or tag are not ours. A payload cut off before
    /// the end of the tag proves nothing against it.
    fn number(&self, message: &[u8]) -> Option<Number> {
        let id = u16::from_be_bytes(field(message, 4)?);
        if self.id.is_some_and(|own| own != id) {
            return None;
        }
        if self.size >= TAGGED && field(message, HEADER).is_some_and(|tag| u64::from_be_bytes(tag) != self.tag) {
            return None;
        }
        let low = Number::Low(u16::from_be_bytes(field(message, 6)?));
        if self.size < NUMBERED {
            return Some(low);
        }
        match field(message, HEADER + TAGGED).map(u64::from_be_bytes) {
            Some(number) => u32::try_from(number).ok().map(Number::Exact),
            None => Some(low),
        }
    }
}

fn field<const N: usize>(message: &[u8], at: usize) -> Option<[u8; N]> {
    message.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn behind_ipv4(packet: &[u8]) -> Option<&[u8]> {
    let first = packet.first()?;
    (first >> 4 == 4).then_some(())?;
    packet.get(usize::from(first & 0x0f) * 4..)
}

fn seal(packet: &mut [u8]) {
    if let Some(mut message) = icmp::MutableIcmpPacket::new(packet) {
        let sum = icmp::checksum(&message.to_immutable());
        message.set_checksum(sum);
    }
}

#[cfg(test)]
mod tests;
