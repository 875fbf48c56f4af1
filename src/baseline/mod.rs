//! Baselines: reports reduced to their rounds, and the host they are comparable on.

pub mod facts;
mod files;
pub mod host;
pub mod metric_key;
pub mod metrics;
pub mod noise;
pub mod store;

pub use files::{baseline as baseline_file, noise as noise_file};
pub use metric_key::MetricKey;
