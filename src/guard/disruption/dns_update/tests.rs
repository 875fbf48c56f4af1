//! Updates of a name, against a server that does what RFC 2136 says, or says that it did.

use std::sync::{Arc, Mutex};

use domain::base::iana::{Class, Opcode, Rcode};
use domain::base::message_builder::MessageBuilder;
use domain::base::{Message, Name, Ttl};
use domain::rdata::A;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::DnsUpdate;
use crate::proto::dns::types;

/// The records of `www.up.test`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Records {
    ttl: u32,
    last_octets: Vec<u8>,
    /// It says that it has changed them, and has not.
    idle: bool,
}

struct Server {
    records: Arc<Mutex<Records>>,
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let records = Arc::new(Mutex::new(Records { ttl: 120, last_octets: vec![1, 2], idle: false }));
        let shared = Arc::clone(&records);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&shared)));
            }
        });
        Self { records, port, task }
    }

    /// The disruption that sets one other address.
    fn update(&self) -> DnsUpdate {
        let place = ("up.test", "www.up.test", types::A);
        DnsUpdate::new(([127, 0, 0, 1], self.port).into(), place, (30, &["192.0.2.9".to_owned()]), None).unwrap()
    }

    /// As somebody else would.
    fn set(&self, ttl: u32, last_octets: &[u8]) {
        *self.records.lock().unwrap() = Records { ttl, last_octets: last_octets.to_vec(), idle: false };
    }

    fn holds(&self) -> (u32, Vec<u8>) {
        let records = self.records.lock().unwrap();
        (records.ttl, records.last_octets.clone())
    }
}

async fn answer(mut client: TcpStream, records: Arc<Mutex<Records>>) {
    let length = usize::from(client.read_u16().await.unwrap());
    let mut bytes = vec![0; length];
    client.read_exact(&mut bytes).await.unwrap();
    let answer = answered(&Message::from_octets(bytes).unwrap(), &mut records.lock().unwrap());
    client.write_all(&[&u16::try_from(answer.len()).unwrap().to_be_bytes()[..], &answer].concat()).await.unwrap();
}

fn answered(message: &Message<Vec<u8>>, records: &mut Records) -> Vec<u8> {
    let addresses = |section: domain::base::message::RecordSection<'_, Vec<u8>>| {
        let of_in = section.map(Result::unwrap).filter(|record| record.class() == Class::IN);
        of_in
            .map(|record| (record.ttl().as_secs(), record.to_record::<A>().unwrap().unwrap().data().addr().octets()[3]))
            .collect::<Vec<_>>()
    };
    let respond = |rcode| MessageBuilder::new_vec().start_answer(message, rcode).unwrap();
    if message.header().opcode() == Opcode::QUERY {
        let mut answer = respond(Rcode::NOERROR);
        answer.header_mut().set_aa(true);
        for last in &records.last_octets {
            let owner: Name<Vec<u8>> = "www.up.test".parse().unwrap();
            answer.push((owner, Class::IN, Ttl::from_secs(records.ttl), A::from_octets(192, 0, 2, *last))).unwrap();
        }
        return answer.finish();
    }
    let mut expected: Vec<u8> = addresses(message.answer().unwrap()).into_iter().map(|(_, last)| last).collect();
    expected.sort_unstable();
    if expected != records.last_octets {
        return respond(Rcode::NXRRSET).finish();
    }
    if message.header_counts().nscount() > 0 && !records.idle {
        let changes = addresses(message.authority().unwrap());
        records.ttl = changes.first().map_or(0, |(ttl, _)| *ttl);
        records.last_octets = changes.into_iter().map(|(_, last)| last).collect();
        records.last_octets.sort_unstable();
    }
    respond(Rcode::NOERROR).finish()
}

#[tokio::test]
async fn what_was_there_comes_back_and_may_be_put_back_twice() {
    let server = Server::start().await;
    let mut update = server.update();
    let undo = update.prepare().await.unwrap();
    assert_eq!(server.holds(), (120, vec![1, 2]), "nothing is changed yet");
    assert!(update.in_effect().await.is_err());
    update.inject().await.unwrap();
    update.in_effect().await.unwrap();
    assert_eq!(server.holds(), (30, vec![9]));
    let told = undo.verify().await.unwrap_err();
    assert!(
        told.contains("www.up.test. A is 192.0.2.9 (TTL 30 s), and was 192.0.2.1, 192.0.2.2 (TTL 120 s)"),
        "{told}"
    );
    for _ in 0..2 {
        undo.restore().await.unwrap();
        undo.verify().await.unwrap();
        assert_eq!(server.holds(), (120, vec![1, 2]));
    }
}

/// Whoever changes the name meanwhile keeps what was changed, before `inject` and after.
#[tokio::test]
async fn nobodys_change_is_lost() {
    let server = Server::start().await;
    let mut update = server.update();
    let undo = update.prepare().await.unwrap();
    server.set(60, &[99]);
    let why = update.inject().await.unwrap_err();
    assert!(why.starts_with("somebody has changed www.up.test. A since it was looked at"), "{why}");
    assert_eq!(server.holds(), (60, vec![99]));
    server.set(120, &[1, 2]);
    update.inject().await.unwrap();
    server.set(60, &[99]);
    let why = undo.restore().await.unwrap_err();
    assert!(
        why.is_left_alone && why.why.contains("so somebody has changed it meanwhile, and it is left alone"),
        "{why:?}"
    );
    assert_eq!(server.holds(), (60, vec![99]));
}

/// What counts is what the server answers, not that it accepted the update.
#[tokio::test]
async fn an_update_that_was_accepted_and_not_made_has_no_effect() {
    let server = Server::start().await;
    server.records.lock().unwrap().idle = true;
    let mut update = server.update();
    let undo = update.prepare().await.unwrap();
    update.inject().await.unwrap();
    let why = update.in_effect().await.unwrap_err();
    assert!(why.contains("www.up.test. A is 192.0.2.1, 192.0.2.2 (TTL 120 s) all the same"), "{why}");
    undo.restore().await.unwrap();
    server.set(30, &[9]);
    server.records.lock().unwrap().idle = true;
    undo.restore().await.unwrap();
    assert!(undo.verify().await.is_err(), "it is not back");
}
