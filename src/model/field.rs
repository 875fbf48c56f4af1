//! Fields: what a suite may write below a family key. One static table per family.

/// What a field accepts.
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
    /// Text with a space in it, or else a file, relative to the suite file.
    Inline,
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
    /// Events per second (`100 /s`), above zero.
    Rate,
    /// Events per second, or one of these words.
    RateOr(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of one kind; a single item may be written without brackets.
    List(&'static FieldKind),
    /// Name to value.
    Map(&'static FieldKind),
    /// A nested group with its own fields.
    Group(&'static [Field]),
    /// `true`, `false`, or a nested group, which means `true`.
    Switch(&'static [Field]),
    /// A nested probe: exactly one family key, plus the group's own fields.
    Probe(&'static [&'static str], &'static [Field]),
}

impl FieldKind {
    /// What to write, for messages and docs.
    #[must_use]
    pub fn wants(&self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Host => "a host name or address".into(),
            Self::Address => "an IP address".into(),
            Self::Endpoint => "host:port".into(),
            Self::Url => "a URL".into(),
            Self::Path => "a file".into(),
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
            Self::RateOr(words) => format!("a rate with its unit, such as 100 /s, or {}", words.join(" or ")),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::List(item) => format!("a list of: {}", item.wants()),
            Self::Map(item) => format!("a map from name to: {}", item.wants()),
            Self::Group(fields) => format!("a map with {}", names(fields)),
            Self::Switch(fields) => format!("true, false, or a map with {}", names(fields)),
            Self::Probe(families, _) => format!("a map with one of the probes {}", families.join(", ")),
        }
    }
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}

/// One row of a family's field table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Key in the suite.
    pub name: &'static str,
    /// What it accepts.
    pub kind: FieldKind,
    /// Must be written.
    pub required: bool,
    /// Default, as the suite author would write it.
    pub default: Option<&'static str>,
    /// One sentence for `explain`, the schema and the docs.
    pub help: &'static str,
}

impl Field {
    /// A field that must be written.
    #[must_use]
    pub const fn required(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self { name, kind, required: true, default: None, help }
    }
    /// A field that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self { name, kind, required: false, default: None, help }
    }
    /// A field with a default.
    #[must_use]
    pub const fn default(name: &'static str, kind: FieldKind, default: &'static str, help: &'static str) -> Self {
        Self { name, kind, required: false, default: Some(default), help }
    }
}

/// A port number.
pub const PORT: FieldKind = FieldKind::Integer(1, 65535);
/// How long a silent peer is waited for.
pub const PATIENCE: FieldKind = FieldKind::Duration(0.001, 3600.0);
/// Which address family to use; used by several families.
pub const IP_FAMILY: FieldKind = FieldKind::Choice(&["any", "ipv4", "ipv6"]);
