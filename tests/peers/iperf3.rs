//! iperf3, both ways round: as the server `shakedown` measures against, and as the client of `shakedown serve`. Two releases: Debian's
//! 3.12, and a current one, which since 3.18 leaves out parameters whose type it does not expect.

use std::ops::RangeInclusive;
use std::process::Command;

use serde_json::Value;

use super::daemon::{Daemon, free_port};
use super::peer::{IPERF3, IPERF3_CURRENT, Peer, installed};
use super::sandbox::CliSandbox;
use super::{PATIENCE, quiet, within};

fn server(sandbox: &CliSandbox, release: Peer) -> (Daemon, u16) {
    let prepare = || {
        let port = free_port();
        let mut command = release.command();
        command.args(["-s", "-B", "127.0.0.1", "-p", &port.to_string(), "--forceflush"]);
        (command, port)
    };
    Daemon::start(&sandbox.path("iperf3.log"), prepare, |_, output| output.contains("Server listening"))
}

#[test]
fn every_direction_and_protocol_against_its_server() {
    for release in [IPERF3, IPERF3_CURRENT] {
        every_mode_against(release);
    }
}

fn every_mode_against(release: Peer) {
    if !installed(&[release]) {
        return;
    }
    let (_room, sandbox) = (quiet(), CliSandbox::new());
    let (daemon, port) = server(&sandbox, release);
    let ran = sandbox.run(
        &r#"
  - id: tcp
    matrix: {direction: [upload, download], streams: [1, 3]}
    throughput: {server: "127.0.0.1:@", direction: "${matrix.direction}", streams: "${matrix.streams}", duration: 1s}
    expect: {outcome: transferred, transferred: {gt: 1 MB}, bitrate.median: {gt: 10 Mbit/s}, peer: {matches: iperf}}
  - id: paced
    matrix: {direction: [upload, download]}
    throughput: {server: "127.0.0.1:@", direction: "${matrix.direction}", rate: 50 Mbit/s, block: 16 KiB, omit: 1s, duration: 1s,
                 congestion: reno}
    expect: {outcome: transferred, transferred: {between: [3 MB, 12 MB]}, congestion: reno, retransmits: {lt: 1000}}
  - id: udp
    matrix: {direction: [upload, download], streams: [1, 2]}
    throughput: {server: "127.0.0.1:@", direction: "${matrix.direction}", streams: "${matrix.streams}", protocol: udp, rate: 5 Mbit/s,
                 duration: 1s}
    expect: {outcome: transferred, transferred: {gt: 100 kB}, packets: {gt: 100}, loss: {lt: 50%}}
  - id: both
    matrix: {protocol: [tcp, udp], streams: [1, 3]}
    throughput: {server: "127.0.0.1:@", direction: both, streams: "${matrix.streams}", protocol: "${matrix.protocol}", rate: 20 Mbit/s,
                 block: 1448 B, duration: 1s}
    expect: {upload.transferred: {between: [1 MB, 5 MB]}, download.transferred: {between: [1 MB, 5 MB]}, upload.bitrate.median: {gt: 1 Mbit/s},
             download.bitrate.median: {gt: 1 Mbit/s}}
  - id: bursts
    matrix: {direction: [upload, download, both]}
    throughput: {server: "127.0.0.1:@", direction: "${matrix.direction}", protocol: udp, rate: max, duration: 1s}
    expect: {outcome: transferred}
  - id: measured-here
    throughput: {server: "127.0.0.1:@", direction: download, protocol: udp, rate: 1 Mbit/s, omit: 1s, duration: 1s}
    expect: {loss.certain: true, loss: {le: 50%}}
  - id: measured-there
    throughput: {server: "127.0.0.1:@", protocol: udp, rate: 1 Mbit/s, duration: 1s}
    expect: {loss.certain: false, loss: {le: 50%}}
  - id: too-little
    throughput: {server: "127.0.0.1:@", protocol: udp, rate: 5 Mbit/s, duration: 1s}
    expect: {bitrate.median: {gt: 1 Gbit/s}}
"#
        .replace('@', &port.to_string()),
        &[],
    );
    ran.failed(&["too-little"]);
    // Payload at 5 Mbit/s for a second, within what the last interval may add or lack.
    for direction in ["upload", "download"] {
        for streams in [1, 2] {
            let id = format!("udp[direction={direction},streams={streams}]");
            let sent = ran.number(&id, "sent");
            assert!((400_000.0..800_000.0).contains(&sent), "{id} sent {sent}");
        }
    }
    let sent = ran.number("tcp[direction=upload,streams=3]", "sent");
    let received = ran.number("tcp[direction=upload,streams=3]", "transferred");
    assert!(received <= sent && received > 0.5 * sent, "{received} of {sent}");
    let output = daemon.output();
    assert!(output.lines().any(|line| line.starts_with("[SUM]")), "it saw several streams: {output}");
    assert!(!output.contains("mismatch"), "it understood every parameter: {output}");
}

#[test]
fn a_server_at_work_for_another_is_busy() {
    if !installed(&[IPERF3]) {
        return;
    }
    let (_room, sandbox) = (quiet(), CliSandbox::new());
    let (daemon, port) = server(&sandbox, IPERF3);
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

/// What a client of iperf3 can ask of its server, without a length.
const MODES: &[&[&str]] = &[
    &[],
    &["-R"],
    &["--bidir"],
    &["-P", "2"],
    &["-P", "2", "-R"],
    &["-P", "2", "--bidir"],
    &["-u", "-b", "5M"],
    &["-u", "-b", "5M", "-R"],
    &["-u", "-b", "5M", "--bidir"],
    &["-u", "-b", "5M", "-R", "-P", "2", "--udp-counters-64bit"],
    &["-R", "-b", "50M", "-O", "1"],
    &["-R", "-C", "reno", "-w", "256K", "-M", "1000", "-l", "32K", "-S", "32", "-N"],
    &["-Z", "-R", "--get-server-output", "-T", "title", "--extra-data", "more"],
    &["-u", "-b", "5M", "-l", "500", "--repeating-payload", "--dont-fragment"],
];

#[test]
fn its_client_against_our_reflector() {
    for release in [IPERF3, IPERF3_CURRENT] {
        if !installed(&[release]) {
            return;
        }
        let (_room, sandbox) = (quiet(), CliSandbox::new());
        let (_daemon, port) = reflector(&sandbox);
        for options in MODES {
            let mut command = release.command();
            command.args(["-c", "127.0.0.1", "-p", &port, "-t", "1", "-J"]).args(*options);
            let report = client_report(&sandbox, &mut command, options);
            for side in ["sum_sent", "sum_received"] {
                let bytes = report["end"][side]["bytes"].as_u64();
                assert!(bytes.is_some_and(|bytes| bytes > 100_000), "{options:?} {side}: {}", report["end"]);
            }
            let streams = report["end"]["streams"].as_array().unwrap().len();
            let want = if options.contains(&"-P") { 2 } else { 1 } * if options.contains(&"--bidir") { 2 } else { 1 };
            assert_eq!(streams, want, "{options:?}");
        }
    }
}

/// `-R -n 100M` moved 1.6 GB.
#[test]
fn a_test_of_an_amount_moves_that_amount() {
    const MEBI: u64 = 1024 * 1024;
    // Options, and from how many to how many bytes are sent: streams may begin blocks beyond the amount.
    let rows: &[(&[&str], RangeInclusive<u64>)] = &[
        (&["-n", "100M"], 100 * MEBI..=100 * MEBI + 10 * 131_072),
        (&["-R", "-n", "100M"], 100 * MEBI..=100 * MEBI),
        (&["-R", "-n", "100M", "-P", "3"], 100 * MEBI..=100 * MEBI),
        (&["-R", "-n", "10M", "-b", "200M"], 10 * MEBI..=10 * MEBI),
        // The client takes every read for a block, also one of less, and ends the test early for it.
        (&["-R", "-k", "100", "-l", "64K"], 65_536..=100 * 65_536),
        // A client that has not ended the test a moment after the last datagram gets more of them: some were lost, or it is late.
        (&["-u", "-R", "-n", "1M", "-b", "20M", "-l", "1000"], MEBI..=2 * MEBI),
        (&["-u", "-R", "-k", "500", "-b", "20M", "-l", "1000"], 500_000..=1_000_000),
        // 3.22 itself sends more than it was told to.
        (&["-u", "-n", "1M", "-b", "20M", "-l", "1000"], MEBI..=11 * MEBI),
    ];
    for release in [IPERF3, IPERF3_CURRENT] {
        if !installed(&[release]) {
            return;
        }
        let (_room, sandbox) = (quiet(), CliSandbox::new());
        let (_daemon, port) = reflector(&sandbox);
        for (options, amount) in rows {
            let mut command = release.command();
            command.args(["-c", "127.0.0.1", "-p", &port, "-J"]).args(*options);
            let report = client_report(&sandbox, &mut command, options);
            let sent = report["end"]["sum_sent"]["bytes"].as_u64().unwrap();
            assert!(amount.contains(&sent), "{release:?} {options:?}: sent {sent} of {amount:?}");
        }
        // The direction that is done first ends the test of both; neither sends more than the amount.
        for options in [["--bidir", "-n", "50M"], ["--bidir", "-k", "400"]] {
            let mut command = release.command();
            command.args(["-c", "127.0.0.1", "-p", &port, "-J"]).args(options);
            let report = client_report(&sandbox, &mut command, &options);
            let sent = report["end"]["sum_sent_bidir_reverse"]["bytes"].as_u64().unwrap();
            assert!(sent > 0 && sent <= 400 * 131_072, "{release:?} {options:?}: {sent}");
        }
    }
}

fn reflector(sandbox: &CliSandbox) -> (Daemon, String) {
    let prepare = || (sandbox.shakedown(&["serve", "--listen", "127.0.0.1:0"]), ());
    let (daemon, ()) = Daemon::start(&sandbox.path("serve.log"), prepare, |(), output| address(output).is_some());
    let port = address(&daemon.output()).unwrap();
    (daemon, port)
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
