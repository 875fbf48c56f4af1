//! Types a field can be read as.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::args::{Arg, Args, Expected};
use super::field::shape;
use super::text::Text;

/// A value an argument can hold.
pub trait ArgValue: Sized {
    /// The sorts of arguments it can be read from, bits of [`shape`].
    const ACCEPTS: u32;
    /// Its default says "left out": a list, a map or a switch.
    const HAS_EMPTY: bool = false;
    /// The value; `None` when the argument is of another sort, which the compiler keeps from a field's own key.
    fn of(arg: &Arg) -> Option<Self>;
}

/// A value of a field: of one that is always there, or an `Option` of one that may be left out.
pub trait Argument: Sized {
    /// The sorts of arguments it can be read from, bits of [`shape`].
    const ACCEPTS: u32;
    /// It can say that the field was left out.
    const OPTIONAL: bool;
    /// The value of an argument, or of none.
    fn read(arg: Option<&Arg>) -> Self;
}

impl<T: ArgValue + Default> Argument for T {
    const ACCEPTS: u32 = <T as ArgValue>::ACCEPTS;
    const OPTIONAL: bool = T::HAS_EMPTY;
    fn read(arg: Option<&Arg>) -> Self {
        arg.and_then(T::of).unwrap_or_default()
    }
}

impl<T: ArgValue> Argument for Option<T> {
    const ACCEPTS: u32 = T::ACCEPTS;
    const OPTIONAL: bool = true;
    fn read(arg: Option<&Arg>) -> Self {
        arg.and_then(T::of)
    }
}

/// An enum whose variants are the words of a field; made by `choices!`.
pub trait Choices: Copy + Sized + 'static {
    /// The words, in the order of the variants.
    const WORDS: &'static [&'static str];
    /// The variants.
    const ALL: &'static [Self];
    /// The word of this variant.
    fn word(self) -> &'static str;
    /// The variant of a word.
    #[must_use]
    fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().position(|known| *known == word).and_then(|at| Self::ALL.get(at).copied())
    }
}

/// An enum that a field chooses from: `choices! { enum Version { Auto = "auto", One = "1.1" } }`. The first variant is its
/// `Default`, which no field with a default of its own ever uses.
macro_rules! choices {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $vis enum $name { $($(#[$doc])* $variant),+ }

        impl $crate::model::argument::Choices for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::model::argument::ArgValue for $name {
            const ACCEPTS: u32 = $crate::model::field::shape::CHOICE;
            fn of(arg: &$crate::model::Arg) -> Option<Self> {
                match arg {
                    $crate::model::Arg::Text(text) => <Self as $crate::model::argument::Choices>::of_word(text),
                    _ => None,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                <Self as $crate::model::argument::Choices>::ALL[0]
            }
        }
    };
}
pub(crate) use choices;

impl ArgValue for Text {
    const ACCEPTS: u32 = shape::TEXT | shape::ADDRESS | shape::PATH | shape::WORD;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Text(text) | Arg::Document(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// The value, for what is sent and never shown; what people see is a [`Text`].
impl ArgValue for String {
    const ACCEPTS: u32 = <Text as ArgValue>::ACCEPTS;
    fn of(arg: &Arg) -> Option<Self> {
        Text::of(arg).map(Text::into_value)
    }
}

impl ArgValue for IpAddr {
    const ACCEPTS: u32 = shape::ADDRESS;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Already relative to the working directory.
impl ArgValue for PathBuf {
    const ACCEPTS: u32 = shape::PATH;
    fn of(arg: &Arg) -> Option<Self> {
        String::of(arg).map(PathBuf::from)
    }
}

impl ArgValue for bool {
    const ACCEPTS: u32 = shape::BOOL;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Bool(flag) => Some(*flag),
            _ => None,
        }
    }
}

macro_rules! whole {
    ($($int:ty),+) => {$(
        /// A whole number, or a size in bytes; the range of the table keeps it in bounds.
        impl ArgValue for $int {
            const ACCEPTS: u32 = shape::INTEGER | shape::SIZE;
            fn of(arg: &Arg) -> Option<Self> {
                match arg {
                    Arg::Integer(number) => Self::try_from(*number).ok(),
                    // Saturates, and sizes of a suite stay far below 2^53.
                    #[expect(clippy::cast_possible_truncation, reason = "float to int saturates")]
                    Arg::Number(bytes) => Self::try_from(*bytes as i64).ok(),
                    _ => None,
                }
            }
        }
    )+};
}
whole!(i64, u8, u16, u32, u64, usize);

/// In the base unit: seconds, bytes, a share of one, bits or events per second.
impl ArgValue for f64 {
    const ACCEPTS: u32 = shape::DURATION | shape::SIZE | shape::NUMBER;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl ArgValue for Duration {
    const ACCEPTS: u32 = shape::DURATION;
    fn of(arg: &Arg) -> Option<Self> {
        f64::of(arg).and_then(|seconds| Self::try_from_secs_f64(seconds).ok())
    }
}

impl<T: ArgValue> ArgValue for Vec<T> {
    const ACCEPTS: u32 = shape::LIST | T::ACCEPTS << shape::ELEMENT;
    const HAS_EMPTY: bool = true;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::List(items) => Some(items.iter().filter_map(T::of).collect()),
            // A single one may stand without brackets.
            other => T::of(other).map(|one| vec![one]),
        }
    }
}

/// Name to value, in the order written.
impl<T: ArgValue> ArgValue for Vec<(String, T)> {
    const ACCEPTS: u32 = shape::MAP | T::ACCEPTS << shape::ELEMENT;
    const HAS_EMPTY: bool = true;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Map(items) => Some(items.iter().filter_map(|(key, item)| Some((key.clone(), T::of(item)?))).collect()),
            _ => None,
        }
    }
}

impl ArgValue for Args {
    const ACCEPTS: u32 = shape::GROUP;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Group(group) => Some(group.clone()),
            _ => None,
        }
    }
}

/// A flag that may be a group instead, which means `true`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Switch {
    /// `false`, or left out.
    #[default]
    Off,
    /// `true`, or a group; without one the defaults of its fields.
    On(Args),
}

impl Switch {
    /// Whether it is on.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    /// The group of a switch that is on.
    #[must_use]
    pub fn group(self) -> Option<Args> {
        match self {
            Self::On(group) => Some(group),
            Self::Off => None,
        }
    }
}

impl ArgValue for Switch {
    const ACCEPTS: u32 = shape::SWITCH;
    const HAS_EMPTY: bool = true;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Bool(false) => Some(Self::Off),
            Arg::Bool(true) => Some(Self::On(Args::default())),
            Arg::Group(group) => Some(Self::On(group.clone())),
            _ => None,
        }
    }
}

/// A rate, or a word instead of one.
#[derive(Clone, Debug, PartialEq)]
pub enum RateOr {
    /// Events, or bits, per second.
    Rate(f64),
    /// One of the field's words.
    Word(String),
}

impl ArgValue for RateOr {
    const ACCEPTS: u32 = shape::QUANTITY_OR;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Number(rate) => Some(Self::Rate(*rate)),
            Arg::Text(word) => Some(Self::Word(word.clone().into_value())),
            _ => None,
        }
    }
}

/// A length of time, or a word instead of one.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationOr {
    /// So long.
    Duration(Duration),
    /// One of the field's words.
    Word(String),
}

impl Default for DurationOr {
    fn default() -> Self {
        Self::Duration(Duration::ZERO)
    }
}

impl ArgValue for DurationOr {
    const ACCEPTS: u32 = shape::QUANTITY_OR;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Text(word) => Some(Self::Word(word.clone().into_value())),
            other => Duration::of(other).map(Self::Duration),
        }
    }
}

/// A nested probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NestedProbe {
    /// Family key.
    pub family: &'static str,
    /// Arguments of the nested family.
    pub args: Args,
    /// Fields beside the family key.
    pub group: Args,
    /// What a check with these arguments would expect by default.
    pub expected: Expected,
}

impl ArgValue for NestedProbe {
    const ACCEPTS: u32 = shape::PROBE;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Probe { family, args, group, expected } => {
                Some(Self { family, args: args.clone(), group: group.clone(), expected: expected.clone() })
            }
            _ => None,
        }
    }
}
