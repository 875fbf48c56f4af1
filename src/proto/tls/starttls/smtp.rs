//! SMTP and LMTP: EHLO, STARTTLS.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, not_upgraded, quoted};
use super::reply::reply;

pub(super) async fn smtp(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    mail(dialog, "EHLO").await
}

pub(super) async fn lmtp(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    mail(dialog, "LHLO").await
}

async fn mail(dialog: &mut Dialog<'_>, hello: &str) -> Result<(), DialogError> {
    let greeting = reply(dialog, "a greeting (220)").await?;
    if greeting.code != 220 {
        return Err(not_upgraded(greeting.of_service(), format!("the server greets with {}", greeting.quoted())));
    }
    dialog.say(format!("{hello} {}\r\n", dialog.own_literal()).as_bytes()).await?;
    let offer = reply(dialog, "what the server can do (250)").await?;
    if offer.code != 250 {
        // Not available, or not for this client (RFC 5321, 4.2.2 and 4.3.2; RFC 7504), is no word about TLS.
        let kind = if matches!(offer.code, 400..500 | 521 | 550 | 554) {
            FailureKind::ServiceRefused
        } else {
            FailureKind::NotOffered
        };
        return Err(not_upgraded(kind, format!("{hello} is answered with {}", offer.quoted())));
    }
    // The first line is the server's name.
    let mut keywords = offer.lines.iter().skip(1).filter_map(|line| line.split_ascii_whitespace().next());
    if !keywords.any(|keyword| keyword.eq_ignore_ascii_case("STARTTLS")) {
        let evidence =
            format!("STARTTLS is not among what the server can do: {}", quoted(offer.lines.join(", ").as_bytes()));
        return Err(not_upgraded(FailureKind::NotOffered, evidence));
    }
    dialog.ask(b"STARTTLS\r\n").await?;
    let answer = reply(dialog, "the answer to STARTTLS (220)").await?;
    if answer.code == 220 {
        return Ok(());
    }
    // The same codes mean the client at any time (RFC 5321, 3.8); 454 means TLS (RFC 3207, 4).
    let kind = if matches!(answer.code, 421 | 521 | 554) { FailureKind::ServiceRefused } else { FailureKind::Refused };
    Err(not_upgraded(kind, format!("STARTTLS is answered with {}", answer.quoted())))
}
