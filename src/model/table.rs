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

/// Defines typed keys and the table of their rows in one place, so that no key can be missing from its table. Fields and
/// facts go by the same form:
///
/// ```text
/// keyed! { FieldInfo; pub(super) FIELDS;
///     pub(super) const HOST: Field<String> = Field::required("host", FieldKind::Host, "Name or address to ask.");
///     use ROOTS; // a key that several families share
/// }
/// ```
macro_rules! keyed {
    ($row:ty; $vis:vis $table:ident; $($keys:tt)+) => {
        $crate::model::table::keyed! { @next $row; ($vis $table) []; $($keys)+ }
    };
    (@next $row:ty; ($vis:vis $table:ident) [$($done:ident)+];) => {
        /// The rows of the keys above, in the order of the docs.
        $vis const $table: &[$row] = &[$($done.info),+];
    };
    (@next $row:ty; $to:tt [$($done:ident)*]; use $shared:ident; $($rest:tt)*) => {
        $crate::model::table::keyed! { @next $row; $to [$($done)* $shared]; $($rest)* }
    };
    (@next $row:ty; $to:tt [$($done:ident)*]; $(#[$doc:meta])* $vis:vis const $name:ident: $key:ty = $value:expr; $($rest:tt)*) => {
        $(#[$doc])* $vis const $name: $key = $value;
        $crate::model::table::keyed! { @next $row; $to [$($done)* $name]; $($rest)* }
    };
}
pub(crate) use keyed;

/// The fields of a family or a mode: `fields! { FIELDS; const HOST: Field<String> = …; }`, see [`keyed`].
macro_rules! fields {
    ($($keys:tt)+) => { $crate::model::table::keyed! { $crate::model::FieldInfo; $($keys)+ } };
}
pub(crate) use fields;

/// The facts of a family or a mode: `facts! { FACTS; const OUTCOME: Fact<Choice> = …; }`, see [`keyed`].
macro_rules! facts {
    ($($keys:tt)+) => { $crate::model::table::keyed! { $crate::model::FactInfo; $($keys)+ } };
}
pub(crate) use facts;

#[cfg(test)]
mod tests {
    #[test]
    fn parts_follow_each_other() {
        const TABLE: &[u8] = joined!(u8; &[], &[1, 2], &[], &[3]);
        assert_eq!(TABLE, [1, 2, 3]);
    }
}
