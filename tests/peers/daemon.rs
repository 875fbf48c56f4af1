//! A daemon that lives as long as its test.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PATIENCE, within};

/// Another program took the port between looking and listening: look for another one this often.
const ATTEMPTS: u32 = 5;
/// Below the ports the kernel gives to connections, so that no client of another test sits on one.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A running daemon; dropping it ends it.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts what `prepare` describes and waits until it is `ready`. `prepare` finds the ports, and is asked again when the
    /// daemon ends before it is ready. What it prints goes to `log`.
    pub fn start<T>(
        log: &Path,
        mut prepare: impl FnMut() -> (Command, T),
        mut ready: impl FnMut(&T, &str) -> bool,
    ) -> (Self, T) {
        for _ in 0..ATTEMPTS {
            let (command, with) = prepare();
            let mut daemon = Self::spawn(command, log);
            let up = within(PATIENCE, || {
                let ended = daemon.child.try_wait().unwrap().is_some();
                (ended || ready(&with, &daemon.output())).then_some(!ended)
            });
            match up {
                Some(true) => return (daemon, with),
                Some(false) => {}
                None => panic!("not ready: {}", daemon.output()),
            }
        }
        panic!("does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    fn spawn(mut command: Command, log: &Path) -> Self {
        let file = std::fs::File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// Its output so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Asked first, because some have children of their own to end.
        let _ = kill(self.pid(), Signal::SIGTERM);
        if within(Duration::from_secs(5), || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A port of 127.0.0.1 that is free for TCP and UDP, and stays with this process until its end: tests in other processes look
/// for ports as well, and a daemon takes its own only after a while.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Runs in parallel begin in different places.
    let offset = u16::try_from(std::process::id() % 12_000).unwrap();
    for _ in PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + offset.wrapping_add(step) % (PORTS.end - PORTS.start);
        let address = (Ipv4Addr::LOCALHOST, port);
        if reserve(port) && TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no free port in {PORTS:?}");
}

/// Takes the port for this process among all that test here; false when another has it.
fn reserve(port: u16) -> bool {
    static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("shakedown-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    // One of another user is as good as taken.
    let Ok(file) = File::create(folder.join(port.to_string())) else { return false };
    let free = file.try_lock().is_ok();
    if free {
        RESERVED.lock().unwrap().push(file);
    }
    free
}

/// A port is given to one process at a time, although nobody listens on it yet.
#[test]
fn a_port_is_given_once() {
    let port = free_port();
    assert!(!reserve(port), "another process would get it");
    let more: Vec<u16> = (0..20).map(|_| free_port()).collect();
    assert!(!more.contains(&port), "{port} {more:?}");
}

/// Somebody listens on this port of 127.0.0.1.
pub fn listens(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
