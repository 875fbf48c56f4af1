//! Pure numbers: samples, quantiles, histograms, and the tests comparisons rest on. Imports nothing of the project.

pub mod edivisive;
pub mod effect;
pub mod interleaved;
pub mod samples;
pub mod seed;
pub mod sessions;
pub mod splitmix;
pub mod summary;
pub mod typical;

pub use effect::Effect;
pub use samples::Samples;
pub use summary::Summary;

#[cfg(test)]
mod tests;
