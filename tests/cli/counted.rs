//! A server that counts like iperf3, which cannot tell what its own sockets dropped from what was lost.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};

use serde_json::json;

use super::CliSandbox;

const PARAM_EXCHANGE: u8 = 9;
const CREATE_STREAMS: u8 = 10;

fn read_json(control: &mut TcpStream) -> std::io::Result<serde_json::Value> {
    let mut length = [0; 4];
    control.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_be_bytes(length) as usize];
    control.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// One UDP upload, of which it claims to have missed 14.9 %.
fn serve(mut control: TcpStream, socket: &UdpSocket) -> std::io::Result<()> {
    control.read_exact(&mut [0; 37])?;
    control.write_all(&[PARAM_EXCHANGE])?;
    read_json(&mut control)?;
    control.write_all(&[CREATE_STREAMS])?;
    let mut datagram = [0; 2048];
    let (_, client) = socket.recv_from(&mut datagram)?;
    socket.send_to(b"6789", client)?;
    control.write_all(&[1, 2])?;
    // Up to the client's TEST_END; the datagrams are in the socket's queue by then.
    control.read_exact(&mut [0; 1])?;
    socket.set_nonblocking(true)?;
    let mut packets = 0_u32;
    while let Ok(length) = socket.recv(&mut datagram) {
        if length > 16 {
            packets = packets.max(u32::from_be_bytes(datagram[8..12].try_into().unwrap()));
        }
    }
    socket.set_nonblocking(false)?;
    let errors = packets * 149 / 1000;
    let stream = json!({"id": 1, "bytes": (packets - errors) * 100, "errors": errors, "packets": packets, "jitter": 0.0001,
                        "omitted_errors": 0, "omitted_packets": 0});
    control.write_all(&[13])?;
    read_json(&mut control)?;
    let text = json!({"sender_has_retransmits": -1, "streams": [stream]}).to_string();
    control.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes())?;
    control.write_all(text.as_bytes())?;
    control.write_all(&[14])?;
    control.read_exact(&mut [0; 1])
}

/// 14.9 % of loss beside busy cores were the receiver's own: no failure, and no pass either.
#[test]
fn loss_that_may_be_the_receivers_own_neither_fails_nor_passes() {
    let (listener, socket) = loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()) {
            break (listener, socket);
        }
    };
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for control in listener.incoming() {
            let _ = serve(control.unwrap(), &socket);
        }
    });
    let throughput = format!(
        "throughput: {{server: \"127.0.0.1:{port}\", protocol: udp, rate: 200 kbit/s, block: 100 B, duration: 300ms, interval: 100ms}}"
    );
    let run = |expect: &str| {
        let sandbox = CliSandbox::new(&format!(
            "version: 1\nsuite: s\nchecks:\n  - id: voice\n    {throughput}\n    expect: {{{expect}}}\n"
        ));
        sandbox.run(&["run", "suite.yaml", "--verbose"])
    };
    for (expect, code, words) in [
        ("loss: {le: 20%}", 0, ""),
        (
            "loss: {le: 0.1%}",
            3,
            "`loss` may be less than was counted: iperf3 counts as lost what its own sockets dropped",
        ),
        ("lost: 0", 3, "`lost` may be less than was counted"),
        ("loss: {ge: 10%}", 3, "`shakedown serve` tells the two apart"),
        ("loss: {ge: 20%}", 1, "loss: expected at least 20%"),
        ("loss: {le: 0.1%}, jitter: {lt: 1us}", 1, "jitter: expected less than"),
        ("loss.certain: false", 0, ""),
        ("loss.certain: true", 1, "loss.certain: expected true, saw false"),
    ] {
        let ended = run(expect);
        let said = format!("{}{}", ended.out, ended.err);
        assert_eq!(ended.code, code, "{expect}: {said}");
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "{expect}: {said}");
    }
}
