//! NNTP: CAPABILITIES, STARTTLS.

use super::Cause;
use super::reply::reply;
use super::talk::{Stop, Talk, not, shown};

pub(super) async fn talk(talk: &mut Talk<'_>, _name: &str) -> Result<(), Stop> {
    let greeting = reply(talk, "a greeting (200 or 201)").await?;
    if !matches!(greeting.code, 200 | 201) {
        return Err(not(Cause::Refused, format!("the server greets with {}", greeting.shown())));
    }
    talk.say(b"CAPABILITIES\r\n").await?;
    // Servers older than RFC 3977 have no such command; their answer to STARTTLS decides.
    if reply(talk, "the answer to CAPABILITIES (101)").await?.code == 101 {
        let mut offered = Vec::new();
        loop {
            let line = talk.line("the list of what the server can do", |_| true).await?;
            if line == "." {
                break;
            }
            offered.push(line.split_ascii_whitespace().next().unwrap_or_default().to_ascii_uppercase());
        }
        if !offered.iter().any(|word| word == "STARTTLS") {
            let said = shown(offered.join(" ").as_bytes());
            return Err(not(Cause::NotOffered, format!("STARTTLS is not among what the server can do: {said}")));
        }
    }
    talk.ask(b"STARTTLS\r\n").await?;
    let answer = reply(talk, "the answer to STARTTLS (382)").await?;
    let cause = match answer.code {
        382 => return Ok(()),
        500 | 501 | 503 => Cause::NotOffered,
        _ => Cause::Refused,
    };
    Err(not(cause, format!("STARTTLS is answered with {}", answer.shown())))
}
