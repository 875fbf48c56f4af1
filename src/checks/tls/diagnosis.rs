//! Why a check failed.

use super::facts::{
    ADDRESS, ALPN, COMPLETED, HANDSHAKE_TIME, OUTCOME, SAN, SCANNED, SUBJECT, VERIFIED, VERIFY_ERROR, VERSION,
};
use super::fields;
use crate::checks::shared::diagnosis::{
    Peer, certificate, ending, endpoint, one_version, s_client, slow, some_addresses, split, unconnected,
};
use crate::checks::shared::tls_fields::{CA_FILE, client_options};
use crate::model::Value;
use crate::model::record::{EXPIRED, Outcome};
use crate::model::shell::{self, command};
use crate::probe::{Diagnosis, Failure, PhaseInfo};
use crate::proto::tls::openssl_names;

/// What to look at when a phase takes most of the time.
pub(super) const PHASES: &[PhaseInfo] = &[
    PhaseInfo::new(
        "connect_time",
        "the connection is slow: the path, lost SYNs, or a full queue of connections (`ss -ltn` on the host)",
    ),
    PhaseInfo::new(
        "starttls_time",
        "the service is slow before TLS begins: look at its load and at its lookups (reverse DNS)",
    ),
    PhaseInfo::new(
        HANDSHAKE_TIME.info.name,
        "the handshake is slow: look at the load of what terminates TLS, and at the path's round trips",
    ),
];

/// Facts of how long a certificate lasts.
const LASTING: &[&str] =
    &["expires_in", "chain.expires_in", "path.expires_in", "certificates.expires_in", "scan.expires_in"];

pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let server = Server::of(failure);
    if let Some(breach) = failure.breach(OUTCOME.info.name) {
        let mut diagnosis = unconnected(failure, &OUTCOME, &server.peer).or_else(|| other(failure, breach, &server))?;
        let (failed, all) = (failure.list("addresses.failed"), failure.list("addresses"));
        if let Some(cause) = some_addresses(&failed, &all, &ending(failure, breach)).filter(|_| all.len() > 1) {
            if cause.contains(" is dead, ") {
                diagnosis.next = one_version(&server.peer.host, server.peer.port);
            }
            diagnosis.cause = cause;
        }
        return Some(diagnosis);
    }
    if failure.breach(VERIFIED.info.name).or_else(|| failure.breach(VERIFY_ERROR.info.name)).is_some()
        && let Some(why) = failure.text(VERIFY_ERROR.info.name)
    {
        return Some(unverified(failure, why, &server));
    }
    if let Some(breach) = LASTING.iter().find_map(|fact| failure.breach(fact)) {
        return Some(lasting(failure, breach, &server));
    }
    if let Some(breach) = failure.breach("scan.versions").or_else(|| failure.breach("scan.weak")) {
        return Some(settings(failure, breach, &server));
    }
    if let Some(breach) = failure.breach(ALPN.info.name).filter(|_| failure.text(VERSION.info.name).is_some()) {
        return alpn(failure, breach, &server);
    }
    let breach = PHASES.iter().find_map(|phase| failure.breach(phase.fact))?;
    slow(failure, breach, &server.peer)
}

/// Who answered, and how to ask again.
struct Server {
    peer: Peer,
    name: String,
    /// Options that show it the client certificate of the suite.
    client: String,
}

impl Server {
    fn of(failure: &Failure<'_>) -> Self {
        let client = client_options(failure);
        let peer = Peer::of(failure, 't');
        let (host, _) = split(failure.target);
        let named = [failure.argument(&fields::SNI), failure.argument(&fields::VERIFY_NAME)];
        let name = named.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_else(|| host.to_owned());
        Self { peer, name, client }
    }

    fn endpoint(&self) -> String {
        endpoint(&self.peer)
    }

    /// The command that shows what a client sees, with these options of `openssl s_client`.
    fn s_client(&self, options: &str) -> String {
        command(&self.unmarked(options, ""))
    }

    /// The same, with what comes after it in the pipe.
    fn piped(&self, options: &str, into: &str) -> String {
        command(&self.unmarked(options, into))
    }

    fn unmarked(&self, options: &str, into: &str) -> String {
        let name = Some(&*self.name).filter(|name| name.parse::<std::net::IpAddr>().is_err());
        let options: Vec<&str> = [options, &self.client].into_iter().filter(|part| !part.is_empty()).collect();
        s_client(&self.endpoint(), name, &options.join(" ")) + into
    }
}

fn other(failure: &Failure<'_>, breach: &Outcome, server: &Server) -> Option<Diagnosis> {
    let show = server.s_client("");
    let next = match failure.word(&OUTCOME)? {
        "alert" => alert(failure, server),
        "not_tls" => format!("another service on this port, or plain text first (field `starttls`)? see what answers: {show}"),
        "service_refused" => "the service refuses this client before TLS begins: is it overloaded, or is this address blocked there?".to_owned(),
        "no_starttls" => "the server offers no STARTTLS: is TLS configured there (certificate and key readable), and are port and protocol right?".to_owned(),
        COMPLETED | SCANNED => {
            let cause = format!("{} completes the handshake, where it should not (expected: {})", server.endpoint(), breach.in_words());
            return Some(Diagnosis::new(cause, format!("look at the TLS settings there; by hand: {show}")));
        }
        _ => return None,
    };
    Some(Diagnosis::new(ending(failure, breach), next))
}

/// The next step after an alert of the server, or one of this side.
fn alert(failure: &Failure<'_>, server: &Server) -> String {
    let show = server.s_client("");
    match failure.text("alert").unwrap_or_default() {
        "protocol_version" => format!("no TLS version in common: compare the versions the server allows with those asked for: {}", server.s_client("-tls1_2")),
        "handshake_failure" | "insufficient_security" => {
            format!("no cipher suite, group or kind of certificate in common, or a client certificate is wanted; by hand: {show}")
        }
        "unrecognized_name" => "the server knows no host of this name (SNI): is `sni` right, and is the virtual host configured there?".to_owned(),
        "no_application_protocol" => "the server speaks none of the protocols of `alpn`: is that one enabled there?".to_owned(),
        "certificate_required" | "bad_certificate" | "unknown_ca" | "certificate_unknown" | "certificate_expired" | "access_denied" => {
            "the server wants a client certificate it accepts: set client_cert and client_key, or look at what it trusts".to_owned()
        }
        "internal_error" => "the server failed in the handshake: look into its log (certificate and key readable, and fitting each other?)".to_owned(),
        _ => format!("look into the server's log for this handshake, and repeat it: {show}"),
    }
}

/// The certificate is not to be trusted: whose, why, and what mends that.
fn unverified(failure: &Failure<'_>, why: &str, server: &Server) -> Diagnosis {
    let subject = failure.text(SUBJECT.info.name).map(|subject| format!(" ({subject})")).unwrap_or_default();
    let address = failure.text(ADDRESS.info.name).map_or_else(|| failure.target.to_owned(), |_| server.endpoint());
    let cause = format!("the certificate of {address}{subject} does not verify: {why}");
    let said = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let next = if said(&["expired since", "expired on"]) {
        format!(
            "renew it and reload the server, and look why its renewal did not run; what it shows now: {}",
            server.piped("", " | openssl x509 -noout -dates -subject")
        )
    } else if said(&["not valid for"])
        && let Some(command) = by_name(failure, server)
    {
        format!(
            "an address was asked, and no name (`sni`): ask for the one that clients use: {command}; else load a certificate there that \
             is valid for the address"
        )
    } else if said(&["not valid for"]) {
        format!(
            "load the certificate of this name there (nginx: ssl_certificate, haproxy: crt) and reload; what it shows now: {}",
            server.piped("", " | openssl x509 -noout -subject -ext subjectAltName")
        )
    } else if said(&["not valid before"]) {
        "is the clock of this host right (`date -u`)? else the certificate was deployed too early".to_owned()
    } else if said(&["revoked"]) {
        "replace the certificate, with a new key; find out why it was revoked first".to_owned()
    } else {
        format!(
            "let the server send the whole chain, or give `ca_file` for a private CA; what it sends now: {}",
            server.s_client("-showcerts")
        )
    };
    Diagnosis::new(cause, next).group(certificate(why))
}

/// The command that asks an address for a name of its certificate, where no name was asked for.
fn by_name(failure: &Failure<'_>, server: &Server) -> Option<String> {
    let _: std::net::IpAddr = server.name.parse().ok()?;
    // A pattern is not a name that could be asked for.
    let name = failure.list(SAN.info.name).into_iter().find(|name| {
        name.contains('.') && !name.contains(['*', ':', '@', '/']) && name.parse::<std::net::IpAddr>().is_err()
    })?;
    let trusting = failure.argument(&CA_FILE).map(|file| format!(" ca_file={}", shell::word(file.shown())));
    let endpoint = shell::word(&server.endpoint());
    Some(command(&format!("shakedown probe tls {endpoint} sni={}{}", shell::word(name), trusting.unwrap_or_default())))
}

/// Another application protocol than expected, or none.
fn alpn(failure: &Failure<'_>, breach: &Outcome, server: &Server) -> Option<Diagnosis> {
    let offered = failure.argument(&fields::ALPN);
    if offered.is_empty() {
        return None;
    }
    let chosen = failure.text(ALPN.info.name).unwrap_or("none");
    let list = offered.join(", ");
    let cause = format!(
        "{} chose {chosen} of the application protocols offered ({list}); expected {} (alpn)",
        server.endpoint(),
        breach.in_words()
    );
    let show = server.s_client(&format!("-alpn {}", shell::word(&offered.join(","))));
    let next =
        format!("is the protocol enabled there, and on what terminates TLS before it? see what it chooses: {show}");
    Some(Diagnosis::new(cause, next))
}

/// A certificate that does not last long enough.
fn lasting(failure: &Failure<'_>, breach: &Outcome, server: &Server) -> Diagnosis {
    let until = failure.text("not_after").map(|until| format!(" (leaf until {until})")).unwrap_or_default();
    let what = if &*breach.fact == "expires_in" { "the certificate" } else { "a certificate" };
    let over = breach.got.as_ref().is_some_and(|got| got.starts_with(EXPIRED));
    let how = if over { "has expired" } else { "runs out too early" };
    let cause = format!("{what} of {} {how}{until}: {}", server.endpoint(), breach.sentence());
    let next = format!(
        "renew it and reload the server, and look why its renewal did not run; what it shows now: {}",
        server.piped("-showcerts", " | openssl x509 -noout -dates -subject")
    );
    Diagnosis::new(cause, next)
}

/// Versions or weak suites that should not be there.
fn settings(failure: &Failure<'_>, breach: &Outcome, server: &Server) -> Diagnosis {
    let endpoint = server.endpoint();
    if &*breach.fact == "scan.versions" {
        return versions(&failure.list("scan.versions"), breach, server);
    }
    let weak = failure.list("scan.weak");
    let count = failure.value("scan.weak").and_then(Value::as_array).map_or(0, Vec::len);
    let suites = if count == 1 { "1 weak cipher suite".to_owned() } else { format!("{count} weak cipher suites") };
    let shown = weak.iter().take(4).map(|entry| weakness(entry)).collect::<Vec<_>>().join(", ");
    let cause = format!("{endpoint} accepts {suites}: {shown}; expected {}", breach.in_words());
    let them = if count == 1 { "it" } else { "them" };
    let first = weak.first().and_then(|entry| openssl_names::cipher(entry.rsplit(' ').next()?));
    let by_hand = match first {
        Some(name) => {
            let options = format!("-tls1_2 -cipher {name}:@SECLEVEL=0");
            format!(
                "OpenSSL calls {} {name}, and then this must fail: {}",
                if count == 1 { "it" } else { "the first" },
                server.s_client(&options)
            )
        }
        None => {
            let (at, name) = (shell::word(&endpoint), shell::word(&server.name));
            format!("then look again: {}", command(&format!("shakedown probe tls {at} sni={name} scan=true")))
        }
    };
    let next = format!(
        "take {them} out of the list of ciphers (nginx: ssl_ciphers, haproxy: ciphers) on every node, and reload; {by_hand}"
    );
    Diagnosis::new(cause, next)
}

/// Versions, and the option of `openssl s_client` that offers it alone.
const VERSIONS: &[(&str, &str)] =
    &[("TLS1.0", "-tls1"), ("TLS1.1", "-tls1_1"), ("TLS1.2", "-tls1_2"), ("TLS1.3", "-tls1_3")];

/// Versions that should not be there, or of which one is missing.
fn versions(taken: &[&str], breach: &Outcome, server: &Server) -> Diagnosis {
    let (endpoint, wanted) = (server.endpoint(), breach.in_words());
    let extra: Vec<&str> = taken.iter().copied().filter(|version| !wanted.contains(version)).collect();
    let ask = |version: &&str| {
        let option = VERSIONS.iter().find(|(name, _)| name == version)?.1;
        Some(server.s_client(&format!("{option} -cipher ALL:@SECLEVEL=0")))
    };
    let commands = |versions: &[&str]| versions.iter().filter_map(ask).collect::<Vec<_>>().join("; ");
    if extra.is_empty() {
        let cause = format!("{endpoint} accepts {}; expected {wanted}", taken.join(", "));
        let named = VERSIONS.iter().map(|(name, _)| *name).filter(|name| wanted.contains(name));
        let missing: Vec<&str> = named.filter(|name| !taken.contains(name)).collect();
        let next = format!(
            "allow the missing version there (nginx: ssl_protocols, haproxy: ssl-max-ver), on every node; then this must succeed: {}",
            commands(&missing)
        );
        return Diagnosis::new(cause, next);
    }
    let cause = format!("{endpoint} accepts {}; expected {wanted}", extra.join(", "));
    let lowest = VERSIONS.iter().map(|(name, _)| *name).find(|name| wanted.contains(name));
    let lowest = lowest.map(|name| format!(" {}", name.replace("TLS", "TLSv"))).unwrap_or_default();
    let must = if extra.len() == 1 { "this must fail" } else { "each of these must fail" };
    let next = format!(
        "forbid them on every node (haproxy: ssl-min-ver{lowest}; nginx: ssl_protocols without them) and reload; then {must}: {}",
        commands(&extra)
    );
    Diagnosis::new(cause, next)
}

/// A suite with what is weak about it, of `NULL TLS_ECDHE_ECDSA_WITH_NULL_SHA`.
fn weakness(entry: &str) -> String {
    let Some((word, suite)) = entry.split_once(' ') else { return entry.to_owned() };
    let meaning = match word {
        "NULL" => "no encryption",
        "anonymous" => "no authentication",
        "export" => "export grade",
        other => other,
    };
    format!("{suite} ({meaning})")
}
