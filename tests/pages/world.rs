//! The network of the pages: the addresses of documentation on the loopback interface of a namespace without a route, and the
//! shop's servers behind them, in a state that a page names.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::zone_handler::Catalog;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::authority;
use super::office::Office;
use super::web::{Issued, Site, TOKEN};

/// `ssh web-a systemctl stop nginx` of the pages: the primary of the pair is down for as long as the file is there.
pub const SSH: &str = "#!/bin/sh\ncase \"$3\" in\n  stop) touch \"$PAGES_FOLDER/primary-is-down\" ;;\n  start) rm -f \"$PAGES_FOLDER/primary-is-down\" ;;\n  *) exit 1 ;;\nesac\n";

/// How long the standby takes over.
const TAKEOVER: Duration = Duration::from_millis(400);

/// States the servers can be in. `well` is the one in which everything is as it should be.
const STATES: &[&str] = &[
    "well",
    "ssh-open",
    "host-down",
    "expired-certificate",
    "backend-stopped",
    "mail-server-stopped",
    "new-release",
    "slow-release",
    "slow-backend",
    "record-forgotten",
    "one-server-behind",
    "no-hsts",
    "no-redirect",
    "redirect-loop",
    "no-client-certificate-asked-for",
    "unhealthy",
    "one-bad-instance",
    "no-standby",
    "starting",
    "never-starts",
    "ipv6-dead",
    "wrong-token",
    "no-token",
    "no-ping-permission",
    "firewall",
    "firewall-rule-missing",
    "firewall-cut-off",
];

/// Names of `/etc/hosts`.
const HOSTS: &[(&str, &str)] = &[
    ("192.0.2.10", "www.shop.example"),
    ("192.0.2.11", "www.shop.example"),
    ("192.0.2.12", "www.shop.example"),
    ("192.0.2.10", "dual.shop.example"),
    ("2001:db8::10", "dual.shop.example"),
    ("192.0.2.20", "new.shop.example"),
    ("192.0.2.30", "api.shop.example"),
    ("192.0.2.53", "ns1.shop.example"),
    ("192.0.2.54", "ns2.shop.example"),
    ("198.51.100.53", "ns1.dns-new.example"),
    ("198.51.100.54", "ns2.dns-new.example"),
];

/// Addresses and names, once for the namespace this process is in.
pub fn prepare() {
    let folder = std::env::temp_dir().join(format!("pages-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let hosts: Vec<String> = HOSTS.iter().map(|(address, name)| format!("{address} {name}")).collect();
    std::fs::write(folder.join("hosts"), format!("127.0.0.1 localhost\n{}\n", hosts.join("\n"))).unwrap();
    std::fs::write(folder.join("resolv.conf"), "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n").unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let mut lines = vec![
        "ip link set lo up".to_owned(),
        format!("mount --bind {} /etc/hosts", file("hosts")),
        format!("mount --bind {} /etc/resolv.conf", file("resolv.conf")),
    ];
    for last in [10, 11, 12, 20, 25, 26, 30, 53, 54, 80, 90, 91] {
        lines.push(format!("ip address add 192.0.2.{last}/32 dev lo"));
    }
    lines.extend([53, 54].map(|last| format!("ip address add 198.51.100.{last}/32 dev lo")));
    lines.push("ip -6 address add 2001:db8::10/128 dev lo nodad".to_owned());
    ip(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    // The mounts keep them.
    std::fs::remove_dir_all(folder).unwrap();
}

/// 192.0.2.10 is at the other end of a cable, with a hardware address that nobody has: what is sent there is lost.
const HOST_DOWN: [&str; 6] = [
    "ip address del 192.0.2.10/32 dev lo",
    "ip link add cable type veth peer name socket",
    "ip link set cable up",
    "ip link set socket up",
    "ip route add 192.0.2.10/32 dev cable src 192.0.2.25",
    "ip neighbour add 192.0.2.10 lladdr 02:00:00:00:00:99 nud permanent dev cable",
];
const HOST_UP: [&str; 2] = ["ip link del cable", "ip address add 192.0.2.10/32 dev lo"];

pub fn ip(lines: &[&str]) {
    for line in lines {
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Running servers; they stop when this is dropped.
pub struct World<'a> {
    runtime: &'a Runtime,
    tasks: Vec<JoinHandle<()>>,
    names: Vec<Server<Catalog>>,
    /// Whether 192.0.2.10 is a host that is switched off.
    down: bool,
    _held: Vec<Socket>,
    /// Where commands are run, if not beside the servers.
    _office: Option<Office>,
    /// What every command is run by.
    pub wrapper: Vec<String>,
    /// What every command finds in its environment.
    pub environment: Vec<(&'static str, &'static str)>,
}

impl<'a> World<'a> {
    pub fn start(runtime: &'a Runtime, issued: &Issued, state: &str, folder: &Path) -> Self {
        assert!(STATES.contains(&state), "`{state}` is no state of the world");
        let office = Office::of_state(state);
        let mut world = Self {
            runtime,
            tasks: Vec::new(),
            names: Vec::new(),
            down: state == "host-down",
            _held: if state == "host-down" {
                ip(&HOST_DOWN);
                Vec::new()
            } else {
                silent(SocketAddr::from(([192, 0, 2, 10], 3306)))
            },
            wrapper: match (&office, state) {
                (Some(office), _) => office.wrapper(),
                // No ping socket is allowed in a new namespace, so this is all that lets anybody ping.
                (None, "no-ping-permission") => ["setpriv", "--bounding-set", "-net_raw"].map(str::to_owned).to_vec(),
                (None, _) => vec!["env".to_owned()],
            },
            _office: office,
            environment: match state {
                "wrong-token" => vec![("SHOP_TOKEN", "an-old-token-nobody-takes")],
                "no-token" => Vec::new(),
                _ => vec![("SHOP_TOKEN", TOKEN)],
            },
        };
        world.web(issued, state);
        world.special(state, folder);
        for address in ["192.0.2.53", "192.0.2.54", "198.51.100.53", "198.51.100.54"] {
            world.names.push(runtime.block_on(authority::serve(address.parse().unwrap(), state)));
        }
        world
    }

    fn web(&mut self, issued: &Issued, state: &str) {
        let hosts = ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.20", "192.0.2.30", "2001:db8::10"];
        for host in hosts {
            let down = match state {
                "host-down" => host == "192.0.2.10",
                "backend-stopped" => host == "192.0.2.12",
                "ipv6-dead" => host == "2001:db8::10",
                _ => false,
            };
            if down {
                continue;
            }
            let at = |port| SocketAddr::new(host.parse::<IpAddr>().unwrap(), port);
            self.serve(Site::plain(at(80), state));
            self.serve(Site::secure(at(443), state, issued));
        }
    }

    fn serve(&mut self, site: Site) {
        let listener = self.runtime.block_on(TcpListener::bind(site.address)).unwrap();
        self.tasks.push(self.runtime.spawn(site.serve(listener)));
    }

    /// What is beside the web servers: an SSH port that may be open, mail servers, a pair with a standby, a service that starts
    /// slowly, and another instance of it.
    fn special(&mut self, state: &str, folder: &Path) {
        if state == "ssh-open" {
            self.serve(Site::plain("192.0.2.10:22".parse().unwrap(), state));
        }
        for host in ["192.0.2.25", "192.0.2.26"] {
            if state == "mail-server-stopped" && host == "192.0.2.26" {
                continue;
            }
            let listener = self.runtime.block_on(TcpListener::bind((host, 25))).unwrap();
            self.tasks.push(self.runtime.spawn(mail(listener)));
        }
        let standby = state != "no-standby";
        let marker = folder.join("primary-is-down");
        let _ = std::fs::remove_file(&marker);
        let listener = self.runtime.block_on(TcpListener::bind("192.0.2.80:443")).unwrap();
        self.tasks.push(self.runtime.spawn(pair(listener, marker, standby)));
        self.serve(Site::plain("192.0.2.91:8080".parse().unwrap(), "well"));
        let site = Site::plain("192.0.2.90:8080".parse().unwrap(), "well");
        match state {
            "never-starts" => {}
            "starting" => self.tasks.push(self.runtime.spawn(async move {
                // It needs this long to start.
                tokio::time::sleep(Duration::from_secs(3)).await;
                let listener = TcpListener::bind(site.address).await.unwrap();
                site.serve(listener).await;
            })),
            _ => self.serve(site),
        }
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if self.down {
            ip(&HOST_UP);
        }
        for task in &self.tasks {
            task.abort();
        }
        self.runtime.block_on(async {
            for task in self.tasks.drain(..) {
                let _ = task.await;
            }
            for mut server in self.names.drain(..) {
                let _ = server.shutdown_gracefully().await;
            }
        });
    }
}

/// Accepts and greets, unless its primary is down and no standby has taken over: then it resets.
async fn pair(listener: TcpListener, marker: PathBuf, standby: bool) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let down = std::fs::metadata(&marker).and_then(|file| file.modified()).ok();
        let away = down.is_some_and(|since| !standby || since.elapsed().unwrap_or_default() < TAKEOVER);
        if away {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            continue;
        }
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(b"ready\n").await;
        });
    }
}

/// Greets as a mail server, and waits for what comes.
async fn mail(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let _ = stream.write_all(b"220 mail.shop.example ESMTP\r\n").await;
            let _ = stream.read(&mut [0; 256]).await;
        });
    }
}

/// A port that answers nothing: its queue of connections is full.
fn silent(at: SocketAddr) -> Vec<Socket> {
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.set_reuse_address(true).unwrap();
    full.bind(&at.into()).unwrap();
    full.listen(0).unwrap();
    let mut held = vec![full];
    for _ in 0..4 {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        filler.set_nonblocking(true).unwrap();
        let _ = filler.connect(&at.into());
        held.push(filler);
    }
    held
}
