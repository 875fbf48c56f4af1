//! Scans of ports in namespaces of their own: exactly the open ports are open, whatever filters, rejects or is missing.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use nix::sched::{CloneFlags, setns};
use serde_json::{Value, json};

use super::super::peer::{UNBOUND, installed};
use super::{Namespace, Running, namespace};

/// Ports that listen, some among those that the kernel gives to clients.
const OPEN: [u16; 14] = [22, 80, 443, 1024, 3306, 5432, 8080, 9100, 32_768, 40_000, 50_505, 60_998, 60_999, 65_535];

/// Sockets inside that listen as long as these live.
fn listeners(own: &Namespace, addresses: Vec<SocketAddr>) -> Vec<TcpListener> {
    let file = File::open(format!("/run/netns/{}", own.name())).unwrap();
    let bind = move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        addresses.into_iter().map(|address| TcpListener::bind(address).unwrap()).collect()
    };
    std::thread::spawn(bind).join().unwrap()
}

fn suite(checks: &str) -> String {
    format!("version: 1\nsuite: ports\nchecks:\n{checks}")
}

fn listed() -> String {
    OPEN.map(|port| port.to_string()).join(", ")
}

/// A server at 10.80.0.2 with ports 22 and 443, and a filter, seen from the first namespace.
fn filtered() -> Option<(Namespace, Namespace, Vec<TcpListener>)> {
    let (client, server) = (namespace()?, namespace()?);
    client.setup(&format!(
        "ip link set lo up
        ip link add p0 type veth peer name p1 netns {}
        ip address add 10.80.0.1/24 dev p0
        ip link set p0 up
        nft add table inet f
        nft 'add chain inet f out {{ type filter hook output priority 0; }}'",
        server.name()
    ));
    server.setup(
        "ip link set lo up
        ip address add 10.80.0.2/24 dev p1
        ip link set p1 up
        sysctl -qw net.ipv4.icmp_ratelimit=0
        nft add table inet f
        nft 'add chain inet f in { type filter hook input priority 0; }'
        nft add rule inet f in tcp dport 5000-5009 drop
        nft add rule inet f in tcp dport 6000 reject with icmpx admin-prohibited
        nft add rule inet f in tcp dport 6001 reject with tcp reset
        nft add rule inet f in tcp dport 6002 reject",
    );
    let open = listeners(&server, vec!["10.80.0.2:22".parse().unwrap(), "10.80.0.2:443".parse().unwrap()]);
    Some((client, server, open))
}

#[test]
fn of_the_whole_range_exactly_the_open_ports_are_open() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    let _open = listeners(&own, OPEN.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).to_vec());
    let checks = format!(
        "  - {{id: all, ports: {{host: 127.0.0.1, ports: 1-65535}}, expect: {{open: {{exactly: [{}]}}}}}}\n",
        listed()
    );
    for _ in 0..20 {
        let (report, shown) = own.run(&suite(&checks));
        let check = &report["checks"][0];
        assert_eq!((&check["verdict"], &check["facts"]["filtered"]), (&json!("passed"), &json!([])), "{shown}");
        assert_eq!(check["facts"]["open"].as_array().unwrap().len(), 13, "{shown}");
    }
    // None of the connections is left.
    let left = own.command("ss").args(["-Htan", "state", "time-wait"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    let missing = checks.replace("22, 80,", "23, 80,");
    let (_, shown) = own.run(&suite(&missing));
    assert!(shown.contains("1 port is open on 127.0.0.1 that should not be: 22; 1 port is not open on 127.0.0.1 that should be: 23 (closed)"), "{shown}");
    assert!(shown.contains("ss -ltnp") && shown.contains("nft list ruleset"), "{shown}");
}

#[test]
fn what_a_filter_does_is_told_apart() {
    let Some((client, _server, _open)) = filtered() else { return };
    let checks = "  - id: all
    ports: {host: 10.80.0.2, ports: [22, 443, 1000-1010, 5000-5009, 6000-6002], rate: max, timeout: 300ms}
    expect: {open: {exactly: [22, 443]}, closed: {exactly: [1000-1010, 6001]}, filtered: {exactly: [6000, 6002, 5000-5009]},
      errors: {contains: 'admin_prohibited from 10.80.0.2 x1'}}
  - id: many
    ports: {hosts: [10.80.0.2-3], ports: [22, 443, 6001], rate: max, timeout: 300ms}
    expect: {hosts.silent: {len: 1}, hosts.row.10.80.0.2.open: {exactly: [443, 22]}, open_on_any: {exactly: [22, 443]}, open_on_all: {len: 0}}
";
    let (report, shown) = client.run(&suite(checks));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], json!("passed"), "{shown}");
    }
}

/// Too few descriptors and local ports make it slower, and nothing else.
#[test]
fn too_few_descriptors_and_local_ports_change_nothing() {
    let Some((client, _server, _open)) = filtered() else { return };
    client.setup("sysctl -qw net.ipv4.ip_local_port_range='40000 40009'");
    let checks = "  - id: all
    ports: {host: 10.80.0.2, ports: [22, 443, 1000-1100, 5000-5009], rate: max, timeout: 300ms, source: 10.80.0.1}
    expect: {open: {exactly: [22, 443]}, closed: {exactly: [1000-1100]}, filtered: {exactly: [5000-5009]}}
";
    let (report, shown) = client.run_by(&["prlimit", "--nofile=64"], &suite(checks));
    assert_eq!(report["checks"][0]["verdict"], json!("passed"), "{shown}");
}

#[test]
fn a_dead_host_never_passes() {
    let Some((client, _server, _open)) = filtered() else { return };
    let checks = "  - {id: one, ports: {host: 10.80.0.3, ports: [22, 80], timeout: 300ms}, expect: {open: {len: 0}}}
  - {id: all, ports: {host: 10.80.0.2, ports: [5000-5009], timeout: 300ms}, expect: {closed: {len: 0}}}
  - {id: many, ports: {hosts: [10.80.0.2-3], ports: [1000], timeout: 300ms}, expect: {open_on_any: {len: 0}}}
  - {id: cut, ports: {host: 10.80.0.3, ports: [22]}, expect: {outcome: silent, open: {len: 0}}, control: reach}
  - {id: reach, ports: {host: 10.80.0.4, ports: [22]}, expect: {open: {contains: 22}}}
";
    let (report, shown) = client.run(&suite(checks));
    let verdicts: Vec<&Value> = report["checks"].as_array().unwrap().iter().map(|check| &check["verdict"]).collect();
    assert!(verdicts.iter().all(|verdict| **verdict != json!("passed")), "{verdicts:?} {shown}");
    assert!(shown.contains("no answer from 10.80.0.3 on any of 2 ports within 1.2 s"), "{shown}");
    assert!(shown.contains("1 of 2 hosts answer on no port: 10.80.0.3"), "{shown}");
    let held = "  - {id: cut, ports: {host: 10.80.0.2, ports: [5000-5009], timeout: 300ms}, expect: {outcome: silent, open: {len: 0}}, control: reach}
  - {id: arp, ports: {host: 10.80.0.3, ports: [22], retries: 0, timeout: 5s}, expect: {outcome: silent, open: {len: 0}}, control: reach}
  - {id: rejected, ports: {host: 10.80.0.2, ports: [6000, 6002], timeout: 300ms}, expect: {outcome: unreachable, open: {len: 0}}, control: reach}
  - {id: reach, ports: {host: 10.80.0.2, ports: [22]}, expect: {open: {contains: 22}}}
";
    let (report, shown) = client.run(&suite(held));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], json!("passed"), "{shown}");
    }
    let neighbour = report["checks"][1]["facts"]["errors"][0].as_str().unwrap_or_default();
    assert!(neighbour.starts_with("no answer to ARP or neighbour discovery"), "{shown}");
}

#[test]
fn what_this_host_does_to_itself_is_errored() {
    let Some((client, _server, _open)) = filtered() else { return };
    client.setup(
        "nft add rule inet f out tcp dport 7000 drop
        nft add rule inet f out tcp dport 7001 reject with tcp reset
        nft add rule inet f out tcp dport 7002 reject
        nft add rule inet f out udp dport 7003 reject",
    );
    let check = |id: &str, host: &str, port: u16, more: &str| {
        format!("  - {{id: {id}, ports: {{host: {host}, ports: [{port}]{more}}}, expect: {{open: {{len: 0}}}}}}\n")
    };
    let checks = [
        check("route", "192.0.2.1", 22, ""),
        check("dropped", "10.80.0.2", 7000, ""),
        check("reset", "10.80.0.2", 7001, ""),
        check("rejected", "10.80.0.2", 7002, ""),
        check("datagram", "10.80.0.2", 7003, ", method: udp"),
        check("source", "10.80.0.2", 22, ", source: 10.80.0.77"),
        check("dropped-soon", "10.80.0.2", 7000, ", timeout: 200ms"),
        check("syn-route", "192.0.2.1", 22, ", method: syn"),
        check("syn-dropped", "10.80.0.2", 7000, ", method: syn"),
        check("syn-reset", "10.80.0.2", 7001, ", method: syn"),
        check("syn-rejected", "10.80.0.2", 7002, ", method: syn"),
    ];
    let (report, shown) = client.run(&suite(&checks.concat()));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], json!("errored"), "{} {shown}", check["id"]);
    }
}

#[test]
fn a_real_resolver_answers_its_datagram() {
    let Some((client, server, _open)) = filtered() else { return };
    if !installed(&[UNBOUND]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("unbound.conf");
    let text = "server:\n  interface: 10.80.0.2\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  do-daemonize: no\n  \
                access-control: 10.80.0.0/24 allow\n  local-zone: \".\" static\nremote-control:\n  control-enable: no\n";
    std::fs::write(&conf, text).unwrap();
    let _unbound: Running = server.spawn("unbound", &["-d", "-c", conf.to_str().unwrap()]);
    server.setup("nft add rule inet f in udp dport 99 drop");
    let checks = "  - id: up
    ports: {host: 10.80.0.2, ports: 53, method: udp, timeout: 300ms}
    expect: {open: {exactly: [53]}}
    eventually: {within: 20s, every: 200ms}
  - id: all
    needs: [up]
    ports: {host: 10.80.0.2, ports: [53, 99, 100-104], method: udp, timeout: 500ms}
    expect: {open: {exactly: [53]}, closed: {exactly: [100-104]}, filtered: {exactly: [99]}}
";
    let (report, shown) = client.run(&suite(checks));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], json!("passed"), "{shown}");
    }
}

/// Facts of the one check of a suite that passed.
#[track_caller]
fn passed(own: &Namespace, checks: &str) -> Value {
    let (report, shown) = own.run(&suite(checks));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], json!("passed"), "{} {shown}", check["id"]);
    }
    report["checks"][0]["facts"].clone()
}

/// With packets lost on both ways, what is silent is asked until nothing new is heard.
#[test]
fn losses_filter_nothing() {
    let Some((client, server, _open)) = filtered() else { return };
    server.setup(
        "nft 'add chain inet f out { type filter hook output priority 0; }'
        nft 'add rule inet f in tcp dport 1-4000 numgen random mod 100 < 4 drop'
        nft 'add rule inet f out tcp sport 1-4000 numgen random mod 100 < 4 drop'",
    );
    for method in ["connect", "syn"] {
        let fields =
            format!("host: 10.80.0.2, ports: [1-2000, 5000-5009], method: {method}, rate: max, timeout: 300ms");
        let expect = "{open: {exactly: [22, 443]}, closed: {len: 1998}, filtered: {exactly: [5000-5009]}}";
        passed(&client, &format!("  - {{id: {method}, ports: {{{fields}}}, expect: {expect}}}\n"));
    }
}

/// The ports of the scan itself are no open ones, and every one is asked.
#[test]
fn of_the_whole_range_of_datagrams_exactly_the_answered_are_open() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up\nsysctl -qw net.ipv4.icmp_ratelimit=0");
    let file = File::open(format!("/run/netns/{}", own.name())).unwrap();
    let server = std::thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        UdpSocket::bind("127.0.0.1:50505").unwrap()
    });
    let server = server.join().unwrap();
    std::thread::spawn(move || {
        while let Ok((_, from)) = server.recv_from(&mut [0; 64]) {
            let _ = server.send_to(b"x", from);
        }
    });
    let facts = passed(
        &own,
        "  - {id: all, ports: {host: 127.0.0.1, ports: 1-65535, method: udp}, expect: {open: {exactly: [50505]}, filtered: {len: 0}}}\n",
    );
    assert_eq!(facts["closed"], json!(["1-50504", "50506-65535"]));
}

/// Half-open connections find what whole ones do.
#[test]
fn syns_tell_ports_apart_as_connections_do() {
    let Some((client, server, _open)) = filtered() else { return };
    server.setup("ip -6 address add 2001:db8:80::2/64 dev p1 nodad");
    client.setup("ip -6 address add 2001:db8:80::1/64 dev p0 nodad");
    let _six = listeners(&server, vec!["[2001:db8:80::2]:22".parse().unwrap()]);
    let checks = "  - id: all
    ports: {host: 10.80.0.2, ports: [22, 443, 1000-1010, 5000-5009, 6000-6002], method: syn, rate: max, timeout: 300ms}
    expect: {open: {exactly: [22, 443]}, closed: {exactly: [1000-1010, 6001]}, filtered: {exactly: [6000, 6002, 5000-5009]},
      errors: {contains: 'admin_prohibited from 10.80.0.2 x1'}}
  - id: six
    ports: {host: '2001:db8:80::2', ports: [22, 443, 5000-5009, 6000, 6001], method: syn, rate: max, timeout: 300ms}
    expect: {open: {exactly: [22]}, closed: {exactly: [443, 6001]}, filtered: {exactly: [6000, 5000-5009]},
      errors: {contains: 'admin_prohibited from 2001:db8:80::2 x1'}}
  - id: many
    ports: {hosts: [10.80.0.2-3, 127.0.0.1], ports: [22, 443, 6001], method: syn, rate: max, timeout: 300ms}
    expect: {hosts.silent: {exactly: [10.80.0.3]}, hosts.row.10.80.0.2.open: {exactly: [443, 22]}, hosts.row.127.0.0.1.closed: {exactly: [22, 443, 6001]}}
";
    passed(&client, checks);
    // Nothing is left half-open.
    let left = server.command("ss").args(["-Htan", "state", "syn-recv"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    let one = "  - {id: one, ports: {host: 10.80.0.2, ports: 22, method: syn}, expect: {open: {contains: 22}}}\n";
    let (report, shown) = client.run_by(&["setpriv", "--bounding-set", "-net_raw"], &suite(one));
    assert_eq!(report["checks"][0]["verdict"], json!("errored"), "{shown}");
    assert!(shown.contains("setcap cap_net_raw+ep shakedown"), "{shown}");
}

#[test]
fn of_the_whole_range_exactly_the_open_ports_answer_a_syn() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    let _open = listeners(&own, OPEN.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).to_vec());
    let check = format!(
        "  - {{id: all, ports: {{host: 127.0.0.1, ports: 1-65535, method: syn}}, expect: {{open: {{exactly: [{}]}}, filtered: {{len: 0}}}}}}\n",
        listed()
    );
    passed(&own, &check);
}
