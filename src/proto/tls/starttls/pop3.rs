//! POP3: CAPA, STLS.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, not_upgraded, quoted};

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    let greeting = status(dialog, "a greeting (+OK)").await?;
    if !good(&greeting) {
        return Err(not_upgraded(
            FailureKind::ServiceRefused,
            format!("the server greets with {}", quoted(greeting.as_bytes())),
        ));
    }
    dialog.say(b"CAPA\r\n").await?;
    // Servers without CAPA may know STLS all the same; their answer to it decides.
    if good(&status(dialog, "the answer to CAPA").await?) {
        let offered = dialog.capabilities().await?;
        if !offered.iter().any(|word| word == "STLS") {
            let listed = quoted(offered.join(" ").as_bytes());
            return Err(not_upgraded(
                FailureKind::NotOffered,
                format!("STLS is not among what the server can do: {listed}"),
            ));
        }
    }
    dialog.ask(b"STLS\r\n").await?;
    let answer = status(dialog, "the answer to STLS (+OK)").await?;
    if good(&answer) {
        return Ok(());
    }
    Err(not_upgraded(FailureKind::Refused, format!("STLS is answered with {}", quoted(answer.as_bytes()))))
}

async fn status(dialog: &mut Dialog<'_>, awaited: &'static str) -> Result<String, DialogError> {
    dialog
        .line(awaited, |bytes| {
            let same = |word: &[u8]| bytes.iter().zip(word).all(|(byte, want)| byte.eq_ignore_ascii_case(want));
            same(b"+OK") || same(b"-ERR")
        })
        .await
}

fn good(status: &str) -> bool {
    status.starts_with('+')
}
