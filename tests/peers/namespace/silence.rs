//! What is told of a host that keeps silent to a SYN: a filter, or a full queue of connections.

use super::namespace;

/// Listens with the shortest queue, fills it, and accepts nothing.
const FULL_QUEUE: &str = "
import socket, time
server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', 8080)); server.listen(0)
clients = []
for _ in range(3):
    client = socket.socket(); client.setblocking(False)
    client.connect_ex(('127.0.0.1', 8080)); clients.append(client)
time.sleep(120)
";

#[test]
fn a_full_queue_of_connections_is_told_from_a_filter() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    own.setup("nft 'add table inet f; add chain inet f in { type filter hook input priority 0; }; add rule inet f in tcp dport 8081 drop'");
    let _full = own.spawn("python3", &["-c", FULL_QUEUE]);
    // The queue is full once a connection more gets no answer.
    let suite = "version: 1\nsuite: own\ndefaults: {timeout: 1s}\nchecks:
- {id: full, tcp: {host: 127.0.0.1, port: 8080}, expect: {outcome: timeout}, eventually: {within: 30s, every: 200ms}, control: alive}
- {id: alive, icmp: {host: 127.0.0.1, count: 1}}\n";
    let (report, shown) = own.run(suite);
    assert_eq!(report["checks"][0]["verdict"], "passed", "{shown}");
    let suite = "version: 1\nsuite: own\ndefaults: {timeout: 1s}\nchecks:
- {id: full, tcp: {host: 127.0.0.1, port: 8080}}
- {id: filtered, tcp: {host: 127.0.0.1, port: 8081}}
- {id: web, http: {url: 'http://127.0.0.1:8080/'}}
- {id: secure, tls: {host: 127.0.0.1, port: 8081}}\n";
    let (report, shown) = own.run(suite);
    for (at, queue) in [(0, true), (1, false), (2, true), (3, false)] {
        let check = &report["checks"][at];
        let (reason, next) = (check["reason"].as_str().unwrap(), check["next"].as_str().unwrap());
        assert_eq!(check["facts"]["outcome"], "timeout", "{shown}");
        assert!(reason.contains("no answer from 127.0.0.1:808") && reason.contains("within 1 s"), "{shown}");
        assert_eq!(reason.contains("an ACK outside any connection gets RST"), queue, "{reason}");
        assert_eq!(
            reason.contains("answers ping, but packets to its port 8081 get no reply: a filter drops them"),
            !queue,
            "{reason}"
        );
        assert_eq!(next.contains("is its queue of connections full"), queue, "{next}");
        assert_eq!(next.contains("open port 8081 in the filter"), !queue, "{next}");
    }
}
