//! What a check that breaks something touches, by the names that a suite may call it.

use std::net::SocketAddr;

use super::exclusion;
use super::fields::READ_BACK;
use crate::guard::Disruption;
use crate::guard::disruption::{PacketDrop, ProcessTarget};
use crate::model::NestedProbe;
use crate::probe::Touched;
use crate::proto::haproxy::RuntimeSocket;

/// The hosts that a stream asks. A command breaks what only it knows: the hosts that are watched stand for that.
pub(super) fn of_stream(name: &str, probe: &NestedProbe, target: &str) -> Vec<Touched> {
    let family = crate::checks::family(probe.family);
    let mut hosts = family.map(|family| exclusion::hosts(family, &probe.args)).unwrap_or_default();
    if hosts.is_empty() {
        // What names no host is allowed by what it is called.
        hosts.push(target.to_owned());
    }
    let read = probe.group.get(&READ_BACK);
    let read = read.and_then(|read| Some(exclusion::hosts(crate::checks::family(read.family)?, &read.args)));
    let touched = |host: String, how: &str| {
        let host = without_port(&host);
        Touched { what: format!("{host} ({how} by stream `{name}`)"), names: vec![host] }
    };
    let asked = hosts.into_iter().map(|host| touched(host, "asked"));
    asked.chain(read.unwrap_or_default().into_iter().map(|host| touched(host, "read"))).collect()
}

/// A host of loopback without the port that tells its services apart.
fn without_port(host: &str) -> String {
    let address = host.parse::<SocketAddr>().map(|address| address.ip().to_string());
    address.unwrap_or_else(|_| host.strip_prefix("localhost:").map_or(host, |_| "localhost").to_owned())
}

/// An address without the length of its prefix.
fn bare(address: &str) -> String {
    address.split('/').next().unwrap_or_default().to_owned()
}

/// What a built-in disruption is done to; nothing of this host where that is a part of the run. Where it is narrowed down twice, as packets of a peer at a device, or a name at a server, either name is enough.
pub(super) fn of_disruption(disruption: &Disruption) -> Vec<Touched> {
    let within = |device: &String, netns: &Option<String>| match netns {
        Some(netns) => format!("{netns}/{device}"),
        None => device.clone(),
    };
    let names = match disruption {
        Disruption::Link(link) => vec![within(&link.device, &link.netns)],
        Disruption::Partition(partition) => vec![within(&partition.device, &partition.netns)],
        Disruption::Address(change) => vec![bare(&change.address), within(&change.device, &change.netns)],
        Disruption::Drop(PacketDrop { peer, device, netns, .. }) => {
            let device = device.iter().map(|device| within(device, netns));
            let mut names: Vec<String> = peer.iter().cloned().chain(device).collect();
            if names.is_empty() {
                // Packets of anybody.
                names.push(netns.clone().unwrap_or_else(|| "localhost".to_owned()));
            }
            names
        }
        Disruption::Process(signal) => vec![match &signal.target {
            ProcessTarget::Pid(pid) => pid.to_string(),
            ProcessTarget::PidFile(file) => file.display().to_string(),
            ProcessTarget::Unit(unit) => unit.clone(),
        }],
        Disruption::Haproxy(change) => vec![match &change.server.socket {
            RuntimeSocket::Unix(path) => path.display().to_string(),
            RuntimeSocket::Tcp(address) => address.ip().to_string(),
        }],
        // Each server that is asked must be allowed.
        Disruption::Http(change) => {
            let touched = |host: String| Touched { what: format!("{host} (asked by `inject`)"), names: vec![host] };
            return change.hosts().into_iter().map(touched).collect();
        }
        Disruption::Proxy(_) => return Vec::new(),
        Disruption::DnsUpdate(update) => {
            vec![update.server.ip().to_string(), update.name.trim_end_matches('.').to_ascii_lowercase()]
        }
        Disruption::Ssh(far) => vec![far.host.name().to_owned()],
    };
    vec![Touched { what: disruption.subject(), names }]
}

#[cfg(test)]
mod tests {
    use crate::plan::Settings;
    use crate::testing::{load, planned};

    /// What a check with these fields would touch beyond the list; `None` where all is allowed.
    fn denied(allowed: &str, fields: &str) -> Option<String> {
        let text =
            format!("allowed_targets: [{allowed}]\nchecks:\n  - {{id: a, failover: {{{fields}, observe: 5s}}}}\n");
        let settings = Settings { allow_disruptive: true, ..Settings::default() };
        let errors = planned(load(crate::checks::FAMILIES, &text, &[]), None, &settings).err()?;
        let (_, rest) = errors.split_once("would touch ").unwrap_or_else(|| panic!("{errors}"));
        rest.split_once(", which").map(|(what, _)| what.to_owned())
    }

    const COMMAND: &str = "inject: {run: [x]}, restore: {run: [y]}";

    #[test]
    fn of_a_command_the_hosts_that_are_watched_count() {
        let tcp = format!("probe: {{tcp: {{host: 192.0.2.7, port: 80}}}}, {COMMAND}");
        assert_eq!(denied("192.0.2.0/24", &tcp), None);
        assert_eq!(denied("198.51.100.0/24", &tcp).as_deref(), Some("192.0.2.7 (asked by stream `probe`)"));
        assert_eq!(denied("", &tcp).as_deref(), Some("192.0.2.7 (asked by stream `probe`)"), "an empty list");
        let two = format!(
            "streams: {{a: {{http: {{url: \"http://web.lab.example:8080/\"}}}}, b: {{icmp: {{host: 192.0.2.7}}}}}}, {COMMAND}"
        );
        assert_eq!(denied("\"*.lab.example\", 192.0.2.7", &two), None);
        assert_eq!(denied("192.0.2.7", &two).as_deref(), Some("web.lab.example (asked by stream `a`)"));
        assert_eq!(denied("\"*.example\"", &two).as_deref(), Some("192.0.2.7 (asked by stream `b`)"));
        let local = format!("probe: {{tcp: {{host: 127.0.0.1, port: 80}}}}, {COMMAND}");
        assert_eq!(denied("127.0.0.0/8", &local), None, "without its port");
        let server = format!("probe: {{dns: {{name: a.example, server: \"192.0.2.53:5353\"}}}}, {COMMAND}");
        assert_eq!(denied("192.0.2.53", &server), None, "the server, and not the name it is asked for");
    }

    #[test]
    fn of_a_built_in_disruption_its_subject_counts_as_well() {
        let probe = "probe: {icmp: {host: 192.0.2.7}}";
        for (inject, allowed, others) in [
            ("link: {down: eth1}", "eth1", "device eth1"),
            ("link: {down: eth1, netns: lb1}", "lb1/eth1", "device eth1 of lb1"),
            ("partition: {device: eth1}", "\"eth*\"", "device eth1"),
            ("drop: {peer: 198.51.100.9, device: eth1}", "198.51.100.0/24", "device eth1"),
            ("drop: {peer: 198.51.100.9, device: eth1}", "eth1", "device eth1"),
            ("drop: {port: 5432}", "localhost", "packets"),
            ("address: {remove: 198.51.100.9/24, from: eth1}", "198.51.100.9", "device eth1"),
            ("process: {unit: haproxy.service}", "haproxy.service", "process "),
            ("process: {pid_file: /run/x.pid}", "/run/x.pid", "process "),
            ("haproxy: {socket: /run/x.sock, server: web/a}", "/run/x.sock", "haproxy /run/x.sock"),
            ("haproxy: {socket: \"198.51.100.9:99\", server: web/a}", "198.51.100.0/24", "haproxy 198.51.100.9:99"),
            ("haproxy: {socket: \"[2001:db8::9]:99\", server: web/a}", "\"2001:db8::/32\"", "haproxy [2001:db8::9]:99"),
            (
                "dns_update: {server: 198.51.100.9, zone: example.org, name: a.example.org}",
                "198.51.100.9",
                "records a.example.org. a at",
            ),
            (
                "dns_update: {server: 198.51.100.9, zone: example.org, name: a.example.org}",
                "\"*.example.org\"",
                "records a.example.org. a at",
            ),
            ("ssh: {host: admin@lb1.lab.example, run: [x], undo: [y]}", "\"*.lab.example\"", "host lb1.lab.example"),
            ("ssh: {host: 198.51.100.9, port: 2222, run: [x], undo: [y]}", "198.51.100.0/24", "host 198.51.100.9:2222"),
        ] {
            let fields = format!("{probe}, inject: {{{inject}}}");
            assert_eq!(denied(&format!("192.0.2.7, {allowed}"), &fields), None, "{inject}");
            let what = denied("192.0.2.7, eth10, lb2/eth1, 192.0.2.0/24", &fields).unwrap_or_default();
            assert!(what.starts_with(others), "{inject}: {what}");
        }
    }

    #[test]
    fn of_requests_each_server_counts() {
        let fields = "probe: {icmp: {host: 192.0.2.7}}, inject: {http: {url: \"http://API.lab.example:8474/down\", \
                      undo: {url: \"https://[2001:db8::5]/up\"}, verify: {url: \"http://192.0.2.8/\"}}}";
        for (allowed, beyond) in [
            ("192.0.2.0/24, \"*.lab.example\", \"2001:db8::/32\"", None),
            ("192.0.2.0/24, \"2001:db8::/32\"", Some("api.lab.example (asked by `inject`)")),
            ("192.0.2.0/24, \"*.lab.example\"", Some("2001:db8::5 (asked by `inject`)")),
            ("192.0.2.7, \"*.lab.example\", \"2001:db8::/32\"", Some("192.0.2.8 (asked by `inject`)")),
        ] {
            assert_eq!(denied(allowed, fields).as_deref(), beyond, "{allowed}");
        }
    }

    #[test]
    fn what_only_watches_may_watch_anything() {
        assert_eq!(denied("198.51.100.0/24", "probe: {icmp: {host: 192.0.2.7}}"), None);
    }
}
