//! FTP: AUTH TLS.

use super::Cause;
use super::reply::reply;
use super::talk::{Stop, Talk, not};

pub(super) async fn talk(talk: &mut Talk<'_>, _name: &str) -> Result<(), Stop> {
    let mut greeting = reply(talk, "a greeting (220)").await?;
    // "Ready in nnn minutes" (RFC 959, 5.4); how many are waited for is a matter of patience.
    while greeting.code == 120 {
        greeting = reply(talk, "a greeting (220)").await?;
    }
    if greeting.code != 220 {
        return Err(not(Cause::Refused, format!("the server greets with {}", greeting.shown())));
    }
    talk.ask(b"AUTH TLS\r\n").await?;
    let answer = reply(talk, "the answer to AUTH TLS (234)").await?;
    let cause = match answer.code {
        234 => return Ok(()),
        // Unknown command, not implemented, mechanism not understood.
        500 | 502 | 504 => Cause::NotOffered,
        _ => Cause::Refused,
    };
    Err(not(cause, format!("AUTH TLS is answered with {}", answer.shown())))
}
