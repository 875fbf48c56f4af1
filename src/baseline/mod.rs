//! Baselines: reports reduced to their rounds, and the host they are comparable on.

pub mod compare;
pub mod host;
pub mod store;
