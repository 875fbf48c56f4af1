//! The sorts of text that records and arguments hold.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Text that is usually static.
pub type Word = Cow<'static, str>;

/// Text shared with the plan: ten thousand records of it cost ten thousand pointers.
pub type Shared = Arc<str>;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

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
        assert_eq!(Text::from("plain").to_string(), "plain");
    }
}
