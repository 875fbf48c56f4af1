//! Values compared as what they are: a name as a name, an address as an address, a number exactly. `expect`, `wanted`, loads,
//! surveys and `compare` all ask here.

mod alike;
mod decimal;
pub mod distinguished;
pub mod hex;
pub mod hops;
mod invalid;
pub mod name;
mod ports;
mod serial;
mod version;
pub mod web;

use std::borrow::Cow;
use std::cmp::Ordering;

use super::expectation::{Sort, any};
use super::{PortSet, Value};
pub use alike::{difference, kind};
pub use decimal::{same as same_number, text as number_text};
pub use invalid::{InvalidText, named};
pub use serial::compare as serial_order;
pub use version::{compare as compare_versions, same as same_version};

/// What the text of a fact stands for, and so when two texts are one value.
#[derive(Clone, Copy, Debug, Default)]
pub enum Form {
    /// Itself.
    #[default]
    Plain,
    /// A word whose case does not matter.
    Word,
    /// A domain name: in any case, with or without the final dot, escapes by value, IDN as its A-labels.
    Name,
    /// An address: by value, IPv4 in IPv6 (`::ffff:192.0.2.1`) as what it leads to.
    Address,
    /// A name, or else an address, whose version is a part of it.
    Host,
    /// Bytes in hexadecimal: in any case, with or without colons and blanks.
    Hex,
    /// A number in hexadecimal: as bytes, without leading zeros.
    HexNumber,
    /// A SHA-256: in hexadecimal, or in base64 as pins are written.
    Digest,
    /// One of these words, whatever its case; versions as versions.
    Words(&'static [&'static str]),
    /// Ports and ranges of them (`22`, `8000-8100`); a list of them is a set of ports, however it is cut into ranges.
    Ports,
    /// A hop of a path, with its number: `3 192.0.2.1`; members of several ways in any order, `*` for who is not known.
    Hops,
    /// A distinguished name: `C=US, O=Example`, `CN=a,O=b`.
    DistinguishedName,
    /// A URL: scheme and host without case, without the port that is the scheme's own.
    Url,
    /// A media type: without case, blanks and quotes.
    MediaType,
    /// The value of an HTTP field whose words have no case.
    FieldWords,
    /// A document, whose names have case.
    Document,
    /// An object of HTTP fields.
    Fields,
    /// The value of an HTTP field: a number where both are one.
    Field,
    /// The values of `set-cookie`, of which a suite may write a part: `session`, `session=1`, `Secure`.
    Cookies,
    /// Of a number, the serial of a zone: its order is a circle (RFC 1982).
    Serial,
    /// A version: 1.10 comes after 1.9, `TLSv1.2` is `TLS1.2`.
    Version,
    /// A form of its own, whose rules a protocol has.
    Data(&'static DataForm),
    /// An object that this program makes up itself: the form of what stands at these keys, at whatever depth.
    Keyed(&'static [(&'static str, Form)]),
}

/// The rules of a form that depends on the value of another fact.
#[derive(Debug)]
pub struct DataForm {
    /// The fact that says which kind of data it is.
    pub kind: &'static str,
    /// Whether two texts are one value, of data of this kind.
    pub same: fn(Option<&str>, &str, &str) -> bool,
    /// A text that all texts of one value have in common.
    pub key: fn(Option<&str>, &str) -> String,
    /// Whether a part, as a suite writes it, stands in a text.
    pub contains: fn(Option<&str>, &str, &str) -> bool,
    /// Why no data of this kind is ever a text.
    pub impossible: fn(Option<&str>, &str) -> Option<InvalidText>,
    /// The order of two states of one thing, which is to grow: zones that differ in their serial alone.
    pub order: fn(Option<&str>, &str, &str) -> Option<Ordering>,
}

/// The order of data whose states have none.
#[must_use]
pub const fn no_order(_: Option<&str>, _: &str, _: &str) -> Option<Ordering> {
    None
}

/// The word of a list that is spelt so elsewhere: `TLSv1.2` is `TLS1.2`, `noerror` is `NOERROR`.
#[must_use]
pub fn canonical_word(words: &'static [&'static str], text: &str) -> Option<&'static str> {
    let by_case = words.iter().find(|word| word.eq_ignore_ascii_case(text));
    by_case.or_else(|| words.iter().find(|word| version::same(word, text))).copied()
}

/// How values are compared: by the sort of the fact, and by what its texts stand for.
#[derive(Clone, Copy, Debug)]
pub struct ValueType<'a> {
    /// Sort of the value.
    pub sort: Sort,
    /// What its texts stand for.
    pub form: Form,
    /// Of data, its kind.
    pub kind: Option<&'a str>,
    /// Of a list of which not all is kept, how many elements it had.
    pub total: Option<u64>,
}

impl From<Sort> for ValueType<'_> {
    fn from(sort: Sort) -> Self {
        Self { sort, form: Form::Plain, kind: None, total: None }
    }
}

impl Form {
    /// The form of what stands at `path` of an object of this form.
    #[must_use]
    pub fn at(self, path: &[impl AsRef<str>]) -> Self {
        match self {
            // Names above it, such as a server's, may read like such keys: the last one alone counts, positions in its list left out.
            Self::Keyed(keys) => {
                let position = |key: &&str| key.bytes().all(|byte| byte.is_ascii_digit());
                let last = path.iter().rev().map(AsRef::as_ref).find(|key| !position(key));
                let of = |key: &str| keys.iter().find(|(known, _)| *known == key).map(|(_, form)| *form);
                last.and_then(of).unwrap_or_default()
            }
            form => path.iter().fold(form, |form, key| form.below(key.as_ref())),
        }
    }

    /// The form of what stands at `key` of an object of this form.
    #[must_use]
    pub fn below(self, key: &str) -> Self {
        const VERSIONED: [&str; 5] = ["version", "server", "powered-by", "user-agent", "via"];
        match self {
            Self::Fields => {
                let key = key.to_ascii_lowercase();
                match key.as_str() {
                    "content-type" => Self::MediaType,
                    "set-cookie" => Self::Cookies,
                    key if web::URLS.contains(&key) => Self::Url,
                    key if web::WORDS.contains(&key) => Self::FieldWords,
                    key if VERSIONED.iter().any(|word| key.contains(word)) => Self::Version,
                    _ => Self::Field,
                }
            }
            Self::Keyed(keys) => keys.iter().find(|(known, _)| *known == key).map_or(self, |(_, form)| *form),
            other => other,
        }
    }

    /// Whether two texts are one value; of data, of this kind.
    #[must_use]
    pub fn same(self, kind: Option<&str>, one: &str, other: &str) -> bool {
        one == other
            || match self {
                Self::Plain | Self::Document | Self::Fields | Self::Cookies | Self::Serial | Self::Keyed(_) => false,
                Self::Field => decimal::plain(one).is_some_and(|one| decimal::plain(other) == Some(one)),
                Self::Version => version::same(one, other),
                Self::DistinguishedName => distinguished::same(one, other),
                Self::Data(data) => (data.same)(kind, one, other),
                form => form.key(kind, one) == form.key(kind, other),
            }
    }

    /// A text that all texts of one value have in common.
    #[must_use]
    pub fn key(self, kind: Option<&str>, text: &str) -> String {
        match self {
            Self::Plain | Self::Document | Self::Fields | Self::Cookies | Self::Serial | Self::Keyed(_) => {
                text.to_owned()
            }
            Self::Field => decimal::plain(text).map_or_else(|| text.to_owned(), |number| number.to_string()),
            Self::Word => text.to_lowercase(),
            Self::Name => name::key(text),
            Self::Address => name::address_key(text).unwrap_or_else(|| text.to_lowercase()),
            Self::Host => name::host_key(text).unwrap_or_else(|| name::key(text)),
            Self::Hex => hex::key(text),
            Self::HexNumber => hex::number(text),
            Self::Digest => hex::digest(text).unwrap_or_else(|| hex::key(text)),
            Self::Words(words) => canonical_word(words, text).map_or_else(|| text.to_lowercase(), str::to_owned),
            Self::Ports => PortSet::parse(text).map_or_else(|_| text.to_owned(), |ports| ports.to_string()),
            Self::Hops => hops::key(text),
            Self::DistinguishedName => distinguished::key(text),
            Self::Url => web::url(text),
            Self::MediaType => web::media_type(text),
            Self::FieldWords => web::words(text),
            Self::Version => version::key(text),
            Self::Data(data) => (data.key)(kind, text),
        }
    }

    /// Whether `part`, as a suite writes it, stands in a text: without what does not matter.
    #[must_use]
    pub fn contains(self, kind: Option<&str>, text: &str, part: &str) -> bool {
        let lower = || text.to_lowercase().contains(&part.to_lowercase());
        match self {
            Self::Word | Self::Words(_) | Self::Name | Self::Address | Self::Host | Self::Hops => lower(),
            Self::DistinguishedName | Self::MediaType => lower(),
            Self::FieldWords => web::words(text).contains(&web::words(part)),
            Self::Hex | Self::HexNumber | Self::Digest => hex::key(text).contains(&hex::key(part)),
            Self::Url => text.contains(part) || web::url(text).contains(part),
            Self::Cookies => web::is_of_cookie(text, part) || text.contains(part),
            Self::Plain | Self::Document | Self::Fields | Self::Field => text.contains(part),
            Self::Ports => ports::holds(text, part),
            Self::Serial | Self::Version | Self::Keyed(_) => text.contains(part),
            Self::Data(data) => (data.contains)(kind, text, part),
        }
    }

    /// Whether texts are nothing but themselves.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::Document)
    }
}

impl ValueType<'_> {
    /// The same for an element of a list, or a value below an object.
    #[must_use]
    pub fn of_element(self, item: &Value) -> Self {
        let sort = match self.sort {
            Sort::Column(_) => self.sort.element(),
            _ if item.is_string() => Sort::Text,
            _ => Sort::Any,
        };
        Self { sort, total: None, ..self }
    }

    /// Whether it is a value: a null is one in a document of somebody else, and stands for an absence in all that this program
    /// makes up itself.
    #[must_use]
    pub const fn is_value(self, value: &Value) -> bool {
        !matches!(value, Value::Null) || matches!(self.form, Form::Document)
    }

    /// Whether two values are one; `None` where they cannot be compared.
    #[must_use]
    pub fn equal(self, value: &Value, want: &Value) -> Option<bool> {
        match (value, want) {
            // Whatever is there is null or is not.
            (_, Value::Null) => Some(value.is_null()),
            (Value::Number(_), Value::Number(_)) => Some(self.compare(value, want)?.is_eq()),
            _ if self.sort == Sort::Time => Some(self.compare(value, want)?.is_eq()),
            (Value::String(one), Value::String(other)) => Some(self.form.same(self.kind, one, other)),
            // HTTP has texts alone; a suite may write the number it means.
            (Value::String(text), Value::Number(number)) if self.is_field() => {
                Some(self.form.same(self.kind, text, &number.to_string()))
            }
            (Value::Array(items), Value::Array(wants)) if self.is_ports() => ports::same(items, wants),
            (Value::Array(items), Value::Array(wants)) => {
                let each = |(item, want): (&Value, &Value)| self.of_element(item).equal(item, want) == Some(true);
                Some(items.len() == wants.len() && items.iter().zip(wants).all(each))
            }
            (Value::Object(one), Value::Object(other)) => {
                let each = |(key, value): (&String, &Value)| {
                    other.get(key).is_some_and(|want| self.of_element(value).equal(value, want) == Some(true))
                };
                Some(one.len() == other.len() && one.iter().all(each))
            }
            // "500" is neither equal to 500 nor surely different from it: undecided, so that `ne` does not hold either.
            _ if std::mem::discriminant(value) != std::mem::discriminant(want) => None,
            _ => Some(value == want),
        }
    }

    /// Which of two values comes first; `None` where they have no order.
    #[must_use]
    pub fn compare(self, value: &Value, want: &Value) -> Option<Ordering> {
        match (self.sort, value, want) {
            (Sort::Choice(words), ..) => {
                let rank = |v: &Value| words.iter().position(|word| v.as_str() == Some(word));
                Some(rank(value)?.cmp(&rank(want)?))
            }
            (Sort::Time, ..) => {
                let instant = |v: &Value| v.as_str()?.parse::<jiff::Timestamp>().ok();
                Some(instant(value)?.cmp(&instant(want)?))
            }
            (_, Value::String(one), Value::String(other)) => version::compare(one, other),
            (_, Value::String(text), Value::Number(number)) if self.is_field() => {
                let (one, other) = (text.trim(), number.to_string());
                if matches!(self.form, Form::Version) {
                    return version::compare(one, &other);
                }
                Some(decimal::parse(one)?.cmp(&decimal::parse(&other)?))
            }
            (_, Value::Number(one), Value::Number(other)) => {
                let exact = decimal::compare(one, other);
                match self.sort {
                    // Units are scaled in binary: 0.1% and 0.001 may differ in the last bit.
                    Sort::Number(_) if !(whole(one) && whole(other)) => {
                        let (a, b) = (one.as_f64()?, other.as_f64()?);
                        if (a - b).abs() <= b.abs() * 1e-12 { Some(Ordering::Equal) } else { exact }
                    }
                    _ => exact,
                }
            }
            _ => None,
        }
    }

    /// Whether a list holds an element, a text a part, an object a key.
    #[must_use]
    pub fn contains(self, value: &Value, want: &Value) -> Option<bool> {
        match value {
            Value::Array(items) if self.is_ports() => ports::hold(items, want),
            Value::Array(items) => {
                let part = |item: &Value| Some(web::is_of_cookie(item.as_str()?, want.as_str()?));
                let of_cookie = |item: &Value| matches!(self.form, Form::Cookies) && part(item) == Some(true);
                let same = |item: &Value| {
                    if of_cookie(item) { Some(true) } else { self.of_element(item).equal(item, want) }
                };
                if items.iter().any(|item| same(item) == Some(true)) {
                    return Some(true);
                }
                // 5 next to "5": it cannot be told whether this is what was meant.
                let open = items.iter().any(|item| same(item).is_none() && alike::looks_like(item, want));
                (!open).then_some(false)
            }
            Value::String(text) => Some(self.form.contains(self.kind, text, want.as_str()?)),
            Value::Object(map) => Some(map.contains_key(want.as_str()?)),
            _ => None,
        }
    }

    /// Whether two lists have the same elements, in any order.
    #[must_use]
    pub fn same_elements(self, items: &[Value], wants: &[Value]) -> bool {
        if self.is_ports() {
            return ports::same(items, wants) == Some(true);
        }
        items.len() == wants.len() && self.only_in(items, wants).is_empty()
    }

    /// The elements of `these` that `those` lacks, each once for once, in their order.
    #[must_use]
    pub fn only_in<'v>(self, these: &'v [Value], those: &[Value]) -> Vec<&'v Value> {
        let mut left: Vec<&Value> = those.iter().collect();
        let lacks = |item: &&Value| {
            let same = |other: &&Value| self.of_element(item).equal(item, other) == Some(true);
            left.iter().position(same).map(|at| left.swap_remove(at)).is_none()
        };
        these.iter().filter(lacks).collect()
    }

    /// A text that all values that are one have in common.
    #[must_use]
    pub fn key(self, value: &Value) -> String {
        match value {
            Value::String(text) => format!("\"{}", self.form.key(self.kind, text)),
            Value::Number(number) => {
                decimal::parse(&number.to_string()).map_or_else(|| number.to_string(), |n| n.to_string())
            }
            Value::Array(items) if self.is_ports() => ports::key(items),
            Value::Array(items) => {
                let keys: Vec<String> = items.iter().map(|item| self.of_element(item).key(item)).collect();
                format!("[{}]", keys.join(","))
            }
            Value::Object(map) => {
                let keys: Vec<String> =
                    map.iter().map(|(key, item)| format!("{key}:{}", self.of_element(item).key(item))).collect();
                format!("{{{}}}", keys.join(","))
            }
            other => other.to_string(),
        }
    }

    /// Whether a list holds an element, or a part of what it stands for: of a range of ports, one of them.
    #[must_use]
    pub fn contains_some(self, value: &Value, want: &Value) -> Option<bool> {
        match value {
            Value::Array(items) if self.is_ports() => ports::touch(items, want),
            _ => self.contains(value, want),
        }
    }

    /// Whether a value is one of these; of a range of ports, all of it in them.
    #[must_use]
    pub fn is_among(self, value: &Value, wants: &[Value]) -> Option<bool> {
        match value {
            Value::String(_) if self.is_ports() => ports::hold(wants, value),
            _ => any(wants.iter().map(|want| self.equal(value, want))),
        }
    }

    /// The elements of a list, each by itself: of ranges, every port.
    #[must_use]
    pub fn elements(self, value: &Value) -> Option<Cow<'_, [Value]>> {
        let items = value.as_array()?;
        let each = if self.is_ports() { ports::each(items) } else { None };
        Some(each.map_or(Cow::Borrowed(items), Cow::Owned))
    }

    /// How many elements a list has, of ranges how many ports; `None` where they are counted as usual.
    #[must_use]
    pub fn count(self, value: &Value) -> Option<u64> {
        if self.is_ports() { ports::count(value.as_array()?) } else { self.total }
    }

    fn is_ports(self) -> bool {
        matches!(self.form, Form::Ports) && !matches!(self.sort, Sort::Column(_))
    }

    fn is_field(self) -> bool {
        matches!(self.form, Form::Field | Form::Version)
    }
}

fn whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64()
}

#[cfg(test)]
mod tests;
