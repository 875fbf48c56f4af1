//! Cuts a JSON document while it is read: the elements of one list at its top level, and the rest with that list empty. So a
//! report of any length is parsed piece by piece, by a parser that works on memory, which is far quicker than on a stream.

use std::io::{BufRead, ErrorKind};

/// Bytes that mean something outside of a string.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let bytes = *b"\"{}[]";
    let mut at = 0;
    while at < bytes.len() {
        marks[bytes[at] as usize] = true;
        at += 1;
    }
    marks
};

/// Where the cutter stands.
#[derive(Default)]
pub struct JsonSplitter {
    /// The document with the list empty.
    pub rest: Vec<u8>,
    /// The element being read.
    element: Vec<u8>,
    /// Brackets open.
    depth: usize,
    string: bool,
    escaped: bool,
    /// Start in `rest` of the last string at the top level.
    key: usize,
    /// Inside the list.
    inside: bool,
    bytes: u64,
}

impl JsonSplitter {
    /// Reads to the end; `take` gets each element of the list called `name`. More than `most` bytes are an error.
    pub fn read(
        from: &mut impl BufRead,
        name: &str,
        most: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Vec<u8>, String> {
        let mut splitter = Self::default();
        let quoted = format!("\"{name}\"");
        loop {
            let chunk = match from.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            let count = chunk.len();
            if count == 0 {
                return splitter.finished();
            }
            splitter.bytes += count as u64;
            if splitter.bytes > most {
                return Err(format!("it is longer than {} MiB", most >> 20));
            }
            splitter.chunk(chunk, quoted.as_bytes(), &mut take)?;
            from.consume(count);
        }
    }

    fn finished(self) -> Result<Vec<u8>, String> {
        if self.depth > 0 || self.string {
            return Err("this is not JSON: it ends in the middle; was it cut short?".into());
        }
        Ok(self.rest)
    }

    fn chunk(
        &mut self,
        chunk: &[u8],
        name: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut from = 0;
        let mut at = 0;
        while at < chunk.len() {
            if self.string {
                at += self.in_string(&chunk[at..]);
                continue;
            }
            if !self.inside || self.depth > 2 {
                at += chunk[at..].iter().position(|byte| MARKS[usize::from(*byte)]).unwrap_or(chunk.len() - at);
            }
            let Some(byte) = chunk.get(at).copied() else { break };
            at += 1;
            match byte {
                b' ' | b'\n' | b',' => {}
                _ if self.inside && self.depth == 2 && !matches!(byte, b'{' | b']' | b'\t' | b'\r') => {
                    return Err("the report is damaged: an element of its list is no object".into());
                }
                b'"' => {
                    self.string = true;
                    if self.depth == 1 {
                        self.key = self.rest.len() + (at - 1 - from);
                    }
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    if byte == b'[' && self.depth == 2 && !self.inside {
                        self.keep(&chunk[from..at]);
                        from = at;
                        self.inside = self.is_named(name);
                    } else if self.inside && self.depth == 3 {
                        // What stands between two elements is a comma.
                        from = at - 1;
                    }
                }
                b'}' | b']' => {
                    self.depth =
                        self.depth.checked_sub(1).ok_or("this is not JSON: a bracket closes what never opened")?;
                    if self.inside && self.depth == 2 {
                        self.keep(&chunk[from..at]);
                        from = at;
                        take(&self.element)?;
                        self.element.clear();
                    } else if self.inside && self.depth == 1 {
                        self.inside = false;
                        from = at - 1;
                    }
                }
                _ => {}
            }
        }
        if !self.inside || self.depth > 2 {
            self.keep(&chunk[from..]);
        }
        Ok(())
    }

    /// Passes over a string, to its end or that of the chunk; the number of bytes passed.
    fn in_string(&mut self, chunk: &[u8]) -> usize {
        let mut at = 0;
        if self.escaped && !chunk.is_empty() {
            self.escaped = false;
            at = 1;
        }
        while let Some(found) = memchr::memchr2(b'"', b'\\', chunk.get(at..).unwrap_or_default()) {
            at += found + 1;
            if chunk[at - 1] == b'"' {
                self.string = false;
                return at;
            }
            if at < chunk.len() {
                at += 1;
            } else {
                self.escaped = true;
            }
        }
        chunk.len()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.inside { &mut self.element } else { &mut self.rest }.extend_from_slice(bytes);
    }

    /// Whether the last string of the top level is the list's name: between it and the bracket stand only a colon and space.
    fn is_named(&self, name: &[u8]) -> bool {
        let tail = self.rest.get(self.key..).unwrap_or_default();
        let after = tail.strip_prefix(name).unwrap_or_default();
        after.trim_ascii_start().first() == Some(&b':')
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::JsonSplitter;

    fn cut(text: &str, chunk: usize) -> Result<(String, Vec<String>), String> {
        let mut elements = Vec::new();
        let mut from = BufReader::with_capacity(chunk, text.as_bytes());
        let rest = JsonSplitter::read(&mut from, "checks", 1000, |element| {
            elements.push(String::from_utf8_lossy(element).into_owned());
            Ok(())
        })?;
        Ok((String::from_utf8_lossy(&rest).into_owned(), elements))
    }

    #[test]
    fn the_list_is_cut_out_wherever_a_chunk_ends() {
        let text = r#"{"a": "checks", "b": {"checks": [1, {"x": 2}]}, "checks" : [ {"n": "]}\"{", "m": [{}]},
            {"k": {"checks": [3]}} ] , "c": [4, {"d": []}]}"#;
        for chunk in 1..text.len() {
            let (rest, elements) = cut(text, chunk).unwrap();
            assert_eq!(elements, [r#"{"n": "]}\"{", "m": [{}]}"#, r#"{"k": {"checks": [3]}}"#], "{chunk}");
            let want = r#"{"a": "checks", "b": {"checks": [1, {"x": 2}]}, "checks" : [] , "c": [4, {"d": []}]}"#;
            assert_eq!(rest, want, "{chunk}");
        }
    }

    #[test]
    fn what_is_no_json_is_not_made_into_some() {
        for (text, why) in [
            (r#"{"checks": [{"a": 1}, 7]}"#, "is no object"),
            (r#"{"checks": [{"a": 1}, "x"]}"#, "is no object"),
            (r#"{"checks": [[]]}"#, "is no object"),
            (r#"{"checks": [{"a": 1}"#, "cut short"),
            (r#"{"a": "b"#, "cut short"),
            ("}", "never opened"),
        ] {
            let error = cut(text, 3).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(cut(&"[".repeat(2000), 64).unwrap_err().contains("longer than"));
        assert_eq!(cut("", 8).unwrap(), (String::new(), Vec::new()));
    }

    #[test]
    fn a_callback_ends_the_reading() {
        let mut from = BufReader::new(&br#"{"checks": [{}, {}]}"#[..]);
        assert_eq!(JsonSplitter::read(&mut from, "checks", 100, |_| Err("enough".into())), Err("enough".into()));
    }
}
