//! Bytes in suites, files and reports: text or hexadecimal in, readable text out.

use std::fs::File;
use std::io::Read as _;

use crate::model::Text;

/// The content of a file of at most `most` bytes. `Err` says why it cannot be read.
pub fn of_file(path: &Text, most: u64) -> Result<Vec<u8>, String> {
    let problem = |why: &dyn std::fmt::Display| format!("cannot read {path}: {why}");
    let file = File::open(&**path).map_err(|error| problem(&error))?;
    if !file.metadata().map_err(|error| problem(&error))?.is_file() {
        return Err(problem(&"it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| problem(&error))?;
    if bytes.len() as u64 > most {
        return Err(problem(&format_args!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// Decodes hexadecimal; spaces and colons between pairs are allowed.
#[must_use]
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let clean: Vec<u32> =
        digits.chars().filter(|c| !matches!(c, ' ' | ':')).map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    if !clean.len().is_multiple_of(2) {
        return None;
    }
    clean.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Bytes as text for a report: valid UTF-8 stays, anything else becomes U+FFFD.
#[must_use]
pub fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The beginning of an answer between quotation marks, for evidence; line ends are escapes.
#[must_use]
pub fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 200;
    let text = readable(bytes.get(..SHOWN).unwrap_or(bytes)).replace('\r', "\\r").replace('\n', "\\n");
    if bytes.len() > SHOWN { format!("\"{text}…\" ({} bytes)", bytes.len()) } else { format!("\"{text}\"") }
}

/// [`quoted`], of the beginning of an answer that was cut, which its last sign says.
#[must_use]
pub fn quoted_beginning(bytes: &[u8]) -> String {
    let text = quoted(bytes);
    match text.strip_suffix('"') {
        Some(whole) => format!("{whole}…\""),
        None => text,
    }
}

/// True when `needle` stands somewhere in `hay`; an empty needle never does.
#[must_use]
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::{contains, hex, unhex};

    #[test]
    fn hexadecimal_round_trips() {
        assert_eq!(unhex("16 03:01").unwrap(), [0x16, 3, 1]);
        assert_eq!(unhex("160"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }

    #[test]
    fn nothing_is_never_found() {
        assert!(contains(b"220 ready", b"ready"));
        assert!(!contains(b"220 ready", b""));
        assert!(!contains(b"", b"x"));
    }
}
