//! HTTP/2 servers that end things by the book.

use std::net::SocketAddr;

use shakedown::model::{Arg, Observation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::{args, fact, run, server, text};

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// `:status: 200` by its index in the static table; the stream stays open.
const HEAD: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];

/// Reads until the client's first HEADERS frame is there.
async fn request(stream: &mut TcpStream) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
        if head[3] == 1 {
            return;
        }
    }
}

fn goaway(code: u8, debug: &[u8]) -> Vec<u8> {
    let length = 8 + u8::try_from(debug.len()).unwrap();
    [&[0, 0, length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code], debug].concat()
}

fn rst_stream(code: u8) -> Vec<u8> {
    vec![0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code]
}

/// Says `early` before it reads anything, `late` once there is a request, and hangs up after the client did.
async fn plays(early: Vec<u8>, late: Vec<u8>) -> SocketAddr {
    server(move |mut stream| {
        let (early, late) = (early.clone(), late.clone());
        async move {
            let _ = stream.write_all(&[SETTINGS, &early].concat()).await;
            if !late.is_empty() {
                request(&mut stream).await;
                let _ = stream.write_all(&late).await;
            }
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    })
    .await
}

async fn asked(address: SocketAddr) -> Observation {
    let get =
        args([("url", text(format!("http://{address}/"))), ("version", text("2")), ("timeout", Arg::Number(10.0))]);
    run("http", get).await.unwrap()
}

#[tokio::test]
async fn goaway_and_rst_stream_are_no_nonsense() {
    let none = Vec::new;
    let cases = [
        (none(), goaway(0, b""), "closed", "the server drains or refuses: GOAWAY"),
        (none(), goaway(11, b"too_many_pings"), "closed", "too_many_pings"),
        (goaway(0, b""), none(), "closed", "GOAWAY"),
        (goaway(1, b"not here"), none(), "closed", "GOAWAY"),
        (none(), rst_stream(7), "reset", "the server drains or refuses: RST_STREAM (refused stream"),
        (none(), rst_stream(8), "reset", "RST_STREAM"),
        (none(), [HEAD, &rst_stream(2)].concat(), "reset", "RST_STREAM"),
        (none(), [HEAD, &goaway(2, b"")].concat(), "closed", "GOAWAY"),
        (none(), vec![0, 0, 1, 1, 4, 0, 0, 0, 1, 0xff], "malformed", ""),
    ];
    for (index, (early, late, want, words)) in cases.into_iter().enumerate() {
        let observation = asked(plays(early, late).await).await;
        assert_eq!(fact(&observation, "outcome"), want, "case {index}: {:?}", observation.notes());
        assert!(observation.notes().iter().any(|note| note.contains(words)), "case {index}: {:?}", observation.notes());
        assert_eq!(observation.last("status"), None);
    }
}

/// Headers of 633 bytes each, as HTTP/2 counts them, and an empty body.
fn head_of(headers: usize) -> Vec<u8> {
    const FRAME: usize = 16 * 1024;
    let header = [&[0, 1, b'x', 0x7f, 0xd9, 0x03][..], &[b'y'; 600]].concat();
    let block = [&[0x88][..], &header.repeat(headers)].concat();
    let parts = block.chunks(FRAME).collect::<Vec<_>>();
    let frames = parts.iter().enumerate().map(|(index, part)| {
        let [.., high, middle, low] = part.len().to_be_bytes();
        let kind = if index == 0 { 1 } else { 9 };
        let ends = u8::from(index == 0) | if index + 1 == parts.len() { 4 } else { 0 };
        [&[high, middle, low, kind, ends, 0, 0, 0, 1], *part].concat()
    });
    frames.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn headers_beyond_what_this_side_reads_are_no_fact_of_the_server() {
    let most = asked(plays(Vec::new(), head_of(103)).await).await;
    assert_eq!(fact(&most, "outcome"), "answered", "{:?}", most.notes());
    let address = plays(Vec::new(), head_of(104)).await;
    let get = args([("url", text(format!("http://{address}/"))), ("version", text("2"))]);
    let fault = run("http", get).await.unwrap_err();
    assert!(fault.detail.contains("larger than this side reads (64 KiB"), "{fault:?}");
}
