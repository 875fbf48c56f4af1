//! Bytes to send or to wait for, written as text or in hexadecimal.

use crate::model::{Args, Field, Invalid};
use crate::net::bytes::unhex;

/// The bytes of a pair of fields, as text or in hexadecimal. Both at once is an error.
pub fn payload(
    args: &Args,
    text: &Field<Option<String>>,
    hex: &Field<Option<String>>,
) -> Result<Option<Vec<u8>>, Invalid> {
    match (args.get(text), args.get(hex)) {
        (Some(_), Some(_)) => {
            Err(hex.invalid(format!("`{}` and `{}` exclude each other", text.name(), hex.name()), "keep one"))
        }
        (Some(words), None) => Ok(Some(words.into_bytes())),
        (None, Some(digits)) => unhex(&digits).map(Some).ok_or_else(|| {
            hex.invalid(format!("`{digits}` is not hexadecimal"), "write pairs of hex digits, such as 16 03 01")
        }),
        (None, None) => Ok(None),
    }
}
