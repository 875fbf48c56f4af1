//! Targets that are not well.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use shakedown::lab::pki::Pki;
use shakedown::model::Value;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// A target on loopback, there until it is dropped.
pub struct Target {
    pub port: u16,
    /// What is seen of it, where it cannot be made on loopback.
    pub by_hand: Option<Vec<(&'static str, Value)>>,
    tasks: JoinSet<()>,
    _held: Vec<Socket>,
}

impl Target {
    fn at(port: u16) -> Self {
        Self { port, by_hand: None, tasks: JoinSet::new(), _held: Vec::new() }
    }

    fn seen(facts: Vec<(&'static str, Value)>) -> Self {
        Self { by_hand: Some(facts), ..Self::at(1) }
    }

    /// Answers every datagram by `reply` of it.
    async fn datagrams(&mut self, reply: fn(&[u8]) -> Vec<u8>) {
        for host in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)] {
            let socket = UdpSocket::bind((host, self.port)).await.unwrap();
            self.tasks.spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                    let _ = socket.send_to(&reply(&buffer[..length]), from).await;
                }
            });
        }
    }

    /// Plays `script` with every client.
    async fn streams<F, Fut>(script: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut target = Self::at(listener.local_addr().unwrap().port());
        target.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(script(stream));
            }
        });
        target
    }
}

/// What a sweep of two hosts has beside, with the hosts of each list.
fn swept(alive: &[&str], dead: &[&str], unreachable: &[&str]) -> [(&'static str, Value); 4] {
    [
        ("hosts.alive", json!(alive)),
        ("hosts.dead", json!(dead)),
        ("hosts.unreachable", json!(unreachable)),
        ("hosts.unresolved", json!([])),
    ]
}

/// Five probes of ICMP without an answer.
fn unanswered(outcome: &str, errors: &[&str]) -> Target {
    let both = ["127.0.0.1", "127.0.0.2"];
    let hosts = if outcome == "silent" { swept(&[], &both, &[]) } else { swept(&[], &[], &both) };
    let facts = vec![
        ("outcome", json!(outcome)),
        ("address", json!("192.0.2.1")),
        ("sent", json!(5)),
        ("blocked", json!(0)),
        ("received", json!(0)),
        ("late", json!(0)),
        ("altered", json!(0)),
        ("loss", json!(1.0)),
        ("duplicates", json!(0)),
        ("reordered", json!(0)),
        ("errors", json!(errors)),
    ];
    Target::seen(facts.into_iter().chain(hosts).collect())
}

/// A trace to a target three hops away that did not arrive.
fn traced(outcome: &str) -> Target {
    Target::seen(vec![
        ("outcome", json!(outcome)),
        ("address", json!("192.0.2.1")),
        ("path", json!(["1 198.51.100.1", "2 198.51.100.5", "3 *"])),
        ("routers", json!(["198.51.100.1", "198.51.100.5"])),
        ("paths.count", json!(1)),
        ("farthest", json!("198.51.100.5")),
        ("flows.unreached", json!(["61000"])),
        ("changed", json!([])),
        ("sent", json!(30)),
        ("errors", json!([])),
    ])
}

/// Silent: the backlog is full, so that SYNs are dropped; nobody reads datagrams.
pub async fn dead(family: &str) -> Option<Target> {
    if family == "icmp" {
        return Some(unanswered("silent", &[]));
    }
    if family == "trace" {
        return Some(traced("silent"));
    }
    let socket = |kind| Socket::new(Domain::IPV4, kind, None).unwrap();
    let full = socket(Type::STREAM);
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let mut held = vec![full];
    for _ in 0..4 {
        let filler = socket(Type::STREAM);
        filler.set_nonblocking(true).unwrap();
        let _ = filler.connect(&address);
        held.push(filler);
    }
    let port = address.as_socket().unwrap().port();
    for host in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        let silent = socket(Type::DGRAM);
        silent.bind(&SocketAddr::from((host, port)).into()).unwrap();
        held.push(silent);
    }
    Some(Target { _held: held, ..Target::at(port) })
}

pub async fn refusing(family: &str) -> Option<Target> {
    if family == "icmp" {
        return Some(unanswered("unreachable", &["host_unreachable from 192.0.2.254 x5"]));
    }
    if family == "trace" {
        return Some(traced("unreachable"));
    }
    // That a port is closed is an answer to who asks for ports.
    if family == "ports" {
        return None;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    Some(Target::at(listener.local_addr().unwrap().port()))
}

/// Greets as an SSH server, and says hello to datagrams.
pub async fn of_another_protocol(family: &str) -> Option<Target> {
    // ICMP has no ports; a TCP port that is open is what family tcp and a failover of it ask for, and `ports` asks for nothing else.
    if matches!(family, "icmp" | "failover" | "ports" | "trace") {
        return None;
    }
    let mut target = Target::streams(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    target.datagrams(|_| b"hello".to_vec()).await;
    Some(target)
}

/// The right protocol, and not what a user wants.
pub async fn wrong(family: &str) -> Option<Target> {
    if family == "ports" {
        return None;
    }
    Some(match family {
        "icmp" => lossy(),
        "trace" => traced("loop"),
        "http" => {
            let words = "HTTP/1.1 503 Service Unavailable\r\nserver: x\r\ncontent-type: application/json\r\n\
                         content-length: 11\r\n\r\n{\"ok\":true}";
            says(words.as_bytes()).await
        }
        "dns" => failing_name_server().await,
        "tls" => untrusted().await,
        // As an iperf3 server that has another client.
        "throughput" => says(&[0xff]).await,
        "failover" => mortal().await,
        _ => {
            let mut target = says(b"wrong").await;
            target.datagrams(|_| b"wrong".to_vec()).await;
            target
        }
    })
}

fn lossy() -> Target {
    let facts = vec![
        ("outcome", json!("replied")),
        ("address", json!("192.0.2.1")),
        ("sent", json!(5)),
        ("blocked", json!(0)),
        ("received", json!(3)),
        ("late", json!(0)),
        ("altered", json!(0)),
        ("loss", json!(0.4)),
        ("duplicates", json!(0)),
        ("reordered", json!(0)),
        ("rtt", json!([0.001, 0.002, 0.001])),
        ("jitter", json!(0.0001)),
        ("path_mtu", json!(1400)),
        ("path_mtu.black_hole", json!(true)),
        ("path_mtu.interface", json!(1500)),
        ("errors", json!([])),
    ];
    Target::seen(facts.into_iter().chain(swept(&["127.0.0.1"], &["127.0.0.2"], &[])).collect())
}

/// Says this to whoever says something, or nothing for a moment.
async fn says(words: &'static [u8]) -> Target {
    Target::streams(move |mut stream| async move {
        let _ = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 4096])).await;
        let _ = stream.write_all(words).await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await
}

async fn failing_name_server() -> Target {
    let mut target = Target::streams(|mut stream| async move {
        let mut length = [0; 2];
        while stream.read_exact(&mut length).await.is_ok() {
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            if stream.read_exact(&mut query).await.is_err() {
                return;
            }
            let _ = stream.write_all(&[&length[..], &servfail(&query)].concat()).await;
        }
    })
    .await;
    target.datagrams(servfail).await;
    target
}

/// Nobody trusts its authority.
async fn untrusted() -> Target {
    let pki = Pki::new().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&pki.good.server(&["http/1.1"]).unwrap()));
    Target::streams(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await
}

/// It goes away for good while it is observed, with all that it was told to store.
async fn mortal() -> Target {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut target = Target::at(listener.local_addr().unwrap().port());
    target.tasks.spawn(async move {
        let stored = Arc::<Mutex<HashSet<String>>>::default();
        let serve = async {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(store(stream, Arc::clone(&stored)));
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(400), serve).await;
    });
    target
}

/// Stores what it is told to, and gives it back; who says nothing is left alone.
async fn store(mut stream: TcpStream, stored: Arc<Mutex<HashSet<String>>>) {
    let mut bytes = [0; 256];
    let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut bytes)).await else { return };
    let words = String::from_utf8_lossy(&bytes[..count]).into_owned();
    let answer = match words.trim().split_once(' ') {
        Some(("SET", value)) => {
            stored.lock().unwrap().insert(value.to_owned());
            "OK\r\n".to_owned()
        }
        Some(("GET", value)) if stored.lock().unwrap().contains(value) => format!("VALUE {value}\r\n"),
        _ => "NONE\r\n".to_owned(),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The query sent back as a reply that says SERVFAIL.
fn servfail(query: &[u8]) -> Vec<u8> {
    let mut reply = query.to_vec();
    if let [_, _, first, second, ..] = reply.as_mut_slice() {
        *first |= 0x80;
        *second = 0x82;
    }
    reply
}
