//! IMAP: CAPABILITY, STARTTLS.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, not_upgraded, quoted};

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    let greeting = dialog.line("a greeting (* OK)", |bytes| bytes.first().is_none_or(|first| *first == b'*')).await?;
    let mut words = greeting.split_ascii_whitespace().skip(1);
    // A session that is logged in from the start cannot be upgraded (RFC 9051, 7.1.4), so that is no go-ahead.
    let status = words.next().unwrap_or_default();
    if !status.eq_ignore_ascii_case("OK") {
        let kind = if status.eq_ignore_ascii_case("BYE") { FailureKind::ServiceRefused } else { FailureKind::Refused };
        return Err(not_upgraded(kind, format!("the server greets with {}", quoted(greeting.as_bytes()))));
    }
    dialog.say(b"a1 CAPABILITY\r\n").await?;
    let mut offered = Vec::new();
    let status = tagged(dialog, "a1", "what the server can do (* CAPABILITY)", |line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("CAPABILITY")) {
            offered.extend(words.map(str::to_ascii_uppercase));
        }
    })
    .await?;
    if !offered.iter().any(|word| word == "STARTTLS") {
        let listed = if offered.is_empty() { status } else { offered.join(" ") };
        let evidence = format!("STARTTLS is not among what the server can do: {}", quoted(listed.as_bytes()));
        return Err(not_upgraded(FailureKind::NotOffered, evidence));
    }
    dialog.say(b"a2 STARTTLS\r\n").await?;
    let status = tagged(dialog, "a2", "the answer to STARTTLS (a2 OK)", |_| {}).await?;
    if status.split_ascii_whitespace().nth(1).is_some_and(|word| word.eq_ignore_ascii_case("OK")) {
        return Ok(());
    }
    Err(not_upgraded(FailureKind::Refused, format!("STARTTLS is answered with {}", quoted(status.as_bytes()))))
}

/// The line that ends the command `tag`; those before it, which a server may send at any time, go to `untagged`.
async fn tagged(
    dialog: &mut Dialog<'_>,
    tag: &str,
    awaited: &'static str,
    mut untagged: impl FnMut(&str),
) -> Result<String, DialogError> {
    loop {
        let line = dialog.line(awaited, |bytes| matches!(bytes.first(), None | Some(b'*' | b'a' | b'+'))).await?;
        if line.split_ascii_whitespace().next() == Some(tag) {
            return Ok(line);
        }
        untagged(&line);
    }
}
