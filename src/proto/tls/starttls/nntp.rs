//! NNTP: CAPABILITIES, STARTTLS.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, not_upgraded, quoted};
use super::reply::reply;

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    let greeting = reply(dialog, "a greeting (200 or 201)").await?;
    if !matches!(greeting.code, 200 | 201) {
        return Err(not_upgraded(greeting.of_service(), format!("the server greets with {}", greeting.quoted())));
    }
    dialog.say(b"CAPABILITIES\r\n").await?;
    // Servers older than RFC 3977 have no such command; their answer to STARTTLS decides.
    if reply(dialog, "the answer to CAPABILITIES (101)").await?.code == 101 {
        let offered = dialog.capabilities().await?;
        if !offered.iter().any(|word| word == "STARTTLS") {
            let listed = quoted(offered.join(" ").as_bytes());
            return Err(not_upgraded(
                FailureKind::NotOffered,
                format!("STARTTLS is not among what the server can do: {listed}"),
            ));
        }
    }
    dialog.ask(b"STARTTLS\r\n").await?;
    let answer = reply(dialog, "the answer to STARTTLS (382)").await?;
    let kind = match answer.code {
        382 => return Ok(()),
        500 | 501 | 503 => FailureKind::NotOffered,
        400 => FailureKind::ServiceRefused,
        _ => FailureKind::Refused,
    };
    Err(not_upgraded(kind, format!("STARTTLS is answered with {}", answer.quoted())))
}
