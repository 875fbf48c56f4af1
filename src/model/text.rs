//! The sorts of text that records and arguments hold.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Text that is usually static.
pub type Word = Cow<'static, str>;

/// Text shared with the plan: ten thousand records of it cost ten thousand pointers.
pub type Shared = Arc<str>;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Marks where a text was cut.
pub const CUT: char = '…';

/// Begins what stands in the place of a value that another check captures.
const CAPTURED: &str = "${checks.";

/// Bytes of the shortest secret that can be told from ordinary text.
pub const SHORTEST_SECRET: usize = 4;

/// Text of a suite that may hold secrets: it is used by its value, and shown with [`MASK`] in the place of each. Whoever
/// formats it shows it; only who asks for the value gets that.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    value: String,
    /// Absent when it holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<Box<str>>,
}

/// A piece of a [`Text`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TextPart<'t> {
    /// Shown as it is.
    Plain(&'t str),
    /// Hidden.
    Hidden {
        /// What is shown in its place.
        place: &'t str,
        /// What it is; not for people.
        value: &'t str,
    },
}

impl Text {
    /// A value that is shown as `shown`, if that is given.
    #[must_use]
    pub fn new(value: impl Into<String>, shown: Option<&str>) -> Self {
        Self { value: value.into(), shown: shown.map(Into::into) }
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.value)
    }

    /// Whether some of it is hidden.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        self.shown.is_some()
    }

    /// Whether its value is what stands in the place of a secret: good for a name, and for nothing that is sent.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.shown.as_deref() == Some(&*self.value)
    }

    /// The value with what `each` makes of every secret and every captured value in it; not for people.
    #[must_use]
    pub fn with_secrets(&self, each: impl Fn(&str) -> String) -> String {
        let text = |part: TextPart<'_>| match part {
            TextPart::Plain(text) => text.to_owned(),
            TextPart::Hidden { value, .. } => each(value),
        };
        self.parts().map_or_else(|| self.value.clone(), |parts| parts.into_iter().map(text).collect())
    }

    /// The value in parts: what everybody may read, and what is hidden. `None` when they cannot be told apart.
    #[must_use]
    pub fn parts(&self) -> Option<Vec<TextPart<'_>>> {
        let Some(shown) = self.shown.as_deref() else { return Some(vec![TextPart::Plain(&self.value)]) };
        // What stands in the places that `shown` leaves open. Between two of them is a text, or they are as one.
        let mut open = places(shown).peekable();
        let first = &shown[..open.peek().map_or(shown.len(), |place| place.start)];
        let (mut out, mut rest) = (vec![TextPart::Plain(first)], self.value.strip_prefix(first)?);
        while let Some(place) = open.next() {
            let between = &shown[place.end..open.peek().map_or(shown.len(), |next| next.start)];
            let length = match open.peek() {
                None => rest.strip_suffix(between)?.len(),
                Some(_) => rest.find(between)?,
            };
            out.push(TextPart::Hidden { place: &shown[place], value: &rest[..length] });
            out.push(TextPart::Plain(between));
            rest = &rest[length + between.len()..];
        }
        Some(out)
    }

    /// What it is; not for people.
    #[must_use]
    pub fn into_value(self) -> String {
        self.value
    }

    /// What is shown as the value: the same text with nothing to hide, still marked as one that holds a secret.
    #[must_use]
    pub fn masked(&self) -> Self {
        Self::new(self.shown(), self.shown.as_deref())
    }
}

/// Where a shown text leaves out a secret, or a value that another check captures.
fn places(shown: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = shown.get(from..)?;
        let mask = rest.find(MASK).map(|at| at..at + MASK.len());
        let captured = rest.find(CAPTURED).and_then(|at| Some(at..at + rest.get(at..)?.find('}')? + 1));
        let place = mask.into_iter().chain(captured).min_by_key(|place| place.start)?;
        let place = from + place.start..from + place.end;
        from = place.end;
        Some(place)
    })
}

impl Deref for Text {
    type Target = str;
    /// The value; not for people.
    fn deref(&self) -> &str {
        &self.value
    }
}

/// The value as a path; who tells of the file formats the text.
impl AsRef<Path> for Text {
    fn as_ref(&self) -> &Path {
        Path::new(&self.value)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

impl From<String> for Text {
    fn from(value: String) -> Self {
        Self { value, shown: None }
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn formatting_shows_no_secret() {
        let text = Text::new("Bearer s3cret", Some("Bearer ***"));
        assert_eq!((format!("{text}"), format!("{text:?}")), ("Bearer ***".into(), "\"Bearer ***\"".into()));
        assert_eq!((&*text, text.shown(), text.holds_secret()), ("Bearer s3cret", "Bearer ***", true));
        let masked = text.masked();
        assert_eq!((&*masked, masked.holds_secret()), ("Bearer ***", true), "still one that must not be an argument");
        assert!(masked.is_masked() && !text.is_masked());
        assert_eq!(Text::from("plain").to_string(), "plain");
    }

    #[test]
    fn secrets_are_found_in_a_text_by_what_stands_around_them() {
        for (value, shown, marked) in [
            ("AUTH a.b end", "AUTH *** end", "AUTH <a.b> end"),
            ("a.b", "***", "<a.b>"),
            ("x=1;y=2;z", "x=***;y=***;z", "x=<1>;y=<2>;z"),
            ("1-2", "***-${checks.login.token}", "<1>-<2>"),
            ("^12$", "^***${checks.a.b}$", "^<><12>$"),
            ("***", "***", "<***>"),
            ("another", "AUTH ***", "another"),
            ("a", "a", "a"),
        ] {
            assert_eq!(Text::new(value, Some(shown)).with_secrets(|secret| format!("<{secret}>")), marked, "{shown}");
        }
        assert_eq!(Text::from("*** plain").with_secrets(|_| String::new()), "*** plain");
    }
}
