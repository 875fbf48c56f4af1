//! Quantities with units: `5ms`, `14d`, `9 Gbit/s`, `1472 B`, `98%`, `1000 /s`.

use super::unit::Unit;

/// Symbols per unit with their factor to the base unit. The first is what messages suggest.
fn symbols(unit: Unit) -> &'static [(&'static str, f64)] {
    match unit {
        Unit::Seconds => &[
            ("s", 1.0),
            ("ms", 1e-3),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("ns", 1e-9),
            ("m", 60.0),
            ("min", 60.0),
            ("h", 3600.0),
            ("d", 86_400.0),
        ],
        Unit::Bytes => &[
            ("B", 1.0),
            ("kB", 1e3),
            ("MB", 1e6),
            ("GB", 1e9),
            ("KiB", 1024.0),
            ("MiB", 1_048_576.0),
            ("GiB", 1_073_741_824.0),
        ],
        Unit::BitsPerSecond => &[("bit/s", 1.0), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9), ("Tbit/s", 1e12)],
        Unit::Ratio => &[("%", 0.01)],
        Unit::PerSecond => &[("/s", 1.0)],
        Unit::Count => &[],
    }
}

/// Reads a quantity of `unit`; the number comes back in the base unit. `Err` says what to write.
pub fn parse(text: &str, unit: Unit) -> Result<f64, String> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (digits, symbol) = text.split_at(split);
    let symbol = symbol.trim_start();
    let number: f64 = digits
        .parse()
        .ok()
        .filter(|_| digits.ends_with(|c: char| c.is_ascii_digit()))
        .filter(|n: &f64| n.is_finite())
        .ok_or_else(|| format!("`{text}` does not begin with a number"))?;
    if unit == Unit::Count {
        if let Some(why) = octal(text) {
            return Err(why);
        }
        return if symbol.is_empty() {
            Ok(number)
        } else {
            Err(format!("`{text}` is no number: `{symbol}` does not belong here"))
        };
    }
    if symbol.is_empty() {
        return Err(format!("`{text}` has no unit"));
    }
    match symbols(unit).iter().find(|(known, _)| *known == symbol) {
        Some((_, factor)) => Ok(scale(number, *factor)),
        None => Err(format!("`{symbol}` is no unit here (use {})", names(unit))),
    }
}

/// What is wrong with a number that begins with a zero: some readers of YAML take `010` for eight.
#[must_use]
pub fn octal(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let zero = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    zero.then(|| format!("`{text}` begins with a zero, which some readers of YAML take for octal"))
}

/// Divides by the reciprocal where that is exact: 3 ms is the double nearest to 0.003, not 3 times the one nearest 0.001.
fn scale(number: f64, factor: f64) -> f64 {
    if factor < 1.0 { number / (1.0 / factor).round() } else { number * factor }
}

/// Every unit symbol, for docs and messages.
#[must_use]
pub fn names(unit: Unit) -> String {
    symbols(unit).iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A regular expression of every spelling, for the JSON Schema.
#[must_use]
pub fn pattern(unit: Unit) -> String {
    let mut names: Vec<String> = symbols(unit).iter().map(|(name, _)| name.replace('/', "\\/")).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    format!("^[+-]?[0-9]*\\.?[0-9]+ *({})$", names.join("|"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, pattern};
    use crate::model::Unit;

    #[test]
    fn the_spellings_of_the_docs() {
        for (text, unit, want) in [
            ("5ms", Unit::Seconds, 0.005),
            ("2s", Unit::Seconds, 2.0),
            ("14d", Unit::Seconds, 1_209_600.0),
            ("9 Gbit/s", Unit::BitsPerSecond, 9e9),
            ("1472 B", Unit::Bytes, 1472.0),
            ("98%", Unit::Ratio, 0.98),
            ("0%", Unit::Ratio, 0.0),
            ("1000 /s", Unit::PerSecond, 1000.0),
            ("250us", Unit::Seconds, 0.000_25),
            ("1 MiB", Unit::Bytes, 1_048_576.0),
            ("42", Unit::Count, 42.0),
            ("-3", Unit::Count, -3.0),
        ] {
            let got = parse(text, unit).unwrap();
            assert!((got - want).abs() <= want.abs() * 1e-12, "{text}: {got}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, unit, want) in [
            ("500", Unit::Seconds, "has no unit"),
            ("2sec", Unit::Seconds, "`sec` is no unit here"),
            ("9Gbps", Unit::BitsPerSecond, "`Gbps` is no unit here"),
            ("fast", Unit::Seconds, "does not begin with a number"),
            ("5ms", Unit::Count, "is no number"),
            ("", Unit::Ratio, "does not begin"),
            ("1.2.3s", Unit::Seconds, "does not begin"),
        ] {
            let error = parse(text, unit).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_the_schema(text in "\\PC{0,12}") {
            let schema = regex::Regex::new(&pattern(Unit::Seconds)).unwrap();
            if schema.is_match(&text) {
                prop_assert!(parse(&text, Unit::Seconds).is_ok());
            }
            let _ = parse(&text, Unit::BitsPerSecond);
        }

        #[test]
        fn milliseconds_round_trip(n in 0_u32..1_000_000) {
            let seconds = parse(&format!("{n}ms"), Unit::Seconds).unwrap();
            prop_assert!((seconds * 1000.0 - f64::from(n)).abs() < 1e-6);
        }
    }
}
