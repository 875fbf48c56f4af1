//! Live events as JSON Lines.

use std::io::{self, Write};

use super::redact::Redacted;

/// Writes one event per line, flushed, so that a reader follows the run.
pub struct Jsonl<W: Write>(pub W);

impl<W: Write> Jsonl<W> {
    /// Writes one event.
    pub fn event(&mut self, event: &Redacted) -> io::Result<()> {
        let mut line = serde_json::to_string(event.event()).map_err(io::Error::other)?;
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        self.0.flush()
    }
}
