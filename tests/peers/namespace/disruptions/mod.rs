//! Built-in disruptions on a wire of their own: each takes effect on real packets, and is undone without a trace.

mod address;
mod endings;
mod link;
mod packets;
mod process;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use serde_json::{Map, Value, json};
use shakedown::guard::disruption::{ChangeKind, Disruption, Undo};
use tokio::runtime::Runtime;

use super::super::{PATIENCE, within};
use super::{Namespace, namespace};

/// An answer on a wire takes this long only when there is none.
const ANSWER: Duration = Duration::from_millis(300);

/// Two hosts and the wire between them: `e0` of each. The far one answers UDP and TCP.
struct Wire {
    near: Namespace,
    far: Namespace,
}

impl Wire {
    fn new() -> Option<Self> {
        let (near, far) = (namespace()?, namespace()?);
        near.setup(&format!(
            "ip link set lo up
            ip link add e0 type veth peer name e0 netns {}
            ip address add 10.83.0.1/24 broadcast + dev e0
            ip -6 address add 2001:db8:83::1/64 dev e0 nodad
            ip link set e0 up",
            far.name()
        ));
        far.setup(
            "ip link set lo up
            ip address add 10.83.0.2/24 dev e0
            ip -6 address add 2001:db8:83::2/64 dev e0 nodad
            ip link set e0 up",
        );
        let own = Self { near, far };
        // Until the wire carries and both have found their link-local addresses unused.
        assert!(
            within(PATIENCE, || (!own.near.printed("ip -6 address").contains("tentative")).then_some(())).is_some()
        );
        Some(own)
    }

    /// Both know each other's link-layer address for ever.
    fn acquainted(self) -> Self {
        let link = |own: &Namespace| own.printed("cat /sys/class/net/e0/address").trim().to_owned();
        for (own, other, end) in [(&self.near, &self.far, 2), (&self.far, &self.near, 1)] {
            let link = link(other);
            own.setup(&format!(
                "ip neigh replace 10.83.0.{end} lladdr {link} dev e0 nud permanent
                ip neigh replace 2001:db8:83::{end} lladdr {link} dev e0 nud permanent"
            ));
        }
        self
    }

    /// The far one repeats what it gets on this port of UDP and of TCP, over both IP versions.
    fn echo(&self, port: u16) {
        let (ready, started) = mpsc::channel();
        let tcp = ready.clone();
        self.far.thread(move || {
            let socket = UdpSocket::bind(("::", port)).unwrap();
            ready.send(()).unwrap();
            let mut bytes = [0; 64];
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                let _ = socket.send_to(&bytes[..length], from);
            }
        });
        self.far.thread(move || {
            let listener = TcpListener::bind(("::", port)).unwrap();
            tcp.send(()).unwrap();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut bytes = [0; 64];
                    while let Ok(length @ 1..) = stream.read(&mut bytes) {
                        let _ = stream.write_all(&bytes[..length]);
                    }
                });
            }
        });
        for _ in 0..2 {
            started.recv().unwrap();
        }
    }

    /// Whether the far one answers the near one over UDP.
    fn udp(&self, to: &str) -> bool {
        self.answers(to, 1) == 1
    }

    /// How many of so many datagrams, each from a port of its own, it answers. No more are under way than its buffer holds.
    fn answers(&self, to: &str, count: usize) -> usize {
        const AT_ONCE: usize = 50;
        (0..count.div_ceil(AT_ONCE)).map(|round| self.answers_at_once(to, AT_ONCE.min(count - round * AT_ONCE))).sum()
    }

    fn answers_at_once(&self, to: &str, count: usize) -> usize {
        let to: SocketAddr = to.parse().unwrap();
        self.near.inside(move || {
            let bind = || UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
            let sockets: Vec<UdpSocket> = (0..count).map(|_| bind()).collect();
            for socket in &sockets {
                socket.set_read_timeout(Some(ANSWER)).unwrap();
                // A firewall of the sender's own host may say no.
                let _ = socket.send_to(b"x", to);
            }
            // All wait at once: the first that misses its answer has waited for the others as well.
            let mut patience = ANSWER;
            let mut answered = |socket: &UdpSocket| {
                socket.set_read_timeout(Some(patience)).unwrap();
                let came = socket.recv_from(&mut [0; 64]).is_ok();
                if !came {
                    patience = Duration::from_millis(1);
                }
                came
            };
            sockets.iter().filter(|socket| answered(socket)).count()
        })
    }

    /// Whether the far one answers the near one over TCP.
    fn tcp(&self, to: &str) -> bool {
        let to: SocketAddr = to.parse().unwrap();
        self.near.inside(move || TcpStream::connect_timeout(&to, ANSWER).is_ok())
    }
}

impl Namespace {
    /// Runs it on a thread inside, and waits for what it gives.
    fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (give, take) = mpsc::channel();
        self.thread(move || give.send(work()).unwrap());
        take.recv().unwrap()
    }

    /// Starts a thread inside.
    fn thread(&self, work: impl FnOnce() + Send + 'static) {
        let file = File::open(PathBuf::from("/run/netns").join(self.name())).unwrap();
        thread::spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            work();
        });
    }

    /// What a command prints inside.
    fn printed(&self, line: &str) -> String {
        let output = self.command("sh").args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// All of its devices, addresses, routes, neighbours and rules.
    fn state(&self) -> Value {
        let read = |line: &str| -> Value { serde_json::from_str(&self.printed(line)).unwrap_or_default() };
        let mut routes: Vec<String> = ["-4", "-6"]
            .iter()
            .flat_map(|version| {
                read(&format!("ip {version} -j route show table all")).as_array().cloned().unwrap_or_default()
            })
            .map(|mut route| {
                route.as_object_mut().unwrap().remove("expires");
                route.to_string()
            })
            .collect();
        routes.sort();
        let mut addresses = read("ip -j address");
        addresses.as_array_mut().unwrap().iter_mut().for_each(timeless);
        let lines = |line: &str| {
            let mut lines: Vec<String> = self.printed(line).lines().map(|line| line.trim().to_owned()).collect();
            lines.sort();
            json!(lines)
        };
        let rules = json!(self.printed("nft list ruleset"));
        let fixed = lines("ip neigh show nud permanent; ip neigh show proxy");
        let mut out = Map::new();
        for (name, part) in [
            ("addresses", addresses),
            ("routes", json!(routes)),
            ("neighbours", fixed),
            ("hops", lines("ip nexthop")),
            ("rules", rules),
        ] {
            out.insert(name.into(), part);
        }
        Value::Object(out)
    }
}

/// A lifetime that runs out is another number at every look.
fn timeless(link: &mut Value) {
    for address in link["addr_info"].as_array_mut().into_iter().flatten() {
        for key in ["valid_life_time", "preferred_life_time"] {
            if address[key].as_u64().is_some_and(|seconds| seconds < u64::from(u32::MAX) && seconds > 0) {
                address[key] = json!("limited");
            }
        }
    }
}

/// The same with the addresses of IPv6 in no order.
fn unordered(mut state: Value) -> Value {
    for link in state["addresses"].as_array_mut().unwrap() {
        link["addr_info"]
            .as_array_mut()
            .unwrap()
            .sort_by_key(|address| (address["family"] == "inet6").then(|| address["local"].to_string()));
    }
    state
}

/// What differs, for a message.
fn assert_same(before: &Value, after: &Value, when: &str) {
    for (part, was) in before.as_object().unwrap() {
        assert_eq!(
            serde_json::to_string_pretty(was).unwrap(),
            serde_json::to_string_pretty(&after[part]).unwrap(),
            "{when}: {part}"
        );
    }
}

/// A disruption and what undoes it, as a guard holds them.
struct Held {
    disruption: Disruption,
    undo: Vec<Undo>,
    runtime: Runtime,
}

impl Held {
    /// Prepared, which must change nothing, and gone through a journal.
    fn prepare(disruption: Disruption, own: &Namespace) -> Self {
        let before = own.state();
        let held = Self::try_prepare(disruption).unwrap();
        assert_same(&before, &own.state(), "prepare only looks");
        held
    }

    fn try_prepare(mut disruption: Disruption) -> Result<Self, String> {
        let runtime = Runtime::new().unwrap();
        let undo = runtime.block_on(disruption.prepare())?;
        let again = |text: String| serde_json::from_str(&text).unwrap();
        assert_eq!(disruption, serde_json::from_str(&serde_json::to_string(&disruption).unwrap()).unwrap());
        let undo = undo.iter().map(|undo| again(serde_json::to_string(undo).unwrap())).collect();
        Ok(Self { disruption, undo, runtime })
    }

    fn inject(&self) {
        self.runtime.block_on(self.disruption.inject()).unwrap();
        self.in_effect().unwrap();
    }

    fn in_effect(&self) -> Result<(), String> {
        self.runtime.block_on(self.disruption.in_effect())
    }

    fn restore(&self) {
        for undo in self.undo.iter().rev() {
            self.runtime.block_on(undo.restore()).unwrap();
        }
        self.verify().unwrap();
    }

    fn verify(&self) -> Result<(), String> {
        self.undo.iter().try_for_each(|undo| self.runtime.block_on(undo.verify()))
    }

    /// Does by hand what the texts say.
    fn by_hand(&self) {
        for undo in self.undo.iter().rev() {
            let line = undo.by_hand();
            let done = Command::new("sh").args(["-c", &line]).output().unwrap();
            assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        }
        self.verify().unwrap();
    }
}

/// Why it cannot be done.
fn refused(disruption: Disruption) -> String {
    Held::try_prepare(disruption).err().expect("it was prepared")
}

/// An address of `e0`.
fn change(kind: ChangeKind, address: &str, netns: &Namespace) -> Disruption {
    Disruption::Address(shakedown::guard::disruption::AddressChange {
        kind,
        address: address.into(),
        device: "e0".into(),
        netns: Some(netns.name().into()),
    })
}
