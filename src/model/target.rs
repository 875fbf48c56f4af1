//! Targets: hosts, with ports where they have one, that one check finds and another looks at, one case each. While they are not
//! known, words stand for their parts in the fields of the other check.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::host_name;
use super::rows::{Cell, Rows};

/// The parts of a target: columns of the table it is a row of, and names in `${matrix.KEY.PART}`.
pub const PARTS: [&str; 3] = [HOST, PORT, PRIORITY];
/// The part without which there is no target.
pub const HOST: &str = "host";
const PORT: &str = "port";
const PRIORITY: &str = "priority";

/// Most targets a check may have.
pub const MOST_TARGETS: i64 = 256;

/// Stand in fields for the parts, in the order of [`PARTS`]: letters of one case, so that they stay as they are.
const WORDS: [&str; 3] = ["zqtargethost", "zqtargetport", "zqtargetpriority"];
/// The host a check is planned with: a name that nothing ever has (RFC 2606).
const PLANNED_HOST: &str = "zqtarget.invalid";
const PLANNED_PORT: u16 = 64_999;
/// Stands for a target where people read, while it is not known.
pub const UNKNOWN: &str = "?";

/// Somebody to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: Box<str>,
    port: Option<u16>,
    priority: Option<i64>,
}

impl Target {
    /// One with every part, for planning.
    #[must_use]
    pub fn planned() -> Self {
        Self { host: PLANNED_HOST.into(), port: Some(PLANNED_PORT), priority: Some(0) }
    }

    /// Those in the rows of a table, each once. `Err` says what is wrong with one: rows hold what a server said.
    pub fn of_rows(rows: &Rows) -> Result<Vec<Self>, String> {
        let at = PARTS.map(|part| rows.column(part));
        let (mut out, mut labels) = (Vec::new(), BTreeSet::new());
        for (_, cells) in rows.rows.iter() {
            let [host, port, priority] = at.map(|at| cells.get(at?));
            let target = Self {
                host: host_of(host.and_then(Cell::as_str).unwrap_or_default())?,
                port: port.and_then(Cell::to_value).map(|port| port_of(&port)).transpose()?,
                priority: priority.and_then(Cell::to_value).and_then(|priority| priority.as_i64()),
            };
            if labels.insert(target.label()) {
                out.push(target);
            }
        }
        Ok(out)
    }

    /// What it is called in the ids of cases: its host, and its port where it has one.
    #[must_use]
    pub fn label(&self) -> String {
        match self.port {
            Some(port) if self.host.contains(':') => format!("[{}]:{port}", self.host),
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// The value of a part, if it has one.
    fn part(&self, part: &str) -> Option<Cow<'_, str>> {
        match part {
            HOST => Some(Cow::Borrowed(&self.host)),
            PORT => self.port.map(|port| port.to_string().into()),
            _ => self.priority.map(|priority| priority.to_string().into()),
        }
    }

    /// The text with the parts of this target in place of their words; `Err` is the part that it lacks.
    pub fn fill(&self, text: &str) -> Result<String, &'static str> {
        let mut out = text.to_owned();
        for (part, word) in PARTS.into_iter().zip(WORDS) {
            if !out.contains(word) {
                continue;
            }
            let value = self.part(part).ok_or(part)?;
            // Within a URL, and before a port, an IPv6 address stands in brackets.
            let bracketed = value.contains(':') && (out.contains("://") || out.contains(&format!("{word}:")));
            let value = if bracketed { Cow::Owned(format!("[{value}]")) } else { value };
            out = out.replace(word, &value);
        }
        Ok(out)
    }
}

/// The word that stands for a part.
#[must_use]
pub fn word(part: &str) -> &'static str {
    PARTS.iter().position(|own| *own == part).map_or("", |at| WORDS[at])
}

/// The part whose word a text holds first.
#[must_use]
pub fn part_in(text: &str) -> Option<&'static str> {
    PARTS.into_iter().zip(WORDS).find(|(_, word)| text.contains(word)).map(|(part, _)| part)
}

/// Whether a text was put together with the host that a check is planned with.
#[must_use]
pub fn is_planned(text: &str) -> bool {
    text.contains(PLANNED_HOST)
}

/// A text about the target that a check is planned with, in which people read `instead` for that.
#[must_use]
pub fn shown(text: &str, instead: &str) -> String {
    text.replace(&format!("{PLANNED_HOST}:{PLANNED_PORT}"), instead).replace(PLANNED_HOST, instead)
}

/// A host name or an address as suites may write them, in one spelling.
fn host_of(text: &str) -> Result<Box<str>, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        host_name::address_of(address)?;
        return Ok(address.to_string().into());
    }
    Ok(host_name::host(text)?.to_ascii_lowercase().into())
}

fn port_of(port: &super::Value) -> Result<u16, String> {
    let number = port.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    number.ok_or_else(|| format!("{port} is no port"))
}

#[cfg(test)]
mod tests {
    use super::{PARTS, Target, UNKNOWN, is_planned, part_in, shown, word};
    use crate::model::rows::{Cell, RowList, Rows};

    fn rows(rows: &[(&str, Option<i64>)]) -> Rows {
        let mut list = RowList::new(PARTS.len());
        for (host, port) in rows {
            let mut cells = [Cell::Text((*host).into()), port.map_or(Cell::Empty, Cell::Integer), Cell::Integer(10)];
            list.push((*host).into(), &mut cells);
        }
        Rows {
            key: "target".into(),
            columns: PARTS.map(Into::into).into(),
            units: std::iter::empty().collect(),
            rows: list,
            total: rows.len() as u64,
            omitted: 0,
        }
    }

    fn labels(found: &[(&str, Option<i64>)]) -> Result<Vec<String>, String> {
        Ok(Target::of_rows(&rows(found))?.iter().map(Target::label).collect())
    }

    #[test]
    fn rows_are_targets_each_once_and_in_one_spelling() {
        let found =
            [("MX1.example", None), ("mx1.example", None), ("mx1.example", Some(25)), ("2001:DB8:0::1", Some(5))];
        assert_eq!(labels(&found), Ok(["mx1.example", "mx1.example:25", "[2001:db8::1]:5"].map(Into::into).into()));
        assert_eq!(labels(&[("2001:db8::1", None)]), Ok(vec!["2001:db8::1".to_owned()]));
        assert_eq!(labels(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_a_server_says_is_no_target_unless_a_suite_could_write_it() {
        for host in [
            "",
            "a b.example",
            "a\u{1b}[2J.example",
            r"a\032b.example",
            "1.2.3.4.",
            "0.0.0.0",
            "224.0.0.1",
            "::ffff:192.0.2.1",
        ] {
            assert!(labels(&[("ok.example", None), (host, None)]).is_err(), "{host:?}");
        }
        for port in [0, -1, 65_536] {
            assert!(labels(&[("a.example", Some(port))]).is_err(), "{port}");
        }
    }

    #[test]
    fn parts_take_the_place_of_their_words() {
        let [host, port, priority] = PARTS.map(word);
        let targets =
            Target::of_rows(&rows(&[("a.example", Some(25)), ("2001:db8::1", Some(25)), ("b.example", None)]));
        let [name, address, portless] = targets.unwrap().try_into().unwrap();
        let url = format!("https://{host}:{port}/?{priority}");
        assert_eq!(name.fill(&url).as_deref(), Ok("https://a.example:25/?10"));
        assert_eq!(address.fill(&url).as_deref(), Ok("https://[2001:db8::1]:25/?10"));
        assert_eq!(address.fill(host).as_deref(), Ok("2001:db8::1"));
        assert_eq!(address.fill(&format!("{host}:53")).as_deref(), Ok("[2001:db8::1]:53"));
        assert_eq!(portless.fill(&url), Err("port"));
        assert_eq!((part_in(&url), part_in(priority), part_in("priority")), (Some("host"), Some("priority"), None));
    }

    #[test]
    fn a_planned_target_is_told_as_unknown() {
        let planned = Target::planned();
        let text = planned.fill(&format!("{}:{} {0}:25", word("host"), word("port"))).unwrap();
        assert!(is_planned(&text) && !is_planned("target.invalid"));
        assert_eq!(shown(&text, UNKNOWN), "? ?:25");
    }
}
