//! XMPP: stream features, `<starttls/>`, `<proceed/>`; with just as much XML as that takes.

use super::FailureKind;
use super::dialog::{Dialog, DialogError, Framing, not_upgraded, quoted};
use crate::net::bytes::contains;

const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// Bytes of one element; features have 1 KiB.
const LONGEST: usize = 32 * 1024;

pub(super) async fn client(dialog: &mut Dialog<'_>, name: &str) -> Result<(), DialogError> {
    stream(dialog, name, "jabber:client").await
}

pub(super) async fn server(dialog: &mut Dialog<'_>, name: &str) -> Result<(), DialogError> {
    stream(dialog, name, "jabber:server").await
}

async fn stream(dialog: &mut Dialog<'_>, name: &str, namespace: &str) -> Result<(), DialogError> {
    let open = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' \
         to='{}' version='1.0'>",
        escaped(name)
    );
    dialog.say(open.as_bytes()).await?;
    let header = dialog.take("a stream header", LONGEST, |bytes| framing(bytes, true)).await?;
    if local_name(&header) != b"stream" {
        return Err(not_upgraded(
            FailureKind::OtherProtocol,
            format!("instead of a stream header came {}", quoted(&header)),
        ));
    }
    let features = element(dialog, "stream features").await?;
    if local_name(&features) != b"features" {
        let kind = if local_name(&features) == b"error" { FailureKind::ServiceRefused } else { FailureKind::Refused };
        return Err(not_upgraded(kind, format!("instead of stream features came {}", quoted(&features))));
    }
    if !contains(&features, b"starttls") || !contains(&features, TLS.as_bytes()) {
        return Err(not_upgraded(FailureKind::NotOffered, format!("no starttls in {}", quoted(&features))));
    }
    dialog.ask(format!("<starttls xmlns='{TLS}'/>").as_bytes()).await?;
    let answer = element(dialog, "the answer to starttls (proceed)").await?;
    if local_name(&answer) == b"proceed" {
        return Ok(());
    }
    Err(not_upgraded(FailureKind::Refused, format!("starttls is answered with {}", quoted(&answer))))
}

async fn element(dialog: &mut Dialog<'_>, awaited: &'static str) -> Result<Vec<u8>, DialogError> {
    dialog.take(awaited, LONGEST, |bytes| framing(bytes, false)).await
}

/// The end of the first element, or only of its opening tag; white space and a declaration may stand before it. Comments and
/// document types are no XMPP (RFC 6120, 11.1), so no entity can ever be declared.
fn framing(bytes: &[u8], opening: bool) -> Framing {
    let (mut at, mut depth) = (0_usize, 0_usize);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let text = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        if depth == 0 && !rest.iter().take(text).all(u8::is_ascii_whitespace) {
            return Framing::OtherProtocol("something that is not XML");
        }
        let Some(tag) = rest.get(text..).filter(|tag| tag.len() > 1) else {
            return Framing::More;
        };
        if tag.get(1) == Some(&b'!') {
            return Framing::OtherProtocol("XML that is not XMPP");
        }
        let Some(length) = tag_length(tag) else {
            return Framing::More;
        };
        at += text + length;
        let closed = tag.get(length - 2) == Some(&b'/');
        match tag.get(1) {
            Some(b'?') => continue,
            // Also the end of a stream that was opened before.
            Some(b'/') => depth = depth.saturating_sub(1),
            _ if closed => {}
            _ if opening => return Framing::Whole(at),
            _ => depth += 1,
        }
        if depth == 0 {
            return Framing::Whole(at);
        }
    }
}

/// Bytes from `<` to the `>` that is not in quotes.
fn tag_length(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (index, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(index + 1),
            (None, b'\'' | b'"') => quote = Some(*byte),
            (Some(open), _) if open == *byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The name of the first element, without its prefix.
fn local_name(bytes: &[u8]) -> &[u8] {
    let starts = memchr::memchr_iter(b'<', bytes).filter_map(|at| bytes.get(at + 1..));
    let Some(tag) = starts.into_iter().find(|tag| tag.first() != Some(&b'?')) else {
        return b"";
    };
    let end =
        tag.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')).unwrap_or(tag.len());
    let name = tag.get(..end).unwrap_or_default();
    name.rsplit(|byte| *byte == b':').next().unwrap_or_default()
}

fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;").replace('"', "&quot;")
}
