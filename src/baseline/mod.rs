//! Baselines: reports reduced to their rounds, and the host they are comparable on.

pub mod compare;
pub mod facts;
pub mod host;
pub mod noise;
pub mod store;
