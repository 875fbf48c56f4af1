//! Text from suites and peers, for people: what cannot be seen is shown, and steers neither a terminal nor the reader.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters that have no sign of their own: controls, and those that turn the order of writing, join, or have no width.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// One line of text with every hidden character as its escape, such as `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// Text of several lines: line ends and tabs stay.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Text of several lines with colours of our own: all else that is hidden is shown.
#[must_use]
pub fn visible_on_terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let (before, code) = rest.split_at(at);
        let length = code[2..].find(|c: char| !c.is_ascii_digit() && c != ';').map_or(code.len(), |end| end + 2);
        let is_colour = code[length..].starts_with('m');
        let end = if is_colour { length + 1 } else { 1 };
        out.push_str(&visible_lines(before));
        if is_colour {
            out.push_str(&code[..end]);
        } else {
            out.push_str(&visible(&code[..end]));
        }
        rest = &code[end..];
    }
    out + &visible_lines(rest)
}

/// JSON with every hidden character as an escape: the same document for programs, and no trap for who reads it.
#[must_use]
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // Below that JSON has blanks between its parts, and escapes in its texts, already.
    let hidden = |c: char| c >= '\u{7f}' && is_hidden(c);
    if !json.contains(hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let hidden = |c: char| is_hidden(c) && !stays(c);
    if !text.chars().any(hidden) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if !hidden(c) {
            out.push(c);
        } else if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.extend(c.escape_unicode());
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_json, visible_lines, visible_on_terminal};

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("plain ä 語 🎉"), "plain ä 語 🎉");
        assert_eq!(
            visible("a\u{202e}b\u{2066}c\u{200b}\n\u{7f}\u{9b}"),
            "a\\u{202e}b\\u{2066}c\\u{200b}\\n\\u{7f}\\u{9b}"
        );
        assert_eq!(visible_lines("a\n\tb\r\u{feff}"), "a\n\tb\\r\\u{feff}");
    }

    #[test]
    fn json_says_the_same_and_shows_it() {
        let value = serde_json::json!({"a\u{202e}": ["b\u{e0041}\u{7f}\u{9b}\n", "plain ä 語 🎉"]});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = visible_json(&text);
        assert!(shown.contains(r"a\u202e") && shown.contains(r"b\udb40\udc41\u007f\u009b\n"), "{shown}");
        assert!(shown.contains("plain ä 語 🎉"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn of_a_terminal_only_colours_pass() {
        assert_eq!(visible_on_terminal("\u{1b}[31;1mFAIL \u{1b}[0m x\n"), "\u{1b}[31;1mFAIL \u{1b}[0m x\n");
        assert_eq!(visible_on_terminal("\u{1b}[2J\u{1b}]0;t\u{7}\u{1b}"), "\\u{1b}[2J\\u{1b}]0;t\\u{7}\\u{1b}");
        assert_eq!(visible_on_terminal("\u{1b}[31"), "\\u{1b}[31");
    }
}
