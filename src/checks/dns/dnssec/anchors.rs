//! `trust_anchor` and `at`: the records that are trusted, and the time of validation.

use std::io::Read as _;
use std::path::Path;

use super::fields::{AT, TRUST_ANCHOR};
use crate::model::{Args, Invalid};
use crate::proto::dnssec::{Anchor, Name, dotted};

/// Longest file of anchors; the root's has 1 kB.
const LIMIT: u64 = 1 << 20;
const HELP: &str = "write `test. DS 12345 13 2 <hex>` or `test. DNSKEY 257 3 13 <base64>`, or a file of such lines";

/// The anchors of a check whose question is about `name`.
pub(super) fn from_args(args: &Args, name: &Name) -> Result<Vec<Anchor>, Invalid> {
    if !args.given(&TRUST_ANCHOR) {
        return Ok(Anchor::root());
    }
    let mut anchors = Vec::new();
    for item in args.get(&TRUST_ANCHOR) {
        let (text, shown) = content(&item)?;
        let read = Anchor::read(&text).map_err(|why| TRUST_ANCHOR.invalid(format!("`{shown}`: {why}"), HELP))?;
        if read.is_empty() {
            return Err(TRUST_ANCHOR.invalid(format!("`{shown}` holds no record"), HELP));
        }
        anchors.extend(read);
    }
    if anchors.iter().any(|anchor| name.ends_with(anchor.zone())) {
        return Ok(anchors);
    }
    let zones: Vec<String> = anchors.iter().map(|anchor| dotted(anchor.zone())).collect();
    let message = format!("no anchor is at or above {}: {}", dotted(name), zones.join(", "));
    Err(TRUST_ANCHOR.invalid(message, "add one of the name's zone or of a zone above it"))
}

/// Text with a space in it, or else a file; and what to call it.
fn content(item: &str) -> Result<(String, String), Invalid> {
    let path = Path::new(item);
    if !path.is_file() && item.trim().contains(char::is_whitespace) {
        return Ok((item.to_owned(), item.trim().to_owned()));
    }
    let problem = |why: String| TRUST_ANCHOR.invalid(format!("`{item}` cannot be read: {why}"), HELP);
    let meta = std::fs::metadata(path).map_err(|error| problem(error.to_string()))?;
    if !meta.is_file() {
        return Err(problem("it is no file".to_owned()));
    }
    let size = meta.len();
    if size > LIMIT {
        return Err(problem(format!("{size} bytes are more than any file of anchors")));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| problem(error.to_string()))?;
    file.take(LIMIT).read_to_string(&mut text).map_err(|error| problem(error.to_string()))?;
    Ok((text, item.to_owned()))
}

/// `at` in seconds since 1970.
pub(super) fn at(args: &Args) -> Result<Option<u32>, Invalid> {
    let Some(text) = args.get(&AT) else { return Ok(None) };
    let help = "write an instant such as 2026-01-31T12:00:00Z, from 1970 to 2106";
    let problem = |why: String| AT.invalid(format!("`{text}` is no time of validation: {why}"), help);
    let instant: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| problem(error.to_string()))?;
    u32::try_from(instant.as_second()).map(Some).map_err(|_| problem("signatures cannot mean it".to_owned()))
}

/// The wall clock. Signatures count seconds modulo 2^32 (RFC 4034 section 3.1.5).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970, modulo 2^32")]
pub(in crate::checks::dns) fn now() -> u32 {
    crate::proto::tls::now() as u64 as u32
}
