//! The cases of a check that is a grid.

use std::path::Path;
use std::sync::Arc;

use super::{Builder, OwnCell, Written};
use crate::probe::PlannedCell;
use crate::suite::args::TypedArgs;
use crate::suite::check::Check;
use crate::suite::matrix;
use crate::suite::tree::Node;

impl Builder<'_> {
    /// Keys that say where a check looks from are within a grid.
    pub(super) fn only_a_grid(&mut self, node: &Node, family: &str) {
        for (key, help) in [
            ("matrix", "write its values in `from`, `to` and `ports`"),
            ("netns", "write it in `from`: `{name: NAME, netns: NAMESPACE}`"),
        ] {
            if let Some(written) = node.get(key) {
                self.errors.add(written.span, format!("`{family}` is a grid by itself, and has no `{key}`"), help);
            }
        }
    }

    pub(super) fn grid_case(
        &mut self,
        written: &Written<'_>,
        typed: &TypedArgs,
        planned: PlannedCell,
        folder: &Path,
    ) -> Option<Check> {
        let PlannedCell { cell, args, netns, host } = planned;
        let parts = matrix::grid_parts(&cell);
        let netns: Option<Arc<str>> = netns.map(Into::into);
        let own = OwnCell {
            id: matrix::id_of(written.name, &parts),
            parts,
            hosts: [host.within(netns.as_ref())].into(),
            netns,
            grid: Some(Arc::new(cell)),
        };
        let typed = TypedArgs { args, spans: typed.spans.clone(), wrong: typed.wrong.clone() };
        self.case(written, typed, own, folder)
    }
}
