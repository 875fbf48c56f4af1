//! Bytes as people write them: in either case, with colons or blanks between.

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
