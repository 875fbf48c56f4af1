//! Servers of OpenSSL that this program cannot make a handshake with, or not judge: no fault of theirs.

use super::daemon::{Daemon, free_port};
use super::peer::{OPENSSL, installed};
use super::pki::{Authority, Identity};
use super::sandbox::{CliSandbox, Ran};

const SERVER: &str = "basicConstraints = CA:FALSE\nextendedKeyUsage = serverAuth\nsubjectAltName = DNS:www.peer.test\n";
const WEEK: [&str; 2] = ["-days", "7"];
const RSA: [&str; 3] = ["-newkey", "rsa:2048", "-nodes"];

struct Lab {
    sandbox: CliSandbox,
    top: Authority,
}

impl Lab {
    fn new() -> Self {
        let sandbox = CliSandbox::new();
        let top = Authority::new(sandbox.path("top"));
        Self { sandbox, top }
    }

    /// Runs a check with these fields and expectations against `openssl s_server` with these options.
    fn run(&self, served: &Identity, options: &[&str], fields: &str, expect: &str) -> Ran {
        let prepare = || {
            let port = free_port();
            let mut command = OPENSSL.command();
            command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
            command.arg("-cert").arg(&served.certificate).arg("-key").arg(&served.key).args(options);
            (command, port)
        };
        let (_daemon, port) =
            Daemon::start(&self.sandbox.path("s_server.log"), prepare, |_, output| output.contains("ACCEPT"));
        let check = if fields.contains("PORT") {
            format!("  - id: served\n{}", fields.replace("PORT", &port.to_string()))
        } else {
            format!(
                "  - id: served\n    tls: {{host: 127.0.0.1, port: {port}, sni: www.peer.test, ca_file: top/ca.pem{fields}}}\n{expect}"
            )
        };
        self.sandbox.run(&check, &[])
    }
}

/// The reason of a check that could not be measured.
#[track_caller]
fn errored(ran: &Ran) -> String {
    let check = &ran.report["checks"][0];
    assert_eq!(check["verdict"], "errored", "{}", ran.shown);
    assert_eq!(ran.code, 3, "{}", ran.shown);
    check["reason"].as_str().unwrap().to_owned()
}

fn of_kind(top: &Authority, name: &str, key: &[&str]) -> Identity {
    top.issued(name, key, SERVER, &WEEK)
}

#[test]
fn what_the_offer_lacks_is_said_and_is_no_fault_of_the_server() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let rsa = of_kind(&lab.top, "rsa", &RSA);
    let pss = of_kind(&lab.top, "pss", &["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-nodes"]);
    let ed448 = of_kind(&lab.top, "ed448", &["-newkey", "ed448", "-nodes"]);
    let rare = of_kind(&lab.top, "rare", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1", "-nodes"]);
    for (served, options, part) in [
        (&rsa, &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"][..], "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
        (&rsa, &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
        (&rsa, &["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        (&rsa, &["-tls1_2", "-curves", "P-521"], "secp521r1"),
        (&rsa, &["-tls1_3", "-groups", "P-521"], "secp521r1"),
        (&pss, &["-tls1_3"], "signatures that this program cannot verify"),
        (&pss, &["-tls1_2"], "signatures that this program cannot verify"),
        (&ed448, &["-tls1_3"], "signatures that this program cannot verify"),
        (&ed448, &["-tls1_2"], "its key is Ed448"),
        (&rare, &["-tls1_2"], "groups or curves that this program does not have"),
    ] {
        let reason = errored(&lab.run(served, options, "", ""));
        assert!(reason.contains(part) && reason.contains("this program offers"), "{options:?}: {reason}");
        assert!(reason.contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "{options:?}: {reason}");
        // Everything the scan finds is judged; only what needs the handshake is not.
        let scanned = "    expect: {outcome: scanned, scan.unknown: {len: 0}, verified: {present: false}}\n";
        lab.run(served, options, ", scan: true", scanned).all_held();
        let needs = "    expect: {outcome: scanned, cipher: {matches: AES}}\n";
        let reason = errored(&lab.run(served, options, ", scan: true", needs));
        assert!(reason.contains(part), "{reason}");
        lab.run(served, options, ", scan: true", "    expect: {outcome: scanned, scan.versions: {len: 9}}\n")
            .failed(&["served"]);
    }
}

#[test]
fn a_server_of_old_versions_only_is_no_failure() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let rsa = of_kind(&lab.top, "rsa", &RSA);
    for (option, version) in [("-tls1_1", "TLS1.1"), ("-tls1", "TLS1.0")] {
        let options = [option, "-cipher", "ALL:@SECLEVEL=0"];
        let reason = errored(&lab.run(&rsa, &options, "", ""));
        assert!(reason.contains(&format!("the server takes {version} and nothing newer")), "{reason}");
        lab.run(&rsa, &options, ", scan: true", "    expect: {outcome: scanned, verified: {present: false}}\n")
            .all_held();
        // What the suite itself leaves out is the suite's.
        let refused = "    expect: {outcome: alert, alert: protocol_version}\n";
        lab.run(&rsa, &options, ", min_version: TLS1.3", refused).all_held();
    }
}

#[test]
fn other_families_say_so_too() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let rsa = of_kind(&lab.top, "rsa", &RSA);
    for check in [
        "    http: {url: \"https://www.peer.test:PORT/\", resolve: 127.0.0.1, ca_file: top/ca.pem}\n",
        "    dns: {server: \"127.0.0.1:PORT\", name: a.test, transport: dot, sni: www.peer.test, ca_file: top/ca.pem}\n",
    ] {
        let reason = errored(&lab.run(&rsa, &["-tls1_2", "-cipher", "AES128-GCM-SHA256"], check, ""));
        assert!(reason.contains("TLS_RSA_WITH_AES_128_GCM_SHA256"), "{check}: {reason}");
    }
}

#[test]
fn a_refusal_of_the_whole_offer_stays_a_fact_of_the_server() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let rsa = of_kind(&lab.top, "rsa", &RSA);
    // What the suite itself leaves out is the suite's.
    lab.run(&rsa, &["-tls1_2"], ", min_version: TLS1.3", "    expect: {outcome: alert, alert: protocol_version}\n")
        .all_held();
    lab.run(&rsa, &["-tls1_3"], ", max_version: TLS1.2", "    expect: {outcome: alert, alert: protocol_version}\n")
        .all_held();
    lab.run(&rsa, &["-alpn", "h2"], ", alpn: [xyz]", "    expect: {outcome: alert, alert: no_application_protocol}\n")
        .all_held();
}

#[test]
fn keys_and_certificates_out_of_the_ordinary_have_words_of_their_own() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let small = of_kind(&lab.top, "small", &["-newkey", "rsa:1024", "-nodes"]);
    let odd = of_kind(&lab.top, "p521", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-nodes"]);
    let critical =
        lab.top.issued("critical", &RSA, &format!("{SERVER}1.3.6.1.4.1.99999.1 = critical, DER:0500\n"), &WEEK);
    let version_1 = lab.top.issued("v1", &RSA, "", &WEEK);
    let malformed = lab.top.issued("san", &RSA, "basicConstraints = CA:FALSE\n2.5.29.17 = DER:300901\n", &WEEK);
    for (served, options, part) in [
        (&small, &["-cipher", "ALL:@SECLEVEL=0"][..], "the key of the server's certificate is RSA 1024"),
        (&critical, &[], "critical extension 1.3.6.1.4.1.99999.1"),
        (&version_1, &[], "X.509 version 1"),
        (&malformed, &[], "the subject alternative name of the server's certificate is not correctly encoded"),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let all = [options, &[version][..]].concat();
            let ran = lab.run(served, &all, "", "    expect: {verified: false}\n");
            ran.all_held();
            let error = ran.fact("served", "verify_error").as_str().unwrap().to_owned();
            assert!(error.contains(part) && !error.contains("did not prove"), "{error}");
        }
    }
    lab.run(&odd, &[], "", "    expect: {verified: true, key: ECDSA P-521}\n").all_held();
}

#[test]
fn certificates_beyond_64_kib_are_larger_than_this_side_reads() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let filler = "x".repeat(900);
    let comment: String = (2..62)
        .map(|at| ["1.3.6.1.4.1.99999.", &at.to_string(), " = ASN1:UTF8String:", &filler, "\n"].concat())
        .collect();
    let large = lab.top.issued("large", &RSA, &format!("{SERVER}{comment}"), &WEEK);
    let chain = lab.sandbox.path("chain.pem");
    let one = std::fs::read_to_string(&large.certificate).unwrap();
    std::fs::write(&chain, one.repeat(2)).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let chain = chain.to_str().unwrap();
        let ran = lab.run(&large, &[version, "-cert_chain", chain], "", "");
        let reason = errored(&ran);
        assert!(reason.contains("larger than this side reads"), "{reason}");
        lab.run(&large, &[version], "", "    expect: {verified: true}\n").all_held();
    }
}

#[test]
fn of_a_certificate_that_cannot_be_judged_only_the_verdict_is_missing() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let lab = Lab::new();
    let extensions = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
        policyConstraints = critical, requireExplicitPolicy:0\n";
    let middle = lab.top.issued("middle", &RSA, extensions, &WEEK);
    let folder = lab.sandbox.path("below");
    std::fs::create_dir(&folder).unwrap();
    for (from, to) in [(&middle.certificate, "ca.pem"), (&middle.key, "ca.key")] {
        std::fs::copy(from, folder.join(to)).unwrap();
    }
    for file in ["ca.cnf", "index.txt"] {
        std::fs::copy(lab.top.folder().join(file), folder.join(file)).unwrap();
    }
    let below = Authority::at(folder);
    let leaf = below.issued("leaf", &RSA, SERVER, &WEEK);
    let chain = middle.certificate.to_str().unwrap();
    let reason = errored(&lab.run(&leaf, &["-cert_chain", chain], "", ""));
    assert!(reason.contains("demands explicit policies"), "{reason}");
    let scanned =
        "    expect: {outcome: scanned, chain.length: 2, alpn: {present: false}, verified: {present: false}}\n";
    lab.run(&leaf, &["-cert_chain", chain], ", scan: true", scanned).all_held();
    let verdict = "    expect: {outcome: scanned, verified: true}\n";
    errored(&lab.run(&leaf, &["-cert_chain", chain], ", scan: true", verdict));
}
