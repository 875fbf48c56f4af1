//! The only place for `unsafe`: socket features that neither tokio nor socket2 shows.

pub mod fragment;
#[cfg(target_os = "linux")]
pub mod mmsg;
pub mod sockopt;
pub mod tcp_info;
pub mod timer;
pub mod watch;
