//! The two sides of a case that is measured in two arms.

use super::Round;
use crate::model::comparison::Arm;

/// A side of a case that is judged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the check is about: of two arms, the new target.
    Subject,
    /// The old target of two.
    Base,
}

impl Side {
    /// The side of a round; none, if it does not count.
    pub(super) fn of(round: &Round) -> Option<Self> {
        let side = if round.arm == Some(Arm::Base) { Self::Base } else { Self::Subject };
        round.discarded.is_none().then_some(side)
    }
}
