//! MySQL and MariaDB: the server greets with what it can do, the client asks for TLS, and no answer comes: TLS is next.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, Framing, not_upgraded, quoted};

/// Bytes of a greeting; usual ones have 70 to 110.
const LONGEST: usize = 4096;
const HEADER: usize = 4;

const CLIENT_LONG_PASSWORD: u32 = 0x1;
const CLIENT_PROTOCOL_41: u32 = 0x200;
const CLIENT_SSL: u32 = 0x800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x8_0000;
/// `utf8mb4_general_ci`, which every server since 5.5 knows.
const CHARSET: u8 = 45;

pub(super) async fn negotiate(dialog: &mut Dialog<'_>, _name: &str) -> Result<(), DialogError> {
    let packet = dialog.take("a greeting of MySQL", HEADER + LONGEST, framing).await?;
    let payload = packet.get(HEADER..).unwrap_or_default();
    match payload.first() {
        Some(10) => {}
        // An error instead of a greeting: too many connections, a blocked host.
        Some(0xff) => {
            let evidence = format!("the server greets with an error: {}", quoted(payload.get(3..).unwrap_or_default()));
            return Err(not_upgraded(FailureKind::ServiceRefused, evidence));
        }
        _ => {
            return Err(not_upgraded(FailureKind::OtherProtocol, format!("no greeting of MySQL: {}", quoted(&packet))));
        }
    }
    let Some((version, can)) = greeting(payload) else {
        return Err(not_upgraded(
            FailureKind::OtherProtocol,
            format!("the greeting is cut short: {}", quoted(&packet)),
        ));
    };
    if u32::from(can) & CLIENT_SSL == 0 {
        return Err(not_upgraded(FailureKind::NotOffered, format!("{} has TLS switched off", quoted(version))));
    }
    dialog.ask(&request()).await
}

/// Three bytes of length, a number in the sequence, the payload.
fn framing(bytes: &[u8]) -> Framing {
    let [a, b, c, ..] = bytes else {
        return Framing::More;
    };
    let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
    match length {
        0 | LONGEST.. => Framing::OtherProtocol("something else"),
        _ if bytes.len() >= HEADER + length => Framing::Whole(HEADER + length),
        _ => Framing::More,
    }
}

/// Version and the lower half of the capabilities: protocol, version with a zero, thread (4), scramble (8), filler (1).
fn greeting(payload: &[u8]) -> Option<(&[u8], u16)> {
    let rest = payload.get(1..)?;
    let end = memchr::memchr(0, rest)?;
    let low = rest.get(end + 1 + 13..end + 1 + 15)?;
    Some((rest.get(..end)?, u16::from_le_bytes([*low.first()?, *low.get(1)?])))
}

/// `SSLRequest`: what is needed to speak at all, and TLS.
fn request() -> Vec<u8> {
    let can = CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH;
    let mut packet = vec![32, 0, 0, 1];
    packet.extend_from_slice(&can.to_le_bytes());
    packet.extend_from_slice(&0x0100_0000_u32.to_le_bytes());
    packet.push(CHARSET);
    packet.resize(HEADER + 32, 0);
    packet
}
