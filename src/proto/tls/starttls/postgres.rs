//! PostgreSQL: `SSLRequest`, answered with one byte.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, Framing, not_upgraded, quoted};

/// Length 8, code 80877103.
const REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Bytes of an error message.
const LONGEST: usize = 16 * 1024;

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    dialog.ask(REQUEST).await?;
    let answer = dialog.take("the answer to SSLRequest (S)", LONGEST, framing).await?;
    match answer.first() {
        Some(b'S') => Ok(()),
        Some(b'N') => {
            Err(not_upgraded(FailureKind::NotOffered, "the server has no TLS: it answers SSLRequest with N".to_owned()))
        }
        _ => {
            let evidence = format!("SSLRequest is answered with an error: {}", quoted(&message(&answer)));
            // Classes of SQLSTATE: insufficient resources, operator intervention.
            let kind = if [b"C53", b"C57"].iter().any(|class| memchr::memmem::find(&answer, *class).is_some()) {
                FailureKind::ServiceRefused
            } else {
                FailureKind::Refused
            };
            Err(not_upgraded(kind, evidence))
        }
    }
}

/// `S` and `N` stand alone; an error is a message with its length.
fn framing(bytes: &[u8]) -> Framing {
    match bytes {
        [] => Framing::More,
        [b'S' | b'N', ..] => Framing::Whole(1),
        [b'E', a, b, c, d, ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if !(4..=LONGEST).contains(&length) {
                return Framing::OtherProtocol("something else");
            }
            if bytes.len() > length { Framing::Whole(1 + length) } else { Framing::More }
        }
        [b'E', ..] => Framing::More,
        _ => Framing::OtherProtocol("something else"),
    }
}

/// Fields are a letter and a text that ends with zero: severity, then the message; what else there is stays out.
fn message(error: &[u8]) -> Vec<u8> {
    let fields = error.get(5..).unwrap_or_default().split(|byte| *byte == 0);
    let found = fields.filter_map(|field| field.split_first()).filter(|(kind, _)| matches!(kind, b'S' | b'M'));
    found.map(|(_, text)| text).collect::<Vec<_>>().join(b": ".as_slice())
}
