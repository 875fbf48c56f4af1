use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{MS, answered, echo, failed, listener, prober, sentence};
use crate::net::open_loop::nanos;
use crate::probe::{Connection, Connections, ProbeFailure, Prober, Reply, Seen, StreamSpec};
use crate::testing::{drive, stream, text};

/// The other side of a reset.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

#[tokio::test]
async fn each_message_is_answered_by_its_echo_and_by_whom() {
    let (listener, peer) = listener();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"backend-1 ready\r\n").unwrap();
        echo(&stream, usize::MAX);
    });
    let spec = stream(MS, Connection::Keep);
    let mut prober = prober(peer, &spec, &[("send", text("probe"))]).await.unwrap().unwrap();
    let replies = drive(&mut *prober, &spec, 0..300, |replies| replies.len() == 300);
    assert_eq!(answered(&replies), (0..300).collect::<Vec<u64>>());
    let by_whom = |seen: &Seen| matches!(seen, Seen::Answer(Some(identity)) if &**identity == "backend-1 ready");
    assert!(replies.iter().all(|reply| by_whom(&reply.seen)), "{replies:?}");
    assert_eq!(prober.connections(), Some(Connections { opened: 1, lost: 0 }));
}

/// Sends one probe after the other until `enough` of the replies.
fn until(prober: &mut dyn Prober, spec: &StreamSpec, next: &mut u64, enough: impl Fn(&[Reply]) -> bool) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !enough(&replies) {
        replies.extend(drive(prober, spec, *next..*next + 1, |_| true));
        *next += 1;
        assert!(*next < 20_000, "{replies:?}");
    }
    replies
}

#[tokio::test]
async fn a_service_that_is_gone_and_comes_back_is_found_at_once() {
    for in_order in [false, true] {
        let (listener, peer) = listener();
        let (come, comes) = mpsc::channel();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut lines, mut writer) = (BufReader::new(&stream).lines(), &stream);
            for line in lines.by_ref().take(20) {
                writer.write_all(format!("{}\n", line.unwrap()).as_bytes()).unwrap();
            }
            // Something is under way when it ends.
            let _ = lines.next();
            drop(listener);
            if in_order {
                drop(stream);
            } else {
                reset(&stream);
                drop(stream);
            }
            comes.recv().unwrap();
            let listener = TcpListener::bind(peer).unwrap();
            while let Ok((stream, _)) = listener.accept() {
                std::thread::spawn(move || echo(&stream, usize::MAX));
            }
        });
        let spec = stream(MS, Connection::Keep);
        let mut prober = prober(peer, &spec, &[]).await.unwrap().unwrap();
        let mut next = 0;
        let replies =
            until(&mut *prober, &spec, &mut next, |replies| failed(replies, ProbeFailure::Refused).len() >= 20);
        assert_eq!(prober.connections(), Some(Connections { opened: 1, lost: 1 }));
        // What was not sent when it was reset is gone.
        let answered = answered(&replies);
        assert_eq!(answered, (0..answered.len() as u64).collect::<Vec<u64>>(), "{replies:?}");
        let (reset, refused) = (failed(&replies, ProbeFailure::Reset), failed(&replies, ProbeFailure::Refused));
        let failed: Vec<u64> = reset.iter().chain(&refused).copied().collect();
        assert_eq!(
            failed,
            (20..next).collect::<Vec<u64>>(),
            "those under way, then those that find nobody: {replies:?}"
        );
        assert!(
            !reset.is_empty() && sentence(&replies, ProbeFailure::Reset).ends_with(" the connection"),
            "{replies:?}"
        );
        come.send(()).unwrap();
        until(&mut *prober, &spec, &mut next, |replies| super::answered(replies).len() >= 20);
        assert_eq!(prober.connections(), Some(Connections { opened: 2, lost: 1 }));
    }
}

/// The next write notices the reset before anything was read.
#[tokio::test]
async fn what_arrived_before_a_reset_is_an_answer() {
    let (listener, peer) = listener();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // What waits for an acknowledgement would go with the reset.
        stream.set_nodelay(true).unwrap();
        echo(&stream, 5);
        reset(&stream);
    });
    let spec = stream(MS, Connection::Keep);
    let mut prober = prober(peer, &spec, &[]).await.unwrap().unwrap();
    let mut replies = Vec::new();
    (0..5).for_each(|number| prober.send(number, &mut replies));
    server.join().unwrap();
    prober.send(5, &mut replies);
    assert_eq!(answered(&replies), [0, 1, 2, 3, 4], "{replies:?}");
    assert_eq!(prober.connections(), Some(Connections { opened: 1, lost: 1 }));
}

/// Messages of 64 KiB: the buffers of both sides are full after some of them.
#[tokio::test]
async fn a_server_that_does_not_read_blocks_nobody_and_gets_whole_messages_later() {
    const LONG: usize = 64 * 1024;
    let (listener, peer) = listener();
    socket2::SockRef::from(&listener).set_recv_buffer_size(16 * LONG).unwrap();
    let (go, goes) = mpsc::channel();
    let (told, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        goes.recv().unwrap();
        let mut writer = &stream;
        for line in BufReader::new(&stream).lines() {
            let Ok(line) = line else { break };
            let whole = line.len() > LONG && line.starts_with(&"x".repeat(LONG)) && !line[LONG..].contains('x');
            if told.send((whole, line.len())).is_err() || writer.write_all(format!("{line}\n").as_bytes()).is_err() {
                break;
            }
        }
    });
    let spec = stream(MS, Connection::Keep);
    let mut prober = prober(peer, &spec, &[("send", text(&"x".repeat(LONG)))]).await.unwrap().unwrap();
    let begun = Instant::now();
    let stalled = drive(&mut *prober, &spec, 0..400, |_| true);
    assert!(begun.elapsed() < Duration::from_secs(10), "no send waits for the server");
    let blocked = failed(&stalled, ProbeFailure::Blocked);
    assert!(!blocked.is_empty() && blocked.len() == stalled.len() && blocked.len() < 400, "{}", blocked.len());
    assert!(sentence(&stalled, ProbeFailure::Blocked).contains("send buffer is full"));
    go.send(()).unwrap();
    let written = 400 - blocked.len();
    // The one that is sent now may find the buffer full still.
    let late = drive(&mut *prober, &spec, 400..401, |replies| answered(replies).len() >= written);
    assert!(answered(&late).len() >= written && late.len() <= written + 1, "{}", late.len());
    let next = drive(&mut *prober, &spec, 401..402, |replies| answered(replies).contains(&401));
    assert!(failed(&next, ProbeFailure::Blocked).is_empty(), "there is room again");
    assert!(hears.try_iter().take(written).all(|(whole, _)| whole), "no message is cut or mixed with another");
    assert_eq!(prober.connections(), Some(Connections { opened: 1, lost: 0 }));
}

#[tokio::test]
async fn a_server_that_keeps_its_echoes_makes_them_late() {
    let (listener, peer) = listener();
    let (go, goes) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        goes.recv().unwrap();
        echo(&stream, usize::MAX);
    });
    let spec = stream(MS, Connection::Keep);
    let mut prober = prober(peer, &spec, &[]).await.unwrap().unwrap();
    assert!(drive(&mut *prober, &spec, 0..100, |_| true).is_empty());
    prober.give_up(0);
    go.send(()).unwrap();
    let replies = drive(&mut *prober, &spec, 100..101, |replies| replies.len() == 100);
    assert_eq!(answered(&replies), (1..=100).collect::<Vec<u64>>());
    assert!(replies[0].received - replies[0].sent.unwrap() > nanos(90 * MS), "{:?}", replies[0]);
    assert_eq!(prober.connections(), Some(Connections { opened: 1, lost: 0 }));
}

#[tokio::test]
async fn a_server_that_answers_something_else_is_no_echo() {
    let (listener, peer) = listener();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut writer = &stream;
        for _ in BufReader::new(&stream).lines() {
            if writer.write_all(b"-ERR unknown command\n").is_err() {
                break;
            }
        }
    });
    let spec = stream(MS, Connection::Keep);
    let mut prober = prober(peer, &spec, &[]).await.unwrap().unwrap();
    let replies = drive(&mut *prober, &spec, 0..30, |replies| replies.len() >= 20);
    assert!(answered(&replies).is_empty(), "{replies:?}");
    assert!(sentence(&replies, ProbeFailure::Unexpected).contains("-ERR unknown command"));
}

/// Silence of a port whose packets nobody answers: its queue of connections is full.
#[tokio::test]
async fn without_an_answer_to_its_syn_a_probe_says_nothing_and_the_next_connection_carries_it() {
    let (listener, peer) = listener();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let waits = Duration::from_millis(200);
    let fills: Vec<TcpStream> = (0..4).map_while(|_| TcpStream::connect_timeout(&peer, waits).ok()).collect();
    let spec = stream(MS, Connection::Keep);
    let mut prober = prober(peer, &spec, &[("timeout", crate::model::Arg::Number(0.1))]).await.unwrap().unwrap();
    assert!(drive(&mut *prober, &spec, 0..20, |_| true).is_empty());
    assert_eq!(prober.connections(), Some(Connections::default()));
    let fills = fills.len();
    std::thread::spawn(move || {
        (0..fills).for_each(|_| drop(listener.accept()));
        while let Ok((stream, _)) = listener.accept() {
            std::thread::spawn(move || echo(&stream, usize::MAX));
        }
    });
    let replies = drive(&mut *prober, &spec, 20..25, |replies| replies.len() >= 5);
    assert!(failed(&replies, ProbeFailure::Refused).is_empty(), "{replies:?}");
    assert_eq!(prober.connections().unwrap().opened, 1);
}
