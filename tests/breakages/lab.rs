//! A small edge in network namespaces, all of it real daemons: two backends (nginx), a balancer (haproxy), two name servers of
//! the zone and one of its parent (knot), a resolver (bind), and a client who sees them over one switch.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};

use crate::daemon::Daemon;
use crate::namespace::{Namespace, namespace};
use crate::peer::{DIG, HAPROXY, IP, KNOT, NAMED, NFT, NGINX, OPENSSL, Peer, installed};
use crate::pki::{Authority, Identity, NEW_KEY};
use crate::sandbox::{CliSandbox, Ran};
use crate::{PATIENCE, printed, within};

/// Where they are. The switch has no address.
const PLACES: &[(&str, &[&str])] = &[
    ("switch", &[]),
    ("client", &["192.0.2.100/24", "2001:db8::100/64"]),
    ("core", &["192.0.2.50/24", "192.0.2.52/24"]),
    ("ns1", &["192.0.2.53/24"]),
    ("ns2", &["192.0.2.54/24"]),
    ("balancer", &["192.0.2.10/24", "2001:db8::10/64"]),
    ("be1", &["192.0.2.11/24"]),
    ("be2", &["192.0.2.12/24"]),
];
const RESOLVER: &str = "192.0.2.52";
/// Known to the switch's neighbours, and nobody has it: packets to it are lost, as they are behind a router.
const NOBODY: &str = "192.0.2.9";
const HTTP: &str = "frontend http\n    bind 192.0.2.10:80\n    bind [2001:db8::10]:80\n    \
                    http-request redirect scheme https code 301\n";
/// Fills the queue of a listener whose backlog is 4.
const HELD: usize = 5;

/// How a backend is set up; by default as it should be.
pub struct Backend {
    /// Name of the certificate's files.
    pub certificate: &'static str,
    /// Body of nginx's `location = /health`.
    pub health: &'static str,
    /// Body of nginx's `location = /account`, where `/login` leads to.
    pub account: &'static str,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            certificate: "good",
            health: r#"default_type application/json; return 200 '{"status":"ok"}';"#,
            account: "default_type text/plain; return 200 'your account';",
        }
    }
}

/// How the balancer is set up; by default as it should be.
pub struct Balancer {
    /// Name of the certificate's files.
    pub certificate: &'static str,
    /// What else haproxy's `bind` says of TLS.
    pub tls: &'static str,
    /// Whether it listens on port 80.
    pub http: bool,
}

impl Default for Balancer {
    fn default() -> Self {
        Self { certificate: "good", tls: "", http: true }
    }
}

/// The lab. Whoever is dropped first stands first: programs before the namespaces they run in.
pub struct Lab {
    held: Option<Child>,
    daemons: BTreeMap<&'static str, Daemon>,
    sandbox: CliSandbox,
    places: BTreeMap<&'static str, Namespace>,
}

impl Lab {
    /// `None` where it cannot be built, which has been wording.
    pub fn up() -> Option<Self> {
        if !installed(&[IP, NFT, NGINX, HAPROXY, KNOT, NAMED, OPENSSL, DIG]) {
            return None;
        }
        let mut places = BTreeMap::new();
        for (name, _) in PLACES {
            places.insert(*name, namespace()?);
        }
        let mut lab = Self { held: None, daemons: BTreeMap::new(), sandbox: CliSandbox::new(), places };
        lab.wire();
        lab.certify();
        lab.sandbox.write("gate.yaml", include_str!("data/gate.yaml"));
        lab.name_server("parent", "core", "192.0.2.50", "test.", include_str!("data/parent.zone"));
        lab.zone(&[]);
        lab.backend("be1", &Backend::default());
        lab.backend("be2", &Backend::default());
        lab.balancer(&Balancer::default());
        Some(lab)
    }

    fn wire(&self) {
        let switch = &self.places["switch"];
        switch.setup("ip link add name bridge0 type bridge\nip link set bridge0 up");
        for (name, addresses) in PLACES.iter().filter(|(_, addresses)| !addresses.is_empty()) {
            let place = &self.places[name];
            switch.setup(&format!(
                "ip link add to-{name} type veth peer name eth0 netns {}\nip link set to-{name} master bridge0 up",
                place.name()
            ));
            place.setup("ip link set lo up\nip link set eth0 up");
            for address in *addresses {
                let more = if address.contains(':') { "nodad" } else { "" };
                place.setup(&format!("ip address add {address} dev eth0 {more}"));
            }
        }
        let client = &self.places["client"];
        client.setup(&format!("ip neigh add {NOBODY} lladdr 02:00:00:00:00:01 dev eth0"));
        client.resolver(&format!("nameserver {RESOLVER}\noptions timeout:1 attempts:1\n"));
    }

    /// Certificates `good`, `other` (of another name) and `expired`, of an authority that the suite trusts.
    fn certify(&self) {
        let authority = Authority::new(self.sandbox.path("Example CA"));
        std::fs::copy(authority.root(), self.sandbox.path("ca.pem")).unwrap();
        let lasting: &[&str] = &["-days", "60"];
        let over: &[&str] = &["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
        let kinds = [("good", "www", lasting), ("other", "staging", lasting), ("expired", "www", over)];
        for (file, host, validity) in kinds {
            let name = format!("{host}.example.test");
            let extensions = format!(
                "basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\n\
                extendedKeyUsage = serverAuth\nsubjectAltName = DNS:{name}\n"
            );
            let Identity { certificate, key } = authority.issued(&name, &NEW_KEY, &extensions, validity);
            let [certificate, key] = [certificate, key].map(|path| std::fs::read_to_string(path).unwrap());
            self.sandbox.write(&format!("{file}.pem"), &certificate);
            self.sandbox.write(&format!("{file}.key"), &key);
            self.sandbox.write(&format!("{file}.both"), &(certificate + &key));
        }
    }

    /// (Re)starts nginx of a backend.
    pub fn backend(&mut self, name: &'static str, with: &Backend) {
        let address = if name == "be1" { "192.0.2.11" } else { "192.0.2.12" };
        let Backend { certificate, health, account } = with;
        let values = [
            ("NAME", name),
            ("ADDRESS", address),
            ("CERTIFICATE", certificate),
            ("HEALTH", health),
            ("ACCOUNT", account),
        ];
        let config = self.config(&format!("{name}.conf"), include_str!("data/backend.conf"), &values);
        let folder = self.sandbox.folder().to_str().unwrap().to_owned();
        self.start(
            name,
            name,
            NGINX,
            &["-p", &folder, "-e", &format!("{folder}/{name}.error"), "-c", &config],
            |lab| lab.accepts(address, 443),
        );
    }

    /// (Re)starts the balancer.
    pub fn balancer(&mut self, with: &Balancer) {
        let values =
            [("CERTIFICATE", with.certificate), ("TLS", with.tls), ("HTTP", if with.http { HTTP } else { "" })];
        let config = self.config("balancer.cfg", include_str!("data/balancer.cfg"), &values);
        let ports: &[u16] = if with.http { &[443, 80] } else { &[443] };
        self.start("balancer", "balancer", HAPROXY, &["-db", "-f", &config], |lab| {
            ports.iter().all(|port| lab.accepts("192.0.2.10", *port) && lab.accepts("2001:db8::10", *port))
        });
    }

    /// What the application behind the standby backend takes for an answer.
    pub fn delay_application(&mut self, delay: &str) {
        let config = self.config("slow.cfg", include_str!("data/slow.cfg"), &[("DELAY", delay)]);
        let listens = |lab: &Self| lab.inside("be2", "ss", &["-Hltn", "sport = :9000"]).contains(":9000");
        self.start("slow", "be2", HAPROXY, &["-db", "-f", &config], listens);
        self.backend("be2", &Backend { health: "proxy_pass http://127.0.0.1:9000;", ..Backend::default() });
    }

    /// The application is as quick as before.
    pub fn application_in_time(&mut self) {
        self.stop("slow");
        self.backend("be2", &Backend::default());
    }

    /// The zone with these texts replaced and a new serial, on both of its servers; and a resolver that remembers nothing.
    pub fn zone(&mut self, edits: &[(&str, &str)]) {
        let mut zone = include_str!("data/example.zone").to_owned();
        for (old, new) in edits.iter().copied().chain((!edits.is_empty()).then_some(("2026112401", "2026112402"))) {
            assert!(zone.contains(old), "{old} is not in\n{zone}");
            zone = zone.replace(old, new);
        }
        self.name_server("ns1", "ns1", "192.0.2.53", "example.test.", &zone);
        self.name_server("ns2", "ns2", "192.0.2.54", "example.test.", &zone);
        self.resolver();
    }

    /// (Re)starts the resolver.
    pub fn resolver(&mut self) {
        let config = self.config("resolver.conf", include_str!("data/resolver.conf"), &[]);
        self.start("resolver", "core", NAMED, &["-g", "-c", &config], |lab| lab.answers(RESOLVER, "www.example.test"));
    }

    fn name_server(&mut self, name: &'static str, place: &'static str, address: &str, zone: &str, text: &str) {
        self.sandbox.write(&format!("{name}.zone"), text);
        for folder in ["run", "db"] {
            std::fs::create_dir_all(self.sandbox.path(&format!("{name}.{folder}"))).unwrap();
        }
        let values = [("NAME", name), ("ADDRESS", address), ("ZONE", zone)];
        let config = self.config(&format!("{name}.conf"), include_str!("data/nameserver.conf"), &values);
        // A referral has no answer: each is asked for what it knows itself.
        let apex = if zone == "test." { "a.nic.test" } else { "ns1.example.test" };
        self.start(name, place, KNOT, &["-c", &config], |lab| lab.answers(address, apex));
    }

    /// Writes a configuration, and gives its path.
    fn config(&self, file: &str, template: &str, values: &[(&str, &str)]) -> String {
        let folder = self.sandbox.folder().to_str().unwrap();
        let all = values.iter().copied().chain([("DIR", folder)]);
        let text = all.fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value));
        self.sandbox.write(file, &text).to_str().unwrap().to_owned()
    }

    /// Starts a daemon in a place, after the one of that name has ended.
    fn start(
        &mut self,
        name: &'static str,
        place: &'static str,
        peer: Peer,
        words: &[&str],
        ready: impl Fn(&Self) -> bool,
    ) {
        self.stop(name);
        let prepare = || {
            let mut command = self.places[place].command(peer.command().get_program().to_str().unwrap());
            command.args(words);
            (command, ())
        };
        let log = self.sandbox.path(&format!("{name}.log"));
        let (daemon, ()) = Daemon::start(&log, prepare, |(), _| ready(self));
        self.daemons.insert(name, daemon);
    }

    /// Ends a daemon, if it runs.
    pub fn stop(&mut self, name: &str) {
        drop(self.daemons.remove(name));
    }

    /// Rules of a place's firewall for what comes in; none ends it.
    pub fn filter(&self, place: &str, rules: &[&str]) {
        let place = &self.places[place];
        if rules.is_empty() {
            return place.setup("nft delete table inet lab");
        }
        place.setup("nft add table inet lab\nnft 'add chain inet lab in { type filter hook input priority 0; }'");
        for rule in rules {
            place.setup(&format!("nft 'add rule inet lab in {rule}'"));
        }
    }

    /// A command of the balancer's admin socket.
    pub fn admin(&self, words: &str) {
        let mut socket = UnixStream::connect(self.sandbox.path("balancer.sock")).unwrap();
        writeln!(socket, "{words}").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.trim().is_empty(), "{words}: {answer}");
    }

    /// The standby backend accepts nothing any more, and its queue of connections is full.
    pub fn fill_accept_queue(&mut self) {
        let pid = self.daemons["be2"].pid();
        kill(pid, Signal::SIGSTOP).unwrap();
        let stopped = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ").then_some(());
        assert!(within(PATIENCE, stopped).is_some(), "be2 does not stop");
        let fill = format!(
            "for n in $(seq {HELD}); do exec {{n}}<>/dev/tcp/192.0.2.12/443 || exit 1; done; echo held; read -r"
        );
        let mut command = self.places["client"].command("bash");
        let mut child = command.args(["-c", &fill]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        self.held = Some(child);
        // `LISTEN 5 4 192.0.2.12:443 …`: waiting, and how many may.
        let full = || {
            let listener = self.inside("be2", "ss", &["-Hltn", "sport = :443"]);
            listener.split_whitespace().nth(1).is_some_and(|waiting| waiting == HELD.to_string()).then_some(())
        };
        assert!(within(PATIENCE, full).is_some(), "the queue is not full");
    }

    /// It goes on.
    pub fn accept_again(&mut self) {
        kill(self.daemons["be2"].pid(), Signal::SIGCONT).unwrap();
        if let Some(mut child) = self.held.take() {
            // At the end of its input it ends.
            drop(child.stdin.take());
            child.wait().unwrap();
        }
        self.backend("be2", &Backend::default());
    }

    /// What the suite comes to, as the client sees it.
    pub fn run(&self, more: &[&str]) -> Ran {
        let args = ["run", "gate.yaml", "--jobs", "1", "--progress", "none", "--json", "report.json"];
        let inner = self.sandbox.shakedown(&args);
        let mut command = self.places["client"].command(inner.get_program().to_str().unwrap());
        for (name, _) in inner.get_envs() {
            command.env_remove(name);
        }
        command.args(inner.get_args()).args(more).current_dir(self.sandbox.folder());
        let output = command.output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let report = std::fs::read(self.sandbox.path("report.json")).unwrap_or_else(|_| panic!("no report: {shown}"));
        std::fs::remove_file(self.sandbox.path("report.json")).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), report: serde_json::from_slice(&report).unwrap(), shown }
    }

    /// Output of a program in a place, which must succeed.
    fn inside(&self, place: &str, program: &str, args: &[&str]) -> String {
        printed(self.places[place].command(program).args(args))
    }

    /// Somebody takes the client's connections there.
    fn accepts(&self, address: &str, port: u16) -> bool {
        let mut command = self.places["client"].command("bash");
        let connect = format!("exec 3<>/dev/tcp/{address}/{port}");
        command.args(["-c", &connect]).stderr(Stdio::null()).status().unwrap().success()
    }

    /// A server has an address of this name.
    fn answers(&self, server: &str, name: &str) -> bool {
        let mut command: Command = self.places["client"].command(DIG.command().get_program().to_str().unwrap());
        let output =
            command.args([&format!("@{server}"), "+short", "+tries=1", "+time=1", name, "A"]).output().unwrap();
        output.status.success() && String::from_utf8_lossy(&output.stdout).starts_with("192.0.2.")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // One that is stopped cannot be asked to end.
        for daemon in self.daemons.values() {
            let _ = kill(daemon.pid(), Signal::SIGCONT);
        }
        if let Some(child) = &mut self.held {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
