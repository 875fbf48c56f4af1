//! What several families share: names to addresses, connections with phases, schedules, raw sockets.

pub mod bytes;
pub mod clock;
pub mod datagram;
pub mod dial;
pub mod dnssec;
pub mod endpoint;
pub mod fetch;
pub mod icmp;
pub mod iperf3;
pub mod pacer;
pub mod quic;
pub mod resolve;
pub mod scope;
pub mod sys;
pub mod tls;
pub mod udp;
pub mod watch;

pub use dial::{Dialled, Refusal, connect};
pub use pacer::Pacer;
pub use resolve::{IpFamily, resolve};
