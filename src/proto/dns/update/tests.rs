//! Updates as a server reads them, and its answers.

use domain::base::iana::{Class, Opcode, Rcode, Rtype, TsigRcode};
use domain::base::message_builder::MessageBuilder;
use domain::base::{Message, Ttl};
use domain::rdata::A;
use domain::rdata::tsig::{Time48, Tsig};
use domain::tsig::{Algorithm, Key, ServerTransaction};

use super::{RecordSet, RecordSetPlace, SharedKey, SignedRequest, UpdateError};
use crate::proto::dns::types;

fn place() -> RecordSetPlace {
    RecordSetPlace::new("example.org", "WWW.example.org", types::A).unwrap()
}

fn set(ttl: u32, addresses: &[&str]) -> RecordSet {
    let texts: Vec<String> = addresses.iter().map(|text| (*text).to_owned()).collect();
    RecordSet { ttl, data: place().read(&texts).unwrap() }
}

fn own_key() -> SharedKey {
    SharedKey::new("Lab-Key.", "hmac-sha256", b"0123456789abcdef").unwrap()
}

/// The key as the server has it.
fn its_key(secret: &[u8]) -> Key {
    Key::new(Algorithm::Sha256, secret, "lab-key".parse().unwrap(), None, None).unwrap()
}

/// What the server answers a request with, signed by its key.
fn answered(request: &SignedRequest, secret: &[u8], rcode: Rcode) -> Vec<u8> {
    answered_at(request, (secret, rcode), (Time48::now(), Time48::now()))
}

/// The same by a server that reads the request at one time, and signs its answer at another.
fn answered_at(request: &SignedRequest, (secret, rcode): (&[u8], Rcode), (reads, signs): (Time48, Time48)) -> Vec<u8> {
    let mut message = Message::from_octets(request.bytes().to_vec()).unwrap();
    let transaction = ServerTransaction::request(&its_key(secret), &mut message, reads);
    let answer = MessageBuilder::new_vec();
    match transaction {
        Ok(Some(transaction)) => {
            let mut answer = answer.start_answer(&message, rcode).unwrap().additional();
            transaction.answer(&mut answer, signs).unwrap();
            answer.finish()
        }
        Ok(None) => answer.start_answer(&message, rcode).unwrap().finish(),
        Err(error) => error.build_message(&message, answer).unwrap().finish(),
    }
}

const SECRET: &[u8] = b"0123456789abcdef";

/// RFC 2136: what is expected stands in the second section, what is to be in the third.
#[test]
fn an_update_names_what_it_expects_and_what_is_to_be() {
    let update = |before: &RecordSet, after: &RecordSet| {
        let request = place().update(before, Some(after), None).unwrap();
        let message = Message::from_octets(request.bytes().to_vec()).unwrap();
        assert_eq!(message.header().opcode(), Opcode::UPDATE);
        let zone = message.sole_question().unwrap();
        assert_eq!(
            (zone.qname().to_string().as_str(), zone.qtype(), zone.qclass()),
            ("example.org", Rtype::SOA, Class::IN)
        );
        let section = |records: domain::base::message::RecordSection<'_, Vec<u8>>| -> Vec<String> {
            let record = |record: domain::base::ParsedRecord<'_, Vec<u8>>| {
                let data = record.to_record::<A>().ok().flatten().map(|record| format!(" {}", record.data()));
                let (owner, class, kind) = (record.owner(), record.class(), record.rtype());
                format!("{owner} {} {class} {kind}{}", record.ttl().as_secs(), data.unwrap_or_default())
            };
            records.map(|one| record(one.unwrap())).collect()
        };
        (section(message.answer().unwrap()), section(message.authority().unwrap()))
    };
    let (expected, changes) = update(&set(300, &["192.0.2.1", "192.0.2.2"]), &set(30, &["192.0.2.9"]));
    assert_eq!(expected, ["WWW.example.org 0 IN A 192.0.2.1", "WWW.example.org 0 IN A 192.0.2.2"]);
    assert_eq!(changes, ["WWW.example.org 0 * A", "WWW.example.org 30 IN A 192.0.2.9"]);
    let (expected, changes) = update(&RecordSet::default(), &set(30, &["192.0.2.9"]));
    assert_eq!((expected, changes.len()), (vec!["WWW.example.org 0 NONE A".to_owned()], 2));
    let (_, changes) = update(&set(30, &["192.0.2.9"]), &RecordSet::default());
    assert_eq!(changes, ["WWW.example.org 0 * A"]);
    // One that only looks changes nothing.
    let looks = place().update(&set(30, &["192.0.2.9"]), None, None).unwrap();
    assert_eq!(Message::from_octets(looks.bytes().to_vec()).unwrap().header_counts().nscount(), 0);
}

#[test]
fn every_outcome_has_its_cause_and_what_to_try() {
    let update =
        || place().update(&set(300, &["192.0.2.1"]), Some(&set(30, &["192.0.2.9"])), Some(&own_key())).unwrap();
    let outcome = |rcode: Rcode| {
        let request = update();
        request.outcome(&place(), answered(&request, SECRET, rcode))
    };
    assert_eq!(outcome(Rcode::NOERROR), Ok(()));
    for rcode in [Rcode::YXDOMAIN, Rcode::YXRRSET, Rcode::NXRRSET, Rcode::NXDOMAIN] {
        assert_eq!(outcome(rcode), Err(UpdateError::Changed), "{rcode}");
    }
    for (rcode, want) in [
        (Rcode::REFUSED, "it answers REFUSED: it does not let this key do that: allow it for example.org."),
        (Rcode::NOTAUTH, "it answers NOTAUTH: it is not the primary server of example.org."),
        (Rcode::NOTZONE, "it answers NOTZONE: it does not take the name to be in example.org."),
        (Rcode::SERVFAIL, "it answers SERVFAIL: it failed: its log says why"),
        (Rcode::NOTIMP, "it answers NOTIMP: it takes no updates"),
        (Rcode::FORMERR, "it answers FORMERR: it could not read the message"),
    ] {
        let Err(UpdateError::Failed(why)) = outcome(rcode) else { panic!("{rcode}") };
        assert!(why.starts_with(want), "{why}");
    }
}

#[test]
fn an_answer_of_who_has_not_the_key_is_none() {
    let request = place().update(&set(300, &["192.0.2.1"]), None, Some(&own_key())).unwrap();
    let failed = |answer: Vec<u8>| match request.outcome(&place(), answer) {
        Err(UpdateError::Failed(why)) => why,
        other => panic!("{other:?}"),
    };
    let message = Message::from_octets(request.bytes().to_vec()).unwrap();
    // A server that cannot check a signature cannot make one either.
    for (error, want) in [
        (TsigRcode::BADSIG, "it answers NOTAUTH (BADSIG): the server has a different secret for the key `Lab-Key`"),
        (TsigRcode::BADKEY, "it answers NOTAUTH (BADKEY): it does not know the key `Lab-Key`"),
    ] {
        let answer = MessageBuilder::new_vec().start_answer(&message, Rcode::NOTAUTH).unwrap();
        let (algorithm, id) = (Algorithm::Sha256.to_name(), message.header().id());
        let tsig = Tsig::new(algorithm, Time48::now(), 300, b"", id, error, b"").unwrap();
        let mut answer = answer.additional();
        answer.push((its_key(SECRET).name(), Class::ANY, Ttl::ZERO, tsig)).unwrap();
        let why = failed(answer.finish());
        assert!(why.starts_with(want), "{why}");
    }
    let other = failed(answered(&request, b"another secret!!", Rcode::NOERROR));
    assert!(other.starts_with("the signature of its answer does not hold"), "{other}");
    let unsigned = |rcode| MessageBuilder::new_vec().start_answer(&message, rcode).unwrap().finish();
    assert!(failed(unsigned(Rcode::NOERROR)).starts_with("its answer is not signed"));
    assert!(failed(unsigned(Rcode::REFUSED)).starts_with("it answers REFUSED without a signature: "));
    // One that was changed on its way.
    let mut changed = answered(&request, SECRET, Rcode::REFUSED);
    changed[3] &= 0xf0;
    assert!(failed(changed).starts_with("the signature of its answer does not hold"));
    // One to another message.
    let mut other = answered(&request, SECRET, Rcode::NOERROR);
    other[0] ^= 1;
    assert_eq!(failed(other), "what came back is no answer to this message");
    assert_eq!(failed(vec![0; 5]), "its answer is no DNS message");
    assert!(format!("{:?}", own_key()) == "SharedKey(Lab-Key)");
}

/// What was signed long ago may be the answer to another request: nobody tells the two apart by its signature.
#[test]
fn an_answer_of_another_time_is_none() {
    let request = place().update(&set(300, &["192.0.2.1"]), None, Some(&own_key())).unwrap();
    let now = Time48::now().into_octets().iter().fold(0, |all, byte| (all << 8) | u64::from(*byte));
    let outcome = |reads, signs| {
        let answer =
            answered_at(&request, (SECRET, Rcode::NOERROR), (Time48::from_u64(reads), Time48::from_u64(signs)));
        request.outcome(&place(), answer)
    };
    // Clocks differ a little.
    assert_eq!((outcome(now, now - 200), outcome(now, now + 200)), (Ok(()), Ok(())));
    for (reads, signs, want) in [
        (now, now - 3600, "by the time that its answer was signed at, its clock is 36"),
        (now, now + 3600, "by the time that its answer was signed at, its clock is 3"),
        (now + 3600, now, "it answers NOTAUTH (BADTIME)"),
    ] {
        let outcome = outcome(reads, signs);
        assert!(matches!(&outcome, Err(UpdateError::Failed(why)) if why.starts_with(want)), "{outcome:?}");
    }
}

/// A signature that says of itself that something is wrong signs nothing, whatever the response code.
#[test]
fn an_answer_that_is_signed_with_an_error_is_none() {
    let request = place().update(&set(300, &["192.0.2.1"]), None, Some(&own_key())).unwrap();
    let message = Message::from_octets(request.bytes().to_vec()).unwrap();
    for error in [TsigRcode::BADSIG, TsigRcode::BADKEY, TsigRcode::BADTIME, TsigRcode::BADTRUNC] {
        for rcode in [Rcode::NOERROR, Rcode::NOTAUTH] {
            let (algorithm, id) = (Algorithm::Sha256.to_name(), message.header().id());
            let tsig = Tsig::new(algorithm, Time48::now(), 300, b"", id, error, b"").unwrap();
            let mut answer = MessageBuilder::new_vec().start_answer(&message, rcode).unwrap().additional();
            answer.push((its_key(SECRET).name(), Class::ANY, Ttl::ZERO, tsig)).unwrap();
            let outcome = request.outcome(&place(), answer.finish());
            assert!(matches!(outcome, Err(UpdateError::Failed(_))), "{error} {rcode}: {outcome:?}");
        }
    }
}

/// What a server says whose clock is so many seconds ahead, with its time in `other` bytes; signed by that secret, or not at all.
fn bad_time(request: &SignedRequest, ahead: i64, other: usize, secret: Option<&[u8]>) -> Vec<u8> {
    let message = Message::from_slice(request.bytes()).unwrap();
    let (_, asked) = super::skew::signature(message).unwrap();
    let at = asked.data().time_signed();
    let there = (u64::from(at).cast_signed() + ahead).cast_unsigned().to_be_bytes();
    let (id, other) = (message.header().id(), &there[8 - other..]);
    let answer = MessageBuilder::new_vec().start_answer(message, Rcode::NOTAUTH).unwrap().additional();
    // RFC 8945, 4.3.
    let mut digest = 32_u16.to_be_bytes().to_vec();
    digest.extend(asked.data().mac().iter().chain(answer.as_slice()));
    digest.extend(b"\x07lab-key\0\0\xff\0\0\0\0\x0bhmac-sha256\0");
    digest.extend(at.into_octets());
    digest.extend([300_u16, 18, u16::try_from(other.len()).unwrap()].iter().flat_map(|number| number.to_be_bytes()));
    digest.extend(other);
    let mac = secret.map_or_else(Vec::new, |secret| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        aws_lc_rs::hmac::sign(&key, &digest).as_ref().to_vec()
    });
    let tsig = Tsig::new(Algorithm::Sha256.to_name(), at, 300, &mac[..], id, TsigRcode::BADTIME, other).unwrap();
    let mut answer = answer;
    answer.push((its_key(SECRET).name(), Class::ANY, Ttl::ZERO, tsig)).unwrap();
    answer.finish()
}

/// RFC 8945, 5.2.3: the server vouches for its own time. Who cannot sign is not believed, and told as what it is.
#[test]
fn clocks_that_differ_are_told_by_how_much() {
    const VOUCHED: &str = "it answers NOTAUTH (BADTIME): ";
    const UNVOUCHED: &str =
        "it answers NOTAUTH (BADTIME), without a signature that holds, so anybody may have said it: ";
    let request = place().update(&set(300, &["192.0.2.1"]), None, Some(&own_key())).unwrap();
    let failed = |answer: Vec<u8>| match request.outcome(&place(), answer) {
        Err(UpdateError::Failed(why)) => why,
        other => panic!("{other:?}"),
    };
    let advice = ", and a signature allows 300 s: set the one that is wrong by NTP";
    for (ahead, secret, want) in [
        (3600, Some(SECRET), format!("{VOUCHED}its clock is 3600 seconds ahead of that of this host{advice}")),
        (-301, Some(SECRET), format!("{VOUCHED}its clock is 301 seconds behind that of this host{advice}")),
        (3600, Some(&b"another secret!!"[..]), format!("{UNVOUCHED}its clock is 3600 seconds ahead")),
        (-3600, None, format!("{UNVOUCHED}its clock is 3600 seconds behind")),
    ] {
        let why = failed(bad_time(&request, ahead, 6, secret));
        assert!(why.starts_with(&want), "{ahead}: {why}");
        assert!(request.set(&place(), bad_time(&request, ahead, 6, secret)).is_err());
    }
    // Clocks that do not differ so much: something else is wrong.
    let why = failed(bad_time(&request, 1, 6, Some(SECRET)));
    assert!(why.contains("although its clock is 1 second ahead of that of this host"), "{why}");
    for other in [0, 5, 8] {
        let why = failed(bad_time(&request, 3600, other, Some(SECRET)));
        assert!(why.starts_with(&format!("{VOUCHED}its clock and that of this host differ")), "{other}: {why}");
    }
    // Part of one is none.
    let whole = bad_time(&request, 3600, 6, Some(SECRET));
    for end in 0..whole.len() {
        let _ = failed(whole[..end].to_vec());
    }
}

/// A server that asks no questions about the time, and signs at another one.
#[test]
fn an_answer_that_was_signed_at_another_time_is_told_by_how_much() {
    let request = place().update(&set(300, &["192.0.2.1"]), None, Some(&own_key())).unwrap();
    let mut message = Message::from_octets(request.bytes().to_vec()).unwrap();
    let now = Time48::now();
    let transaction = ServerTransaction::request(&its_key(SECRET), &mut message, now).unwrap().unwrap();
    let mut answer = MessageBuilder::new_vec().start_answer(&message, Rcode::NOERROR).unwrap().additional();
    transaction.answer(&mut answer, Time48::from_u64(u64::from(now) - 5000)).unwrap();
    let Err(UpdateError::Failed(why)) = request.outcome(&place(), answer.finish()) else { panic!("it is not valid") };
    assert!(why.starts_with("by the time that its answer was signed at, its clock is 500"), "{why}");
    assert!(why.contains("seconds behind that of this host"), "{why}");
}

#[test]
fn a_set_is_what_an_authoritative_server_says() {
    let request = place().question(None).unwrap();
    let message = Message::from_octets(request.bytes().to_vec()).unwrap();
    let answer = |aa: bool, records: &[(&str, u32, [u8; 4])]| {
        let mut answer = MessageBuilder::new_vec().start_answer(&message, Rcode::NOERROR).unwrap();
        answer.header_mut().set_aa(aa);
        for (owner, ttl, address) in records {
            let owner: domain::base::Name<Vec<u8>> = owner.parse().unwrap();
            answer
                .push((
                    owner,
                    Class::IN,
                    Ttl::from_secs(*ttl),
                    A::from_octets(address[0], address[1], address[2], address[3]),
                ))
                .unwrap();
        }
        request.set(&place(), answer.finish())
    };
    let two = [
        ("www.EXAMPLE.org", 300, [192, 0, 2, 2]),
        ("www.example.org", 300, [192, 0, 2, 1]),
        ("a.example.org", 9, [1; 4]),
    ];
    let found = answer(true, &two).unwrap();
    assert!(place().same(&found, &set(300, &["192.0.2.1", "192.0.2.2"])), "{found:?}");
    assert!(
        !place().same(&found, &set(30, &["192.0.2.1", "192.0.2.2"]))
            && !place().same(&found, &set(300, &["192.0.2.1"]))
    );
    assert_eq!(answer(true, &[]).unwrap(), RecordSet::default());
    assert!(answer(false, &two).unwrap_err().starts_with("it is not authoritative for WWW.example.org. A"));
    let ttls = [("www.example.org", 300, [192, 0, 2, 2]), ("www.example.org", 60, [192, 0, 2, 1])];
    assert!(answer(true, &ttls).unwrap_err().contains("several TTLs"));
}

#[test]
fn data_is_read_as_a_zone_file_has_it_and_compared_as_what_it_is() {
    for (kind, one, other) in [
        ("MX", "10 Mail.Example.ORG", "10 mail.example.org."),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("TXT", "\"a b\" c", "\"a b\" \"c\""),
        ("CNAME", "a", "A."),
        ("TYPE65280", "\\# 2 AB01", "\\# 2 ab01"),
    ] {
        let place = RecordSetPlace::new("example.org", "www.example.org", types::number(kind).unwrap()).unwrap();
        let set = |text: &str| RecordSet { ttl: 1, data: place.read(&[text.to_owned()]).unwrap() };
        assert!(place.same(&set(one), &set(other)), "{kind}");
        assert!(place.read(&[one.to_owned(), other.to_owned()]).unwrap_err().contains("is there twice"), "{kind}");
        let shown = place.texts(&set(one));
        assert!(place.same(&set(&shown[0]), &set(one)), "{shown:?}");
    }
    // As it was written, for what is put back.
    let place = RecordSetPlace::new("example.org", "www.example.org", types::MX).unwrap();
    let set = RecordSet { ttl: 1, data: place.read(&["10 Mail.Example.ORG".to_owned()]).unwrap() };
    assert_eq!(place.texts(&set), ["10 Mail.Example.ORG."]);
}
