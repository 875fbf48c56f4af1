//! Replies that begin with three digits: SMTP, LMTP, FTP, NNTP.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, quoted};

/// One reply, of one line or several.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of each line, without the code.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// The cause that a greeting with this code is: one that fails refuses the service itself.
    pub(super) const fn of_service(&self) -> FailureKind {
        if self.code >= 400 { FailureKind::ServiceRefused } else { FailureKind::Refused }
    }

    /// As evidence.
    pub(super) fn quoted(&self) -> String {
        quoted(format!("{} {}", self.code, self.lines.join(" / ")).as_bytes())
    }
}

/// The next reply. It ends with the line that repeats the first one's code without a hyphen (RFC 959, 4.2; RFC 5321, 4.2.1).
pub(super) async fn reply(dialog: &mut Dialog<'_>, awaited: &'static str) -> Result<Reply, DialogError> {
    let mut first = None;
    let mut lines = Vec::new();
    loop {
        // Only FTP has lines in between that begin otherwise; digits are all that a first line can begin with.
        let line = dialog.line(awaited, |bytes| first.is_some() || digits(bytes)).await?;
        let (code, more, text) = parts(&line);
        let whole = match (first, code) {
            (None, Some(code)) => {
                first = Some(code);
                !more
            }
            (Some(code), same) => same == Some(code) && !more,
            (None, None) => false,
        };
        let Some(code) = first else {
            continue;
        };
        lines.push(text.to_owned());
        if whole {
            return Ok(Reply { code, lines });
        }
    }
}

/// Whether these may be the first bytes of a reply.
fn digits(bytes: &[u8]) -> bool {
    let three = bytes.iter().take(3).all(u8::is_ascii_digit);
    three && bytes.get(3).is_none_or(|fourth| matches!(fourth, b' ' | b'-' | b'\r' | b'\n'))
}

/// Code, whether more lines follow, text; a line in between has no code and is all text.
fn parts(line: &str) -> (Option<u16>, bool, &str) {
    let code = line.get(..3).filter(|code| code.bytes().all(|digit| digit.is_ascii_digit()));
    let rest = line.get(3..).unwrap_or_default();
    match (code.and_then(|code| code.parse().ok()), rest.chars().next()) {
        (Some(code), None | Some(' ')) => (Some(code), false, rest.trim_start()),
        (Some(code), Some('-')) => (Some(code), true, rest.get(1..).unwrap_or_default()),
        _ => (None, true, line),
    }
}
