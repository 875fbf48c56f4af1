//! JSON for people and programs: indented down to a depth, one line per entry below it. Rounds and rows are tables; spread
//! over a dozen lines each they would be most of the file, and unreadable.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::model::visible::visible_json;

/// `value` as a document, indented all the way down, and a line end.
pub fn document(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    // Memory takes everything, and what is written here has no key that JSON could not say.
    let _ = write(value, usize::MAX, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes `value`, and a line end. What lies deeper than `lines` containers is written on one line.
pub fn write(value: &impl Serialize, lines: usize, out: &mut dyn Write) -> io::Result<()> {
    let shallow = Shallow { pretty: PrettyFormatter::new(), depth: 0, lines };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, shallow))?;
    out.write_all(b"\n")
}

struct Shallow {
    pretty: PrettyFormatter<'static>,
    depth: usize,
    lines: usize,
}

impl Shallow {
    fn flat(&self) -> bool {
        self.depth > self.lines
    }
}

/// Of a container: opened and closed indented above the depth, plainly below it.
macro_rules! container {
    ($begin:ident, $end:ident, $open:literal, $close:literal) => {
        fn $begin<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
            self.depth += 1;
            if self.flat() { writer.write_all($open) } else { self.pretty.$begin(writer) }
        }
        fn $end<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
            let flat = self.flat();
            self.depth -= 1;
            if flat { writer.write_all($close) } else { self.pretty.$end(writer) }
        }
    };
}

/// The text before an entry.
macro_rules! entry {
    ($begin:ident) => {
        fn $begin<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            match (self.flat(), first) {
                (false, _) => self.pretty.$begin(writer, first),
                (true, true) => Ok(()),
                (true, false) => writer.write_all(b", "),
            }
        }
    };
}

/// The text after an entry.
macro_rules! after {
    ($end:ident) => {
        fn $end<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
            if self.flat() { Ok(()) } else { self.pretty.$end(writer) }
        }
    };
}

impl Formatter for Shallow {
    container!(begin_array, end_array, b"[", b"]");
    container!(begin_object, end_object, b"{", b"}");
    entry!(begin_array_value);
    entry!(begin_object_key);
    after!(end_array_value);
    after!(end_object_value);

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(visible_json(fragment).as_bytes())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::write;

    fn text(value: &Value, lines: usize) -> String {
        let mut out = Vec::new();
        write(value, lines, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tables_have_a_line_per_row() {
        let value = json!({"a": [{"b": [1, 2], "c": {}}, {"d": "x"}], "e": [], "f": {}});
        let want =
            "{\n  \"a\": [\n    {\"b\": [1, 2], \"c\": {}},\n    {\"d\": \"x\"}\n  ],\n  \"e\": [],\n  \"f\": {}\n}\n";
        assert_eq!(text(&value, 2), want);
        assert_eq!(text(&value, 9), serde_json::to_string_pretty(&value).unwrap() + "\n");
        assert_eq!(serde_json::from_str::<Value>(&text(&value, 0)).unwrap(), value);
    }
}
