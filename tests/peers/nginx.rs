//! nginx: HTTP over TLS as most of the world serves it.

use serde_json::json;

use super::daemon::{Daemon, free_port, listens};
use super::peer::{NGINX, OPENSSL, installed};
use super::pki::{Authority, Identity};
use super::sandbox::{CliSandbox, Ran};

struct Web {
    sandbox: CliSandbox,
    server: Identity,
    https: u16,
    http: u16,
    _daemon: Daemon,
}

impl Web {
    /// nginx with a certificate of authority `right`; there is an authority `wrong` as well.
    fn start() -> Self {
        let sandbox = CliSandbox::new();
        let server = Authority::new(sandbox.path("right")).server();
        Authority::new(sandbox.path("wrong"));
        let prepare = || {
            let (https, http) = (free_port(), free_port());
            let config = config(sandbox.folder().to_str().unwrap(), &server, https, http);
            let mut command = NGINX.command();
            command.arg("-p").arg(sandbox.folder()).arg("-e").arg(sandbox.path("error.log"));
            command.arg("-c").arg(sandbox.write("nginx.conf", &config));
            (command, (https, http))
        };
        let ready = |(https, http): &(u16, u16), _: &str| listens(*https) && listens(*http);
        let (daemon, (https, http)) = Daemon::start(&sandbox.path("nginx.log"), prepare, ready);
        Self { sandbox, server, https, http, _daemon: daemon }
    }

    fn run(&self, checks: &str) -> Ran {
        let checks = checks.replace("@HTTPS", &self.https.to_string()).replace("@HTTP", &self.http.to_string());
        self.sandbox.run(&checks, &[])
    }
}

fn config(folder: &str, server: &Identity, https: u16, http: u16) -> String {
    let (certificate, key) = (server.certificate.display(), server.key.display());
    // One process: no workers under another user, who could not read the scratch folder.
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{https} ssl http2;
        server_name www.peer.test;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location = /health {{ default_type application/json; return 200 '{{\"status\":\"ok\",\"pool\":{{\"up\":3}}}}'; }}
        location = /missing {{ return 404; }}
    }}
    server {{
        listen 127.0.0.1:{http};
        location / {{ return 301 https://www.peer.test:{https}$request_uri; }}
    }}
}}
"
    )
}

#[test]
fn health_over_both_versions_and_redirects() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let web = Web::start();
    let ran = web.run(
        r#"
  - id: health
    matrix: {version: ["1.1", "2"]}
    http: {url: "https://www.peer.test:@HTTPS/health", resolve: 127.0.0.1, ca_file: right/ca.pem, version: "${matrix.version}"}
    expect: {outcome: answered, status: 200, headers.server: {matches: "^nginx/"}, body.json.status: ok, body.json.pool.up: 3}
  - id: agreed
    http: {url: "https://www.peer.test:@HTTPS/health", resolve: 127.0.0.1, ca_file: right/ca.pem}
    expect: {version: HTTP/2, certificate.expires_in: {between: [6d, 7d]}}
  - id: to-https
    http: {url: "http://127.0.0.1:@HTTP/health"}
    expect: {status: 301, headers.location: "https://www.peer.test:@HTTPS/health"}
  - id: missing
    http: {url: "https://www.peer.test:@HTTPS/missing", resolve: 127.0.0.1, ca_file: right/ca.pem}
    expect: {status: 404}
"#,
    );
    ran.all_held();
    assert_eq!(*ran.fact("health[version=1.1]", "version"), "HTTP/1.1");
    assert_eq!(*ran.fact("health[version=2]", "version"), "HTTP/2");
    assert_eq!(*ran.fact("health[version=2]", "body.json"), json!({"status": "ok", "pool": {"up": 3}}));
}

#[test]
fn an_authority_that_did_not_sign_it_is_not_trusted() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let web = Web::start();
    let checks = r#"
  - id: trusted
    http: {url: "https://www.peer.test:@HTTPS/health", resolve: 127.0.0.1, ca_file: right/ca.pem}
  - id: wrong-authority
    http: {url: "https://www.peer.test:@HTTPS/health", resolve: 127.0.0.1, ca_file: wrong/ca.pem}
  - id: wrong-name
    http: {url: "https://other.test:@HTTPS/health", resolve: 127.0.0.1, ca_file: right/ca.pem}
  - id: wrong-status
    http: {url: "https://www.peer.test:@HTTPS/missing", resolve: 127.0.0.1, ca_file: right/ca.pem}
  - id: wrong-body
    http: {url: "https://www.peer.test:@HTTPS/health", resolve: 127.0.0.1, ca_file: right/ca.pem}
    expect: {body.json.status: down}
  - id: wrong-authority-tls
    tls: {host: 127.0.0.1, port: @HTTPS, sni: www.peer.test, ca_file: wrong/ca.pem}
"#;
    let ran = web.run(checks);
    ran.failed(&["wrong-authority", "wrong-name", "wrong-status", "wrong-body", "wrong-authority-tls"]);
    for id in ["wrong-authority", "wrong-name"] {
        assert_eq!(*ran.fact(id, "outcome"), "untrusted");
        assert!(ran.fact(id, "status").is_null(), "nothing was asked: {}", ran.shown);
    }
    assert_eq!(*ran.fact("wrong-authority-tls", "outcome"), "completed");
    assert_eq!(*ran.fact("wrong-authority-tls", "verified"), false);
    let expected = checks.replace(
        "wrong/ca.pem}\n  - id: wrong-name",
        "wrong/ca.pem}\n    expect: {outcome: untrusted}\n  - id: wrong-name",
    );
    web.run(&expected).failed(&["wrong-name", "wrong-status", "wrong-body", "wrong-authority-tls"]);
}

#[test]
fn facts_of_the_certificate_are_those_openssl_prints() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let web = Web::start();
    let ran = web.run(
        r#"
  - id: tls
    matrix: {version: [TLS1.2, TLS1.3]}
    tls:
      host: 127.0.0.1
      port: @HTTPS
      sni: www.peer.test
      ca_file: right/ca.pem
      alpn: [h2, http/1.1]
      min_version: "${matrix.version}"
      max_version: "${matrix.version}"
    expect: {verified: true, version: "${matrix.version}", alpn: h2, key: ECDSA P-256, chain.length: 1}
"#,
    );
    ran.all_held();
    for id in ["tls[version=TLS1.2]", "tls[version=TLS1.3]"] {
        assert_eq!(ran.texts(id, "san"), web.server.names());
        let text =
            |fact: &str| ran.fact(id, fact).as_str().unwrap_or_else(|| panic!("no {fact}: {}", ran.shown)).to_owned();
        assert_eq!(text("issuer"), web.server.shown("-issuer"));
        assert_eq!(text("subject"), web.server.shown("-subject"));
        assert_eq!(text("serial"), web.server.shown("-serial").to_lowercase());
        assert_eq!(text("fingerprint.sha256"), fingerprint(&web.server));
        for (fact, option) in [("not_before", "-startdate"), ("not_after", "-enddate")] {
            assert_eq!(text(fact), web.server.shown(option).replace(' ', "T").replace("TZ", "Z"));
        }
    }
}

fn fingerprint(server: &Identity) -> String {
    server.shown("-fingerprint").replace(':', "").to_lowercase()
}
