//! Tables put together from parts, so that each part of a family keeps its rows beside its code.

/// The parts one after the other. `N` is the sum of their lengths, and at least 1; `joined!` counts it.
#[must_use]
pub const fn concat<T: Copy, const N: usize>(parts: &[&[T]]) -> [T; N] {
    let mut first = 0;
    while parts[first].is_empty() {
        first += 1;
    }
    let mut out = [parts[first][0]; N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            out[at] = parts[part][row];
            at += 1;
            row += 1;
        }
        part += 1;
    }
    out
}

/// How many rows the parts have.
#[must_use]
pub const fn rows<T>(parts: &[&[T]]) -> usize {
    let (mut part, mut sum) = (0, 0);
    while part < parts.len() {
        sum += parts[part].len();
        part += 1;
    }
    sum
}

/// One static table of several: `joined!(FactInfo; A, B)` is a `&'static [FactInfo]`.
macro_rules! joined {
    ($row:ty; $($part:expr),+ $(,)?) => {{
        const PARTS: &[&[$row]] = &[$($part),+];
        const ROWS: usize = $crate::model::table::rows(PARTS);
        const TABLE: [$row; ROWS] = $crate::model::table::concat::<$row, ROWS>(PARTS);
        &TABLE
    }};
}
pub(crate) use joined;

#[cfg(test)]
mod tests {
    #[test]
    fn parts_follow_each_other() {
        const TABLE: &[u8] = joined!(u8; &[], &[1, 2], &[], &[3]);
        assert_eq!(TABLE, [1, 2, 3]);
    }
}
