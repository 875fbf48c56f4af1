//! Echo replies that are not what was sent, by a responder that follows a script.

use serde_json::json;

use super::namespace;

/// Answers echo requests to 192.0.2.1 on the wire: the reply to probe n as `PLAN` says, over and over.
const RESPONDER: &str = r#"
import socket, struct
def total(data):
    data += b"\0" * (len(data) % 2)
    value = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while value >> 16: value = (value & 0xffff) + (value >> 16)
    return ~value & 0xffff
def reply(packet, how):
    head, icmp = bytearray(packet[:20]), bytearray(packet[20:])
    head[12:16], head[16:20] = packet[16:20], packet[12:16]
    icmp[0] = 0
    if how == "payload": icmp[-1] ^= 1
    if how == "tag": icmp[9] ^= 1
    if how == "short": icmp = icmp[:-8]
    if how == "long": icmp += b"more"
    if how == "sequence": icmp[7] = 200
    if how == "identifier": icmp[4] ^= 1
    if how == "elsewhere": head[12:16] = bytes([192, 0, 2, 9])
    icmp[2:4] = b"\0\0"
    icmp[2:4] = struct.pack("!H", total(bytes(icmp)))
    head[2:4] = struct.pack("!H", 20 + len(icmp))
    head[10:12] = b"\0\0"
    head[10:12] = struct.pack("!H", total(bytes(head)))
    return bytes(head + icmp)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind(("way1", 0))
plan = PLAN
while True:
    frame = wire.recv(2000)
    packet = frame[14:14 + struct.unpack("!H", frame[16:18])[0]]
    if packet[9] != 1 or packet[20] != 8 or packet[16:20] != bytes([192, 0, 2, 1]): continue
    how = plan[packet[27] % len(plan)]
    if how != "none": wire.send(frame[6:12] + frame[:6] + frame[12:14] + reply(packet, how))
"#;

/// A way to the responder, which sits on the other end of it.
const WIRE: &str = "ip link set lo up
    ip link add way0 type veth peer name way1
    ip link set way0 up
    ip link set way1 up
    ip address add 192.0.2.2/24 dev way0
    sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.way0.rp_filter=0
    ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev way0";

/// The facts of as many probes as the plan has words, by a raw socket or an unprivileged one.
fn pinged(plan: &[&str], raw: bool) -> Option<(serde_json::Value, String)> {
    let own = namespace()?;
    own.setup(WIRE);
    own.setup(if raw {
        "sysctl -qw net.ipv4.ping_group_range='1 0'"
    } else {
        "sysctl -qw net.ipv4.ping_group_range='0 2147483647'"
    });
    let _responder = own.spawn("python3", &["-c", &RESPONDER.replace("PLAN", &serde_json::to_string(plan).unwrap())]);
    let count = plan.len();
    // Once more until the responder is there: nothing at all comes back before.
    let any =
        "outcome: {in: [replied, altered]}, altered: {present: true}, loss: {present: true}, late: {present: true}";
    let suite = format!(
        "version: 1\nsuite: own\nchecks:\n\
         - {{id: a, needs: [ready], icmp: {{host: 192.0.2.1, count: {count}, interval: 5ms, timeout: 500ms}}}}\n\
         - {{id: ready, icmp: {{host: 192.0.2.1, count: 1, timeout: 100ms}}, expect: {{{any}}}, eventually: {{within: 30s, every: 50ms}}}}\n"
    );
    let (mut report, shown) = own.run(&suite);
    let checks = report["checks"].as_array_mut().unwrap();
    Some((checks.iter_mut().find(|check| check["id"] == "a").unwrap().take(), shown))
}

#[test]
fn what_comes_back_changed_is_no_clean_reply_and_no_loss() {
    for raw in [true, false] {
        let plan = ["clean", "payload", "tag", "short", "long", "sequence", "none", "clean"];
        let Some((check, shown)) = pinged(&plan, raw) else { return };
        let facts = &check["facts"];
        assert_eq!((&facts["outcome"], &facts["received"]), (&json!("replied"), &json!(2)), "raw {raw}: {shown}");
        assert_eq!((&facts["altered"], &facts["sent"]), (&json!(5), &json!(8)), "raw {raw}: {shown}");
        assert_eq!(facts["loss"], json!(0.125), "raw {raw}: {shown}");
        // None of it is what a check accepts, though its outcome is `replied`.
        assert_eq!(check["verdict"], "failed", "raw {raw}: {shown}");
        assert!(shown.contains("altered: expected at most 0"), "raw {raw}: {shown}");
    }
}

#[test]
fn nothing_but_changed_replies_is_an_outcome_of_its_own() {
    for raw in [true, false] {
        let Some((check, shown)) = pinged(&["payload", "short"], raw) else { return };
        assert_eq!(check["facts"]["outcome"], "altered", "raw {raw}: {shown}");
        assert_eq!(
            (&check["facts"]["loss"], &check["facts"]["altered"]),
            (&json!(0.0), &json!(2)),
            "raw {raw}: {shown}"
        );
    }
}

/// A reply with another identifier is nobody's we know of, and one from elsewhere is named.
#[test]
fn replies_of_others_are_losses_and_are_named() {
    let Some((check, shown)) = pinged(&["clean", "identifier", "elsewhere"], true) else { return };
    assert_eq!((&check["facts"]["received"], &check["facts"]["altered"]), (&json!(1), &json!(0)), "{shown}");
    assert!((check["facts"]["loss"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-6, "{shown}");
    assert!(check.to_string().contains("from another address, the first from 192.0.2.9"), "{check}");
}
