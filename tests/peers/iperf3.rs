//! iperf3, both ways round: as the server `shakedown` measures against, and as the client of `shakedown serve`.

use std::process::Command;

use serde_json::Value;

use super::daemon::{Daemon, free_port};
use super::peer::{IPERF3, installed};
use super::sandbox::CliSandbox;
use super::{PATIENCE, quiet, within};

fn server(sandbox: &CliSandbox) -> (Daemon, u16) {
    let prepare = || {
        let port = free_port();
        let mut command = IPERF3.command();
        command.args(["-s", "-B", "127.0.0.1", "-p", &port.to_string(), "--forceflush"]);
        (command, port)
    };
    Daemon::start(&sandbox.path("iperf3.log"), prepare, |_, output| output.contains("Server listening"))
}

#[test]
fn every_direction_and_protocol_against_its_server() {
    if !installed(&[IPERF3]) {
        return;
    }
    let (_room, sandbox) = (quiet(), CliSandbox::new());
    let (daemon, port) = server(&sandbox);
    let ran = sandbox.run(
        &r#"
  - id: tcp
    matrix: {direction: [upload, download], streams: [1, 3]}
    throughput: {server: "127.0.0.1:@", direction: "${matrix.direction}", streams: "${matrix.streams}", duration: 1s}
    expect: {outcome: transferred, transferred: {gt: 1 MB}, bitrate.median: {gt: 10 Mbit/s}, peer: {matches: iperf}}
  - id: udp
    matrix: {direction: [upload, download]}
    throughput: {server: "127.0.0.1:@", direction: "${matrix.direction}", protocol: udp, rate: 5 Mbit/s, duration: 1s}
    expect: {outcome: transferred, transferred: {gt: 100 kB}, packets: {gt: 100}, loss: {lt: 50%}}
  - id: too-little
    throughput: {server: "127.0.0.1:@", protocol: udp, rate: 5 Mbit/s, duration: 1s}
    expect: {bitrate.median: {gt: 1 Gbit/s}}
"#
        .replace('@', &port.to_string()),
        &[],
    );
    ran.failed(&["too-little"]);
    // Payload at 5 Mbit/s for a second, within what the last interval may add or lack.
    for id in ["udp[direction=upload]", "udp[direction=download]"] {
        let sent = ran.number(id, "sent");
        assert!((400_000.0..800_000.0).contains(&sent), "{id} sent {sent}");
    }
    let sent = ran.number("tcp[direction=upload,streams=3]", "sent");
    let received = ran.number("tcp[direction=upload,streams=3]", "transferred");
    assert!(received <= sent && received > 0.5 * sent, "{received} of {sent}");
    let streams = daemon.output().lines().filter(|line| line.starts_with("[SUM]")).count();
    assert!(streams > 0, "it saw several streams: {}", daemon.output());
}

#[test]
fn a_server_at_work_for_another_is_busy() {
    if !installed(&[IPERF3]) {
        return;
    }
    let (_room, sandbox) = (quiet(), CliSandbox::new());
    let (daemon, port) = server(&sandbox);
    let prepare = || {
        let mut command = IPERF3.command();
        command.args(["-c", "127.0.0.1", "-p", &port.to_string(), "-t", "60", "-b", "1M", "--forceflush"]);
        (command, ())
    };
    let (_other, ()) = Daemon::start(&sandbox.path("other.log"), prepare, |(), output| output.contains("connected to"));
    let checks = r#"
  - id: expected
    throughput: {server: "127.0.0.1:@", duration: 1s}
    expect: {outcome: busy, transferred: {present: false}}
  - id: gate
    throughput: {server: "127.0.0.1:@", duration: 1s}
"#;
    sandbox.run(&checks.replace('@', &port.to_string()), &[]).failed(&["gate"]);
    assert!(daemon.output().contains("Accepted connection"), "{}", daemon.output());
}

#[test]
fn its_client_against_our_reflector() {
    if !installed(&[IPERF3]) {
        return;
    }
    let (_room, sandbox) = (quiet(), CliSandbox::new());
    let prepare = || (sandbox.shakedown(&["serve", "--listen", "127.0.0.1:0"]), ());
    let (daemon, ()) = Daemon::start(&sandbox.path("serve.log"), prepare, |(), output| address(output).is_some());
    let port = address(&daemon.output()).unwrap();
    let rows: &[&[&str]] =
        &[&[], &["-R"], &["-P", "2"], &["-P", "2", "-R"], &["-u", "-b", "5M"], &["-u", "-b", "5M", "-R"]];
    for options in rows {
        let mut command = IPERF3.command();
        command.args(["-c", "127.0.0.1", "-p", &port, "-t", "1", "-J"]).args(*options);
        let report = client_report(&sandbox, &mut command, options);
        for side in ["sum_sent", "sum_received"] {
            let bytes = report["end"][side]["bytes"].as_u64();
            assert!(bytes.is_some_and(|bytes| bytes > 100_000), "{options:?} {side}: {}", report["end"]);
        }
        let streams = report["end"]["streams"].as_array().unwrap().len();
        assert_eq!(streams, if options.contains(&"-P") { 2 } else { 1 }, "{options:?}");
    }
}

/// The port in `… on 127.0.0.1:12345`, once the line is whole.
fn address(output: &str) -> Option<String> {
    let line = output.split_once('\n')?.0;
    Some(line.rsplit_once("127.0.0.1:")?.1.to_owned())
}

/// The client's report; it must have ended well.
fn client_report(sandbox: &CliSandbox, command: &mut Command, options: &[&str]) -> Value {
    let out = sandbox.path("client.json");
    let mut child = command.stdout(std::fs::File::create(&out).unwrap()).spawn().unwrap();
    let ended = within(PATIENCE, || child.try_wait().unwrap());
    let text = std::fs::read_to_string(&out).unwrap();
    let Some(status) = ended else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("iperf3 {options:?} does not end: {text}");
    };
    assert!(status.success(), "iperf3 {options:?}: {status}: {text}");
    serde_json::from_str(&text).unwrap()
}
