//! Bytes to send or to wait for, written as text or in hexadecimal.

use crate::model::{Args, Field, Invalid, Text};
use crate::net::bytes::{quoted, unhex};

/// What a probe calls the field that says what an answer must contain.
pub const EXPECTED: &str = "what the field `expect` names";

/// A cause in which what is expected is named: as text, or in hexadecimal.
#[must_use]
pub fn with_expected(cause: &str, text: Option<Text>, hex: Option<Text>) -> String {
    // What the probe said stays as it is, so that it is not told once more as evidence.
    match (text, hex) {
        (Some(text), _) => format!("{cause}: {}", quoted(text.shown().as_bytes())),
        (None, Some(hex)) => format!("{cause}: the bytes {hex}"),
        (None, None) => cause.to_owned(),
    }
}

/// The bytes of a pair of fields, as text or in hexadecimal. Both at once is an error.
pub fn payload(args: &Args, text: &Field<Option<Text>>, hex: &Field<Option<Text>>) -> Result<Option<Vec<u8>>, Invalid> {
    bytes_of(args, text, hex).map_err(|(message, help)| hex.invalid(message, help))
}

/// The same of a group; `Err` says what is wrong with it, and the remedy.
pub fn bytes_of(
    group: &Args,
    text: &Field<Option<Text>>,
    hex: &Field<Option<Text>>,
) -> Result<Option<Vec<u8>>, (String, &'static str)> {
    match (group.get(text), group.get(hex)) {
        (Some(_), Some(_)) => Err((format!("`{}` and `{}` exclude each other", text.name(), hex.name()), "keep one")),
        (Some(words), None) => Ok(Some(words.as_bytes().to_vec())),
        (None, Some(digits)) => match unhex(&digits) {
            Some(bytes) => Ok(Some(bytes)),
            // What stands in the place of a secret has no digits.
            None if digits.is_masked() => Ok(Some(digits.as_bytes().to_vec())),
            None => {
                let message = format!("`{digits}` is not hexadecimal");
                Err((message, "write pairs of hex digits, such as 16 03 01"))
            }
        },
        (None, None) => Ok(None),
    }
}
