//! Chains nobody should send, and chains few do, beside `OpenSSL`, `GnuTLS` and curl: where they differ, a table says why.
//!
//! The kinds of cases are those of x509-limbo and of the bug reports behind it, rebuilt from their description: its
//! package is in no registry.

mod cases;
mod draft;

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use cases::{Case, Says, cases};
use draft::Chain;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::peer::{CURL, GNUTLS, OPENSSL, installed};
use super::sandbox::CliSandbox;

const GNU: &str = "gnutls";
const OPEN: &str = "openssl";
const CURLS: &str = "curl";

/// Differences that are meant: the case, who differs, and why this program is right, or has reason to be strict.
const MEANT: &[(&str, &[&str], &str)] = &[
    (
        "leaf_trusted",
        &[GNU],
        "curl and OpenSSL with a partial chain take what stands in the file; certtool wants its issuer",
    ),
    ("leaf_trusted_alone", &[GNU], "as leaf_trusted"),
    ("leaf_trusted_as_authority", &[GNU], "as leaf_trusted"),
    (
        "issuer_in_another_string",
        &[GNU],
        "RFC 5280 7.1: names compare without case and type of string; certtool compares bytes",
    ),
    ("root_in_another_string", &[GNU], "as issuer_in_another_string"),
    (
        "root_without_anything",
        &[GNU],
        "a certificate of version 3 is no authority unless it says so; certtool asks roots nothing",
    ),
    (
        "leaf_is_authority",
        &[OPEN, GNU, CURLS],
        "Firefox refuses an authority's certificate as a server's, and so do clients on webpki",
    ),
    (
        "length_0_and_self_issued",
        &[GNU],
        "RFC 5280 6.1.4 l: what an authority issued to itself does not count; certtool counts it",
    ),
    ("root_length_0_self_issued_between", &[GNU], "as length_0_and_self_issued"),
    ("leaf_any_only", &[GNU], "OpenSSL and browsers want serverAuth itself"),
    (
        "address_mask_with_gaps",
        &[OPEN, CURLS],
        "RFC 5280 4.2.1.10: a range is written as in RFC 4632 (CIDR), without gaps; OpenSSL and curl take any mask",
    ),
    ("root_client_only", &[GNU], "OpenSSL and browsers mind the purposes of a root; certtool does not"),
    (
        "leaf_usage_certsign_only",
        &[GNU],
        "RFC 5280 4.2.1.3: no TLS without a bit for it; certtool looks at it in the handshake only",
    ),
    (
        "mapping_inhibited",
        &[GNU],
        "RFC 5280 4.2.1.11: nothing is mapped, so nothing is inhibited; certtool does not know the extension",
    ),
    ("wildcard_in_part", &[OPEN], "RFC 9525 6.3: a wildcard is the whole label; OpenSSL still takes a part"),
    ("common_name_only", &[OPEN, GNU, CURLS], "RFC 9525 6.3: the common name is no name; browsers refuse"),
    (
        "wildcard_over_excluded",
        &[OPEN, GNU, CURLS],
        "the wildcard stands for the excluded name, too (CVE-2025-61727); both compare text",
    ),
    ("directory_not_permitted", &[GNU], "certtool does not evaluate directory names that are permitted"),
    ("directory_other_excluded", &[GNU], "certtool refuses any excluded directory name"),
    ("directory_in_san", &[GNU], "as directory_not_permitted"),
    ("uri_not_permitted", &[GNU], "certtool does not evaluate URIs that are permitted"),
    ("uri_with_address", &[GNU], "RFC 5280 4.2.1.10: a constraint on URIs needs a host name"),
    ("registered_constraint_without_name", &[GNU], "RFC 5280 4.2.1.10: constraints speak only of kinds that are there"),
    ("name_with_final_dot", &[CURLS], "RFC 5280 4.2.1.6: a name in a certificate has no final dot; curl takes it off"),
    ("usage_without_bits", &[GNU], "RFC 5280 4.2.1.3: at least one bit; without any the key is for nothing"),
    ("purposes_empty", &[GNU], "RFC 5280 4.2.1.12: at least one purpose; without any it is for nothing"),
    ("address_4_under_6_only", &[GNU], "RFC 5280 4.2.1.10: addresses of both versions are one kind of name"),
    (
        "upper_constrains_lower_names",
        &[GNU],
        "RFC 5280 6.1.3 b: constraints bind every certificate below; certtool looks at the leaf",
    ),
];

/// A server that shows whatever chain it is given.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn pem<'a>(ders: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    let one = |der: &Vec<u8>| {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    ders.into_iter().map(one).collect()
}

fn by_openssl(folder: &Path, chain: &Chain, wanted: &str) -> Says {
    std::fs::write(folder.join("leaf.pem"), pem(&chain.sent[..1])).unwrap();
    let mut command = OPENSSL.command();
    // As curl asks, a certificate that is trusted itself needs no self-signed one above it.
    command.current_dir(folder).args(["verify", "-purpose", "sslserver", "-partial_chain", "-CAfile", "root.pem"]);
    if chain.sent.len() > 1 {
        std::fs::write(folder.join("others.pem"), pem(&chain.sent[1..])).unwrap();
        command.args(["-untrusted", "others.pem"]);
    }
    let by = if wanted.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    says(command.args([by, wanted, "leaf.pem"]))
}

fn by_gnutls(folder: &Path, chain: &Chain, wanted: &str) -> Says {
    std::fs::write(folder.join("chain.pem"), pem(&chain.sent)).unwrap();
    let mut command = GNUTLS.command();
    command.current_dir(folder).args(["--verify", "--load-ca-certificate", "root.pem", "--infile", "chain.pem"]);
    says(command.args(["--verify-purpose", draft::SERVER, "--verify-hostname", wanted]))
}

/// Connects to the server of the chain; what comes after the handshake is of no interest.
fn by_curl(folder: &Path, port: u16, wanted: &str) -> Says {
    let mut command = CURL.command();
    let host = if wanted.contains(':') { format!("[{wanted}]") } else { wanted.to_owned() };
    command.current_dir(folder).args(["--silent", "--http1.1", "--max-time", "20", "--cacert", "root.pem"]);
    command.args(["--connect-to", &format!("{host}:443:127.0.0.1:{port}"), &format!("https://{host}/")]);
    // An empty reply and a broken connection come after a handshake that curl went on from.
    match command.output().unwrap().status.code() {
        Some(0 | 52 | 56) => Says::Accepts,
        Some(35 | 60) => Says::Refuses,
        other => panic!("curl ends with {other:?} for {wanted}"),
    }
}

fn says(command: &mut std::process::Command) -> Says {
    if command.output().unwrap().status.success() { Says::Accepts } else { Says::Refuses }
}

/// The port of a server that shows the chain, for as long as the runtime lives.
fn serve(runtime: &tokio::runtime::Runtime, chain: &Chain) -> u16 {
    let provider = shakedown::proto::tls::provider();
    let key = PrivateKeyDer::Pkcs8(chain.key.serialize_der().into());
    let key = provider.key_provider.load_private_key(key).unwrap();
    let sent = chain.sent.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(sent, key)))));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                use tokio::io::AsyncReadExt as _;
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read(&mut [0; 16]).await;
                }
            });
        }
    });
    port
}

#[test]
fn chains_are_judged_as_openssl_gnutls_and_curl_judge_them_or_the_difference_is_meant() {
    if !installed(&[OPENSSL, GNUTLS, CURL]) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sandbox, cases) = (CliSandbox::new(), cases());
    let (mut checks, mut peers) = (String::new(), Vec::new());
    for Case { id, draft, .. } in &cases {
        let chain = draft.signed();
        let folder = sandbox.path(id);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("root.pem"), pem([&chain.trusted])).unwrap();
        let (port, wanted) = (serve(&runtime, &chain), &draft.wanted);
        peers.push([
            (OPEN, by_openssl(&folder, &chain, wanted)),
            (GNU, by_gnutls(&folder, &chain, wanted)),
            (CURLS, by_curl(&folder, port, wanted)),
        ]);
        let fields = format!("host: 127.0.0.1, port: {port}, verify_name: \"{wanted}\", ca_file: {id}/root.pem");
        checks.extend(["  - id: ", id, "\n    tls: {", &fields, "}\n"]);
    }
    let ran = sandbox.run(&checks, &[]);
    let mut problems = Vec::new();
    let mut differ: Vec<(&str, &str)> = Vec::new();
    for (case, peers) in cases.iter().zip(peers) {
        let check = ran.report["checks"].as_array().unwrap().iter().find(|check| check["id"] == case.id).unwrap();
        let ours = match check["verdict"].as_str().unwrap() {
            "passed" => Says::Accepts,
            "failed" => Says::Refuses,
            _ => Says::Open,
        };
        if ours != case.says {
            problems.push(format!("{}: {ours:?}, not {:?}: {}", case.id, case.says, check["reason"]));
        }
        // Who cannot judge differs from nobody.
        differ.extend(
            peers.iter().filter(|(_, says)| ours != Says::Open && *says != ours).map(|(who, _)| (case.id, *who)),
        );
    }
    let meant: Vec<(&str, &str)> =
        MEANT.iter().flat_map(|(id, who, _)| who.iter().map(move |who| (*id, *who))).collect();
    problems.extend(
        differ.iter().filter(|one| !meant.contains(one)).map(|(id, who)| format!("{id}: {who} says otherwise")),
    );
    problems
        .extend(meant.iter().filter(|one| !differ.contains(one)).map(|(id, who)| format!("{id}: {who} agrees by now")));
    assert!(problems.is_empty(), "{} of {} cases:\n{}", problems.len(), cases.len(), problems.join("\n"));
}
