//! A run that is stopped and goes on (SIGSTOP, SIGCONT): what it did not watch it does not judge, what arrived meanwhile it sees,
//! and nothing is made up for at once.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc;
use std::thread::spawn;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rustls::{ServerConnection, StreamOwned};
use serde_json::json;
use shakedown::lab::pki::{NAME, Pki};

use super::skips::skip;
use super::{CliSandbox, Ended, PATIENCE, Running};

/// The time a run is stopped for; reports must name it.
const STOP: Duration = Duration::from_millis(1500);

/// Runs `suite`; stops it when `heard` says so, and lets it go on after `meanwhile` and [`STOP`].
fn stopped(sandbox: &CliSandbox, heard: &mpsc::Receiver<()>, meanwhile: impl FnOnce()) -> Ended {
    let running = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--json", "r.json"]));
    heard.recv_timeout(PATIENCE).unwrap();
    running.signal(Signal::SIGSTOP);
    meanwhile();
    // It is what is tested: nothing else happens in this time.
    std::thread::park_timeout(STOP);
    running.signal(Signal::SIGCONT);
    running.end()
}

fn suite(check: &str) -> CliSandbox {
    CliSandbox::new(&format!("version: 1\nsuite: s\nchecks:\n  - id: a\n    {check}\n"))
}

/// Errored, for the time that is missing.
fn unwatched(sandbox: &CliSandbox, ended: &Ended) {
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    let check = &sandbox.json("r.json")["checks"][0];
    let detail = check["fault"]["detail"].as_str().unwrap();
    // A busy host may leave it without a turn for longer still.
    let (_, rest) = detail.split_once("did not run for ").unwrap_or_else(|| panic!("{detail}"));
    let seconds: f64 = rest.split('s').next().unwrap().parse().unwrap();
    assert!(seconds > 1.0, "{detail}");
}

/// A server that takes a connection, tells, and says something when it is told to.
fn greeter() -> (SocketAddr, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((told, heard), (speak, speaks)) = (mpsc::channel(), mpsc::channel());
    spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        told.send(()).unwrap();
        if speaks.recv().is_ok() {
            stream.write_all(b"220 ready\r\n").unwrap();
        }
        // Until the other side has gone.
        let _ = stream.read(&mut [0; 1]);
    });
    (address, heard, speak)
}

#[test]
fn a_banner_that_came_while_the_run_was_stopped_is_seen() {
    let (address, heard, speak) = greeter();
    let check = format!("tcp: {{host: 127.0.0.1, port: {}, banner: true, timeout: 1s}}", address.port());
    let sandbox = suite(&format!("{check}\n    expect: {{banner: \"220 ready\"}}"));
    let ended = stopped(&sandbox, &heard, || speak.send(()).unwrap());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn silence_while_the_run_was_stopped_is_not_the_servers() {
    let (address, heard, _speak) = greeter();
    let check = format!("tcp: {{host: 127.0.0.1, port: {}, banner: true, timeout: 1s}}", address.port());
    let sandbox = suite(&check);
    let ended = stopped(&sandbox, &heard, || ());
    unwatched(&sandbox, &ended);
}

/// Tells of each query when it came; answers those after `silent` ones at once, and those when it is told to.
fn dns_server(answers: bool) -> (SocketAddr, mpsc::Receiver<()>, mpsc::Sender<()>, mpsc::Receiver<Instant>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let ((told, heard), (speak, speaks), (came, comes)) = (mpsc::channel(), mpsc::channel(), mpsc::channel());
    spawn(move || {
        let mut query = [0; 512];
        for number in 0.. {
            let Ok((length, peer)) = socket.recv_from(&mut query) else { return };
            let _ = came.send(Instant::now());
            if !answers && number == 0 || answers && number == 30 {
                let _ = told.send(());
            }
            if !answers && speaks.recv().is_err() {
                return;
            }
            let _ = socket.send_to(&answered(&query[..length]), peer);
        }
    });
    (address, heard, speak, comes)
}

/// The answer 192.0.2.1 to a query for an A record.
fn answered(query: &[u8]) -> Vec<u8> {
    // Up to the end of the question: the header, the name, type and class.
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut reply = query[..end].to_vec();
    (reply[2], reply[3]) = (0x84 | (query[2] & 1), 0);
    reply[4..12].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, 0]);
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    reply
}

#[test]
fn an_answer_that_came_while_the_run_was_stopped_is_seen() {
    let (address, heard, speak, _comes) = dns_server(false);
    let server = format!("server: \"127.0.0.1:{}\"", address.port());
    let sandbox = suite(&format!("dns: {{{server}, name: a.test, timeout: 1s, attempts: 1}}"));
    let ended = stopped(&sandbox, &heard, || speak.send(()).unwrap());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let rtt = sandbox.json("r.json")["checks"][0]["facts"]["rtt"]["max"].as_f64().unwrap();
    assert!(rtt < STOP.as_secs_f64() / 2.0, "the kernel saw it in time: {rtt}");
}

/// The time is that of the kernel's stamp, and not of when this process got to read.
#[test]
fn a_reply_that_came_while_the_run_was_stopped_is_timed_by_its_stamp() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let ((told, asked), (speak, speaks)) = (mpsc::channel(), mpsc::channel());
    spawn(move || {
        let (_, peer) = socket.recv_from(&mut [0; 512]).unwrap();
        told.send(()).unwrap();
        speaks.recv().unwrap();
        socket.send_to(b"right", peer).unwrap();
    });
    let sandbox = suite(&format!("udp: {{host: 127.0.0.1, port: {port}, send: x, expect: right, timeout: 1s}}"));
    let ended = stopped(&sandbox, &asked, || speak.send(()).unwrap());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let took = sandbox.json("r.json")["checks"][0]["facts"]["response_time"]["max"].as_f64().unwrap();
    assert!(took < STOP.as_secs_f64() / 2.0, "the kernel saw it in time: {took}");
}

#[test]
fn replies_to_ping_are_timed_by_their_stamps() {
    if shakedown::checks::icmp::permission().is_err() {
        skip("this user may not send ICMP", "set net.ipv4.ping_group_range, or run the tests as root");
        return;
    }
    for host in ["127.0.0.1", "::1"] {
        let sandbox = suite(&format!("icmp: {{host: \"{host}\", count: 3, interval: 20ms}}"));
        let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert_eq!(sandbox.json("r.json")["checks"][0]["facts"]["rtt_source"], "kernel_both", "{host}");
    }
}

#[test]
fn a_load_that_was_stopped_is_errored_and_sends_no_burst() {
    let (address, heard, _speak, comes) = dns_server(true);
    let server = format!("server: \"127.0.0.1:{}\"", address.port());
    let load = "load: {rate: 200 /s, duration: 3s}";
    let sandbox = suite(&format!("dns: {{{server}, name: a.test, timeout: 1s, {load}}}"));
    let ended = stopped(&sandbox, &heard, || ());
    unwatched(&sandbox, &ended);
    let came: Vec<Instant> = comes.try_iter().collect();
    // 200 /s are 20 in a tenth of a second; what was missed would be 300 more, at most half as fast again.
    assert!(densest(&came) < 60, "a burst of {}", densest(&came));
    assert!(came.len() < 450, "{} of 600 queries less 300 that were missed", came.len());
}

#[test]
fn pings_that_were_stopped_are_errored() {
    if shakedown::checks::icmp::permission().is_err() {
        skip("this user may not send ICMP", "set net.ipv4.ping_group_range, or run the tests as root");
        return;
    }
    let sandbox = suite("icmp: {host: 127.0.0.1, count: 100, interval: 20ms}");
    let (tell, heard) = mpsc::channel();
    spawn(move || {
        // Long enough for some of them; nothing on this side can be waited for.
        std::thread::park_timeout(Duration::from_millis(700));
        tell.send(()).unwrap();
    });
    let ended = stopped(&sandbox, &heard, || ());
    unwatched(&sandbox, &ended);
}

#[test]
fn rounds_that_were_stopped_are_errored() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::channel();
    spawn(move || {
        for number in 0.. {
            let Ok((mut stream, _)) = listener.accept() else { return };
            if number == 3 {
                let _ = tell.send(());
            }
            std::thread::park_timeout(Duration::from_millis(100));
            let _ = stream.write_all(b"220 ready\r\n");
        }
    });
    let sandbox = suite(&format!("rounds: 9\n    tcp: {{host: 127.0.0.1, port: {port}, banner: true, timeout: 20s}}"));
    let ended = stopped(&sandbox, &heard, || ());
    unwatched(&sandbox, &ended);
}

/// A web server that tells of its first request, and answers it when it is told to; over TLS with a `pki`. That one tells when
/// the connection is there, and makes a handshake when it is told to.
fn web(pki: Option<&Pki>) -> (SocketAddr, mpsc::Receiver<()>, mpsc::Sender<()>) {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let config = pki.map(|pki| pki.good.server(&[]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((told, heard), (speak, speaks)) = (mpsc::channel(), mpsc::channel());
    spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        if let Some(config) = config {
            told.send(()).unwrap();
            if speaks.recv().is_ok() {
                let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                let _ = tls.read(&mut [0; 1024]);
                let _ = tls.write_all(ANSWER);
            }
            return;
        }
        let _ = stream.read(&mut [0; 1024]);
        told.send(()).unwrap();
        if speaks.recv().is_ok() {
            let _ = stream.write_all(ANSWER);
        }
        let _ = stream.read(&mut [0; 1]);
    });
    (address, heard, speak)
}

/// A check of a web server, or of its TLS, with a second of patience.
fn web_suite(check: &str, port: u16, pki: &Pki) -> CliSandbox {
    let sandbox = match check {
        "tls" => suite(&format!("tls: {{host: 127.0.0.1, port: {port}, sni: {NAME}, ca_file: ca.pem, timeout: 1s}}")),
        "https" => suite(&format!("http: {{url: 'https://127.0.0.1:{port}/', ca_file: ca.pem, timeout: 1s}}")),
        _ => suite(&format!("http: {{url: 'http://127.0.0.1:{port}/', timeout: 1s}}")),
    };
    sandbox.write("ca.pem", pki.ca_pem());
    sandbox
}

/// With TLS the rest of the handshake needs this side: nothing but the server's first answer can arrive meanwhile.
#[test]
fn what_a_web_server_said_while_the_run_was_stopped_is_seen() {
    let (address, heard, speak) = web(None);
    let sandbox = web_suite("http", address.port(), &Pki::new().unwrap());
    let ended = stopped(&sandbox, &heard, || speak.send(()).unwrap());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn a_web_server_is_not_blamed_for_the_time_in_which_the_run_was_stopped() {
    let pki = Pki::new().unwrap();
    for check in ["http", "https", "tls"] {
        let (address, heard, _speak) = web((check != "http").then_some(&pki));
        let sandbox = web_suite(check, address.port(), &pki);
        let ended = stopped(&sandbox, &heard, || ());
        unwatched(&sandbox, &ended);
    }
}

/// The most that came within a tenth of a second.
fn densest(came: &[Instant]) -> usize {
    let within =
        |from: &Instant| came.iter().filter(|at| **at >= *from && **at - *from < Duration::from_millis(100)).count();
    came.iter().map(within).max().unwrap_or(0)
}

#[test]
fn a_tls_load_that_was_stopped_is_errored_and_makes_up_for_nothing() {
    let pki = Pki::new().unwrap();
    let config = pki.good.server(&[]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ((told, heard), (came, comes)) = (mpsc::channel(), mpsc::channel());
    spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let _ = came.send(Instant::now());
            if number == 20 {
                let _ = told.send(());
            }
            let config = std::sync::Arc::clone(&config);
            spawn(move || {
                let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                let _ = tls.read(&mut [0; 1]);
            });
        }
    });
    let load = "load: {rate: 40 /s, duration: 4s}";
    let sandbox =
        suite(&format!("tls: {{host: 127.0.0.1, port: {port}, sni: {NAME}, ca_file: ca.pem, timeout: 5s, {load}}}"));
    sandbox.write("ca.pem", pki.ca_pem());
    let ended = stopped(&sandbox, &heard, || ());
    unwatched(&sandbox, &ended);
    let came: Vec<Instant> = comes.try_iter().collect();
    // 40 /s are 4 in a tenth of a second; 60 were missed.
    assert!(densest(&came) < 30, "a burst of {}", densest(&came));
    assert!(came.len() < 130, "{} of 160 less 60 that were missed", came.len());
}

/// One UDP upload to a server of iperf3's protocol: when each datagram came.
fn udp_upload(control: &TcpListener, data: &UdpSocket, came: &mpsc::Sender<Instant>, told: &mpsc::Sender<()>) {
    let (mut control, _) = control.accept().unwrap();
    let document = |control: &mut std::net::TcpStream| {
        let mut length = [0; 4];
        control.read_exact(&mut length).unwrap();
        control.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize]).unwrap();
    };
    control.read_exact(&mut [0; 37]).unwrap();
    control.write_all(&[9]).unwrap();
    document(&mut control);
    control.write_all(&[10]).unwrap();
    let mut datagram = [0; 2048];
    let (_, client) = data.recv_from(&mut datagram).unwrap();
    data.send_to(b"6789", client).unwrap();
    control.write_all(&[1, 2]).unwrap();
    control.set_nonblocking(true).unwrap();
    data.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut count = 0;
    // Up to the client's TEST_END, or its end.
    while control.read(&mut [0; 1]).is_err() {
        if data.recv(&mut datagram).is_ok() {
            let _ = came.send(Instant::now());
            count += 1;
            if count == 50 {
                let _ = told.send(());
            }
        }
    }
    control.set_nonblocking(false).unwrap();
    let stream = json!({"id": 1, "bytes": count * 1000, "errors": 0, "packets": count, "jitter": 0.0, "omitted_errors": 0, "omitted_packets": 0});
    let text = json!({"sender_has_retransmits": -1, "streams": [stream]}).to_string();
    control.write_all(&[13]).unwrap();
    document(&mut control);
    control.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).unwrap();
    control.write_all(text.as_bytes()).unwrap();
    control.write_all(&[14]).unwrap();
    let _ = control.read(&mut [0; 1]);
}

#[test]
fn a_stream_of_datagrams_that_was_stopped_is_errored_and_makes_up_for_nothing() {
    let (control, data) = loop {
        let control = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(data) = UdpSocket::bind(control.local_addr().unwrap()) {
            break (control, data);
        }
    };
    let port = control.local_addr().unwrap().port();
    let ((told, heard), (came, comes)) = (mpsc::channel(), mpsc::channel());
    spawn(move || udp_upload(&control, &data, &came, &told));
    // 200 datagrams of 1000 bytes a second.
    let sandbox = suite(&format!(
        "throughput: {{server: '127.0.0.1:{port}', protocol: udp, rate: 1600 kbit/s, block: 1000 B, duration: 3s, timeout: 5s}}"
    ));
    let ended = stopped(&sandbox, &heard, || ());
    unwatched(&sandbox, &ended);
    let came: Vec<Instant> = comes.try_iter().collect();
    assert!(densest(&came) < 60, "a burst of {}", densest(&came));
    assert!(came.len() < 450, "{} of 600 datagrams less 300 that were missed", came.len());
}
