//! A parent zone `test.` and children signed well, badly or not at all, by ldns when the test runs.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::daemon::{Daemon, free_port};
use super::peer::{LDNS, NSD};
use super::printed;
use super::sandbox::CliSandbox;

/// The records of every child. `*.wild` stands directly above the names that are asked for.
const BODY: &str = "\
$TTL 300
@       SOA   ns hostmaster 2026010100 3600 600 604800 60
@       NS    ns
ns      A     127.0.0.1
www     A     192.0.2.10
*.wild  A     192.0.2.11
a.b.ent A     192.0.2.12
alias   CNAME www
away    CNAME www.good.test.
lost    CNAME nowhere.good.test.
fall    CNAME www.expired.test.
drop    CNAME www.unsigned.test.
tree    DNAME sub
x.sub   A     192.0.2.13
";

/// How a child is signed, and what is done to it afterwards.
struct Child {
    name: &'static str,
    algorithm: &'static str,
    /// Days from now to the beginning and the end of its signatures.
    days: (i64, i64),
    options: &'static [&'static str],
    /// Records of its own.
    more: &'static str,
    damage: Damage,
}

#[derive(Clone, Copy, PartialEq)]
enum Damage {
    None,
    /// No signatures, no DS.
    Unsigned,
    /// No signatures, but a DS.
    NoKeys,
    WrongDs,
    UnknownDs,
    NoNsec,
    /// Of `www A`.
    NoRrsig,
    /// Of `DNSKEY` by the key DS names.
    NoKeyRrsig,
    Altered,
}

const fn child(name: &'static str) -> Child {
    let (days, options) = ((-1, 14), [].as_slice());
    Child { name, algorithm: "ECDSAP256SHA256", days, options, more: "", damage: Damage::None }
}

const fn damaged(name: &'static str, damage: Damage) -> Child {
    Child { damage, ..child(name) }
}

const CHILDREN: &[Child] = &[
    child("good"),
    Child { days: (-30, -10), ..child("expired") },
    Child { days: (1, 20), ..child("future") },
    damaged("wrongds", Damage::WrongDs),
    damaged("unknown", Damage::UnknownDs),
    damaged("nokeys", Damage::NoKeys),
    damaged("nonsec", Damage::NoNsec),
    damaged("norrsig", Damage::NoRrsig),
    damaged("nokeysig", Damage::NoKeyRrsig),
    damaged("altered", Damage::Altered),
    damaged("unsigned", Damage::Unsigned),
    Child { options: &["-n", "-t", "0"], ..child("nsec3") },
    Child {
        options: &["-n", "-p", "-t", "1", "-s", "abcd"],
        more: "plain NS ns.plain\nns.plain A 127.0.0.1\n",
        ..child("optout")
    },
    Child { options: &["-n", "-t", "200"], ..child("iterated") },
    Child { algorithm: "ECDSAP384SHA384", ..child("p384") },
    Child { algorithm: "ED25519", ..child("ed25519") },
    Child { algorithm: "RSASHA256", ..child("rsa") },
];

/// NSD with all of them.
pub struct Signed {
    pub sandbox: CliSandbox,
    pub port: u16,
    /// The DS record of `test.`.
    pub anchor: String,
    /// The same key as a DNSKEY record.
    pub key: String,
    _daemon: Daemon,
}

impl Signed {
    pub fn start() -> Self {
        let sandbox = CliSandbox::new();
        let mut parent = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 604800 60\n@ NS ns\nns A 127.0.0.1\n".to_owned();
        for child in CHILDREN {
            writeln!(parent, "{0} NS ns.{0}\nns.{0} A 127.0.0.1", child.name).unwrap();
            if let Some(ds) = child.sign(sandbox.folder()) {
                writeln!(parent, "{ds}").unwrap();
            }
        }
        sandbox.write("test.zone", &parent);
        let folder = sandbox.folder();
        let ksk = keygen(folder, "test", "ECDSAP256SHA256", true);
        let zsk = keygen(folder, "test", "ECDSAP256SHA256", false);
        sign(folder, "test", (-1, 14), &[], &[&ksk, &zsk]);
        let anchor = key2ds(folder, &ksk);
        let key = std::fs::read_to_string(sandbox.path(&format!("{ksk}.key"))).unwrap();
        let (daemon, port) = serve(&sandbox);
        Self { sandbox, port, anchor, key, _daemon: daemon }
    }
}

impl Child {
    /// Leaves `NAME.test.signed` in the folder; the DS record of the key that signs its keys.
    fn sign(&self, folder: &Path) -> Option<String> {
        let zone = format!("{}.test", self.name);
        let file = folder.join(format!("{zone}.zone"));
        let signed = folder.join(format!("{zone}.signed"));
        std::fs::write(&file, format!("{BODY}{}", self.more)).unwrap();
        let ksk = keygen(folder, &zone, self.algorithm, true);
        let zsk = keygen(folder, &zone, self.algorithm, false);
        let ds = key2ds(folder, &ksk);
        if let Damage::Unsigned | Damage::NoKeys = self.damage {
            std::fs::copy(&file, &signed).unwrap();
            return (self.damage == Damage::NoKeys).then_some(ds);
        }
        sign(folder, &zone, self.days, self.options, &[&ksk, &zsk]);
        let tag = ksk.rsplit('+').next().unwrap().trim_start_matches('0').to_owned();
        let text = std::fs::read_to_string(&signed).unwrap();
        let kept: Vec<String> = text.lines().filter_map(|line| self.damage.spares(line, &tag)).collect();
        std::fs::write(&signed, kept.join("\n") + "\n").unwrap();
        Some(match self.damage {
            Damage::WrongDs => format!("{}{}", &ds[..ds.len() - 4], if ds.ends_with("beef") { "feed" } else { "beef" }),
            Damage::UnknownDs => ds.replace("\t13 2 ", "\t200 2 ").replace(" 13 2 ", " 200 2 "),
            _ => ds,
        })
    }
}

impl Damage {
    /// Changes to a line of a signed zone.
    fn spares(self, line: &str, ksk: &str) -> Option<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let covers = |kind| words.get(3) == Some(&"RRSIG") && words.get(4) == Some(&kind);
        let gone = match self {
            Self::NoNsec => words.get(3) == Some(&"NSEC") || covers("NSEC"),
            Self::NoRrsig => covers("A") && line.starts_with("www."),
            Self::NoKeyRrsig => covers("DNSKEY") && words.get(10) == Some(&ksk),
            _ => false,
        };
        let altered = self == Self::Altered && words.last() == Some(&"192.0.2.10");
        (!gone).then(|| if altered { line.replace("192.0.2.10", "192.0.2.66") } else { line.to_owned() })
    }
}

/// A key; the name of its files.
fn keygen(folder: &Path, zone: &str, algorithm: &str, entry: bool) -> String {
    let mut command = Command::new("ldns-keygen");
    command.current_dir(folder).args(["-a", algorithm, "-b", "2048"]);
    if entry {
        command.arg("-k");
    }
    printed(command.arg(zone)).trim().to_owned()
}

fn key2ds(folder: &Path, key: &str) -> String {
    let mut command = Command::new("ldns-key2ds");
    printed(command.current_dir(folder).args(["-n", "-2", &format!("{key}.key")])).trim().to_owned()
}

fn sign(folder: &Path, zone: &str, (from, to): (i64, i64), options: &[&str], keys: &[&str]) {
    let second = |days: i64| (jiff::Timestamp::now().as_second() + days * 86_400).to_string();
    let mut command = LDNS.command();
    command.current_dir(folder).args(options).args(["-i", &second(from), "-e", &second(to), "-o", zone]);
    printed(command.args(["-f", &format!("{zone}.signed"), &format!("{zone}.zone")]).args(keys));
}

fn serve(sandbox: &CliSandbox) -> (Daemon, u16) {
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    let prepare = || {
        let port = free_port();
        let mut config = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{folder}\"\n  \
             pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n  zonelistfile: \"{folder}/zone.list\"\n  \
             database: \"\"\nremote-control:\n  control-enable: no\nzone:\n  name: test\n  zonefile: test.signed\n"
        );
        for child in CHILDREN {
            writeln!(config, "zone:\n  name: {0}.test\n  zonefile: {0}.test.signed", child.name).unwrap();
        }
        let mut command = NSD.command();
        command.arg("-d").arg("-c").arg(sandbox.write("nsd.conf", &config));
        (command, port)
    };
    // The last zone is there once it answers.
    let last = format!("{}.test", CHILDREN.last().unwrap().name);
    Daemon::start(&sandbox.path("nsd.log"), prepare, |port, _| {
        super::dnssec::dig(*port, &[&last, "SOA"]).contains("ns.")
    })
}
