//! Quantities as other tools and people write them.

use crate::model::fact::TimeOf;
use crate::model::quantity;
use crate::model::unit::Unit;

/// Names of lengths of time in words, with the symbol and how many of it one is.
#[rustfmt::skip]
const TIMES: &[(&str, &str, f64)] = &[
    ("s", "s", 1.0), ("sec", "s", 1.0), ("secs", "s", 1.0), ("second", "s", 1.0), ("seconds", "s", 1.0),
    ("ms", "ms", 1.0), ("msec", "ms", 1.0), ("msecs", "ms", 1.0), ("milli", "ms", 1.0), ("millis", "ms", 1.0),
    ("millisecond", "ms", 1.0), ("milliseconds", "ms", 1.0), ("us", "us", 1.0), ("usec", "us", 1.0),
    ("usecs", "us", 1.0), ("μs", "us", 1.0), ("micros", "us", 1.0), ("microsecond", "us", 1.0),
    ("microseconds", "us", 1.0), ("ns", "ns", 1.0), ("nsec", "ns", 1.0), ("nanos", "ns", 1.0),
    ("nanosecond", "ns", 1.0), ("nanoseconds", "ns", 1.0), ("m", "min", 1.0), ("min", "min", 1.0), ("mins", "min", 1.0),
    ("minute", "min", 1.0), ("minutes", "min", 1.0), ("h", "h", 1.0), ("hr", "h", 1.0), ("hrs", "h", 1.0),
    ("hour", "h", 1.0), ("hours", "h", 1.0), ("d", "d", 1.0), ("day", "d", 1.0), ("days", "d", 1.0), ("w", "d", 7.0),
    ("wk", "d", 7.0), ("week", "d", 7.0), ("weeks", "d", 7.0), ("mo", "d", 30.0), ("month", "d", 30.0),
    ("months", "d", 30.0), ("y", "d", 365.0), ("yr", "d", 365.0), ("year", "d", 365.0), ("years", "d", 365.0),
];

/// Names of sizes.
#[rustfmt::skip]
const SIZES: &[(&str, &str, f64)] = &[
    ("b", "B", 1.0), ("byte", "B", 1.0), ("bytes", "B", 1.0), ("octets", "B", 1.0), ("k", "kB", 1.0), ("kb", "kB", 1.0),
    ("kilobyte", "kB", 1.0), ("kilobytes", "kB", 1.0), ("m", "MB", 1.0), ("mb", "MB", 1.0), ("megabyte", "MB", 1.0),
    ("megabytes", "MB", 1.0), ("g", "GB", 1.0), ("gb", "GB", 1.0), ("gigabyte", "GB", 1.0), ("gigabytes", "GB", 1.0),
    ("ki", "KiB", 1.0), ("kib", "KiB", 1.0), ("mi", "MiB", 1.0), ("mib", "MiB", 1.0), ("gi", "GiB", 1.0),
    ("gib", "GiB", 1.0),
];

/// Prefixes of bit rates.
#[rustfmt::skip]
const RATES: &[(&str, &str)] = &[
    ("", "bit/s"), ("k", "kbit/s"), ("m", "Mbit/s"), ("g", "Gbit/s"), ("t", "Tbit/s"),
];

/// A quantity of `unit` that was written in another way: as a suite writes it, the likeliest first. `time` says what a length
/// of time is of. Empty where nothing can be made of the text.
#[must_use]
pub fn quantity(text: &str, unit: Unit, time: TimeOf) -> Vec<String> {
    let text = text.trim();
    let fits = |found: &String| quantity::parse(found, unit).is_ok();
    if unit == Unit::Count {
        return count(text).into_iter().filter(fits).collect();
    }
    let (digits, word) = split(text);
    let digits = digits.replace('_', "");
    let word = word.trim().trim_end_matches('.');
    let found: Vec<String> = match (digits.parse::<f64>(), unit) {
        (Err(_), Unit::Seconds) => clock(text).into_iter().collect(),
        (Err(_), _) => Vec::new(),
        (Ok(number), _) if word.is_empty() => bare(&digits, number, unit, time),
        (Ok(_), Unit::Seconds) if word.chars().any(|c| c.is_ascii_digit()) => clock(text).into_iter().collect(),
        (Ok(number), Unit::Seconds) => named(TIMES, number, &digits, word).into_iter().collect(),
        (Ok(number), Unit::Bytes) => named(SIZES, number, &digits, word).into_iter().collect(),
        (Ok(number), Unit::BitsPerSecond) => bit_rate(number, &digits, word).into_iter().collect(),
        (Ok(_), Unit::Ratio) => percent(&digits, word).into_iter().collect(),
        (Ok(_), Unit::PerSecond) => per_second(&digits, word).into_iter().collect(),
        (Ok(_), Unit::Count) => Vec::new(),
    };
    found.into_iter().filter(fits).collect()
}

/// A number, and what is behind it.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_'))).unwrap_or(text.len());
    text.split_at(end)
}

/// A number without a unit.
fn bare(digits: &str, number: f64, unit: Unit, time: TimeOf) -> Vec<String> {
    let with = |symbol: &str| match unit {
        Unit::Seconds | Unit::Ratio => format!("{digits}{symbol}"),
        _ => format!("{digits} {symbol}"),
    };
    if number == 0.0 {
        return vec![with(unit_symbol(unit))];
    }
    match unit {
        Unit::Seconds => time.units(number.abs()).iter().map(|symbol| with(symbol)).collect(),
        // Who writes 1 hardly means all of it.
        Unit::Ratio if number.abs() < 1.0 => {
            let percent = format!("{}%", trimmed(number * 100.0));
            vec![percent, with("%")]
        }
        Unit::BitsPerSecond if number < 1e6 => vec![with("Mbit/s"), with("bit/s")],
        _ => vec![with(unit_symbol(unit))],
    }
}

fn unit_symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Ratio => "%",
        other => other.symbol(),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn named(table: &[(&str, &str, f64)], number: f64, digits: &str, word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let (_, symbol, times) = table.iter().find(|(known, ..)| *known == word)?;
    let amount = if (times - 1.0).abs() < f64::EPSILON { digits.to_owned() } else { trimmed(number * times) };
    Some(if symbol.ends_with('B') { format!("{amount} {symbol}") } else { format!("{amount}{symbol}") })
}

/// `1m30s` of Go, `PT5S` of ISO 8601, `1:30` of a clock: in the smallest unit written.
fn clock(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 1 {
        let numbers: Option<Vec<u64>> = parts.iter().map(|part| part.parse().ok()).collect();
        return match numbers?.as_slice() {
            [minutes, seconds] => Some(format!("{}s", minutes.checked_mul(60)?.checked_add(*seconds)?)),
            [hours, minutes, seconds] => {
                let minutes = hours.checked_mul(60)?.checked_add(*minutes)?;
                Some(format!("{}s", minutes.checked_mul(60)?.checked_add(*seconds)?))
            }
            _ => None,
        };
    }
    let rest = text.strip_prefix("PT").or_else(|| text.strip_prefix("pt")).unwrap_or(text);
    let mut rest = rest.to_lowercase();
    let (mut seconds, mut last) = (0.0, "s");
    while !rest.is_empty() {
        let (digits, more) = split(&rest);
        let end = more.find(|c: char| c.is_ascii_digit()).unwrap_or(more.len());
        let word = more[..end].trim().trim_matches(',');
        let (_, symbol, times) = TIMES.iter().find(|(known, ..)| *known == word)?;
        let one = quantity::parse(&format!("1{symbol}"), Unit::Seconds).ok()?;
        seconds += digits.trim().parse::<f64>().ok()? * one * times;
        last = symbol;
        rest = more[end..].trim_start().to_owned();
    }
    let unit = if last == "min" || last == "h" || last == "d" { "s" } else { last };
    let one = quantity::parse(&format!("1{unit}"), Unit::Seconds).ok()?;
    Some(format!("{}{unit}", trimmed(seconds / one)))
}

fn bit_rate(number: f64, digits: &str, word: &str) -> Option<String> {
    let bytes = word.contains("B/s") || word.contains("Bps") || word.to_lowercase().contains("byte");
    let word = word.to_lowercase().replace([' ', '-', '_'], "");
    let prefix = word.chars().next().filter(|c| "kmgt".contains(*c)).map(String::from).unwrap_or_default();
    let rest = word.strip_prefix(&*prefix)?;
    let rest =
        rest.trim_start_matches("ilo").trim_start_matches("ega").trim_start_matches("iga").trim_start_matches("era");
    let known =
        ["", "b", "bit", "bits", "bps", "b/s", "bits/s", "bit/s", "bitpersecond", "bitspersecond", "bytes/s", "byte/s"];
    known.contains(&rest).then_some(())?;
    let (_, symbol) = RATES.iter().find(|(known, _)| *known == prefix)?;
    Some(if bytes { format!("{} {symbol}", trimmed(number * 8.0)) } else { format!("{digits} {symbol}") })
}

fn percent(digits: &str, word: &str) -> Option<String> {
    ["percent", "pct", "per cent", "percentage", "p", "prozent"]
        .contains(&&*word.to_lowercase())
        .then(|| format!("{digits}%"))
}

fn per_second(digits: &str, word: &str) -> Option<String> {
    let word = word.to_lowercase().replace(' ', "");
    let known = [
        "rps",
        "qps",
        "pps",
        "cps",
        "tps",
        "hz",
        "req/s",
        "requests/s",
        "queries/s",
        "q/s",
        "r/s",
        "/sec",
        "/second",
        "persecond",
        "ps",
    ];
    known.contains(&&*word).then(|| format!("{digits} /s"))
}

/// A number that is written as programs do: `0x1bb`, `1_000`, `443.0`, `4e2`, `0443`.
pub(super) fn count(text: &str) -> Option<String> {
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix)?;
        i64::from_str_radix(digits, radix).ok()
    };
    let whole = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
    if let Some(number) = whole {
        return Some(number.to_string());
    }
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    // `1,000` is a number, `22,23` are two.
    if groups.any(|group| group.len() != 3) || (text.contains(',') && first.len() > 3) {
        return None;
    }
    let plain = text.replace(['_', '\'', ' ', ','], "");
    let number: f64 = plain.parse().ok().filter(|number: &f64| number.is_finite() && number.abs() < 1e15)?;
    Some(trimmed(number))
}
