//! Cookies as browsers take them (RFC 6265, 5.2, and its successor's rules on `Secure`, `SameSite` and prefixes).

mod date;
mod jar;

use hyper::header::{HeaderMap, SET_COOKIE};
use url::{Host, Url};

pub use jar::CookieJar;

/// Longest name with its value; browsers ignore a longer one.
const LONGEST: usize = 4096;
/// Longest value of an attribute.
const LONGEST_ATTRIBUTE: usize = 1024;

/// Whether a cookie goes along with requests that another site leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// With those that lead here.
    Lax,
    /// Always.
    None,
}

/// One cookie of an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name, which may be empty.
    pub name: String,
    /// Its value: a secret.
    value: String,
    /// It goes over https alone.
    pub secure: bool,
    /// No script sees it.
    pub http_only: bool,
    /// See [`SameSite`]; absent where it is not said.
    pub same_site: Option<SameSite>,
    /// Names it goes to, in lower case without a leading dot; absent for this host alone.
    pub domain: Option<String>,
    /// Paths it goes to; absent for the folder of the URL.
    pub path: Option<String>,
    /// Its end, in seconds since 1970.
    expires: Option<i64>,
    /// How long it lasts, seconds; counts before its end.
    max_age: Option<i64>,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cookie({}=***)", self.name)
    }
}

/// The cookies of an answer, as they are read; one that no browser takes for a cookie at all is left out.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie> {
    headers.get_all(SET_COOKIE).iter().filter_map(|value| Cookie::parse(&String::from_utf8_lossy(value.as_bytes())))
}

/// A `set-cookie` for people: with `***` in the place of its value. An empty one hides nothing.
#[must_use]
pub fn masked(text: &str) -> String {
    let end = text.find(';').unwrap_or(text.len());
    let (pair, attributes) = text.split_at(end);
    match pair.split_once('=') {
        Some((_, value)) if value.trim().is_empty() => text.to_owned(),
        Some((name, _)) => format!("{name}=***{attributes}"),
        None if pair.trim().is_empty() => text.to_owned(),
        // Without a sign it is a value without a name.
        None => format!("***{attributes}"),
    }
}

impl Cookie {
    /// Reads a `set-cookie`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| c.is_control() && c != '\t') {
            return None;
        }
        let mut parts = text.split(';');
        let pair = parts.next()?;
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        if name.len() + value.len() > LONGEST || (name.is_empty() && value.is_empty()) {
            return None;
        }
        let mut cookie = Self {
            name,
            value,
            secure: false,
            http_only: false,
            same_site: None,
            domain: None,
            path: None,
            expires: None,
            max_age: None,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if value.len() <= LONGEST_ATTRIBUTE {
                cookie.attribute(&name.trim().to_ascii_lowercase(), value.trim());
            }
        }
        Some(cookie)
    }

    fn attribute(&mut self, name: &str, value: &str) {
        match name {
            "secure" => self.secure = true,
            "httponly" => self.http_only = true,
            "samesite" => {
                self.same_site = match value.to_ascii_lowercase().as_str() {
                    "strict" => Some(SameSite::Strict),
                    "lax" => Some(SameSite::Lax),
                    "none" => Some(SameSite::None),
                    _ => None,
                }
            }
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase();
                self.domain = Some(domain).filter(|domain| !domain.is_empty());
            }
            "path" => self.path = value.starts_with('/').then(|| value.to_owned()),
            "expires" => self.expires = date::seconds(value).or(self.expires),
            "max-age" => {
                let (sign, digits) = value.strip_prefix('-').map_or((1, value), |rest| (-1, rest));
                if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.max_age = Some(sign * digits.parse().unwrap_or(i64::from(i32::MAX)));
                }
            }
            _ => {}
        }
    }

    /// How long it lasts from `now` on (seconds since 1970), as its server says; absent where it ends with the browser.
    #[must_use]
    pub fn lasts(&self, now: i64) -> Option<i64> {
        self.max_age.or_else(|| self.expires.map(|end| end.saturating_sub(now)))
    }

    /// Why browsers do not take it from an answer of `url`; `None` when they do.
    #[must_use]
    pub fn rejected(&self, url: &Url) -> Option<&'static str> {
        let is_secure = url.scheme() == "https";
        let named = |prefix: &str| self.name.get(..prefix.len()).is_some_and(|own| own.eq_ignore_ascii_case(prefix));
        if self.secure && !is_secure {
            return Some("`Secure` over http");
        }
        if self.same_site == Some(SameSite::None) && !self.secure {
            return Some("`SameSite=None` without `Secure`");
        }
        if named("__Secure-") && !self.secure {
            return Some("`__Secure-` without `Secure`");
        }
        if named("__Host-") && (!self.secure || self.domain.is_some() || self.path.as_deref() != Some("/")) {
            return Some("`__Host-` without `Secure` and `Path=/`, or with `Domain`");
        }
        self.foreign(url)
    }

    /// Why the host of `url` may not set it for its domain.
    fn foreign(&self, url: &Url) -> Option<&'static str> {
        let domain = self.domain.as_deref()?;
        match url.host() {
            Some(Host::Domain(host)) if !is_within(host, domain) => Some("`Domain` of another host"),
            Some(Host::Domain(host)) if host != domain && is_public_suffix(domain) => {
                Some("`Domain` is a suffix that many owners share")
            }
            Some(Host::Domain(_)) => None,
            Some(_) if url.host_str() == Some(domain) => None,
            _ => Some("`Domain` of another host"),
        }
    }
}

/// Whether `host` is `domain` or below it.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether names below it belong to many owners (`co.uk`, `github.io`): Mozilla's list, and every name of one label.
fn is_public_suffix(domain: &str) -> bool {
    !domain.contains('.') || psl::suffix_str(domain) == Some(domain)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{Cookie, SameSite, masked};

    #[test]
    fn cookies_are_read_as_browsers_do() {
        let cookie = Cookie::parse(
            " id = a=b ; SECURE; httponly; samesite=lax; Domain=.Example.COM; Path=/x; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
        )
        .unwrap();
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("id", "a=b"));
        assert!(cookie.secure && cookie.http_only);
        assert_eq!((cookie.same_site, cookie.domain.as_deref()), (Some(SameSite::Lax), Some("example.com")));
        assert_eq!((cookie.path.as_deref(), cookie.lasts(0)), (Some("/x"), Some(60)));
        let ends = Cookie::parse("a=1; expires=Sun, 06-Nov-94 08:49:37 GMT; max-age=x; path=x").unwrap();
        assert_eq!((ends.lasts(784_111_777), ends.path), (Some(0), None));
        assert_eq!(Cookie::parse("value alone").unwrap().name, "");
        assert!(Cookie::parse("=").is_none() && Cookie::parse("a=\u{1}").is_none());
        assert!(Cookie::parse(&format!("a={}", "x".repeat(4096))).is_none());
        assert_eq!(format!("{cookie:?}"), "Cookie(id=***)");
    }

    #[test]
    fn values_are_not_shown() {
        for (text, shown) in [
            ("session=s3cr3t; Path=/", "session=***; Path=/"),
            ("a=b=c", "a=***"),
            ("gone=; Max-Age=0", "gone=; Max-Age=0"),
            ("s3cr3t; Secure", "***; Secure"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn what_browsers_reject_is_told() {
        for (url, text, why) in [
            ("https://www.example.com/", "a=1; Domain=example.com", None),
            ("https://www.example.com/", "a=1; Domain=www.example.com", None),
            ("https://www.example.com/", "a=1; Domain=com", Some("many owners")),
            ("https://a.github.io/", "a=1; Domain=github.io", Some("many owners")),
            ("https://shop.co.uk/", "a=1; Domain=co.uk", Some("many owners")),
            ("https://intranet/", "a=1; Domain=intranet", None),
            ("https://www.example.com/", "a=1; Domain=ample.com", Some("another host")),
            ("https://www.example.com/", "a=1; Domain=other.example", Some("another host")),
            ("https://192.0.2.1/", "a=1; Domain=2.1", Some("another host")),
            ("https://192.0.2.1/", "a=1; Domain=192.0.2.1", None),
            ("http://www.example.com/", "a=1; Secure", Some("over http")),
            ("https://www.example.com/", "a=1; SameSite=None", Some("without `Secure`")),
            ("https://www.example.com/", "__Host-a=1; Secure; Path=/", None),
            ("https://www.example.com/", "__host-a=1; Secure; Path=/; Domain=www.example.com", Some("__Host-")),
            ("https://www.example.com/", "__Secure-a=1", Some("__Secure-")),
        ] {
            let told = Cookie::parse(text).unwrap().rejected(&Url::parse(url).unwrap());
            assert_eq!(told.is_some(), why.is_some(), "{url} {text}: {told:?}");
            assert!(why.is_none_or(|why| told.unwrap().contains(why)), "{url} {text}: {told:?}");
        }
    }
}
