//! Ordinary checks, as people write them: each holds where it should, and is not green where its first line says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shakedown::lab::dns::DnsLab;
use shakedown::lab::pki::Pki;
use shakedown::lab::reflect::Reflector;
use shakedown::lab::web::WebLab;
use socket2::{Domain, Socket, Type};

use super::{CliSandbox, Ended, closed_port, read};

/// What the suites look at, on loopback.
struct World {
    vars: BTreeMap<&'static str, String>,
    _held: Vec<Socket>,
    _dns: DnsLab,
    _web: WebLab,
    _echo: Reflector,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn start(sandbox: &CliSandbox) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let pki = Pki::new().unwrap();
        sandbox.write("ca.pem", pki.ca_pem());
        let (dns, web, echo, mtls) = runtime.block_on(async {
            let (dns, web) = (DnsLab::start().await.unwrap(), WebLab::start(&pki).await.unwrap());
            (dns, web, Reflector::start().await.unwrap(), asking(&pki).await)
        });
        let (closed, closed_port) = closed_port();
        let (silent, silent_port) = silence();
        // Nobody accepts; a backlog of some hundred is as good.
        let neighbour = listening([127, 0, 0, 2], 0, 512);
        let gate = port(&neighbour);
        let alive = listening([127, 0, 0, 1], gate, 512);
        let mut vars = BTreeMap::from([
            ("dns", dns.addr().to_string()),
            ("ca", sandbox.path("ca.pem").display().to_string()),
            ("workers", "127.0.0.9".to_owned()),
        ]);
        for (name, port) in [
            ("https", web.https().port()),
            ("http", web.http().port()),
            ("port", web.expired().port()),
            ("wrong_name", web.wrong_name().port()),
            ("mtls", mtls.port()),
            ("alive", gate),
            ("gate", gate),
            ("inside", gate),
            ("closed", closed_port),
            ("dropped", silent_port),
            ("silent", silent_port),
            ("echo", echo.tcp_echo().port()),
            ("echo_udp", echo.udp_echo().port()),
        ] {
            vars.insert(name, port.to_string());
        }
        let held = silent.into_iter().chain([closed, neighbour, alive]).collect();
        Self { vars, _held: held, _dns: dns, _web: web, _echo: echo, _runtime: runtime }
    }

    /// Runs a suite with the variables it has, `broken` (`dns=@closed`) among them.
    fn run(&self, sandbox: &CliSandbox, suite: &str, broken: Option<&str>) -> Ended {
        let mut args = vec!["run".to_owned(), "suite.yaml".to_owned(), "--json".to_owned(), "r.json".to_owned()];
        let broken = broken.map(|broken| broken.split_once("=@").unwrap());
        for (name, value) in &self.vars {
            let declared = suite.lines().any(|line| line.starts_with("vars:") && line.contains(&format!("{name}:")));
            if !declared {
                continue;
            }
            let value = match broken {
                Some((broken, other)) if broken == *name => {
                    let port = &self.vars[other];
                    if *name == "dns" { format!("127.0.0.1:{port}") } else { port.clone() }
                }
                _ => value.clone(),
            };
            args.extend(["--var".to_owned(), format!("{name}={value}")]);
        }
        sandbox.write("suite.yaml", suite);
        sandbox.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// A TLS server that insists on a client certificate.
async fn asking(pki: &Pki) -> SocketAddr {
    let provider = shakedown::proto::tls::provider();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.ca_pem().as_bytes()).unwrap()).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
    let chain = CertificateDer::pem_slice_iter(pki.good.chain_pem().as_bytes()).map(Result::unwrap).collect();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(pki.good.key_pem().as_bytes()).unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    address
}

/// A port of 127.0.0.1 and of 127.0.0.2 that answers nothing: the backlog for TCP is full, datagrams are not read.
fn silence() -> (Vec<Socket>, u16) {
    let full = listening([127, 0, 0, 1], 0, 0);
    let number = port(&full);
    let mut held = vec![full, listening([127, 0, 0, 2], number, 0)];
    for host in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        for _ in 0..4 {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&SocketAddr::from((host, number)).into());
            held.push(filler);
        }
        let silent = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        silent.bind(&SocketAddr::from((host, number)).into()).unwrap();
        held.push(silent);
    }
    (held, number)
}

fn listening(host: [u8; 4], port: u16, backlog: i32) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((host, port)).into()).unwrap();
    socket.listen(backlog).unwrap();
    socket
}

fn port(socket: &Socket) -> u16 {
    socket.local_addr().unwrap().as_socket().unwrap().port()
}

fn suites() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites_good");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn ordinary_checks_hold_and_are_not_green_when_something_is_wrong() {
    let sandbox = CliSandbox::new("");
    let world = World::start(&sandbox);
    let files = suites();
    assert!(files.len() >= 15, "only {} suites", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let (name, text) = (file.file_name().unwrap().to_string_lossy().into_owned(), read(&file));
        let ended = world.run(&sandbox, &text, None);
        if ended.code != 0 {
            wrong.push(format!("{name} does not hold: {}\n{}{}", ended.code, ended.out, ended.err));
        }
        let breaks = text.lines().next().unwrap().strip_prefix("# not green when: ").expect("what breaks it");
        for broken in breaks.split(", ") {
            let ended = world.run(&sandbox, &text, Some(broken));
            if ![1, 3].contains(&ended.code) {
                wrong.push(format!("{name} with {broken}: {}\n{}{}", ended.code, ended.out, ended.err));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Planned as they stand, each with all that is in force and where it comes from.
#[test]
fn the_plan_shows_what_is_in_force_and_who_asks_for_it() {
    for file in suites() {
        let sandbox = CliSandbox::new(&read(&file));
        sandbox.write("ca.pem", "");
        let ended = sandbox.run(&["plan", "suite.yaml"]);
        assert_eq!(ended.code, 0, "{}: {}", file.display(), ended.err);
        for line in ended.out.lines().filter(|line| line.contains("expects ")) {
            assert!(line.contains("(suite.yaml:") || line.contains("(default of "), "{}: {line}", file.display());
        }
    }
    let sandbox = CliSandbox::new(&read(&suites()[0].with_file_name("fast_page.yaml")));
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    for line in [
        "expects outcome eq answered  (default of http)",
        "expects status between [200, 299]  (default of http)",
        "expects total_time.p95 lt 2s  (suite.yaml:10)",
    ] {
        assert!(ended.out.contains(line), "{line}: {}", ended.out);
    }
}
