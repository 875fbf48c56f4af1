//! Units. Inside the project every number is in its SI base unit.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The unit of a number, always a base unit: seconds, bytes, bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    /// A plain count, or no unit at all.
    #[serde(rename = "1")]
    Count,
    /// A share of one; written as a percentage in suites (`98%`).
    #[serde(rename = "ratio")]
    Ratio,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
    /// Bits per second.
    #[serde(rename = "bit/s")]
    BitsPerSecond,
    /// Events per second.
    #[serde(rename = "/s")]
    PerSecond,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Count, Self::Ratio, Self::Seconds, Self::Bytes, Self::BitsPerSecond, Self::PerSecond];

    /// The word in reports: the symbol, but for a share of one.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            _ => self.symbol(),
        }
    }

    /// The unit of a word in a report.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.word() == word)
    }

    /// The symbol beside a number; shares and counts have the same.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Count | Self::Ratio => "1",
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::BitsPerSecond => "bit/s",
            Self::PerSecond => "/s",
        }
    }

    /// An example of the unit as suites write it, for messages and docs.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Count => "3",
            Self::Ratio => "0.5%",
            Self::Seconds => "20ms",
            Self::Bytes => "1472 B",
            Self::BitsPerSecond => "9 Gbit/s",
            Self::PerSecond => "1000 /s",
        }
    }

    /// A number for people: three significant digits and a fitting prefix.
    #[must_use]
    pub fn human(self, value: f64) -> String {
        match self {
            Self::Count => trim(value).into_owned(),
            Self::Ratio => format!("{}%", trim(value * 100.0)),
            Self::Seconds => human_seconds(value),
            Self::Bytes => scaled(value, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")]),
            Self::BitsPerSecond => scaled(value, &[(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1.0, "bit/s")]),
            Self::PerSecond => format!("{} /s", trim(value)),
        }
    }
}

/// A length of time for people, as [`Unit::human`] has it.
#[must_use]
pub fn human_time(length: Duration) -> String {
    human_seconds(length.as_secs_f64())
}

fn human_seconds(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 172_800.0 {
        return format!("{} d", trim(value / 86_400.0));
    }
    let (scale, unit) = match magnitude {
        m if m >= 1.0 || m == 0.0 => (1.0, "s"),
        m if m >= 1e-3 => (1e3, "ms"),
        m if m >= 1e-6 => (1e6, "us"),
        _ => (1e9, "ns"),
    };
    format!("{} {unit}", trim(value * scale))
}

fn scaled(value: f64, steps: &[(f64, &str)]) -> String {
    let last = steps.len() - 1;
    for (index, (scale, unit)) in steps.iter().enumerate() {
        if value.abs() >= *scale || index == last {
            return format!("{} {unit}", trim(value / scale));
        }
    }
    String::new()
}

/// At most three decimals and no trailing zeros.
fn trim(value: f64) -> Cow<'static, str> {
    if !value.is_finite() {
        return Cow::Borrowed("?");
    }
    let decimals = if value.abs() >= 100.0 {
        1
    } else if value.abs() >= 10.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Cow::Owned(if text == "-0" { "0".to_owned() } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (unit, value, want) in [
            (Unit::Seconds, 0.003_1, "3.1 ms"),
            (Unit::Seconds, 1.5, "1.5 s"),
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Seconds, 2_592_000.0, "30 d"),
            (Unit::Ratio, 0.005, "0.5%"),
            (Unit::BitsPerSecond, 9.4e9, "9.4 Gbit/s"),
            (Unit::Bytes, 1472.0, "1.472 kB"),
            (Unit::Count, 3.0, "3"),
            (Unit::PerSecond, 1000.0, "1000 /s"),
        ] {
            assert_eq!(unit.human(value), want);
        }
    }
}
