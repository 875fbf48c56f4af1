//! The request to send, and how a redirect changes it.

mod content;

use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, COOKIE,
    EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Method, StatusCode};
use url::Url;

pub(super) use self::content::of_secrets;
use super::fields::{
    ADDRESSES, AUTH, Addresses, EXPECT_CONTINUE, HEADERS, HttpVersion, METHOD, SNI, URL, VERIFY_NAME, VERSION,
};
use crate::checks::shared::tls_fields::NameFields;
use crate::model::interface::url_without_zone;
use crate::model::{Args, Invalid, Text};
use crate::proto::http::cookie::{self, CookieJar};
use crate::proto::http::request_head::{RequestHead, parse_header, parse_method, parse_url, written_target};
use crate::proto::http::{CertificateNames, ContinueSignal, ContinueState, Outgoing, Version};
use crate::proto::tls::now;

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
    let credentials = "write `auth: {user: NAME, password: \"${PASSWORD}\"}` with PASSWORD under `secrets`";
    let text = args.get(&URL);
    let (bare, _) =
        url_without_zone(&text).map_err(|why| URL.invalid(why, "write it as in http://[fe80::1%25eth0]/"))?;
    parse_url(&text, &bare, credentials).map_err(|(message, help)| URL.invalid(message, help))
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
        Ok(Self {
            method,
            headers,
            authority,
            target: written_target(&args.get(&URL)),
            body,
            jar: CookieJar::default(),
            waits,
        })
    }

    /// As hyper sends it to `url`.
    pub(super) fn for_url(&self, url: &Url, version: Version) -> Result<hyper::Request<Outgoing>, String> {
        let body = self.body.clone();
        let body = match &self.waits {
            Some(signal) => Outgoing::awaiting(body, signal.clone()),
            None => Outgoing::now(body),
        };
        let (target, authority) = (self.target.as_ref(), self.authority.as_ref());
        let head = RequestHead { method: &self.method, url, target, authority, headers: &self.headers };
        let mut request = head.with(version, body)?;
        if let Some(cookies) = self.cookies(url) {
            request.headers_mut().insert(COOKIE, cookies);
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
    parse_method(&text, sends).map_err(|(message, help)| METHOD.invalid(message, help))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Invalid> {
    parse_header(name, value, "write `expect_continue: true`").map_err(|(message, help)| HEADERS.invalid(message, help))
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
