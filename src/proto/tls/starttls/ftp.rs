//! FTP: AUTH TLS.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, not_upgraded};
use super::reply::reply;

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    let mut greeting = reply(dialog, "a greeting (220)").await?;
    // "Ready in nnn minutes" (RFC 959, 5.4); how many are waited for is a matter of patience.
    while greeting.code == 120 {
        greeting = reply(dialog, "a greeting (220)").await?;
    }
    if greeting.code != 220 {
        return Err(not_upgraded(greeting.of_service(), format!("the server greets with {}", greeting.quoted())));
    }
    dialog.ask(b"AUTH TLS\r\n").await?;
    let answer = reply(dialog, "the answer to AUTH TLS (234)").await?;
    let kind = match answer.code {
        234 => return Ok(()),
        // Unknown command, not implemented, mechanism not understood.
        500 | 502 | 504 => FailureKind::NotOffered,
        421 => FailureKind::ServiceRefused,
        _ => FailureKind::Refused,
    };
    Err(not_upgraded(kind, format!("AUTH TLS is answered with {}", answer.quoted())))
}
