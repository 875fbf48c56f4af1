//! What to send to a UDP port, so that the protocol that is usually there answers. None of these changes anything.

/// Port, and the datagram: from the document named.
const TABLE: &[(&[u16], &[u8])] = &[
    // DNS (RFC 1035, 4.1): the name servers of the root, without recursion. A server answers, if only that it refuses.
    (&[53], b"\x53\x44\0\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01"),
    // Portmapper (RFC 1057, 9.1): procedure 0 of program 100000, version 2.
    (&[111], b"\x53\x44\x50\x53\0\0\0\0\0\0\0\x02\0\x01\x86\xa0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    // NTP (RFC 5905, 7.3): a client's request of version 4.
    (&[123], b"\xe3\0\x06\xec\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    // NetBIOS (RFC 1002, 4.2.17): the status of all names.
    (&[137], b"\x53\x44\0\0\0\x01\0\0\0\0\0\0\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01"),
    // SNMP (RFC 1157, 4.1.2): GetRequest of community `public`. Other communities stay silent.
    (
        &[161],
        b"\x30\x26\x02\x01\0\x04\x06public\xa0\x19\x02\x04\x53\x44\x50\x53\x02\x01\0\x02\x01\0\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\0",
    ),
    // STUN (RFC 5389, 6): a binding request.
    (&[3478], b"\0\x01\0\0\x21\x12\xa4\x42shakedown-12"),
    // CoAP (RFC 7252, 3): GET /.well-known/core.
    (&[5683], b"\x40\x01\x53\x44\xbb.well-known\x04core"),
    // memcached (doc/protocol.txt, UDP protocol): the frame's header, and its version.
    (&[11211], b"\x53\x44\0\0\0\x01\0\0version\r\n"),
];
/// Ports of protocols over QUIC.
const QUIC: &[u16] = &[443, 784, 853, 8443];
/// Least size of a datagram to which a server that does not know the version of QUIC answers with those it knows (RFC 9000, 6.1 and
/// 14.1).
const QUIC_SIZE: usize = 1200;

/// The datagram for a port; empty where none is known to be answered.
#[must_use]
pub fn of(port: u16) -> Vec<u8> {
    if QUIC.contains(&port) {
        // A long header of a version that is reserved to be unknown (RFC 9000, 15), two connection identifiers of 8 bytes.
        let mut packet = b"\xc0\x1a\x2a\x3a\x4a\x08shakedwn\x08portscan".to_vec();
        packet.resize(QUIC_SIZE, 0);
        return packet;
    }
    TABLE.iter().find(|(ports, _)| ports.contains(&port)).map(|(_, datagram)| datagram.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Message;

    #[test]
    fn datagrams_are_what_their_documents_say() {
        assert_eq!(Message::from_vec(&super::of(53)).unwrap().queries.len(), 1);
        assert_eq!((super::of(123).len(), super::of(443).len(), super::of(3478).len()), (48, 1200, 20));
        assert_eq!((super::of(111).len(), super::of(137).len(), super::of(9)), (40, 50, Vec::new()));
        let snmp = super::of(161);
        assert_eq!((usize::from(snmp[1]) + 2, usize::from(snmp[14]) + 15), (snmp.len(), snmp.len()));
    }
}
