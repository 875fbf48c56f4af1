//! One scalar of a suite to a typed argument, by the kind of its field.

use std::path::{Path, PathBuf};

use super::args::Arg;
use super::corrections::did_you_mean;
use super::field::FieldKind;
use super::host_name::{address_of, endpoint, host, url_host};
use super::interface::{address_and_zone, url_without_zone};
use super::quantity;
use super::unit::Unit;

/// Types a scalar as its field wants it; files are relative to `folder`. `Err` says what is wrong with it.
pub fn parse(text: &str, kind: &FieldKind, folder: &Path) -> Result<Arg, String> {
    match kind {
        FieldKind::Text | FieldKind::Argument => Ok(Arg::Text(text.into())),
        FieldKind::Document => match serde_json::from_slice::<serde::de::IgnoredAny>(text.as_bytes()) {
            Ok(_) => Ok(Arg::Document(text.into())),
            Err(error) => Err(format!("it is not JSON: {error}")),
        },
        FieldKind::Host => host(text).map(|name| Arg::Text(name.into())),
        FieldKind::Address => match text.parse::<std::net::IpAddr>() {
            Ok(address) => address_of(address).map(|()| Arg::Text(text.into())),
            Err(_) if let Some((address, Some(zone))) = address_and_zone(text) => {
                Err(format!("`{text}` has a zone: write {address} here, and `interface: {zone}` beside it"))
            }
            Err(_) => Err(format!("`{text}` is not an IP address")),
        },
        FieldKind::Endpoint => endpoint(text).map(|name| Arg::Text(name.into())),
        FieldKind::Url => url(text),
        FieldKind::FileOr(words) if words.contains(&text) => Ok(Arg::Text(text.into())),
        // A file has an ending or a folder; a bare word is a misspelt one of those that mean something.
        FieldKind::FileOr(words) if !text.contains(['.', '/']) => {
            Err(format!("`{text}` is unknown; {}", did_you_mean(text, words)))
        }
        FieldKind::Path | FieldKind::FileOr(_) if text.is_empty() => Err("the path is empty".into()),
        FieldKind::Path | FieldKind::FileOr(_) => Ok(Arg::Text(below(folder, text).to_string_lossy().as_ref().into())),
        // A domain name is no path: what has a space in it is the thing itself.
        FieldKind::Inline if text.trim().is_empty() => Err("it is empty".into()),
        FieldKind::Inline if text.trim().contains(char::is_whitespace) => Ok(Arg::Text(text.into())),
        FieldKind::Inline => Ok(Arg::Text(below(folder, text).to_string_lossy().as_ref().into())),
        FieldKind::Bool | FieldKind::Switch(_) => match text {
            // All that YAML's core schema takes for one.
            "true" | "True" | "TRUE" => Ok(Arg::Bool(true)),
            "false" | "False" | "FALSE" => Ok(Arg::Bool(false)),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        FieldKind::Integer(..) if quantity::octal(text).is_some() => Err(quantity::octal(text).unwrap_or_default()),
        FieldKind::Integer(low, high) => match text.parse::<i64>() {
            Ok(n) if (*low..=*high).contains(&n) => Ok(Arg::Integer(n)),
            Ok(n) => Err(format!("{n} is out of range ({low} to {high})")),
            Err(_) => Err(format!("`{text}` is not a whole number")),
        },
        FieldKind::Duration(low, high) => ranged(text, Unit::Seconds, *low, *high),
        FieldKind::Size(low, high) => ranged(text, Unit::Bytes, *low, *high),
        FieldKind::Ratio(low, high) => ranged(text, Unit::Ratio, *low, *high),
        FieldKind::RateOr(words) | FieldKind::BitRateOr(words) | FieldKind::DurationOr(.., words)
            if words.contains(&text) =>
        {
            Ok(Arg::Text(text.into()))
        }
        FieldKind::BitRate | FieldKind::BitRateOr(_) => ranged(text, Unit::BitsPerSecond, f64::MIN_POSITIVE, 1e15),
        FieldKind::DurationOr(low, high, _) => ranged(text, Unit::Seconds, *low, *high),
        FieldKind::Rate | FieldKind::RateOr(_) => ranged(text, Unit::PerSecond, f64::MIN_POSITIVE, 1e9),
        FieldKind::Choice(words) if words.contains(&text) => Ok(Arg::Text(text.into())),
        FieldKind::Choice(words) => Err(format!("`{text}` is unknown; {}", did_you_mean(text, words))),
        FieldKind::List(_)
        | FieldKind::Map(_)
        | FieldKind::Group(_)
        | FieldKind::GroupOr(..)
        | FieldKind::Probe(..) => Err("not a scalar".into()),
    }
}

fn url(text: &str) -> Result<Arg, String> {
    let (bare, _) = url_without_zone(text)?;
    url::Url::parse(&bare).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => format!("`{text}` has no scheme, such as https://"),
        other => format!("`{text}` is not a URL: {other}"),
    })?;
    // What the library takes for an address (`010.0.2.2` in octal, `1234567`) is hardly what was meant.
    host(url_host(&bare)?)?;
    Ok(Arg::Text(text.into()))
}

fn ranged(text: &str, unit: Unit, low: f64, high: f64) -> Result<Arg, String> {
    let value = quantity::parse(text, unit)?;
    if (low..=high).contains(&value) {
        Ok(Arg::Number(value))
    } else {
        Err(format!("{text} is out of range ({} to {})", exact(low, unit), exact(high, unit)))
    }
}

/// A limit as a suite may write it: rounded, it would refuse itself.
fn exact(limit: f64, unit: Unit) -> String {
    let text = unit.human(limit);
    if quantity::parse(&text, unit) == Ok(limit) { text } else { format!("{limit} {}", unit.symbol()) }
}

fn below(folder: &Path, text: &str) -> PathBuf {
    if Path::new(text).is_absolute() || folder.as_os_str().is_empty() { PathBuf::from(text) } else { folder.join(text) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parse;
    use crate::model::{Arg, FieldKind};

    #[test]
    fn scalars_are_typed() {
        let folder = Path::new("suites");
        let typed = |text: &str, kind: FieldKind| parse(text, &kind, folder);
        assert_eq!(typed("443", FieldKind::Integer(1, 65535)), Ok(Arg::Integer(443)));
        assert_eq!(typed("3s", FieldKind::Duration(0.001, 10.0)), Ok(Arg::Number(3.0)));
        assert_eq!(typed("ca.pem", FieldKind::Path), Ok(Arg::Text("suites/ca.pem".into())));
        assert_eq!(typed("anchor", FieldKind::Inline), Ok(Arg::Text("suites/anchor".into())));
        assert_eq!(typed("test. DS 1 13 2 ab", FieldKind::Inline), Ok(Arg::Text("test. DS 1 13 2 ab".into())));
        assert_eq!(typed("0.5%", FieldKind::Ratio(0.0, 1.0)), Ok(Arg::Number(0.005)));
        let size = FieldKind::Size(0.0, 65_499.0);
        assert_eq!(typed("65.5 kB", size), Err("65.5 kB is out of range (0 B to 65499 B)".into()));
        assert!(typed("101%", FieldKind::Ratio(0.0, 1.0)).is_err());
        assert_eq!(typed("max", FieldKind::RateOr(&["max"])), Ok(Arg::Text("max".into())));
        assert_eq!(typed("5 /s", FieldKind::RateOr(&["max"])), Ok(Arg::Number(5.0)));
        assert_eq!(typed("max", FieldKind::BitRateOr(&["max"])), Ok(Arg::Text("max".into())));
        assert_eq!(typed("5 Mbit/s", FieldKind::BitRateOr(&["max"])), Ok(Arg::Number(5e6)));
        assert_eq!(typed("true", FieldKind::Switch(&[])), Ok(Arg::Bool(true)));
        for (text, kind, want) in [
            ("70000", FieldKind::Integer(1, 65535), "out of range"),
            ("https", FieldKind::Integer(1, 65535), "not a whole number"),
            ("5", FieldKind::Duration(0.001, 10.0), "has no unit"),
            ("60s", FieldKind::Duration(0.001, 10.0), "out of range"),
            ("yes", FieldKind::Bool, "neither true nor false"),
            ("web:443", FieldKind::Host, "holds a port"),
            ("http://web", FieldKind::Host, "is a URL"),
            ("2001:db8::1%eth0", FieldKind::Host, "has no zone"),
            ("[2001:db8::1%eth0]:53", FieldKind::Endpoint, "has no zone"),
            ("http://[2001:db8::1%25eth0]/", FieldKind::Url, "has no zone"),
            ("fe80::1%eth0", FieldKind::Address, "write fe80::1 here, and `interface: eth0`"),
            ("a..b", FieldKind::Host, "not a host name"),
            ("web:0", FieldKind::Endpoint, "not a port"),
            ("1.2.3", FieldKind::Address, "not an IP address"),
            ("ipv5", FieldKind::Choice(&["any", "ipv4", "ipv6"]), "did you mean `ipv4`"),
            ("maximum", FieldKind::RateOr(&["max"]), "maximum"),
            ("5 /s", FieldKind::BitRateOr(&["max"]), "bit/s"),
            ("on", FieldKind::Switch(&[]), "neither true nor false"),
        ] {
            let error = typed(text, kind).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        for good in ["web.example:53", "[::1]:53", "::1", "10.0.0.1", "10.0.0.1:53", "ns1"] {
            assert!(typed(good, FieldKind::Endpoint).is_ok(), "{good}");
        }
    }
}
