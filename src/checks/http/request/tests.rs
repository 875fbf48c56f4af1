use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use url::Url;

use super::{Request, redirect, url};
use crate::model::{Arg, Args};
use crate::proto::http::Version;

fn args(pairs: &[(&'static str, &str)], headers: &[(&str, &str)]) -> Args {
    let mut args = Args::default();
    for (name, value) in pairs {
        args.0.insert(name, Arg::Text((*value).into()));
    }
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Arg::Text((*value).into()))).collect();
    args.0.insert("headers", Arg::Map(headers));
    args
}

fn at(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn urls_that_cannot_be_asked_are_refused() {
    for text in ["ftp://x.example/", "https://user@x.example/", "https://u:p@x.example/", "not a url", "http://"] {
        assert_eq!(url(&args(&[("url", text)], &[])).unwrap_err().field, "url", "{text}");
    }
    assert_eq!(url(&args(&[("url", "http://x.example/a#b")], &[])).unwrap().as_str(), "http://x.example/a");
}

#[test]
fn headers_and_methods_are_checked() {
    for (name, value) in
        [("a b", "x"), ("content-length", "3"), ("expect", "100-continue"), ("x", "a\r\nb: c"), ("host", "a@b")]
    {
        assert_eq!(Request::from_args(&args(&[], &[(name, value)])).unwrap_err().field, "headers", "{name}");
    }
    for method in ["get", "CONNECT", "A B"] {
        assert_eq!(Request::from_args(&args(&[("method", method)], &[])).unwrap_err().field, "method", "{method}");
    }
}

#[test]
fn what_is_sent_decides_the_method_that_nobody_wrote() {
    for (pairs, want) in [
        (&[][..], Some("GET")),
        (&[("body", "")], Some("POST")),
        (&[("json", "{}")], Some("POST")),
        (&[("json", "{}"), ("method", "GET")], Some("GET")),
        (&[("body", "x"), ("method", "TRACE")], None),
    ] {
        let request = Request::from_args(&args(pairs, &[]));
        assert_eq!(request.as_ref().ok().map(|request| request.method.as_str()), want, "{pairs:?}");
    }
}

#[test]
fn a_document_names_its_type_unless_the_suite_does() {
    for (headers, want) in
        [(&[][..], "application/json"), (&[("Content-Type", "application/ld+json")], "application/ld+json")]
    {
        let request = Request::from_args(&args(&[("json", "{}")], headers)).unwrap();
        assert_eq!(request.headers["content-type"], want);
    }
}

#[test]
fn a_header_is_sent_as_often_as_it_has_values() {
    let mut args = args(&[], &[]);
    let values = |values: &[&str]| Arg::List(values.iter().map(|value| Arg::Text((*value).into())).collect());
    args.0.insert("headers", Arg::Map(vec![("x-a".to_owned(), values(&["1", "2"]))]));
    let sent = Request::from_args(&args).unwrap().for_url(&at("http://x.example/"), Version::Http1).unwrap();
    assert_eq!(sent.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    args.0.insert("headers", Arg::Map(vec![("host".to_owned(), values(&["a", "b"]))]));
    assert_eq!(Request::from_args(&args).unwrap_err().message, "a request has one `host`");
}

#[test]
fn a_body_waits_only_where_there_is_one_and_where_it_can() {
    let with = |pairs: &[(&'static str, &str)]| {
        let mut args = args(pairs, &[]);
        args.0.insert("expect_continue", Arg::Bool(true));
        Request::from_args(&args)
    };
    assert_eq!(with(&[]).unwrap_err().message, "there is no body that could wait");
    assert!(with(&[("body", "b"), ("version", "2")]).is_err());
    let request = with(&[("body", "b")]).unwrap();
    assert_eq!((request.headers["expect"].to_str().unwrap(), request.was_asked_for()), ("100-continue", Some(false)));
}

#[test]
fn the_host_goes_where_the_version_wants_it() {
    let request = Request::from_args(&args(&[], &[])).unwrap();
    let one = request.for_url(&at("http://x.example:8080/a?b=1"), Version::Http1).unwrap();
    assert_eq!((one.uri().to_string(), one.headers()["host"].to_str().unwrap()), ("/a?b=1".into(), "x.example:8080"));
    let two = request.for_url(&at("https://[::1]/"), Version::Http2).unwrap();
    assert_eq!((two.uri().to_string(), two.headers().get("host")), ("https://[::1]/".into(), None));
    let other = Request::from_args(&args(&[], &[("Host", "site.example")])).unwrap();
    assert_eq!(other.for_url(&at("https://x.example/"), Version::Http2).unwrap().uri().host(), Some("site.example"));
}

#[test]
fn secrets_stay_with_their_origin() {
    let secrets = [
        ("authorization", "Bearer s"),
        ("cookie", "s=1"),
        ("x-api-key", "s"),
        ("x-trace", "1"),
        ("accept-language", "de"),
        ("User-Agent", "mine"),
        ("host", "site.example"),
    ];
    for (to, kept) in [
        ("https://x.example/b", true),
        ("https://y.example/b", false),
        ("http://x.example/b", false),
        ("https://x.example:444/b", false),
    ] {
        let mut request = Request::from_args(&args(&[], &secrets)).unwrap();
        request.redirected(StatusCode::FOUND, &at("https://x.example/a"), &at(to));
        let sent = request.for_url(&at(to), Version::Http1).unwrap();
        for name in ["authorization", "cookie", "x-api-key", "x-trace"] {
            assert_eq!(sent.headers().contains_key(name), kept, "{name} to {to}");
        }
        for (name, value) in [("accept", "*/*"), ("accept-language", "de"), ("user-agent", "mine")] {
            assert_eq!(sent.headers()[name], value, "{name} to {to}");
        }
        assert_eq!(sent.headers()["host"] == "site.example", kept, "{to}");
    }
}

#[test]
fn methods_change_as_the_status_demands() {
    for (status, method, want) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let headers = [("content-type", "text/plain")];
        let mut request = Request::from_args(&args(&[("method", method), ("body", "b")], &headers)).unwrap();
        let here = at("http://x.example/");
        request.redirected(StatusCode::from_u16(status).unwrap(), &here, &here);
        assert_eq!(request.method, Method::from_bytes(want.as_bytes()).unwrap(), "{status} {method}");
        let changed = method != want;
        assert_eq!(request.body.is_empty(), changed);
        assert_eq!(request.headers.contains_key("content-type"), !changed);
    }
}

#[test]
fn a_body_stays_with_its_origin() {
    let (here, there) = (at("https://x.example/"), at("https://y.example/"));
    for (status, method, body, given) in [
        (307, "POST", "b", true),
        (308, "PUT", "b", true),
        (302, "PUT", "b", true),
        (302, "POST", "b", false),
        (303, "PUT", "b", false),
        (307, "POST", "", false),
    ] {
        let request = Request::from_args(&args(&[("method", method), ("body", body)], &[])).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(request.gives_body_away(status, &here, &there), given, "{status} {method} {body:?}");
        assert!(!request.gives_body_away(status, &here, &here));
    }
}

#[test]
fn a_redirect_leads_somewhere_that_can_be_asked() {
    let from = at("https://x.example/a/b?c");
    let lead = |status: StatusCode, location: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_str(location).unwrap());
        redirect(&from, status, &headers)
    };
    let found = StatusCode::FOUND;
    assert_eq!(lead(found, "../d").unwrap().unwrap().as_str(), "https://x.example/d");
    assert_eq!(lead(found, "//y.example/#f").unwrap().unwrap().as_str(), "https://y.example/");
    assert_eq!(lead(found, "http://u:p@y.example/").unwrap().unwrap().as_str(), "http://y.example/");
    for nowhere in ["mailto:x@y.example", "file:///etc/passwd", "http://", "https://[::1"] {
        assert!(lead(found, nowhere).unwrap().is_err(), "{nowhere}");
    }
    assert!(lead(StatusCode::OK, "/d").is_none());
    assert!(lead(StatusCode::NOT_MODIFIED, "/d").is_none());
    assert!(redirect(&from, found, &HeaderMap::new()).is_none());
}
