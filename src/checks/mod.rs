//! The families. `families!` is the only place that lists them; `shared` holds what several of them read alike.

use crate::probe::Family;

pub mod shared;

macro_rules! families {
    ($($module:ident :: $probe:ident),+ $(,)?) => {
        $(pub mod $module;)+
        /// Every family, in the order docs list them.
        pub static FAMILIES: &[Family] = &[$(Family::of::<$module::$probe>(
            stringify!($module),
            include_str!(concat!(stringify!($module), "/README.md")),
            include_str!(concat!(stringify!($module), "/example.yaml")),
        )),+];
    };
}

families! {
    tcp::Tcp,
    udp::Udp,
    icmp::Icmp,
    ports::Ports,
    reach::Reach,
    trace::Trace,
    http::Http,
    dns::Dns,
    tls::Tls,
    throughput::Throughput,
    failover::Failover,
}

/// A family by its key.
#[must_use]
pub fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

#[cfg(test)]
mod tests;
