//! `probe` by hand: targets as people type them, the decisive fact first, errors in the form that was typed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::sync::mpsc;

use nix::sched::{CloneFlags, unshare};

use super::skips::skip;
use super::{CliSandbox, Ended, closed_port, listener};

/// A web server that answers with this head and body, and tells the requests it got.
fn web(status: &str, headers: &str, body: &str) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n{body}", body.len());
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let _ = told.send(request.join("\n"));
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, heard)
}

fn probe(args: &[&str]) -> Ended {
    CliSandbox::new("").run(&[&["probe"], args].concat())
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[test]
fn the_decisive_fact_stands_first() {
    let (_keep, address) = listener();
    let ended = probe(&["tcp", &address.to_string()]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(first(&ended.out).starts_with(&format!("PASS  tcp {address}: connected, connect_time ")), "{}", ended.out);
    let (_held, port) = closed_port();
    let ended = probe(&["tcp", &format!("127.0.0.1:{port}")]);
    assert_eq!(ended.code, 1);
    let cause = format!("FAIL  tcp 127.0.0.1:{port}: connection refused by 127.0.0.1:{port}");
    assert!(first(&ended.out).starts_with(&cause), "{}", ended.out);
    assert!(ended.out.lines().nth(1).unwrap().starts_with("  next   "), "{}", ended.out);
    assert!(ended.out.contains("  unmet  outcome: expected connected, saw refused"), "{}", ended.out);
}

/// What curl takes for a URL is one, and it is said which.
#[test]
fn a_host_becomes_a_url() {
    let (port, heard) = web("200 OK", "", "hello\n");
    let ended = probe(&["http", &format!("127.0.0.1:{port}/x?a=b"), "-e", "status: 200"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(heard.recv().unwrap().starts_with("GET /x?a=b HTTP/1.1"));
    let url = format!("http://127.0.0.1:{port}/x?a=b");
    assert!(
        first(&ended.out).starts_with(&format!("PASS  http {url}: answered, status 200, total_time ")),
        "{}",
        ended.out
    );
    assert!(
        ended.out.contains(&format!("  note   asks {url} (as curl does; write https:// for TLS)")),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("  held   status: expected 200, saw 200"), "{}", ended.out);
    // One measurement is one number, and every number has its unit.
    let time = ended.out.lines().find(|line| line.trim_start().starts_with("total_time")).unwrap();
    assert!(time.ends_with(" ms") || time.ends_with(" us"), "{time}");
    assert!(!time.contains("p50") && !time.contains("n="), "{time}");
    assert!(ended.out.contains("body.size              6 B"), "{}", ended.out);
}

#[test]
fn an_expectation_judges_as_in_a_suite() {
    let (port, _heard) = web("503 Service Unavailable", "server: test\r\n", "");
    let target = format!("127.0.0.1:{port}");
    let probe = |more: &[&str]| probe(&[&["http", &target], more].concat());
    let ended = probe(&[]);
    assert_eq!(ended.code, 1);
    assert!(first(&ended.out).contains("503"), "{}", ended.out);
    assert!(ended.out.contains("(expected by default)"), "{}", ended.out);
    assert_eq!(probe(&["-e", "status: 503"]).code, 0);
    assert_eq!(probe(&["-e", "status:503"]).code, 0);
    assert_eq!(probe(&["-e", "status: {ge: 500}", "-e", "status: {lt: 600}", "-e", "headers.server: test"]).code, 0);
    let ended = probe(&["-e", "status: 503", "-e", "headers.server: other"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("  held   status:") && ended.out.contains("  unmet  headers.server:"), "{}", ended.out);
    for (args, says) in [
        (vec!["-e", "status=503"], "an expectation is written as in a suite, -e 'status: 503'"),
        (vec!["-e", "status"], "there is no colon behind the fact; write -e 'FACT: VALUE'"),
        (vec!["-e", "staus: 200"], "-e 'staus: 200': `http` has no fact `staus`\n       did you mean `status`?"),
        (vec!["-e", "status: 200", "-e", "status: 201"], "is given twice: write its operators into one"),
        (vec!["-e", "total_time: 5s"], "say which part of it: write `total_time.p95: {lt: 5s}`"),
    ] {
        let ended = probe(&args);
        assert_eq!(ended.code, 2, "{args:?}");
        assert!(ended.err.contains(says), "{args:?}: {}", ended.err);
    }
}

/// Headers are sent; those that hold credentials are never shown, whatever comes back.
#[test]
fn headers_are_sent_and_credentials_never_shown() {
    let (port, heard) = web("200 OK", "x-echo: s3cr3t-t0ken\r\n", "you said s3cr3t-t0ken");
    let target = format!("127.0.0.1:{port}");
    let args = ["-H", "Authorization: Bearer s3cr3t-t0ken", "-H", "Accept: text/plain", "headers.x-site=a", "-v"];
    let ended = probe(&[&["http", &target][..], &args].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let request = heard.recv().unwrap().to_lowercase();
    for line in ["authorization: bearer s3cr3t-t0ken", "accept: text/plain", "x-site: a"] {
        assert!(request.lines().any(|sent| sent == line), "{request}");
    }
    assert!(!(ended.out + &ended.err).contains("s3cr3t"), "a credential is shown");
    // An environment variable keeps it off the command line, which others on the host can see.
    let sandbox = CliSandbox::new("");
    let args = ["probe", "http", &target, "--secret", "MY_TOKEN", "headers.x-id=k ${MY_TOKEN} ${HOME}", "-v"];
    let ended = Ended::of(sandbox.command(&args).env("MY_TOKEN", "s3cr3t-t0ken").output().unwrap());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(heard.recv().unwrap().contains("x-id: k s3cr3t-t0ken ${HOME}"));
    assert!(!(ended.out + &ended.err).contains("s3cr3t"));
    let ended = sandbox.run(&["probe", "http", &target, "--secret", "NOT_SET", "headers.x-id=${NOT_SET}"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("--secret: secret `NOT_SET` is not set"), "{}", ended.err);
    // Nor in errors.
    for args in [
        ["http", &target, "-H", "Authorization: Bearer s3cr3t\u{1}-t0ken"],
        ["http", "http://user:s3cr3t-t0ken@127.0.0.1/", "timeout=1s", "-e=status: 200"],
    ] {
        let ended = probe(&args);
        assert_eq!(ended.code, 2, "{args:?}");
        assert!(!(ended.out.clone() + &ended.err).contains("s3cr3t"), "{args:?}: {}", ended.err);
    }
}

#[test]
fn targets_are_read_as_they_are_typed() {
    let (_keep, address) = listener();
    let port = address.port().to_string();
    for args in [
        vec!["tcp", "127.0.0.1", "PORT"],
        vec!["tcp", "PORT", "127.0.0.1"],
        vec!["tcp", "host=127.0.0.1", "PORT"],
        vec!["tcp", "[::ffff:7f00:1]:0", "PORT"],
    ] {
        let given = format!("port={port}");
        let args: Vec<&str> = args.iter().map(|arg| if *arg == "PORT" { &*given } else { arg }).collect();
        let ended = probe(&args);
        let odd = args[1].starts_with('[');
        assert_eq!(ended.code, if odd { 2 } else { 0 }, "{args:?}: {}{}", ended.out, ended.err);
    }
}

/// Nobody who types a command has written YAML.
#[test]
fn errors_say_what_to_type_instead() {
    for (args, says) in [
        (
            vec!["tcp", "127.0.0.1:1", "timeout=5"],
            "timeout=5: `timeout`: `5` has no unit\n       write `timeout=5s`; or `timeout=5ms` if milliseconds are meant",
        ),
        (vec!["tcp", "127.0.0.1:1", "bogus=1"], "`tcp` has no field `bogus`; known: host, port"),
        (vec!["tcp", "127.0.0.1:1", "baner=true"], "`tcp` has no field `baner`; did you mean `banner`?"),
        (
            vec!["tcp", "127.0.0.1:1", "banner=maybe"],
            "banner=maybe: `banner`: `maybe` is neither true nor false\n       write banner=true",
        ),
        (
            vec!["tcp", "127.0.0.1"],
            "`port` is missing (port to connect to): write shakedown probe tcp 127.0.0.1:PORT, or port=PORT",
        ),
        (
            vec!["tcp", "127.0.0.1:1", "now"],
            "`now` is neither a field nor the target, which is `127.0.0.1:1`: write FIELD=VALUE, such as timeout=2s",
        ),
        (
            vec!["tcp", "127.0.0.1:1", "port=2", "port=3"],
            "`port=2` and `port=3` say the same field twice: leave one out",
        ),
        (vec!["tcp", "127.0.0.1:1", "-H", "A: b"], "`tcp` sends no headers"),
        (vec!["http", "www.test", "headers=x"], "`headers` has entries: write headers.NAME=VALUE"),
        (vec!["http", "www.test", "-H", "Accept"], "a header is written -H 'NAME: VALUE'"),
        (vec!["http", "www.test", "version=4"], "version=4: `version`: "),
        (vec!["http", "www.test", "client_cert=a.pem"], "`client_cert` without `client_key`"),
        (vec!["http", "www.test", "method.x=1"], "`method` has nothing below it: write method=VALUE"),
        (vec!["tls", "127.0.0.1:9", "ca_file=/nowhere/ca.pem"], "`ca_file`: there is no file /nowhere/ca.pem"),
        (vec!["udp", "127.0.0.1:9"], "give `send=…`, `send_hex=…` or `datagrams=…`"),
        (vec!["tcp", "127.0.0.1:9", "-e", "outcome: timeout"], "shakedown probe icmp HOST"),
        (vec!["icmp", "a b"], "a b: "),
        (vec!["tcp", "www.test:https"], "`https` is no port number; write\n\n  shakedown probe tcp www.test:443\n"),
        (vec!["tcp", "https://www.test/x"], "`tcp` takes no URL: write shakedown probe tcp www.test:443"),
        (vec!["icmp", "http://www.test:80/"], "`icmp` takes no URL: write shakedown probe icmp www.test"),
        (vec!["dns", "www.test", "AAAA"], "write\n\n  shakedown probe dns www.test type=AAAA\n"),
        (vec!["dns", "www.test", "@192.0.2.53"], "write\n\n  shakedown probe dns www.test server=192.0.2.53\n"),
        (
            vec!["dns", "@192.0.2.53", "www.test"],
            "a server is a field; write\n\n  shakedown probe dns www.test server=192.0.2.53\n",
        ),
        (vec!["tcp", "2001:db8::1"], "write shakedown probe tcp [2001:db8::1]:PORT, or port=PORT"),
        (vec!["tcp", "fe80::1", "port=9"], "fe80::1: fe80::1 means another host on every link"),
        (vec!["icmp", "fe80::1"], "fe80::1: fe80::1 means another host on every link"),
        (vec!["icmp", "192.0.2.1-9"], "is a range of addresses, not one host\n       write `hosts=192.0.2.1-9`"),
        (vec!["icmp", "192.0.2.0/28"], "is a network, not one host\n       write `hosts=192.0.2.0/28`"),
        (vec!["ports", "192.0.2.1"], "write ports=1-1024"),
        (vec!["reach", "192.0.2.1"], "`reach` wants a suite"),
        (vec!["tcp", "127.0.0.1:1", "ipv6"], "write\n\n  shakedown probe tcp 127.0.0.1:1 ip_version=ipv6\n"),
        (vec!["failover", "www.test"], "`failover` wants a suite"),
        (vec!["tpc", "x"], "there is no family `tpc`; did you mean `tcp`?"),
        (vec![], "say what to probe: shakedown probe FAMILY TARGET"),
    ] {
        let ended = probe(&args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{args:?}: `{says}` is not in\n{}", ended.err);
        for yaml in ["-->", "command line:", "checks:", "  |", "host: ", "port: ", "timeout: ", "send: ", "version: "] {
            assert!(!ended.err.contains(yaml), "{args:?}: `{yaml}` is the form of a suite:\n{}", ended.err);
        }
    }
}

#[test]
fn a_family_without_a_target_says_what_it_takes() {
    let ended = probe(&["tls"]);
    assert_eq!(ended.code, 2);
    for words in [
        "error: `probe tls` needs a target, such as\n\n  shakedown probe tls www.example.test:443\n",
        "Usage: shakedown probe tls HOST[:PORT] [FIELD=VALUE]... [-e 'FACT: VALUE']...",
        "  host=HOST ",
        "Name or address to connect to.",
        "  alpn=TEXT[,…] ",
        "  min_version=TLS1.2|TLS1.3 ",
    ] {
        assert!(ended.err.contains(words), "`{words}` is not in\n{}", ended.err);
    }
    let help = probe(&["tls", "--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("Usage: shakedown probe tls HOST[:PORT]"), "{}", help.out);
    let help = probe(&["--help"]);
    assert!(help.code == 0 && help.out.contains("Usage: shakedown probe"), "{}{}", help.out, help.err);
    // Every family that can be probed by hand says so, with a command that is one.
    for family in ["tcp", "udp", "icmp", "http", "dns", "tls", "throughput"] {
        let ended = probe(&[family]);
        let example =
            ended.err.lines().find_map(|line| line.strip_prefix("  shakedown probe ")).unwrap_or_default().to_owned();
        assert!(example.starts_with(&format!("{family} ")), "{family}: {}", ended.err);
    }
}

/// Lists and long texts show their beginning, and how much there is beside it.
#[test]
fn what_is_left_out_is_counted() {
    let body = (0..30).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
    let (port, _heard) = web("200 OK", "", &body);
    let target = format!("127.0.0.1:{port}");
    let ended = probe(&["http", &target]);
    assert!(ended.out.contains("line 7\n") && !ended.out.contains("line 8\n"), "{}", ended.out);
    assert!(ended.out.contains("… 22 more lines; -v shows all"), "{}", ended.out);
    let ended = probe(&["http", &target, "-v"]);
    assert!(ended.out.contains("line 29") && !ended.out.contains("more lines"), "{}", ended.out);
}

/// A DNS server on port 53 of `address` that answers every question with 192.0.2.7.
fn resolver(address: &str) {
    let socket = UdpSocket::bind((address, 53)).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 512];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let end = 12 + buffer[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let mut answer = buffer[..end].to_vec();
            answer[2..4].copy_from_slice(&[0x81, 0x80]);
            answer[4..12].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, 0]);
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
            let _ = socket.send_to(&answer, from);
        }
    });
}

/// In namespaces of its own, so that neither port 53 nor the resolvers are this host's.
#[test]
fn dns_asks_the_resolvers_of_this_host() {
    let worker = std::thread::spawn(|| {
        if unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).is_err() {
            return skip("this user may make no namespaces", "run it as root");
        }
        let sandbox = CliSandbox::new("");
        let own = |line: &str| {
            let output = Command::new("sh").args(["-c", line]).current_dir(sandbox.folder.path()).output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        };
        own(
            "mount --make-rprivate / && ip link set lo up && touch resolv.conf && mount --bind resolv.conf /etc/resolv.conf",
        );
        let run = |conf: &str, args: &[&str]| {
            sandbox.write("resolv.conf", conf);
            sandbox.run(&[&["probe", "dns", "www.example.test"], args].concat())
        };
        resolver("127.0.0.53");
        let ended = run("nameserver 127.0.0.53\n", &["-e", "answers: {exactly: [192.0.2.7]}"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert!(first(&ended.out).contains("answered, rcode NOERROR, answers 192.0.2.7, rtt "), "{}", ended.out);
        assert!(ended.out.contains("note   asks 127.0.0.53, the first resolver of /etc/resolv.conf"), "{}", ended.out);
        // The next one is asked where the first is silent, as the C library does.
        let ended = run("nameserver 127.0.0.54\nnameserver 127.0.0.53\n", &["timeout=1s"]);
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert!(
            ended.out.contains("it was silent (") && ended.out.contains("), so that 127.0.0.53 was asked"),
            "{}",
            ended.out
        );
        let ended = run("nameserver 127.0.0.54\n", &["server=127.0.0.53"]);
        assert!(ended.code == 0 && !ended.out.contains("resolv.conf"), "{}{}", ended.out, ended.err);
        let ended = run("search example.test\n", &[]);
        assert_eq!(ended.code, 2);
        assert!(ended.err.contains("/etc/resolv.conf names none; give one: server=192.0.2.53"), "{}", ended.err);
        true
    });
    assert!(worker.join().is_ok());
}
