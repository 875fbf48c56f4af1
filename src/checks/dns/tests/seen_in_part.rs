//! Replies of which only a part is seen.

use std::collections::BTreeSet;

use super::hostile::{bare, edited, framed, good, tcp, udp};
use super::observed;
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
