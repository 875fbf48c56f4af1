//! Cookies kept from one request to the next, and sent where they belong.

use url::{Host, Url};

use super::{Cookie, is_within};

/// Cookies that are kept; a browser keeps about as many of one site.
const MOST: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct CookieJar(Vec<StoredCookie>);

#[derive(Clone, Debug)]
struct StoredCookie {
    cookie: Cookie,
    /// The host, or the domain that it goes to.
    host: String,
    host_only: bool,
    path: String,
}

impl CookieJar {
    /// Keeps the cookies of an answer of `url` that browsers would, `now` in seconds since 1970.
    pub fn keep(&mut self, url: &Url, cookies: impl Iterator<Item = Cookie>, now: i64) {
        for cookie in cookies.filter(|cookie| cookie.rejected(url).is_none()) {
            let own = url.host_str().unwrap_or_default().to_owned();
            // A suffix that is the host itself, and an address, is for this host alone.
            let domain = cookie.domain.clone().filter(|_| matches!(url.host(), Some(Host::Domain(_))));
            let host_only = domain.as_ref().is_none_or(|domain| *domain == own && super::is_public_suffix(domain));
            let path = cookie.path.clone().unwrap_or_else(|| folder(url.path()).to_owned());
            let kept = StoredCookie { host: domain.unwrap_or(own), host_only, path, cookie };
            let over = kept.cookie.lasts(now).is_some_and(|lasts| lasts <= 0);
            let same = |other: &StoredCookie| {
                other.cookie.name == kept.cookie.name && other.host == kept.host && other.path == kept.path
            };
            self.0.retain(|other| !same(other));
            if !over && self.0.len() < MOST {
                self.0.push(kept);
            }
        }
    }

    /// The value of `cookie` for a request of `url`, those of longer paths first; `None` where none belongs there.
    #[must_use]
    pub fn header(&self, url: &Url) -> Option<String> {
        let mut fitting: Vec<&StoredCookie> = self.0.iter().filter(|kept| kept.belongs_to(url)).collect();
        fitting.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs = fitting.iter().map(|kept| match kept.cookie.name.as_str() {
            "" => kept.cookie.value.clone(),
            name => format!("{name}={}", kept.cookie.value),
        });
        Some(pairs.collect::<Vec<_>>().join("; ")).filter(|header| !header.is_empty())
    }
}

impl StoredCookie {
    fn belongs_to(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let hosts = if self.host_only { host == self.host } else { is_within(host, &self.host) };
        let path = url.path();
        let below = path.strip_prefix(&*self.path);
        let paths = below.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        hosts && paths && (!self.cookie.secure || url.scheme() == "https")
    }
}

/// The folder of a path (RFC 6265, 5.1.4).
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{Cookie, CookieJar};

    /// What is sent to `to` after `from` set these cookies.
    fn sent(from: &str, cookies: &[&str], to: &str) -> Option<String> {
        let url = |text: &str| Url::parse(text).unwrap();
        let mut jar = CookieJar::default();
        jar.keep(&url(from), cookies.iter().filter_map(|text| Cookie::parse(text)), 1000);
        jar.header(&url(to))
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let from = "https://www.example.com/a/b";
        for (cookie, to, goes) in [
            ("k=v", "https://www.example.com/a/c", true),
            ("k=v", "https://www.example.com/a", true),
            ("k=v", "https://www.example.com/ab", false),
            ("k=v", "https://www.example.com/", false),
            ("k=v; Path=/", "https://www.example.com/", true),
            ("k=v; Path=/", "https://www.example.com:8443/", true),
            ("k=v; Path=/", "http://www.example.com/", true),
            ("k=v; Path=/; Secure", "http://www.example.com/", false),
            ("k=v; Path=/", "https://example.com/", false),
            ("k=v; Path=/", "https://x.www.example.com/", false),
            ("k=v; Path=/; Domain=example.com", "https://login.example.com/", true),
            ("k=v; Path=/; Domain=example.com", "https://badexample.com/", false),
            ("k=v; Path=/; Domain=com", "https://www.example.com/", false),
            ("k=v; Path=/; Max-Age=0", "https://www.example.com/", false),
            ("k=v; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://www.example.com/", false),
            ("k=v; Path=/; Max-Age=5", "https://www.example.com/", true),
        ] {
            assert_eq!(sent(from, &[cookie], to), goes.then(|| "k=v".to_owned()), "{cookie} {to}");
        }
        let (here, there) = ("https://a.github.io/", "https://b.github.io/");
        assert_eq!(sent(here, &["k=v; Domain=github.io"], there), None, "neighbours have other owners");
        assert_eq!(sent("https://intranet/", &["k=v; Domain=intranet"], "https://x.intranet/"), None);
        assert_eq!(sent("https://[::1]/", &["k=v"], "https://[::1]/x"), Some("k=v".to_owned()));
    }

    #[test]
    fn the_last_of_one_name_counts_and_longer_paths_come_first() {
        let from = "https://www.example.com/a/b";
        let cookies = ["x=1; Path=/", "y=1; Path=/a", "x=2; Path=/", "z=1; Path=/", "z=; Path=/; Max-Age=0"];
        assert_eq!(sent(from, &cookies, "https://www.example.com/a/b").as_deref(), Some("y=1; x=2"));
        let many: Vec<String> = (0..100).map(|n| format!("c{n}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(sent(from, &many, "https://www.example.com/a/b").unwrap().matches(';').count(), 63, "bounded");
    }
}
