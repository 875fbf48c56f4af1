//! Text for terminals: colours for those that want them, control characters for none.

pub use crate::model::visible::visible;
use crate::model::{CheckRecord, Severity, Verdict};

/// How text for people looks, and how much of it there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Use ANSI colours.
    pub color: bool,
    /// Say also what is left out for brevity.
    pub verbose: bool,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Columns of a line; `None` where nobody says how wide a line may be.
    pub width: Option<usize>,
}

impl Style {
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Bold.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Dim.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// The fixed-width status word of a case. The word says it; colour only helps.
    #[must_use]
    pub fn status(self, check: &CheckRecord) -> String {
        let (code, word) = match (check.verdict, check.severity) {
            (Verdict::Passed, Severity::Fail) if check.regressed() => ("31;1", "REGR "),
            (Verdict::Passed, Severity::Warn) if check.regressed() => ("33", "WARN "),
            (Verdict::Passed, _) if check.flaky => ("33", "FLAKY"),
            (Verdict::Passed, _) => ("32", "PASS "),
            (Verdict::Failed, Severity::Warn) => ("33", "WARN "),
            (Verdict::Failed, Severity::Fail) => ("31;1", "FAIL "),
            (Verdict::Errored, _) => ("35;1", "ERROR"),
            (Verdict::Skipped, _) => ("36", "SKIP "),
        };
        self.paint(code, word)
    }

    /// The fixed-width status word of a change that is no number.
    #[must_use]
    pub fn mark(self, bad: bool) -> String {
        if bad { self.paint("31;1", "DIFF ") } else { self.paint("36", "NOTE ") }
    }
}

/// Whether text in this locale is UTF-8: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set says so.
#[must_use]
pub fn utf8(locale: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| locale(name).filter(|value| !value.is_empty()));
    set.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::utf8;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let with = |pairs: &[(&str, &str)]| {
            utf8(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!with(&[("LANG", "POSIX")]) && !with(&[]));
    }
}
