//! DoH in every version of HTTP (RFC 8484): a request with the query, a response with the answer.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::body::Bytes;
use hyper::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use hyper::http::response::Parts;
use hyper::http::uri::{Authority, PathAndQuery, Scheme, Uri};
use hyper::http::{HeaderValue, Method, Request};

use super::attempt::Attempt;
use super::facts;
use super::fields::{HttpMethod, METHOD, PATH};
use crate::checks::dns::fields::SERVER;
use crate::checks::shared::target::Target;
use crate::model::interface::without_zone;
use crate::model::{Args, Fault, Invalid};
use crate::net::dial::endpoint;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::LARGEST;
use crate::proto::tls::Offer;

/// Media type of DNS messages.
const MESSAGE: &str = "application/dns-message";
/// The path where `path` is left out.
const DEFAULT_PATH: &str = "/dns-query";

/// Where in HTTP to ask, and how.
pub(super) struct Http {
    authority: Authority,
    path: String,
    get: bool,
}

impl Http {
    /// The authority is the name the server is known by: `sni`, else the server's.
    pub(super) fn from_args(args: &Args, target: &Target, offer: &Offer) -> Result<Self, Invalid> {
        let own = || without_zone(&target.host).0;
        let name = offer.sni.as_ref().map_or_else(own, |name| name.to_str().into_owned());
        let text = match target.port {
            443 => endpoint(&name, 443).trim_end_matches(":443").to_owned(),
            other => endpoint(&name, other),
        };
        let authority = Authority::from_str(&text).map_err(|error| {
            SERVER.invalid(format!("`{text}` cannot be part of a URL: {error}"), "write a host name or an address")
        })?;
        let path = args.get(&PATH).unwrap_or_else(|| DEFAULT_PATH.to_owned());
        let sound = path.starts_with('/') && !path.contains(['{', '#']) && PathAndQuery::from_str(&path).is_ok();
        if !sound {
            let help = format!("write it as in {DEFAULT_PATH}, without a template");
            return Err(PATH.invalid(format!("`{path}` is not a path"), help));
        }
        Ok(Self { authority, path, get: args.get(&METHOD) == Some(HttpMethod::Get) })
    }

    /// The head of the request, and its body.
    pub(super) fn request(&self, query: &[u8]) -> Result<(Request<()>, Bytes), Fault> {
        let built = if self.get {
            let joint = if self.path.contains('?') { '&' } else { '?' };
            let path = format!("{}{joint}dns={}", self.path, BASE64_URL_SAFE_NO_PAD.encode(query));
            self.head(Method::GET, &path).map(|head| (head, Bytes::new()))
        } else {
            self.head(Method::POST, &self.path).map(|mut head| {
                head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MESSAGE));
                head.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(query.len()));
                (head, Bytes::copy_from_slice(query))
            })
        };
        built.map_err(|error| {
            let remedy = "check `path` and `name` of the check";
            Fault::local("build the HTTP request", self.authority.to_string(), error.to_string(), remedy)
        })
    }

    fn head(&self, method: Method, path: &str) -> Result<Request<()>, hyper::http::Error> {
        let uri =
            Uri::builder().scheme(Scheme::HTTPS).authority(self.authority.clone()).path_and_query(path).build()?;
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(MESSAGE));
        Ok(request)
    }
}

/// The body of a response, and the lifetime its head gives it.
pub(super) struct Body {
    bytes: Vec<u8>,
    max_age: Option<u32>,
}

impl Body {
    /// A response with this head, unless the head says that no DNS message follows.
    pub(super) fn of(cx: &mut Cx<'_>, head: &Parts) -> Result<Self, EarlyEnd> {
        let max_age = facts::record_http(cx, head.status.as_u16(), &head.headers);
        let status = head.status;
        if !status.is_success() {
            let aim = head.headers.get(LOCATION).map(|aim| format!(", to {}", facts::shown(aim.as_bytes())));
            let aim = aim.filter(|_| status.is_redirection()).unwrap_or_default();
            return Err(EarlyEnd::outcome(
                "http_error",
                format!("the server answered {status}{aim}; nothing is followed"),
            ));
        }
        let kind = head.headers.get(CONTENT_TYPE).map(|kind| facts::shown(kind.as_bytes()));
        let media = kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case(MESSAGE) {
            let kind = kind.map_or_else(|| "no content type".to_owned(), |kind| format!("content type {kind}"));
            return Err(EarlyEnd::outcome(
                "http_error",
                format!("the server answered {status} with {kind}, not {MESSAGE}"),
            ));
        }
        Ok(Self { bytes: Vec::new(), max_age })
    }

    /// Adds a part, unless it is more than any DNS message has.
    pub(super) fn add(&mut self, part: &[u8]) -> Result<(), EarlyEnd> {
        if self.bytes.len() + part.len() > LARGEST {
            let why = format!("the response has more than the {LARGEST} bytes of the largest DNS message");
            return Err(EarlyEnd::outcome("http_error", why));
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// Bytes that came so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The response is complete.
    pub(super) fn finish(self, attempt: &mut Attempt<'_>, sent: tokio::time::Instant) -> Result<(), EarlyEnd> {
        attempt.take_only(&self.bytes, sent)?;
        let shortest =
            attempt.exchange.reply.as_ref().and_then(|reply| reply.answers.iter().map(|record| record.ttl).min());
        if let (Some(kept), Some(ttl)) = (self.max_age, shortest)
            && kept > ttl
        {
            let why = format!("caches may keep the response for {kept} s, longer than its shortest TTL of {ttl} s");
            attempt.exchange.notes.push(why);
        }
        Ok(())
    }
}
