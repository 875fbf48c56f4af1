//! NSD: a second implementation of DNS serves the same.

use super::daemon::{Daemon, free_port};
use super::peer::{DIG, NSD, installed};
use super::sandbox::CliSandbox;

const ZONE: &str = "\
$TTL 300
@    SOA ns hostmaster 2026010100 3600 600 604800 60
@    NS  ns
ns   A   127.0.0.1
www  A   192.0.2.10
";

#[test]
fn soa_over_both_transports_and_absence() {
    if !installed(&[NSD, DIG]) {
        return;
    }
    let sandbox = CliSandbox::new();
    sandbox.write("peer.zone", ZONE);
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    let prepare = || {
        let port = free_port();
        let config = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{folder}\"\n  \
             pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n  zonelistfile: \"{folder}/zone.list\"\n  \
             database: \"\"\nremote-control:\n  control-enable: no\nzone:\n  name: nsd.test\n  zonefile: peer.zone\n"
        );
        let mut command = NSD.command();
        command.arg("-d").arg("-c").arg(sandbox.write("nsd.conf", &config));
        (command, port)
    };
    let ask = |port: &u16| {
        let mut command = DIG.command();
        command.args([
            "@127.0.0.1",
            "-p",
            &port.to_string(),
            "+short",
            "+norec",
            "+tries=1",
            "+time=2",
            "nsd.test",
            "SOA",
        ]);
        let output = command.output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    let (_daemon, port) =
        Daemon::start(&sandbox.path("nsd.log"), prepare, |port, _| ask(port).is_some_and(|soa| !soa.is_empty()));
    let soa = ask(&port).unwrap();
    let ran = sandbox.run(
        &format!(
            r#"
  - id: soa
    matrix: {{transport: [udp, tcp]}}
    dns: {{server: "127.0.0.1:@", name: nsd.test, type: SOA, transport: "${{matrix.transport}}", recursion: false}}
    expect: {{answers: {{exactly: ["{soa}"]}}, flags: {{exactly: [qr, aa]}}}}
  - id: absent
    dns: {{server: "127.0.0.1:@", name: nowhere.nsd.test, recursion: false}}
    expect: {{rcode: NXDOMAIN, answers: {{len: 0}}, authority: {{len: 1}}}}
"#
        )
        .replace('@', &port.to_string()),
        &[],
    );
    ran.all_held();
    assert_eq!(
        ran.texts("soa[transport=tcp]", "answers"),
        ["ns.nsd.test. hostmaster.nsd.test. 2026010100 3600 600 604800 60"]
    );
}
