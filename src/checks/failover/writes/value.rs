//! What a write carries: a number that no other run writes, and that tells which write it is.
//!
//! Digits alone, because they stay what they are in a URL, a JSON document, a header, a pattern and the key of a table; and at most
//! 2^53, so that whoever reads them as a number keeps them all.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Stands in texts of a suite where the value of a write goes.
pub(in crate::checks::failover) const MARK: &str = "{number}";
/// What the number of the run is multiplied by: the number of a write is below.
const WRITES: u64 = 10_000_000;
/// The least number of a run, and how many there are: nine digits each.
const RUNS: (u64, u64) = (100_000_000, 800_000_000);
/// Digits of a value.
const DIGITS: usize = 16;

/// Tells the values of one run of a stream from those of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::checks::failover) struct RunNumber(u64);

impl RunNumber {
    /// For a look at what the values will be like, before anything is sent.
    pub(super) const SAMPLE: Self = Self(RUNS.0);

    /// A new one. Not of the seed of the run: what is repeated with the same seed must not find the values of the first time.
    pub(super) fn random() -> Self {
        Self(RUNS.0 + RandomState::new().build_hasher().finish() % RUNS.1)
    }

    /// The value of a write.
    pub(in crate::checks::failover) fn value(self, number: u64) -> String {
        (self.0 * WRITES + number % WRITES).to_string()
    }

    /// The writes of this run whose values stand in a text, in the order in which they stand there.
    pub(super) fn writes_in(self, text: &str) -> impl Iterator<Item = u64> {
        let all = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == DIGITS);
        all.filter_map(|digits| digits.parse::<u64>().ok())
            .filter(move |value| value / WRITES == self.0)
            .map(|value| value % WRITES)
    }
}

#[cfg(test)]
mod tests {
    use super::{RUNS, RunNumber};

    #[test]
    fn a_value_tells_its_run_and_its_write() {
        let (one, two) = (RunNumber(412_345_678), RunNumber(412_345_679));
        assert_eq!((one.value(17), two.value(0)), ("4123456780000017".to_owned(), "4123456790000000".to_owned()));
        let text = format!(
            r#"[{{"id": {}}}, "x{}y", {}, 041234567800000180, {}]"#,
            one.value(3),
            one.value(17),
            two.value(5),
            one.value(3)
        );
        assert_eq!(one.writes_in(&text).collect::<Vec<_>>(), [3, 17, 3]);
        assert_eq!(two.writes_in(&text).collect::<Vec<_>>(), [5]);
        assert_eq!(
            one.writes_in("41234567800000171 4123456780000017.5e1").collect::<Vec<_>>(),
            [17],
            "no part of a longer one"
        );
    }

    #[test]
    fn any_value_is_a_whole_number_of_json() {
        let largest = RunNumber(RUNS.0 + RUNS.1 - 1).value(9_999_999);
        assert!(largest.len() == 16 && largest.parse::<u64>().unwrap() <= 1 << 53, "{largest}");
        let drawn: std::collections::BTreeSet<u64> = (0..64).map(|_| RunNumber::random().0).collect();
        assert!(drawn.len() > 60 && drawn.iter().all(|run| (RUNS.0..RUNS.0 + RUNS.1).contains(run)), "{drawn:?}");
    }
}
