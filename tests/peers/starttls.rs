//! Daemons that begin in plain text: each is brought to TLS in its own words, and shows the certificate it was given.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::daemon::{Daemon, free_port, listens};
use super::peer::{DOVECOT, MARIADB, OPENSSL, POSTFIX, POSTGRES, PROFTPD, PROSODY, Peer, SLAPD, installed, skip};
use super::pki::{Authority, Identity};
use super::printed;
use super::sandbox::CliSandbox;

/// A scratch folder that daemons may read under users of their own, and a certificate.
struct Room {
    sandbox: CliSandbox,
    server: Identity,
}

impl Room {
    /// `None` when a program is not there, or this test may not start daemons that change their user.
    fn new(peer: Peer, as_root: bool) -> Option<Self> {
        if !installed(&[peer, OPENSSL]) {
            return None;
        }
        if as_root && !is_root() {
            skip(&format!("{peer:?} changes its user, which needs root"), "run the tests as root");
            return None;
        }
        let sandbox = CliSandbox::new();
        std::fs::set_permissions(sandbox.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let server = Authority::new(sandbox.path("authority")).server();
        Some(Self { sandbox, server })
    }

    /// A configuration with the places in it filled in.
    fn config(&self, name: &str, text: &str, ports: &[u16]) -> std::path::PathBuf {
        let mut text = text
            .replace("@FOLDER", self.sandbox.folder().to_str().unwrap())
            .replace("@CERT", self.server.certificate.to_str().unwrap())
            .replace("@KEY", self.server.key.to_str().unwrap());
        for (index, port) in ports.iter().enumerate() {
            text = text.replace(&format!("@PORT{index}"), &port.to_string());
        }
        self.sandbox.write(name, &text)
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        let path = self.sandbox.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Starts a daemon that listens on as many ports.
    fn start<const N: usize>(&self, mut prepare: impl FnMut([u16; N]) -> Command) -> (Daemon, [u16; N]) {
        Daemon::start(
            &self.sandbox.path("daemon.log"),
            || {
                let ports = std::array::from_fn(|_| free_port());
                (prepare(ports), ports)
            },
            |ports, _| ports.iter().all(|port| listens(*port)),
        )
    }

    /// Every protocol on its port is upgraded, and the certificate is the daemon's.
    fn upgraded(&self, protocols: &[&str], ports: &[u16]) {
        let checks: String = protocols.iter().zip(ports).map(|(protocol, port)| check(protocol, *port)).collect();
        let ran = self.sandbox.run(&checks, &[]);
        ran.all_held();
        let serial = self.server.shown("-serial").to_ascii_lowercase();
        for protocol in protocols {
            assert_eq!(*ran.fact(protocol, "serial"), serial.as_str(), "{}", ran.shown);
            assert!(!ran.fact(protocol, "starttls_time").is_null(), "{}", ran.shown);
        }
    }

    /// The server has no TLS, and says so in this way.
    fn refused(&self, protocol: &str, port: u16, word: &str) {
        let ran = self.sandbox.run(&check(protocol, port), &[]);
        ran.failed(&[protocol]);
        assert_eq!(*ran.fact(protocol, "outcome"), "no_starttls", "{}", ran.shown);
        assert_eq!(*ran.fact(protocol, "starttls"), word, "{}", ran.shown);
        assert!(ran.fact(protocol, "verified").is_null(), "{}", ran.shown);
    }
}

fn check(protocol: &str, port: u16) -> String {
    format!(
        "  - id: {protocol}\n    tls:\n      host: 127.0.0.1\n      port: {port}\n      starttls: {protocol}\n      \
         sni: www.peer.test\n      ca_file: authority/ca.pem\n      timeout: 20s\n    \
         expect: {{outcome: completed, verified: true, starttls: upgraded, starttls.injected: false}}\n"
    )
}

const MAIN_CF: &str = "\
compatibility_level = 3.6
queue_directory = @FOLDER/queue
data_directory = @FOLDER/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.peer.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
smtpd_tls_security_level = may
smtpd_tls_cert_file = @CERT
smtpd_tls_key_file = @KEY
smtpd_peername_lookup = no
maillog_file = @FOLDER/log/maillog
maillog_file_prefixes = @FOLDER
";
const MASTER_CF: &str = "\
127.0.0.1:@PORT0 inet n - n - - smtpd
127.0.0.1:@PORT1 inet n - n - - smtpd -o smtpd_tls_security_level=none
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
postlog unix-dgram n - n - 1 postlogd
";

#[test]
fn postfix_speaks_smtp() {
    let Some(room) = Room::new(POSTFIX, true) else { return };
    let (etc, data) = (room.folder("etc"), room.folder("data"));
    room.folder("queue");
    room.folder("log");
    give("postfix", &data);
    // Its wrapper script looks after the queue's folders; the daemon itself then stays this test's child.
    for file in ["postfix-files", "post-install", "postfix-script"] {
        let from = ["/etc/postfix", "/usr/lib/postfix/sbin"].map(|folder| Path::new(folder).join(file));
        if let Some(from) = from.iter().find(|from| from.is_file()) {
            std::fs::copy(from, etc.join(file)).unwrap();
        }
    }
    let (_daemon, [with, without]) = room.start(|ports| {
        room.config("etc/main.cf", MAIN_CF, &ports);
        room.config("etc/master.cf", MASTER_CF, &ports);
        let checked = POSTFIX.command().arg("-c").arg(&etc).arg("check").output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let mut command = Command::new("/usr/lib/postfix/sbin/master");
        command.arg("-c").arg(&etc).arg("-d");
        command
    });
    room.upgraded(&["smtp"], &[with]);
    room.refused("smtp", without, "not_offered");
    scanned(&room, with);
    talked(&room, with);
}

/// A dialogue in plain text: to its end, and up to a step that is answered otherwise.
fn talked(room: &Room, port: u16) {
    const HELLO: &str =
        "{expect: \"220 mail.peer.test\"}, {send: \"EHLO probe.test\\r\\n\"}, {matches: \"^250 \", unless: \"^[45]\"}";
    let check = |id: &str, steps: &str, expect: &str| {
        let target = format!("host: 127.0.0.1, port: {port}, timeout: 20s");
        format!("  - {{id: {id}, tcp: {{{target}, dialogue: [{HELLO}, {steps}]}}, expect: {{{expect}}}}}\n")
    };
    let bye = "{send: \"QUIT\\r\\n\"}, {matches: \"^221 \"}, {close: peer}";
    let early = "{send: \"RCPT TO:<x@peer.test>\\r\\n\"}, {matches: \"^250 \", unless: \"^[45]\"}";
    let half = "{send: \"QUIT\\r\\n\"}, {close: write}, {matches: \"^221 \"}";
    let checks = [
        check("whole", bye, "received: {contains: STARTTLS}, dialogue.completed: 6"),
        check("half", half, "received: {contains: \"221 \"}"),
        check("refused", early, "connect_time.max: {lt: 20s}"),
    ];
    let ran = room.sandbox.run(&checks.concat(), &[]);
    ran.failed(&["refused"]);
    let completed = ran.number("refused", "dialogue.completed");
    assert_eq!((ran.fact("refused", "outcome").as_str(), completed), (Some("mismatch"), 4.0));
    let wanted = "step 5: expected a line that matches `^250 `, received \"503 5.5.1";
    assert!(ran.shown.contains(wanted), "{}", ran.shown);
}

/// Every hello of a scan is preceded by STARTTLS.
fn scanned(room: &Room, port: u16) {
    let tls = check("smtp", port).replace("timeout:", "scan: {parallel: 4}\n      timeout:");
    let checks = tls.replace("outcome: completed", "outcome: scanned, scan.unknown: {len: 0}");
    let ran = room.sandbox.run(&checks, &[]);
    ran.all_held();
    assert_eq!(ran.texts("smtp", "scan.versions").last().map(String::as_str), Some("TLS1.3"), "{}", ran.shown);
}

const DOVECOT_CONF: &str = "\
base_dir = @FOLDER/run
state_dir = @FOLDER/state
log_path = @FOLDER/dovecot.log
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1
ssl = yes
ssl_cert = <@CERT
ssl_key = <@KEY
mail_location = maildir:@FOLDER/mail
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=@FOLDER/home
}
service imap-login {
  inet_listener imap {
    port = @PORT0
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = @PORT1
  }
  inet_listener pop3s {
    port = 0
  }
}
service managesieve-login {
  inet_listener sieve {
    port = @PORT2
  }
}
service lmtp {
  inet_listener lmtp {
    port = @PORT3
  }
}
";

#[test]
fn dovecot_speaks_imap_pop3_sieve_and_lmtp() {
    let Some(room) = Room::new(DOVECOT, true) else { return };
    let (_daemon, ports) = room.start::<4>(|ports| {
        let mut command = DOVECOT.command();
        command.arg("-F").arg("-c").arg(room.config("dovecot.conf", DOVECOT_CONF, &ports));
        command
    });
    room.upgraded(&["imap", "pop3", "sieve", "lmtp"], &ports);
}

#[test]
fn postgres_answers_with_one_byte() {
    let Some(room) = Room::new(POSTGRES, false) else { return };
    let cluster = room.folder("cluster");
    let key = room.sandbox.path("postgres.key");
    std::fs::copy(&room.server.key, &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    if is_root() {
        give("postgres", &cluster);
        give("postgres", &key);
    }
    let data = cluster.join("data");
    let initdb = "/usr/lib/postgresql/15/bin/initdb";
    printed(unprivileged(initdb).arg("-D").arg(&data).args(["-U", "nobody", "--auth", "trust", "--no-sync"]));
    for (ssl, word) in [("on", None), ("off", Some("not_offered"))] {
        let (_daemon, [port]) = room.start(|[port]| {
            let mut command = unprivileged("/usr/lib/postgresql/15/bin/postgres");
            command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k", "", "-c", "listen_addresses=127.0.0.1"]);
            command.args(["-c", "fsync=off", "-c", &format!("ssl={ssl}")]);
            command.arg("-c").arg(format!("ssl_cert_file={}", room.server.certificate.display()));
            command.arg("-c").arg(format!("ssl_key_file={}", key.display()));
            command
        });
        match word {
            None => room.upgraded(&["postgres"], &[port]),
            Some(word) => room.refused("postgres", port, word),
        }
    }
}

#[test]
fn mariadb_greets_with_what_it_can_do() {
    let Some(room) = Room::new(MARIADB, false) else { return };
    let data = room.folder("data");
    let tls = |command: &mut Command, port: u16| {
        // Without tables of users nobody could log in; nobody will.
        command.args(["--no-defaults", "--skip-grant-tables", "--innodb-log-file-size=4M", "--bind-address=127.0.0.1"]);
        command.arg(format!("--datadir={}", data.display())).arg(format!("--port={port}"));
        command.arg(format!("--socket={}", room.sandbox.path("socket").display()));
        command.arg(format!("--pid-file={}", room.sandbox.path("pid").display()));
        if is_root() {
            command.arg("--user=root");
        }
    };
    let (daemon, [port]) = room.start(|[port]| {
        let mut command = MARIADB.command();
        tls(&mut command, port);
        command.arg(format!("--ssl-cert={}", room.server.certificate.display()));
        command.arg(format!("--ssl-key={}", room.server.key.display()));
        command
    });
    room.upgraded(&["mysql"], &[port]);
    drop(daemon);
    let (_daemon, [port]) = room.start(|[port]| {
        let mut command = MARIADB.command();
        tls(&mut command, port);
        command.arg("--skip-ssl");
        command
    });
    room.refused("mysql", port, "not_offered");
}

const SLAPD_CONF: &str = "\
include /etc/ldap/schema/core.schema
pidfile @FOLDER/slapd.pid
argsfile @FOLDER/slapd.args
TLSCertificateFile @CERT
TLSCertificateKeyFile @KEY
database config
";

#[test]
fn slapd_knows_the_extended_operation() {
    let Some(room) = Room::new(SLAPD, false) else { return };
    let without: Vec<&str> = SLAPD_CONF.lines().filter(|line| !line.starts_with("TLS")).collect();
    let without = without.join("\n") + "\n";
    for (config, refused) in [(SLAPD_CONF, None), (without.as_str(), Some("not_offered"))] {
        let (_daemon, [port]) = room.start(|[port]| {
            let mut command = SLAPD.command();
            command.arg("-f").arg(room.config("slapd.conf", config, &[]));
            command.args(["-h", &format!("ldap://127.0.0.1:{port}"), "-d", "0"]);
            command
        });
        match refused {
            None => room.upgraded(&["ldap"], &[port]),
            Some(word) => room.refused("ldap", port, word),
        }
    }
}

const PROFTPD_CONF: &str = "\
LoadModule mod_tls.c
ServerName peer
ServerType standalone
UseIPv6 off
UseReverseDNS off
Port @PORT0
DefaultAddress 127.0.0.1
SocketBindTight on
PidFile @FOLDER/proftpd.pid
ScoreboardFile @FOLDER/proftpd.score
DelayEngine off
WtmpLog off
TransferLog none
SystemLog @FOLDER/proftpd.log
User nobody
Group nogroup
TLSEngine on
TLSECCertificateFile @CERT
TLSECCertificateKeyFile @KEY
TLSProtocol TLSv1.2 TLSv1.3
TLSLog @FOLDER/proftpd-tls.log
";

#[test]
fn proftpd_speaks_ftp() {
    let Some(room) = Room::new(PROFTPD, true) else { return };
    let (_daemon, ports) = room.start::<1>(|ports| {
        let mut command = PROFTPD.command();
        command.args(["-n", "-q", "-c"]).arg(room.config("proftpd.conf", PROFTPD_CONF, &ports));
        command
    });
    room.upgraded(&["ftp"], &ports);
}

const PROSODY_CONF: &str = r#"
pidfile = "@FOLDER/prosody.pid"
data_path = "@FOLDER/data"
run_as_root = true
daemonize = false
modules_enabled = { "tls", "saslauth", "dialback" }
interfaces = { "127.0.0.1" }
c2s_ports = { @PORT0 }
s2s_ports = { @PORT1 }
log = { { levels = { min = "info" }, to = "console" } }
VirtualHost "www.peer.test"
  ssl = { certificate = "@CERT", key = "@KEY" }
"#;

#[test]
fn prosody_speaks_xmpp_to_clients_and_servers() {
    let Some(room) = Room::new(PROSODY, false) else { return };
    room.folder("data");
    let (_daemon, ports) = room.start::<2>(|ports| {
        let mut command = PROSODY.command();
        command.arg("-F").arg("--config").arg(room.config("prosody.cfg.lua", PROSODY_CONF, &ports));
        command
    });
    room.upgraded(&["xmpp", "xmpp-server"], &ports);
    // It serves no other domain, and says so with an error of its stream.
    let stranger = check("xmpp", ports[0]).replace("sni: www.peer.test", "sni: other.peer.test");
    let ran = room.sandbox.run(&stranger, &[]);
    ran.failed(&["xmpp"]);
    assert!(ran.shown.contains("host-unknown"), "{}", ran.shown);
}

fn is_root() -> bool {
    printed(Command::new("id").arg("-u")).trim() == "0"
}

fn give(user: &str, path: &Path) {
    printed(Command::new("chown").arg(user).arg(path));
}

/// `PostgreSQL` refuses to run as root.
fn unprivileged(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", program]);
    command
}
