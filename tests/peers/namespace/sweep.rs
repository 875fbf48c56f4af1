//! A sweep of 4,000 addresses behind 40 routers: exactly the dead ones are dead, and those a router knows no way to unreachable.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use super::{Namespace, namespace};

/// Routers, each of which answers for 100 addresses.
const ROUTERS: usize = 40;
const DEAD: usize = 37;
const UNREACHABLE: usize = 11;

/// The routers of a namespace, removed with this.
struct Routers(Vec<String>);

impl Drop for Routers {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

fn ip(script: &str, inside: Option<&str>) {
    let file = std::env::temp_dir().join(format!("shakedown-ip-{}-{:p}", std::process::id(), script));
    std::fs::write(&file, script).unwrap();
    let mut command = Command::new("ip");
    if let Some(name) = inside {
        command.args(["-n", name]);
    }
    let output = command.arg("-batch").arg(&file).output().unwrap();
    let _ = std::fs::remove_file(&file);
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The address `number` of all, from 0.
fn address(number: usize) -> String {
    format!("10.77.{}.{}", number / 100, number % 100)
}

/// What is dead and what is unreachable, spread over all routers: too many errors from one, and it stays silent.
fn broken() -> (Vec<usize>, Vec<usize>) {
    let all = ROUTERS * 100;
    let dead = (0..DEAD).map(|n| n * all / DEAD + 7).collect();
    let unreachable = (0..UNREACHABLE).map(|n| n * all / UNREACHABLE + 51).collect();
    (dead, unreachable)
}

fn routers(client: &Namespace) -> Routers {
    let (dead, unreachable) = broken();
    let mut made = Routers(Vec::new());
    let mut links = String::from("link set lo up\n");
    for router in 0..ROUTERS {
        let name = format!("{}-{router}", client.name());
        assert!(Command::new("ip").args(["netns", "add", &name]).status().unwrap().success());
        made.0.push(name.clone());
        writeln!(links, "link add r{router} type veth peer name u0 netns {name}").unwrap();
        writeln!(links, "address add 10.78.{router}.1/30 dev r{router}\nlink set r{router} up").unwrap();
        writeln!(links, "route add 10.77.{router}.0/24 via 10.78.{router}.2").unwrap();
    }
    ip(&links, Some(client.name()));
    for (router, name) in made.0.iter().enumerate() {
        let mut inside = format!("link set lo up\naddress add 10.78.{router}.2/30 dev u0\nlink set u0 up\n");
        writeln!(inside, "route add local 10.77.{router}.0/24 dev lo").unwrap();
        for number in unreachable.iter().filter(|number| **number / 100 == router) {
            writeln!(inside, "route add unreachable {}/32 table local", address(*number)).unwrap();
        }
        for number in dead.iter().filter(|number| **number / 100 == router) {
            writeln!(inside, "route add blackhole {}/32 table local", address(*number)).unwrap();
        }
        ip(&inside, Some(name));
        // A host that is no router keeps its errors for itself.
        let forward = ["netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1"];
        assert!(Command::new("ip").args(forward).status().unwrap().success());
    }
    made
}

fn suite(expect: &str) -> String {
    let ranges: Vec<String> = (0..ROUTERS).map(|router| format!("10.77.{router}.0-99")).collect();
    format!(
        "version: 1\nsuite: sweep\nchecks:\n  - id: all\n    icmp: {{hosts: [{}], rate: 5000 /s, timeout: 500ms}}\n{expect}",
        ranges.join(", ")
    )
}

fn sorted(list: &Value) -> Vec<String> {
    let mut all: Vec<String> = list.as_array().unwrap().iter().map(|host| host.as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

fn addresses(numbers: &[usize]) -> Vec<String> {
    let mut all: Vec<String> = numbers.iter().map(|number| address(*number)).collect();
    all.sort();
    all
}

#[test]
fn of_four_thousand_addresses_exactly_the_dead_are_dead() {
    let Some(client) = namespace() else { return };
    let _routers = routers(&client);
    let (dead, unreachable) = broken();
    let refused = client.run_suite(&suite(""), &[]);
    assert!(refused.contains("is a scan: it asks 4000 hosts") && refused.contains("--allow-scan"), "{refused}");
    let (report, shown) = client.run(&suite(""));
    let check = &report["checks"][0];
    let facts = &check["facts"];
    assert_eq!(sorted(&facts["hosts.dead"]), addresses(&dead), "{shown}");
    assert_eq!(sorted(&facts["hosts.unreachable"]), addresses(&unreachable), "{shown}");
    assert_eq!(facts["hosts.alive"].as_array().unwrap().len(), 4000 - DEAD - UNREACHABLE);
    assert_eq!((&check["verdict"], &facts["hosts"]["total"]), (&json!("failed"), &json!(4000)));
    assert!(shown.contains(&format!("{DEAD} of 4000 hosts do not answer ping: {}", address(dead[0]))), "{shown}");
    let worst = format!("{}: state=dead sent=3 received=0 loss=100%", address(dead[0]));
    assert!(shown.contains(&worst), "the rows behind the list: {shown}");
    let first = &facts["hosts"]["rows"][0];
    assert!(first[1] == "dead" || first[1] == "unreachable", "what is wrong comes first: {first}");
    let expect = format!(
        "    expect: {{hosts: {{len: 4000}}, hosts.dead: {{len: {DEAD}}}, hosts.unreachable: {{len: {UNREACHABLE}}}, \
         hosts.row.{}.state: dead, hosts.row.{}.error: {{matches: '^host_unreachable from 10[.]78[.]'}}}}\n",
        address(dead[0]),
        address(unreachable[0])
    );
    let (report, shown) = client.run(&suite(&expect));
    assert_eq!(report["checks"][0]["verdict"], json!("passed"), "{shown}");
}

/// A way that is missing is this host's own. (A table of neighbours that is full is too, but it is one for all namespaces, and other
/// tests would meet it.)
#[test]
fn hosts_that_this_host_cannot_ask_are_errored() {
    let Some(client) = namespace() else { return };
    client.setup("ip link set lo up");
    let suite = "version: 1\nsuite: own\nchecks:\n  - {id: a, icmp: {hosts: [127.0.0.1, 192.0.2.0/29], timeout: 300ms, retries: 0}}\n";
    let (report, shown) = client.run(suite);
    let row = &report["checks"][0];
    assert_eq!(row["verdict"], json!("errored"), "{shown}");
    assert!(shown.contains("no route") && shown.contains("192.0.2.1 and 5 others"), "{shown}");
}
