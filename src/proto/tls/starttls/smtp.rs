//! SMTP and LMTP: EHLO, STARTTLS.

use super::Cause;
use super::reply::reply;
use super::talk::{Stop, Talk, not, shown};

pub(super) async fn smtp(talk: &mut Talk<'_>, _name: &str) -> Result<(), Stop> {
    mail(talk, "EHLO").await
}

pub(super) async fn lmtp(talk: &mut Talk<'_>, _name: &str) -> Result<(), Stop> {
    mail(talk, "LHLO").await
}

async fn mail(talk: &mut Talk<'_>, hello: &str) -> Result<(), Stop> {
    let greeting = reply(talk, "a greeting (220)").await?;
    if greeting.code != 220 {
        return Err(not(Cause::Refused, format!("the server greets with {}", greeting.shown())));
    }
    talk.say(format!("{hello} {}\r\n", talk.own_literal()).as_bytes()).await?;
    let offer = reply(talk, "what the server can do (250)").await?;
    if offer.code != 250 {
        return Err(not(Cause::NotOffered, format!("{hello} is answered with {}", offer.shown())));
    }
    // The first line is the server's name.
    let mut keywords = offer.lines.iter().skip(1).filter_map(|line| line.split_ascii_whitespace().next());
    if !keywords.any(|keyword| keyword.eq_ignore_ascii_case("STARTTLS")) {
        let told =
            format!("STARTTLS is not among what the server can do: {}", shown(offer.lines.join(", ").as_bytes()));
        return Err(not(Cause::NotOffered, told));
    }
    talk.ask(b"STARTTLS\r\n").await?;
    let answer = reply(talk, "the answer to STARTTLS (220)").await?;
    if answer.code == 220 {
        return Ok(());
    }
    Err(not(Cause::Refused, format!("STARTTLS is answered with {}", answer.shown())))
}
