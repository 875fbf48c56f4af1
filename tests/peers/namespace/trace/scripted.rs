//! Routers and a target that are a script behind a TUN device: what kernels do not do by themselves.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::super::super::sandbox::rows;
use super::super::{Namespace, Running, namespace};
use super::{is, path, states, trace};

/// The target is five hops away. Quotes so many bytes of each datagram. `silent`: the third router keeps silent. `slow`: the target
/// answers 150 ms late. `longer`: of all flows but the first the target is twelve hops away. `stops`: the target says nothing any
/// more once it saw a long datagram.
const ROUTERS: &str = "
import fcntl, os, struct, sys, threading
quoted, does = int(sys.argv[1]), sys.argv[2]
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH', b'tun0', 0x1001))
os.system('ip address add 10.90.0.1/24 dev tun0; ip link set tun0 up; ip route add 192.0.2.0/24 dev tun0')
print('up', flush=True)
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff
first, stopped = None, False
while True:
    packet = os.read(tun, 4096)
    if packet[0] >> 4 != 4 or packet[9] != 17: continue
    ttl, port = packet[8], packet[20:22]
    first = first or port
    other = does == 'longer' and port != first
    if does == 'silent' and ttl == 3: continue
    arrived = ttl >= (12 if other else 5)
    stopped = stopped or (does == 'stops' and arrived and len(packet) > 200)
    if arrived and stopped: continue
    kind, code, source = (3, 3, packet[16:20]) if arrived else (11, 0, bytes([10, 90, 2 if other else 1, ttl]))
    message = struct.pack('!BBHI', kind, code, 0, 0) + packet[:20 + quoted]
    message = message[:2] + struct.pack('!H', checksum(message)) + message[4:]
    header = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(message), 0, 0, 64, 1, 0) + source + packet[12:16]
    header = header[:10] + struct.pack('!H', checksum(header)) + header[12:]
    late = 0.15 if does == 'slow' and arrived else 0
    if late: threading.Timer(late, os.write, (tun, header + message)).start()
    else: os.write(tun, header + message)
";

const TARGET: &str = "192.0.2.9";

/// A trace of the target past such routers.
fn traced(quoted: &str, does: &str, more: &str) -> Option<(Value, String)> {
    let own: Namespace = namespace()?;
    own.setup("ip link set lo up");
    let mut command = own.command("python3");
    command.args(["-c", ROUTERS, quoted, does]).stdout(Stdio::piped());
    let mut routers = Running(command.spawn().unwrap());
    let mut up = String::new();
    BufReader::new(routers.0.stdout.take().unwrap()).read_line(&mut up).unwrap();
    assert_eq!(up, "up\n");
    Some(trace(&own, TARGET, &format!("protocol: udp, {more}")))
}

#[test]
fn routers_that_quote_eight_bytes_are_asked_one_by_one() {
    let Some((check, shown)) = traced("8", "silent", "") else { return };
    is(&check, "passed", "reached", &shown);
    assert_eq!(path(&check), ["1 10.90.1.1", "2 10.90.1.2", "3 *", "4 10.90.1.4", "5 192.0.2.9"], "{shown}");
}

#[test]
fn a_target_that_is_far_loses_nothing() {
    let Some((check, shown)) = traced("32", "slow", "count: 4, interval: 2ms") else { return };
    is(&check, "passed", "reached", &shown);
    assert_eq!(states(&check), ["answered", "answered", "answered", "answered", "target"], "{shown}");
    let row = &rows(&check["facts"]["hops"])["5"];
    assert_eq!((&row["sent"], &row["received"]), (&json!(4), &json!(4)), "all are waited for: {shown}");
}

#[test]
fn a_flow_whose_way_is_longer_than_others_is_followed_to_its_end() {
    let Some((check, shown)) = traced("32", "longer", "flows: 3, retries: 0, interval: 2ms") else { return };
    is(&check, "passed", "reached", &shown);
    assert_eq!(path(&check)[1], "2 10.90.1.2, 10.90.2.2", "{shown}");
    assert_eq!((path(&check).len(), path(&check)[11].as_str()), (12, "12 192.0.2.9"), "{shown}");
    assert_eq!((&check["facts"]["distance"], &check["facts"]["paths.count"]), (&json!(5), &json!(2)), "{shown}");
}

#[test]
fn a_target_that_stops_answering_is_no_black_hole() {
    let Some((check, shown)) = traced("32", "stops", "mtu: discover") else { return };
    is(&check, "errored", "reached", &shown);
    assert!(check["facts"].get("path_mtu").is_none_or(Value::is_null), "{shown}");
    let reason = check["reason"].as_str().unwrap();
    assert!(
        reason.contains("192.0.2.9:33434 stopped answering while packets of different lengths were sent"),
        "{reason}"
    );
}
