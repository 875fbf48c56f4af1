//! LDAP: the extended operation StartTLS, in just as much BER as that takes.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, Framing, not_upgraded, quoted};

/// Message 1: `ExtendedRequest` (application 23) with `requestName` 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14.1).
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Bytes of one message; the answer has 14 and a text for people.
const LONGEST: usize = 16 * 1024;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const OCTETS: u8 = 0x04;
/// `ExtendedResponse` (application 24).
const RESPONSE: u8 = 0x78;

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    dialog.ask(REQUEST).await?;
    let answer = dialog.take("the answer to StartTLS", LONGEST, framing).await?;
    let Some((code, text)) = result(&answer) else {
        return Err(not_upgraded(FailureKind::OtherProtocol, format!("the answer to StartTLS is {}", quoted(&answer))));
    };
    let kind = match code {
        0 => return Ok(()),
        // protocolError: the operation is not known (RFC 4511, 4.14.2).
        2 => FailureKind::NotOffered,
        // busy, unavailable
        51 | 52 => FailureKind::ServiceRefused,
        _ => FailureKind::Refused,
    };
    let text = if text.is_empty() { String::new() } else { format!(": {}", quoted(text)) };
    Err(not_upgraded(kind, format!("StartTLS is answered with result code {code} ({}){text}", name(code))))
}

/// How long a message says it is.
fn framing(bytes: &[u8]) -> Framing {
    if bytes.first().is_some_and(|tag| *tag != SEQUENCE) {
        return Framing::OtherProtocol("no LDAP message");
    }
    match length(bytes.get(1..).unwrap_or_default()) {
        Length::Known(_, length) if length > LONGEST => Framing::OtherProtocol("a message too long for an answer"),
        Length::Known(head, length) if 1 + head + length <= bytes.len() => Framing::Whole(1 + head + length),
        Length::Known(..) | Length::More => Framing::More,
        Length::None => Framing::OtherProtocol("no LDAP message"),
    }
}

/// A length field.
enum Length {
    /// Bytes of the field, and the length itself.
    Known(usize, usize),
    /// The field is not there to its end.
    More,
    /// More than four bytes of length, or a length without end, which LDAP does not have (RFC 4511, 5.1).
    None,
}

fn length(bytes: &[u8]) -> Length {
    let Some(first) = bytes.first() else {
        return Length::More;
    };
    let count = usize::from(first & 0x7f);
    match (first & 0x80, count) {
        (0, short) => Length::Known(1, short),
        (_, 1..=4) => match bytes.get(1..=count) {
            None => Length::More,
            Some(digits) => {
                Length::Known(1 + count, digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit)))
            }
        },
        _ => Length::None,
    }
}

/// One element: tag, content, what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let Length::Known(head, length) = length(rest) else { return None };
    let end = head.checked_add(length)?;
    Some((*tag, rest.get(head..end)?, rest.get(end..)?))
}

/// Result code and diagnostic message of an `ExtendedResponse`.
fn result(message: &[u8]) -> Option<(u32, &[u8])> {
    let (SEQUENCE, inside, _) = element(message)? else { return None };
    let (INTEGER, _, operation) = element(inside)? else { return None };
    let (RESPONSE, response, _) = element(operation)? else { return None };
    let (ENUMERATED, code, rest) = element(response)? else { return None };
    let (OCTETS, _, rest) = element(rest)? else { return None };
    let (OCTETS, text, _) = element(rest)? else { return None };
    let code = code.iter().try_fold(0_u32, |sum, digit| sum.checked_mul(256)?.checked_add(u32::from(*digit)))?;
    Some((code, text))
}

/// Names of RFC 4511, 4.1.9, as far as StartTLS meets them.
const fn name(code: u32) -> &'static str {
    match code {
        1 => "operationsError",
        2 => "protocolError",
        8 => "strongerAuthRequired",
        13 => "confidentialityRequired",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        _ => "other",
    }
}
