//! How either side ends the connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BRIEF, PATIENT, args, count, ending, observe, play, says, server};
use crate::model::Arg;
use crate::testing::{Written, text};

#[tokio::test]
async fn the_end_of_the_connection_is_a_step() {
    let port = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 64]).await;
        stream.write_all(b"221 bye\r\n").await.unwrap();
    })
    .await;
    let observation = play(port, PATIENT, &[&[("send", "QUIT\r\n")], &[("close", "peer")]]).await;
    assert_eq!(observation.text("outcome"), Some("connected"));
    let open = says(&["", "221 bye\r\n"]).await;
    let observation = play(open, BRIEF, &[&[("send", "QUIT\r\n")], &[("close", "peer")]]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
    assert!(ending(&observation).ends_with("kept it open for 150 ms"), "{}", ending(&observation));
}

/// Reads until the client has sent all, then says `answer`.
async fn answers_at_the_end(answer: &'static str) -> u16 {
    server(move |mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn a_half_close_is_answered_and_ended_in_order() {
    let port = answers_at_the_end("done\r\n").await;
    let steps: &[&[_]] = &[&[("send", "all of it")], &[("close", "write")], &[("expect", "done")]];
    let observation = play(port, PATIENT, steps).await;
    assert_eq!(
        (observation.text("outcome"), observation.text("half_close.ended")),
        (Some("connected"), Some("closed"))
    );
    assert_eq!(count(&observation, "half_close.received"), Some(6));
    // The same without steps.
    let plain = |port: u16, patience: f64, more: Written<'_>| {
        let mut args = args(port, patience, Vec::new(), more);
        args.0.remove("dialogue");
        args.0.insert("half_close", Arg::Bool(true));
        args
    };
    let observation = observe(&plain(port, PATIENT, &[("send", text("all")), ("expect", text("done"))])).await;
    assert_eq!(
        (observation.text("outcome"), observation.text("half_close.ended")),
        (Some("connected"), Some("closed"))
    );
    assert_eq!(count(&observation, "half_close.received"), Some(6));
    // A greeting is no answer to it, and nothing has to be said where nothing was sent.
    let greeting = says(&["220 ready\r\n"]).await;
    let banner: &[&[_]] = &[&[("expect", "220")], &[("close", "write")]];
    let observation = play(greeting, PATIENT, banner).await;
    assert_eq!(
        (observation.text("half_close.ended"), count(&observation, "half_close.received")),
        (Some("closed"), Some(0))
    );
    // Nor is what this host had received before, and nobody had read.
    let long = server(|mut stream| async move {
        stream.write_all(&[&b"220 "[..], &[b'x'; 6000], b"\r\n"].concat()).await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    let observation = play(long, PATIENT, banner).await;
    assert_eq!(count(&observation, "half_close.received"), Some(0));
    let mute = answers_at_the_end("").await;
    let observation = observe(&plain(mute, PATIENT, &[])).await;
    assert_eq!(
        (observation.text("outcome"), observation.text("half_close.ended")),
        (Some("connected"), Some("closed"))
    );
    let observation = observe(&plain(mute, PATIENT, &[("send", text("all"))])).await;
    assert_eq!(observation.text("outcome"), Some("closed"), "what was sent is not answered");
}

#[tokio::test]
async fn who_does_not_end_after_a_half_close_is_seen() {
    let steps: &[&[_]] = &[&[("expect", "220")], &[("close", "write")]];
    let stays = server(|mut stream| async move {
        stream.write_all(b"220 ready\r\n").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let observation = play(stays, BRIEF, steps).await;
    assert_eq!((observation.text("outcome"), observation.text("half_close.ended")), (Some("connected"), Some("open")));
    assert!(
        observation.notes()[0].contains("kept the connection open for 150 ms after this side"),
        "{:?}",
        observation.notes()
    );
    let resets = server(|mut stream| async move {
        stream.write_all(b"220 ready\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let observation = play(resets, PATIENT, steps).await;
    assert_eq!((observation.text("outcome"), observation.text("half_close.ended")), (Some("connected"), Some("reset")));
}

/// Where a step refuses a line at once, nobody has waited for the end.
#[tokio::test]
async fn what_the_peer_does_after_a_half_close_is_absent_where_nobody_waited() {
    let stays = server(|mut stream| async move {
        stream.write_all(b"500 no\r\n").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let steps: &[&[_]] = &[&[("close", "write")], &[("matches", "^250 "), ("unless", "^5")]];
    let observation = play(stays, PATIENT, steps).await;
    assert_eq!((observation.text("outcome"), observation.text("half_close.ended")), (Some("mismatch"), None));
    assert!(observation.notes().iter().all(|note| !note.contains("kept")), "{:?}", observation.notes());
}
