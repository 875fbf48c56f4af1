//! POP3: CAPA, STLS.

use super::Cause;
use super::talk::{Stop, Talk, not, shown};

pub(super) async fn talk(talk: &mut Talk<'_>, _name: &str) -> Result<(), Stop> {
    let greeting = status(talk, "a greeting (+OK)").await?;
    if !good(&greeting) {
        return Err(not(Cause::Refused, format!("the server greets with {}", shown(greeting.as_bytes()))));
    }
    talk.say(b"CAPA\r\n").await?;
    // Servers without CAPA may know STLS all the same; their answer to it decides.
    if good(&status(talk, "the answer to CAPA").await?) {
        let mut offered = Vec::new();
        loop {
            let line = talk.line("the list of what the server can do", |_| true).await?;
            if line == "." {
                break;
            }
            offered.push(line.split_ascii_whitespace().next().unwrap_or_default().to_ascii_uppercase());
        }
        if !offered.iter().any(|word| word == "STLS") {
            let said = shown(offered.join(" ").as_bytes());
            return Err(not(Cause::NotOffered, format!("STLS is not among what the server can do: {said}")));
        }
    }
    talk.ask(b"STLS\r\n").await?;
    let answer = status(talk, "the answer to STLS (+OK)").await?;
    if good(&answer) {
        return Ok(());
    }
    Err(not(Cause::Refused, format!("STLS is answered with {}", shown(answer.as_bytes()))))
}

async fn status(talk: &mut Talk<'_>, awaited: &'static str) -> Result<String, Stop> {
    talk.line(awaited, |bytes| {
        let same = |word: &[u8]| bytes.iter().zip(word).all(|(byte, want)| byte.eq_ignore_ascii_case(want));
        same(b"+OK") || same(b"-ERR")
    })
    .await
}

fn good(status: &str) -> bool {
    status.starts_with('+')
}
