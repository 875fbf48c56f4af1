//! The system below tokio and socket2: the only place for `unsafe`, and processor time.

pub mod addrinfo;
pub mod async_fd;
pub mod cpu;
pub mod fragment;
pub mod icmp_filter;
pub mod interface_mtu;
pub mod limits;
#[cfg(target_os = "linux")]
pub mod mmsg;
pub mod session;
pub mod sockopt;
pub mod tcp_info;
pub mod timer;
