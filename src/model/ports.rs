//! Sets of ports, as suites write them and reports hold them: `22`, `8000-8100`.

use std::fmt;

use super::corrections::port_named;

/// A set of ports from 1 to 65535: ranges in their order, which neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSet(Vec<(u16, u16)>);

impl PortSet {
    /// The ports of a text: a port, a range, or several with commas between them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ranges: Result<Vec<_>, String> = text.split(',').map(|part| range(part.trim())).collect();
        Ok(Self::of_ranges(ranges?))
    }

    /// The ports of ranges in any order.
    #[must_use]
    pub fn of_ranges(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.sort_unstable();
        let mut out: Vec<(u16, u16)> = Vec::new();
        for (first, last) in ranges {
            match out.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => out.push((first, last)),
            }
        }
        Self(out)
    }

    /// The ports of several texts; `None` where one is none.
    #[must_use]
    pub fn of_texts<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> Option<Self> {
        let mut ranges = Vec::new();
        for text in texts {
            ranges.extend(Self::parse(text?).ok()?.0);
        }
        Some(Self::of_ranges(ranges))
    }

    /// How many ports there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each port, in its order.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        other.without(self).is_empty()
    }

    /// Whether some of `other` are in it.
    #[must_use]
    pub fn touches(&self, other: &Self) -> bool {
        other.without(self).len() < other.len()
    }

    /// Those that `other` has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        for (first, last) in &self.0 {
            let mut from = u32::from(*first);
            for (low, high) in other.0.iter().filter(|(low, high)| high >= first && low <= last) {
                if u32::from(*low) > from {
                    out.push((as_port(from), low - 1));
                }
                from = from.max(u32::from(*high) + 1);
            }
            if from <= u32::from(*last) {
                out.push((as_port(from), *last));
            }
        }
        Self(out)
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// Those that are in one of both.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::of_ranges(self.0.iter().chain(&other.0).copied().collect())
    }

    /// As a report holds it: a text for each range.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let text =
            |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        self.0.iter().map(text).collect()
    }
}

fn as_port(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(", "))
    }
}

fn range(text: &str) -> Result<(u16, u16), String> {
    if text == "-" {
        return Err("`-` is every port for nmap; it is written 1-65535 here".to_owned());
    }
    let Some((first, last)) =
        text.split_once('-').filter(|(first, _)| first.trim().bytes().all(|byte| byte.is_ascii_digit()))
    else {
        return port(text).map(|port| (port, port));
    };
    let (first, last) = (port(first.trim())?, port(last.trim())?);
    if first > last {
        return Err(format!("`{text}` is no range: write {last}-{first}"));
    }
    Ok((first, last))
}

fn port(text: &str) -> Result<u16, String> {
    let number = text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match number {
        Some(number) => u16::try_from(number)
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("there is no port {number}: they go from 1 to 65535")),
        None => Err(no_number(text)),
    }
}

fn no_number(text: &str) -> String {
    let shown = if text.is_empty() { "an empty text".to_owned() } else { format!("`{text}`") };
    match port_named(text) {
        Some(port) => format!("{shown} is the name of a service, and ports are numbers: write {port}"),
        None => format!("{shown} is no port"),
    }
}

#[cfg(test)]
mod tests {
    use super::PortSet;

    fn set(text: &str) -> PortSet {
        PortSet::parse(text).unwrap()
    }

    #[test]
    fn ports_are_sets() {
        assert_eq!(set("80, 22,8000-8100,81,8050-8200").to_string(), "22, 80-81, 8000-8200");
        assert_eq!((set("1-65535").len(), set("22").len()), (65_535, 1));
        assert_eq!(set("1-65535").without(&set("1,22,80-90,65535")).to_string(), "2-21, 23-79, 91-65534");
        assert_eq!(
            (set("1-100").and(&set("90-200,5")).to_string(), set("5").or(&set("6")).to_string()),
            ("5, 90-100".into(), "5-6".into())
        );
        assert!(set("1-100").holds(&set("5,50-60")) && !set("1-100").holds(&set("100-101")));
        assert!(set("1-100").touches(&set("100-101")) && !set("1-100").touches(&set("101-200")));
        assert!(set("65535").without(&set("65535")).is_empty());
    }

    #[test]
    fn what_is_no_port_is_told() {
        for (text, why) in [
            ("0", "there is no port 0: they go from 1 to 65535"),
            ("70000", "there is no port 70000: they go from 1 to 65535"),
            ("90-80", "`90-80` is no range: write 80-90"),
            ("https", "`https` is the name of a service, and ports are numbers: write 443"),
            ("+22", "`+22` is no port"),
            ("22,", "an empty text is no port"),
            ("1-", "an empty text is no port"),
            ("-", "`-` is every port for nmap; it is written 1-65535 here"),
            ("a-b", "`a-b` is no port"),
        ] {
            assert_eq!(PortSet::parse(text), Err(why.to_owned()), "{text}");
        }
    }
}
