//! Decimal numbers of any length, exactly: what JSON and YAML can write and a floating-point number would round.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Number;

/// A number: 0.DIGITS times ten to the power of `exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Neither begins nor ends with a zero; empty for zero.
    digits: String,
    exponent: i64,
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_size = || self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => by_size(),
            _ => by_size().reverse(),
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        if self.digits.is_empty() { f.write_str("0") } else { write!(f, "{sign}0.{}e{}", self.digits, self.exponent) }
    }
}

/// Reads a number as JSON writes it, a sign in front allowed.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if before.is_empty() || !all_digits(before) || !all_digits(after) || mantissa.ends_with('.') {
        return None;
    }
    let digits = format!("{before}{after}");
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0').to_owned();
    if digits.is_empty() {
        return Some(Decimal { negative: false, digits, exponent: 0 });
    }
    let places = i64::try_from(before.len()).ok()?.checked_sub(i64::try_from(zeros).ok()?)?;
    Some(Decimal { negative, digits, exponent: exponent.checked_add(places)? })
}

/// A number written plainly, without exponent and needless zeros in front: what is no id or hash by chance.
pub(super) fn plain(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let padded = unsigned.len() > 1 && unsigned.starts_with('0') && !unsigned.starts_with("0.");
    if padded || unsigned.contains(['e', 'E', '+']) { None } else { parse(text) }
}

/// Compares two numbers exactly; `None` for one beyond any exponent.
pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    // By far the most are small and whole.
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return Some(one.cmp(&other));
    }
    Some(parse(&one.to_string())?.cmp(&parse(&other.to_string())?))
}

/// Whether two numbers are one, exactly.
#[must_use]
pub fn same(one: &Number, other: &Number) -> bool {
    compare(one, other) == Some(Ordering::Equal)
}

/// The number a text is, if it is written as JSON writes numbers: every digit of it.
#[must_use]
pub fn text(text: &str) -> Option<Number> {
    serde_json::from_slice(text.as_bytes()).ok().filter(|_| parse(text).is_some())
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::{parse, plain};

    #[test]
    fn numbers_of_any_length_are_compared_exactly() {
        for (one, other, want) in [
            ("18446744073709551617", "18446744073709551616", Ordering::Greater),
            ("-9223372036854775809", "-9223372036854775808", Ordering::Less),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("1e400", "1e401", Ordering::Less),
            ("1e400", "10e399", Ordering::Equal),
            ("-1e400", "1e-400", Ordering::Less),
            ("0.1", "0.10", Ordering::Equal),
            ("0.1", "0.1000000000000000000001", Ordering::Less),
            ("0", "-0.0", Ordering::Equal),
            ("100", "1E2", Ordering::Equal),
            ("0.001", "1e-3", Ordering::Equal),
            ("12", "9", Ordering::Greater),
            ("-12", "-9", Ordering::Less),
        ] {
            assert_eq!(parse(one).unwrap().cmp(&parse(other).unwrap()), want, "{one} {other}");
            assert_eq!(parse(other).unwrap().cmp(&parse(one).unwrap()), want.reverse(), "{other} {one}");
        }
        for odd in ["", "-", ".5", "5.", "1e", "0x1", "1_000", "1e99999999999999999999", "NaN", "１"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        assert_eq!(plain("007"), None);
        assert_eq!(plain("1e5"), None);
        assert!(plain("-0.5").is_some());
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_whole_numbers(one in any::<i128>(), other in any::<i128>()) {
            prop_assert_eq!(parse(&one.to_string()).unwrap().cmp(&parse(&other.to_string()).unwrap()), one.cmp(&other));
        }
    }
}
