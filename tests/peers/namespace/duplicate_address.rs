//! Addresses that two hosts of a link have.

use serde_json::json;

use super::namespace;

/// Two hosts of a link with one address: pings are answered as if nothing were wrong.
#[test]
fn two_hosts_with_one_address_are_found() {
    let (Some(client), Some(first), Some(second), Some(switch)) = (namespace(), namespace(), namespace(), namespace())
    else {
        return;
    };
    switch.setup("ip link add br0 type bridge\nip link set br0 up");
    for (own, port, number) in [(&client, 0, 1), (&first, 1, 2), (&second, 2, 2)] {
        own.setup(&format!(
            "ip link set lo up
            ip link add e0 address 02:00:00:00:00:0{port} type veth peer name p{port} netns {}
            ip address add 10.82.0.{number}/24 dev e0
            ip -6 address add 2001:db8:82::{number}/64 dev e0 nodad
            ip link set e0 up",
            switch.name()
        ));
        switch.setup(&format!("ip link set p{port} master br0\nip link set p{port} up"));
    }
    let check = |id: &str, host: &str| {
        format!(
            "  - {{id: {id}, icmp: {{host: '{host}', count: 1, duplicate_address: true, timeout: 600ms}}, eventually: {{within: 5s, every: 100ms}}}}\n"
        )
    };
    let suite = |checks: &str| format!("version: 1\nsuite: address\nchecks:\n{checks}");
    let both = json!(["02:00:00:00:00:01", "02:00:00:00:00:02"]);
    let checks = check("four", "10.82.0.2").replace("5s", "1s") + &check("six", "2001:db8:82::2").replace("5s", "1s");
    let (report, shown) = client.run(&suite(&checks));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!((&check["verdict"], &check["facts"]["link_addresses"]), (&json!("failed"), &both), "{shown}");
        assert_eq!(check["facts"]["outcome"], "replied");
    }
    assert!(shown.contains("link_addresses"), "{shown}");
    second.setup("ip link set e0 down");
    let (report, shown) = client.run(&suite(&(check("four", "10.82.0.2") + &check("six", "2001:db8:82::2"))));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(
            (&check["verdict"], &check["facts"]["link_addresses"]),
            (&json!("passed"), &json!([both[0]])),
            "{shown}"
        );
    }
    let (report, shown) = client.run(&suite(&check("far", "127.0.0.1").replace("5s", "1s")));
    assert_eq!(report["checks"][0]["verdict"], "errored", "{shown}");
}
