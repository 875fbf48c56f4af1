//! `openssl s_server`: what a server of one version, one that wants to know its clients, and one that has expired look like.

use super::daemon::{Daemon, free_port};
use super::peer::{OPENSSL, installed};
use super::pki::{Authority, Identity};
use super::sandbox::CliSandbox;

struct Server {
    sandbox: CliSandbox,
    authority: Authority,
}

impl Server {
    fn new() -> Self {
        let sandbox = CliSandbox::new();
        let authority = Authority::new(sandbox.path("authority"));
        Self { sandbox, authority }
    }

    fn start(&self, identity: &Identity, options: &[&str]) -> (Daemon, u16) {
        let prepare = || {
            let port = free_port();
            let mut command = OPENSSL.command();
            command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
            command.arg("-cert").arg(&identity.certificate).arg("-key").arg(&identity.key).args(options);
            (command, port)
        };
        // It says so once it listens; a connection to find out would be one more it has to serve.
        Daemon::start(&self.sandbox.path("s_server.log"), prepare, |_, output| output.contains("ACCEPT"))
    }
}

#[test]
fn a_server_of_one_version() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let server = Server::new();
    let (_daemon, port) = server.start(&server.authority.server(), &["-tls1_2"]);
    let ran = server.sandbox.run(
        &r#"
  - id: old
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {verified: true, version: TLS1.2, cipher: {matches: "^TLS_ECDHE_ECDSA_WITH_"}, resumed: false}
  - id: wants-newer
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: authority/ca.pem, min_version: TLS1.3}
    expect: {outcome: alert, alert: protocol_version, verified: {present: false}}
  - id: too-old
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {version: {ge: TLS1.3}}
"#
        .replace('@', &port.to_string()),
        &[],
    );
    ran.failed(&["too-old"]);
}

#[test]
fn a_server_that_wants_to_know_its_clients() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let server = Server::new();
    let root = server.authority.root();
    server.authority.client();
    for version in ["TLS1.2", "TLS1.3"] {
        let option = format!("-{}", version.to_lowercase().replace('.', "_"));
        let (_daemon, port) = server.start(
            &server.authority.server(),
            &["-Verify", "2", "-verify_return_error", "-CAfile", root.to_str().unwrap(), &option],
        );
        let ran = server.sandbox.run(
            &r"
  - id: stranger
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {outcome: alert, alert: {in: [certificate_required, handshake_failure]}}
  - id: known
    tls:
      host: 127.0.0.1
      port: @
      sni: www.peer.test
      ca_file: authority/ca.pem
      client_cert: authority/client.pem
      client_key: authority/client.key
    expect: {outcome: completed, verified: true, version: VERSION}
"
            .replace('@', &port.to_string())
            .replace("VERSION", version),
            &[],
        );
        ran.all_held();
    }
}

#[test]
fn the_facts_of_an_expired_certificate_are_there() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let server = Server::new();
    let expired = server.authority.expired_server();
    let (_daemon, port) = server.start(&expired, &[]);
    let ran = server.sandbox.run(
        &r"
  - id: expired
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: authority/ca.pem}
    expect: {outcome: completed, verified: false, verify_error: {matches: expired}, expires_in: {lt: 0s}}
  - id: gate
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: authority/ca.pem}
"
        .replace('@', &port.to_string()),
        &[],
    );
    ran.failed(&["gate"]);
    assert_eq!(*ran.fact("expired", "not_after"), "2020-02-01T00:00:00Z");
    assert_eq!(ran.texts("expired", "san"), expired.names());
    assert_eq!(*ran.fact("expired", "issuer"), expired.shown("-issuer").as_str());
}

/// The names that OpenSSL has for its suites are what advice about one says, so that it can be pasted into settings.
#[test]
fn suites_are_called_as_openssl_calls_them() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let listed =
        OPENSSL.command().args(["ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names = listed.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((*words.get(2)?, *words.get(4)?))
    });
    let (mut same, mut other) = (0, Vec::new());
    for (iana, openssl) in names {
        match shakedown::proto::tls::openssl_names::cipher(iana) {
            Some(name) if name == openssl => same += 1,
            // Suites of TLS 1.3 are set elsewhere; SRP is in no rule.
            None if !iana.contains("_WITH_") || iana.contains("SRP") => {}
            name => other.push(format!("{iana}: {openssl}, here {name:?}")),
        }
    }
    assert!(same > 100 && other.is_empty(), "{same} are right\n{}", other.join("\n"));
}
