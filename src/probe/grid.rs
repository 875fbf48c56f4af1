//! A check that is a grid: it becomes a case for each of its cells.

use super::Host;
use crate::model::{Args, GridCell, Invalid};

/// Gives the cells of a check with these arguments.
pub type Grid = fn(&Args) -> Result<Vec<PlannedCell>, Invalid>;

/// One cell, as a check of its own.
pub struct PlannedCell {
    /// What it asks.
    pub cell: GridCell,
    /// The arguments of this cell alone.
    pub args: Args,
    /// The network namespace it runs in, where it names one.
    pub netns: Option<String>,
    /// The host it is about.
    pub host: Host,
}
