//! Servers of which it is known what they take.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::daemon::{Daemon, free_port, listens};
use super::super::peer::{HAPROXY, NGINX, OPENSSL};
use super::super::pki::Authority;
use super::super::printed;
use super::super::sandbox::CliSandbox;
use super::truth::{By, ROWS, Row};

const YEARS_AGO: [&str; 4] = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
const RSA: [&str; 2] = ["-newkey", "rsa:2048"];
const P256: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
const ED25519: [&str; 2] = ["-newkey", "ed25519"];

/// Every row of the table, running.
pub struct Servers {
    pub sandbox: CliSandbox,
    /// Ports, in the order of the rows.
    pub ports: Vec<u16>,
    _daemons: Vec<Daemon>,
    _runtime: tokio::runtime::Runtime,
}

impl Servers {
    pub fn start() -> Self {
        let sandbox = CliSandbox::new();
        certificates(&sandbox);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut ports = vec![0; ROWS.len()];
        let mut daemons = vec![nginx(&sandbox, &mut ports)];
        for (row, port) in ROWS.iter().zip(&mut ports) {
            match row.by {
                By::Nginx(_) => {}
                By::OpenSsl(options) => daemons.push(s_server(&sandbox, row, options, port)),
                By::Haproxy(options) => daemons.push(haproxy(&sandbox, options, port)),
                By::Rustls(groups) => *port = rustls(&runtime, sandbox.folder(), groups),
            }
        }
        Self { sandbox, ports, _daemons: daemons, _runtime: runtime }
    }
}

/// Names of files that rows use.
fn certificates(sandbox: &CliSandbox) {
    let _authority = Authority::new(sandbox.path("authority"));
    // No key usage: these keys serve static RSA as well.
    sandbox.write("server.cnf", "[any]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:www.peer.test\n");
    for (name, key, dates) in [
        ("rsa", &RSA[..], &["-days", "7"][..]),
        ("rsa-expired", &RSA, &YEARS_AGO),
        ("p256", &P256, &["-days", "7"]),
        ("p256-other", &P256, &["-days", "6"]),
        ("p384", &P384, &["-days", "7"]),
        ("ed25519", &ED25519, &["-days", "7"]),
    ] {
        let (key_file, request, out) = (format!("../{name}.key"), format!("{name}.csr"), format!("../{name}.pem"));
        let mut command = OPENSSL.command();
        command
            .current_dir(sandbox.path("authority"))
            .args(["req", "-new", "-nodes", "-keyout", &key_file, "-out", &request]);
        printed(command.args(["-subj", &format!("/O=Peer Tests/CN={name}.peer.test")]).args(key));
        let mut command = OPENSSL.command();
        command.current_dir(sandbox.path("authority"));
        command.args(["ca", "-config", "ca.cnf", "-batch", "-notext", "-cert", "ca.pem", "-keyfile", "ca.key"]);
        printed(
            command
                .args(["-in", &request, "-out", &out, "-extfile", "../server.cnf", "-extensions", "any"])
                .args(dates),
        );
    }
    for bits in ["1024", "2048"] {
        let mut command = OPENSSL.command();
        printed(command.args(["dhparam", "-dsaparam", "-out"]).arg(sandbox.path(&format!("dh{bits}.pem"))).arg(bits));
    }
}

/// One process with a server block for each row of its own.
fn nginx(sandbox: &CliSandbox, ports: &mut [u16]) -> Daemon {
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    let rows: Vec<usize> = (0..ROWS.len()).filter(|row| matches!(ROWS[*row].by, By::Nginx(_))).collect();
    let prepare = || {
        let mut blocks = String::new();
        let mut found = Vec::new();
        for row in &rows {
            let By::Nginx(options) = ROWS[*row].by else { continue };
            let port = free_port();
            found.push(port);
            for block in options {
                let block = block.replace("@/", &format!("{folder}/"));
                blocks.extend(["server { listen 127.0.0.1:", &port.to_string(), " ssl; ", &block, " }\n"]);
            }
        }
        let config = format!(
            "daemon off; master_process off; pid {folder}/nginx.pid; worker_processes 1;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{blocks}}}"
        );
        let mut command = NGINX.command();
        command.arg("-p").arg(sandbox.folder()).arg("-e").arg(sandbox.path("error.log"));
        command.arg("-c").arg(sandbox.write("nginx.conf", &config));
        (command, found)
    };
    let (daemon, found) =
        Daemon::start(&sandbox.path("nginx.log"), prepare, |found, _| found.iter().all(|port| listens(*port)));
    for (row, port) in rows.into_iter().zip(found) {
        ports[row] = port;
    }
    daemon
}

fn s_server(sandbox: &CliSandbox, row: &Row, options: &[&str], port: &mut u16) -> Daemon {
    let prepare = || {
        let port = free_port();
        let mut command = OPENSSL.command();
        command.current_dir(sandbox.folder()).args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
        command.args(options);
        (command, port)
    };
    let log = sandbox.path(&format!("{}.log", row.name));
    let (daemon, found) = Daemon::start(&log, prepare, |_, output| output.contains("ACCEPT"));
    *port = found;
    daemon
}

fn haproxy(sandbox: &CliSandbox, options: &str, port: &mut u16) -> Daemon {
    let both: Vec<u8> =
        ["p256.pem", "p256.key"].iter().flat_map(|name| std::fs::read(sandbox.path(name)).unwrap()).collect();
    std::fs::write(sandbox.path("haproxy.pem"), both).unwrap();
    let prepare = || {
        let port = free_port();
        let config = format!(
            "defaults\n mode http\n timeout client 20s\n timeout server 20s\n timeout connect 20s\nfrontend f\n \
             bind 127.0.0.1:{port} ssl crt {} {options}\n http-request return status 200\n",
            sandbox.path("haproxy.pem").display()
        );
        let mut command = HAPROXY.command();
        command.args(["-db", "-f"]).arg(sandbox.write("haproxy.cfg", &config));
        (command, port)
    };
    let (daemon, found) = Daemon::start(&sandbox.path("haproxy.log"), prepare, |port, _| listens(*port));
    *port = found;
    daemon
}

/// A server in this process, since the OpenSSL here knows no post-quantum group.
fn rustls(runtime: &tokio::runtime::Runtime, folder: &Path, groups: &[&str]) -> u16 {
    let known = |name: &&str| match *name {
        "X25519MLKEM768" => kx_group::X25519MLKEM768,
        "SecP256r1MLKEM768" => kx_group::SECP256R1MLKEM768,
        "MLKEM1024" => kx_group::MLKEM1024,
        other => panic!("no group {other}"),
    };
    let provider = CryptoProvider { kx_groups: groups.iter().map(known).collect(), ..aws_lc_rs::default_provider() };
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let chain = CertificateDer::pem_file_iter(file("p256.pem")).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(file("p256.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                    }
                });
            }
        });
        port
    })
}
