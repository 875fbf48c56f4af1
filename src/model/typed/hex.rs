//! Bytes as people write them: in either case, with colons or blanks between.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 with or without its padding.
const PIN: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Digits alone, in upper case; a text that is no hexadecimal stays as it is.
#[must_use]
pub fn key(text: &str) -> String {
    let bare: String = text.chars().filter(|c| !matches!(c, ':' | '-') && !c.is_whitespace()).collect();
    let digits = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { bare.to_ascii_uppercase() } else { text.to_owned() }
}

/// The same without leading zeros and `0x`.
#[must_use]
pub fn number(text: &str) -> String {
    let trimmed = text.trim();
    let key = key(trimmed.strip_prefix("0x").or_else(|| trimmed.strip_prefix("0X")).unwrap_or(trimmed));
    let digits = key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bare = key.trim_start_matches('0');
    if !digits {
        key
    } else if bare.is_empty() {
        "0".to_owned()
    } else {
        bare.to_owned()
    }
}

/// The 32 bytes of a SHA-256 in lower-case digits: from hexadecimal, or from base64 as pins have it (`sha256/…`, RFC 7469), with the
/// words that tools put before either.
#[must_use]
pub fn digest(text: &str) -> Option<String> {
    let text = text.trim();
    // `SHA256 Fingerprint=AB:CD`, `pin-sha256="…"`, `sha256//…`; the padding of base64 is no mark.
    let bare = text.split_once('=').filter(|(_, rest)| rest.len() >= 43).map_or(text, |(_, rest)| rest);
    let named = bare.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("sha256"));
    let bare = if named { bare[6..].trim_start_matches([':', '/', ' ']) } else { bare };
    let bare = bare.trim_matches('"');
    let digits = key(bare);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(digits.to_ascii_lowercase());
    }
    let bytes = PIN.decode(bare).ok().filter(|bytes| bytes.len() == 32)?;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    Some(out)
}
