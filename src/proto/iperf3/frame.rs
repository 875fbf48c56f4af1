//! Framing of the control connection. Callers put a deadline around each call.

use std::hash::BuildHasher as _;
use std::io;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// 36 characters and a NUL.
pub const COOKIE: usize = 37;
/// Largest parameters read; iperf3 itself stops at 8 KiB.
pub const PARAMS_CAP: u32 = 8 * 1024;
/// Largest results read: 256 streams of two directions fit many times over.
pub const RESULTS_CAP: u32 = 256 * 1024;

/// Names a test; data connections repeat it.
pub type Cookie = [u8; COOKIE];

/// A cookie nobody else has: 180 random bits in the alphabet of iperf3.
#[must_use]
pub fn make_cookie() -> Cookie {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    // `RandomState` is seeded by the system's random source; no further crate is needed for a name.
    let random = std::collections::hash_map::RandomState::new();
    let mut cookie = [0_u8; COOKIE];
    for (index, byte) in cookie.iter_mut().take(COOKIE - 1).enumerate() {
        let word = random.hash_one((index, "cookie"));
        *byte = ALPHABET.get((word % 32) as usize).copied().unwrap_or(b'a');
    }
    cookie
}

/// Reads a cookie.
pub async fn read_cookie(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Cookie> {
    let mut cookie = [0_u8; COOKIE];
    stream.read_exact(&mut cookie).await?;
    Ok(cookie)
}

/// Reads one state. A single byte, so dropping the call loses nothing.
pub async fn read_state(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<i8> {
    stream.read_i8().await
}

/// Writes one state.
pub async fn write_state(stream: &mut (impl AsyncWrite + Unpin), state: i8) -> io::Result<()> {
    stream.write_i8(state).await
}

/// Reads a JSON document of at most `cap` bytes; its length is checked before anything is allocated.
pub async fn read_json(stream: &mut (impl AsyncRead + Unpin), cap: u32) -> io::Result<Value> {
    let length = stream.read_u32().await?;
    if length > cap {
        return Err(invalid(format!("a JSON document of {length} bytes; at most {cap} are read")));
    }
    let mut text = vec![0_u8; length as usize];
    stream.read_exact(&mut text).await?;
    // C senders may count the terminating NUL.
    while text.last() == Some(&0) {
        text.pop();
    }
    serde_json::from_slice(&text).map_err(|error| invalid(format!("not JSON: {error}")))
}

/// Writes a JSON document.
pub async fn write_json(stream: &mut (impl AsyncWrite + Unpin), value: &Value) -> io::Result<()> {
    let text = value.to_string();
    let length = u32::try_from(text.len()).map_err(|_| invalid("the document is too long".into()))?;
    let mut frame = Vec::with_capacity(text.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).await
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A number from the peer that must be a count up to 2^53. Releases up to 3.13 send -1 as 18446744073709551615:
/// anything negative or beyond the bound is absent.
#[must_use]
pub fn count(value: &Value, key: &str) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let number = value.get(key)?.as_f64()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in 0..=2^53")]
    (0.0..=MOST).contains(&number).then_some(number as u64)
}

/// A finite number from the peer within `lo..=hi`.
#[must_use]
pub fn number(value: &Value, key: &str, lo: f64, hi: f64) -> Option<f64> {
    value.get(key)?.as_f64().filter(|number| (lo..=hi).contains(number))
}

/// A short printable text from the peer.
#[must_use]
pub fn text(value: &Value, key: &str, most: usize) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    (!text.is_empty() && text.len() <= most && text.chars().all(|c| c.is_ascii_graphic() || c == ' '))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Cookie, count, make_cookie, read_cookie, read_json, text, write_json};

    #[test]
    fn cookies_differ_and_end_with_nul() {
        let (one, two): (Cookie, Cookie) = (make_cookie(), make_cookie());
        assert_ne!(one, two);
        assert_eq!(one[36], 0);
        assert!(one[..36].iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')));
    }

    #[test]
    fn a_negative_number_written_as_a_huge_one_is_absent() {
        let old =
            json!({"retransmits": 18_446_744_073_709_551_615_u64, "new": -1, "bytes": 7, "text": "x", "half": 1e300});
        assert_eq!(count(&old, "retransmits"), None);
        assert_eq!(count(&old, "new"), None);
        assert_eq!(count(&old, "text"), None);
        assert_eq!(count(&old, "half"), None);
        assert_eq!(count(&old, "bytes"), Some(7));
        assert_eq!(text(&json!({"c": "cu\u{1b}bic"}), "c", 16), None);
    }

    #[tokio::test]
    async fn a_document_over_the_cap_is_refused_before_it_is_read() {
        let mut wire: &[u8] = &[0x7f, 0xff, 0xff, 0xff];
        assert_eq!(read_json(&mut wire, 1024).await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn documents_round_trip() {
        let mut wire = Vec::new();
        write_json(&mut wire, &json!({"tcp": true})).await.unwrap();
        assert_eq!(read_json(&mut wire.as_slice(), 1024).await.unwrap(), json!({"tcp": true}));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(wire in proptest::collection::vec(any::<u8>(), 0..64), short in 0_u8..48) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let _ = read_cookie(&mut wire.as_slice()).await;
                let _ = read_json(&mut wire.as_slice(), 32).await;
                let framed: Vec<u8> = [0, 0, 0, short].into_iter().chain(wire).collect();
                let _ = read_json(&mut framed.as_slice(), 64).await;
            });
        }
    }
}
