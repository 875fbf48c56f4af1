//! Checks in parallel do not crowd each other out of a server with a short queue.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::CliSandbox;

/// A server with a queue of one that takes up one connection after the other, each for so long, until it is dropped.
struct ShortQueue {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl ShortQueue {
    fn start(each: Duration) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(1).unwrap();
        let listener = TcpListener::from(socket);
        let (address, over) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let ends = Arc::clone(&over);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                // It serves nobody else meanwhile.
                std::thread::park_timeout(each);
                drop(stream);
            }
        });
        Self { address, over }
    }
}

impl Drop for ShortQueue {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn crowd(checks: usize, server: &ShortQueue) -> CliSandbox {
    let mut suite = "version: 1\nsuite: s\nchecks:\n".to_owned();
    for number in 0..checks {
        let port = server.address.port();
        writeln!(suite, "  - {{id: c{number}, tcp: {{host: 127.0.0.1, port: {port}, timeout: 30s}}}}").unwrap();
    }
    CliSandbox::new(&suite)
}

/// Whoever the full queue drops has its SYN sent again by the kernel, which knows: on no machine is that a matter of time.
#[test]
fn a_server_with_a_queue_of_one_is_fine_whatever_the_jobs() {
    for each in [Duration::from_millis(1), Duration::from_millis(30)] {
        let server = ShortQueue::start(each);
        let sandbox = crowd(16, &server);
        let ended = sandbox.run(&["run", "suite.yaml", "--jobs", "16", "--json", "r.json"]);
        assert_eq!(ended.code, 0, "{each:?}: {}{}", ended.out, ended.err);
        for check in sandbox.json("r.json")["checks"].as_array().unwrap() {
            assert_eq!(check["facts"]["connect_time"]["count"], 1, "{each:?}: {check}");
            let notes = check["notes"].to_string();
            assert!(!notes.contains("the SYN was sent again"), "{each:?}: {check}");
        }
    }
}
