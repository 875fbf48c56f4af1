//! Trends over a folder of reports: series of typical values, change points, exports. For people and other tools, never a gate.

pub mod export;
pub mod index;
pub mod reading;
pub mod run;
pub mod series;
pub mod spark;
pub mod table;
pub mod trend;

pub use run::Run;
pub use series::{Filter, Selected};
pub use trend::History;
