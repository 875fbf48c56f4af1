//! ManageSieve: the greeting lists what the server can do; STARTTLS.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, Framing, not_upgraded, quoted};

/// Bytes of one line with its literals.
const LONGEST: usize = 16 * 1024;

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    let mut offered = Vec::new();
    let status = status(dialog, "a greeting that ends with OK", |line| {
        offered.push(line.split(['"', ' ']).find(|word| !word.is_empty()).unwrap_or_default().to_ascii_uppercase());
    })
    .await?;
    if !is(&status, "OK") {
        return Err(not_upgraded(
            FailureKind::ServiceRefused,
            format!("the server greets with {}", quoted(status.as_bytes())),
        ));
    }
    if !offered.iter().any(|word| word == "STARTTLS") {
        let listed = quoted(offered.join(" ").as_bytes());
        return Err(not_upgraded(
            FailureKind::NotOffered,
            format!("STARTTLS is not among what the server can do: {listed}"),
        ));
    }
    dialog.ask(b"STARTTLS\r\n").await?;
    let answer = self::status(dialog, "the answer to STARTTLS (OK)", |_| {}).await?;
    if is(&answer, "OK") {
        return Ok(());
    }
    Err(not_upgraded(FailureKind::Refused, format!("STARTTLS is answered with {}", quoted(answer.as_bytes()))))
}

/// The line with the status; those before it go to `listed`.
async fn status(
    dialog: &mut Dialog<'_>,
    awaited: &'static str,
    mut listed: impl FnMut(&str),
) -> Result<String, DialogError> {
    loop {
        let line = dialog.take(awaited, LONGEST, framing).await?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if ["OK", "NO", "BYE"].into_iter().any(|word| is(&line, word)) {
            return Ok(line);
        }
        listed(&line);
    }
}

/// Whether a line begins with this word.
fn is(line: &str, word: &str) -> bool {
    let first = line.split([' ', '(']).next().unwrap_or_default();
    first.eq_ignore_ascii_case(word)
}

/// A line with its literals: `{5}` or `{5+}` at the end of a line means that five bytes follow, and then the rest of it
/// (RFC 5804, 4).
fn framing(bytes: &[u8]) -> Framing {
    let begins = |word: &str| bytes.iter().zip(word.bytes()).all(|(byte, want)| byte.eq_ignore_ascii_case(&want));
    if !["\"", "OK", "NO", "BYE"].into_iter().any(begins) {
        return Framing::OtherProtocol("something else");
    }
    let mut from = 0;
    loop {
        let Some(end) = bytes.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) else {
            return Framing::More;
        };
        let line = bytes.get(from..from + end).unwrap_or_default();
        match literal(line) {
            None => return Framing::Whole(from + end + 1),
            Some(length) if length > LONGEST => return Framing::OtherProtocol("a literal too long for a greeting"),
            Some(length) => from += end + 1 + length,
        }
    }
}

/// The length a line announces at its end.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let inside = line.strip_suffix(b"}")?;
    let digits = inside.strip_suffix(b"+").unwrap_or(inside);
    let begin = memchr::memrchr(b'{', digits)?;
    std::str::from_utf8(digits.get(begin + 1..)?).ok()?.parse().ok()
}
