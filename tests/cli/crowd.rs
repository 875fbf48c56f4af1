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

/// Below a second, in which a SYN is sent again: who is dropped once, times out.
fn crowd(checks: usize, server: &ShortQueue) -> CliSandbox {
    let mut suite = "version: 1\nsuite: s\nchecks:\n".to_owned();
    for number in 0..checks {
        let port = server.address.port();
        writeln!(suite, "  - {{id: c{number}, tcp: {{host: 127.0.0.1, port: {port}, timeout: 900ms}}}}").unwrap();
    }
    CliSandbox::new(&suite)
}

#[test]
fn a_server_with_a_queue_of_one_is_fine_whatever_the_jobs() {
    for each in [Duration::from_millis(1), Duration::from_millis(30)] {
        let server = ShortQueue::start(each);
        let sandbox = crowd(16, &server);
        let ended = sandbox.run(&["run", "suite.yaml", "--jobs", "16", "--json", "r.json"]);
        assert_eq!(ended.code, 0, "{each:?}: {}{}", ended.out, ended.err);
        for check in sandbox.json("r.json")["checks"].as_array().unwrap() {
            let took = check["facts"]["connect_time"]["max"].as_f64().unwrap();
            assert!(took < 0.2, "{each:?}: the wait for a turn is no time to connect: {check}");
        }
    }
}
