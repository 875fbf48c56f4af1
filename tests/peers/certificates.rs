//! Beyond one handshake: the certificate the other half of the clients gets, the order of the chain, what the
//! authority says of it. `openssl` makes all of it, and judges it as well.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::daemon::{Daemon, free_port, listens};
use super::peer::{NGINX, OPENSSL, installed};
use super::pki::{Authority, Identity, NEW_KEY, NEW_RSA_KEY};
use super::sandbox::{CliSandbox, rows};

pub const SERVER: &str = "basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = serverAuth\n\
    subjectAltName = DNS:www.peer.test, DNS:leaf\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n";
pub const WEEK: [&str; 2] = ["-days", "7"];
const LONG_AGO: [&str; 4] = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];

/// The verdict of `openssl`.
fn judge(args: &[&str], folder: &Path) -> String {
    let output = OPENSSL.command().current_dir(folder).args(args).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// nginx with these lines in its TLS server, which listens on `@HTTPS`; plain files of the folder are on `@HTTP`.
pub fn nginx(sandbox: &CliSandbox, mut lines: impl FnMut(u16) -> String) -> (Daemon, u16, u16) {
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    let prepare = || {
        let (https, http) = (free_port(), free_port());
        let lines = lines(http);
        let config = format!(
            "daemon off; master_process off; pid {folder}/nginx.pid; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off; default_type application/pkix-crl;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{https} ssl; server_name www.peer.test; ssl_protocols TLSv1.2 TLSv1.3; {lines} }}
    server {{ listen 127.0.0.1:{http}; root {folder}/public; }}
}}
"
        );
        let mut command = NGINX.command();
        command.arg("-p").arg(sandbox.folder()).arg("-e").arg(sandbox.path("error.log"));
        command.arg("-c").arg(sandbox.write("nginx.conf", &config));
        (command, (https, http))
    };
    let ready = |(https, http): &(u16, u16), _: &str| listens(*https) && listens(*http);
    let (daemon, (https, http)) = Daemon::start(&sandbox.path("nginx.log"), prepare, ready);
    (daemon, https, http)
}

pub fn shows(identity: &Identity) -> String {
    format!("ssl_certificate {}; ssl_certificate_key {};", identity.certificate.display(), identity.key.display())
}

#[test]
fn a_second_expired_certificate_is_found_behind_nginx() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let sandbox = CliSandbox::new();
    let authority = Authority::new(sandbox.path("right"));
    let good = authority.issued("www.peer.test", &NEW_KEY, SERVER, &WEEK);
    let bad = authority.issued("leaf", &NEW_RSA_KEY, SERVER, &LONG_AGO);
    let (_daemon, https, _) = nginx(&sandbox, |_| format!("{}{}", shows(&good), shows(&bad)));
    let checks = "
  - id: one
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: right/ca.pem}
    expect: {verified: true, expires_in: {gt: 5d}, lint: {exactly: []}}
  - id: every
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: right/ca.pem, certificates: all}
  - id: known
    tls: {host: 127.0.0.1, port: @, sni: www.peer.test, ca_file: right/ca.pem, certificates: all}
    expect:
      verified: true
      certificates.verified: false
      certificates.count: 2
      certificates.row.ecdsa.verifies: true
      certificates.row.rsa.verifies: false
      certificates.expires_in: {lt: 0s}
      certificates.keys: {exactly: [ECDSA P-256, RSA 2048]}
      certificates.unknown: {exactly: []}
";
    let ran = sandbox.run(&checks.replace('@', &https.to_string()), &[]);
    ran.failed(&["every"]);
    for (kind, identity) in [("ecdsa", &good), ("rsa", &bad)] {
        let shown = &rows(ran.fact("known", "certificates"))[kind];
        let until = identity.shown("-enddate").replace(' ', "T").replace("TZ", "Z");
        assert_eq!(shown["not_after"], until.as_str());
        assert_eq!(shown["fingerprint"], identity.shown("-fingerprint").replace(':', "").to_lowercase().as_str());
        let says = judge(&["verify", "-CAfile", "ca.pem", identity.certificate.to_str().unwrap()], authority.folder());
        assert_eq!(says.contains("certificate has expired"), kind == "rsa", "{says}");
        assert_eq!(shown["verifies"], !says.contains("certificate has expired"));
    }
}

struct Served {
    sandbox: CliSandbox,
}

impl Served {
    /// `openssl s_server` with these certificates after the leaf, and what the program under test says.
    fn run_check(&self, leaf: &Identity, chain: &[PathBuf], options: &[&str], expect: &str) -> super::sandbox::Ran {
        let pem: String = chain.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let chain = self.sandbox.write("chain.pem", &pem);
        let prepare = || {
            let port = free_port();
            let mut command = OPENSSL.command();
            command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
            command.arg("-cert").arg(&leaf.certificate).arg("-key").arg(&leaf.key).args(options);
            if !pem.is_empty() {
                command.arg("-cert_chain").arg(&chain);
            }
            (command, port)
        };
        let (_daemon, port) =
            Daemon::start(&self.sandbox.path("s_server.log"), prepare, |_, output| output.contains("ACCEPT"));
        let check = format!(
            "
  - id: served
    tls: {{host: 127.0.0.1, port: {port}, sni: www.peer.test, ca_file: top/ca.pem}}
    expect: {expect}
"
        );
        self.sandbox.run(&check, &[])
    }
}

#[test]
fn chains_are_linted_as_served_and_paths_as_openssl_builds_them() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let served = Served { sandbox: CliSandbox::new() };
    let top = Authority::new(served.sandbox.path("top"));
    let middle = top.below(served.sandbox.path("middle"));
    let other = top.below(served.sandbox.path("other"));
    let leaf = middle.issued("leaf", &NEW_KEY, SERVER, &WEEK);
    let verify = |untrusted: &[&Authority]| {
        let mut args = vec!["verify".to_owned(), "-CAfile".to_owned(), top.root().display().to_string()];
        for authority in untrusted {
            args.extend(["-untrusted".to_owned(), authority.root().display().to_string()]);
        }
        args.push(leaf.certificate.display().to_string());
        judge(&args.iter().map(String::as_str).collect::<Vec<_>>(), top.folder())
    };
    assert!(verify(&[&middle]).contains("OK") && verify(&[]).contains("unable to get local issuer"));

    let rows: &[(&[&Authority], &str)] = &[
        (&[&middle], "{verified: true, path.length: 3, lint: {exactly: []}, chain.lifetime_left: {gt: 90%}}"),
        (&[], "{verified: false, path.length: {present: false}, lint: {exactly: [missing_intermediate]}}"),
        (&[&middle, &top], "{verified: true, path.length: 3, chain.length: 3, lint: {exactly: [root_sent]}}"),
        (&[&top, &middle], "{verified: true, path.length: 3, lint: {exactly: [chain_out_of_order, root_sent]}}"),
        (&[&middle, &other], "{verified: true, path.length: 3, lint: {exactly: [unused_certificate]}}"),
        (&[&middle, &middle], "{verified: true, path.length: 3, lint: {exactly: [duplicate_certificate]}}"),
    ];
    for (chain, expect) in rows {
        let paths: Vec<PathBuf> = chain.iter().map(|authority| authority.root()).collect();
        let ran = served.run_check(&leaf, &paths, &[], expect);
        ran.all_held();
        let pins = ran.texts("served", "chain.spki");
        assert_eq!(pins.len(), chain.len() + 1);
    }
    let ran = served.run_check(&leaf, &[middle.root()], &[], "{path.expires_in: {between: [6d, 7d]}, sct.count: 0}");
    ran.all_held();
    let subjects = ran.texts("served", "path.subjects");
    assert_eq!(subjects[0], leaf.shown("-subject"));
    let pin = judge(&["x509", "-noout", "-pubkey", "-in", leaf.certificate.to_str().unwrap()], top.folder());
    let key = served.sandbox.write("key.pem", &pin);
    judge(
        &["pkey", "-pubin", "-in", key.to_str().unwrap(), "-outform", "DER", "-out", "key.der"],
        served.sandbox.folder(),
    );
    judge(&["dgst", "-sha256", "-binary", "-out", "key.sum", "key.der"], served.sandbox.folder());
    let sum = judge(&["base64", "-A", "-in", "key.sum"], served.sandbox.folder());
    assert_eq!(ran.texts("served", "chain.spki")[0], sum.trim());
}

#[test]
fn staples_made_by_openssl_say_what_openssl_reads_in_them() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let served = Served { sandbox: CliSandbox::new() };
    let top = Authority::new(served.sandbox.path("top"));
    let demanding = format!("{SERVER}tlsfeature = status_request\n");
    let leaf = top.issued("leaf", &NEW_KEY, &demanding, &WEEK);
    let responder = "basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = OCSPSigning\n\
        authorityKeyIdentifier = keyid\n";
    top.issued("responder", &NEW_RSA_KEY, responder, &WEEK);
    // Certified by the authority, but not to speak for it.
    top.issued("pretender", &NEW_RSA_KEY, SERVER, &WEEK);
    std::fs::write(top.folder().join("empty.txt"), "").unwrap();
    let answer = |signer: &str, index: &str| {
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let ask = ["ocsp", "-index", index, "-CA", "ca.pem", "-issuer", "ca.pem", "-cert", "leaf.pem", "-no_nonce"];
        let sign = ["-rsigner", &certificate, "-rkey", &key, "-ndays", "3", "-respout", "staple.der"];
        top.openssl(&[&ask[..], &sign].concat());
    };
    let file = top.folder().join("staple.der");
    let run_check = |expect: &str| served.run_check(&leaf, &[], &["-status_file", file.to_str().unwrap()], expect);
    let reads = || {
        judge(
            &["ocsp", "-respin", "staple.der", "-issuer", "ca.pem", "-cert", "leaf.pem", "-CAfile", "ca.pem"],
            top.folder(),
        )
    };
    let ran = served.run_check(
        &leaf,
        &[],
        &[],
        "{must_staple: true, ocsp.stapled: false, ocsp.acceptable: false, lint: {exactly: [staple_missing]}}",
    );
    ran.all_held();
    assert!(ran.fact("served", "ocsp.status").is_null());
    for signer in ["ca", "responder"] {
        answer(signer, "index.txt");
        assert!(reads().contains("leaf.pem: good"), "{}", reads());
        run_check(
            "{ocsp.status: good, ocsp.stapled: true, lint: {exactly: []}, ocsp.next_update_in: {between: [2d, 3d]}}",
        )
        .all_held();
    }
    answer("pretender", "index.txt");
    assert!(reads().contains("Response Verify Failure") || reads().contains("Response verify"), "{}", reads());
    run_check("{ocsp.status: invalid, ocsp.error: {matches: not for OCSP signing}}").all_held();
    answer("ca", "empty.txt");
    assert!(reads().contains("leaf.pem: unknown"), "{}", reads());
    run_check("{ocsp.status: unknown}").all_held();
    top.openssl(&[
        "ca",
        "-config",
        "ca.cnf",
        "-cert",
        "ca.pem",
        "-keyfile",
        "ca.key",
        "-revoke",
        "leaf.pem",
        "-crl_reason",
        "keyCompromise",
    ]);
    answer("ca", "index.txt");
    assert!(reads().contains("leaf.pem: revoked"), "{}", reads());
    let ran = run_check("{ocsp.status: revoked, verified: true}");
    ran.all_held();
}

#[test]
fn a_revoked_certificate_is_found_in_the_list_of_its_authority() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let sandbox = CliSandbox::new();
    let top = Authority::new(sandbox.path("top"));
    std::fs::create_dir(sandbox.path("public")).unwrap();
    let mut leaf = None;
    let (_daemon, https, http) = nginx(&sandbox, |http| {
        let point = format!("{SERVER}crlDistributionPoints = URI:http://127.0.0.1:{http}/top.crl\n");
        let issued = top.issued("leaf", &NEW_KEY, &point, &WEEK);
        let lines = shows(&issued);
        leaf = Some(issued);
        lines
    });
    let leaf = leaf.unwrap();
    let publish = || {
        top.openssl(&[
            "ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-gencrl", "-crldays", "7", "-out",
            "crl.pem",
        ]);
        top.openssl(&["crl", "-in", "crl.pem", "-outform", "DER", "-out", "../public/top.crl"]);
    };
    let verifies = || {
        let leaf = leaf.certificate.to_str().unwrap();
        judge(&["verify", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "ca.pem", leaf], top.folder())
    };
    let run_check = |expect: &str| {
        let check = format!(
            "
  - id: served
    tls: {{host: 127.0.0.1, port: {https}, sni: www.peer.test, ca_file: top/ca.pem, crl: true}}
{expect}"
        );
        sandbox.run(&check, &[])
    };
    run_check("    expect: {verified: true, crl.status: unreachable}\n").all_held();
    publish();
    assert!(verifies().contains("OK"), "{}", verifies());
    run_check("").all_held();
    let ran = run_check("    expect: {crl.status: good, crl.next_update_in: {between: [6d, 7d]}}\n");
    ran.all_held();
    assert_eq!(
        *ran.fact("served", "crl.checked"),
        json!([format!("O=Peer Tests, CN=leaf: good (http://127.0.0.1:{http}/top.crl)")])
    );
    top.openssl(&["ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-revoke", "leaf.pem"]);
    publish();
    assert!(verifies().contains("certificate revoked"), "{}", verifies());
    run_check("").failed(&["served"]);
    run_check("    expect: {verified: true, crl.status: revoked}\n").all_held();
}
