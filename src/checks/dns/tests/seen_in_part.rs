//! Replies of which only a part is seen.

use std::collections::BTreeSet;

use tokio::net::UdpSocket;

use super::hostile::{bare, edited, framed, good, tcp, udp};
use super::observed;
use crate::lab::Tasks;
use crate::testing::{list, text};

const SECTIONS: [&str; 6] = ["answers", "answers.records", "cname", "authority", "additional", "ttl"];

#[tokio::test]
async fn a_truncated_reply_is_a_part_of_the_answer() {
    let (addr, _tasks) = udp(|q| vec![edited(good(q), 2, |b| b | 2)]).await;
    let observation = observed(addr, "www.example", &[]).await;
    for fact in SECTIONS {
        assert_eq!(observation.partial(fact), Some("the reply is truncated (TC)"), "{fact}");
    }
    assert_eq!(observation.partial("rcode"), None);
    let (addr, _tasks) = udp(|q| vec![good(q)]).await;
    let observation = observed(addr, "www.example", &[]).await;
    assert!(SECTIONS.iter().all(|fact| observation.partial(fact).is_none()));
}

fn cut(query: &[u8]) -> Vec<u8> {
    edited(good(query), 2, |bits| bits | 2)
}

/// Of two that are cut alike the rest may differ.
#[tokio::test]
async fn truncated_answers_are_not_known_to_be_the_same() {
    let (addr, _tcp) = tcp(|q| vec![framed(cut(q))]).await;
    let socket = UdpSocket::bind(addr).await.unwrap();
    let mut tasks = Tasks::default();
    tasks.spawn(async move {
        let mut buffer = [0_u8; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            socket.send_to(&cut(&buffer[..length]), client).await.unwrap();
        }
    });
    let more = [("transport", text("tcp")), ("same_as", text(&addr.to_string()))];
    let observation = observed(addr, "www.example", &more).await;
    assert_eq!(observation.last("truncated"), Some(&true.into()));
    assert_eq!((observation.last("same_answer"), observation.partial("same_answer").is_some()), (None, true));
    let (whole, _whole) = tcp(|q| vec![framed(good(q))]).await;
    let observation = observed(whole, "www.example", &more).await;
    assert_eq!(observation.last("same_answer"), Some(&false.into()), "one is cut, the other is not");
}

/// SOA records of the name asked for.
fn soa(query: &[u8], count: u8) -> Vec<u8> {
    let mut reply = bare(query);
    reply[7] = count;
    for _ in 0..count {
        reply.extend([0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0]);
        reply.extend([0; 20]);
    }
    reply
}

#[tokio::test]
async fn the_first_message_of_a_transfer_is_a_part_unless_it_ends_there() {
    let more = [("type", text("AXFR")), ("transport", text("tcp"))];
    let (addr, _tasks) = tcp(|q| vec![framed(soa(q, 1)), framed(soa(q, 1))]).await;
    let observation = observed(addr, "www.example", &more).await;
    for fact in SECTIONS {
        assert_eq!(observation.partial(fact), Some("only the first message of the transfer is read"), "{fact}");
    }
    let (addr, _tasks) = tcp(|q| vec![framed(soa(q, 2))]).await;
    assert_eq!(observed(addr, "www.example", &more).await.partial("answers"), None);
    let (addr, _tasks) = tcp(|q| vec![framed(edited(bare(q), 3, |_| 5))]).await;
    assert_eq!(observed(addr, "www.example", &more).await.partial("answers"), None, "refused, which is whole");
}

/// The question's name, then 70 aliases, each one byte longer than the last.
fn long_chain(query: &[u8]) -> Vec<u8> {
    const LINKS: u8 = 70;
    let mut reply = bare(query);
    reply[7] = LINKS;
    let link = |at: u8| vec![2, b'a' + at / 10, b'0' + at % 10, 0];
    for at in 0..LINKS {
        let owner = if at == 0 { vec![0xc0, 12] } else { link(at) };
        reply.extend(owner);
        reply.extend([0, 5, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(link(at + 1));
    }
    reply
}

#[tokio::test]
async fn aliases_beyond_the_last_that_is_followed_are_told() {
    let (addr, _tasks) = tcp(|q| vec![framed(long_chain(q))]).await;
    let observation = observed(addr, "www.example", &[("transport", text("tcp"))]).await;
    let links = list(&observation, "cname");
    assert_eq!((links.len(), BTreeSet::from_iter(&links).len()), (64, 64));
    for fact in ["cname", "answers"] {
        assert_eq!(observation.partial(fact), Some("only the first 64 aliases are followed"), "{fact}");
    }
}
