//! What the impairment proxy does beside what it is set to, and what it costs when it is set to nothing. Over loopback, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement that cannot go on should stop

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::{scope, spawn};
use std::time::{Duration, Instant};

use clap::Parser;
use shakedown::net::impair::control::{Request, ask};
use shakedown::net::impair::{Impairment, LOSS_OF, Proxies, ProxyConfig, ProxyDirection, ProxyTransport};
use tokio::runtime::Runtime;

/// Sets the proxy and measures what it does.
#[derive(Parser)]
struct Args {
    /// Length of each transfer.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Round trips of each latency.
    #[arg(long, default_value_t = 100)]
    trips: usize,
    /// Datagrams of each loss.
    #[arg(long, default_value_t = 20_000)]
    datagrams: u32,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

const BLOCK: usize = 128 << 10;
const SEED: u64 = 1;
/// Nothing more comes after this.
const QUIET: Duration = Duration::from_millis(300);

/// A proxy before a target.
struct Rig {
    listen: SocketAddr,
    control: String,
    runtime: Runtime,
    _proxies: Proxies,
}

impl Rig {
    fn start(protocol: ProxyTransport, target: SocketAddr) -> Self {
        let listen = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let control = format!("shakedown-bench-{}-{}", std::process::id(), listen.port());
        let config = ProxyConfig { name: "p".to_owned(), protocol, listen, target };
        let proxies = Proxies::start(vec![config], &control, SEED).unwrap();
        Self { listen, control, runtime: Runtime::new().unwrap(), _proxies: proxies }
    }

    fn impair(&self, impairment: Impairment, hold: Duration) {
        let request = Request::Impair(BTreeMap::from([("p".to_owned(), (impairment, hold))]));
        self.runtime.block_on(ask(&self.control, &request)).unwrap().0.unwrap();
    }

    fn set(&self, impairment: Impairment) {
        self.impair(impairment, Duration::from_hours(1));
    }
}

fn pair(listener: &TcpListener, to: SocketAddr) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(to).unwrap();
    let server = listener.accept().unwrap().0;
    for end in [&client, &server] {
        end.set_nodelay(true).unwrap();
        end.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    }
    (client, server)
}

/// Bits per second of some connections together.
fn throughput(pairs: Vec<(TcpStream, TcpStream)>, seconds: f64) -> f64 {
    let began = Instant::now();
    let transfers = pairs.into_iter().map(|(mut from, mut to)| {
        spawn(move || {
            let writes = spawn(move || {
                let block = vec![7; BLOCK];
                while began.elapsed().as_secs_f64() < seconds && from.write_all(&block).is_ok() {}
            });
            let (mut block, mut bytes) = (vec![0; BLOCK], 0_usize);
            while let Ok(count @ 1..) = to.read(&mut block) {
                bytes += count;
            }
            writes.join().unwrap();
            bytes
        })
    });
    let transfers: Vec<_> = transfers.collect();
    let bytes: usize = transfers.into_iter().map(|transfer| transfer.join().unwrap()).sum();
    bytes as f64 * 8.0 / began.elapsed().as_secs_f64()
}

/// Milliseconds of round trips of one byte, sorted.
fn round_trips((client, server): (&mut TcpStream, &mut TcpStream), count: usize) -> Vec<f64> {
    let echo = server;
    let mut all: Vec<f64> = scope(|scope| {
        scope.spawn(|| {
            let mut byte = [0];
            for _ in 0..count {
                echo.read_exact(&mut byte).unwrap();
                echo.write_all(&byte).unwrap();
            }
        });
        let mut byte = [0];
        let trip = |_| {
            let began = Instant::now();
            client.write_all(b"x").unwrap();
            client.read_exact(&mut byte).unwrap();
            began.elapsed().as_secs_f64() * 1e3
        };
        (0..count).map(trip).collect()
    });
    all.sort_by(f64::total_cmp);
    all
}

fn row(what: &str, set: &str, measured: &str) {
    println!("| {what} | {set} | {measured} |");
}

fn tcp(args: &Args) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = target.local_addr().unwrap();
    let rig = Rig::start(ProxyTransport::Tcp, at);
    for count in [1, 4] {
        let connections = |to| (0..count).map(|_| pair(&target, to)).collect::<Vec<_>>();
        let bare = throughput(connections(at), args.seconds);
        let through = throughput(connections(rig.listen), args.seconds);
        let text = format!("{:.1} Gbit/s; without it {:.1}", through / 1e9, bare / 1e9);
        row(&format!("throughput, {count} connection(s)"), "nothing", &text);
    }
    let (mut client, mut server) = pair(&target, at);
    let bare = round_trips((&mut client, &mut server), args.trips);
    let (mut client, mut server) = pair(&target, rig.listen);
    let percentile = |all: &[f64], share: usize| all[(all.len() - 1) * share / 100];
    for (milliseconds, jitter) in [(0, 0), (1, 0), (10, 0), (50, 0), (200, 0), (50, 20)] {
        let (latency, varied) = (Duration::from_millis(milliseconds), Duration::from_millis(jitter));
        rig.set(Impairment { latency, jitter: varied, direction: ProxyDirection::ToTarget, ..Impairment::default() });
        let trips = round_trips((&mut client, &mut server), args.trips);
        let text = format!(
            "least {:.2} ms, median {:.2}, p99 {:.2}; without it median {:.2}",
            trips[0],
            percentile(&trips, 50),
            percentile(&trips, 99),
            percentile(&bare, 50)
        );
        row("latency one way, by round trips", &format!("{milliseconds} ± {jitter} ms"), &text);
    }
    for megabits in [1_u64, 20, 100, 1000] {
        let rate = megabits * 1_000_000;
        rig.set(Impairment { rate, direction: ProxyDirection::ToTarget, ..Impairment::default() });
        let seen = throughput_for(&target, rig.listen, rate, args.seconds);
        row("rate, TCP", &format!("{megabits} Mbit/s"), &format!("{:.3} Mbit/s", seen / 1e6));
    }
    rig.set(Impairment::default());
    for milliseconds in [100, 500] {
        let length = Duration::from_millis(milliseconds);
        let seen = silence(&target, &rig, length);
        row(
            "black hole",
            &format!("{milliseconds} ms"),
            &format!("{:.1} ms without an arrival", seen.as_secs_f64() * 1e3),
        );
    }
}

/// Bits per second at a rate: what arrives in the middle of a transfer that is long enough, buffers left out.
fn throughput_for(target: &TcpListener, to: SocketAddr, rate: u64, seconds: f64) -> f64 {
    let (mut client, mut server) = pair(target, to);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds of a rate")]
    let wanted = (rate as f64 / 8.0 * seconds) as usize;
    let reads = spawn(move || {
        let (mut block, mut bytes) = (vec![0; BLOCK], 0);
        let mut first = None;
        while bytes < wanted {
            let count = server.read(&mut block).unwrap();
            // From after the first arrival, which the bucket lets pass at once.
            let counted = first.is_some();
            first.get_or_insert_with(Instant::now);
            bytes += if counted { count } else { 0 };
        }
        bytes as f64 * 8.0 / first.unwrap().elapsed().as_secs_f64()
    });
    let block = vec![7; BLOCK];
    while !reads.is_finished() && client.write_all(&block).is_ok() {}
    reads.join().unwrap()
}

/// The longest time between two arrivals of a stream of one byte each millisecond.
fn silence(target: &TcpListener, rig: &Rig, length: Duration) -> Duration {
    let (mut client, mut server) = pair(target, rig.listen);
    let end = Instant::now() + length * 2 + QUIET;
    let sends = spawn(move || {
        while Instant::now() < end && client.write_all(b"x").is_ok() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    });
    server.read_exact(&mut [0]).unwrap();
    rig.impair(Impairment { black_hole: true, ..Impairment::default() }, length);
    let (mut last, mut longest, mut bytes) = (Instant::now(), Duration::ZERO, [0; 4096]);
    while let Ok(1..) = server.read(&mut bytes) {
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    sends.join().unwrap();
    longest
}

fn udp(args: &Args) {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    target.set_read_timeout(Some(QUIET)).unwrap();
    let rig = Rig::start(ProxyTransport::Udp, target.local_addr().unwrap());
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(rig.listen).unwrap();
    for percent in [1, 10, 20] {
        let loss = LOSS_OF / 100 * percent;
        rig.set(Impairment { loss, direction: ProxyDirection::ToTarget, ..Impairment::default() });
        let receiver = target.try_clone().unwrap();
        let receives = spawn(move || {
            let mut count = 0_u32;
            while receiver.recv(&mut [0; 64]).is_ok() {
                count += 1;
            }
            count
        });
        for number in 0..args.datagrams {
            client.send(&number.to_be_bytes()).unwrap();
            if number % 16 == 0 {
                // So that no buffer of the kernel is full, which would lose some as well.
                std::thread::park_timeout(Duration::from_micros(500));
            }
        }
        let lost = args.datagrams - receives.join().unwrap();
        let share = f64::from(lost) / f64::from(args.datagrams) * 100.0;
        row("loss, UDP", &format!("{percent}%"), &format!("{share:.2}% of {}", args.datagrams));
    }
}

fn main() {
    let mut args = Args::parse();
    // `cargo test --benches` only asks whether it runs.
    if !args.bench {
        args = Args { seconds: 0.1, trips: 2, datagrams: 200, ..args };
    }
    println!("| what | set | measured |\n|---|---|---|");
    tcp(&args);
    udp(&args);
}
