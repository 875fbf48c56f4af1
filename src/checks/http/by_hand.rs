//! Commands that ask again what a check asked, for people.

use std::net::IpAddr;

use url::Url;

use super::facts::URL;
use super::fields;
use crate::checks::shared::diagnosis::{self, Peer, endpoint};
use crate::checks::shared::tls_fields::CA_FILE;
use crate::model::shell;
use crate::probe::Failure;

/// Longest body that is written into a command, bytes.
const LONGEST: usize = 200;

/// Options of curl that print when an answer began and ended, seconds.
pub(super) const TIMED: &str = "-so /dev/null -w '%{time_starttransfer} %{time_total}\\n'";

/// `curl` that times the phases of a request for a URL, at an address.
pub(super) fn timed(url: &str, address: Option<&str>) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let resolve = address.and_then(|address| resolve(&parsed, address)).map(|resolve| format!(" {resolve}"));
    // Who is asked does not change how long it takes.
    let unverified = if parsed.scheme() == "https" { "-k " } else { "" };
    Some(format!("curl {unverified}{TIMED}{} {}", resolve.unwrap_or_default(), shell::word(url)))
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
    curl_of(failure, peer, failure.text(URL.info.name).unwrap_or(failure.target), options)
}

/// `curl` with these options for a URL, at the address of a peer where both have the same port.
pub(super) fn curl_of(failure: &Failure<'_>, peer: &Peer, url: &str, options: &str) -> String {
    let parsed = Url::parse(url).ok();
    let mut parts = vec![format!("curl {options}")];
    let same_port = |url: &&Url| url.port_or_known_default() == Some(peer.port);
    parts.extend(parsed.as_ref().filter(same_port).and_then(|url| resolve(url, &peer.host)));
    if parsed.as_ref().is_some_and(|url| url.scheme() == "https") {
        if !failure.argument(&fields::VERIFY) {
            parts.push("-k".to_owned());
        } else if let Some(file) = failure.argument(&CA_FILE) {
            parts.push(format!("--cacert {}", shell::word(file.shown())));
        }
    }
    let method = failure.argument(&fields::METHOD);
    match method.as_str() {
        "GET" => {}
        "HEAD" => parts.push("-I".to_owned()),
        other => parts.push(format!("-X {}", shell::word(other))),
    }
    for (name, value) in failure.argument(&fields::HEADERS) {
        parts.push(format!("-H {}", shell::word(&format!("{name}: {value}"))));
    }
    if let Some(body) = failure.argument(&fields::BODY) {
        let shown = if body.len() <= LONGEST {
            format!("--data-raw {}", shell::word(&body))
        } else {
            "--data-binary @BODY".to_owned()
        };
        parts.push(shown);
    }
    parts.push(shell::word(url));
    parts.join(" ")
}

/// The command that shows the certificate a client gets.
pub(super) fn s_client(failure: &Failure<'_>, peer: &Peer) -> String {
    let url = Url::parse(failure.text(URL.info.name).unwrap_or(failure.target)).ok();
    diagnosis::s_client(&endpoint(peer), url.as_ref().and_then(Url::domain), "")
}
