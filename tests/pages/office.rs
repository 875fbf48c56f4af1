//! Somebody else's place in the network: another namespace at the end of a cable, from which the shop's servers are reached by a
//! firewall. The commands of a page run there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::world::ip;

/// What the firewall lets pass: from, to, port. The servers' answers to everything else are lost.
const PASSES: &[(&str, &str, u16)] = &[
    ("192.0.2.201", "192.0.2.10", 80),
    ("192.0.2.201", "192.0.2.10", 443),
    ("192.0.2.201", "192.0.2.30", 443),
    ("192.0.2.202", "192.0.2.30", 443),
];
/// Passes as well, where somebody forgot to close it.
const FORGOTTEN: (&str, &str, u16) = ("192.0.2.202", "192.0.2.10", 80);
const FROM: [&str; 2] = ["192.0.2.201", "192.0.2.202"];
const TO: [&str; 2] = ["192.0.2.10", "192.0.2.30"];

pub struct Office(Child);

impl Office {
    /// In the states in which commands are run there.
    pub fn of_state(state: &str) -> Option<Self> {
        match state {
            "firewall" => Some(Self::open(false, true)),
            "firewall-rule-missing" => Some(Self::open(true, true)),
            "firewall-cut-off" => Some(Self::open(false, false)),
            _ => None,
        }
    }

    fn open(forgotten: bool, connected: bool) -> Self {
        let mut command = Command::new("unshare");
        command.args(["-n", "sh", "-c", "echo there; exec sleep infinity"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
        let office = Self(child);
        let inside = office.wrapper().join(" ");
        let mut lines = vec![
            format!("ip link add office type veth peer name eth0 netns {}", office.0.id()),
            "ip link set office up".to_owned(),
            format!("{inside} ip link set lo up"),
            format!("{inside} ip link set eth0 up"),
        ];
        for from in FROM {
            lines.push(format!("{inside} ip address add {from}/32 dev eth0"));
            lines.push(format!("ip route add {from}/32 dev office"));
            if !connected {
                lines.push(format!("ip rule add to {from} priority 100 blackhole"));
                continue;
            }
            for to in TO {
                for port in [80, 443] {
                    let passes = PASSES.contains(&(from, to, port)) || (forgotten && FORGOTTEN == (from, to, port));
                    if !passes {
                        lines.push(format!(
                            "ip rule add from {to} to {from} ipproto tcp sport {port} priority 100 blackhole"
                        ));
                    }
                }
            }
        }
        lines.push(format!("{inside} ip route add 192.0.2.0/24 dev eth0"));
        ip(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        office
    }

    /// Runs a command there.
    pub fn wrapper(&self) -> Vec<String> {
        let namespace = format!("--net=/proc/{}/ns/net", self.0.id());
        vec!["nsenter".into(), namespace]
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        // The cable goes with the namespace; the rules stay.
        while Command::new("ip")
            .args(["rule", "del", "priority", "100"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
        {}
        let _ = Command::new("ip").args(["link", "del", "office"]).stderr(Stdio::null()).status();
    }
}
