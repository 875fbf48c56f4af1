//! One line of broken YAML, taken apart as its author meant it: brackets, quotes and the values between them.

use std::ops::Range;

/// A value of a line, or what was meant to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Bytes of the line, blanks around it left out.
    pub(super) at: Range<usize>,
    /// Whether it stands within `{ }` or `[ ]`.
    pub(super) flow: bool,
}

/// A line as it was meant.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Values that are neither lists nor maps, keys left out.
    pub(super) values: Vec<Value>,
    /// Brackets that nothing on this line closes, outermost first.
    pub(super) open: Vec<char>,
    /// Places of brackets that close nothing.
    pub(super) extra: Vec<usize>,
    /// Place of a quote that nothing on this line closes.
    pub(super) quote: Option<usize>,
}

/// Takes a line apart.
pub(super) fn read(text: &str) -> Line {
    let mut reader = LineReader { text, bytes: text.as_bytes(), at: 0, line: Line::default() };
    reader.indentation();
    reader.block();
    reader.line
}

/// The text without a comment behind it.
pub(super) fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') && matches!(before, ' ' | '{' | '[' | ',') => quote = Some(c),
            None if c == '#' && before == ' ' => return text[..at].trim_end(),
            None => {}
        }
        before = c;
    }
    text.trim_end()
}

struct LineReader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: Line,
}

impl LineReader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte == b' ' || byte == b'\t') {
            self.at += 1;
        }
    }

    /// Blanks, and the dashes of lists.
    fn indentation(&mut self) {
        self.blanks();
        while self.text[self.at..].starts_with("- ") {
            self.at += 2;
            self.blanks();
        }
    }

    fn block(&mut self) {
        let end = without_comment(self.text).len();
        let rest = self.text.get(self.at..end).unwrap_or_default();
        if rest.starts_with(['{', '[']) {
            self.flow();
            return;
        }
        let Some(colon) = key_end(rest) else {
            self.value(end, false);
            return;
        };
        self.at += colon + 1;
        self.blanks();
        match self.peek() {
            Some(b'{') if !self.text[self.at..].starts_with("{{") => self.flow(),
            Some(b'[') => self.flow(),
            _ if self.at < self.text.len() => self.value(self.text.len().max(end), false),
            _ => {}
        }
    }

    fn value(&mut self, end: usize, flow: bool) {
        let text = self.text.get(self.at..end).unwrap_or_default();
        let start = self.at + (text.len() - text.trim_start().len());
        let text = text.trim();
        if let Some(quote @ ('"' | '\'')) = text.chars().next()
            && closing(text, quote).is_none()
            && self.line.quote.is_none()
        {
            self.line.quote = Some(start);
        }
        if !text.is_empty() {
            self.line.values.push(Value { at: start..start + text.len(), flow });
        }
        self.at = end;
    }

    /// Lists and maps in brackets, up to the end of the line.
    fn flow(&mut self) {
        // A comment may begin where text was meant; it is looked at as text then.
        while let Some(byte) = self.peek() {
            match byte {
                b'{' => self.open('{'),
                b'[' => self.open('['),
                b'}' | b']' => self.close(byte),
                b',' | b' ' | b'\t' => self.at += 1,
                _ if self.line.open.is_empty() => self.at = self.bytes.len(),
                _ => self.entry(),
            }
        }
    }

    fn open(&mut self, bracket: char) {
        self.line.open.push(bracket);
        self.at += 1;
    }

    fn close(&mut self, byte: u8) {
        let fits = matches!((self.line.open.last(), byte), (Some('{'), b'}') | (Some('['), b']'));
        if fits {
            self.line.open.pop();
        } else {
            self.line.extra.push(self.at);
        }
        self.at += 1;
    }

    /// An element of a list, or a key with its value.
    fn entry(&mut self) {
        let mut end = entry_end(self.text, self.at);
        if let Some(colon) = key_end(&self.text[self.at..end]) {
            self.at += colon + 1;
            self.blanks();
            if self.peek().is_some_and(|byte| matches!(byte, b'{' | b'[')) {
                return;
            }
            // An empty value may be followed by a comma at once.
            end = entry_end(self.text, self.at);
        }
        self.value(end, true);
    }
}

/// Place of the colon behind the key a text begins with.
pub(super) fn key_end(text: &str) -> Option<usize> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let end = closing(text, quote)?;
        let after = text[end + 1..].trim_start();
        return after.starts_with(':').then(|| text.len() - after.len());
    }
    let colon =
        text.match_indices(':').find(|(at, _)| matches!(text.as_bytes().get(at + 1), None | Some(b' ' | b'\t')));
    colon.map(|(at, _)| at).filter(|at| !text[..*at].contains(['{', '[', '"', '\'']))
}

/// Place of the quote that closes the text it begins with.
pub(super) fn closing(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quote == '"' => _ = chars.next(),
            _ if c == quote && quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => _ = chars.next(),
            _ if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// Where an entry within brackets ends: at a comma or a closing bracket that is not part of a quoted text or of `${…}`.
fn entry_end(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let mut at = 0;
    if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
        at = closing(rest, quote).map_or(0, |end| end + 1);
    }
    let mut variable = false;
    for (here, c) in rest.char_indices().skip_while(|(here, _)| *here < at) {
        match c {
            '{' if rest[..here].ends_with('$') => variable = true,
            '}' if variable => variable = false,
            ',' | '}' | ']' if !variable => return from + here,
            '{' | '[' if rest[..here].trim_end().ends_with(':') => return from + here,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::read;

    fn values(text: &str) -> Vec<&str> {
        read(text).values.into_iter().map(|value| &text[value.at]).collect()
    }

    #[test]
    fn values_are_found_as_they_were_meant() {
        for (text, want) in [
            ("    tcp: {host: ${h}, port: 1}", vec!["${h}", "1"]),
            ("  - description: text: with: colon", vec!["text: with: colon"]),
            ("body: {contains: status: ok}", vec!["status: ok"]),
            ("a: {b: {c: \"x, y\", d: [1, ${e}]}}", vec!["\"x, y\"", "1", "${e}"]),
            ("url: https://x.example/#a", vec!["https://x.example/#a"]),
            ("a: 'it's here'", vec!["'it's here'"]),
            ("a: {b: a #b}", vec!["a #b"]),
            ("tags: [*all, b]", vec!["*all", "b"]),
        ] {
            assert_eq!(values(text), want, "{text}");
        }
    }

    #[test]
    fn brackets_and_quotes_are_counted() {
        assert_eq!(read("a: {b: [1").open, ['{', '[']);
        assert_eq!(read("a: {b: 1}}").extra, [9]);
        assert_eq!(read("a: {b: \"x, c: 1}").quote, Some(7));
        assert_eq!(read("a: {b: \"x\", c: 1}").quote, None);
    }
}
