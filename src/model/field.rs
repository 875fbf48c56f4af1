//! Fields: what a suite may write below a family key. Each is defined once, as a typed key, inside `fields!`, which
//! builds the table that validation, schema, docs and digests read.

use std::marker::PhantomData;

use super::args::Invalid;
use super::argument::{Argument, Choices};

/// Sorts of arguments, as bits: a type of the program says which it can be read from, and a field of another sort does
/// not compile.
pub mod shape {
    /// Text of any form.
    pub const TEXT: u32 = 1;
    /// IP address.
    pub const ADDRESS: u32 = 1 << 1;
    /// File.
    pub const PATH: u32 = 1 << 2;
    /// One of a list of words, read as text.
    pub const WORD: u32 = 1 << 3;
    /// One of the words of an enum.
    pub const CHOICE: u32 = 1 << 4;
    /// `true` or `false`.
    pub const BOOL: u32 = 1 << 5;
    /// Whole number.
    pub const INTEGER: u32 = 1 << 6;
    /// Length of time.
    pub const DURATION: u32 = 1 << 7;
    /// Size.
    pub const SIZE: u32 = 1 << 8;
    /// Share or rate.
    pub const NUMBER: u32 = 1 << 9;
    /// Rate or length of time, or a word instead.
    pub const QUANTITY_OR: u32 = 1 << 10;
    /// List.
    pub const LIST: u32 = 1 << 11;
    /// Map.
    pub const MAP: u32 = 1 << 12;
    /// Nested group.
    pub const GROUP: u32 = 1 << 13;
    /// Flag or nested group.
    pub const SWITCH: u32 = 1 << 14;
    /// Nested probe.
    pub const PROBE: u32 = 1 << 15;
    /// How far up the sort of an element stands.
    pub const ELEMENT: u32 = 16;
}

/// Kind of value a field accepts.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// Host name or IP address, without a port.
    Host,
    /// IP address only.
    Address,
    /// `host:port`; the port may be left out when the family has a default.
    Endpoint,
    /// Absolute URL.
    Url,
    /// File, relative to the suite file.
    Path,
    /// A map, a list, or a text that holds one JSON document.
    Document,
    /// Text with a space in it, or else a file, relative to the suite file.
    Inline,
    /// A word of a command: any text, and what it names is a file when there is one, relative to the folder of the process.
    Argument,
    /// One of these words, or else a file, relative to the suite file.
    FileOr(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// Whole number in a closed range.
    Integer(i64, i64),
    /// Length of time in a closed range, seconds (`5ms`, `2s`).
    Duration(f64, f64),
    /// Size in a closed range, bytes (`1472 B`).
    Size(f64, f64),
    /// Share in a closed range (`0.1%`).
    Ratio(f64, f64),
    /// Bits per second (`9 Gbit/s`), above zero.
    BitRate,
    /// Bits per second, or one of these words.
    BitRateOr(&'static [&'static str]),
    /// Events per second (`100 /s`), above zero.
    Rate,
    /// Events per second, or one of these words.
    RateOr(&'static [&'static str]),
    /// Length of time in a closed range, seconds, or one of these words.
    DurationOr(f64, f64, &'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of one kind; a single item may be written without brackets.
    List(&'static FieldKind),
    /// Name to value.
    Map(&'static FieldKind),
    /// A nested group with its own fields.
    Group(&'static [FieldInfo]),
    /// A nested group, or the value of this field of it alone.
    GroupOr(&'static str, &'static [FieldInfo]),
    /// `true`, `false`, or a nested group, which means `true`.
    Switch(&'static [FieldInfo]),
    /// A nested probe: exactly one key of these families, plus the group's own fields. The families come from the registry,
    /// which stands to the right of this layer.
    Probe(fn() -> Vec<&'static str>, &'static [FieldInfo]),
}

impl FieldKind {
    /// The sort of argument it becomes, as a bit of [`shape`]; of a list or a map, that of its elements above it.
    pub(super) const fn shape(&self) -> u32 {
        match self {
            Self::Text
            | Self::Host
            | Self::Endpoint
            | Self::Url
            | Self::Document
            | Self::Inline
            | Self::Argument
            | Self::FileOr(_) => shape::TEXT,
            Self::Address => shape::ADDRESS,
            Self::Path => shape::PATH,
            Self::Bool => shape::BOOL,
            Self::Integer(..) => shape::INTEGER,
            Self::Duration(..) => shape::DURATION,
            Self::Size(..) => shape::SIZE,
            Self::Ratio(..) | Self::BitRate | Self::Rate => shape::NUMBER,
            Self::RateOr(_) | Self::BitRateOr(_) | Self::DurationOr(..) => shape::QUANTITY_OR,
            Self::Choice(_) => shape::WORD,
            Self::List(item) => shape::LIST | item.shape() << shape::ELEMENT,
            Self::Map(item) => shape::MAP | item.shape() << shape::ELEMENT,
            Self::Group(_) | Self::GroupOr(..) => shape::GROUP,
            Self::Switch(_) => shape::SWITCH,
            Self::Probe(..) => shape::PROBE,
        }
    }

    /// The fields of a group, or of the groups of a list or a map.
    #[must_use]
    pub const fn inner(&self) -> Option<&'static [FieldInfo]> {
        match self {
            Self::Group(inner) | Self::GroupOr(_, inner) | Self::Switch(inner) | Self::Probe(_, inner) => Some(inner),
            Self::List(item) => item.inner(),
            Self::Map(Self::Group(inner)) => Some(inner),
            _ => None,
        }
    }

    /// Noun phrase for an accepted value ("a host name or address"), for messages and docs.
    #[must_use]
    pub fn wants(&self) -> String {
        match self {
            Self::Text | Self::Argument => "text".into(),
            Self::Host => "a host name or address, such as www.example.com or 192.0.2.10".into(),
            Self::Address => "an IP address, such as 192.0.2.10 or 2001:db8::10".into(),
            Self::Endpoint => {
                "a host name or address, with a port where it is not the usual one, such as 192.0.2.53:5353".into()
            }
            Self::Url => "a URL, such as https://www.example.com/health".into(),
            Self::Path => "a file".into(),
            Self::Document => "a map, a list, or a text that is JSON".into(),
            Self::Inline => "the text itself, or a file that holds it".into(),
            Self::FileOr(words) => format!("one of {}, or a file", words.join(", ")),
            Self::Bool => "true or false".into(),
            Self::Integer(lo, hi) if *hi == i64::MAX => format!("a whole number, {lo} or more"),
            Self::Integer(lo, hi) => format!("a whole number from {lo} to {hi}"),
            Self::Duration(..) => "a length of time with its unit, such as 500ms or 5s".into(),
            Self::Size(..) => "a size with its unit, such as 1472 B or 1 MiB".into(),
            Self::Ratio(..) => "a share, such as 0.1%".into(),
            Self::BitRate => "a bit rate with its unit, such as 100 Mbit/s".into(),
            Self::Rate => "a rate with its unit, such as 100 /s".into(),
            Self::DurationOr(.., words) => {
                format!("a length of time with its unit, such as 5s, or {}", words.join(" or "))
            }
            Self::BitRateOr(words) => {
                format!("a bit rate with its unit, such as 100 Mbit/s, or {}", words.join(" or "))
            }
            Self::RateOr(words) => format!("a rate with its unit, such as 100 /s, or {}", words.join(" or ")),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::List(item) => format!("a list of: {}", item.wants()),
            Self::Map(item) => format!("a map from name to: {}", item.wants()),
            Self::Group(fields) => format!("a map with {}", names(fields)),
            Self::GroupOr(main, fields) => format!("`{main}` alone, or a map with {}", names(fields)),
            Self::Switch(fields) => format!("true, false, or a map with {}", names(fields)),
            Self::Probe(families, _) => format!("a map with one of the probes {}", families().join(", ")),
        }
    }
}

fn names(fields: &[FieldInfo]) -> String {
    fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}

/// A property of a field that other layers act on, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldRole {
    /// Says where to probe, not what to measure: an override leaves the numbers comparable. Hosts, addresses, endpoints
    /// and the host of a URL have it by their kind.
    Location,
    /// The host a check is about, with or without a port, or the URL that names it: what a control must be able to reach.
    Host,
    /// Local address to send from.
    Source,
    /// Interface to send by: a place like [`Self::Location`].
    Interface,
    /// Which IP version to use.
    IpVersion,
    /// How long to wait for an unresponsive peer: `timeout` of `defaults` and of the command line sets it.
    Patience,
    /// How often the probe repeats its measurement: one where the probe is part of a stream.
    Repetition,
    /// File, or several, whose content is a part of the check: with another content another thing is measured.
    Content,
}

/// One row of a family's field table.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Key in the suite.
    pub name: &'static str,
    /// Kind of value it accepts.
    pub kind: FieldKind,
    /// Must be written.
    pub required: bool,
    /// Default, as the suite author would write it.
    pub default: Option<&'static str>,
    /// Use other layers make of it; none for most fields.
    pub role: Option<FieldRole>,
    /// One sentence for `explain`, the schema and the docs.
    pub help: &'static str,
}

/// A typed key: [`super::Args::get`] of it gives a `T`, and a `T` that its kind cannot give does not compile.
#[derive(Debug)]
pub struct Field<T> {
    /// The row this key stands for.
    pub info: FieldInfo,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

impl<T: Argument> Field<T> {
    /// A field that must be written.
    #[must_use]
    pub const fn required(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self::with(name, kind, true, None, help)
    }

    /// A field that may be left out; its type must be able to say so.
    #[must_use]
    pub const fn optional(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        const { assert!(T::OPTIONAL, "an optional field is read as an Option, a list, a map or a switch") };
        Self::with(name, kind, false, None, help)
    }

    /// A field with a default.
    #[must_use]
    pub const fn default(name: &'static str, kind: FieldKind, default: &'static str, help: &'static str) -> Self {
        Self::with(name, kind, false, Some(default), help)
    }

    const fn with(
        name: &'static str,
        kind: FieldKind,
        required: bool,
        default: Option<&'static str>,
        help: &'static str,
    ) -> Self {
        assert!(kind.shape() & !T::ACCEPTS == 0, "this kind of field cannot be read as this type");
        let info = FieldInfo { name, kind, required, default, role: None, help };
        Self { info, marker: PhantomData }
    }

    /// The same field with a role.
    #[must_use]
    pub const fn role(self, role: FieldRole) -> Self {
        Self { info: FieldInfo { role: Some(role), ..self.info }, ..self }
    }

    /// The same field in other words, where a family that shares it can say more.
    #[must_use]
    pub const fn help(self, help: &'static str) -> Self {
        Self { info: FieldInfo { help, ..self.info }, ..self }
    }

    /// Key in the suite.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.info.name
    }

    /// A broken rule at this field.
    pub fn invalid(&self, message: impl Into<String>, help: impl Into<String>) -> Invalid {
        Invalid::at(self.info.name, message, help)
    }
}

impl<T: Choices + Argument> Field<T> {
    /// A choice with a default.
    ///
    /// # Panics
    /// Where the field is defined, at compile time, if the default is none of the words.
    #[must_use]
    pub const fn choice(name: &'static str, default: &'static str, help: &'static str) -> Self {
        assert!(is_among(T::WORDS, default), "the default is none of the words");
        let info = FieldInfo::new(name, FieldKind::Choice(T::WORDS), Some(default), help);
        Self { info, marker: PhantomData }
    }
}

impl<T: Choices> Field<Option<T>> {
    /// A choice that may be left out.
    #[must_use]
    pub const fn optional_choice(name: &'static str, help: &'static str) -> Self {
        let info = FieldInfo::new(name, FieldKind::Choice(T::WORDS), None, help);
        Self { info, marker: PhantomData }
    }
}

impl<T: Choices> Field<Vec<T>> {
    /// A list of choices; empty when left out.
    #[must_use]
    pub const fn choices(name: &'static str, help: &'static str) -> Self {
        let kind = FieldKind::List(const { &FieldKind::Choice(T::WORDS) });
        Self { info: FieldInfo::new(name, kind, None, help), marker: PhantomData }
    }
}

impl FieldInfo {
    /// A field that must be written.
    #[must_use]
    pub const fn required(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self { name, kind, required: true, default: None, role: None, help }
    }
    /// A field that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self::new(name, kind, None, help)
    }
    /// A field with a default.
    #[must_use]
    pub const fn default(name: &'static str, kind: FieldKind, default: &'static str, help: &'static str) -> Self {
        Self::new(name, kind, Some(default), help)
    }
    /// The same field with a role.
    #[must_use]
    pub const fn role(self, role: FieldRole) -> Self {
        Self { role: Some(role), ..self }
    }

    const fn new(name: &'static str, kind: FieldKind, default: Option<&'static str>, help: &'static str) -> Self {
        Self { name, kind, required: false, default, role: None, help }
    }

    /// Whether it has `role`.
    #[must_use]
    pub fn has(&self, role: FieldRole) -> bool {
        self.role == Some(role)
    }
}

/// Whether `word` is one of `words`; `contains` of a constant.
#[must_use]
pub const fn is_among(words: &[&str], word: &str) -> bool {
    let mut at = 0;
    while at < words.len() {
        if same(words[at].as_bytes(), word.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A port number.
pub const PORT: FieldKind = FieldKind::Integer(1, 65535);
/// How long to wait for an unresponsive peer.
pub const PATIENCE: FieldKind = FieldKind::Duration(0.001, 3600.0);
