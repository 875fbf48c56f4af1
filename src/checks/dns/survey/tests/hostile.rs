//! Answers of strangers, and bytes of any kind.

use proptest::prelude::{any, proptest};
use serde_json::json;

use super::{BRIEF, Pair, Quirk};
use crate::proto::dns::message;

#[tokio::test]
async fn an_answer_from_another_port_is_distinguished_from_silence() {
    let pair = Pair::with(&[Quirk::OtherSource]).await;
    let round = pair.observe(BRIEF).await;
    round.failed("outcome");
    round.is("servers.failed", json!([pair.label(1)]));
    assert!(round.fact("discarded").as_i64().unwrap() >= 1);
    round.noted(": answered from 127.0.0.1:");
    assert!(round.fact("servers")[pair.label(1)]["answered_from"].is_array());
    // The list is known: the other server answered from where it was asked.
    round.is("source.mismatch", json!([pair.label(1)]));
}

#[tokio::test]
async fn a_dead_port_is_refused_at_once() {
    let pair = Pair::with(&[]).await;
    let dead = {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.local_addr().unwrap()
    };
    let fields = pair.zone().replace(&pair.sockets[1].to_string(), &dead.to_string());
    let round = super::observe(&format!("{fields}, {BRIEF}"), None).await;
    round.failed("outcome: expected answered, saw refused");
    round.is("repeated", 0);
}

proptest! {
    #[test]
    fn a_message_of_a_transfer_may_be_any_bytes(
        head in any::<[u8; 10]>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut whole = vec![0, 1, 0x84, 0];
        whole.extend(head.iter().enumerate().map(|(at, byte)| if at % 2 == 0 { 0 } else { *byte }));
        whole.extend(&bytes);
        let _ = message::part(&whole, 1);
        let _ = message::part(&bytes, 1);
    }
}
