//! The head of a request as it is written, and as it is sent once the version is agreed on.

use std::fmt::Write as _;

use hyper::header::{EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Method, Uri};
use url::Url;

use super::{Outgoing, Version};
use crate::model::Text;

/// Headers that frame the message or belong to the connection; the HTTP layer writes them.
const FRAMING: &[&str] = &[
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "te",
    "trailer",
];

/// What cannot be sent: the mistake, and the remedy.
pub type Unsendable = (String, String);

/// An http or https URL without its fragment, which no server sees. `bare` is its value without a zone, which is none of the server's;
/// `credentials` says where those belong that stand in it.
pub fn parse_url(text: &Text, bare: &str, credentials: &str) -> Result<Url, Unsendable> {
    let help = || "write an absolute URL such as https://www.example/health".to_owned();
    let mut url = Url::parse(bare).map_err(|error| (format!("`{text}`: {error}"), help()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err((format!("`{}` is not http or https", url.scheme()), help()));
    }
    if authority_text(text).contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(("a user or password in a URL would show in every report".to_owned(), credentials.to_owned()));
    }
    if text.contains(|c: char| c == '\\' || c.is_control()) {
        let message = "a backslash or a control character would be sent as something else";
        return Err((message.to_owned(), "write it as %5C, %09 …".to_owned()));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Host and port of a URL, as written.
#[must_use]
pub fn authority_text(url: &str) -> &str {
    url.split_once("://").and_then(|(_, after)| after.split(['/', '?', '#']).next()).unwrap_or_default()
}

/// Path and query exactly as written. What no request can carry (a blank, letters beyond ASCII) is percent-encoded.
#[must_use]
pub fn written_target(url: &str) -> Option<PathAndQuery> {
    let (_, after) = url.split_once("://")?;
    let after = after.split_once('#').map_or(after, |(before, _)| before);
    let written = after.find(['/', '?']).map_or("", |at| &after[at..]);
    let mut out = String::from(if written.starts_with('/') { "" } else { "/" });
    for byte in written.bytes() {
        match byte {
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out.parse().ok()
}

/// A method as a suite writes it, of a request that sends a body or does not.
pub fn parse_method(text: &str, sends: bool) -> Result<Method, Unsendable> {
    let wrong = |message: &str, help: String| Err((message.to_owned(), help));
    let upper = text.to_ascii_uppercase();
    if upper == "CONNECT" {
        return wrong("CONNECT asks for a tunnel, not for an answer", "use the family tcp".to_owned());
    }
    if upper == "TRACE" && sends {
        return wrong("TRACE sends nothing but its head (RFC 9110, 9.3.8)", "leave the body out".to_owned());
    }
    if text != upper {
        return wrong("methods are written in capitals", format!("write {upper}"));
    }
    Method::from_bytes(text.as_bytes())
        .map_err(|_| (format!("`{text}` is not a method"), "write GET, HEAD, POST …".to_owned()))
}

/// A header as a suite writes it. The value may be a secret, so that no message shows it.
pub fn parse_header(name: &str, value: &str, waiting: &str) -> Result<(HeaderName, HeaderValue), Unsendable> {
    let wrong = |message: String, help: &str| Err((message, help.to_owned()));
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        return wrong(format!("`{name}` is not a header name"), "write a name such as x-trace");
    };
    if FRAMING.contains(&parsed.as_str()) {
        let help = "leave it out; it is written as the body and the HTTP version need it";
        return wrong(format!("`{name}` belongs to the connection"), help);
    }
    if parsed == EXPECT {
        return wrong("`expect` is a promise to wait".to_owned(), waiting);
    }
    match HeaderValue::from_str(value) {
        Ok(value) => Ok((parsed, value)),
        Err(_) => wrong(format!("the value of `{name}` cannot be sent"), "write it on one line"),
    }
}

/// A request without its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'r> {
    /// The method.
    pub method: &'r Method,
    /// Where it goes.
    pub url: &'r Url,
    /// Path and query, where these are not to be those of the URL in their normal form.
    pub target: Option<&'r PathAndQuery>,
    /// The host that is asked for, where that is not the one of the URL.
    pub authority: Option<&'r Authority>,
    /// All headers but the host.
    pub headers: &'r HeaderMap,
}

impl RequestHead<'_> {
    /// As hyper sends it, in the version agreed on.
    pub fn with(&self, version: Version, body: Outgoing) -> Result<hyper::Request<Outgoing>, String> {
        let url = self.url;
        let authority = match self.authority {
            Some(authority) => authority.clone(),
            None => {
                url[url::Position::BeforeHost..url::Position::AfterPort].parse().map_err(|e| format!("{url}: {e}"))?
            }
        };
        let normal = || url[url::Position::BeforePath..url::Position::AfterQuery].parse::<PathAndQuery>();
        let path = self.target.cloned().map_or_else(normal, Ok).map_err(|error| format!("{url}: {error}"))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| format!("{url}: {error}"))?;
        // HTTP/1.1 names the host in a header and the path alone in the first line, HTTP/2 and 3 have both in their pseudo-headers.
        let uri = if version == Version::Http1 {
            Uri::from(path)
        } else {
            let built = Uri::builder().scheme(url.scheme()).authority(authority).path_and_query(path).build();
            built.map_err(|error| format!("{url}: {error}"))?
        };
        let mut request = hyper::Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        if version == Version::Http1 {
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }
}
