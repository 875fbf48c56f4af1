//! Messages with numbers, and their echoes in a stream of bytes.

use std::sync::Arc;

use crate::net::bytes::readable;
use crate::probe::Identity;

/// Bytes kept of a line that does not end.
const LINE: usize = 64 * 1024;
/// Bytes and lines of what a server says first, as its identity.
const GREETING: usize = 256;
const GREETING_LINES: usize = 8;

/// What probes are written as: the text of the check, a blank, the number, the end of a line.
#[derive(Clone, Debug)]
pub(super) struct Message {
    text: Vec<u8>,
    /// Where the last line of it begins.
    last_line: usize,
}

impl Message {
    pub(super) fn new(text: &[u8]) -> Self {
        let last_line = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Self { text: text.to_vec(), last_line }
    }

    pub(super) fn write(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
        out.extend_from_slice(format!(" {number}\n").as_bytes());
    }

    /// The number in a line that ends as a message does, and what stands before that.
    fn number<'l>(&self, line: &'l [u8]) -> Option<(u64, &'l [u8])> {
        let blank = line.iter().rposition(|byte| *byte == b' ')?;
        let (before, digits) = line.split_at_checked(blank)?;
        let number = std::str::from_utf8(digits.get(1..)?).ok()?.parse().ok()?;
        let last = self.text.get(self.last_line..).unwrap_or_default();
        Some((number, before.strip_suffix(last)?))
    }

    /// Whether a line is one that stands ahead of the last in the text.
    fn has_line(&self, line: &[u8]) -> bool {
        let ahead = self.text.get(..self.last_line).unwrap_or_default();
        ahead.split(|byte| *byte == b'\n').any(|own| own.trim_ascii_end() == line)
    }
}

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The echo of a message.
    Echo(u64),
    /// Something else, behind the first echo or too long for a greeting.
    Other(String),
}

/// What arrives on one connection.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    buffer: Vec<u8>,
    greeting: String,
    greeting_lines: usize,
    echoed: bool,
    identity: Option<Identity>,
}

impl Incoming {
    /// What the server said before its first echo.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity.clone()
    }

    /// Takes in bytes, in whatever segments they come.
    pub(super) fn take(&mut self, bytes: &[u8], message: &Message, lines: &mut Vec<Line>) {
        self.buffer.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest = &buffer[..];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            lines.extend(self.line(rest[..end].trim_ascii_end(), message));
            rest = &rest[end + 1..];
        }
        // Only how a line ends matters.
        self.buffer = rest[rest.len().saturating_sub(LINE.max(2 * message.text.len()))..].to_vec();
    }

    fn line(&mut self, line: &[u8], message: &Message) -> Option<Line> {
        if let Some((number, before)) = message.number(line) {
            if !self.echoed {
                self.greet(before);
                self.echoed = true;
                let greeting = std::mem::take(&mut self.greeting);
                self.identity = Some(Arc::from(greeting.trim())).filter(|greeting: &Identity| !greeting.is_empty());
            }
            return Some(Line::Echo(number));
        }
        if message.has_line(line) {
            return None;
        }
        if !self.echoed && self.greeting_lines < GREETING_LINES {
            self.greeting_lines += 1;
            self.greet(line);
            return None;
        }
        Some(Line::Other(readable(line.get(..GREETING).unwrap_or(line))))
    }

    fn greet(&mut self, line: &[u8]) {
        if !self.greeting.is_empty() && !line.is_empty() {
            self.greeting.push(' ');
        }
        self.greeting.push_str(&readable(line.get(..GREETING).unwrap_or(line)));
        self.greeting.truncate(self.greeting.floor_char_boundary(GREETING));
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, Line, Message};

    fn read(text: &str, segments: &[&str]) -> (Vec<Line>, Option<String>) {
        let (message, mut incoming, mut lines) = (Message::new(text.as_bytes()), Incoming::default(), Vec::new());
        for segment in segments {
            incoming.take(segment.as_bytes(), &message, &mut lines);
        }
        (lines, incoming.identity().map(|identity| identity.to_string()))
    }

    #[test]
    fn an_echo_is_found_in_whatever_segments_it_comes() {
        let whole = "probe 7\nprobe 8\r\n";
        for cut in 0..whole.len() {
            let (lines, identity) = read("probe", &[&whole[..cut], &whole[cut..]]);
            assert_eq!((lines, identity), (vec![Line::Echo(7), Line::Echo(8)], None), "cut at {cut}");
        }
        assert_eq!(read("", &[" 12\n"]).0, [Line::Echo(12)]);
        assert_eq!(read("a\nb", &["a\nb 1\na\nb 2\n"]).0, [Line::Echo(1), Line::Echo(2)], "a text of two lines");
    }

    #[test]
    fn what_is_said_ahead_of_the_first_echo_is_who_says_it() {
        assert_eq!(read("x", &["backend-1\nx 3\n", "x 4\n"]).1.as_deref(), Some("backend-1"));
        assert_eq!(read("x", &["login: x 3\n"]).1.as_deref(), Some("login:"), "without an end of line");
        let long = format!("{}\nx 1\n", "é".repeat(1000));
        assert_eq!(read("x", &[&long]).1.map(|identity| identity.len()), Some(256));
    }

    #[test]
    fn other_words_are_no_echo() {
        let error = |text: &str| Line::Other(text.to_owned());
        assert_eq!(read("x", &["x 1\n-ERR unknown\nx 2\n"]).0, [Line::Echo(1), error("-ERR unknown"), Line::Echo(2)]);
        assert_eq!(read("x", &["x 1\ny 2\nx two\n"]).0, [Line::Echo(1), error("y 2"), error("x two")]);
        let (lines, identity) = read("x", &["-ERR\n".repeat(20).as_str()]);
        assert_eq!((lines.len(), identity), (12, None), "a greeting has an end");
    }

    #[test]
    fn a_line_without_end_is_not_kept_for_ever() {
        let (message, mut incoming, mut lines) = (Message::new(b"x"), Incoming::default(), Vec::new());
        for _ in 0..100 {
            incoming.take(&[b'y'; 10_000], &message, &mut lines);
        }
        assert!(incoming.buffer.len() <= super::LINE);
        incoming.take(b"x 5\n", &message, &mut lines);
        assert_eq!(lines, [Line::Echo(5)]);
    }
}
