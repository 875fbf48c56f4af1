//! Protocols: bytes and state machines of TLS, DNS, DNSSEC, QUIC, ICMP, HTTP, iperf3, and HAProxy's runtime API. A protocol knows
//! sockets and clocks ([`net`](crate::net)); it knows nothing of suites: no fields, no facts, no context of a probe.

pub mod dns;
pub mod dnssec;
pub mod haproxy;
pub mod http;
pub mod icmp;
pub mod iperf3;
pub mod neighbour;
pub mod quic;
pub mod stray_ack;
pub mod tls;
