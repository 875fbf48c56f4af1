//! Serial numbers of zones: RFC 1982.

use std::cmp::Ordering;

use crate::model::typed::serial_order as compare;

/// `one` is `other` or comes after it.
pub(super) fn reached(one: u32, other: u32) -> bool {
    compare(one, other).is_some_and(Ordering::is_ge)
}

/// The serial that comes after all others, and how far the last of them is behind it. The order is a circle: when no
/// serial comes after all others, there is none.
pub(super) fn ahead(serials: &[u32]) -> Option<(u32, u32)> {
    let first = serials.iter().copied().find(|one| serials.iter().all(|other| reached(*one, *other)))?;
    let spread = serials.iter().map(|serial| first.wrapping_sub(*serial)).max()?;
    Some((first, spread))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{ahead, compare, reached};

    #[test]
    fn serials_wrap_around() {
        for (one, other, want) in [
            (1, 0, Some(Ordering::Greater)),
            (0, u32::MAX, Some(Ordering::Greater)),
            (44, 44, Some(Ordering::Equal)),
            (100, 2_147_483_747, Some(Ordering::Less)),
            (100, 2_147_483_748, None),
            (100, 2_147_483_749, Some(Ordering::Greater)),
        ] {
            assert_eq!(compare(one, other), want, "{one} {other}");
        }
        assert!(reached(5, u32::MAX) && !reached(u32::MAX, 5) && reached(7, 7));
    }

    #[test]
    fn the_one_ahead_of_all_is_found_across_the_wrap() {
        assert_eq!(ahead(&[u32::MAX, 0, u32::MAX - 2]), Some((0, 3)));
        assert_eq!(ahead(&[2_026_010_101, 2_026_010_103, 2_026_010_103]), Some((2_026_010_103, 2)));
        assert_eq!(ahead(&[9]), Some((9, 0)));
        assert_eq!(ahead(&[]), None);
        // Each of three is ahead of the next: a circle without a first.
        assert_eq!(ahead(&[0, 1 << 30, 1 << 31, 3 << 30]), None);
        assert_eq!(ahead(&[0, 1_431_655_765, 2_863_311_530]), None);
    }
}
