//! On what terms real servers deal with clients: openssl's client certificates, nginx's tickets and protocols, haproxy in
//! front of two servers that do not share their keys.

use super::daemon::{Daemon, free_port, listens};
use super::peer::{HAPROXY, NGINX, OPENSSL, installed};
use super::pki::{Authority, Identity};
use super::sandbox::CliSandbox;

struct Room {
    sandbox: CliSandbox,
    authority: Authority,
    server: Identity,
}

impl Room {
    fn new() -> Self {
        let sandbox = CliSandbox::new();
        let authority = Authority::new(sandbox.path("authority"));
        let server = authority.server();
        Self { sandbox, authority, server }
    }

    fn s_server(&self, options: &[&str]) -> (Daemon, u16) {
        let prepare = || {
            let port = free_port();
            let mut command = OPENSSL.command();
            command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
            command.arg("-cert").arg(&self.server.certificate).arg("-key").arg(&self.server.key).args(options);
            (command, port)
        };
        Daemon::start(&self.sandbox.path("s_server.log"), prepare, |_, output| output.contains("ACCEPT"))
    }

    /// nginx with one server for each block of directives.
    fn nginx(&self, blocks: &[&str]) -> (Daemon, Vec<u16>) {
        let folder = self.sandbox.folder().to_str().unwrap();
        let prepare = || {
            let ports: Vec<u16> = blocks.iter().map(|_| free_port()).collect();
            let servers: Vec<String> = blocks
                .iter()
                .zip(&ports)
                .map(|(block, port)| format!("server {{ listen 127.0.0.1:{port} ssl; {block} return 204; }}"))
                .collect();
            let servers = servers.join("\n");
            let config = format!(
                "daemon off; master_process off; pid {folder}/nginx.pid; events {{ worker_connections 128; }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2 TLSv1.3;\n{servers}}}\n",
                self.server.certificate.display(),
                self.server.key.display()
            );
            let mut command = NGINX.command();
            command.arg("-p").arg(folder).arg("-e").arg(self.sandbox.path("error.log"));
            command.arg("-c").arg(self.sandbox.write("nginx.conf", &config));
            (command, ports)
        };
        let ready = |ports: &Vec<u16>, _: &str| ports.iter().all(|port| listens(*port));
        Daemon::start(&self.sandbox.path("nginx.log"), prepare, ready)
    }
}

/// A check of a port; `fields` and `expect` as in a suite.
fn check(id: &str, port: u16, fields: &str, expect: &str) -> String {
    format!(
        "  - id: {id}\n    tls: {{host: 127.0.0.1, port: {port}, sni: www.peer.test, ca_file: authority/ca.pem, \
         timeout: 20s{fields}}}\n    expect: {{verified: true, {expect}}}\n"
    )
}

#[test]
fn openssl_asks_insists_or_does_not_care() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let room = Room::new();
    let root = room.authority.root();
    let root = root.to_str().unwrap();
    room.authority.client();
    let known = ", client_cert: authority/client.pem, client_key: authority/client.key, mtls: true";
    for version in ["-tls1_2", "-tls1_3"] {
        let (_daemon, port) = room.s_server(&[version]);
        let ran = room.sandbox.run(&check("none", port, "", "client_certificate: none"), &[]);
        ran.all_held();
        assert!(ran.fact("none", "client_certificate.authorities").is_null());

        let (_daemon, port) = room.s_server(&[version, "-verify", "2", "-CAfile", root]);
        let checks = check("anonymous", port, "", "client_certificate: optional")
            + &check("known", port, known, "client_certificate: optional");
        room.sandbox.run(&checks, &[]).all_held();

        let (_daemon, port) = room.s_server(&[version, "-Verify", "2", "-verify_return_error", "-CAfile", root]);
        let anonymous = check("anonymous", port, "", "client_certificate: required")
            .replace("verified: true, ", "outcome: {in: [completed, alert]}, ");
        let ran = room.sandbox.run(&(anonymous + &check("known", port, known, "client_certificate: required")), &[]);
        ran.all_held();
        let names = ran.texts("anonymous", "client_certificate.authorities");
        assert_eq!(names, ["O=Peer Tests, CN=authority"], "{}", ran.shown);
    }
}

#[test]
fn nginx_resumes_by_ticket_by_cache_or_not_at_all() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let room = Room::new();
    let (_daemon, ports) = room.nginx(&[
        "ssl_session_tickets on;",
        "ssl_session_tickets off; ssl_session_cache shared:a:1m;",
        "ssl_session_tickets off; ssl_session_cache off;",
    ]);
    let all = "resumption.tls1.2: 100%, resumption.tls1.3: 100%";
    let none = "resumption.tls1.2: 0%, resumption.tls1.3: 0%";
    let tries = ", resumption: 5";
    let checks = check("tickets", ports[0], tries, all)
        + &check("cache", ports[1], tries, all)
        + &check("nothing", ports[2], tries, none)
        + &check("old", ports[0], ", resumption: 5, max_version: TLS1.2", "resumption.tls1.3: {present: false}");
    room.sandbox.run(&checks, &[]).all_held();
}

#[test]
fn two_servers_behind_haproxy_without_a_common_key_resume_half() {
    if !installed(&[NGINX, HAPROXY, OPENSSL]) {
        return;
    }
    let room = Room::new();
    for name in ["one.key", "two.key"] {
        super::printed(OPENSSL.command().current_dir(room.sandbox.folder()).args(["rand", "-out", name, "80"]));
    }
    let folder = room.sandbox.folder().to_str().unwrap();
    let keys = ["one.key", "two.key"].map(|name| format!("ssl_session_ticket_key {folder}/{name};"));
    let (_nginx, behind) = room.nginx(&[&keys[0], &keys[1], &keys[0], &keys[0]]);
    let prepare = || {
        let ports = [free_port(), free_port()];
        let pair = |name: &str, port: u16, a: u16, b: u16| {
            format!(
                "frontend {name}\n    bind 127.0.0.1:{port}\n    default_backend {name}-pair\nbackend {name}-pair\n    \
                 balance roundrobin\n    server a 127.0.0.1:{a}\n    server b 127.0.0.1:{b}\n"
            )
        };
        let config = format!(
            "defaults\n    mode tcp\n    timeout connect 20s\n    timeout client 20s\n    timeout server 20s\n{}{}",
            pair("apart", ports[0], behind[0], behind[1]),
            pair("alike", ports[1], behind[2], behind[3])
        );
        let mut command = HAPROXY.command();
        command.arg("-db").arg("-f").arg(room.sandbox.write("haproxy.cfg", &config));
        (command, ports)
    };
    let (_haproxy, [apart, alike]) =
        Daemon::start(&room.sandbox.path("haproxy.log"), prepare, |ports, _| ports.iter().all(|port| listens(*port)));
    let half = "resumption.tls1.2: {between: [20%, 80%]}, resumption.tls1.3: {between: [20%, 80%]}";
    let all = "resumption.tls1.2: 100%, resumption.tls1.3: 100%";
    let checks = check("apart", apart, ", resumption: 40", half) + &check("alike", alike, ", resumption: 10", all);
    room.sandbox.run(&checks, &[]).all_held();
}

#[test]
fn nginx_speaks_the_protocols_it_is_told_to() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let room = Room::new();
    let (_daemon, ports) = room.nginx(&[""]);
    let set = ", alpn_set: [h2, http/1.1, http/1.0, imap]";
    let ran = room.sandbox.run(&check("web", ports[0], set, "alpn.accepted: {contains: [http/1.1]}"), &[]);
    ran.all_held();
    // nginx 1.22 without `http2` speaks HTTP/1.1, 1.0 and 0.9.
    assert_eq!(ran.texts("web", "alpn.accepted"), ["http/1.1", "http/1.0"], "{}", ran.shown);
}

#[test]
fn openssl_counts_as_many_handshakes_as_the_load_does() {
    if !installed(&[OPENSSL]) {
        return;
    }
    let _room = super::quiet();
    let room = Room::new();
    for (resume, hits) in [(false, 0), (true, 20)] {
        let (_daemon, port) = room.s_server(&[]);
        let load = format!(", load: {{connections: 1, duration: 50s, count: 20, resume: {resume}}}");
        room.sandbox.run(&check("load", port, &load, "load.handshakes: 20, load.errors: 0"), &[]).all_held();
        // The look, a first one to resume, the load, and the one that asks.
        let all = 20 + 1 + i32::from(resume) + 1;
        let page = format!(
            "  - id: page\n    http: {{url: \"https://www.peer.test:{port}/\", resolve: 127.0.0.1, ca_file: authority/ca.pem}}\n    \
             expect: {{body: {{all_of: [{{matches: \" {all} server accepts that finished\"}}, {{matches: \" {hits} session cache hits\"}}]}}}}\n"
        );
        room.sandbox.run(&page, &[]).all_held();
    }
}

#[test]
fn nginx_under_load_is_verified_every_time() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let _room = super::quiet();
    let room = Room::new();
    let (_daemon, ports) = room.nginx(&["ssl_session_cache shared:a:1m;"]);
    let load = |more: &str| format!(", load: {{connections: 4, duration: 1s{more}}}");
    let held = "load.errors: 0, load.handshakes_per_second: {gt: 0 /s}, load.handshake_time.p99: {gt: 0ms}";
    let checks = check("full", ports[0], &load(""), &format!("{held}, load.resumed: 0%"))
        + &check("resumed", ports[0], &load(", resume: true"), &format!("{held}, load.resumed: {{ge: 90%}}"))
        + &check("rate", ports[0], &load(", rate: 20 /s"), "load.errors: 0, load.handshakes: {between: [10, 20]}")
        + &format!(
            "  - id: untrusted\n    tls: {{host: 127.0.0.1, port: {}, sni: www.peer.test, load: {{duration: 1s}}}}\n",
            ports[0]
        );
    let ran = room.sandbox.run(&checks, &[]);
    ran.failed(&["untrusted"]);
    assert!(ran.fact("untrusted", "load.handshakes_per_second").is_null(), "{}", ran.shown);
}
