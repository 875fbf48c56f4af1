//! Pure numbers: samples, quantiles, histograms. Imports nothing of the project.

pub mod samples;
pub mod summary;

pub use samples::Samples;
pub use summary::Summary;
