//! A check through a proxy: what the proxy did is told apart from what the server did.

use hyper::header::{HeaderMap, HeaderName};

use super::fields::{
    ADDRESSES, Addresses, HttpVersion, PROXY, PROXY_CONNECT, PROXY_HTTP, PROXY_PASSWORD, PROXY_SOCKS5, PROXY_USER,
    RESOLVE, VERSION,
};
use super::record::note_once;
use crate::checks::shared::target::endpoint_in;
use crate::model::table::facts;
use crate::model::{Args, Choice, Fact, Invalid, Unit};
use crate::probe::Cx;
use crate::proto::http::proxy::{OUTCOMES, Proxy, ProxyProtocol};

/// What proxies say of their own errors (RFC 9209, and as Squid has it).
const ERROR_HEADERS: [&str; 2] = ["proxy-status", "x-squid-error"];

facts! { pub(super) FACTS;
    const OUTCOME: Fact<Choice> = Fact::choice(
        "proxy.outcome",
        OUTCOMES,
        "What the proxy did: `passed` the request on, was not reached, wants credentials (`unauthorized`), forbids it (`denied`) or gets no connection to the server (`no_way`).",
    );
    const STATUS: Fact<i64> = Fact::integer("proxy.status", Unit::Count, "Status by which it refused; absent where it did not.");
    const ERROR: Fact<String> = Fact::text(
        "proxy.error",
        "The error it names in an answer of its own (`proxy-status`, `x-squid-error`); absent where the answer is the server's.",
    )
    .on_breach("the answer is the proxy's, not the server's: does the proxy reach the server, and may this host use it?");
}

/// The proxy of a check.
pub(super) fn proxy(args: &Args) -> Result<Option<Proxy>, Invalid> {
    let Some(group) = args.get(&PROXY) else { return Ok(None) };
    if args.given(&RESOLVE) || args.get(&ADDRESSES) == Addresses::All {
        let help = "leave out `resolve` and `addresses`, or the proxy";
        return Err(PROXY.invalid("the proxy connects to the server, and chooses its address", help));
    }
    if args.get(&VERSION) == HttpVersion::Http3 {
        return Err(
            PROXY.invalid("QUIC does not go through a proxy here", "leave the proxy out, or write `version: 2`")
        );
    }
    let kinds = [
        (&PROXY_HTTP, ProxyProtocol::Http, None),
        (&PROXY_CONNECT, ProxyProtocol::Connect, None),
        (&PROXY_SOCKS5, ProxyProtocol::Socks5, Some(1080)),
    ];
    let mut given = kinds.into_iter().filter_map(|(field, protocol, port)| Some((group.get(field)?, protocol, port)));
    let (Some((endpoint, protocol, port)), None) = (given.next(), given.next()) else {
        return Err(PROXY
            .invalid("`proxy` needs one of `http`, `connect` and `socks5`", "write `proxy: {http: \"HOST:PORT\"}`"));
    };
    let (host, port) = endpoint_in(&PROXY, &endpoint, port)?;
    let credentials = match (group.get(&PROXY_USER), group.get(&PROXY_PASSWORD)) {
        (Some(user), Some(password)) => Some((user, super::request::of_secrets(&PROXY, &PROXY_PASSWORD, password)?)),
        (None, None) => None,
        _ => return Err(PROXY.invalid("`user` and `password` of a proxy stand together", "write both, or neither")),
    };
    let fits = |text: &str| (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
    if credentials.as_ref().is_some_and(|(user, password)| !fits(user) || user.contains(':') || !fits(password)) {
        let message = "user and password of a proxy have 1 to 255 bytes on one line, and the user no colon";
        return Err(PROXY.invalid(message, "write them as the proxy knows them"));
    }
    Ok(Some(Proxy { protocol, host, port, credentials }))
}

/// What it did.
pub(super) fn record(cx: &mut Cx<'_>, word: &'static str, status: Option<u16>) {
    cx.set(&OUTCOME, word);
    if let Some(status) = status {
        cx.set(&STATUS, i64::from(status));
    }
}

/// An error that it names itself, in an answer to a request that was handed to it whole.
pub(super) fn record_error(cx: &mut Cx<'_>, headers: &HeaderMap) {
    let values = ERROR_HEADERS.into_iter().filter_map(|name| {
        let value = headers.get(HeaderName::from_static(name))?.to_str().ok()?;
        // Of `proxy-status` only a member with an error tells of one.
        (name != "proxy-status" || value.contains("error=")).then(|| format!("{name}: {value}"))
    });
    if let Some(error) = values.reduce(|one, more| format!("{one}; {more}")) {
        note_once(cx, format!("the proxy answers in place of the server: {error}"));
        cx.set(&ERROR, error);
    }
}
