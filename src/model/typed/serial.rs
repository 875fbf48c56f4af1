//! Serial numbers of zones: RFC 1982.

use std::cmp::Ordering;

/// Compares as RFC 1982 section 3.2 says; nothing when the two are exactly half the circle apart.
#[must_use]
pub fn compare(one: u32, other: u32) -> Option<Ordering> {
    const HALF: u32 = 1 << 31;
    match one.wrapping_sub(other) {
        0 => Some(Ordering::Equal),
        HALF => None,
        step if step < HALF => Some(Ordering::Greater),
        _ => Some(Ordering::Less),
    }
}
