//! The request to send, and how a redirect changes it.

mod content;

use std::fmt::Write as _;

use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, COOKIE,
    EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Method, StatusCode, Uri};
use url::Url;

pub(super) use self::content::of_secrets;
use super::fields::{
    ADDRESSES, AUTH, Addresses, EXPECT_CONTINUE, HEADERS, HttpVersion, METHOD, SNI, URL, VERIFY_NAME, VERSION,
};
use crate::checks::shared::tls_fields::NameFields;
use crate::model::interface::url_without_zone;
use crate::model::{Args, Invalid, Text};
use crate::proto::http::cookie::{self, CookieJar};
use crate::proto::http::{CertificateNames, ContinueSignal, ContinueState, Outgoing, Version};
use crate::proto::tls::now;

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

/// A request without its URL.
#[derive(Clone, Debug)]
pub(super) struct Request {
    method: Method,
    headers: HeaderMap,
    /// A `host` header of the suite; leads the first server to another of its sites.
    authority: Option<Authority>,
    /// Path and query as the suite writes them, for the first server: `%2e%2e` stays, though URLs are normalised without it.
    target: Option<PathAndQuery>,
    body: Bytes,
    /// Cookies of the answers that redirected.
    jar: CookieJar,
    /// The body waits for the server's word, which is heard here.
    waits: Option<ContinueSignal>,
}

/// The URL of the suite.
pub(super) fn url(args: &Args) -> Result<Url, Invalid> {
    let text = args.get(&URL);
    let help = "write an absolute URL such as https://www.example/health";
    let (bare, _) =
        url_without_zone(&text).map_err(|why| URL.invalid(why, "write it as in http://[fe80::1%25eth0]/"))?;
    let mut url = Url::parse(&bare).map_err(|error| URL.invalid(format!("`{text}`: {error}"), help))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(URL.invalid(format!("`{}` is not http or https", url.scheme()), help));
    }
    let authority = text.split_once("://").and_then(|(_, after)| after.split(['/', '?', '#']).next());
    let named = authority.is_some_and(|authority| authority.contains('@'));
    if named || !url.username().is_empty() || url.password().is_some() {
        return Err(URL.invalid(
            "a user or password in a URL would show in every report",
            "write `auth: {user: NAME, password: \"${PASSWORD}\"}` with PASSWORD under `secrets`",
        ));
    }
    if text.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(
            URL.invalid("a backslash or a control character would be sent as something else", "write it as %5C, %09 …")
        );
    }
    url.set_fragment(None);
    Ok(url)
}

/// The host of the suite's URL with its zone, which is sent nowhere.
pub(super) fn host_and_zone(args: &Args) -> Result<String, Invalid> {
    let url = url(args)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let zone = url_without_zone(&args.get(&URL)).ok().and_then(|(_, zone)| zone);
    Ok(zone.map_or(host.clone(), |zone| format!("{host}%{zone}")))
}

/// The host of the URL `url` of the suite.
pub(super) fn host(args: &Args, url: &Url) -> Text {
    let text = args.get(&URL);
    let value = url.host_str().unwrap_or_default();
    let shown = || {
        let after = text.shown().split_once("://").map_or("", |(_, after)| after);
        after.split(['/', '?', '#']).next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit())
    };
    Text::new(value, text.holds_secret().then(|| shown().trim_end_matches(':')))
}

/// The names of the certificate of the URL `url` of the suite, where these are not its host.
pub(super) fn certificate_names(args: &Args, url: &Url) -> Result<Option<CertificateNames>, Invalid> {
    let given = [(args.given(&SNI), &SNI), (args.given(&VERIFY_NAME), &VERIFY_NAME)];
    let Some((_, field)) = given.into_iter().find(|(given, _)| *given) else { return Ok(None) };
    if url.scheme() != "https" {
        return Err(field.invalid(format!("`{}` is for https", field.name()), "leave it out, or ask an https URL"));
    }
    let fields = NameFields { sni: &SNI, verify_name: &VERIFY_NAME };
    let (sni, verify) = fields.read(args, URL.name(), url.host_str().unwrap_or_default())?;
    Ok(Some(CertificateNames { sni, verify }))
}

/// The URL for people: as written, without its fragment, which no server sees.
pub(super) fn shown(args: &Args) -> String {
    let text = args.get(&URL);
    text.shown().split_once('#').map_or(text.shown(), |(before, _)| before).to_owned()
}

/// Path and query exactly as written. What no request can carry (a blank, letters beyond ASCII) is percent-encoded.
fn target(text: &str) -> Option<PathAndQuery> {
    let (_, after) = text.split_once("://")?;
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

impl Request {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("shakedown/", env!("CARGO_PKG_VERSION"))));
        let mut written = HeaderMap::new();
        for (name, values) in args.get(&HEADERS) {
            for value in values {
                let (name, value) = header(&name, &value)?;
                written.append(name, value);
            }
        }
        let authority = authority_of(&mut written)?;
        // `extend` replaces a default by the suite's own and keeps the suite's repeats.
        headers.extend(written);
        let content::Content { bytes: body, media_type } = content::content(args)?;
        if let Some(media_type) = media_type {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media_type));
        }
        if let Some(credentials) = content::authorization(args)?
            && headers.insert(AUTHORIZATION, credentials).is_some()
        {
            return Err(AUTH.invalid("`headers` has an `authorization` too", "keep one of the two"));
        }
        let method = method(args)?;
        // A body of nothing has a length too where a body is expected (RFC 9110, 8.6): some servers wait for it otherwise.
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let waits = waits(args, &body)?;
        if waits.is_some() {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        Ok(Self { method, headers, authority, target: target(&args.get(&URL)), body, jar: CookieJar::default(), waits })
    }

    /// As hyper sends it to `url`.
    pub(super) fn for_url(&self, url: &Url, version: Version) -> Result<hyper::Request<Outgoing>, String> {
        let authority = match &self.authority {
            Some(authority) => authority.clone(),
            None => {
                url[url::Position::BeforeHost..url::Position::AfterPort].parse().map_err(|e| format!("{url}: {e}"))?
            }
        };
        let normal = || url[url::Position::BeforePath..url::Position::AfterQuery].parse::<PathAndQuery>();
        let path = self.target.clone().map_or_else(normal, Ok).map_err(|error| format!("{url}: {error}"))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| format!("{url}: {error}"))?;
        // HTTP/1.1 names the host in a header and the path alone in the first line, HTTP/2 and 3 have both in their pseudo-headers.
        let uri = if version == Version::Http1 {
            Uri::from(path)
        } else {
            let built = Uri::builder().scheme(url.scheme()).authority(authority).path_and_query(path).build();
            built.map_err(|error| format!("{url}: {error}"))?
        };
        let body = self.body.clone();
        let mut request = hyper::Request::new(match &self.waits {
            Some(signal) => Outgoing::awaiting(body, signal.clone()),
            None => Outgoing::now(body),
        });
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        if let Some(cookies) = self.cookies(url) {
            request.headers_mut().insert(COOKIE, cookies);
        }
        if version == Version::Http1 {
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }

    /// The same for another exchange, in which the server has said nothing yet.
    pub(super) fn renewed(&self) -> Self {
        Self { waits: self.waits.as_ref().map(|_| ContinueSignal::default()), ..self.clone() }
    }

    /// The URL as a browser of the site would have it: a `host` header of the suite asks another site of the same server, and
    /// its cookies are for that name.
    pub(super) fn site(&self, url: &Url) -> Url {
        let mut site = url.clone();
        if let Some(authority) = &self.authority {
            // What is no host of a URL leaves it as it is.
            let _ = site.set_host(Some(authority.host()));
        }
        site
    }

    /// Keeps the cookies of an answer that leads on, as a browser does.
    pub(super) fn keep_cookies(&mut self, url: &Url, headers: &HeaderMap) {
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        self.jar.keep(&self.site(url), cookie::cookies(headers), now() as i64);
    }

    /// The cookies that go to `url`: those of the suite, and those that were set on the way.
    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let kept = self.jar.header(&self.site(url))?;
        let own = self.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let all: Vec<&str> = own.chain([&*kept]).collect();
        let mut value = HeaderValue::from_str(&all.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether the server asked for the body; `None` where it did not wait.
    pub(super) fn was_asked_for(&self) -> Option<bool> {
        self.waits.as_ref().map(|signal| signal.said() == ContinueState::Continue)
    }

    /// Whether its body waits for the server's word.
    pub(super) fn awaits_word(&self) -> bool {
        self.waits.is_some()
    }

    /// Why an answer of this status has no body, whatever the server has to say.
    pub(super) fn leaves_out_body(&self, status: StatusCode) -> Option<&'static str> {
        match status {
            _ if self.method == Method::HEAD => Some("HEAD asks for none"),
            StatusCode::NOT_MODIFIED => Some("what has not changed is not sent again"),
            StatusCode::SWITCHING_PROTOCOLS => Some("what follows is no HTTP"),
            _ => None,
        }
    }

    /// Whether `status` makes a GET without body of this request.
    fn becomes_get(&self, status: StatusCode) -> bool {
        let see_other = status == StatusCode::SEE_OTHER && self.method != Method::HEAD;
        // Every browser, curl and RFC 9110 turn a redirected POST into a GET for 301 and 302.
        let moved = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && self.method == Method::POST;
        see_other || moved
    }

    /// Whether following would hand the body to another origin. The suite wrote it for the first one, and it may hold
    /// a secret; without it, the request would be another one than the redirect asks to repeat.
    pub(super) fn gives_body_away(&self, status: StatusCode, from: &Url, to: &Url) -> bool {
        from.origin() != to.origin() && !self.body.is_empty() && !self.becomes_get(status)
    }

    /// Changes the request as `status` demands, and keeps secrets from another origin: which header holds one is the
    /// suite's to know, so only those go along that say what any client would.
    pub(super) fn redirected(&mut self, status: StatusCode, from: &Url, to: &Url) {
        self.target = None;
        self.waits = self.waits.as_ref().map(|_| ContinueSignal::default());
        if self.becomes_get(status) {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.waits = None;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, EXPECT] {
                self.headers.remove(name);
            }
        }
        if from.origin() != to.origin() {
            self.authority = None;
            let mut common = HeaderMap::new();
            for name in [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT] {
                for value in self.headers.get_all(&name) {
                    common.append(name.clone(), value.clone());
                }
            }
            self.headers = common;
        }
    }
}

/// Whether a check with these fields may see a body.
pub(super) fn has_answer_with_body(args: &Args) -> bool {
    args.get(&METHOD).as_deref() != Some("HEAD") && args.get(&ADDRESSES) == Addresses::First
}

/// Whether an answer of this status leads elsewhere.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where an answer leads: `None` when it does not, `Err` when nobody can go there.
pub(super) fn redirect(from: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Result<Url, String>> {
    if !is_redirect(status) {
        return None;
    }
    let location = String::from_utf8_lossy(headers.get(LOCATION)?.as_bytes()).into_owned();
    let target = from.join(&location).map_err(|error| format!("redirect to \"{location}\": {error}"));
    Some(target.and_then(|mut url| {
        let known = matches!(url.scheme(), "http" | "https") && url.has_host();
        let clean = url.set_username("").and_then(|()| url.set_password(None));
        url.set_fragment(None);
        match (known, clean) {
            (true, Ok(())) => Ok(url),
            _ => Err(format!("redirect to \"{location}\", which is not http or https")),
        }
    }))
}

/// GET, or POST where something is sent, as curl has it; else the method written.
fn method(args: &Args) -> Result<Method, Invalid> {
    let sends = content::is_given(args);
    let Some(text) = args.get(&METHOD) else { return Ok(if sends { Method::POST } else { Method::GET }) };
    let upper = text.to_ascii_uppercase();
    if upper == "CONNECT" {
        return Err(METHOD.invalid("CONNECT asks for a tunnel, not for an answer", "use the family tcp"));
    }
    if upper == "TRACE" && sends {
        return Err(METHOD.invalid("TRACE sends nothing but its head (RFC 9110, 9.3.8)", "leave the body out"));
    }
    if text != upper {
        return Err(METHOD.invalid("methods are written in capitals", format!("write {upper}")));
    }
    Method::from_bytes(text.as_bytes())
        .map_err(|_| METHOD.invalid(format!("`{text}` is not a method"), "write GET, HEAD, POST …"))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Invalid> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| HEADERS.invalid(format!("`{name}` is not a header name"), "write a name such as x-trace"))?;
    if FRAMING.contains(&parsed.as_str()) {
        let help = "leave it out; it is written as the body and the HTTP version need it";
        return Err(HEADERS.invalid(format!("`{name}` belongs to the connection"), help));
    }
    if parsed == EXPECT {
        return Err(HEADERS.invalid("`expect` is a promise to wait", "write `expect_continue: true`"));
    }
    // The value may be a secret, so the message does not show it.
    let value = HeaderValue::from_str(value)
        .map_err(|_| HEADERS.invalid(format!("the value of `{name}` cannot be sent"), "write it on one line"))?;
    Ok((parsed, value))
}

/// Whether the body waits for the server.
fn waits(args: &Args, body: &Bytes) -> Result<Option<ContinueSignal>, Invalid> {
    if !args.get(&EXPECT_CONTINUE) {
        return Ok(None);
    }
    if body.is_empty() {
        let help = "add `body`, `json`, `form` or `body_file`, or leave `expect_continue` out";
        return Err(EXPECT_CONTINUE.invalid("there is no body that could wait", help));
    }
    if matches!(args.get(&VERSION), HttpVersion::Http2 | HttpVersion::Http3) {
        let help = "leave `version` out, or write `version: 1.1`";
        return Err(EXPECT_CONTINUE.invalid("a body waits for the server over HTTP/1.1 alone", help));
    }
    Ok(Some(ContinueSignal::default()))
}

/// The `host` header of the suite, taken out of the others: its place depends on the HTTP version.
fn authority_of(headers: &mut HeaderMap) -> Result<Option<Authority>, Invalid> {
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(HEADERS.invalid("a request has one `host`", "write one value"));
    }
    headers.remove(HOST).map(|host| authority(&host)).transpose()
}

fn authority(host: &HeaderValue) -> Result<Authority, Invalid> {
    let parsed = Authority::try_from(host.as_bytes()).ok().filter(|authority| !authority.as_str().contains('@'));
    parsed.ok_or_else(|| HEADERS.invalid("`host` is not a host", "write a name, and a port after a colon if any"))
}

#[cfg(test)]
mod tests;
