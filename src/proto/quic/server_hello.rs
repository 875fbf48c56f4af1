//! The choice of a `ServerHello` (RFC 8446, 4.1.3). QUIC libraries keep cipher and group to themselves, while their session
//! is handed the bytes.

/// Bytes looked at; a `ServerHello` of one key share has about 1,200 with the largest group of today.
pub const MOST: usize = 16 * 1024;
/// Handshake message type.
const SERVER_HELLO: u8 = 2;
/// Extension `key_share`.
const KEY_SHARE: u16 = 51;
/// The random that makes a `ServerHello` a `HelloRetryRequest` (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Cipher suite and group, by IANA number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Cipher suite.
    pub cipher: u16,
    /// Key exchange group; absent when the server shared no key.
    pub group: Option<u16>,
}

/// Reads the `ServerHello` at the start of a stream of handshake messages, past `HelloRetryRequest`s. `None` when it is not
/// there yet, or something else is.
#[must_use]
pub fn read(stream: &[u8]) -> Option<Choice> {
    let mut rest = Bytes(stream);
    loop {
        let kind = rest.u8()?;
        let [high, middle, low] = rest.array::<3>()?;
        let body = rest.take(usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low))?;
        if kind != SERVER_HELLO {
            return None;
        }
        if let HelloKind::Choice(choice) = server_hello(Bytes(body))? {
            return Some(choice);
        }
    }
}

enum HelloKind {
    Choice(Choice),
    /// The server wants another key share, and says so in the form of a `ServerHello`.
    Retry,
}

fn server_hello(mut body: Bytes<'_>) -> Option<HelloKind> {
    let _legacy_version = body.u16()?;
    let retry = body.take(32)? == RETRY;
    let session = body.u8()?;
    body.take(usize::from(session))?;
    let cipher = body.u16()?;
    let _compression = body.u8()?;
    let length = body.u16()?;
    let mut extensions = Bytes(body.take(usize::from(length))?);
    let mut group = None;
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let length = extensions.u16()?;
        let mut value = Bytes(extensions.take(usize::from(length))?);
        if kind == KEY_SHARE {
            group = Some(value.u16()?);
        }
    }
    Some(if retry { HelloKind::Retry } else { HelloKind::Choice(Choice { cipher, group }) })
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Choice, RETRY, read};

    fn hello(random: [u8; 32], share: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend(random);
        body.extend([0, 0x13, 0x02, 0]);
        let mut extensions = vec![0, 43, 0, 2, 3, 4, 0, 51, 0, u8::try_from(share.len()).unwrap()];
        extensions.extend(share);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![2, 0, 0, u8::try_from(body.len()).unwrap()];
        message.extend(body);
        message
    }

    #[test]
    fn cipher_and_group_are_read_past_a_retry() {
        let chosen = Some(Choice { cipher: 0x1302, group: Some(0x11ec) });
        let whole = hello([7; 32], &[0x11, 0xec, 0, 1, 9]);
        assert_eq!(read(&whole), chosen);
        let retried = [hello(RETRY, &[0x11, 0xec]), whole.clone()].concat();
        assert_eq!(read(&retried), chosen);
        for cut in 0..retried.len() {
            assert_eq!(read(&retried[..cut]), None, "{cut}");
        }
        // What follows belongs to later messages.
        assert_eq!(read(&[whole, vec![8, 0, 0, 9]].concat()), chosen);
    }

    #[test]
    fn another_message_is_no_hello() {
        assert_eq!(read(&[11, 0, 0, 1, 0]), None);
        assert_eq!(read(&[]), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = read(&[&[2, 0, 0, u8::try_from(bytes.len().min(255)).unwrap()], bytes.as_slice()].concat());
        }
    }
}
