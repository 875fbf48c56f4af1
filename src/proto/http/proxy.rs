//! The way through a proxy that a check names: a tunnel by CONNECT (RFC 9110, 9.3.6) or SOCKS5 (RFC 1928, RFC 1929).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use url::{Host, Url};

use crate::model::Text;
use crate::net::bytes::quoted;

/// Most bytes of the head of an answer to CONNECT.
const MOST: usize = 16 * 1024;

/// How a proxy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// http URLs are handed to it whole, https goes through a tunnel.
    Http,
    /// Everything goes through a tunnel.
    Connect,
    /// SOCKS version 5; the proxy looks names up.
    Socks5,
}

/// A proxy.
#[derive(Clone)]
pub struct Proxy {
    /// How it is asked.
    pub protocol: ProxyProtocol,
    /// Its name or address.
    pub host: Text,
    /// Its port.
    pub port: u16,
    /// User and password.
    pub credentials: Option<(Text, Text)>,
}

/// What a proxy said instead of letting a request through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRefusal {
    /// In one word.
    pub word: &'static str,
    /// Status of its answer, where it speaks HTTP.
    pub status: Option<u16>,
    /// Evidence, without its name.
    pub why: String,
}

/// Words of [`ProxyRefusal`], and of a proxy that lets a request through, or is not reached.
pub const OUTCOMES: &[&str] = &[
    "passed",
    "refused",
    "timeout",
    "unreachable",
    "unresolved",
    "reset",
    "closed",
    "unauthorized",
    "denied",
    "no_way",
    "malformed",
];

impl ProxyRefusal {
    fn new(word: &'static str, why: impl Into<String>) -> Self {
        Self { word, status: None, why: why.into() }
    }

    fn closed() -> Self {
        Self::new("closed", "it closed before it had answered")
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.label())
    }
}

impl Proxy {
    /// `host:port`, for people.
    #[must_use]
    pub fn label(&self) -> String {
        crate::net::dial::endpoint(self.host.shown(), self.port)
    }

    /// Whether a request of `url` goes through a tunnel.
    #[must_use]
    pub fn tunnels(&self, url: &Url) -> bool {
        self.protocol != ProxyProtocol::Http || url.scheme() == "https"
    }

    /// The header with its credentials.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        let text = format!("Basic {}", STANDARD.encode(format!("{}:{}", &**user, &**password)));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Has it open a tunnel to the host of `url`; what follows on the stream is between both ends.
    pub async fn open<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S, url: &Url) -> Result<(), ProxyRefusal> {
        match self.protocol {
            ProxyProtocol::Socks5 => socks5(self, stream, url).await,
            ProxyProtocol::Http | ProxyProtocol::Connect => connect(self, stream, url).await,
        }
    }
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    proxy: &Proxy,
    stream: &mut S,
    url: &Url,
) -> Result<(), ProxyRefusal> {
    let target = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let credentials = proxy.authorization();
    let credentials = credentials.as_ref().and_then(|value| value.to_str().ok());
    let credentials = credentials.map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
    let agent = concat!("shakedown/", env!("CARGO_PKG_VERSION"));
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {agent}\r\n{credentials}\r\n");
    write(stream, head.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the head belongs to the target.
    while !answer.ends_with(b"\r\n\r\n") && !answer.ends_with(b"\n\n") {
        if answer.len() >= MOST {
            return Err(ProxyRefusal::new("malformed", format!("the head of its answer is larger than {MOST} bytes")));
        }
        let [byte] = read(stream).await?;
        answer.push(byte);
        // Another protocol does not end its lines so, and may wait for this side.
        if !b"HTTP/1.".starts_with(answer.get(..7).unwrap_or(&answer)) {
            return Err(ProxyRefusal::new("malformed", format!("it does not speak HTTP: {}", quoted(&answer))));
        }
    }
    let line =
        String::from_utf8_lossy(answer.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default());
    let status = line.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    let refusal = match status {
        Some(200..=299) => return Ok(()),
        Some(407) if proxy.credentials.is_none() => {
            ProxyRefusal::new("unauthorized", "it answers 407: it wants a user and a password")
        }
        Some(407) => ProxyRefusal::new("unauthorized", "it answers 407: it does not take this user and password"),
        Some(status @ 502..=504) => {
            ProxyRefusal::new("no_way", format!("it answers {status} to CONNECT {target}: it does not get there"))
        }
        Some(status) => ProxyRefusal::new("denied", format!("it answers {status} to CONNECT {target}")),
        None => {
            return Err(ProxyRefusal::new(
                "malformed",
                format!("its answer has no status: {}", quoted(line.as_bytes())),
            ));
        }
    };
    Err(ProxyRefusal { status, ..refusal })
}

async fn socks5<S: AsyncRead + AsyncWrite + Unpin>(
    proxy: &Proxy,
    stream: &mut S,
    url: &Url,
) -> Result<(), ProxyRefusal> {
    const VERSION: u8 = 5;
    const OPEN: u8 = 0;
    const PASSWORD: u8 = 2;
    let methods: &[u8] = if proxy.credentials.is_some() { &[VERSION, 2, OPEN, PASSWORD] } else { &[VERSION, 1, OPEN] };
    write(stream, methods).await?;
    let chosen = match read(stream).await? {
        [VERSION, chosen] => chosen,
        other => return Err(ProxyRefusal::new("malformed", format!("it does not speak SOCKS5: {}", quoted(&other)))),
    };
    match (chosen, &proxy.credentials) {
        (OPEN, _) => {}
        (PASSWORD, Some((user, password))) => {
            let mut message = vec![1];
            for text in [user, password] {
                message.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                message.extend(text.bytes().take(usize::from(u8::MAX)));
            }
            write(stream, &message).await?;
            if read(stream).await? != [1, 0] {
                return Err(ProxyRefusal::new("unauthorized", "it does not take this user and password"));
            }
        }
        _ => return Err(ProxyRefusal::new("unauthorized", "it wants a user and a password")),
    }
    let mut message = vec![VERSION, 1, 0];
    match url.host() {
        Some(Host::Ipv4(address)) => message.extend([&[1], &address.octets()[..]].concat()),
        Some(Host::Ipv6(address)) => message.extend([&[4], &address.octets()[..]].concat()),
        name => {
            let name = name.map(|name| name.to_string()).unwrap_or_default();
            message.extend([3, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
            message.extend(name.bytes().take(usize::from(u8::MAX)));
        }
    }
    message.extend(url.port_or_known_default().unwrap_or_default().to_be_bytes());
    write(stream, &message).await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(ProxyRefusal::new("malformed", format!("it does not speak SOCKS5: {}", quoted(&[version, reply]))));
    }
    if reply != 0 {
        return Err(denied(reply));
    }
    // The address it connects from, which is of no use here.
    let length = match kind {
        1 => size_of::<[u8; 4]>(),
        4 => size_of::<[u8; 16]>(),
        3 => usize::from(read::<_, 1>(stream).await?[0]),
        _ => return Err(ProxyRefusal::new("malformed", format!("its answer has an address of no known kind, {kind}"))),
    };
    let mut rest = vec![0; length + 2];
    stream.read_exact(&mut rest).await.map_err(|_| ProxyRefusal::closed())?;
    Ok(())
}

/// The replies of RFC 1928, 6.
fn denied(reply: u8) -> ProxyRefusal {
    let (word, words) = match reply {
        1 => ("no_way", "general failure"),
        2 => ("denied", "its rules forbid it"),
        3 => ("no_way", "network unreachable"),
        4 => ("no_way", "host unreachable, or a name it does not know"),
        5 => ("no_way", "connection refused"),
        6 => ("no_way", "the way is too long, or nobody answers"),
        7 => ("malformed", "it does not know the command"),
        8 => ("denied", "it does not take this kind of address"),
        _ => ("malformed", "a reply of no known meaning"),
    };
    ProxyRefusal::new(word, format!("it answers {reply} by SOCKS5: {words}"))
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), ProxyRefusal> {
    stream.write_all(bytes).await.map_err(|error| lost(&error))
}

async fn read<S: AsyncRead + Unpin, const N: usize>(stream: &mut S) -> Result<[u8; N], ProxyRefusal> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(|error| lost(&error))?;
    Ok(bytes)
}

fn lost(error: &std::io::Error) -> ProxyRefusal {
    match error.raw_os_error() {
        Some(libc::ECONNRESET | libc::EPIPE) => ProxyRefusal::new("reset", "it reset the connection"),
        _ => ProxyRefusal::closed(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use url::Url;

    use super::{OUTCOMES, Proxy, ProxyProtocol, ProxyRefusal};
    use crate::model::Text;

    /// What comes of a proxy that says these words one after the other, each to what it is told.
    async fn asked(protocol: ProxyProtocol, credentials: bool, words: &[&[u8]]) -> (Result<(), ProxyRefusal>, Vec<u8>) {
        let (mut near, mut far) = tokio::io::duplex(1 << 16);
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            let mut buffer = [0; 4096];
            for word in words {
                let count = far.read(&mut buffer).await.unwrap_or(0);
                heard.extend_from_slice(&buffer[..count]);
                let _ = far.write_all(&word).await;
            }
            heard
        });
        let credentials = credentials.then(|| (Text::from("u"), Text::new("p", Some("***"))));
        let proxy = Proxy { protocol, host: "proxy.example".into(), port: 3128, credentials };
        let url = Url::parse("https://www.example:8443/x").unwrap();
        let ended = proxy.open(&mut near, &url).await;
        drop(near);
        (ended, heard.await.unwrap())
    }

    #[tokio::test]
    async fn connect_asks_for_the_host_and_takes_any_success() {
        let (ended, heard) =
            asked(ProxyProtocol::Connect, true, &[b"HTTP/1.0 200 Connection established\r\nvia: x\r\n\r\n"]).await;
        let heard = String::from_utf8(heard).unwrap();
        assert_eq!(ended, Ok(()));
        assert!(heard.starts_with("CONNECT www.example:8443 HTTP/1.1\r\nHost: www.example:8443\r\n"), "{heard}");
        assert!(heard.contains("Proxy-Authorization: Basic dTpw\r\n"), "{heard}");
    }

    #[tokio::test]
    async fn socks5_hands_on_the_name_and_signs_in() {
        let granted = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
        let (ended, heard) = asked(ProxyProtocol::Socks5, true, &[b"\x05\x02", b"\x01\x00", granted]).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(heard, b"\x05\x02\x00\x02\x01\x01u\x01p\x05\x01\x00\x03\x0bwww.example\x20\xfb");
        let named = b"\x05\x00\x00\x03\x02ab\x00\x00";
        assert_eq!(asked(ProxyProtocol::Socks5, false, &[b"\x05\x00", named]).await.0, Ok(()));
    }

    #[tokio::test]
    async fn what_a_proxy_refuses_has_its_word() {
        use ProxyProtocol::{Connect, Socks5};
        let large = [b"HTTP/1.1 200 OK\r\nx: ", vec![b'x'; 20_000].as_slice()].concat();
        for (protocol, credentials, words, word, why) in [
            (
                Connect,
                false,
                &[&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..]][..],
                "unauthorized",
                "wants",
            ),
            (Connect, true, &[b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"], "unauthorized", "not take"),
            (Connect, false, &[b"HTTP/1.1 403 Forbidden\r\n\r\n"], "denied", "403"),
            (Connect, false, &[b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], "no_way", "does not get there"),
            (Connect, false, &[b"HTTP/1.1 abc\r\n\r\n"], "malformed", "no status"),
            (Connect, false, &[b"220 mail.example ESMTP\r\n"], "malformed", "not speak HTTP"),
            (Connect, false, &[&large], "malformed", "larger than"),
            (Connect, false, &[b"HTTP/1.1 200"], "closed", "before it had answered"),
            (Connect, false, &[b""], "closed", "before it had answered"),
            (Socks5, false, &[b"HTTP/1.1 400 Bad Request\r\n\r\n"], "malformed", "not speak SOCKS5"),
            (Socks5, false, &[b"\x05\xff"], "unauthorized", "wants"),
            (Socks5, true, &[b"\x05\x02", b"\x01\x01"], "unauthorized", "not take"),
            (Socks5, false, &[b"\x05\x00", b"\x05\x02\x00\x01"], "denied", "its rules forbid it"),
            (Socks5, false, &[b"\x05\x00", b"\x05\x05\x00\x01"], "no_way", "connection refused"),
            (Socks5, false, &[b"\x05\x00", b"\x05\x63\x00\x01"], "malformed", "no known meaning"),
            (Socks5, false, &[b"\x05\x00", b"\x05\x00\x00\x09"], "malformed", "no known kind"),
            (Socks5, false, &[b"\x05\x00", b"\x05"], "closed", "before it had answered"),
        ] {
            let refusal = asked(protocol, credentials, words).await.0.unwrap_err();
            assert!(refusal.word == word && refusal.why.contains(why), "{words:?}: {refusal:?}");
            assert!(OUTCOMES.contains(&refusal.word));
        }
    }
}
