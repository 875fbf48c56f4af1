//! Texts of HTTP that have several spellings: URLs, media types, lists of words.

use crate::model::text::MASK;

/// A URL with scheme and host in lower case, without the port that is its scheme's own, with `/` for no path (RFC 9110, 4.2.3).
/// Path and query stay as they are written. What is no absolute URL stays as it is.
#[must_use]
pub fn url(text: &str) -> String {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let own = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let (user, host) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(_, host)| (&authority[..authority.len() - host.len()], host));
    let host = host.strip_suffix(own).unwrap_or(host);
    let host = host.strip_suffix(':').unwrap_or(host);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, format!(":{port}")),
        _ => (host, String::new()),
    };
    let name = match super::name::address(name) {
        Some(address) if address.is_ipv6() => format!("[{address}]"),
        Some(address) => address.to_string(),
        None => super::name::key(name),
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{user}{name}{port}{slash}{path}")
}

/// A media type without case and needless blanks and quotes; of its parameters only the value of `charset` is without case
/// (RFC 9110, 8.3).
#[must_use]
pub fn media_type(text: &str) -> String {
    let mut parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let mut out = parts.next().unwrap_or_default().to_ascii_lowercase();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        let value = if name == "charset" { value.to_ascii_lowercase() } else { value.to_owned() };
        out.extend([";", &name, "=", &value]);
    }
    out
}

/// A list of words whose case says nothing: in lower case, without blanks around its marks.
#[must_use]
pub fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if matches!(c, ',' | ';' | '=') {
            out.truncate(out.trim_end().len());
        }
        if !(c.is_whitespace() && out.ends_with([',', ';', '=', ' '])) {
            out.push(if c.is_whitespace() { ' ' } else { c.to_ascii_lowercase() });
        }
    }
    out
}

/// Whether `part` stands in a `set-cookie` (RFC 6265, 4.1): a cookie by its name or with its value, and attributes, whose names
/// have no case, alone or with their values.
#[must_use]
pub fn is_of_cookie(cookie: &str, part: &str) -> bool {
    fn pairs(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
        text.split(';').map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (pair.trim(), None),
        })
    }
    let is = |wanted: (&str, Option<&str>), at: usize, (name, value): (&str, Option<&str>)| {
        let words = ["samesite", "domain"].iter().any(|word| name.eq_ignore_ascii_case(word));
        let same = |one: &str, other: &str| one == other || (at > 0 && words && one.eq_ignore_ascii_case(other));
        let named = wanted.0 == name || (at > 0 && wanted.0.eq_ignore_ascii_case(name));
        named && wanted.1.is_none_or(|wanted| value.is_some_and(|value| same(wanted, value)))
    };
    pairs(part).all(|wanted| pairs(cookie).enumerate().any(|(at, pair)| is(wanted, at, pair)))
}

/// The name of the cookie whose value stands in a part of a `set-cookie`, as a suite may write one.
#[must_use]
pub fn value_of_cookie(part: &str) -> Option<&str> {
    const ATTRIBUTES: [&str; 8] =
        ["expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "priority"];
    let (name, value) = part.split(';').next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_attribute = ATTRIBUTES.iter().any(|known| known.eq_ignore_ascii_case(name));
    (!is_attribute && !matches!(value, "" | MASK)).then_some(name)
}

/// Header fields whose whole value is words without case, by the documents that define them.
pub const WORDS: [&str; 11] = [
    "connection",
    "keep-alive",
    "content-encoding",
    "transfer-encoding",
    "accept-ranges",
    "vary",
    "cache-control",
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "access-control-allow-headers",
];

/// Header fields that hold a URL.
pub const URLS: [&str; 3] = ["location", "content-location", "access-control-allow-origin"];

#[cfg(test)]
mod tests {
    use super::{is_of_cookie, media_type, url, words};

    #[test]
    fn urls_of_one_place() {
        for (one, other) in [
            ("https://Example.COM", "https://example.com/"),
            ("https://example.com:443/a", "HTTPS://example.com/a"),
            ("http://example.com:80", "http://example.com./"),
            ("http://[::1]:80/", "http://[0:0::1]/"),
            ("http://[::1]:8080/", "http://[0:0::1]:8080"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("https://example.com?q=1", "https://example.com/?q=1"),
            ("http://example.com:/", "http://example.com/"),
        ] {
            assert_eq!(url(one), url(other), "{one} {other}");
        }
        for (one, other) in [
            ("https://example.com/a", "https://example.com/A"),
            ("https://example.com/a", "https://example.com/a/"),
            ("http://example.com/", "https://example.com/"),
            ("http://example.com:443/", "http://example.com/"),
            ("https://example.com/%7ea", "https://example.com/~a"),
            ("https://a@example.com/", "https://example.com/"),
            ("/a", "https://example.com/a"),
            ("http://[::1]:8080/", "http://[::1:8080]/"),
        ] {
            assert_ne!(url(one), url(other), "{one} {other}");
        }
    }

    #[test]
    fn parts_of_a_cookie() {
        let cookie = "session=Abc=1; Path=/; SameSite=Lax; secure; Expires=Wed, 01 Jan 2020 00:00:00 GMT";
        for part in
            [cookie, "session", "session=Abc=1", "Secure", "path=/", "samesite=LAX", "Expires", "session;Secure"]
        {
            assert!(is_of_cookie(cookie, part), "{part}");
        }
        for part in ["", "Session", "session=abc=1", "Abc", "HttpOnly", "path=/a", "session; HttpOnly", "session=Abc"] {
            assert!(!is_of_cookie(cookie, part), "{part}");
        }
    }

    #[test]
    fn media_types_and_words() {
        assert_eq!(media_type("text/html; charset=UTF-8"), media_type("Text/HTML;charset=\"utf-8\""));
        assert_ne!(media_type("text/html; charset=utf-8"), media_type("text/html"));
        assert_ne!(media_type("multipart/mixed; boundary=A"), media_type("multipart/mixed; boundary=a"));
        assert_eq!(words("max-age=31536000; includeSubDomains"), words("max-age=31536000;includesubdomains"));
        assert_eq!(words("Accept-Encoding,  Origin"), words("accept-encoding , origin"));
        assert_ne!(words("max-age=1"), words("max-age=2"));
    }
}
