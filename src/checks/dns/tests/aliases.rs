//! Aliases: what they hide, and the order they stand in; and the texts of TXT records.

use std::net::SocketAddr;

use serde_json::json;

use super::hostile::{bare, udp};
use super::observed;
use crate::lab::Tasks;
use crate::model::{Observation, Value};
use crate::proto::dns::types::{A, CNAME, TXT};
use crate::testing::{list, noted, text};

fn name(text: &str) -> Vec<u8> {
    let mut wire: Vec<u8> = Vec::new();
    for label in text.split('.') {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}

fn alias(owner: &str, target: &str) -> (Vec<u8>, u16, Vec<u8>) {
    (name(owner), CNAME, name(target))
}

fn address(owner: &str, last: u8) -> (Vec<u8>, u16, Vec<u8>) {
    (name(owner), A, vec![192, 0, 2, last])
}

fn answer(query: &[u8], records: &[(Vec<u8>, u16, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut reply = bare(query);
    reply[7] = u8::try_from(records.len()).unwrap();
    for (owner, code, data) in records {
        reply.extend(owner);
        reply.extend(code.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend(data);
    }
    vec![reply]
}

async fn seen((addr, _tasks): (SocketAddr, Tasks)) -> Observation {
    observed(addr, "www.example", &[]).await
}

#[tokio::test]
async fn beside_an_alias_nothing_counts() {
    let server =
        udp(|q| answer(q, &[alias("www.example", "b.example"), address("www.example", 1), address("b.example", 2)]));
    let observation = seen(server.await).await;
    assert_eq!(list(&observation, "answers"), ["192.0.2.2"]);
    noted(
        &observation,
        "its owner has an alias, and nothing beside it counts (RFC 1034, 3.6.2): www.example. 60 IN A 192.0.2.1",
    );
    // The alias alone decides, wherever it stands.
    let server = udp(|q| answer(q, &[address("www.example", 1), alias("WWW.example", "b.example")]));
    assert!(list(&seen(server.await).await, "answers").is_empty());
    // A loop ends nowhere.
    let server = udp(|q| {
        answer(q, &[alias("www.example", "b.example"), alias("b.example", "www.example"), address("www.example", 1)])
    });
    assert!(list(&seen(server.await).await, "answers").is_empty());
    // Of two aliases of one name the second does not count.
    let server = udp(|q| {
        let aliases = [alias("www.example", "b.example"), alias("www.example", "c.example")];
        answer(q, &[&aliases[..], &[address("b.example", 2), address("c.example", 3)]].concat())
    });
    let observation = seen(server.await).await;
    assert_eq!(list(&observation, "answers"), ["192.0.2.2"]);
    noted(&observation, "www.example. 60 IN CNAME c.example.");
}

#[tokio::test]
async fn who_asks_for_the_alias_gets_it() {
    let (addr, _tasks) = udp(|q| answer(q, &[alias("www.example", "b.example")])).await;
    let observation = observed(addr, "www.example", &[("type", text("CNAME"))]).await;
    assert_eq!(list(&observation, "answers"), ["b.example."]);
}

#[tokio::test]
async fn the_order_of_aliases_is_a_fact() {
    let ordered = |observation: &Observation| observation.last("cname.ordered").cloned();
    let server = udp(|q| {
        answer(q, &[alias("www.example", "b.example"), alias("b.example", "c.example"), address("c.example", 1)])
    });
    assert_eq!(ordered(&seen(server.await).await), Some(Value::Bool(true)));
    for script in [
        (|q: &[u8]| {
            answer(q, &[alias("b.example", "c.example"), alias("www.example", "b.example"), address("c.example", 1)])
        }) as super::hostile::Script,
        |q| answer(q, &[address("c.example", 1), alias("www.example", "c.example")]),
        |q| answer(q, &[alias("www.example", "b.example"), address("c.example", 1), alias("b.example", "c.example")]),
    ] {
        let observation = seen(udp(script).await).await;
        assert_eq!(ordered(&observation), Some(json!(false)));
        assert_eq!(list(&observation, "answers"), ["192.0.2.1"], "whatever the order, the answer is there");
    }
    let server = udp(|q| answer(q, &[address("www.example", 1)]));
    assert_eq!(ordered(&seen(server.await).await), None);
    // A loop has no end to look for.
    let server = udp(|q| answer(q, &[alias("www.example", "b.example"), alias("b.example", "www.example")]));
    assert_eq!(ordered(&seen(server.await).await), Some(Value::Bool(false)));
}

#[tokio::test]
async fn the_strings_of_a_txt_record_are_joined() {
    let (addr, _tasks) = udp(|q| {
        let parts: [&[u8]; 2] = [b"v=DKIM1; p=AB", b"C\"D\\ e"];
        let data = parts.iter().flat_map(|part| [&[u8::try_from(part.len()).unwrap()][..], part].concat()).collect();
        let raw = vec![3, b'a', 0xff, b'b'];
        let umlaut = vec![2, 0xc3, 0xbc];
        let owner = || name("www.example");
        answer(q, &[(owner(), TXT, data), (owner(), TXT, raw), (owner(), TXT, umlaut)])
    })
    .await;
    let observation = observed(addr, "www.example", &[("type", text("TXT"))]).await;
    assert_eq!(list(&observation, "answers.text"), ["v=DKIM1; p=ABC\"D\\ e", "a\\255b", "ü"]);
    assert_eq!(list(&observation, "answers")[0], "\"v=DKIM1; p=AB\" \"C\\\"D\\\\ e\"");
    let (addr, _tasks) = udp(|q| answer(q, &[address("www.example", 1)])).await;
    assert!(observed(addr, "www.example", &[]).await.last("answers.text").is_none());
}
