//! Arguments of one check: the fields of its family, validated, typed, defaults filled in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::argument::Argument;
use super::expectation::Expectation;
use super::field::{Field, FieldInfo};
use super::parse::parse;
use super::stand_in;
use super::text::Text;

/// A typed argument. Numbers are in base units (seconds, bytes, bit/s).
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// Text, host, URL, choice.
    Text(Text),
    /// A JSON document.
    Document(Text),
    /// Yes or no.
    Bool(bool),
    /// Whole number.
    Integer(i64),
    /// Quantity.
    Number(f64),
    /// List.
    List(Vec<Arg>),
    /// Name to value, in the order written.
    Map(Vec<(String, Arg)>),
    /// Nested group.
    Group(Args),
    /// Nested probe: its family, its arguments, the group's own fields.
    Probe {
        /// Family key.
        family: &'static str,
        /// Arguments of the nested family.
        args: Args,
        /// Fields beside the family key.
        group: Args,
        /// What a check with these arguments would expect by default.
        expected: Expected,
    },
}

/// What a text is, in which a value is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// Any text: the value stands there as it is.
    Plain,
    /// A JSON document, in which it stays one value.
    Json,
}

/// Default expectations.
#[derive(Clone, Debug, Default)]
pub struct Expected(pub Arc<[Expectation]>);

impl PartialEq for Expected {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(ToString::to_string).eq(other.0.iter().map(ToString::to_string))
    }
}

impl Arg {
    /// See [`Args::holds_secret`].
    fn holds_secret(&self) -> bool {
        match self {
            Self::Text(text) | Self::Document(text) => text.holds_secret(),
            Self::List(items) => items.iter().any(Self::holds_secret),
            Self::Map(items) => items.iter().any(|(_, item)| item.holds_secret()),
            Self::Group(args) => args.holds_secret(),
            Self::Probe { family: _, args, group, expected: _ } => args.holds_secret() || group.holds_secret(),
            Self::Bool(_) | Self::Integer(_) | Self::Number(_) => false,
        }
    }

    /// See [`Args::with_texts`].
    fn with_texts<E>(&self, each: &mut dyn FnMut(&Text, TextForm) -> Result<Text, E>) -> Result<Self, E> {
        Ok(match self {
            Self::Text(text) => Self::Text(each(text, TextForm::Plain)?),
            Self::Document(text) => Self::Document(each(text, TextForm::Json)?),
            Self::List(items) => Self::List(items.iter().map(|item| item.with_texts(each)).collect::<Result<_, E>>()?),
            Self::Map(items) => {
                let items = items.iter().map(|(name, item)| Ok::<_, E>((name.clone(), item.with_texts(each)?)));
                Self::Map(items.collect::<Result<_, E>>()?)
            }
            Self::Group(args) => Self::Group(args.with_texts(each)?),
            Self::Probe { family, args, group, expected } => Self::Probe {
                family,
                args: args.with_texts(each)?,
                group: group.with_texts(each)?,
                expected: expected.clone(),
            },
            Self::Bool(_) | Self::Integer(_) | Self::Number(_) => self.clone(),
        })
    }

    /// See [`Args::masked`].
    fn masked(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.masked()),
            Self::Document(text) => Self::Document(text.masked()),
            Self::List(items) => Self::List(items.iter().map(Self::masked).collect()),
            Self::Map(items) => Self::Map(items.iter().map(|(name, item)| (name.clone(), item.masked())).collect()),
            Self::Group(args) => Self::Group(args.masked()),
            Self::Probe { family, args, group, expected } => {
                Self::Probe { family, args: args.masked(), group: group.masked(), expected: expected.clone() }
            }
            Self::Bool(_) | Self::Integer(_) | Self::Number(_) => self.clone(),
        }
    }
}

/// The arguments of one family, by field name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub BTreeMap<&'static str, Arg>);

/// A rule between fields was broken; the suite layer adds file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Field to point at; empty for the whole check.
    pub field: &'static str,
    /// The mistake.
    pub message: String,
    /// The remedy: text to write in its place.
    pub help: String,
}

impl Invalid {
    /// A broken rule at `field`.
    pub fn at(field: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field, message: message.into(), help: help.into() }
    }
}

impl Args {
    /// The argument of a field, as the type of its key; the field's default where it is not written.
    #[must_use]
    pub fn get<T: Argument>(&self, field: &Field<T>) -> T {
        match self.0.get(field.info.name) {
            Some(arg) => T::read(Some(arg)),
            None => T::read(default(&field.info).as_ref()),
        }
    }

    /// Whether any text of it holds a secret.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        self.0.values().any(Arg::holds_secret)
    }

    /// These fields of it.
    #[must_use]
    pub fn only(&self, fields: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| fields.contains(name));
        Self(kept.map(|(name, arg)| (*name, arg.clone())).collect())
    }

    /// The same with `***` as the value wherever a secret stands.
    #[must_use]
    pub fn masked(&self) -> Self {
        Self(self.0.iter().map(|(name, arg)| (*name, arg.masked())).collect())
    }

    /// Whether any text of it waits for a captured value.
    #[must_use]
    pub fn holds_stand_in(&self) -> bool {
        self.with_values(&mut |_, _| Err(())).is_err()
    }

    /// The same with what `value` makes of each text that waits for a captured value.
    pub fn with_values<E>(&self, value: &mut dyn FnMut(&Text, TextForm) -> Result<Text, E>) -> Result<Self, E> {
        self.with_texts(&mut |text, form| if stand_in::is_in(text) { value(text, form) } else { Ok(text.clone()) })
    }

    /// The same with what `each` makes of each text, at any depth.
    pub fn with_texts<E>(&self, each: &mut dyn FnMut(&Text, TextForm) -> Result<Text, E>) -> Result<Self, E> {
        let own = self.0.iter().map(|(name, arg)| Ok::<_, E>((*name, arg.with_texts(each)?)));
        Ok(Self(own.collect::<Result<_, E>>()?))
    }

    /// Whether the field is written or has a default.
    #[must_use]
    pub fn given<T>(&self, field: &Field<T>) -> bool {
        self.0.contains_key(field.info.name)
    }
}

/// The default of a field, typed.
#[must_use]
pub fn default(field: &FieldInfo) -> Option<Arg> {
    field.default.and_then(|text| parse(text, &field.kind, Path::new("")).ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;
    use std::time::Duration;

    use super::{Arg, Args};
    use crate::model::argument::choices;
    use crate::model::table::fields;
    use crate::model::{Choices as _, Field, FieldKind, Switch};

    choices! {
        enum Version {
            Auto = "auto",
            One = "1.1",
        }
    }

    fields! { INNER;
        const COUNT: Field<u32> = Field::default("count", FieldKind::Integer(1, 9), "5", "How often it is done.");
    }

    fields! { FIELDS;
        const WAIT: Field<Duration> = Field::default("wait", FieldKind::Duration(0.0, 9.0), "500ms", "How long it takes.");
        const LIMIT: Field<usize> = Field::default("limit", FieldKind::Size(1.0, 1e6), "16 KiB", "The most it keeps.");
        const VERSION: Field<Version> = Field::choice("version", "1.1", "Which it speaks.");
        const SOURCE: Field<Option<IpAddr>> = Field::optional("source", FieldKind::Address, "Where it sends from.");
        const NAMES: Field<Vec<String>> =
            Field::optional("names", FieldKind::List(&FieldKind::Text), "All it asks for.");
        const LOAD: Field<Switch> = Field::optional("load", FieldKind::Switch(INNER), "Whether it repeats.");
    }

    #[test]
    fn absent_fields_have_their_default_or_say_that_they_are_absent() {
        let none = Args::default();
        assert_eq!(none.get(&WAIT), Duration::from_millis(500));
        assert_eq!((none.get(&LIMIT), none.get(&VERSION)), (16_384, Version::One));
        assert_eq!((none.get(&SOURCE), none.get(&NAMES), none.get(&LOAD)), (None, Vec::new(), Switch::Off));
        assert!(!none.given(&WAIT));
        assert_eq!(
            FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(" "),
            "wait limit version source names load"
        );
    }

    #[test]
    fn written_fields_are_typed() {
        let text = |text: &str| Arg::Text(text.into());
        let args = Args(BTreeMap::from([
            ("wait", Arg::Number(2.0)),
            ("version", text("auto")),
            ("source", text("::1")),
            ("names", Arg::List(vec![text("a"), text("b")])),
            ("load", Arg::Bool(true)),
        ]));
        assert_eq!((args.get(&WAIT), args.get(&VERSION)), (Duration::from_secs(2), Version::Auto));
        assert_eq!((args.get(&SOURCE), args.get(&NAMES).len()), ("::1".parse().ok(), 2));
        assert_eq!(args.get(&LOAD).group().map(|group| group.get(&COUNT)), Some(5), "`true` is the group's defaults");
        assert_eq!(
            (Version::of_word("1.1"), Version::of_word("2"), Version::One.word()),
            (Some(Version::One), None, "1.1")
        );
    }
}
