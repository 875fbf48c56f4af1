//! Commands that ask again what a check asked, for people.

use std::net::IpAddr;

use url::Url;

use super::facts::URL;
use super::fields;
use crate::checks::shared::diagnosis::{self, Peer, endpoint};
use crate::checks::shared::tls_fields::{CA_FILE, CLIENT_CERT, CLIENT_KEY, client_options};
use crate::model::Args;
use crate::model::interface::parse_url_without_zone;
use crate::model::shell::{self, command};
use crate::probe::Failure;

/// Longest body that is written into a command, bytes.
const LONGEST: usize = 200;

/// Options of curl that show an answer with its headers, and what was asked.
pub(super) const VERBOSE: &str = "-sSv";

/// Options of curl that print when each phase of an exchange with a URL ended, and nothing else.
pub(super) fn timed_options(url: &str) -> String {
    let tls = if url.starts_with("https:") { "TLS %{time_appconnect} s, " } else { "" };
    format!(
        "-sS -o /dev/null -w 'connect %{{time_connect}} s, {tls}first byte %{{time_starttransfer}} s, total %{{time_total}} s\\n'"
    )
}

/// `curl` that times the phases of a request for a URL, at an address.
pub(super) fn timed(url: &str, address: Option<&str>) -> Option<String> {
    let parsed = parse_url_without_zone(url)?;
    let resolve = address.and_then(|address| resolve(&parsed, address)).map(|resolve| format!(" {resolve}"));
    // Which authorities the suite trusts is not known here, and does not change how long it takes.
    let unverified = if parsed.scheme() == "https" { " --insecure" } else { "" };
    let options = timed_options(url);
    Some(format!("curl {options}{unverified}{} {}", resolve.unwrap_or_default(), shell::word(url)))
}

/// `--resolve`, for a URL with a name.
fn resolve(url: &Url, address: &str) -> Option<String> {
    let address: IpAddr = address.parse().ok()?;
    let address = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    let entry = format!("{}:{}:{address}", url.domain()?, url.port_or_known_default()?);
    Some(format!("--resolve {}", shell::word(&entry)))
}

/// `curl` with these options, for the last request at the address that answered it.
pub(super) fn curl(failure: &Failure<'_>, peer: &Peer, options: &str) -> String {
    curl_of(failure, peer, asked(failure), options)
}

/// The URL of the last request.
pub(super) fn asked<'f>(failure: &Failure<'f>) -> &'f str {
    failure.text(URL.info.name).unwrap_or(failure.target)
}

/// `curl` with these options for a URL, at the address of a peer where both have the same port. It stands in a text, as a
/// command that is whole; where the body is too long for one, words say what to do.
pub(super) fn curl_of(failure: &Failure<'_>, peer: &Peer, url: &str, options: &str) -> String {
    let parsed = parse_url_without_zone(url);
    let mut parts = vec![format!("curl {options}")];
    let proxy = failure.argument(&fields::PROXY);
    let same_port = |url: &&Url| url.port_or_known_default() == Some(peer.port) && proxy.is_none();
    parts.extend(parsed.as_ref().filter(same_port).and_then(|url| resolve(url, &peer.host)));
    parts.extend(proxy.iter().flat_map(through));
    if failure.argument(&fields::VERSION) == fields::HttpVersion::Http3 {
        parts.push("--http3-only".to_owned());
    }
    if parsed.as_ref().is_some_and(|url| url.scheme() == "https") {
        parts.extend(tls(failure));
    }
    let (content, is_long) = content(failure);
    parts.extend(head(failure, !content.is_empty()));
    parts.extend(content);
    parts.push(shell::word(url));
    let line = command(&parts.join(" "));
    if is_long { format!("{line}; then paste the body of the suite, and end it with Ctrl-D") } else { line }
}

/// The proxy; curl asks for its password by itself.
fn through(proxy: &Args) -> Vec<String> {
    let options =
        [("-x", &fields::PROXY_HTTP), ("-px", &fields::PROXY_CONNECT), ("--socks5-hostname", &fields::PROXY_SOCKS5)];
    let given = options.into_iter().filter_map(|(option, field)| Some((option, proxy.get(field)?)));
    let mut parts: Vec<String> =
        given.map(|(option, endpoint)| format!("{option} {}", shell::word(endpoint.shown()))).collect();
    parts.extend(proxy.get(&fields::PROXY_USER).map(|user| format!("-U {}", shell::word(user.shown()))));
    parts
}

/// Method, headers and credentials; curl asks for the password by itself.
fn head(failure: &Failure<'_>, sends: bool) -> Vec<String> {
    let mut parts = Vec::new();
    match failure.argument(&fields::METHOD).as_deref() {
        // With something to send, curl and a check both take POST.
        None => {}
        Some("GET") if !sends => {}
        Some("HEAD") => parts.push("-I".to_owned()),
        Some(other) => parts.push(format!("-X {}", shell::word(other))),
    }
    for (name, values) in failure.argument(&fields::HEADERS) {
        // After a colon alone curl leaves the header out; after a semicolon it sends it without a value.
        let header = |value: &String| if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        parts.extend(values.iter().map(|value| format!("-H {}", shell::word(&header(value)))));
    }
    if failure.argument(&fields::EXPECT_CONTINUE) {
        parts.push("-H 'Expect: 100-continue'".to_owned());
    }
    if let Some(auth) = failure.argument(&fields::AUTH) {
        parts.push(match auth.get(&fields::USER) {
            Some(user) => format!("-u {}", shell::word(user.shown())),
            None => "-H 'Authorization: Bearer ***'".to_owned(),
        });
    }
    parts
}

/// What is sent, and whether it is too long for a command.
fn content(failure: &Failure<'_>) -> (Vec<String>, bool) {
    let mut parts = Vec::new();
    if let Some(file) = failure.argument(&fields::BODY_FILE) {
        parts.push(format!("--data-binary {}", shell::word(&format!("@{}", file.shown()))));
    }
    for (name, values) in failure.argument(&fields::FORM) {
        parts.extend(values.iter().map(|v| format!("--data-urlencode {}", shell::word(&format!("{name}={v}")))));
    }
    let document = failure.argument(&fields::JSON).map(|document| document.shown().to_owned());
    if document.is_some() {
        parts.push("-H 'Content-Type: application/json'".to_owned());
    }
    let Some(body) = document.or(failure.argument(&fields::BODY)) else { return (parts, false) };
    let is_long = body.len() > LONGEST;
    parts.push(if is_long { "--data-binary @-".to_owned() } else { format!("--data-raw {}", shell::word(&body)) });
    (parts, is_long)
}

/// How the server's certificate is verified, and which one it is shown.
fn tls(failure: &Failure<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    if !failure.argument(&fields::VERIFY) {
        parts.push("--insecure".to_owned());
    } else if let Some(file) = failure.argument(&CA_FILE) {
        parts.push(format!("--cacert {}", shell::word(file.shown())));
    }
    if let Some(file) = failure.argument(&CLIENT_CERT) {
        // What stands after a colon were a password.
        let file = file.shown().replace('\\', r"\\").replace(':', r"\:");
        parts.push(format!("--cert {}", shell::word(&file)));
    }
    parts.extend(failure.argument(&CLIENT_KEY).map(|file| format!("--key {}", shell::word(file.shown()))));
    parts
}

/// The command that shows the certificate a client gets.
pub(super) fn s_client(failure: &Failure<'_>, peer: &Peer) -> String {
    let url = parse_url_without_zone(asked(failure));
    diagnosis::s_client(&endpoint(peer), url.as_ref().and_then(Url::domain), &client_options(failure))
}
