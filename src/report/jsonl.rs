//! Live events as JSON Lines.

use std::io::{self, Write};

use super::redact::Redacted;
use crate::model::visible::visible_json;

/// Writes one event per line, flushed, so that a reader follows the run.
pub struct Jsonl<W: Write>(pub W);

impl<W: Write> Jsonl<W> {
    /// Writes one event.
    pub fn event(&mut self, event: &Redacted) -> io::Result<()> {
        let line = serde_json::to_string(event.event()).map_err(io::Error::other)?;
        self.0.write_all(visible_json(&line).as_bytes())?;
        self.0.write_all(b"\n")?;
        self.0.flush()
    }
}
