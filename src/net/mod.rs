//! Bytes and clocks: names to addresses, connections with phases, datagrams, schedules, and in `sys` what needs `unsafe`.

pub mod bytes;
pub mod clock;
pub mod datagram;
pub mod deadline;
pub mod dial;
pub mod endpoint;
pub mod handshakes;
pub mod heartbeat;
pub mod impair;
pub mod netns;
pub mod open_loop;
pub mod origin;
pub mod port_scan;
pub mod resolve;
pub mod scope;
pub mod sys;
pub mod this_host;

pub use deadline::Deadline;
pub use dial::{ConnectError, TcpConnection, connect};
pub use origin::Origin;
pub use resolve::{Addresses, IpVersion, resolve};
