//! What to write in place of fields, and of their values, as other tools and people write them.

use super::ArgContext;
use crate::model::parse::parse;
use crate::model::{FieldInfo, FieldKind, FieldRole, corrections, host_name};
use crate::probe::{Synonyms, plain};
use crate::suite::diagnostic::Span;
use crate::suite::syntax::flow;
use crate::suite::tree::{Key, Kind, Node};
use crate::suite::{synonyms, tables};

/// Longest value that is looked at for what may be meant, bytes.
const LONGEST: usize = 4096;

/// A key and its value that were written as one word: `host:x`, `host=x`.
fn run_together<'t>(text: &'t str, fields: &[FieldInfo]) -> Option<(&'t str, &'t str)> {
    let (name, value) = text.split_once([':', '=']).or_else(|| text.split_once(' '))?;
    let (name, value) = (name.trim(), value.trim());
    (!value.is_empty() && fields.iter().any(|field| field.name == name)).then_some((name, value))
}

/// How a family says where to look, for who wrote it as another one does.
fn target_key(key: &str, value: &Node, fields: &[FieldInfo]) -> Option<String> {
    const WORDS: [&str; 11] =
        ["host", "hostname", "port", "address", "ip", "server", "target", "url", "endpoint", "path", "scheme"];
    let field = fields.iter().find(|field| field.has(FieldRole::Host)).filter(|_| WORDS.contains(&key))?;
    let (name, has_port) = (field.name, fields.iter().any(|field| field.name == "port"));
    let host = value.shown().filter(|text| !text.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or("HOST");
    let form = match field.kind {
        FieldKind::Url if key == "path" => format!("{name}: https://HOST/{}", host.trim_start_matches('/')),
        FieldKind::Url if host == "HOST" || key == "scheme" => format!("{name}: https://HOST/"),
        FieldKind::Url if host.contains("://") => format!("{name}: {host}"),
        FieldKind::Url => format!("{name}: \"{}\"", corrections::urls(host)[0]),
        FieldKind::Host if has_port => format!("{name}: {host}, port: PORT"),
        FieldKind::Host => format!("{name}: {host}"),
        _ if host.contains(':') => format!("{name}: \"{host}\""),
        _ => format!("{name}: \"{host}:PORT\""),
    };
    Some(format!("write where to look as `{form}`"))
}

/// The entry that chooses the IP version, for who calls it as other tools do.
fn ip_version_key(key: &str, value: &Node, fields: &[FieldInfo]) -> Option<String> {
    const WORDS: [&str; 11] = [
        "family",
        "address_family",
        "af",
        "ip_protocol",
        "preferred_ip_protocol",
        "ip_family",
        "ipversion",
        "ipv",
        "inet",
        "ipv4",
        "ipv6",
    ];
    let field = fields.iter().find(|field| field.has(FieldRole::IpVersion)).filter(|_| WORDS.contains(&key))?;
    let value = value.text().unwrap_or_default();
    let negated = matches!(value, "false" | "no" | "off");
    let entry = |version: &str| format!("write `{}: {version}`", field.name);
    Some(match (value.contains('4') || key == "ipv4", value.contains('6') || key == "ipv6") {
        (true, false) => entry(if negated { "ipv6" } else { "ipv4" }),
        (false, true) => entry(if negated { "ipv4" } else { "ipv6" }),
        _ => format!("{}, `ipv4` or `ipv6`", entry("any")),
    })
}

impl ArgContext<'_> {
    /// What to write in place of a key that these fields do not have.
    pub(super) fn key_help(&self, owner: &str, key: &Key, value: &Node, fields: &[FieldInfo]) -> Option<String> {
        if let Some((name, text)) = run_together(&key.name, fields) {
            return Some(format!("write `{name}: {text}`, with a blank behind the colon"));
        }
        let Some(family) = self.families.iter().find(|family| family.name == owner) else {
            return synonyms::key(owner, &key.name, value)
                .or_else(|| self.group_key(&key.name, value, fields))
                .or_else(|| target_key(&key.name, value, fields));
        };
        // `timeoutSeconds` and `connect-timeout` of others.
        let word = plain(&key.name);
        let stem = word.strip_suffix("_seconds").or(word.strip_suffix("_secs")).unwrap_or(&word);
        if let Some(field) = fields.iter().find(|field| field.name == stem) {
            if stem == word {
                return Some(format!("did you mean `{}`?", field.name));
            }
            return Some(format!("write `{stem}: {}`", synonyms::value_of(stem, value, fields)));
        }
        let of_check = tables::names(tables::CHECK).any(|name| name == key.name);
        let of_facts = family.facts.iter().find(|fact| fact.name == key.name).map(|fact| fact.name);
        if of_check {
            return Some(format!("write `{}: {}` beside `{owner}:`, not below it", key.name, flow(value)));
        }
        if let Some(help) = ip_version_key(&key.name, value, fields) {
            return Some(help);
        }
        if let Some(replacement) = synonyms::replaced(family.synonyms.fields, &key.name, value, fields) {
            return Some(match replacement {
                Ok(entry) if entry.starts_with("expect: ") => {
                    format!("write `{entry}` beside `{owner}:`, not below it")
                }
                Ok(entry) => format!("write `{entry}`"),
                Err(help) => help,
            });
        }
        if let Some(fact) = of_facts.or_else(|| Synonyms::find(family.synonyms.facts, &key.name)) {
            if let Some(why) = fact.strip_prefix('!') {
                return Some(why.to_owned());
            }
            let entry = synonyms::expectation(fact, value, family.facts).swap_remove(0);
            return Some(format!("what must hold goes beside `{owner}:`; write `expect: {{{entry}}}` there"));
        }
        target_key(&key.name, value, fields).or_else(|| {
            let help = synonyms::key("check", &key.name, value).filter(|help| !help.contains("`expect"))?;
            let entry = help.strip_prefix("write `")?.strip_suffix('`')?;
            Some(format!("write `{entry}` beside `{owner}:`, not below it"))
        })
    }

    /// What to write in place of a key of a group within the fields of a family, by the words of that family.
    fn group_key(&self, word: &str, value: &Node, fields: &[FieldInfo]) -> Option<String> {
        let family = self.families.iter().find(|family| Some(family.name) == self.family)?;
        match synonyms::replaced(family.synonyms.fields, word, value, fields)? {
            Ok(entry) => {
                let name = entry.split(':').next().unwrap_or_default();
                fields.iter().any(|field| field.name == name).then(|| format!("write `{entry}`"))
            }
            Err(help) => Some(help),
        }
    }

    /// The map that was meant by something else.
    pub(super) fn as_map(&self, owner: &str, node: &Node, fields: &[FieldInfo]) -> String {
        let names = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        let family = self.families.iter().find(|family| family.name == owner);
        let text = node.text().unwrap_or_default();
        if let Some((name, value)) = run_together(text, fields) {
            return format!("write `{name}: {value}`, with a blank behind the colon");
        }
        if let (Some(family), Some(_)) = (family, node.text()) {
            return format!("write `{}`", synonyms::target(family, node));
        }
        if let (Kind::List(items), true) = (&node.kind, fields.len() > 1)
            && items.iter().all(|item| matches!(item.kind, Kind::Map(_)))
        {
            return "take the `-` before its keys out".to_owned();
        }
        let main = fields.iter().find(|field| field.required);
        let command_field = || fields.iter().find(|field| matches!(field.kind, FieldKind::List(FieldKind::Argument)));
        match (node.text(), main.or_else(command_field)) {
            (Some(text), Some(first)) if matches!(first.kind, FieldKind::List(FieldKind::Argument)) => {
                format!("write `{owner}: {{{}: {}}}`; keys: {names}", first.name, command(text))
            }
            (Some(_), Some(first)) => format!("write `{owner}: {{{}: {}}}`; keys: {names}", first.name, flow(node)),
            _ => format!("keys: {names}"),
        }
    }

    /// The entry to write in place of one that does not fit, where that is known.
    pub(super) fn entry_help(&self, name: &str, node: &Node, kind: &FieldKind, keyed: bool) -> Option<String> {
        // Nobody wrote a longer value by mistake, and all of it is looked at again and again.
        let text = node.text().filter(|text| node.shown.is_none() && text.len() <= LONGEST)?;
        let entry = |value: &str| if keyed { format!("`{name}: {value}`") } else { format!("`{value}`") };
        if let Some(variable) = synonyms::variable(text) {
            return Some(format!("write {}", entry(&variable)));
        }
        if matches!(kind, FieldKind::Host) && host_name::several(text).is_some() {
            return self.many_hosts(text);
        }
        if matches!(kind, FieldKind::Host)
            && let Some((host, port)) =
                corrections::port_of(&corrections::endpoint_of(text).unwrap_or_else(|| text.to_owned()))
            && keyed
        {
            return Some(format!("write `{name}: {host}`, and `port: {port}` where there is a field for it"));
        }
        if let Some(help) = self.several(name, node, kind, keyed) {
            return Some(help);
        }
        let fits = |value: &String| parse(value, kind, self.folder).is_ok();
        let found: Vec<String> = corrections::value(text, kind).into_iter().filter(fits).take(2).collect();
        match found.as_slice() {
            // A number without a unit may be in either.
            [first, second] if matches!(kind, FieldKind::Duration(..)) => {
                let unit = if second.ends_with("ms") { "milliseconds" } else { "seconds" };
                Some(format!("write {}; or {} if {unit} are meant", entry(first), entry(second)))
            }
            [] => None,
            found => Some(format!("write {}", found.iter().map(|value| entry(value)).collect::<Vec<_>>().join(" or "))),
        }
    }

    /// Where a network or a range of hosts goes, in a family that takes many.
    fn many_hosts(&self, text: &str) -> Option<String> {
        let family = self.families.iter().find(|family| Some(family.name) == self.family)?;
        let takes_many = |field: &&FieldInfo| field.has(FieldRole::Host) && matches!(field.kind, FieldKind::List(_));
        let field = family.fields.iter().find(takes_many)?;
        Some(format!("write `{}: [{text}]`", field.name))
    }

    /// What to write for several values of a field that takes one: a matrix makes a case of each.
    pub(super) fn several(&self, name: &str, node: &Node, kind: &FieldKind, keyed: bool) -> Option<String> {
        let family = self.family.filter(|_| keyed && node.shown.is_none())?;
        if matches!(kind, FieldKind::Bool | FieldKind::Switch(_)) {
            return None;
        }
        let fits = |text: &str| parse(text, kind, self.folder).is_ok();
        let values: Vec<String> = match &node.kind {
            Kind::List(items) if items.iter().all(|item| item.text().is_some_and(fits)) => {
                items.iter().map(flow).collect()
            }
            Kind::Scalar(text, _) if !matches!(kind, FieldKind::Text | FieldKind::Path | FieldKind::Argument) => {
                let range = range(text).filter(|_| matches!(kind, FieldKind::Integer(..)));
                let parts = || text.split([',', ';', '|', ' ']).map(str::trim).filter(|part| !part.is_empty());
                let parts = range.unwrap_or_else(|| parts().map(str::to_owned).collect());
                parts.iter().all(|part| fits(part)).then_some(parts)?
            }
            _ => return None,
        };
        match values.as_slice() {
            [] => None,
            [one] => matches!(node.kind, Kind::List(_)).then(|| format!("write `{name}: {one}`")),
            values => Some(format!(
                "a check has one `{name}`: write `matrix: {{{name}: [{}]}}` beside `{family}:`, and here `{name}: \"${{matrix.{name}}}\"`",
                values.join(", ")
            )),
        }
    }
}

/// A command as the list of its words; what only a shell reads is given to one.
fn command(text: &str) -> String {
    let word = |text: &str| flow(&Node::new(Span::default(), Kind::Scalar(text.to_owned(), true)));
    let words: Vec<String> = if text.contains(['|', ';', '&', '$', '>', '<', '`', '"', '\'', '*']) {
        vec!["sh".to_owned(), "-c".to_owned(), format!("'{}'", text.replace('\'', "''"))]
    } else {
        text.split_whitespace().map(word).collect()
    };
    format!("[{}]", words.join(", "))
}

/// Ports and the like from one to another: `80-90`. Of very many the ends, as examples.
fn range(text: &str) -> Option<Vec<String>> {
    const MOST: u64 = 20;
    let (low, high) = ["-", "..", "–", ":", " to "].iter().find_map(|between| text.split_once(between))?;
    let (low, high): (u64, u64) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    if low >= high {
        return None;
    }
    let all = if high - low < MOST { (low..=high).collect() } else { vec![low, high] };
    Some(all.into_iter().map(|number| number.to_string()).collect())
}
