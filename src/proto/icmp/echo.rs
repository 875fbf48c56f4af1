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
pub const NUMBERED: usize = 16;
/// Payload with a tag, a number, and what makes the checksum that of the flow.
pub const BALANCED: usize = 18;

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
    /// All requests of a flow have one checksum, another one than those of other flows, since routers may choose a way by it; of payloads
    /// of at least [`BALANCED`] bytes.
    pub flow: Option<u16>,
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
    /// A reply to one of ours that is not what was sent: another length, payload, sequence number or checksum.
    Altered(Number),
    /// Not ours.
    Other,
}

impl Number {
    /// As the header has it: for a reply whose payload tells the number of a probe that was not sent.
    #[must_use]
    pub fn low(self) -> Self {
        match self {
            Self::Exact(number) => Self::Low((number & 0xffff) as u16),
            low @ Self::Low(_) => low,
        }
    }

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
        packet.extend(self.balance(number).into_iter().flatten());
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
        let low = self.sequence(message).filter(|_| kind)?;
        // With a tag that is not ours the number in the payload means nothing; the identifier is ours, and the kernel or a chance
        // of one in 65,536 keeps the replies to others away.
        let number = self.number(message).unwrap_or(Number::Low(low));
        Some(if sound && self.is_echo(message, number, low) {
            Received::Reply(number)
        } else {
            Received::Altered(number)
        })
    }

    /// Two bytes that take out of the checksum what the number puts into it, in the sequence number and in the payload.
    fn balance(&self, number: u32) -> Option<[u8; 2]> {
        let flow = self.flow.filter(|_| self.size >= BALANCED)?;
        let [a, b, c, d] = number.to_be_bytes();
        let (high, low) = (u32::from(u16::from_be_bytes([a, b])), u32::from(u16::from_be_bytes([c, d])));
        // Sums of RFC 1071 are those of a circle of 65,535 numbers.
        let rest = (u32::from(flow) + 0xffff - (high + 2 * low) % 0xffff) % 0xffff;
        let [.., high, low] = rest.to_be_bytes();
        Some([high, low])
    }

    /// Whether the payload is what the request of `number` had, byte by byte, and the header's sequence number that of the payload.
    fn is_echo(&self, message: &[u8], number: Number, low: u16) -> bool {
        let payload = message.get(HEADER..).unwrap_or_default();
        let Number::Exact(number) = number else {
            let (tag, rest) = payload.split_at(self.tagged().min(payload.len()));
            // Where a number belongs, whatever stands there instead is not what was sent.
            let sent = self.size < NUMBERED && payload.len() == self.size;
            return sent && self.tag.to_be_bytes().starts_with(tag) && is_filling(rest);
        };
        let (head, rest) = payload.split_at(NUMBERED.min(payload.len()));
        let (tag, own) = head.split_at(TAGGED.min(head.len()));
        let is_own = tag == self.tag.to_be_bytes() && own == u64::from(number).to_be_bytes();
        let balance = self.balance(number);
        let rest = balance.as_ref().map_or(Some(rest), |balance| rest.strip_prefix(balance));
        payload.len() == self.size && is_own && rest.is_some_and(is_filling) && number & 0xffff == u32::from(low)
    }

    /// Bytes of the tag in a payload too short for a number.
    fn tagged(&self) -> usize {
        if self.size >= TAGGED { TAGGED } else { 0 }
    }

    /// The sequence number of an echo message with our identifier.
    fn sequence(&self, message: &[u8]) -> Option<u16> {
        let id = u16::from_be_bytes(field(message, 4)?);
        if self.id.is_some_and(|own| own != id) {
            return None;
        }
        field(message, 6).map(u16::from_be_bytes)
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
        let low = Number::Low(self.sequence(message)?);
        if self.size >= TAGGED && field(message, HEADER).is_some_and(|tag| u64::from_be_bytes(tag) != self.tag) {
            return None;
        }
        if self.size < NUMBERED {
            return Some(low);
        }
        match field(message, HEADER + TAGGED).map(u64::from_be_bytes) {
            Some(number) => u32::try_from(number).ok().map(Number::Exact),
            None => Some(low),
        }
    }
}

/// The requests of one run, for who sends many: all are one packet, of which only the numbers change.
#[derive(Clone, Debug)]
pub struct Requests {
    packet: Vec<u8>,
    /// The sum of its words without the numbers (RFC 1071); `None` where the kernel fills it in.
    sum: Option<u32>,
}

impl Requests {
    /// Those of `echo`, whose payload has room for the number.
    #[must_use]
    pub fn new(echo: &Echo) -> Self {
        let packet = Echo { size: echo.size.max(NUMBERED), ..*echo }.request(0);
        let sum = (!echo.v6).then(|| u32::from(!field(&packet, 2).map_or(0, u16::from_be_bytes)));
        Self { packet, sum }
    }

    /// The request of probe `number`, as [`Echo::request`] makes it.
    pub fn of(&mut self, number: u32) -> &[u8] {
        let [a, b, c, d] = number.to_be_bytes();
        let (high, low) = (u32::from(u16::from_be_bytes([a, b])), u32::from(u16::from_be_bytes([c, d])));
        self.put(6, &[c, d]);
        self.put(HEADER + NUMBERED - 4, &[a, b, c, d]);
        if let Some(sum) = self.sum {
            let sum = sum + high + 2 * low;
            let folded = (sum & 0xffff) + (sum >> 16);
            let folded = (folded & 0xffff) + (folded >> 16);
            let [.., high, low] = (!folded).to_be_bytes();
            self.put(2, &[high, low]);
        }
        &self.packet
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.packet.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

/// Bytes that count up, as the rest of every payload does.
fn is_filling(bytes: &[u8]) -> bool {
    bytes.iter().zip((0_u8..=255).cycle()).all(|(byte, own)| *byte == own)
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
